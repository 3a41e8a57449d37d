//! What the servers hold, read as streams: a zone of fifty thousand delegations is never in memory as text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;

use pdm_registrar::DomainName;
use powerdns_client::{Error, RecordType, Rrset, ZoneFilter};

use super::SweepError;
use crate::delegation::Delegation;
use crate::dns::canonical;
use crate::dns::pool_zone::below;
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

/// Zones with our mark, or below a pool, with what is written in them.
pub(super) async fn list_zones(world: &World, pools: &[Pool]) -> Result<BTreeMap<String, String>, Error> {
    let listed = Mutex::new(BTreeMap::new());
    world
        .zones
        .servers()
        .first(|client| {
            let listed = &listed;
            async move {
                client
                    .for_each_zone(&ZoneFilter::All, |zone| {
                        let name = zone.name.as_str().trim_end_matches('.');
                        let below = pools.iter().any(|pool| {
                            name.strip_suffix(pool.domain.as_str())
                                .is_some_and(|rest| rest.ends_with('.'))
                        });
                        if below || zone.account.starts_with("clm_") {
                            let mut listed = listed.lock().expect("nobody panics with it");
                            listed.insert(name.to_owned(), zone.account.clone());
                        }
                    })
                    .await
            }
        })
        .await?;
    Ok(listed.into_inner().expect("nobody panics with it"))
}

/// What stands below a pool's apex, by its first label as a full name.
pub(super) async fn list_labels(world: &World, pool: &Pool) -> Result<HashMap<String, AtLabel>, SweepError> {
    // The hosts of now, and those that earlier claims were delegated to.
    let domain = pool.domain.clone();
    let earlier = world
        .store
        .read(|tx| Box::pin(async move { tx.nameservers_ever(&domain).await }))
        .await?;
    let now = pool.nameservers.iter().chain(&world.config.nameservers);
    let ours: BTreeSet<String> = now.chain(&earlier).map(|host| format!("{host}.")).collect();
    let labels = Mutex::new(HashMap::<String, AtLabel>::new());
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
                        let at = labels.entry(name.as_str().to_owned()).or_default();
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
