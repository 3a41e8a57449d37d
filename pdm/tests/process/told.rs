//! What a client was told about one claim, which must be true in the end or have legally moved on.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

/// How the client left the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Active, and meant to stay.
    Kept,
    /// A release was acknowledged with this operation.
    ReleaseAsked(String),
    /// It was told that its hold had ended.
    Expired,
    /// Reserved, and left to itself.
    Forgotten,
}

/// A value that was written without a key: the last acknowledged one, or one of those of attempts that were lost, which
/// may take effect at any later time.
#[derive(Clone, Debug, Default)]
pub struct Written<T: Ord> {
    pub acknowledged: T,
    pub perhaps: BTreeSet<T>,
}

impl<T: Ord + Clone> Written<T> {
    pub fn write(&mut self, value: T, lost: u32) {
        if lost > 0 {
            self.perhaps.insert(value.clone());
        }
        self.acknowledged = value;
    }

    pub fn may_be(&self, value: &T) -> bool {
        *value == self.acknowledged || self.perhaps.contains(value)
    }
}

#[derive(Clone, Debug)]
pub struct Told {
    pub tenant: usize,
    pub claim: String,
    pub name: String,
    pub token: String,
    /// From when on the claim is known to have had the name: the reserve was acknowledged.
    pub from: Instant,
    /// Until when, at least: the last question whose answer said so was sent then.
    pub until: Instant,
    /// The operation of the commit.
    pub activation: Option<String>,
    /// The IPv4 address.
    pub target: Written<String>,
    /// TXT record sets by owner name; none is an empty text.
    pub texts: BTreeMap<String, Written<String>>,
    pub left: Left,
}
