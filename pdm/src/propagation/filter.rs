//! Which addresses a question may be sent to.
//!
//! The addresses of name servers come from NS records that anybody may write. Without a filter we could be made to send
//! packets into private networks. The data is in `special_purpose`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::LazyLock;

use super::special_purpose;

/// The rule: globally reachable addresses outside our own networks, and one port.
#[derive(Debug, Clone)]
pub struct AddressFilter {
    /// Lets every address and port pass: for the lab and for closed sites. Own networks stay shut.
    pub allow_non_global: bool,
    /// Networks of ours that are globally reachable and still nobody else's business.
    pub own_networks: Vec<Network>,
    /// The port of the DNS, 53 outside closed sites.
    pub port: u16,
}

impl AddressFilter {
    /// Whether a question may be sent there.
    pub fn allows(&self, server: SocketAddr) -> bool {
        let address = server.ip().to_canonical();
        !self.own_networks.iter().any(|network| network.contains(address))
            && (self.allow_non_global || (server.port() == self.port && is_global(server.ip())))
    }
}

/// Whether an address is globally reachable by the registries of IANA. An IPv4 address in IPv6 form is not.
pub fn is_global(address: IpAddr) -> bool {
    static BLOCKS: LazyLock<Vec<(Network, bool)>> = LazyLock::new(|| {
        let block =
            |(text, global): &(&str, bool)| (text.parse().expect("the table has address blocks"), *global);
        special_purpose::BLOCKS.iter().map(block).collect()
    });
    let matching = BLOCKS.iter().filter(|(block, _)| block.contains(address));
    matching
        .max_by_key(|(block, _)| block.length)
        .is_some_and(|(_, global)| *global)
}

/// An address block, written `192.0.2.0/24` or `2001:db8::/32`; an address alone is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u32,
}

impl Network {
    /// Whether `address` lies in the block. Blocks of IPv4 hold no IPv6 addresses, and the other way round.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && (bits(self.address) ^ bits(address)) & !host_mask(self.length) == 0
    }
}

/// The address from the left: prefixes of both families are then the same bits.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// All bits behind a prefix of `length`.
fn host_mask(length: u32) -> u128 {
    u128::MAX.checked_shr(length).unwrap_or(0)
}

/// The text is not an address block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address block is an address, a slash and a prefix length, with no bit set behind the prefix")]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, length) = text
            .split_once('/')
            .map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), str::parse).map_err(|_| NotANetwork)?;
        if length > longest || bits(address) & host_mask(length) != 0 {
            return Err(NotANetwork);
        }
        Ok(Self { address, length })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn public(port: u16) -> AddressFilter {
        AddressFilter {
            allow_non_global: false,
            own_networks: Vec::new(),
            port,
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// A longer prefix inside a block decides for itself, so only the ends are looked at that lie in no such prefix.
    #[test]
    fn both_ends_of_every_block_are_judged_as_the_registry_says() {
        let blocks: Vec<(Network, bool)> = special_purpose::BLOCKS
            .iter()
            .map(|(text, global)| (text.parse().expect("a block"), *global))
            .collect();
        for (block, global) in &blocks {
            let last = bits(block.address) | host_mask(block.length);
            let last = match block.address {
                IpAddr::V4(_) => IpAddr::from(Ipv4Addr::from(u32::try_from(last >> 96).expect("32 bits"))),
                IpAddr::V6(_) => IpAddr::from(Ipv6Addr::from(last)),
            };
            for end in [block.address, last] {
                if !blocks
                    .iter()
                    .any(|(other, _)| other.length > block.length && other.contains(end))
                {
                    assert_eq!(is_global(end), *global, "{end} of {block}");
                }
            }
        }
    }

    #[test]
    fn private_loopback_and_documentation_addresses_are_refused() {
        for text in [
            "0.0.0.0",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.53.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.251",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:192.0.2.1",
            "::ffff:8.8.8.8",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2001:10::1",
            "2002:a00:1::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!public(53).allows(SocketAddr::new(address(text), 53)), "{text}");
        }
    }

    #[test]
    fn public_addresses_are_allowed_at_the_one_port() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.0.9",
            "192.175.48.1",
            "193.0.14.129",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:500:2::c",
            "2001:4:112::1",
            "2001:20::1",
            "2620:4f:8000::1",
            "2a00::1",
        ] {
            assert!(public(53).allows(SocketAddr::new(address(text), 53)), "{text}");
            assert!(!public(53).allows(SocketAddr::new(address(text), 80)), "{text}");
        }
    }

    #[test]
    fn own_networks_stay_shut_in_every_form_and_every_mode() {
        for allow_non_global in [false, true] {
            let own_networks = vec![
                "185.1.0.0/16".parse().expect("a block"),
                "2a00:1::/32".parse().expect("a block"),
            ];
            let filter = AddressFilter {
                allow_non_global,
                own_networks,
                port: 53,
            };
            for text in ["185.1.255.255", "::ffff:185.1.2.3", "2a00:1:ffff::1"] {
                assert!(!filter.allows(SocketAddr::new(address(text), 53)), "{text}");
            }
            assert!(filter.allows(SocketAddr::new(address("185.2.0.0"), 53)));
            assert!(filter.allows(SocketAddr::new(address("2a00:2::"), 53)));
        }
    }

    #[test]
    fn a_closed_site_may_use_its_own_addresses_and_port() {
        let filter = AddressFilter {
            allow_non_global: true,
            ..public(5300)
        };
        assert!(filter.allows("127.0.0.1:5300".parse().expect("an address")));
        assert!(filter.allows("[fd00::1]:53".parse().expect("an address")));
    }

    #[test]
    fn networks_are_read_and_written_alike() {
        for text in [
            "0.0.0.0/0",
            "192.0.2.0/24",
            "192.0.2.1/32",
            "::/0",
            "2001:db8::/32",
        ] {
            assert_eq!(text.parse::<Network>().expect("a block").to_string(), text);
        }
        assert!(
            "0.0.0.0/0"
                .parse::<Network>()
                .expect("a block")
                .contains(address("255.255.255.255"))
        );
        assert!(
            !"0.0.0.0/0"
                .parse::<Network>()
                .expect("a block")
                .contains(address("::"))
        );
        for text in [
            "",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "2001:db8::/129",
            "192.0.2.0/",
            "example.com/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}
