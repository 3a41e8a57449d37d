//! `POST /v1/commit`

use std::time::Duration;

use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::targets::TargetsBody;
use crate::http::answer::{Answer, WorkBody};
use crate::http::extract::{Call, PostHeaders};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service::{self, Commit, Refusal};

/// What is committed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitBody {
    /// The claim.
    claim_id: String,
    /// The token of its reservation.
    reservation_token: String,
    /// Where the name shall lead.
    targets: TargetsBody,
    /// For customers' own domains.
    #[schema(value_type = Option<Object>)]
    registrar: Option<Value>,
    /// For customers' own domains.
    plan_digest: Option<String>,
    /// For customers' own domains.
    #[serde(default)]
    waivers: Vec<String>,
}

/// Makes a reserved name real
#[utoipa::path(post, path = "/v1/commit", tag = "claims", operation_id = "commit", params(PostHeaders),
    request_body = CommitBody,
    responses((status = 202, description = "The operation that does it", body = WorkBody),
        (status = 200, description = "It is done, or needs somebody", body = WorkBody), Refusals))]
pub async fn commit(call: Call) -> Result<Response, Problem> {
    let input = call.decode(read);
    call.decide(
        "POST /v1/commit",
        Some(Bucket::Change),
        Duration::ZERO,
        move |tx, cx| {
            let input = input.clone();
            Box::pin(async move { Ok(Answer::work(&service::commit(tx, cx.asked(), &input?).await?)) })
        },
    )
    .await
}

fn read(body: CommitBody) -> Result<Commit, Refusal> {
    let foreign = [
        ("/registrar", body.registrar.is_some()),
        ("/plan_digest", body.plan_digest.is_some()),
        ("/waivers", !body.waivers.is_empty()),
    ];
    if let Some((pointer, _)) = foreign.into_iter().find(|(_, given)| *given) {
        return Err(Refusal::invalid(pointer, "this is for customers' own domains"));
    }
    Ok(Commit {
        claim: service::claim_id(&body.claim_id)?,
        token: body.reservation_token,
        targets: body.targets.read("/targets")?,
    })
}
