//! Records of a zone by API3.

use serde_json::json;

use super::VENDOR;
use super::answer::{Content, Refusal};
use super::api3::{Call, Outcome};
use super::zone::{self, MOST_MAIN, MOST_SUB, Mode, Sent};

/// Types of records by API3.
const TYPES: [&str; 8] = ["A", "AAAA", "CNAME", "TXT", "MX", "FORWARD", "STEALTH", "EMAIL"];

impl Call<'_> {
    pub(super) fn dns(&self) -> Outcome {
        let (name, domain) = self.vendor.held(self.account, self.required("domain")?)?;
        let settings = json!({"NameServerSettings": self.settings(&name, &domain)});
        Ok(Content::of("GetDns", settings))
    }

    /// Only `add_dns_to_current_setting=1` keeps what is there; any other value is not understood.
    pub(super) fn set_dns(&self) -> Outcome {
        let mut sent = self.sent("main_record", None, MOST_MAIN)?;
        sent.extend(self.sent("sub_record", Some("subdomain"), MOST_SUB)?);
        let ttl = match self.get("ttl") {
            None => None,
            Some(text) => Some(text.parse::<u32>().map_err(|_| Refusal::new("invalid ttl"))?),
        };
        let append = self.get("add_dns_to_current_setting") == Some("1");
        let mut changes = Vec::new();
        for name in self.domains()? {
            self.vendor.changeable(self.account, &name)?;
            let before = self.vendor.world.state().zone(VENDOR, &name).cloned();
            let mode = if append { Mode::Append } else { Mode::Replace };
            if let Some(problem) = zone::problem(self.vendor, &name, &sent, &mode, before.as_ref()) {
                return Err(Refusal::new(problem));
            }
            let kept = before
                .filter(|_| append)
                .map(|zone| zone::ttl(&zone, &self.vendor.settings()));
            let ttl = ttl.or(kept).unwrap_or(self.vendor.settings().default_ttl);
            changes.push((name, mode, ttl));
        }
        for (name, mode, ttl) in changes {
            let (world, account, sent) = (self.vendor.world.clone(), self.account.name, sent.clone());
            let of = name.clone();
            self.vendor
                .late
                .accept(&self.vendor.faults, self.command, &of, move || {
                    zone::set(&world, &name, account, sent, &mode, ttl);
                });
        }
        Ok(Content::empty())
    }

    /// The records of one half: `{prefix}_type{N}`, `{prefix}{N}`, `{prefix}x{N}` and, below the domain, a name.
    fn sent(&self, prefix: &str, name: Option<&str>, most: usize) -> Result<Vec<Sent>, Refusal> {
        let mut sent = Vec::new();
        for (number, rtype) in self.numbered(&format!("{prefix}_type"), most - 1)? {
            let rtype = rtype.to_ascii_uppercase();
            let only_below = rtype == "SRV" && name.is_some();
            if !TYPES.contains(&rtype.as_str()) && !only_below {
                return Err(Refusal::new(format!(
                    "invalid record type: {}",
                    rtype.to_ascii_lowercase()
                )));
            }
            let name = match name {
                Some(prefix) => self.required(&format!("{prefix}{number}"))?.to_ascii_lowercase(),
                None => String::new(),
            };
            sent.push(Sent {
                name,
                rtype,
                value: self.required(&format!("{prefix}{number}"))?.to_owned(),
                second: self.get(&format!("{prefix}x{number}")).map(str::to_owned),
            });
        }
        // A value without its type is an error too.
        for (number, _) in self.numbered(prefix, most - 1)? {
            self.required(&format!("{prefix}_type{number}"))?;
        }
        Ok(sent)
    }
}
