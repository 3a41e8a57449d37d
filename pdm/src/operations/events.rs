//! What streams are told, in the transaction of the change.

use crate::domain::claim::Claim;
use crate::domain::event::EventKind;
use crate::domain::ids::OperationId;
use crate::domain::operation::Operation;
use crate::store::{NewEvent, StoreError, Tx, with_time};
use crate::view::{ClaimView, OperationView};

/// An event about a step: the operation as the API shows it, with the step beside it.
pub(super) async fn step_event(
    tx: &mut Tx<'_>,
    operation: &Operation,
    index: usize,
    kind: EventKind,
) -> Result<(), StoreError> {
    let view = OperationView::from(operation);
    let step = serde_json::to_value(&view.steps[index]).unwrap_or_default();
    let mut object = serde_json::to_value(&view).unwrap_or_default();
    object["step"] = step;
    write_event(tx, operation, kind, object).await
}

/// An event about an operation.
pub(crate) async fn operation_event(
    tx: &mut Tx<'_>,
    operation: &Operation,
    kind: EventKind,
) -> Result<(), StoreError> {
    let object = serde_json::to_value(OperationView::from(operation)).unwrap_or_default();
    write_event(tx, operation, kind, object).await
}

async fn write_event(
    tx: &mut Tx<'_>,
    operation: &Operation,
    kind: EventKind,
    object: serde_json::Value,
) -> Result<(), StoreError> {
    let data = with_time(object, tx.now().await?);
    tx.event(NewEvent {
        kind,
        tenant: operation.tenant,
        claim: operation.claim,
        operation: Some(operation.id),
        data,
    })
    .await
}

/// An event about a claim, in the stream of the operation that changed it.
pub(crate) async fn claim_event(
    tx: &mut Tx<'_>,
    claim: &Claim,
    operation: Option<OperationId>,
) -> Result<(), StoreError> {
    let object = serde_json::to_value(ClaimView::from(claim)).unwrap_or_default();
    let data = with_time(object, tx.now().await?);
    tx.event(NewEvent {
        kind: EventKind::ClaimChanged,
        tenant: claim.tenant,
        claim: claim.id,
        operation,
        data,
    })
    .await
}
