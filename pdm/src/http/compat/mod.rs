//! The listener for clients of the system this one replaces: its paths, bodies and words, over the verbs of this one.
//!
//! It acts as one tenant and has no authentication, because the old wire format has none; the settings keep it on
//! loopback unless they are told otherwise.

mod registrar;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use pdm_registrar::DomainName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::actor::{Actor, Scope};
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::ids::TenantId;
use crate::domain::reserved;
use crate::http::edge::{self, RequestId};
use crate::http::extract::{self, Caller, Params, Segment};
use crate::http::idempotency::{Context, decide_plain, wait_for};
use crate::http::limits::Bucket;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::{
    self, Code, Commit, Decided, GivenTargets, Refusal, Release, Reserve, ServiceError, TokenForm,
};
use crate::store::{ClaimFilter, Page, StoreError, Tx};

/// How long a commit waits for the name to become active before it answers 202.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// Who is noted as the one who asked when an old client does not say.
const DEFAULT_CREATOR: &str = "catalyst-api";
/// States of claims that have their name.
const CURRENT: [ClaimState; 4] = [
    ClaimState::Reserved,
    ClaimState::Activating,
    ClaimState::Active,
    ClaimState::Releasing,
];

/// Every old route that is served.
pub fn compat_router(app: AppState, tenant: TenantId) -> Router {
    let compat = Compat {
        app: app.clone(),
        tenant,
    };
    Router::new()
        .route("/healthz", get(alive))
        .route("/api/v1/reserved", get(reserved_words))
        .route("/api/v1/pool/{domain}/check", get(check))
        .route("/api/v1/pool/{domain}/reserve", post(reserve))
        .route("/api/v1/pool/{domain}/commit", post(commit))
        .route("/api/v1/pool/{domain}/release", delete(release))
        .route("/api/v1/pool/{domain}/list", get(list))
        .route("/api/v1/registrar/{id}/validate", post(registrar::validate))
        .method_not_allowed_fallback(|| async {
            Old(Refusal::new(Code::MethodNotAllowed, "see the header Allow"))
        })
        .fallback(|| async { Old(Refusal::new(Code::RouteNotFound, "there is no such path")) })
        .layer(from_fn_with_state((app, old_form as edge::Form), edge::edge))
        .with_state(compat)
}

#[derive(Clone)]
struct Compat {
    app: AppState,
    tenant: TenantId,
}

impl Compat {
    /// A call of this listener's tenant.
    fn context(&self, request: &Request) -> Arc<Context> {
        let extensions = request.extensions();
        let source = extensions.get::<ConnectInfo<SocketAddr>>();
        let caller = Caller {
            actor: Actor {
                key: None,
                scope: Scope::Tenant(self.tenant),
            },
            source: source.map_or_else(|| "unknown".to_owned(), |ConnectInfo(peer)| peer.ip().to_string()),
            request_id: extensions
                .get::<RequestId>()
                .map_or_else(String::new, |id| id.0.clone()),
        };
        Arc::new(Context {
            app: self.app.clone(),
            caller,
        })
    }

    fn count(&self, bucket: Bucket, context: &Context) -> Result<(), Old> {
        Ok(self.app.limiters.count(bucket, &context.caller.actor)?)
    }
}

/// A refusal in the old form: `{error, detail}`.
struct Old(Refusal);

