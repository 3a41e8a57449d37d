//! The hosts a domain is delegated to.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DomainName;

/// 2 to 13 distinct name-server hosts.
///
/// Two, because one server alone is a single point of failure (RFC 2182 section 5) and most registries refuse
/// it; thirteen, because more do not fit everywhere (EPP servers commonly take at most 13). Order has no
/// meaning: registries return their own. This is a set we want or have verified; what a parent happens to hold
/// may be smaller or larger and need not be one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<DomainName>", into = "Vec<DomainName>")]
pub struct NameserverSet(BTreeSet<DomainName>);

impl NameserverSet {
    /// Fewest distinct hosts.
    pub const MIN: usize = 2;
    /// Most distinct hosts.
    pub const MAX: usize = 13;

    /// Makes a set of the given hosts; a host named twice counts once.
    pub fn new(hosts: impl IntoIterator<Item = DomainName>) -> Result<Self, NameserverSetError> {
        let hosts: BTreeSet<_> = hosts.into_iter().collect();
        match hosts.len() {
            found if found < Self::MIN => Err(NameserverSetError::TooFew { found }),
            found if found > Self::MAX => Err(NameserverSetError::TooMany { found }),
            _ => Ok(Self(hosts)),
        }
    }

    /// The hosts, sorted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DomainName> {
        self.0.iter()
    }

    /// Whether `host` is one of them.
    pub fn contains(&self, host: &DomainName) -> bool {
        self.0.contains(host)
    }
}

/// Why some hosts are not a [`NameserverSet`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameserverSetError {
    /// Fewer than [`NameserverSet::MIN`] distinct hosts.
    #[error("a domain needs at least {min} different name servers, not {found}", min = NameserverSet::MIN)]
    TooFew {
        /// Distinct hosts given.
        found: usize,
    },
    /// More than [`NameserverSet::MAX`] distinct hosts.
    #[error("a domain has at most {max} name servers, not {found}", max = NameserverSet::MAX)]
    TooMany {
        /// Distinct hosts given.
        found: usize,
    },
}

/// The hosts, sorted, separated by a comma and a space.
impl fmt::Display for NameserverSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, host) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            f.write_str(host.as_str())?;
        }
        Ok(())
    }
}

impl TryFrom<Vec<DomainName>> for NameserverSet {
    type Error = NameserverSetError;

    fn try_from(hosts: Vec<DomainName>) -> Result<Self, NameserverSetError> {
        Self::new(hosts)
    }
}

impl From<NameserverSet> for Vec<DomainName> {
    fn from(set: NameserverSet) -> Self {
        set.0.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a NameserverSet {
    type Item = &'a DomainName;
    type IntoIter = std::collections::btree_set::Iter<'a, DomainName>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<DomainName> {
        texts
            .iter()
            .map(|text| DomainName::parse(text).expect("a valid name"))
            .collect()
    }

    fn numbered(count: usize) -> Vec<DomainName> {
        (0..count)
            .map(|n| DomainName::parse(&format!("ns{n}.example")).expect("a valid name"))
            .collect()
    }

    #[test]
    fn order_and_spelling_do_not_matter() {
        let one = NameserverSet::new(names(&["ns2.example", "ns1.example"])).unwrap();
        let other = NameserverSet::new(names(&["NS1.example.", "ns2.example", "ns1.example"])).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.to_string(), "ns1.example, ns2.example");
        assert!(one.contains(&names(&["ns2.example"])[0]));
        assert!(!one.contains(&names(&["ns3.example"])[0]));
    }

    #[test]
    fn two_to_thirteen_distinct_hosts() {
        assert_eq!(
            NameserverSet::new([]),
            Err(NameserverSetError::TooFew { found: 0 })
        );
        let twice = names(&["ns1.example", "ns1.example."]);
        assert_eq!(
            NameserverSet::new(twice),
            Err(NameserverSetError::TooFew { found: 1 })
        );
        assert_eq!(NameserverSet::new(numbered(13)).unwrap().iter().len(), 13);
        assert_eq!(
            NameserverSet::new(numbered(14)),
            Err(NameserverSetError::TooMany { found: 14 })
        );
    }

    #[test]
    fn json_is_a_sorted_array_and_is_checked() {
        let set: NameserverSet = serde_json::from_str(r#"["NS2.example.","ns1.example"]"#).unwrap();
        assert_eq!(
            serde_json::to_string(&set).unwrap(),
            r#"["ns1.example","ns2.example"]"#
        );
        assert!(serde_json::from_str::<NameserverSet>(r#"["ns1.example"]"#).is_err());
        assert!(serde_json::from_str::<NameserverSet>(r#"["ns1.example","ns_2.example"]"#).is_err());
    }
}
