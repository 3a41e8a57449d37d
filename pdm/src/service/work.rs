//! Operations: starting them, and taking them away from their worker.

use super::trail::{self, Note};
use super::{Asked, Decided, Refusal, ServiceError};
use crate::domain::claim::Claim;
use crate::domain::event::EventKind;
use crate::domain::operation::{Facts, Operation, OperationKind, OperationState};
use crate::operations::operation_event;
use crate::store::{Leave, NewOperation, StoreError, Tx};

/// A claim and the operation on it that a verb started or joined.
#[derive(Clone, Debug)]
pub struct Work {
    /// The operation.
    pub operation: Operation,
    /// The claim.
    pub claim: Claim,
}

impl Work {
    /// Joins an operation of the claim.
    pub(super) async fn join(
        tx: &mut Tx<'_>,
        claim: Claim,
        id: crate::domain::ids::OperationId,
    ) -> Decided<Self> {
        match tx.operation(id, Some(claim.tenant)).await? {
            Some(operation) => Ok(Self { operation, claim }),
            None => Err(missing(&claim)),
        }
    }

    /// What is asked for is so already: the operation that writes the zone, if one is open, or else the one that made it
    /// so.
    pub(super) async fn unchanged(tx: &mut Tx<'_>, claim: Claim) -> Decided<Self> {
        match tx.open_operation(&claim.name).await? {
            Some(operation) if operation.facts.undoing.is_none() => Ok(Self { operation, claim }),
            _ => Self::newest_done(tx, claim).await,
        }
    }

    /// The operation that made the claim what it is now: the newest that succeeded.
    pub(super) async fn newest_done(tx: &mut Tx<'_>, claim: Claim) -> Decided<Self> {
        match tx.newest_succeeded(claim.id).await? {
            Some(operation) => Ok(Self { operation, claim }),
            None => Err(missing(&claim)),
        }
    }
}

fn missing(claim: &Claim) -> ServiceError {
    StoreError::Inconsistent {
        table: "claims",
        column: "operation_id",
        id: claim.id.to_string(),
    }
    .into()
}

/// Inserts an operation and tells streams. The caller writes the claim.
pub(super) async fn start(
    tx: &mut Tx<'_>,
    kind: OperationKind,
    claim: &Claim,
    facts: Facts,
) -> Decided<Operation> {
    if let Some(open) = tx.open_operation(&claim.name).await? {
        return Err(Refusal::in_progress(Some(open.id)).into());
    }
    let started = match tx.insert_operation(NewOperation { kind, claim, facts }).await {
        Err(StoreError::Duplicate) => return Err(Refusal::in_progress(None).into()),
        other => other?,
    };
    operation_event(tx, &started, EventKind::OperationStarted).await?;
    Ok(started)
}

/// Starts an operation on an active claim and notes it as its last.
pub(super) async fn start_on_active(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    kind: OperationKind,
    action: &'static str,
    before: &Claim,
    mut claim: Claim,
    detail: Option<String>,
) -> Decided<Work> {
    let operation = start(tx, kind, &claim, Facts::default()).await?;
    claim.operation = Some(operation.id);
    tx.update_claim(&mut claim).await?;
    let note = Note {
        action,
        before: Some(before),
        after: &claim,
        operation: Some(operation.id),
        detail,
    };
    trail::changed(tx, asked, note).await?;
    Ok(Work { operation, claim })
}

/// Adds a change of what the zone holds to work that is under way: it writes the zone once more before it ends.
pub(super) async fn join_open(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    action: &'static str,
    before: &Claim,
    mut claim: Claim,
    open: Operation,
) -> Decided<Work> {
    tx.update_claim(&mut claim).await?;
    tx.hasten_operation(open.id).await?;
    let note = Note {
        action,
        before: Some(before),
        after: &claim,
        operation: Some(open.id),
        detail: None,
    };
    trail::changed(tx, asked, note).await?;
    Ok(Work {
        operation: open,
        claim,
    })
}

/// Takes the open operation of a claim away from its worker, which can write nothing from here on. The caller
/// decides what becomes of it and saves it.
pub(super) async fn seize(tx: &mut Tx<'_>, claim: &Claim) -> Decided<Option<Operation>> {
    Ok(match tx.open_operation(&claim.name).await? {
        Some(open) => tx.seize_operation(open.id).await?,
        None => None,
    })
}

/// Ends a seized operation as cancelled: another one carries on from what it has done.
pub(super) async fn end_cancelled(tx: &mut Tx<'_>, operation: &mut Operation) -> Decided<()> {
    let now = tx.now().await?;
    operation.state = OperationState::Cancelled;
    operation.ended_at = Some(now);
    operation.next_attempt_at = None;
    operation.waiting_until = None;
    operation.blocked_by = None;
    tx.save_operation(operation, Leave::Keep).await?;
    operation_event(tx, operation, EventKind::OperationFailed).await?;
    Ok(())
}

/// Whether a step of the operation that writes was begun: what it sent may still arrive.
pub(super) fn may_still_write(operation: &Operation) -> bool {
    operation
        .steps
        .iter()
        .any(|step| step.name.writes() && step.attempts > 0)
}
