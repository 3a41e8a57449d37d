//! Identifiers: a prefix that says what it is, and a time-ordered UUID (version 7, RFC 9562) without dashes.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an identifier can be of; the prefix is part of the text form.
pub trait Kind {
    /// Prefix with its underscore, `clm_` for a claim.
    const PREFIX: &'static str;
}

/// An identifier of one kind of thing; one of a claim cannot be passed for one of an operation.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// Marks ids of claims.
pub enum ClaimKind {}
/// Marks ids of operations.
pub enum OperationKindTag {}
/// Marks ids of tenants.
pub enum TenantKind {}
/// Marks ids of API keys.
pub enum KeyKind {}
/// Marks ids of events.
pub enum EventKindTag {}

impl Kind for ClaimKind {
    const PREFIX: &'static str = "clm_";
}
impl Kind for OperationKindTag {
    const PREFIX: &'static str = "op_";
}
impl Kind for TenantKind {
    const PREFIX: &'static str = "ten_";
}
impl Kind for KeyKind {
    const PREFIX: &'static str = "key_";
}
impl Kind for EventKindTag {
    const PREFIX: &'static str = "evt_";
}

/// A claim's id, `clm_…`; also the marker written into what is created elsewhere for that claim.
pub type ClaimId = Id<ClaimKind>;
/// An operation's id, `op_…`.
pub type OperationId = Id<OperationKindTag>;
/// A tenant's id, `ten_…`.
pub type TenantId = Id<TenantKind>;
/// An API key's id, `key_…`.
pub type KeyId = Id<KeyKind>;
/// An event's id, `evt_…`.
pub type EventId = Id<EventKindTag>;

impl<K: Kind> Id<K> {
    /// A new id. Its order in time is a convenience for lists, never a decision.
    #[expect(
        clippy::new_without_default,
        reason = "a default id would be a new one each time"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7(), PhantomData)
    }

    /// The UUID inside, for what has to be a plain UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// Text that is not an id of the wanted kind.
#[derive(Debug, thiserror::Error)]
#[error("not an id that starts with {0} followed by 32 hexadecimal digits")]
pub struct NotAnId(&'static str);

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.strip_prefix(K::PREFIX)
            .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
            .and_then(|hex| Uuid::try_parse(hex).ok())
            .map(|uuid| Self(uuid, PhantomData))
            .ok_or(NotAnId(K::PREFIX))
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", K::PREFIX, self.0.simple())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_comes_back() {
        let id = ClaimId::new();
        assert_eq!(id.to_string().parse::<ClaimId>().unwrap(), id);
        assert_eq!(id.to_string().len(), 4 + 32);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!(OperationId::new().to_string().parse::<ClaimId>().is_err());
        assert!("clm_".parse::<ClaimId>().is_err());
        assert!("clm_018F0000000070008000000000000000".parse::<ClaimId>().is_err());
    }
}
