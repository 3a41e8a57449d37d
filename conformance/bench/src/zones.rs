//! Zones that parts need before they measure: parents of all three contenders, empty or with delegations.

use anyhow::{Context, Result};
use conformance::world::{POOL_NAMESERVERS, TENANT_NAMESERVERS, World};
use conformance_servers::PowerDns;
use powerdns_client::{
    CanonicalName, Client, Config, Ds, NewZone, RecordType, Rrset, RrsetChange, ZoneChange,
};

/// TTLs that the control plane gives by default, so that all contenders write the same records.
pub const NS_TTL: u32 = 3600;
/// See [`NS_TTL`].
pub const DS_TTL: u32 = 300;
/// See [`NS_TTL`].
pub const HOST_TTL: u32 = 300;
/// Where all names lead.
pub const TARGET: &str = "203.0.113.10";
/// Owners below each name, the name itself apart.
pub const HOSTS: [&str; 5] = ["*", "console", "api", "gitea", "harbor"];

/// Names in one PATCH that fills a parent: well below the 2 MB that PowerDNS takes.
const PORTION: usize = 2_000;

/// How a parent is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// NSEC, put right as a whole at each change: PowerDNS' default, and the replaced system's way.
    Rectified,
    /// NSEC3 made for each question, nothing put right: what a pool of the control plane must be.
    Narrow,
}

/// A client of a server with the limits of a contender.
pub fn client(server: &PowerDns, max_connections: usize) -> Result<Client> {
    let mut config = Config::new(server.api_url(), server.api_key().into());
    config.max_connections = max_connections;
    // A call of the replaced system on a large pool takes many seconds when others wait before it.
    config.deadline = std::time::Duration::from_mins(2);
    Ok(Client::new(config)?)
}

/// The zone's apex, and how its delegations look.
pub async fn make_parent(
    world: &World,
    name: &str,
    upkeep: Upkeep,
    delegations: usize,
) -> Result<CanonicalName> {
    let client = client(world.pool_server(), 1)?;
    let apex = CanonicalName::parse(&format!("{name}."))?;
    let mut zone = NewZone::new(apex.clone());
    zone.api_rectify = false;
    if upkeep == Upkeep::Narrow {
        "1 0 0 -".clone_into(&mut zone.nsec3param);
        zone.nsec3narrow = true;
    }
    let hosts = POOL_NAMESERVERS.map(|host| format!("{host}."));
    let soa = format!("{} hostmaster.{name}. 1 10800 3600 604800 60", hosts[0]);
    zone.rrsets = vec![
        Rrset::new(apex.clone(), RecordType::SOA, 60, [soa]),
        Rrset::new(apex.clone(), RecordType::NS, NS_TTL, hosts),
    ];
    client.create_zone(&zone).await?;
    fill(&client, &apex, delegations).await?;
    if upkeep == Upkeep::Rectified {
        let rectify = ZoneChange {
            api_rectify: Some(true),
            ..ZoneChange::default()
        };
        client.set_zone_properties(&apex, &rectify).await?;
        client.rectify(&apex).await?;
    }
    // The first change sets the serial to the date; from then on each adds one, and they can be counted.
    let text = Rrset::new(
        apex.clone(),
        RecordType::TXT,
        NS_TTL,
        ["\"a parent of pdm-bench\""],
    );
    client.patch_rrsets(&apex, &[RrsetChange::Replace(text)]).await?;
    Ok(apex)
}

async fn fill(client: &Client, apex: &CanonicalName, delegations: usize) -> Result<()> {
    let ds: Ds = format!("12345 13 2 {}", "ab".repeat(32)).parse()?;
    for first in (0..delegations).step_by(PORTION) {
        let mut changes = Vec::new();
        for n in first..delegations.min(first + PORTION) {
            changes.extend(delegation(&apex.child(&format!("filler-{n:06}"))?, Some(&ds)));
        }
        client.patch_rrsets(apex, &changes).await?;
    }
    Ok(())
}

/// NS, and DS if given, of a name.
pub fn delegation(name: &CanonicalName, ds: Option<&Ds>) -> Vec<RrsetChange> {
    let hosts = TENANT_NAMESERVERS.map(|host| format!("{host}."));
    let ns = Rrset::new(name.clone(), RecordType::NS, NS_TTL, hosts);
    let ds = ds.map(|ds| Rrset::new(name.clone(), RecordType::DS, DS_TTL, [ds.to_string()]));
    [Some(ns), ds]
        .into_iter()
        .flatten()
        .map(RrsetChange::Replace)
        .collect()
}

/// SOA and NS of a name's zone.
pub fn apex_sets(name: &CanonicalName) -> Vec<Rrset> {
    let hosts = TENANT_NAMESERVERS.map(|host| format!("{host}."));
    let soa = format!(
        "{} hostmaster.{} 1 10800 3600 604800 300",
        hosts[0],
        name.as_str()
    );
    vec![
        Rrset::new(name.clone(), RecordType::SOA, NS_TTL, [soa]),
        Rrset::new(name.clone(), RecordType::NS, NS_TTL, hosts),
    ]
}

/// The addresses of a name and of the hosts below it.
pub fn host_sets(name: &CanonicalName) -> Vec<Rrset> {
    let below = HOSTS.map(|host| name.child(host).expect("a host fits below a name of ours"));
    let all = std::iter::once(name.clone()).chain(below);
    all.map(|owner| Rrset::new(owner, RecordType::A, HOST_TTL, [TARGET]))
        .collect()
}

/// Makes the chain of trust to a parent below `test.`: NS and DS at the top-level domain.
pub async fn delegate_from_tld(world: &World, apex: &CanonicalName) -> Result<()> {
    let keys = client(world.pool_server(), 1)?.cryptokeys(apex).await?;
    let ds = keys
        .iter()
        .find_map(|key| key.ds_of_type(Ds::SHA256))
        .context("a signed zone has a DS record")?;
    let hosts = POOL_NAMESERVERS.map(|host| format!("{host}."));
    let changes = [
        RrsetChange::Replace(Rrset::new(apex.clone(), RecordType::NS, DS_TTL, hosts)),
        RrsetChange::Replace(Rrset::new(apex.clone(), RecordType::DS, DS_TTL, [ds.to_string()])),
    ];
    let test = CanonicalName::parse("test.")?;
    Ok(client(&world.tlds, 1)?.patch_rrsets(&test, &changes).await?)
}

/// How often the zone has been changed through the API, counted by PowerDNS itself: each PATCH adds one to the serial.
pub async fn changes_so_far(world: &World, apex: &CanonicalName) -> Result<u32> {
    let properties = client(world.pool_server(), 1)?.zone_properties(apex).await?;
    Ok(properties
        .with_context(|| format!("there is no zone {}", apex.as_str()))?
        .serial)
}
