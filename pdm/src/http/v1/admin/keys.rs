//! `/v1/keys`

use std::time::Duration;

use aws_lc_rs::rand;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::clock::DbTime;
use crate::domain::ids::KeyId;
use crate::http::answer::{Answer, key_placeholder};
use crate::http::extract::{Call, Operator, Params, PostHeaders, Segment};
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::keys::{self, CreateKey};
use crate::service::{Code, Refusal};
use crate::store::{ApiKey, StoreError};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Run the service.
    Operator,
    /// Act for one tenant.
    Tenant,
}

/// A key, without its secret part.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyView {
    /// Its id.
    id: String,
    /// What it is called.
    name: String,
    /// What it may do.
    scope: KeyScope,
    /// Whose it is; null for an operator's.
    #[schema(required)]
    tenant: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: DbTime,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<DbTime>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    revoked_at: Option<DbTime>,
    /// When it was used last, to the minute.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_used_at: Option<DbTime>,
}

impl From<&ApiKey> for KeyView {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            scope: if key.tenant.is_some() {
                KeyScope::Tenant
            } else {
                KeyScope::Operator
            },
            tenant: key.tenant.map(|tenant| tenant.to_string()),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.used_at,
        }
    }
}

/// A new key, with its text.
#[derive(Serialize, ToSchema)]
pub struct NewKeyView {
    /// The key.
    #[serde(flatten)]
    view: KeyView,
    /// Its text, which is sent as `Authorization: Bearer`. It is shown here only.
    key: String,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KeyQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// Last id of the page before.
    after: Option<String>,
}

/// Keys, oldest first
#[utoipa::path(get, path = "/v1/keys", tag = "administration", operation_id = "list_keys", params(KeyQuery),
    responses((status = 200, description = "A page of keys", body = Items<KeyView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    _: Operator,
    Params(query): Params<KeyQuery>,
) -> Result<Json<Items<KeyView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let wanted = page.clone();
    let rows: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.list_keys(&wanted).await }))
        .await;
    let items = rows?.iter().map(KeyView::from).collect();
    Ok(Json(Items::new(&page, items, |key| key.id.clone())))
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    /// What it is called.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do.
    scope: KeyScope,
    /// Whose it is; for the scope `tenant`.
    tenant: Option<String>,
    /// When it ends; never when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<DbTime>,
}

/// Makes a key
#[utoipa::path(post, path = "/v1/keys", tag = "administration", operation_id = "create_key", params(PostHeaders),
    request_body = KeyBody,
    responses((status = 201, description = "The key, with its text", body = NewKeyView), Refusals))]
pub async fn create(_: Operator, call: Call) -> Result<Response, Problem> {
    let input = call.decode(read);
    let mut salt = [0_u8; 16];
    rand::fill(&mut salt).map_err(|_| Problem::failed())?;
    call.decide("POST /v1/keys", None, Duration::ZERO, move |tx, cx| {
        let input = input.clone();
        Box::pin(async move {
            let key = keys::create_key(tx, cx.asked(), &cx.app.server_key, &salt, &input?).await?;
            let body = NewKeyView {
                view: KeyView::from(&key),
                key: key_placeholder(&salt),
            };
            Ok(Answer::new(StatusCode::CREATED, &body).at(format!("/v1/keys/{}", key.id)))
        })
    })
    .await
}

fn read(body: KeyBody) -> Result<CreateKey, Refusal> {
    let tenant = match (body.scope, body.tenant) {
        (KeyScope::Operator, None) => None,
        (KeyScope::Operator, Some(_)) => {
            return Err(Refusal::invalid(
                "/tenant",
                "a key of an operator belongs to no tenant",
            ));
        }
        (KeyScope::Tenant, None) => return Err(Refusal::invalid("/tenant", "say which tenant")),
        (KeyScope::Tenant, Some(id)) => Some(
            id.parse()
                .map_err(|_| Refusal::field(Code::TenantNotFound, "/tenant", "there is no such tenant"))?,
        ),
    };
    Ok(CreateKey {
        name: body.name,
        tenant,
        expires_at: body.expires_at,
    })
}

/// Revokes a key
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "administration", operation_id = "revoke_key",
    params(("id" = String, Path, description = "The key")),
    responses((status = 204, description = "It is revoked"), Refusals))]
pub async fn revoke(_: Operator, Segment(id): Segment<String>, call: Call) -> Result<Response, Problem> {
    let id = call
        .no_body()
        .and_then(|()| id.parse::<KeyId>().map_err(|_| keys::no_key()));
    let app = call.app.clone();
    let revoked = id.clone();
    let response = call
        .without_key()
        .decide("DELETE /v1/keys/{id}", None, Duration::ZERO, move |tx, cx| {
            let id = id.clone();
            Box::pin(async move {
                keys::revoke_key(tx, cx.asked(), id?).await?;
                Ok(Answer::text(StatusCode::NO_CONTENT.as_u16(), String::new()))
            })
        })
        .await?;
    if let Ok(id) = revoked {
        app.keyring.forget(id);
    }
    Ok(response)
}
