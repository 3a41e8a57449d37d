//! `GET /v1/claims/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::answer::Answer;
use crate::http::extract::{Caller, Segment};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::{self, Refusal};
use crate::store::StoreError;
use crate::view::ClaimView;

/// One claim
#[utoipa::path(get, path = "/v1/claims/{id}", tag = "claims", operation_id = "get_claim",
    params(("id" = String, Path, description = "The claim")),
    responses((status = 200, description = "The claim", body = ClaimView), Refusals))]
pub async fn get(
    State(app): State<AppState>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response, Problem> {
    let (id, tenant) = (service::claim_id(&id)?, caller.actor.tenant());
    let claim: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.claim(id, tenant).await }))
        .await;
    let claim = claim?.ok_or_else(Refusal::no_claim)?;
    let answer = Answer::new(StatusCode::OK, &ClaimView::from(&claim)).tagged(claim.version);
    Ok(answer.response(&app.server_key))
}
