//! Pools: parent domains of ours below which names are handed out.

use std::time::Duration;

use pdm_registrar::{DomainName, OwnerName};
use serde::{Deserialize, Serialize};

use super::records::RecordType;
use crate::clock::DbTime;

/// A parent domain of ours and the terms on which names below it are given.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The domain; its zone is the parent of every name below it.
    pub domain: DomainName,
    /// Hosts that serve the zones of the names, as they stand in NS records.
    pub nameservers: Vec<DomainName>,
    /// How long names are held.
    pub hold: HoldTerms,
    /// Whether new names are taken.
    pub open: bool,
    /// Whether targets may be any unicast address; otherwise the service's setting decides.
    pub allow_non_global: bool,
    /// What a zone holds besides the apex records.
    pub template: Template,
    /// Grows with each change.
    pub version: i64,
    /// When the pool was added.
    pub created_at: DbTime,
}

/// How long a reservation holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldTerms {
    /// When the caller does not say.
    pub default: Duration,
    /// The most that one reserve or renew may ask for.
    pub max: Duration,
    /// The most from the first reserve on, renewals included.
    pub max_total: Duration,
}

impl Default for HoldTerms {
    /// An hour, a day, a week: a person needs minutes for the wizard, a provisioner renews while it works, and a
    /// forgotten tab must not keep a name from everybody for long.
    fn default() -> Self {
        Self {
            default: Duration::from_hours(1),
            max: Duration::from_hours(24),
            max_total: Duration::from_hours(7 * 24),
        }
    }
}

/// What each name of a pool has: hosts with the targets' addresses, and fixed records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    /// Owner names relative to the name (`@` is the name itself) that get A and AAAA of the targets.
    pub hosts: Vec<RelativeOwner>,
    /// Records every name gets, CAA for example.
    pub records: Vec<TemplateRecord>,
}

impl Default for Template {
    /// The canonical set of the platform.
    fn default() -> Self {
        let hosts = ["@", "*", "console", "api", "gitea", "harbor"];
        Self {
            hosts: hosts.iter().map(|h| RelativeOwner((*h).to_owned())).collect(),
            records: Vec::new(),
        }
    }
}

/// An owner name relative to the apex: `@`, `console`, `*`, `_dmarc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelativeOwner(pub String);

impl RelativeOwner {
    /// The full owner name below `apex`; `None` when it is no valid name.
    pub fn below(&self, apex: &DomainName) -> Option<OwnerName> {
        let full = if self.0 == "@" {
            apex.as_str().to_owned()
        } else {
            format!("{}.{apex}", self.0)
        };
        OwnerName::parse(&full).ok()
    }
}

/// A record set that a pool gives every name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateRecord {
    /// Owner relative to the name.
    pub owner: RelativeOwner,
    /// Record type.
    pub r#type: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Values in presentation format (RFC 1035 section 5.1).
    pub values: Vec<String>,
}
