//! The addresses a name leads to.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Most addresses of one family.
pub const MAX_PER_FAMILY: usize = 8;

/// Addresses of the canonical set of a name: one to eight of a family, at least one in all, no duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    ipv4: Vec<Ipv4Addr>,
    ipv6: Vec<Ipv6Addr>,
}

/// Why addresses cannot be targets. Each sentence is for the person who typed them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetsError {
    /// Neither family has an address.
    #[error("give at least one IPv4 or IPv6 address")]
    Empty,
    /// A family has more than [`MAX_PER_FAMILY`].
    #[error("at most {MAX_PER_FAMILY} addresses of one family")]
    TooMany,
    /// An address occurs twice.
    #[error("{0} is listed twice")]
    Duplicate(IpAddr),
    /// An address that the public Internet cannot reach, or that is no host's address.
    #[error("{0} is not a globally reachable unicast address")]
    NotGlobal(IpAddr),
}

impl Targets {
    /// Checks addresses as given.
    ///
    /// `allow_non_global` admits every unicast address (closed sites and the lab); without it only globally
    /// reachable ones pass, by `is_global`, which holds the IANA special-purpose registries.
    pub fn new(
        ipv4: Vec<Ipv4Addr>,
        ipv6: Vec<Ipv6Addr>,
        allow_non_global: bool,
        is_global: impl Fn(IpAddr) -> bool,
    ) -> Result<Self, TargetsError> {
        if ipv4.is_empty() && ipv6.is_empty() {
            return Err(TargetsError::Empty);
        }
        if ipv4.len() > MAX_PER_FAMILY || ipv6.len() > MAX_PER_FAMILY {
            return Err(TargetsError::TooMany);
        }
        let mut seen = BTreeSet::new();
        let all = ipv4
            .iter()
            .copied()
            .map(IpAddr::V4)
            .chain(ipv6.iter().copied().map(IpAddr::V6));
        for address in all {
            if !seen.insert(address) {
                return Err(TargetsError::Duplicate(address));
            }
            if !is_unicast(address) || !(allow_non_global || is_global(address)) {
                return Err(TargetsError::NotGlobal(address));
            }
        }
        Ok(Self { ipv4, ipv6 })
    }

    /// IPv4 addresses, in the order given.
    pub fn ipv4(&self) -> &[Ipv4Addr] {
        &self.ipv4
    }

    /// IPv6 addresses, in the order given.
    pub fn ipv6(&self) -> &[Ipv6Addr] {
        &self.ipv6
    }

    /// Whether both lead to the same places; the order of addresses means nothing.
    pub fn same_as(&self, other: &Self) -> bool {
        let set = |t: &Self| {
            let v4 = t.ipv4.iter().copied().collect::<BTreeSet<_>>();
            let v6 = t.ipv6.iter().copied().collect::<BTreeSet<_>>();
            (v4, v6)
        };
        set(self) == set(other)
    }
}

fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()),
        // A mapped IPv4 address is no address of a host (RFC 4291 section 2.5.5.2), and name servers refuse it.
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(v4: &[&str], v6: &[&str], lab: bool) -> Result<Targets, TargetsError> {
        let v4 = v4.iter().map(|a| a.parse().unwrap()).collect();
        let v6 = v6.iter().map(|a| a.parse().unwrap()).collect();
        Targets::new(v4, v6, lab, |a| a.to_string().starts_with("8."))
    }

    #[test]
    fn needs_one_and_refuses_twins_and_crowds() {
        assert_eq!(new(&[], &[], true), Err(TargetsError::Empty));
        assert!(matches!(
            new(&["10.0.0.1", "10.0.0.1"], &[], true),
            Err(TargetsError::Duplicate(_))
        ));
        let nine: Vec<String> = (1..=9).map(|n| format!("10.0.0.{n}")).collect();
        let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
        assert_eq!(new(&nine, &[], true), Err(TargetsError::TooMany));
        assert!(new(&nine[..8], &[], true).is_ok());
    }

    #[test]
    fn non_global_addresses_need_the_setting_and_multicast_never_passes() {
        assert!(new(&["8.8.8.8"], &[], false).is_ok());
        assert!(matches!(
            new(&["203.0.113.10"], &[], false),
            Err(TargetsError::NotGlobal(_))
        ));
        assert!(new(&["203.0.113.10"], &["2001:db8::1"], true).is_ok());
        assert!(matches!(
            new(&["224.0.0.1"], &[], true),
            Err(TargetsError::NotGlobal(_))
        ));
        assert!(matches!(
            new(&["0.0.0.0"], &[], true),
            Err(TargetsError::NotGlobal(_))
        ));
        for odd in ["ff02::1", "::ffff:8.8.8.8"] {
            assert!(matches!(new(&[], &[odd], true), Err(TargetsError::NotGlobal(_))));
        }
    }

    #[test]
    fn order_means_nothing() {
        let a = new(&["10.0.0.1", "10.0.0.2"], &[], true).unwrap();
        let b = new(&["10.0.0.2", "10.0.0.1"], &[], true).unwrap();
        assert!(a.same_as(&b) && a != b);
    }
}
