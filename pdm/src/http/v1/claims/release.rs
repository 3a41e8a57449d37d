//! `POST /v1/release`

use std::time::Duration;

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::answer::{Answer, WorkBody};
use crate::http::extract::{Call, PostHeaders};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service::{self, Release};

/// What is given back: both must be of the same claim.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseBody {
    /// The claim.
    claim_id: String,
    /// Its name.
    name: String,
}

/// Gives a name back
#[utoipa::path(post, path = "/v1/release", tag = "claims", operation_id = "release", params(PostHeaders),
    request_body = ReleaseBody,
    responses((status = 202, description = "The operation that does it", body = WorkBody),
        (status = 200, description = "It is done, or needs somebody", body = WorkBody), Refusals))]
pub async fn release(call: Call) -> Result<Response, Problem> {
    let input = call.decode(|body: ReleaseBody| {
        Ok(Release {
            claim: service::claim_id(&body.claim_id)?,
            name: body.name,
        })
    });
    call.decide(
        "POST /v1/release",
        Some(Bucket::Change),
        Duration::ZERO,
        move |tx, cx| {
            let input = input.clone();
            Box::pin(async move { Ok(Answer::work(&service::release(tx, cx.asked(), &input?).await?)) })
        },
    )
    .await
}
