//! Compares the servers with the database, in both directions.
//!
//! The world is read first and the database after it, so something that is in neither order explained may only be
//! younger or older than the other reading. Every suspicion is therefore looked at once more, alone, before it counts.

mod compare;
mod listing;
mod repair;
mod settle;

use pdm_registrar::DomainName;
use powerdns_client::Error;

use crate::operations::World;
use crate::store::StoreError;

/// What a pass found.
#[derive(Debug, Default)]
pub struct Found {
    /// Zones, delegations and DS without an owner.
    pub orphans: usize,
    /// Names in pools' zones that no claim explains.
    pub foreign_names: usize,
    /// Active names whose zone or delegation is not as it should be.
    pub drifted: usize,
    /// Repairs begun.
    pub repairs: usize,
}

impl Found {
    pub(super) fn report(&self) {
        for (kind, count) in [
            ("orphans", self.orphans),
            ("foreign_names", self.foreign_names),
            ("drifted", self.drifted),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "a gauge of a count")]
            metrics::gauge!("pdm_reconcile_found", "kind" => kind).set(count as f64);
        }
        if self.orphans + self.drifted > 0 {
            tracing::warn!(
                orphans = self.orphans,
                drifted = self.drifted,
                repairs = self.repairs,
                "differences found"
            );
        }
    }
}

/// Why a pass ended early. Nothing was decided by it.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A server.
    #[error("PowerDNS: {0}")]
    Server(#[from] Error),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// One pass over every pool and every server.
pub async fn sweep(world: &World) -> Result<Found, SweepError> {
    let pools = world.store.read(|tx| Box::pin(tx.pools())).await?;
    let mut zones = listing::list_zones(world, &pools).await?;
    let mut found = Found::default();
    let mut orphan_zones = Vec::new();
    for pool in &pools {
        let domain = pool.domain.clone();
        let serial = world.parents.serial_of(&domain).await?;
        let look = world
            .store
            .read(|tx| Box::pin(async move { tx.before_full_look(&domain, serial).await }))
            .await?;
        let mut labels = listing::list_labels(world, pool).await?;
        let suspicions = compare::compare(world, pool, &mut labels, &mut zones).await?;
        settle::settle_foreign(world, pool, &suspicions, &labels, look, &mut found).await?;
        repair::repair(world, pool, suspicions.drifted, suspicions.active, &mut found).await?;
        orphan_zones.extend(suspicions.orphan_zones);
    }
    let elsewhere = zones
        .iter()
        .filter(|(name, marker)| marker.is_ours() && !pools.iter().any(|pool| is_below(name, &pool.domain)));
    orphan_zones.extend(elsewhere.map(|(name, marker)| (name.to_string(), marker.to_string())));
    settle::settle_orphan_zones(world, orphan_zones, &mut found).await?;
    Ok(found)
}

fn is_below(name: &str, pool: &DomainName) -> bool {
    name.strip_suffix(pool.as_str())
        .is_some_and(|rest| rest.ends_with('.'))
}
