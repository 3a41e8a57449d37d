//! The names of the world and what the zones above the tenants hold.

use std::net::Ipv4Addr;

use super::{Layout, Store, WorldOptions};

/// The domains below which names are given out.
pub const POOLS: [&str; 2] = ["omani.works", "openova.io"];
/// The name servers of the pools' zones.
pub const POOL_NAMESERVERS: [&str; 2] = ["ns1.pools.openova-dns.net", "ns2.pools.openova-dns.org"];
/// The name servers of the tenants' zones, below two top-level domains, so that neither is needed for both.
pub const TENANT_NAMESERVERS: [&str; 2] = ["ns1.openova-dns.net", "ns2.openova-dns.org"];

pub(super) const ROOT_NAMESERVERS: [&str; 2] = ["ns1.root.test.", "ns2.root.test."];
const TLD_NAMESERVERS: [&str; 2] = ["ns1.tlds.test.", "ns2.tlds.test."];
const TLDS: [&str; 7] = ["com.", "io.", "net.", "org.", "test.", "uk.", "works."];
/// The name servers of customers' own domains before they come to us.
pub const OLD_HOSTS: [&str; 2] = ["ns1.old-hosts.test", "ns2.old-hosts.test"];

/// A record set of two or fewer records: owner, type, data.
pub(super) type RecordSet = (String, &'static str, Vec<String>);

/// A zone above those of the tenants.
#[derive(Debug)]
pub(super) struct PlannedZone {
    /// With the final dot.
    pub(super) name: String,
    pub(super) nameservers: Vec<String>,
    /// Everything but SOA and NS at the apex and what is delegated.
    pub(super) records: Vec<RecordSet>,
    /// Pools have many delegations that change often, and are set up for that.
    pub(super) pool: bool,
}

/// The zones by the server that has them.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: PlannedZone,
    pub(super) tlds: Vec<PlannedZone>,
    pub(super) below: Vec<PlannedZone>,
}

pub(super) fn tree(options: &WorldOptions) -> Tree {
    let host = |n| options.network.host(n);
    let both = |n| [host(n), host(n + 100)];
    let pools = both(if options.layout == Layout::Same { 4 } else { 3 });
    let tenants = match options.store {
        Store::Sqlite => both(4),
        Store::Postgres => [host(4), host(5)],
    };
    let dots = |names: [&str; 2]| names.map(|name| format!("{}.", name.trim_end_matches('.')));

    let addresses =
        |names: [&str; 2], hosts: [Ipv4Addr; 2]| dots(names).into_iter().zip(hosts).collect::<Vec<_>>();
    let root_hosts = addresses(ROOT_NAMESERVERS, both(1));
    let tld_hosts = addresses(TLD_NAMESERVERS, both(2));
    let pool_hosts = addresses(POOL_NAMESERVERS, pools);
    let tenant_hosts = addresses(TENANT_NAMESERVERS, tenants);
    let old_hosts = addresses(OLD_HOSTS, both(6));

    let zone = |name: &str, nameservers: [&str; 2], hosts: &[&[(String, Ipv4Addr)]], pool| PlannedZone {
        name: name.to_owned(),
        nameservers: dots(nameservers).into(),
        // Data in the zone itself or glue: in either case only for names below its apex.
        records: hosts
            .iter()
            .flat_map(|hosts| hosts.iter())
            .filter(|(host, _)| name == "." || host.ends_with(&format!(".{name}")))
            .map(|(host, address)| (host.clone(), "A", vec![address.to_string()]))
            .collect(),
        pool,
    };
    let infrastructure = ["openova-dns.net.", "openova-dns.org."];
    Tree {
        root: zone(".", ROOT_NAMESERVERS, &[&root_hosts, &tld_hosts], false),
        tlds: TLDS
            .map(|tld| {
                zone(
                    tld,
                    TLD_NAMESERVERS,
                    &[&root_hosts, &tld_hosts, &pool_hosts, &old_hosts],
                    false,
                )
            })
            .into(),
        below: infrastructure
            .map(|name| zone(name, POOL_NAMESERVERS, &[&pool_hosts, &tenant_hosts], false))
            .into_iter()
            .chain(POOLS.map(|pool| zone(&format!("{pool}."), POOL_NAMESERVERS, &[], true)))
            .collect(),
    }
}
