//! Other name servers for a domain, and back to the vendor's own.

use std::net::IpAddr;
use std::sync::PoisonError;

use super::answer::{Refusal, element};
use super::command::{Call, Outcome};
use super::records::of_a_new_domain;
use super::{OWN_HOSTS, VENDOR};

/// Most name servers of a domain.
const MOST: usize = 12;
/// Longest list, in bytes.
const LONGEST: usize = 1200;

impl Call<'_> {
    pub(super) fn set_custom(&self) -> Outcome {
        let held = self.changeable()?;
        let list = self.required("Nameservers")?;
        let hosts: Vec<_> = list.split(',').map(str::to_ascii_lowercase).collect();
        if list.len() > LONGEST || !(2..=MOST).contains(&hosts.len()) {
            return Err(Refusal::new(2_011_168, "Nameservers are not valid"));
        }
        for (at, host) in hosts.iter().enumerate() {
            if !self.usable(host) || hosts[..at].contains(host) {
                return Err(Refusal::new(
                    3_011_288,
                    format!("Invalid nameserver specified: {host}"),
                ));
            }
        }
        let settings = self.vendor.settings();
        if !self.unsuccessful() {
            let (vendor, name) = (self.vendor.clone(), held.name.clone());
            self.vendor
                .late
                .accept(&self.vendor.faults, self.command, &held.name, move || {
                    if !settings.records_survive {
                        vendor
                            .world
                            .state()
                            .zones
                            .remove(&(VENDOR.to_owned(), name.clone()));
                        let mut types = vendor.email_types.lock().unwrap_or_else(PoisonError::into_inner);
                        types.remove(&name);
                    }
                    vendor.world.change_domain(&name, |domain| {
                        domain.nameservers = hosts;
                        domain.hosted = false;
                        if settings.custom_clears_ds {
                            domain.ds.clear();
                        }
                    });
                });
        }
        let updated = self.truth(!self.unsuccessful());
        let attributes = [("Domain", held.name.as_str()), ("Updated", updated)];
        Ok(element("DomainDNSSetCustomResult", &attributes, ""))
    }

    pub(super) fn set_default(&self) -> Outcome {
        let held = self.changeable()?;
        if !self.unsuccessful() {
            let (vendor, name) = (self.vendor.clone(), held.name.clone());
            let reads = self.vendor.settings().not_ready_reads;
            self.vendor
                .late
                .accept(&self.vendor.faults, self.command, &held.name, move || {
                    let was_elsewhere = vendor.world.domain(&name).is_some_and(|domain| !domain.hosted);
                    of_a_new_domain(&vendor.world, &name);
                    vendor.world.change_domain(&name, |domain| {
                        domain.nameservers = OWN_HOSTS.map(str::to_owned).to_vec();
                        domain.hosted = true;
                    });
                    if was_elsewhere && reads > 0 {
                        let mut waiting = vendor.not_ready.lock().unwrap_or_else(PoisonError::into_inner);
                        waiting.insert(name.clone(), reads);
                    }
                });
        }
        let updated = self.truth(!self.unsuccessful());
        let attributes = [("Domain", held.name.as_str()), ("Updated", updated)];
        Ok(element("DomainDNSSetDefaultResult", &attributes, ""))
    }

    /// A host's name without a final dot or spaces, which the registry knows where it is below a domain of this world.
    fn usable(&self, host: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        let name =
            host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && host.bytes().all(plain);
        if !name || host.parse::<IpAddr>().is_ok() {
            return false;
        }
        let state = self.vendor.world.state();
        let mut below = host;
        while let Some((_, parent)) = below.split_once('.') {
            if let Some(domain) = state.domains.get(parent) {
                return domain.glue.contains_key(host);
            }
            below = parent;
        }
        true
    }
}
