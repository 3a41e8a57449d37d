//! `GET /v1/operations/{id}`

use axum::Json;
use axum::extract::State;

use crate::domain::ids::OperationId;
use crate::domain::operation::Operation;
use crate::http::extract::{Caller, Segment};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::Refusal;
use crate::store::StoreError;
use crate::view::OperationView;

/// One operation
#[utoipa::path(get, path = "/v1/operations/{id}", tag = "operations", operation_id = "get_operation",
    params(("id" = String, Path, description = "The operation")),
    responses((status = 200, description = "The operation", body = OperationView), Refusals))]
pub async fn get(
    State(app): State<AppState>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Json<OperationView>, Problem> {
    Ok(Json(OperationView::from(&read(&app, &caller, &id).await?)))
}

/// The operation of this id, if the caller may see it.
pub(super) async fn read(app: &AppState, caller: &Caller, id: &str) -> Result<Operation, Problem> {
    let (id, tenant) = (operation_id(id)?, caller.actor.tenant());
    let operation: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.operation(id, tenant).await }))
        .await;
    Ok(operation?.ok_or_else(Refusal::no_operation)?)
}

/// Reads the id of an operation. What is no id names no operation.
pub(super) fn operation_id(text: &str) -> Result<OperationId, Refusal> {
    text.parse().map_err(|_| Refusal::no_operation())
}
