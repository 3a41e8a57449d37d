//! `POST /v1/operations/{id}/retry`

use std::time::Duration;

use axum::response::Response;

use super::get::operation_id;
use crate::http::answer::{Answer, WorkBody};
use crate::http::extract::{Call, PostHeaders, Segment};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service;

/// Makes the next attempt now; one that is blocked looks again
#[utoipa::path(post, path = "/v1/operations/{id}/retry", tag = "operations", operation_id = "retry_operation",
    params(("id" = String, Path, description = "The operation"), PostHeaders),
    responses((status = 202, description = "The operation", body = WorkBody),
        (status = 200, description = "It has ended, or needs somebody", body = WorkBody), Refusals))]
pub async fn retry(Segment(id): Segment<String>, call: Call) -> Result<Response, Problem> {
    let input = call.no_body().and_then(|()| operation_id(&id));
    call.decide(
        "POST /v1/operations/{id}/retry",
        Some(Bucket::Change),
        Duration::ZERO,
        move |tx, cx| {
            let input = input.clone();
            Box::pin(async move { Ok(Answer::work(&service::retry(tx, cx.asked(), input?).await?)) })
        },
    )
    .await
}
