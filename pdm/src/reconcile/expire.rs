//! Holds whose time is over, and rows that nobody needs any more.

use crate::config::Timing;
use crate::operations::claim_event;
use crate::store::{Store, StoreError};

/// Most holds that one transaction ends: fifty thousand that end at once must not hold up reserves.
const PORTION: i64 = 200;

/// Ends every hold whose time is over by the database's clock; answers how many.
pub(super) async fn expire_holds(store: &Store) -> Result<usize, StoreError> {
    let mut total = 0;
    loop {
        let ended = store
            .write(|tx| {
                Box::pin(async move {
                    let claims = tx.expire_holds(PORTION).await?;
                    for claim in &claims {
                        claim_event(tx, claim, claim.operation).await?;
                    }
                    Ok::<_, StoreError>(claims.len())
                })
            })
            .await?;
        total += ended;
        if ended < usize::try_from(PORTION).unwrap_or(usize::MAX) {
            return Ok(total);
        }
    }
}

/// Forgets old events and kept answers.
pub(super) async fn prune(store: &Store, timing: &Timing) -> Result<(), StoreError> {
    let (keep, after_end, events) = (
        timing.idempotency_keep,
        timing.idempotency_after_end,
        timing.events_keep,
    );
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.prune_kept(keep, after_end).await?;
                tx.prune_events(events, 5_000).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
}
