//! `GET /v1/operations/{id}/events`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::get::read;
use crate::http::events::{StreamHeaders, of_operation};
use crate::http::extract::{Caller, Segment};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;

/// Events of one operation
///
/// Begins with its first event, or after `Last-Event-ID`, and ends with the operation.
#[utoipa::path(get, path = "/v1/operations/{id}/events", tag = "events", operation_id = "operation_events",
    params(("id" = String, Path, description = "The operation"), StreamHeaders),
    responses((status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
        Refusals))]
pub async fn events(
    State(app): State<AppState>,
    caller: Caller,
    Segment(id): Segment<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let operation = read(&app, &caller, &id).await?;
    of_operation(app, caller.actor, operation.id, &headers).await
}
