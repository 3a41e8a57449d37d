//! A registration as OVH shows it, and what follows from its state.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pdm_registrar::{DomainName, Error, ErrorKind, Mode};

use crate::account::OvhAccount;
use crate::errors::if_there;
use crate::wire;

/// The vendor's word for its own hosting.
pub(crate) const HOSTED: &str = "hosted";
/// The vendor's word for name servers of the customer's choice; only then may they be changed.
pub(crate) const EXTERNAL: &str = "external";

/// A registration and its name servers at one moment.
pub(crate) struct Seen {
    pub(crate) info: wire::Domain,
    servers: Vec<Server>,
}

struct Server {
    host: DomainName,
    address: Option<String>,
    /// The registry is told of it.
    used: bool,
    /// It is on its way out.
    leaving: bool,
}

impl Seen {
    pub(crate) fn mode(&self) -> Mode {
        match self.info.name_server_type.as_str() {
            HOSTED => Mode::Hosted,
            EXTERNAL => Mode::External,
            other => Mode::Other(other.to_owned()),
        }
    }

    /// What the registry is told of.
    pub(crate) fn live(&self) -> BTreeSet<DomainName> {
        self.hosts(|server| server.used)
    }

    /// What the registry will be told of when all tasks are done.
    pub(crate) fn planned(&self) -> BTreeSet<DomainName> {
        self.hosts(|server| !server.leaving)
    }

    /// Whether nothing is on its way and the registry is told of exactly `hosts`.
    pub(crate) fn is_exactly(&self, hosts: &BTreeSet<DomainName>) -> bool {
        self.live() == *hosts && self.planned() == *hosts
    }

    /// Addresses that came with hosts.
    pub(crate) fn addresses(&self) -> BTreeMap<DomainName, String> {
        let with_address = |server: &Server| Some((server.host.clone(), server.address.clone()?));
        self.servers.iter().filter_map(with_address).collect()
    }

    fn hosts(&self, wanted: impl Fn(&Server) -> bool) -> BTreeSet<DomainName> {
        let hosts = self.servers.iter().filter(|server| wanted(server));
        hosts.map(|server| server.host.clone()).collect()
    }

    /// Whether OVH holds the keys that sign the domain.
    pub(crate) fn signed_by_vendor(&self) -> bool {
        self.mode() != Mode::External && self.info.dnssec_state.as_deref() == Some("enabled")
    }

    /// Whether the domain may have DS at all.
    pub(crate) fn dnssec_possible(&self) -> bool {
        match self.info.dnssec_state.as_deref() {
            Some("not_supported") => false,
            Some("enabled") => true,
            _ => self.info.dnssec_supported != Some(false),
        }
    }

    /// Why the domain cannot be changed now, by its state. Words that are not known do not bar: the vendor will say.
    pub(crate) fn barred(&self) -> Option<Error> {
        let state = self.info.state.as_deref().unwrap_or("ok");
        let (kind, what) = match state {
            "expired" | "deleted" | "restorable" | "pending_delete" => (
                ErrorKind::DomainExpired,
                "its registration has ended; renew or restore it first",
            ),
            "dispute" | "registry_suspended" | "technical_suspended" => (
                ErrorKind::DomainLocked,
                "it is locked; the customer has to settle that with OVHcloud",
            ),
            "outgoing_transfer" | "pending_create" | "pending_incoming_transfer" | "pending_installation" => {
                (ErrorKind::Conflict, "a transfer or registration is under way")
            }
            _ if self.info.suspension_state.as_deref() == Some("suspended") => (
                ErrorKind::DomainLocked,
                "it is suspended; the customer has to settle that with OVHcloud",
            ),
            _ => return None,
        };
        Some(Error::new(
            kind,
            format!("the domain is in state `{state}` at OVHcloud: {what}"),
        ))
    }

    /// Whether its state locks it against changes.
    pub(crate) fn locked(&self) -> bool {
        self.barred()
            .is_some_and(|error| error.kind == ErrorKind::DomainLocked)
    }

