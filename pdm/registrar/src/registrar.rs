//! The registry side of the domains in an opened account.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::dnskey::Dnskey;
use crate::error::Error;
use crate::{DomainName, DsRecord, NameserverSet};

/// Reads and changes what the registry is told about a domain.
///
/// Every write is absolute ("make it exactly this") and idempotent: asked twice, the second answer is [`Change::Unchanged`].
/// A write reads first, refuses what would do harm before it sends anything, and reads back: [`Change::Applied`] means that the
/// vendor shows the wanted state, not that it said yes. An error of a write says whether it may have been done
/// ([`Error::applied`]).
#[async_trait]
pub trait Registrar: Send + Sync {
    /// What the vendor shows of the domain now.
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error>;

    /// Makes `wanted` the name servers of the domain, and leaves the vendor's own hosting if that is what it takes.
    async fn set_nameservers(&self, domain: &DomainName, wanted: &NameserverSet) -> Result<Change, Error>;

    /// Makes `wanted` the DS of the domain; nothing at all when it is empty.
    async fn set_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error>;

    /// How far a change is that was accepted earlier.
    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error>;

    /// Everything that [`restore`](Self::restore) needs to put the domain back as it is now.
    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error>;

    /// Puts the domain back: mode, name servers and DS, in an order in which no DS stands that the servers do not match.
    ///
    /// An error of kind [`Unsupported`](crate::ErrorKind::Unsupported), before any write, when the vendor cannot restore a part
    /// that differs.
    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error>;
}

/// What a vendor shows of a domain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Registration {
    /// Hosts the registry is told of. May be fewer or more than a [`NameserverSet`] takes.
    pub nameservers: BTreeSet<DomainName>,
    /// DS the registry is told of; `None` when the vendor's API does not show them.
    pub ds: Option<BTreeSet<DsRecord>>,
    /// Who serves the domain.
    pub mode: Mode,
    /// Whether the domain is locked against changes of its name servers; `None` when the vendor does not tell.
    pub locked: Option<bool>,
    /// Whether the domain is locked against a transfer to another registrar, which does not hinder us.
    pub transfer_locked: Option<bool>,
    /// Whether its registration has ended.
    pub expired: bool,
    /// A change that is on its way; another one has to wait for it.
    pub pending: Option<TaskId>,
}

/// Who serves a domain, as its registrar sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The vendor's own name servers.
    Hosted,
    /// Hosts that the customer named.
    External,
    /// Something else of the vendor's (parking, forwarding …), by the vendor's word.
    Other(String),
}

/// The DS a domain shall have, and the keys they were made from where those are known.
///
/// Some registries take keys and make the digests themselves.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct WantedDs {
    ds: BTreeSet<DsRecord>,
    keys: Vec<Dnskey>,
}

impl WantedDs {
    /// No DS at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The given DS; `keys` may hold keys of other DS too, which are not used.
    pub fn new(ds: impl IntoIterator<Item = DsRecord>, keys: impl IntoIterator<Item = Dnskey>) -> Self {
        Self {
            ds: ds.into_iter().collect(),
            keys: keys.into_iter().collect(),
        }
    }

    /// The DS.
    pub fn ds(&self) -> &BTreeSet<DsRecord> {
        &self.ds
    }

    /// Whether no DS is wanted.
    pub fn is_empty(&self) -> bool {
        self.ds.is_empty()
    }

    /// The key that `ds` of `domain` is the digest of, if it was given.
    pub fn key_of(&self, domain: &DomainName, ds: &DsRecord) -> Option<&Dnskey> {
        self.keys
            .iter()
            .find(|key| key.ds(domain, ds.digest_type()).as_ref() == Some(ds))
    }
}

/// What became of a write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "change", content = "task", rename_all = "snake_case")]
pub enum Change {
    /// It was so already; nothing was sent.
    Unchanged,
    /// The vendor shows the wanted state. The registry's servers may follow later.
    Applied,
    /// The vendor will do it; [`Registrar::task`] tells when it has.
    Accepted(TaskId),
}

/// Names a change that was accepted. What is in it is the adapter's business: a task of the vendor, or, where the vendor has
/// none, what to look for. It stays good across restarts and holds no secret.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub String);

/// How far an accepted change is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskState {
    /// On its way.
    Pending {
        /// The vendor's word for it.
        detail: String,
    },
    /// Somebody has to act at the vendor.
    NeedsPerson {
        /// What the vendor says.
        detail: String,
    },
    /// Done, and the vendor shows the wanted state.
    Done,
    /// It will not be done.
    Failed {
        /// What the vendor says.
        detail: String,
    },
}

/// A domain's registration at one moment, to put it back later. It holds no secret.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// The adapter that took it.
    pub registrar: String,
    /// Of which domain.
    pub domain: DomainName,
    /// Who served it.
    pub mode: Mode,
    /// Its name servers.
    pub nameservers: BTreeSet<DomainName>,
    /// Its DS; `None` when the vendor's API does not show them.
    pub ds: Option<BTreeSet<DsRecord>>,
    /// Keys, where the vendor holds keys instead of DS.
    #[serde(default)]
    pub keys: Vec<Dnskey>,
    /// What only the adapter reads, for instance records that go when the domain leaves the vendor's hosting.
    #[serde(default)]
    pub vendor: serde_json::Value,
}
