//! What GoDaddy shows of a domain, and what of it forbids a change.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, DsRecord, Error, ErrorKind, Mode};

use crate::ds;
use crate::wire::{Action, CustomerDomain, Dnssec, Domain};

/// GoDaddy's own name servers.
const OWN_SERVERS: &str = ".domaincontrol.com";

/// A domain as it is shown now.
pub(crate) struct State {
    domain: Domain,
    /// Known with a customer number.
    customer: Option<CustomerDomain>,
    pub(crate) nameservers: BTreeSet<DomainName>,
}

impl State {
    /// Takes what the calls gave.
    pub(crate) fn new(domain: Domain, customer: Option<CustomerDomain>) -> Result<Self, Error> {
        let hosts = domain.name_servers.iter().flatten();
        let nameservers: Result<_, _> = hosts.map(|host| DomainName::parse(host)).collect();
        Ok(Self {
            nameservers: nameservers.map_err(|_| {
                Error::new(
                    ErrorKind::Unexpected,
                    "GoDaddy shows a name server that is no host name: look at the domain in the web interface",
                )
            })?,
            domain,
            customer,
        })
    }

    /// Who serves the domain.
    pub(crate) fn mode(&self) -> Mode {
        if self.nameservers.is_empty() {
            Mode::Other("no name servers".to_owned())
        } else if self.is_hosted() {
            Mode::Hosted
        } else {
            Mode::External
        }
    }

    /// Whether GoDaddy serves it.
    pub(crate) fn is_hosted(&self) -> bool {
        !self.nameservers.is_empty()
            && self
                .nameservers
                .iter()
                .all(|host| host.as_str().ends_with(OWN_SERVERS))
    }

    /// DS at the registry; `None` when they are not shown, or one of them in a way that is not understood.
    pub(crate) fn ds(&self) -> Option<BTreeSet<DsRecord>> {
        ds::all_from_wire(self.customer.as_ref()?)
    }

    /// DS as GoDaddy shows them, understood or not.
    pub(crate) fn raw_ds(&self) -> &[Dnssec] {
        let shown = self
            .customer
            .as_ref()
            .and_then(|customer| customer.dnssec_records.as_deref());
        shown.unwrap_or_default()
    }

    /// Whether some DS is shown, understood or not.
    pub(crate) fn has_ds(&self) -> bool {
        !self.raw_ds().is_empty()
    }

    /// A change of name servers or DS on its way.
    pub(crate) fn open_action(&self) -> Option<&Action> {
        let ours = |action: &&Action| {
            action.is_open()
                && ["DOMAIN_UPDATE_NAME_SERVERS", "DNSSEC_CREATE", "DNSSEC_DELETE"]
                    .contains(&action.kind.as_str())
        };
        self.customer.as_ref()?.actions.as_deref()?.iter().find(ours)
    }

    /// Whether something other than the transfer lock locks it; `None` when v3 was asked, which does not tell.
    pub(crate) fn locked(&self) -> Option<bool> {
        if self.is_protected() || self.is_held() {
            return Some(true);
        }
        self.domain.transfer_protected.is_some().then_some(false)
    }

    /// Whether it is locked against a transfer, which hinders nothing here.
    pub(crate) fn transfer_locked(&self) -> Option<bool> {
        self.domain.locked.or(self.domain.transfer_lock)
    }

    /// Whether its registration has ended.
    pub(crate) fn expired(&self) -> bool {
        self.is(&["EXPIRED", "CANCELLED"])
    }

    /// Whether Domain Protection is on: name servers are refused, and records are stored without their data.
    pub(crate) fn is_protected(&self) -> bool {
        self.domain.is_protected()
    }

    /// Refuses a change that the domain's state does not allow.
    pub(crate) fn changeable(&self) -> Result<(), Error> {
        let status = &self.domain.status;
        if self.expired() {
            return Err(Error::new(
                ErrorKind::DomainExpired,
                format!("the domain is {status}: renew it first"),
            ));
        }
        if self.is_protected() {
            return Err(protected());
        }
        if self.is_held() {
            return Err(Error::new(
                ErrorKind::DomainLocked,
                format!("the domain is {status} and cannot be changed: ask GoDaddy"),
            ));
        }
        if let Some(action) = self.open_action() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "another change is on its way ({} {}): nothing was sent",
                    action.kind, action.status
                ),
            ));
        }
        if self.is(&["PENDING", "AWAITING"]) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the domain is {status} and cannot be changed until that has ended"),
            ));
        }
        Ok(())
    }

    fn is_held(&self) -> bool {
        self.is(&["LOCKED", "HELD", "SUSPENDED", "CONFISCATED", "DISABLED"])
    }

    /// Statuses have many endings, not all of them documented.
    fn is(&self, beginnings: &[&str]) -> bool {
        let status = self.domain.status.to_ascii_uppercase();
        beginnings.iter().any(|beginning| status.starts_with(beginning))
    }
}

/// Why nothing of a protected domain is written.
pub(crate) fn protected() -> Error {
    Error::new(
        ErrorKind::DomainLocked,
        "Domain Protection is on: GoDaddy asks for a second factor, which its API does not take, and stores records without their data. \
         Change it in the web interface, or switch the protection off for the change",
    )
}
