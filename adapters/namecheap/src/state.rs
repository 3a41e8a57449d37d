//! A domain as it was read, in the words of the contract.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, Error, ErrorKind, Mode};

use crate::account::NamecheapAccount;
use crate::errors::Meaning;
use crate::wire::{DomainInfo, Servers};

/// The right to change name servers, among those of an account that does not own the domain.
pub(crate) const NAMESERVERS_RIGHT: &str = "nameserver";
/// The right to change records.
pub(crate) const HOSTS_RIGHT: &str = "hosts";

/// The name servers of a domain, as Namecheap has them.
pub(crate) struct Delegation {
    /// Who serves the domain.
    pub(crate) mode: Mode,
    /// Which service of Namecheap's does, in [`Mode::Hosted`].
    pub(crate) service: Service,
    /// Hosts.
    pub(crate) hosts: BTreeSet<DomainName>,
    /// Whether a host could not be read, so that `hosts` are not all.
    more_hosts: bool,
}

/// Namecheap's own name servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Service {
    /// Those of every domain.
    Basic,
    /// Those that are paid for.
    Premium,
    /// Those for domains that are registered elsewhere.
    Free,
}

impl Delegation {
    fn of(servers: &Servers) -> Self {
        let mut more_hosts = false;
        let hosts = servers
            .hosts
            .iter()
            .filter_map(|name| {
                let host = DomainName::parse(name);
                more_hosts |= host.is_err();
                host.ok()
            })
            .collect();
        Self {
            mode: if servers.is_using_our_dns {
                Mode::Hosted
            } else {
                Mode::External
            },
            service: match (servers.is_premium_dns, servers.is_using_free_dns) {
                (true, _) => Service::Premium,
                (false, true) => Service::Free,
                (false, false) => Service::Basic,
            },
            hosts,
            more_hosts,
        }
    }

    /// Whether the domain is on exactly these hosts, which are the customer's.
    pub(crate) fn is_exactly(&self, hosts: &BTreeSet<DomainName>) -> bool {
        self.mode == Mode::External && !self.more_hosts && self.hosts == *hosts
    }
}

/// Whether Namecheap has locked the domain.
pub(crate) fn locked(info: &DomainInfo) -> bool {
    info.status.eq_ignore_ascii_case("locked")
}

/// Whether its registration has ended.
pub(crate) fn expired(info: &DomainInfo) -> bool {
    info.status.eq_ignore_ascii_case("expired")
}

/// What forbids a change that needs `right`.
pub(crate) fn barred(info: &DomainInfo, right: &str) -> Option<Error> {
    let refusal = if expired(info) {
        (
            ErrorKind::DomainExpired,
            "the domain's registration has ended: renew it at Namecheap first".to_owned(),
        )
    } else if locked(info) {
        (
            ErrorKind::DomainLocked,
            "Namecheap has locked the domain: its support can tell why".to_owned(),
        )
    } else if !info.status.eq_ignore_ascii_case("ok") {
        (
            ErrorKind::Unexpected,
            "the domain is in a state that this adapter does not know".to_owned(),
        )
    } else if !info.is_owner && !info.rights.has(right) {
        (
            ErrorKind::ScopeMissing,
            format!(
                "the domain belongs to another account, which has not given this one the right `{right}`"
            ),
        )
    } else {
        return None;
    };
    Some(Error::new(refusal.0, refusal.1))
}

impl NamecheapAccount {
    /// Reads what the account sees of a domain. Some it merely sees, without any right.
    pub(crate) async fn info(&self, domain: &DomainName) -> Result<DomainInfo, Error> {
        let info = self.api.domain_info(domain).await?;
        own(domain, &info)?;
        Ok(info)
    }

    /// The same for work in the zone, for which an account needs less than for reading the registration.
    pub(crate) async fn info_if_allowed(&self, domain: &DomainName) -> Result<Option<DomainInfo>, Error> {
        match self.api.domain_info(domain).await {
            Ok(info) => {
                own(domain, &info)?;
                Ok(Some(info))
            }
            Err(failure) if failure.meaning == Meaning::NoAccess => Ok(None),
            Err(failure) => Err(failure.error),
        }
    }

    /// Reads the name servers of a domain.
    pub(crate) async fn delegation_of(&self, domain: &DomainName) -> Result<Delegation, Error> {
        Ok(Delegation::of(&self.api.servers(domain).await?))
    }
}

fn own(domain: &DomainName, info: &DomainInfo) -> Result<(), Error> {
    if info.is_owner || !info.rights.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ScopeMissing,
        format!("{domain} belongs to another account, which lets this one see it and has given it no rights"),
    ))
}
