//! `PUT /v1/claims/{id}/targets`

use std::time::Duration;

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::answer::{Answer, WorkBody};
use crate::http::extract::{Call, PutHeaders, Segment};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service::{self, GivenTargets, Refusal, Retarget};

/// Addresses: 1 to 8 of a family, at least one in all.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetsBody {
    /// IPv4 addresses.
    #[serde(default)]
    #[schema(max_items = 8, example = json!(["203.0.113.10"]))]
    ipv4: Vec<String>,
    /// IPv6 addresses.
    #[serde(default)]
    #[schema(max_items = 8, example = json!([]))]
    ipv6: Vec<String>,
}

impl TargetsBody {
    /// The addresses; `at` is where the object stands in the body.
    pub fn read(&self, at: &str) -> Result<GivenTargets, Refusal> {
        GivenTargets::parse(&self.ipv4, &self.ipv6, at)
    }
}

/// Gives an active name other addresses
#[utoipa::path(put, path = "/v1/claims/{id}/targets", tag = "claims", operation_id = "put_targets",
    params(("id" = String, Path, description = "The claim"), PutHeaders), request_body = TargetsBody,
    responses((status = 202, description = "The operation that does it", body = WorkBody),
        (status = 200, description = "It is done, or needs somebody", body = WorkBody), Refusals))]
pub async fn put(Segment(id): Segment<String>, call: Call) -> Result<Response, Problem> {
    let expected = call.wishes.expected.clone();
    let input = service::claim_id(&id).and_then(|claim| {
        call.decode(|body: TargetsBody| {
            Ok(Retarget {
                claim,
                targets: body.read("")?,
                expected,
            })
        })
    });
    call.without_key()
        .decide(
            "PUT /v1/claims/{id}/targets",
            Some(Bucket::Change),
            Duration::ZERO,
            move |tx, cx| {
                let input = input.clone();
                Box::pin(async move { Ok(Answer::work(&service::retarget(tx, cx.asked(), &input?).await?)) })
            },
        )
        .await
}
