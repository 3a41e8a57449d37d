//! `GET /v1/orphans`

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::clock::DbTime;
use crate::http::extract::{Operator, Params};
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::store::{Orphan, StoreError};

/// Something on the servers without an owner here.
#[derive(Serialize, ToSchema)]
#[schema(as = Orphan)]
pub struct OrphanView {
    /// `zone`, `delegation`, `ds` or `tsigkey`.
    kind: String,
    /// Its name.
    name: String,
    /// The server it is on.
    server: String,
    /// What is written in it.
    #[schema(required)]
    marker: Option<String>,
    /// When it was seen first.
    #[schema(value_type = String, format = DateTime)]
    since: DbTime,
}

impl From<&Orphan> for OrphanView {
    fn from(orphan: &Orphan) -> Self {
        Self {
            kind: orphan.kind.clone(),
            name: orphan.name.clone(),
            server: orphan.server.clone(),
            marker: orphan.marker.clone(),
            since: orphan.since,
        }
    }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrphanQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// `next` of the page before.
    after: Option<String>,
}

/// What lies on the servers and belongs to no claim
#[utoipa::path(get, path = "/v1/orphans", tag = "administration", operation_id = "list_orphans",
    params(OrphanQuery),
    responses((status = 200, description = "A page of orphans", body = Items<OrphanView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    _: Operator,
    Params(query): Params<OrphanQuery>,
) -> Result<Json<Items<OrphanView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let rows: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.orphans().await }))
        .await;
    let mut items: Vec<OrphanView> = rows?.iter().map(OrphanView::from).collect();
    items.sort_by_key(key);
    Ok(Json(Items::of_all(&page, items, key)))
}

fn key(orphan: &OrphanView) -> String {
    format!("{} {} {}", orphan.kind, orphan.name, orphan.server)
}
