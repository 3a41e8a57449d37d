//! `cancel` and `retry` of an operation.

use super::trail::{self, Note};
use super::{Asked, Code, Decided, Refusal, Work, claim_of, release, work};
use crate::domain::claim::Claim;
use crate::domain::ids::OperationId;
use crate::domain::operation::{Operation, OperationKind, UNDO_ACTIVATE, Undoing};
use crate::store::{Leave, Tx};

/// Stops an activation and undoes what it has done. Once the parent may have been changed, that is a release.
pub async fn cancel(tx: &mut Tx<'_>, asked: Asked<'_>, id: OperationId) -> Decided<Work> {
    let (operation, claim) = open(tx, asked, id).await?;
    let refuse = |why: &str| Err(Refusal::new(Code::ClaimState, why).into());
    match operation.kind {
        OperationKind::Activate if operation.facts.repair => {
            return refuse("the service is putting the active name right again");
        }
        OperationKind::Activate if operation.facts.undoing.is_some() => return Ok(Work { operation, claim }),
        OperationKind::Activate => {}
        OperationKind::Release => {
            return refuse("a release cannot be stopped: reserve the name again after its end");
        }
        OperationKind::Retarget => {
            return refuse("new addresses cannot be stopped half-way: set the old ones again after its end");
        }
        OperationKind::Records => {
            return refuse("a change of records cannot be stopped half-way: change them back instead");
        }
    }
    let Some(mut seized) = tx.seize_operation(id).await? else {
        return Err(ended().into());
    };
    if seized.may_have_touched_parent() {
        return release::take_back(tx, asked, claim, Some(seized), "operation.cancel").await;
    }
    let now = tx.now().await?;
    if work::may_still_write(&seized) {
        seized.facts.settle_until = Some(now.plus(asked.config.timing.settle));
    }
    seized.undo(Undoing::Cancelled, UNDO_ACTIVATE);
    seized.waiting_until = None;
    seized.next_attempt_at = Some(now);
    tx.save_operation(&seized, Leave::Until(now)).await?;
    note(tx, asked, "operation.cancel", &claim, id).await?;
    Ok(Work {
        operation: seized,
        claim,
    })
}

/// Makes an operation due now; one that is blocked looks again.
pub async fn retry(tx: &mut Tx<'_>, asked: Asked<'_>, id: OperationId) -> Decided<Work> {
    let (_, claim) = open(tx, asked, id).await?;
    if !tx.hasten_operation(id).await? {
        return Err(ended().into());
    }
    note(tx, asked, "operation.retry", &claim, id).await?;
    Work::join(tx, claim, id).await
}

async fn note(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    action: &'static str,
    claim: &Claim,
    id: OperationId,
) -> Decided<()> {
    let note = Note {
        action,
        before: Some(claim),
        after: claim,
        operation: Some(id),
        detail: None,
    };
    Ok(trail::changed(tx, asked, note).await?)
}

/// An operation that has not ended, read under the lock of its claim.
async fn open(tx: &mut Tx<'_>, asked: Asked<'_>, id: OperationId) -> Decided<(Operation, Claim)> {
    let seen = tx
        .operation(id, asked.tenant())
        .await?
        .ok_or_else(Refusal::no_operation)?;
    let claim = claim_of(tx, asked, seen.claim).await?;
    match tx.operation(id, asked.tenant()).await? {
        Some(operation) if operation.ended_at.is_none() => Ok((operation, claim)),
        _ => Err(ended().into()),
    }
}

fn ended() -> Refusal {
    Refusal::new(Code::ClaimState, "the operation has ended")
}
