//! Making the zones and joining them: each child's NS and DS records go into its parent.

use anyhow::{Context, Result};
use conformance_servers::{PowerDns, TrustAnchor};
use powerdns_client::{CanonicalName, Client, Config, Ds, NewZone, RecordType, Rrset, RrsetChange};

use super::names::{PlannedZone, Tree};

/// All times to live above the tenants, in seconds. Short, so that nothing has to be waited for.
const TTL: u32 = 5;
/// SOA MINIMUM and with it the time for which "there is no such name" is kept. The shortest, since a test asks for a name
/// before it makes it.
const NEGATIVE_TTL: u32 = 1;

/// Makes what is missing and gives back the root zone's key. Run again it changes nothing but serial numbers.
pub(super) async fn build(
    tree: &Tree,
    root: &PowerDns,
    tlds: &PowerDns,
    below: &PowerDns,
) -> Result<TrustAnchor> {
    let (root, tlds, below) = (client(root)?, client(tlds)?, client(below)?);
    ensure(&root, &tree.root).await?;
    for zone in &tree.tlds {
        ensure(&tlds, zone).await?;
        delegate(&root, &tree.root, &tlds, zone).await?;
    }
    for zone in &tree.below {
        ensure(&below, zone).await?;
        let parent = tree
            .tlds
            .iter()
            .find(|tld| zone.name.ends_with(&format!(".{}", tld.name)));
        delegate(
            &tlds,
            parent.context("every zone has a top-level domain")?,
            &below,
            zone,
        )
        .await?;
    }
    let keys = root.cryptokeys(&CanonicalName::root()).await?;
    TrustAnchor::dnskey(&keys.first().context("the root zone has no key")?.dnskey)
}

fn client(server: &PowerDns) -> Result<Client> {
    Ok(Client::new(Config::new(
        server.api_url(),
        server.api_key().into(),
    ))?)
}

async fn ensure(client: &Client, planned: &PlannedZone) -> Result<()> {
    let name = CanonicalName::parse(&planned.name)?;
    match client.zone_properties(&name).await? {
        Some(found) if found.dnssec => return Ok(()),
        // Its creation was cut short.
        Some(_) => {
            client.delete_zone(&name).await?;
        }
        None => {}
    }
    let mut zone = NewZone::new(name.clone());
    if planned.pool {
        // The setting with which a change costs the same however many names the pool has, and absent names still have a
        // valid proof.
        zone.api_rectify = false;
        "1 0 0 -".clone_into(&mut zone.nsec3param);
        zone.nsec3narrow = true;
    }
    let soa = format!(
        "{} hostmaster.openova-dns.net. 1 3600 600 86400 {NEGATIVE_TTL}",
        planned.nameservers[0]
    );
    zone.rrsets = vec![
        Rrset::new(name.clone(), RecordType::SOA, NEGATIVE_TTL, [soa]),
        Rrset::new(name, RecordType::NS, TTL, planned.nameservers.clone()),
    ];
    for (owner, kind, data) in &planned.records {
        zone.rrsets.push(Rrset::new(
            CanonicalName::parse(owner)?,
            kind.parse()?,
            TTL,
            data.clone(),
        ));
    }
    client
        .create_zone(&zone)
        .await
        .with_context(|| format!("cannot make the zone {}", planned.name))
}

async fn delegate(
    parent_client: &Client,
    parent: &PlannedZone,
    child_client: &Client,
    child: &PlannedZone,
) -> Result<()> {
    let name = CanonicalName::parse(&child.name)?;
    let keys = child_client.cryptokeys(&name).await?;
    let ds = keys
        .iter()
        .find_map(|key| key.ds_of_type(Ds::SHA256))
        .context("a signed zone has a DS record")?;
    let changes = [
        RrsetChange::Replace(Rrset::new(
            name.clone(),
            RecordType::NS,
            TTL,
            child.nameservers.clone(),
        )),
        RrsetChange::Replace(Rrset::new(name, RecordType::DS, TTL, [ds.to_string()])),
    ];
    let parent = CanonicalName::parse(&parent.name)?;
    parent_client
        .patch_rrsets(&parent, &changes)
        .await
        .with_context(|| format!("cannot delegate {}", child.name))
}
