//! `GET /v1/operations`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::operation::OperationState;
use crate::http::extract::{Caller, Params};
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::Refusal;
use crate::store::{OperationFilter, StoreError};
use crate::view::OperationView;

/// Which operations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OperationQuery {
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
    /// Only of this claim.
    claim_id: Option<String>,
    /// Only of this tenant.
    tenant: Option<String>,
}

/// Operations that the caller may see, oldest first
#[utoipa::path(get, path = "/v1/operations", tag = "operations", operation_id = "list_operations",
    params(OperationQuery),
    responses((status = 200, description = "A page of operations", body = Items<OperationView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    Params(query): Params<OperationQuery>,
) -> Result<Json<Items<OperationView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let state = query.state.map(|word| {
        OperationState::from_word(&word).ok_or_else(|| Refusal::invalid("/state", "there is no such state"))
    });
    let Some(tenant) = list::tenant(&caller.actor, query.tenant.as_ref())? else {
        return Ok(Json(Items::none()));
    };
    let filter = OperationFilter {
        tenant,
        state: state.transpose()?,
        pool: list::filter(query.pool.as_ref(), "pool")?,
        name: list::filter(query.name.as_ref(), "name")?,
        claim: list::filter(query.claim_id.as_ref(), "claim_id")?,
    };
    let wanted = page.clone();
    let rows: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.list_operations(&filter, &wanted).await }))
        .await;
    let items = rows?.iter().map(OperationView::from).collect();
    Ok(Json(Items::new(&page, items, |operation| operation.id.clone())))
}
