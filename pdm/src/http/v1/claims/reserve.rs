//! `POST /v1/reserve`

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::answer::{Answer, token_placeholder};
use crate::http::extract::{Call, PostHeaders};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service::{self, Refusal, Reserve, TokenForm};
use crate::view::ClaimView;

/// What is reserved.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveBody {
    /// How the name will be delegated. Names on customers' own domains are not offered by this version.
    mode: Mode,
    /// The pool.
    #[schema(example = "omani.works")]
    pool: Option<String>,
    /// The label below the pool.
    #[schema(example = "acme")]
    label: Option<String>,
    /// How long the name is held; the pool's default when absent.
    #[schema(minimum = 1)]
    hold_seconds: Option<u64>,
    /// A customer's own domain.
    domain: Option<String>,
    /// The registrar of that domain.
    #[schema(value_type = Option<Object>)]
    registrar: Option<Value>,
}

/// How a name will be delegated.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Pool,
    ByoManual,
    ByoApi,
}

/// A name that is held.
#[derive(Serialize, ToSchema)]
pub struct Reserved {
    /// The claim.
    claim: ClaimView,
    /// What renew and commit need. It is shown here only.
    reservation_token: String,
}

/// Takes a name for a while
#[utoipa::path(post, path = "/v1/reserve", tag = "claims", operation_id = "reserve", params(PostHeaders),
    request_body = ReserveBody,
    responses((status = 201, description = "The name is held", body = Reserved), Refusals))]
pub async fn reserve(call: Call) -> Result<Response, Problem> {
    let input = call.decode(read);
    call.decide(
        "POST /v1/reserve",
        Some(Bucket::Reserve),
        Duration::ZERO,
        move |tx, cx| {
            let input = input.clone();
            Box::pin(async move {
                let claim = service::reserve(tx, cx.asked(), &cx.app.server_key, &input?).await?;
                let body = Reserved {
                    claim: ClaimView::from(&claim),
                    reservation_token: token_placeholder(),
                };
                Ok(Answer::new(StatusCode::CREATED, &body)
                    .at(format!("/v1/claims/{}", claim.id))
                    .tagged(claim.version))
            })
        },
    )
    .await
}

fn read(body: ReserveBody) -> Result<Reserve, Refusal> {
    if body.mode != Mode::Pool {
        return Err(Refusal::invalid(
            "/mode",
            "this server gives names below its pools only: use the mode pool",
        ));
    }
    if body.domain.is_some() || body.registrar.is_some() {
        return Err(Refusal::invalid(
            "/domain",
            "domain and registrar belong to other modes",
        ));
    }
    Ok(Reserve {
        pool: body
            .pool
            .ok_or_else(|| Refusal::invalid("/pool", "say below which pool"))?,
        label: body
            .label
            .ok_or_else(|| Refusal::invalid("/label", "say which label"))?,
        hold: body.hold_seconds.map(hold).transpose()?,
        token: TokenForm::Own,
        created_by: None,
    })
}

/// A hold as it is asked for.
pub(super) fn hold(seconds: u64) -> Result<Duration, Refusal> {
    if seconds == 0 {
        return Err(Refusal::invalid("/hold_seconds", "a hold is at least a second"));
    }
    Ok(Duration::from_secs(seconds))
}
