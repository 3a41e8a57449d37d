//! `POST /v1/claims/{id}/renew`

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::reserve::hold;
use crate::http::answer::Answer;
use crate::http::extract::{Call, PostHeaders, Segment};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service::{self, Renew};
use crate::view::ClaimView;

/// Which hold is extended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewBody {
    /// The token of the reservation.
    reservation_token: String,
    /// How long from now on; the pool's default when absent.
    #[schema(minimum = 1)]
    hold_seconds: Option<u64>,
}

/// Extends the hold on a reserved name
#[utoipa::path(post, path = "/v1/claims/{id}/renew", tag = "claims", operation_id = "renew",
    params(("id" = String, Path, description = "The claim"), PostHeaders), request_body = RenewBody,
    responses((status = 200, description = "The claim, held longer", body = ClaimView), Refusals))]
pub async fn renew(Segment(id): Segment<String>, call: Call) -> Result<Response, Problem> {
    let expected = call.wishes.expected.clone();
    let input = service::claim_id(&id).and_then(|claim| {
        call.decode(|body: RenewBody| {
            let hold = body.hold_seconds.map(hold).transpose()?;
            Ok(Renew {
                claim,
                token: body.reservation_token,
                hold,
                expected,
            })
        })
    });
    call.decide(
        "POST /v1/claims/{id}/renew",
        Some(Bucket::Change),
        Duration::ZERO,
        move |tx, cx| {
            let input = input.clone();
            Box::pin(async move {
                let claim = service::renew(tx, cx.asked(), &input?).await?;
                Ok(Answer::new(StatusCode::OK, &ClaimView::from(&claim)).tagged(claim.version))
            })
        },
    )
    .await
}
