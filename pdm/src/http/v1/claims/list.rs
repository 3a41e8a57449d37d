//! `GET /v1/claims`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::claim::ClaimState;
use crate::http::extract::{Caller, Params};
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::Refusal;
use crate::store::{ClaimFilter, StoreError};
use crate::view::ClaimView;

/// Which claims.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClaimQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Last id of the page before.
    after: Option<String>,
    /// Only in this state.
    state: Option<String>,
    /// Only below this pool.
    pool: Option<String>,
    /// Only of this name.
    name: Option<String>,
    /// Only this one.
    claim_id: Option<String>,
    /// Only of this tenant.
    tenant: Option<String>,
}

/// Claims that the caller may see, oldest first
#[utoipa::path(get, path = "/v1/claims", tag = "claims", operation_id = "list_claims", params(ClaimQuery),
    responses((status = 200, description = "A page of claims", body = Items<ClaimView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    Params(query): Params<ClaimQuery>,
) -> Result<Json<Items<ClaimView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let state = query.state.map(|word| {
        ClaimState::from_word(&word).ok_or_else(|| Refusal::invalid("/state", "there is no such state"))
    });
    let Some(tenant) = list::tenant(&caller.actor, query.tenant.as_ref())? else {
        return Ok(Json(Items::none()));
    };
    let filter = ClaimFilter {
        tenant,
        state: state.transpose()?,
        pool: list::filter(query.pool.as_ref(), "pool")?,
        name: list::filter(query.name.as_ref(), "name")?,
        claim: list::filter(query.claim_id.as_ref(), "claim_id")?,
    };
    let wanted = page.clone();
    let rows: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.list_claims(&filter, &wanted).await }))
        .await;
    let items = rows?.iter().map(ClaimView::from).collect();
    Ok(Json(Items::new(&page, items, |claim| claim.id.clone())))
}
