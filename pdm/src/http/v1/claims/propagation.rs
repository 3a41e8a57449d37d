//! `GET /v1/claims/{id}/propagation` and `POST /v1/claims/{id}/verify`: is it live yet?

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::clock::DbTime;
use crate::domain::claim::Claim;
use crate::domain::event::EventKind;
use crate::domain::ids::{ClaimId, TenantId};
use crate::http::answer::Answer;
use crate::http::extract::{Call, Caller, PostHeaders, Segment};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::{self, Code, Refusal};
use crate::store::{NewEvent, StoreError, Tx, with_time};
use crate::verify::{self, Propagation};

/// The last look at the world with its evidence; the first call looks
#[utoipa::path(get, path = "/v1/claims/{id}/propagation", tag = "claims", operation_id = "get_propagation",
    params(("id" = String, Path, description = "The claim")),
    responses((status = 200, description = "What was seen", body = Propagation), Refusals))]
pub async fn get(
    State(app): State<AppState>,
    caller: Caller,
    Segment(id): Segment<String>,
) -> Result<Response, Problem> {
    let (claim, now) = claim(&app, service::claim_id(&id)?, caller.actor.tenant()).await?;
    let id = claim.id;
    let last: Result<_, StoreError> = app.store.read(|tx| Box::pin(tx.propagation(id))).await;
    let known = last?.and_then(|text| serde_json::from_str::<Propagation>(&text).ok());
    let seen = if let Some(seen) = known {
        seen
    } else {
        let seen = look(&app, &claim, now).await?;
        keep(&app, &seen, claim).await?;
        seen
    };
    Ok(Answer::new(StatusCode::OK, &seen).response(&app.server_key))
}

/// Looks at the world now
#[utoipa::path(post, path = "/v1/claims/{id}/verify", tag = "claims", operation_id = "verify_claim",
    params(("id" = String, Path, description = "The claim"), PostHeaders),
    responses((status = 200, description = "What is seen", body = Propagation), Refusals))]
pub async fn verify(
    State(app): State<AppState>,
    caller: Caller,
    Segment(id): Segment<String>,
    call: Call,
) -> Result<Response, Problem> {
    const ROUTE: &str = "POST /v1/claims/{id}/verify";
    call.no_body()?;
    if let Some(kept) = call.replay(ROUTE).await? {
        return Ok(kept);
    }
    app.limiters.count(Bucket::Verify, &caller.actor)?;
    let (claim, now) = claim(&app, service::claim_id(&id)?, caller.actor.tenant()).await?;
    let seen = look(&app, &claim, now).await?;
    let claim = Arc::new(claim);
    call.decide(ROUTE, None, Duration::ZERO, move |tx, _| {
        let (seen, claim) = (seen.clone(), Arc::clone(&claim));
        Box::pin(async move {
            keep_look(tx, &claim, &seen).await?;
            Ok(Answer::new(StatusCode::OK, &seen))
        })
    })
    .await
}

/// Keeps a look, and tells streams when it found something else than the one before.
async fn keep_look(tx: &mut Tx<'_>, claim: &Claim, seen: &Propagation) -> Result<(), StoreError> {
    let before = tx
        .propagation(claim.id)
        .await?
        .and_then(|text| serde_json::from_str::<Propagation>(&text).ok());
    let object = serde_json::to_value(seen).unwrap_or_default();
    tx.put_propagation(claim.id, seen.observed_at, &object.to_string())
        .await?;
    if before.is_none_or(|before| before.verdict != seen.verdict || before.subjects != seen.subjects) {
        tx.event(NewEvent {
            kind: EventKind::PropagationChanged,
            tenant: claim.tenant,
            claim: claim.id,
            operation: None,
            data: with_time(object, seen.observed_at),
        })
        .await?;
    }
    Ok(())
}

async fn claim(app: &AppState, id: ClaimId, tenant: Option<TenantId>) -> Result<(Claim, DbTime), Problem> {
    let read: Result<_, StoreError> = app
        .store
        .read(|tx| Box::pin(async move { Ok((tx.claim(id, tenant).await?, tx.now().await?)) }))
        .await;
    let (claim, now) = read?;
    Ok((claim.ok_or_else(Refusal::no_claim)?, now))
}

async fn look(app: &AppState, claim: &Claim, now: DbTime) -> Result<Propagation, Problem> {
    match &app.world {
        Some(world) => Ok(verify::look(world, claim, now).await),
        None => Err(Problem::new(
            Code::DnsUnavailable,
            "this process does not look at the world",
        )),
    }
}

async fn keep(app: &AppState, seen: &Propagation, claim: Claim) -> Result<(), Problem> {
    let seen = seen.clone();
    let kept: Result<(), StoreError> = app
        .store
        .write(move |tx| Box::pin(async move { keep_look(tx, &claim, &seen).await }))
        .await;
    Ok(kept?)
}
