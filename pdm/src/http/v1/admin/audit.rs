//! `GET /v1/audit`

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
use crate::store::{AuditEntry, StoreError};

/// A row of the audit trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditView {
    /// Its id.
    id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: DbTime,
    /// Whose object was touched; `operator` for the service itself.
    tenant: String,
    /// Who acted.
    actor: String,
    /// From which address.
    source: String,
    /// What.
    action: String,
    /// The claim.
    #[schema(required)]
    claim_id: Option<String>,
    /// The operation.
    #[schema(required)]
    operation_id: Option<String>,
    /// SHA-256 of the object before.
    #[schema(required)]
    before: Option<String>,
    /// SHA-256 of the object after.
    #[schema(required)]
    after: Option<String>,
    /// More.
    #[schema(required)]
    detail: Option<String>,
}

impl From<&AuditEntry> for AuditView {
    fn from(entry: &AuditEntry) -> Self {
        let entry = entry.clone();
        Self {
            at: entry.at(),
            id: entry.id,
            tenant: entry.tenant,
            actor: entry.actor,
            source: entry.source,
            action: entry.action,
            claim_id: entry.claim_id,
            operation_id: entry.operation_id,
            before: entry.before,
            after: entry.after,
            detail: entry.detail,
        }
    }
}

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Last id of the page before.
    after: Option<String>,
    /// Only of this tenant.
    tenant: Option<String>,
}

/// The audit trail, oldest first
#[utoipa::path(get, path = "/v1/audit", tag = "administration", operation_id = "list_audit", params(AuditQuery),
    responses((status = 200, description = "A page of the trail", body = Items<AuditView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    _: Operator,
    Params(query): Params<AuditQuery>,
) -> Result<Json<Items<AuditView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let tenant = list::filter(query.tenant.as_ref(), "tenant")?;
    let wanted = page.clone();
    let rows: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.list_audit(tenant, &wanted).await }))
        .await;
    let items = rows?.iter().map(AuditView::from).collect();
    Ok(Json(Items::new(&page, items, |entry| entry.id.clone())))
}
