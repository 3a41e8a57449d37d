//! The records of a zone: all are read, and all are written.

use std::sync::PoisonError;

use super::answer::{Refusal, element};
use super::command::{Call, Outcome};
use super::settings::MissingEmailType;
use super::{VENDOR, records};
use crate::sim::world::{Record, Zone};

/// Kinds of mail that the vendor knows.
const EMAIL_TYPES: [&str; 6] = ["NONE", "MX", "MXE", "FWD", "OX", "GMAIL"];

impl Call<'_> {
    pub(super) fn hosts(&self) -> Outcome {
        let (name, zone) = self.served_zone(false)?;
        let dynamic = self.vendor.settings().dynamic_dns;
        let shown: String = zone
            .records
            .iter()
            .map(|record| {
                let owner = if record.name.is_empty() { "@" } else { &record.name };
                let (id, ttl) = (record.id.to_string(), record.ttl.to_string());
                // The preference stands at every record, whatever its type.
                let preference = record.priority.unwrap_or(10).to_string();
                let kept = record.rtype == "A" && dynamic.contains(&(name.clone(), owner.to_owned()));
                let attributes = [
                    ("HostId", id.as_str()),
                    ("Name", owner),
                    ("Type", &record.rtype),
                    ("Address", &record.value),
                    ("MXPref", &preference),
                    ("TTL", &ttl),
                    ("AssociatedAppTitle", ""),
                    ("FriendlyName", ""),
                    ("IsActive", self.truth(true)),
                    ("IsDDNSEnabled", self.truth(kept)),
                ];
                element("host", &attributes, "")
            })
            .collect();
        let email = self.email_type(&name, &zone.records);
        let attributes = [
            ("Domain", name.as_str()),
            ("EmailType", &email),
            ("IsUsingOurDNS", self.truth(true)),
        ];
        Ok(element("DomainDNSGetHostsResult", &attributes, &shown))
    }

    pub(super) fn set_hosts(&self) -> Outcome {
        let (name, zone) = self.served_zone(true)?;
        let mut sent = records::sent(self.parameters)?;
        let email = match (
            self.parameters.get("EmailType"),
            self.vendor.settings().missing_email_type,
        ) {
            (Some(kind), _) => kind.to_ascii_uppercase(),
            (None, MissingEmailType::Keeps) => self.email_type(&name, &zone.records),
            (None, MissingEmailType::Resets) => {
                sent.retain(|record| !matches!(record.rtype.as_str(), "MX" | "MXE"));
                "NONE".to_owned()
            }
        };
        if !EMAIL_TYPES.contains(&email.as_str()) {
            return Err(Refusal::record(format!("INVALID_EMAIL_TYPE : '{email}'")));
        }
        let count = |rtype: &str| sent.iter().filter(|record| record.rtype == rtype).count();
        if (count("MX") > 0 && email != "MX") || count("MXE") != usize::from(email == "MXE") {
            return Err(Refusal::record(format!(
                "MX and MXE records do not go with the EmailType {email}"
            )));
        }
        if !self.unsuccessful() {
            let (vendor, of) = (self.vendor.clone(), name.clone());
            self.vendor
                .late
                .accept(&self.vendor.faults, self.command, &name, move || {
                    records::replace(&vendor.world, &of, sent);
                    vendor
                        .settings
                        .with(|settings| settings.dynamic_dns.retain(|(domain, _)| *domain != of));
                    let mut types = vendor.email_types.lock().unwrap_or_else(PoisonError::into_inner);
                    types.insert(of, email);
                });
        }
        let success = self.truth(!self.unsuccessful());
        let attributes = [("Domain", name.as_str()), ("IsSuccess", success)];
        Ok(element("DomainDNSSetHostsResult", &attributes, "<Warnings />"))
    }

    /// The zone of `SLD` and `TLD`, if the vendor serves it: that of a domain, or one of its own below a domain.
    fn served_zone(&self, change: bool) -> Result<(String, Zone), Refusal> {
        let below = format!("{}.{}", self.required("SLD")?, self.required("TLD")?).to_ascii_lowercase();
        let own = self.vendor.world.domain(&below).is_none();
        let zone = self.vendor.world.state().zone(VENDOR, &below).cloned();
        if let Some(zone) = zone.filter(|zone| own && zone.account == self.account.user) {
            return Ok((below, zone));
        }
        let held = if change { self.changeable()? } else { self.split()? };
        if !held.domain.hosted || self.not_ready(&held.name) {
            return Err(Refusal::not_served());
        }
        let zone = self.vendor.world.state().zone(VENDOR, &held.name).cloned();
        Ok((held.name, zone.unwrap_or_default()))
    }

    /// Whether a zone is not ready yet after the return to the vendor's name servers; each look brings it nearer.
    fn not_ready(&self, name: &str) -> bool {
        let mut waiting = self
            .vendor
            .not_ready
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(left) = waiting.get_mut(name) else {
            return false;
        };
        if *left == 0 {
            waiting.remove(name);
            return false;
        }
        *left -= 1;
        true
    }

    fn email_type(&self, name: &str, records: &[Record]) -> String {
        let types = self
            .vendor
            .email_types
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = types.get(name) {
            return kind.clone();
        }
        let has = |rtype| records.iter().any(|record| record.rtype == rtype);
        match (has("MX"), has("MXE")) {
            (true, _) => "MX",
            (false, true) => "MXE",
            (false, false) => "NONE",
        }
        .to_owned()
    }
}
