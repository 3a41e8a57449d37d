//! `POST /v1/operations/{id}/cancel`

use std::time::Duration;

use axum::response::Response;

use super::get::operation_id;
use crate::http::answer::{Answer, WorkBody};
use crate::http::extract::{Call, PostHeaders, Segment};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service;

/// Stops an operation where that is safe, and undoes what it did
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", tag = "operations", operation_id = "cancel_operation",
    params(("id" = String, Path, description = "The operation"), PostHeaders),
    responses((status = 202, description = "The operation that undoes it", body = WorkBody),
        (status = 200, description = "It has ended, or needs somebody", body = WorkBody), Refusals))]
pub async fn cancel(Segment(id): Segment<String>, call: Call) -> Result<Response, Problem> {
    let input = call.no_body().and_then(|()| operation_id(&id));
    call.decide(
        "POST /v1/operations/{id}/cancel",
        Some(Bucket::Change),
        Duration::ZERO,
        move |tx, cx| {
            let input = input.clone();
            Box::pin(async move { Ok(Answer::work(&service::cancel(tx, cx.asked(), input?).await?)) })
        },
    )
    .await
}
