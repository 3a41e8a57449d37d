//! A zone that the vendor hosts for the account.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::registrar::{Change, WantedDs};
use crate::{DomainName, DsRecord, NameserverSet, OwnerName};

/// Changes single names in a hosted zone and leaves every other record as it is.
///
/// Where a vendor can only replace more than the name in question, the adapter reads, changes and writes the whole, and refuses
/// ([`WouldLoseData`](crate::ErrorKind::WouldLoseData)) when the zone holds something that this would destroy, or
/// ([`Conflict`](crate::ErrorKind::Conflict)) when somebody else writes at the same time.
#[async_trait]
pub trait DnsHost: Send + Sync {
    /// What stands at `name`, which is below `zone`.
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error>;

    /// Makes the delegation of `name` exactly this. Other records at the name are the customer's: with some there, the answer is
    /// an error of kind [`WouldLoseData`](crate::ErrorKind::WouldLoseData) that names them.
    ///
    /// A DS that the vendor cannot hold is an error of kind [`Unsupported`](crate::ErrorKind::Unsupported) before any write. Who
    /// accepts a delegation without DS asks without.
    async fn delegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        nameservers: &NameserverSet,
        ds: &WantedDs,
    ) -> Result<Change, Error>;

    /// Removes NS and DS of `name`. With `ours` given, only if the NS there are those: others are
    /// [`Conflict`](crate::ErrorKind::Conflict).
    async fn undelegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        ours: Option<&NameserverSet>,
    ) -> Result<Change, Error>;

    /// Adds one TXT value at `name`, beside others that are there.
    async fn put_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error>;

    /// Removes one TXT value at `name`, and leaves others.
    async fn remove_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error>;

    /// All records of the zone.
    async fn export(&self, zone: &DomainName) -> Result<ZoneExport, Error>;
}

/// What a hosted zone holds at one name.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct HostedDelegation {
    /// NS.
    pub nameservers: BTreeSet<DomainName>,
    /// DS; `None` when the vendor has no such type.
    pub ds: Option<BTreeSet<DsRecord>>,
    /// Types of other records at exactly this name.
    pub other_types: BTreeSet<String>,
}

/// The records of a hosted zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ZoneExport {
    /// The zone.
    pub zone: DomainName,
    /// Its records, sorted, without SOA and the vendor's own NS at the apex.
    pub records: Vec<ZoneRecord>,
    /// What the vendor's API does not show or that cannot be written as a record, for people. Empty when nothing is missing.
    pub missing: Vec<String>,
}

/// One record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ZoneRecord {
    /// Its owner, in full.
    pub owner: OwnerName,
    /// Its type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Seconds.
    pub ttl: u32,
    /// Its data in presentation form (RFC 1035 section 5.1); names in it are absolute, with a final dot.
    pub value: String,
}