impl From<Refusal> for Old {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<Problem> for Old {
    fn from(problem: Problem) -> Self {
        Self(problem.0)
    }
}

impl From<StoreError> for Old {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<ServiceError> for Old {
    fn from(error: ServiceError) -> Self {
        Problem::from(error).into()
    }
}

/// The words and statuses that old clients know; what they never met keeps its own.
fn old_words(code: Code) -> Option<(StatusCode, &'static str)> {
    Some(match code {
        Code::NameTaken | Code::NameHeld | Code::NameConflict | Code::OperationInProgress => {
            (StatusCode::CONFLICT, "conflict")
        }
        Code::ClaimState => (StatusCode::CONFLICT, "already-active"),
        Code::LabelInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-format"),
        Code::LabelReserved | Code::NameProtected => (StatusCode::UNPROCESSABLE_ENTITY, "reserved"),
        Code::PoolNotFound => (StatusCode::UNPROCESSABLE_ENTITY, "unsupported-pool"),
        Code::TargetsInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "missing-lb-ip"),
        Code::TokenMismatch => (StatusCode::FORBIDDEN, "token-mismatch"),
        Code::ClaimNotFound => (StatusCode::NOT_FOUND, "not-found"),
        Code::ClaimExpired => (StatusCode::GONE, "reservation-expired"),
        _ => return None,
    })
}

impl IntoResponse for Old {
    fn into_response(self) -> Response {
        let problem = Problem(self.0);
        let refusal = &problem.0;
        let own = || (problem.status(), refusal.code.as_str());
        let (status, word) = old_words(refusal.code).unwrap_or_else(own);
        let mut response = (status, Json(json!({ "error": word, "detail": refusal.detail }))).into_response();
        if let Some(seconds) = problem.retry_after_seconds() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// What the edge and the extractors refuse, in the old form.
fn old_form(problem: &Problem, _request_id: &str) -> Response {
    Old(problem.0.clone()).into_response()
}

async fn alive(State(compat): State<Compat>) -> Result<Json<Value>, Old> {
    let pools: Result<_, StoreError> = compat
        .app
        .store
        .read(|tx| Box::pin(async move { tx.pools().await }))
        .await;
    let domains: Vec<String> = pools?.iter().map(|pool| pool.domain.to_string()).collect();
    let registrars: Vec<&str> = compat
        .app
        .registrars
        .descriptors()
        .map(|descriptor| descriptor.id)
        .collect();
    Ok(Json(
        json!({ "status": "ok", "managedDomains": domains, "registrars": registrars }),
    ))
}

async fn reserved_words() -> Json<Value> {
    let words: Vec<&str> = reserved::all().iter().map(|entry| entry.word).collect();
    Json(json!({ "reserved": words }))
}

#[derive(Deserialize)]
struct Sub {
    #[serde(default)]
    sub: String,
}

async fn check(
    State(compat): State<Compat>,
    Segment(domain): Segment<String>,
    query: Result<Params<Sub>, Problem>,
    request: Request,
) -> Result<Json<Value>, Old> {
    let context = compat.context(&request);
    compat.count(Bucket::Check, &context)?;
    // A query that cannot be read asks for no name, which is answered like a name that cannot be one.
    let label = query.map_or_else(|_| String::new(), |Params(query)| query.sub.trim().to_owned());
    let Ok(pool) = DomainName::parse(domain.trim()) else {
        return Ok(unsupported(&domain));
    };
    let store = compat.app.store.clone();
    let asked = Arc::clone(&context);
    let checked = store
        .read(|tx| Box::pin(async move { service::check(tx, asked.asked(), &pool, &label).await }))
        .await;
    let checked = match checked {
        Err(ServiceError::Refused(refusal)) if refusal.code == Code::PoolNotFound => {
            return Ok(unsupported(&domain));
        }
        other => other?,
    };
    Ok(Json(match checked.refusal {
        None => json!({ "available": true, "fqdn": checked.name }),
        Some(refusal) => {
            let reason = match refusal.code {
                Code::NameHeld => "reserved-state",
                Code::NameTaken | Code::NameConflict => "active-state",
                code => old_words(code).map_or(code.as_str(), |(_, word)| word),
            };
            json!({ "available": false, "reason": reason, "detail": refusal.detail, "fqdn": checked.name })
        }
    }))
}

fn unsupported(domain: &str) -> Json<Value> {
    let detail = format!("{domain} is not a pool of this service");
    Json(json!({ "available": false, "reason": "unsupported-pool", "detail": detail }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReserveBody {
    #[serde(default)]
    subdomain: String,
    created_by: Option<String>,
}

async fn reserve(
    State(compat): State<Compat>,
    Segment(domain): Segment<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Old> {
    let context = compat.context(&request);
    let body: ReserveBody = read(request).await?;
    compat.count(Bucket::Reserve, &context)?;
    let creator = body
        .created_by
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| DEFAULT_CREATOR.to_owned());
    let wanted = Reserve {
        pool: domain.trim().to_owned(),
        label: body.subdomain.trim().to_owned(),
        hold: None,
        token: TokenForm::Uuid,
        created_by: Some(creator.chars().take(100).collect()),
    };
    let claim = decide_plain(context, move |tx, cx| {
        let wanted = wanted.clone();
        Box::pin(async move { service::reserve(tx, cx.asked(), &cx.app.server_key, &wanted).await })
    })
    .await?;
    let mut shown = allocation(&claim);
    shown["reservationToken"] = compat
        .app
        .server_key
        .reservation_token(claim.id, TokenForm::Uuid)
        .into();
    shown["createdBy"] = creator.into();
    Ok((StatusCode::CREATED, Json(shown)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitBody {
    #[serde(default)]
    subdomain: String,
    #[serde(default)]
    reservation_token: String,
    // The name follows from pool and subdomain; what old clients send as sovereignFQDN says the same.
    #[serde(default, rename = "loadBalancerIP")]
    load_balancer_ip: String,
}

async fn commit(
    State(compat): State<Compat>,
    Segment(domain): Segment<String>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Old> {
    let context = compat.context(&request);
    let body: CommitBody = read(request).await?;
    compat.count(Bucket::Change, &context)?;
    let name = name_of(&domain, &body.subdomain)?;
    let address = body.load_balancer_ip.trim().to_owned();
    let (ipv4, ipv6) = if address.contains(':') {
        (vec![], vec![address])
    } else {
        (vec![address], vec![])
    };
    let targets = GivenTargets::parse(&ipv4, &ipv6, "")?;
    let token = body.reservation_token.trim().to_ascii_lowercase();
    let work = decide_plain(context, move |tx, cx| {
        let (name, token, targets) = (name.clone(), token.clone(), targets.clone());
        Box::pin(async move {
            let claim = claim_for(tx, cx.asked().owner()?, &name, true).await?.id;
            service::commit(
                tx,
                cx.asked(),
                &Commit {
                    claim,
                    token,
                    targets,
                },
            )
            .await
        })
    })
    .await?;
    let app = &compat.app;
    app.wake.operation_due();
    wait_for(app, work.operation.id, COMMIT_WAIT).await;
    let id = work.claim.id;
    let read: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { tx.claim(id, None).await }))
        .await;
    let claim = read?.ok_or_else(Refusal::no_claim)?;
    let status = if claim.state == ClaimState::Active {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(allocation(&claim))))
}

#[derive(Default, Deserialize)]
struct ReleaseBody {
    #[serde(default)]
    subdomain: String,
}

async fn release(
    State(compat): State<Compat>,
    Segment(domain): Segment<String>,
    Params(query): Params<Sub>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Old> {
    let context = compat.context(&request);
    let body: ReleaseBody = if query.sub.is_empty() {
        read(request).await?
    } else {
        ReleaseBody::default()
    };
    compat.count(Bucket::Change, &context)?;
    let label = if query.sub.is_empty() {
        body.subdomain
    } else {
        query.sub
    };
    let name = name_of(&domain, &label)?;
    let work = decide_plain(context, move |tx, cx| {
        let name = name.clone();
        Box::pin(async move {
            // Never an earlier claim of the name: an old script must not give back the next owner's.
            let claim = claim_for(tx, cx.asked().owner()?, &name, false).await?.id;
            service::release(
                tx,
                cx.asked(),
                &Release {
                    claim,
                    name: name.to_string(),
                },
            )
            .await
        })
    })
    .await?;
    compat.app.wake.operation_due();
    let status = if work.operation.state.is_final() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(json!({ "freed": allocation(&work.claim) }))))
}

async fn list(State(compat): State<Compat>, Segment(domain): Segment<String>) -> Result<Json<Value>, Old> {
    let pool = DomainName::parse(domain.trim()).map_err(|_| Refusal::no_pool())?;
    let (tenant, of) = (compat.tenant, pool.clone());
    let read = compat
        .app
        .store
        .read(|tx| Box::pin(async move { current_claims(tx, tenant, &of).await }))
        .await;
    let claims: Vec<Claim> = read.map_err(|error: ServiceError| Old::from(error))?;
    let allocations: Vec<Value> = claims.iter().map(allocation).collect();
    Ok(Json(
        json!({ "poolDomain": pool.as_str(), "allocations": allocations }),
    ))
}

async fn current_claims(tx: &mut Tx<'_>, tenant: TenantId, pool: &DomainName) -> Decided<Vec<Claim>> {
    if tx.pool(pool).await?.is_none() {
        return Err(Refusal::no_pool().into());
    }
    let mut all = Vec::new();
    for state in CURRENT {
        let filter = ClaimFilter {
            tenant: Some(tenant),
            state: Some(state),
            pool: Some(pool.clone()),
            ..ClaimFilter::default()
        };
        let mut page = Page {
            after: None,
            limit: 500,
        };
        loop {
            let claims = tx.list_claims(&filter, &page).await?;
            let Some(last) = claims.last() else { break };
            page.after = Some(last.id.to_string());
            all.extend(claims);
        }
    }
    Ok(all)
}

/// The claim of a name that a call means: the tenant's current one. With `even_expired`, one whose hold has just
/// ended, so that its commit hears that instead of "not found".
async fn claim_for(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &DomainName,
    even_expired: bool,
) -> Decided<Claim> {
    if let Some(claim) = tx
        .current_claim(name)
        .await?
        .filter(|claim| claim.tenant == tenant)
    {
        return Ok(claim);
    }
    if even_expired {
        let filter = ClaimFilter {
            tenant: Some(tenant),
            name: Some(name.clone()),
            ..ClaimFilter::default()
        };
        let earlier = tx
            .list_claims(
                &filter,
                &Page {
                    after: None,
                    limit: 500,
                },
            )
            .await?;
        if let Some(claim) = earlier
            .into_iter()
            .next_back()
            .filter(|claim| claim.state == ClaimState::Expired)
        {
            return Ok(claim);
        }
    }
    Err(Refusal::no_claim().into())
}

fn name_of(domain: &str, label: &str) -> Result<DomainName, Old> {
    let pool = DomainName::parse(domain.trim()).map_err(|_| Refusal::no_pool())?;
    let name = pool.child(label.trim());
    name.map_err(|error| {
        Old(Refusal::field(
            Code::LabelInvalid,
            "/subdomain",
            error.to_string(),
        ))
    })
}

/// Reads a body as leniently as the old system did: unknown fields and the content type do not matter.
async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Old> {
    let (parts, body) = request.into_parts();
    let bytes: Bytes = extract::read_body(&parts.headers, body).await?;
    let value = extract::parse(&bytes)?;
    let malformed = |_| {
        Old(Refusal::new(
            Code::RequestMalformed,
            "the body is not the JSON object that is needed",
        ))
    };
    serde_json::from_value(value).map_err(malformed)
}

/// A claim in the old form, without its token.
fn allocation(claim: &Claim) -> Value {
    let mut shown = json!({
        "poolDomain": claim.pool.as_str(),
        "subdomain": claim.label.as_str(),
        "state": claim.state.as_str(),
        "reservedAt": claim.created_at,
    });
    if let Some(end) = claim.expires_at.filter(|_| claim.state == ClaimState::Reserved) {
        shown["expiresAt"] = json!(end);
    }
    if let Some(targets) = &claim.targets {
        let first = targets.ipv4().first().map(ToString::to_string);
        let first = first.or_else(|| targets.ipv6().first().map(ToString::to_string));
        shown["sovereignFQDN"] = json!(claim.name.as_str());
        shown["loadBalancerIP"] = json!(first);
    }
    shown
}
