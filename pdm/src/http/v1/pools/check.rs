//! `GET /v1/check`

use axum::Json;
use axum::extract::State;
use pdm_registrar::DomainName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::extract::{Caller, Params};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::{self, Availability, Refusal, ServiceError};
use crate::store::StoreError;

/// Which name: in full, or pool and label.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CheckQuery {
    /// The name in full.
    #[param(example = "acme.omani.works")]
    name: Option<String>,
    /// The pool.
    pool: Option<String>,
    /// The label below the pool.
    label: Option<String>,
}

/// Whether a name may be reserved.
#[derive(Serialize, ToSchema)]
pub struct Checked {
    /// The name.
    name: String,
    /// Whether it may be reserved now.
    available: bool,
    /// Why not, a problem code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<&'static str>,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Until when it is held at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after_seconds: Option<u64>,
    /// The caller's own claim that has the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    claim_id: Option<String>,
    /// Other names that may be reserved.
    suggestions: Vec<String>,
}

impl From<Availability> for Checked {
    fn from(checked: Availability) -> Self {
        let refusal = checked.refusal.as_ref();
        Self {
            name: checked.name,
            available: refusal.is_none(),
            code: refusal.map(|refusal| refusal.code.as_str()),
            detail: refusal.map(|refusal| refusal.detail.clone()),
            retry_after_seconds: refusal
                .and_then(|refusal| refusal.retry_after)
                .map(|wait| wait.as_secs().max(1)),
            claim_id: refusal
                .and_then(|refusal| refusal.claim)
                .map(|claim| claim.to_string()),
            suggestions: checked.suggestions.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Whether a name may be reserved
#[utoipa::path(get, path = "/v1/check", tag = "pools", operation_id = "check", params(CheckQuery),
    responses((status = 200, description = "The verdict", body = Checked), Refusals))]
pub async fn check(
    State(app): State<AppState>,
    caller: Caller,
    Params(query): Params<CheckQuery>,
) -> Result<Json<Checked>, Problem> {
    app.limiters.count(Bucket::Check, &caller.actor)?;
    let (pool, label) = match (query.name, query.pool, query.label) {
        (Some(name), None, None) => split(&app, &name).await?,
        (None, Some(pool), Some(label)) => (DomainName::parse(&pool).map_err(|_| Refusal::no_pool())?, label),
        _ => {
            return Err(Problem(Refusal::invalid(
                "",
                "give either name, or pool and label",
            )));
        }
    };
    let store = app.store.clone();
    let checked: Result<_, ServiceError> = store
        .read(|tx| Box::pin(async move { service::check(tx, caller.asked(&app), &pool, &label).await }))
        .await;
    Ok(Json(Checked::from(checked?)))
}

/// The pool that a full name is below, and what stands before it: a label, or what its sender takes for one.
pub(crate) async fn split(app: &AppState, name: &str) -> Result<(DomainName, String), Problem> {
    let name = name.strip_suffix('.').unwrap_or(name).to_lowercase();
    let pools: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.pools().await }))
        .await;
    let below = pools?.into_iter().filter_map(|pool| {
        let label = name.strip_suffix(pool.domain.as_str())?.strip_suffix('.')?;
        Some((pool.domain.clone(), label.to_owned()))
    });
    below
        .max_by_key(|(pool, _)| pool.as_str().len())
        .ok_or_else(|| Problem(Refusal::no_pool()))
}
