//! What is not ours, or belongs to nobody: learned and listed, never touched.

use std::collections::{BTreeSet, HashSet};

use pdm_registrar::DomainName;
use powerdns_client::Error;

use super::compare::Suspicions;
use super::listing::Labels;
use super::{Found, SweepError};
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::ids::ClaimId;
use crate::domain::pool::Pool;
use crate::operations::World;
use crate::store::{FullLook, Store, StoreError};

/// Learns names that are taken by others, and lists delegations to us that nobody owns.
pub(super) async fn settle_foreign(
    world: &World,
    pool: &Pool,
    suspicions: &Suspicions,
    labels: &Labels,
    look: FullLook,
    found: &mut Found,
) -> Result<(), SweepError> {
    let (mut foreign, mut delegations, mut ds) = (Vec::new(), Vec::new(), Vec::new());
    let domain = pool.domain.clone();
    let known: HashSet<DomainName> = world
        .store
        .read(|tx| Box::pin(async move { tx.foreign_names(&domain).await }))
        .await?
        .into_iter()
        .collect();
    // A name that was known may be another's by now in the eyes of its own activation only.
    let suspected: BTreeSet<&DomainName> = suspicions.foreign.iter().chain(&known).collect();
    let listed: HashSet<&DomainName> = suspicions.foreign.iter().collect();
    for name in suspected {
        let stands = match explanation(&world.store, name).await? {
            Some(claim) if claim.state == ClaimState::Activating => {
                stranger_beside(world, pool, &claim).await?
            }
            Some(_) => false,
            // What the listing saw may have been the last of a name that was given back meanwhile.
            None => {
                listed.contains(name) && (known.contains(name) || still_stands(world, pool, name).await?)
            }
        };
        if !stands {
            continue;
        }
        foreign.push(name.clone());
        if let Some(at) = labels.get(name.as_str()) {
            let now = world.parents.look(&pool.domain, name).await?;
            if at.delegates_to_us && now.ns.is_some() {
                delegations.push((name.as_str().to_owned(), None));
            }
            if at.delegates_to_us && at.has_ds && now.ds.is_some() {
                ds.push((name.as_str().to_owned(), None));
            }
        }
    }
    found.foreign_names += foreign.len();
    found.orphans += delegations.len() + ds.len();
    let looked = !suspicions.undecided;
    let (domain, server) = (
        pool.domain.clone(),
        format!("{} in {}", world.parents.servers().first_url(), pool.domain),
    );
    world
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.replace_foreign_names(&domain, &foreign).await?;
                if looked {
                    tx.saw_parent(&domain, look).await?;
                }
                tx.replace_orphans(&server, "delegation", &delegations).await?;
                tx.replace_orphans(&server, "ds", &ds).await
            })
        })
        .await?;
    Ok(())
}

/// Whether something stands at or below a name now.
async fn still_stands(world: &World, pool: &Pool, name: &DomainName) -> Result<bool, Error> {
    Ok(!world.parents.look(&pool.domain, name).await?.is_empty()
        || world.zones.marker_of(name).await?.is_some()
        || stands_below(world, pool, name).await?)
}

async fn stands_below(world: &World, pool: &Pool, name: &DomainName) -> Result<bool, Error> {
    let (pools, tenants) = (world.parents.servers(), world.zones.servers());
    Ok(pools.find_below(name, Some(&pool.domain)).await?.is_some()
        || tenants.find_below(name, None).await?.is_some())
}

/// Whether something stands at or below the name of a claim that is being activated, beside what the claim makes.
async fn stranger_beside(world: &World, pool: &Pool, claim: &Claim) -> Result<bool, Error> {
    let name = &claim.name;
    let at = world.parents.look(&pool.domain, name).await?;
    let marker = world.zones.marker_of(name).await?;
    Ok(!at.others.is_empty()
        || !at.may_be_ours(&claim.nameservers, &claim.ds)
        || marker.is_some_and(|marker| marker != claim.id.to_string())
        || stands_below(world, pool, name).await?)
}

/// The claim, more than a hold, that has the name now, or on which work is open.
async fn explanation(store: &Store, name: &DomainName) -> Result<Option<Claim>, StoreError> {
    let name = name.clone();
    store
        .read(|tx| {
            Box::pin(async move {
                let claim = tx.current_claim(&name).await?;
                if claim
                    .as_ref()
                    .is_some_and(|claim| claim.state != ClaimState::Reserved)
                {
                    return Ok(claim);
                }
                match tx.open_operation(&name).await? {
                    Some(open) => tx.claim(open.claim, None).await,
                    None => Ok(None),
                }
            })
        })
        .await
}

pub(super) async fn settle_orphan_zones(
    world: &World,
    suspected: Vec<(String, String)>,
    found: &mut Found,
) -> Result<(), SweepError> {
    let mut orphans = Vec::new();
    for (name, account) in suspected {
        let Ok(domain) = DomainName::parse(&name) else {
            continue;
        };
        let now = world.zones.marker_of(&domain).await?;
        let of_claim = account.parse::<ClaimId>().ok();
        let explained = match of_claim {
            Some(id) => world
                .store
                .read(|tx| Box::pin(tx.claim(id, None)))
                .await?
                .is_some_and(|claim| {
                    matches!(
                        claim.state,
                        ClaimState::Activating | ClaimState::Active | ClaimState::Releasing
                    ) && claim.name == domain
                }),
            None => false,
        };
        if now.as_ref() == Some(&account) && !explained {
            orphans.push((name, (!account.is_empty()).then_some(account)));
        }
    }
    found.orphans += orphans.len();
    let server = world.zones.servers().first_url().to_owned();
    world
        .store
        .write(move |tx| Box::pin(async move { tx.replace_orphans(&server, "zone", &orphans).await }))
        .await?;
    Ok(())
}
