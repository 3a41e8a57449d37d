//! An adapter, and an account opened with it.

use async_trait::async_trait;
use serde::Serialize;

use crate::DomainName;
use crate::credentials::Credentials;
use crate::descriptor::Descriptor;
use crate::dns_host::DnsHost;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::registrar::Registrar;

/// One vendor.
pub trait Adapter: Send + Sync {
    /// What the vendor needs and can do.
    fn descriptor(&self) -> &'static Descriptor;

    /// Opens an account. Nothing is sent: whether the credentials are good is what [`Account::probe`] finds out.
    fn open(&self, at: &Endpoint, with: &Credentials) -> Result<Box<dyn Account>, Error>;
}

/// An account at a vendor, and what it offers.
///
/// Dropping a future may cut a write in the middle; whoever does so treats the write as [`Applied::Unknown`](crate::Applied).
#[async_trait]
pub trait Account: Send + Sync {
    /// Looks, without writing, at what these credentials can do for `domain`.
    ///
    /// An error when nothing could be learned: wrong credentials, an address that is not on the allow-list, an account that may
    /// not use the API, a domain that is not in the account, a vendor that is away. What was learned and forbids some of the
    /// work (a lock, a missing right) is in the [`Probe`].
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error>;

    /// The registry side of the account's domains, if the vendor is a registrar.
    fn registrar(&self) -> Option<&dyn Registrar>;

    /// The zones that the vendor hosts for the account, if it hosts any.
    fn dns_host(&self) -> Option<&dyn DnsHost>;
}

/// What credentials can do for one domain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Probe {
    /// The account at the vendor, by the name or number that the customer knows it by. `None` when the vendor does not tell.
    pub account: Option<String>,
    /// Whether the domain is in the account, as a registration or as a hosted zone.
    pub domain_in_account: bool,
    /// Whether something locks the domain against changes of its name servers. `None` when the vendor does not tell.
    pub locked: Option<bool>,
    /// Read the name servers that the registry is told.
    pub read_ns: Ability,
    /// Change them.
    pub change_ns: Ability,
    /// Change the DS.
    pub change_ds: Ability,
    /// Delegate a name below the zone that the vendor hosts.
    pub delegate_subdomain: Ability,
    /// Read all records of the hosted zone.
    pub export_zone: Ability,
}

impl Probe {
    /// Why something of what the vendor can do at all is not possible with these credentials now: the first such reason, in
    /// order of the fields. What the vendor never can is no refusal.
    pub fn refused_because(&self) -> Option<ErrorKind> {
        [
            &self.read_ns,
            &self.change_ns,
            &self.change_ds,
            &self.delegate_subdomain,
            &self.export_zone,
        ]
        .into_iter()
        .find_map(|ability| match ability {
            Ability::No { because, .. } if *because != ErrorKind::Unsupported => Some(*because),
            _ => None,
        })
    }
}

/// Whether something can be done with these credentials, for this domain, now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "can", rename_all = "snake_case")]
pub enum Ability {
    /// Yes.
    Yes,
    /// No.
    No {
        /// What kind of failure a try would end with.
        because: ErrorKind,
        /// Why, and what to do, for people.
        detail: String,
    },
    /// The vendor lets nobody see it without a write.
    Unknown {
        /// What would have to be true, for people.
        detail: String,
    },
}

impl Ability {
    /// A no with its reason.
    pub fn no(because: ErrorKind, detail: impl Into<String>) -> Self {
        Self::No {
            because,
            detail: detail.into(),
        }
    }

    /// Not to be seen without a write.
    pub fn unknown(detail: impl Into<String>) -> Self {
        Self::Unknown {
            detail: detail.into(),
        }
    }

    /// `Some(true)`, `Some(false)`, or `None` when it is not known.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No { .. } => Some(false),
            Self::Unknown { .. } => None,
        }
    }
}

impl From<&Error> for Ability {
    fn from(error: &Error) -> Self {
        Self::no(error.kind, error.detail.clone())
    }
}
