//! What is known about an active name, one statement each.

use serde::{Deserialize, Serialize};

use crate::clock::DbTime;

/// What a condition speaks of. The set is closed; more kinds come with customers' own domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// Every server of ours answers for the zone with authority and the same content.
    ZoneServed,
    /// The zone has a key, and every server shows the same.
    Signed,
    /// The parent names our servers.
    Delegated,
    /// A validating walk from the root ends secure.
    Secure,
    /// The name leads to its targets.
    AddressesMatch,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It was seen to hold.
    True,
    /// It was seen not to hold.
    False,
    /// It was not seen either way.
    Unknown,
}

/// Why a condition is as it is: a closed set of words for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Each address of each server gave the same authoritative answer.
    AllServersAgree,
    /// The zone has one active key and its DS was computed from the DNSKEY as served.
    KeyServed,
    /// Every server of the parent gives our DS, and the parent zone names our servers.
    ParentServesDs,
    /// The chain of trust validates from the root.
    ChainValidates,
    /// The answer at the end of the chain is one of the targets.
    TargetsReached,
    /// Taken out because the name is being given back.
    Withdrawn,
    /// Something differs from what it should be and is being repaired.
    Drift,
}

/// One statement about a name, with the moment it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it speaks of.
    pub r#type: ConditionType,
    /// Whether it holds.
    pub status: Truth,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
    /// When it was seen.
    pub observed_at: DbTime,
    /// When it will be looked at again, if that is planned.
    pub next_check_at: Option<DbTime>,
}

/// Puts `new` in the place of the condition of its type, keeping one per type in a fixed order.
pub fn set(conditions: &mut Vec<Condition>, new: Condition) {
    match conditions.binary_search_by_key(&new.r#type, |c| c.r#type) {
        Ok(at) => conditions[at] = new,
        Err(at) => conditions.insert(at, new),
    }
}
