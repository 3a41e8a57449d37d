//! Hosts below a domain whose address the registry knows: one IPv4 address each.

use std::net::Ipv4Addr;

use super::answer::{Refusal, element};
use super::command::{Call, Outcome};
use super::domains::Held;

impl Call<'_> {
    pub(super) fn create_host(&self) -> Outcome {
        let (held, host) = self.glue_host()?;
        if held.domain.glue.contains_key(&host) {
            return Err(Refusal::new(
                3_031_510,
                "Error From Enom when Errorcount <> 0: the host exists",
            ));
        }
        let address = self.address("IP")?;
        self.put(&held.name, &host, Some(address.clone()));
        let attributes = [
            ("Domain", held.name.as_str()),
            ("Nameserver", &host),
            ("IP", &address),
            ("IsSuccess", self.truth(true)),
        ];
        Ok(element("DomainNSCreateResult", &attributes, ""))
    }

    pub(super) fn update_host(&self) -> Outcome {
        let (held, host) = self.glue_host()?;
        let old = self.address("OldIP")?;
        if held.domain.glue.get(&host) != Some(&vec![old]) {
            return Err(Refusal::new(
                3_031_510,
                "Error From Enom when Errorcount <> 0: no such host",
            ));
        }
        self.put(&held.name, &host, Some(self.address("IP")?));
        let attributes = [
            ("Domain", held.name.as_str()),
            ("Nameserver", &host),
            ("IsSuccess", self.truth(true)),
        ];
        Ok(element("DomainNSUpdateResult", &attributes, ""))
    }

    pub(super) fn delete_host(&self) -> Outcome {
        let (held, host) = self.glue_host()?;
        if !held.domain.glue.contains_key(&host) {
            return Err(Refusal::new(
                3_031_510,
                "Error From Enom when Errorcount <> 0: no such host",
            ));
        }
        self.put(&held.name, &host, None);
        let attributes = [
            ("Domain", held.name.as_str()),
            ("Nameserver", &host),
            ("IsSuccess", self.truth(true)),
        ];
        Ok(element("DomainNSDeleteResult", &attributes, ""))
    }

    pub(super) fn host_info(&self) -> Outcome {
        let (held, host) = self.glue_host()?;
        let address = held
            .domain
            .glue
            .get(&host)
            .and_then(|addresses| addresses.first());
        let address = address
            .ok_or_else(|| Refusal::new(3_031_510, "Error From Enom when Errorcount <> 0: no such host"))?;
        let attributes = [
            ("Domain", held.name.as_str()),
            ("Nameserver", &host),
            ("IP", address),
        ];
        let statuses = "<NameserverStatuses><Status>OK</Status></NameserverStatuses>";
        Ok(element("DomainNSInfoResult", &attributes, statuses))
    }

    fn glue_host(&self) -> Result<(Held, String), Refusal> {
        let held = self.changeable()?;
        let host = self.required("Nameserver")?.to_ascii_lowercase();
        if host.ends_with(&format!(".{}", held.name)) {
            Ok((held, host))
        } else {
            Err(Refusal::new(3_011_288, "Invalid nameserver specified"))
        }
    }

    fn address(&self, name: &str) -> Result<String, Refusal> {
        let text = self.required(name)?;
        let invalid = |_| Refusal::new(2_011_168, format!("Parameter {name} is invalid"));
        text.parse::<Ipv4Addr>()
            .map(|address| address.to_string())
            .map_err(invalid)
    }

    fn put(&self, name: &str, host: &str, address: Option<String>) {
        let (world, of, host) = (self.vendor.world.clone(), name.to_owned(), host.to_owned());
        self.vendor
            .late
            .accept(&self.vendor.faults, self.command, name, move || {
                world.change_domain(&of, |domain| match address {
                    Some(address) => {
                        domain.glue.insert(host, vec![address]);
                    }
                    None => {
                        domain.glue.remove(&host);
                    }
                });
            });
    }
}
