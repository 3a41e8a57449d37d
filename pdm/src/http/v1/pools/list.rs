//! `GET /v1/pools`

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::admin::TemplateBody;
use crate::clock::DbTime;
use crate::domain::pool::Pool;
use crate::http::extract::{Caller, Params};
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::store::StoreError;

/// A pool.
#[derive(Serialize, ToSchema)]
#[schema(as = Pool)]
pub struct PoolView {
    /// Its domain.
    #[schema(example = "omani.works")]
    domain: String,
    /// Hosts that serve the names below it.
    nameservers: Vec<String>,
    /// How long a name is held when nobody says.
    hold_seconds: u64,
    /// The most that one reserve or renew may ask for.
    max_hold_seconds: u64,
    /// The most from the first reserve on.
    max_total_hold_seconds: u64,
    /// Whether it takes new names.
    open: bool,
    /// Whether targets may be any unicast address.
    allow_non_global: bool,
    /// What each name has.
    template: TemplateBody,
    /// Grows with each change; the ETag.
    version: i64,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: DbTime,
}

impl From<&Pool> for PoolView {
    fn from(pool: &Pool) -> Self {
        Self {
            domain: pool.domain.to_string(),
            nameservers: pool.nameservers.iter().map(ToString::to_string).collect(),
            hold_seconds: pool.hold.default.as_secs(),
            max_hold_seconds: pool.hold.max.as_secs(),
            max_total_hold_seconds: pool.hold.max_total.as_secs(),
            open: pool.open,
            allow_non_global: pool.allow_non_global,
            template: TemplateBody::from(&pool.template),
            version: pool.version,
            created_at: pool.created_at,
        }
    }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PoolQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Last domain of the page before.
    after: Option<String>,
}

/// Pools that the caller may use
#[utoipa::path(get, path = "/v1/pools", tag = "pools", operation_id = "list_pools", params(PoolQuery),
    responses((status = 200, description = "A page of pools", body = Items<PoolView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    _: Caller,
    Params(query): Params<PoolQuery>,
) -> Result<Json<Items<PoolView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let pools: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.pools().await }))
        .await;
    let items = pools?.iter().map(PoolView::from).collect();
    Ok(Json(Items::of_all(&page, items, |pool: &PoolView| {
        pool.domain.clone()
    })))
}