    pub(crate) fn expired(&self) -> bool {
        self.barred()
            .is_some_and(|error| error.kind == ErrorKind::DomainExpired)
    }

    pub(crate) fn transfer_locked(&self) -> Option<bool> {
        match self.info.transfer_lock_status.as_deref()? {
            "locked" | "locking" => Some(true),
            "unlocked" | "unlocking" => Some(false),
            _ => None,
        }
    }
}

impl OvhAccount {
    /// Reads a registration and its name servers.
    pub(crate) async fn look_at(&self, domain: &DomainName) -> Result<Seen, Error> {
        let info = self.client.domain(domain).await?;
        let servers = self.servers(domain).await?;
        Ok(Seen { info, servers })
    }

    /// An entry that is listed and then not there means that the set changed in between: read again.
    async fn servers(&self, domain: &DomainName) -> Result<Vec<Server>, Error> {
        for _ in 0..3 {
            let ids = self.client.name_server_ids(domain).await?;
            let mut servers = Vec::new();
            for id in &ids {
                let Some(server) = if_there(self.client.name_server(domain, *id).await)? else {
                    break;
                };
                servers.push(Server {
                    host: name(&server.host)?,
                    address: server.ip,
                    used: server.is_used,
                    leaving: server.to_delete,
                });
            }
            if servers.len() == ids.len() {
                return Ok(servers);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "the name servers of the domain change while they are read",
        ))
    }
}

/// A name from the vendor.
pub(crate) fn name(text: &str) -> Result<DomainName, Error> {
    DomainName::parse(text).map_err(|error| {
        Error::new(
            ErrorKind::Unexpected,
            format!("OVHcloud shows a host name that is none: {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(info: &str, servers: &[(&str, bool, bool)]) -> Seen {
        let servers = servers.iter().map(|(host, used, leaving)| Server {
            host: DomainName::parse(host).unwrap(),
            address: None,
            used: *used,
            leaving: *leaving,
        });
        Seen {
            info: serde_json::from_str(info).unwrap(),
            servers: servers.collect(),
        }
    }

    #[test]
    fn what_the_registry_has_is_told_from_what_it_will_have() {
        let seen = seen(
            r#"{"nameServerType":"external"}"#,
            &[
                ("old.example", true, true),
                ("stays.example", true, false),
                ("new.example", false, false),
            ],
        );
        let names = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| DomainName::parse(text).unwrap())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(seen.live(), names(&["old.example", "stays.example"]));
        assert_eq!(seen.planned(), names(&["new.example", "stays.example"]));
        assert!(!seen.is_exactly(&seen.planned()));
    }

    #[test]
    fn states_that_forbid_a_change_do_so_and_unknown_ones_do_not() {
        let kind = |state: &str| {
            let info = format!(r#"{{"nameServerType":"external","state":"{state}"}}"#);
            seen(&info, &[]).barred().map(|error| error.kind)
        };
        assert_eq!(kind("ok"), None);
        assert_eq!(kind("autorenew_in_progress"), None);
        assert_eq!(kind("something_new"), None);
        assert_eq!(kind("expired"), Some(ErrorKind::DomainExpired));
        assert_eq!(kind("registry_suspended"), Some(ErrorKind::DomainLocked));
        assert_eq!(kind("outgoing_transfer"), Some(ErrorKind::Conflict));
        let suspended = seen(
            r#"{"nameServerType":"external","state":"ok","suspensionState":"suspended"}"#,
            &[],
        );
        assert!(suspended.locked());
    }

    #[test]
    fn a_transfer_lock_is_no_lock() {
        let info = r#"{"nameServerType":"hosted","transferLockStatus":"locked","dnssecState":"enabled"}"#;
        let seen = seen(info, &[]);
        assert_eq!((seen.transfer_locked(), seen.locked()), (Some(true), false));
        assert!(seen.signed_by_vendor());
    }
}
