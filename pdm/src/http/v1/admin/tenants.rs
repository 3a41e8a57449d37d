//! `/v1/tenants`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::clock::DbTime;
use crate::http::answer::Answer;
use crate::http::extract::{Call, Operator, Params, PostHeaders};
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service;
use crate::store::{StoreError, Tenant};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: DbTime,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name.clone(),
            created_at: tenant.created_at,
        }
    }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TenantQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Last id of the page before.
    after: Option<String>,
}

/// Tenants, oldest first
#[utoipa::path(get, path = "/v1/tenants", tag = "administration", operation_id = "list_tenants",
    params(TenantQuery),
    responses((status = 200, description = "A page of tenants", body = Items<TenantView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    _: Operator,
    Params(query): Params<TenantQuery>,
) -> Result<Json<Items<TenantView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let wanted = page.clone();
    let rows: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.list_tenants(&wanted).await }))
        .await;
    let items = rows?.iter().map(TenantView::from).collect();
    Ok(Json(Items::new(&page, items, |tenant| tenant.id.clone())))
}

/// A tenant to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantBody {
    /// Its name, unique.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Adds a tenant
#[utoipa::path(post, path = "/v1/tenants", tag = "administration", operation_id = "add_tenant",
    params(PostHeaders), request_body = TenantBody,
    responses((status = 201, description = "The tenant", body = TenantView), Refusals))]
pub async fn add(_: Operator, call: Call) -> Result<Response, Problem> {
    let input = call.decode(|body: TenantBody| Ok(body.name));
    call.decide("POST /v1/tenants", None, Duration::ZERO, move |tx, cx| {
        let input = input.clone();
        Box::pin(async move {
            let tenant = service::add_tenant(tx, cx.asked(), &input?).await?;
            Ok(Answer::new(StatusCode::CREATED, &TenantView::from(&tenant)))
        })
    })
    .await
}
