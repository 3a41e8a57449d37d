//! What the servers hold, read as streams: a zone of fifty thousand delegations is never in memory as text.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use pdm_registrar::DomainName;
use powerdns_client::{Error, RecordType, Rrset, ZoneFilter};

use super::{SweepError, is_below};
use crate::delegation::Delegation;
use crate::dns::canonical;
use crate::dns::pool_zone::below;
use crate::domain::ids::ClaimId;
use crate::domain::pool::Pool;
use crate::operations::World;

/// What stands at one label of a parent zone: enough to see whether it is ours without keeping its text.
#[derive(Clone, Default)]
pub(super) struct AtLabel {
    pub(super) delegates_to_us: bool,
    pub(super) has_ds: bool,
    /// Hash of NS and DS as they are; equal to that of what should be when nothing drifted.
    pub(super) fingerprint: u64,
}

/// What stands below a pool's apex, by its first label as a full name.
pub(super) type Labels = HashMap<Box<str>, AtLabel>;

/// Zones of others below a pool, and all with our mark, by name. There may be a hundred thousand.
pub(super) type ZoneList = HashMap<Box<str>, Marker>;

/// What is written in a zone to say whose it is.
pub(super) enum Marker {
    /// As this program writes it.
    Claim(ClaimId),
    /// Something else, or nothing.
    Other(Box<str>),
}

impl Marker {
    fn read(account: &str) -> Self {
        match account.parse::<ClaimId>() {
            Ok(claim) if claim.to_string() == account => Self::Claim(claim),
            _ => Self::Other(account.into()),
        }
    }

    /// Whether it is that of a claim.
    pub(super) fn is(&self, claim: ClaimId) -> bool {
        matches!(self, Self::Claim(marked) if *marked == claim)
    }

    /// Whether this program may have written it.
    pub(super) fn is_ours(&self) -> bool {
        match self {
            Self::Claim(_) => true,
            Self::Other(account) => account.starts_with("clm_"),
        }
    }
}

impl std::fmt::Display for Marker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Claim(claim) => claim.fmt(f),
            Self::Other(account) => account.fmt(f),
        }
    }
}

/// Zones with our mark, or below a pool.
pub(super) async fn list_zones(world: &World, pools: &[Pool]) -> Result<ZoneList, Error> {
    let listed = Mutex::new(ZoneList::new());
    world
        .zones
        .servers()
        .first(|client| {
            let listed = &listed;
            async move {
                client
                    .for_each_zone(&ZoneFilter::All, |zone| {
                        let name = zone.name.as_str().trim_end_matches('.');
                        let marker = Marker::read(&zone.account);
                        if marker.is_ours() || pools.iter().any(|pool| is_below(name, &pool.domain)) {
                            let mut listed = listed.lock().expect("nobody panics with it");
                            listed.insert(name.into(), marker);
                        }
                    })
                    .await
            }
        })
        .await?;
    Ok(listed.into_inner().expect("nobody panics with it"))
}

/// Lists what stands below a pool's apex.
pub(super) async fn list_labels(world: &World, pool: &Pool) -> Result<Labels, SweepError> {
    // The hosts of now, and those that earlier claims were delegated to.
    let domain = pool.domain.clone();
    let earlier = world
        .store
        .read(|tx| Box::pin(async move { tx.nameservers_ever(&domain).await }))
        .await?;
    let now = pool.nameservers.iter().chain(&world.config.nameservers);
    let ours: BTreeSet<String> = now.chain(&earlier).map(|host| format!("{host}.")).collect();
    let labels = Mutex::new(Labels::new());
    let zone = canonical(pool.domain.as_str());
    world
        .parents
        .servers()
        .first(|client| {
            let (zone, labels, ours) = (&zone, &labels, &ours);
            async move {
                client
                    .for_each_rrset(zone, |set: Rrset| {
                        let Some(name) = below(&pool.domain, set.name.as_str()) else {
                            return;
                        };
                        let mut labels = labels.lock().expect("nobody panics with it");
                        let at = labels.entry(name.as_str().into()).or_default();
                        let contents: Vec<String> = set.contents().map(str::to_ascii_lowercase).collect();
                        if set.rtype == RecordType::NS {
                            at.delegates_to_us |= contents.iter().any(|host| ours.contains(host));
                        }
                        at.has_ds |= set.rtype == RecordType::DS;
                        at.fingerprint ^=
                            fingerprint(set.name.as_str(), set.rtype.as_str(), set.ttl, contents);
                    })
                    .await
            }
        })
        .await?;
    Ok(labels.into_inner().expect("nobody panics with it"))
}

fn fingerprint(owner: &str, rtype: &str, ttl: u32, mut contents: Vec<String>) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    contents.sort();
    let mut hasher = DefaultHasher::new();
    (owner, rtype, ttl, contents).hash(&mut hasher);
    hasher.finish()
}

pub(super) fn fingerprint_of(name: &DomainName, wanted: &Delegation) -> u64 {
    let owner = format!("{name}.");
    let hosts = wanted.nameservers.iter().map(|host| format!("{host}.")).collect();
    let ds = wanted
        .ds
        .iter()
        .map(|ds| ds.to_string().to_ascii_lowercase())
        .collect();
    fingerprint(&owner, "NS", wanted.ns_ttl, hosts) ^ fingerprint(&owner, "DS", wanted.ds_ttl, ds)
}
