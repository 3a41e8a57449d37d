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

/// Most rows that one transaction forgets.
const FORGOTTEN: i64 = 2_000;

/// Forgets old events and kept answers, in portions between which others get to write.
pub(super) async fn prune(store: &Store, timing: &Timing) -> Result<(), StoreError> {
    let (keep, after_end, events) = (
        timing.idempotency_keep,
        timing.idempotency_after_end,
        timing.events_keep,
    );
    loop {
        let (answers, events) = store
            .write(move |tx| {
                Box::pin(async move {
                    let answers = tx.prune_kept(keep, after_end, FORGOTTEN).await?;
                    Ok::<_, StoreError>((answers, tx.prune_events(events, FORGOTTEN).await?))
                })
            })
            .await?;
        if answers.max(events) < FORGOTTEN.unsigned_abs() {
            return Ok(());
        }
    }
}
