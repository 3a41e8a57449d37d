//! Who is calling: checked before anything else of a request is looked at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::Instant;

use super::extract::Caller;
use super::problem::Problem;
use super::state::AppState;
use crate::clock::DbTime;
use crate::domain::actor::{Actor, Scope};
use crate::domain::ids::KeyId;
use crate::service::{Code, keys, sha256_hex};
use crate::store::{ApiKey, NewAudit, Store, StoreError};

/// Most keys that are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// How exact the last use of a key is.
const USE_NOTED_EVERY: Duration = Duration::from_mins(1);

/// Checks keys, and remembers for a short time those that it has checked.
pub struct Keyring {
    memory: Duration,
    checked: Mutex<HashMap<String, (Actor, Instant)>>,
}

/// Lets only authenticated callers pass, with who they are noted in the request.
pub async fn authenticate(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    match app.keyring.actor(&app.store, request.headers()).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => {
            metrics::counter!("pdm_auth_failures_total", "code" => problem.0.code.as_str()).increment(1);
            tracing::info!(
                code = problem.0.code.as_str(),
                path = request.uri().path(),
                "not authenticated"
            );
            problem.into_response()
        }
    }
}

impl Keyring {
    /// A keyring that remembers what it has checked for so long.
    pub fn new(memory: Duration) -> Self {
        Self {
            memory,
            checked: Mutex::default(),
        }
    }

    /// Who sends a request with these headers.
    pub async fn actor(&self, store: &Store, headers: &HeaderMap) -> Result<Actor, Problem> {
        let missing = || Problem::new(Code::AuthMissing, "send Authorization: Bearer and a key");
        let header = headers.get(AUTHORIZATION).ok_or_else(missing)?;
        let (scheme, text) = header
            .to_str()
            .ok()
            .and_then(|h| h.split_once(' '))
            .ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let text = text.trim();
        let remembered = sha256_hex(text.as_bytes());
        if let Some(actor) = self.remembered(&remembered) {
            return Ok(actor);
        }
        let actor = check(store, text).await?;
        self.remember(remembered, actor.clone());
        Ok(actor)
    }

    /// Forgets a key that was revoked here, so that this process refuses it at once.
    pub fn forget(&self, id: KeyId) {
        self.lock().retain(|_, (actor, _)| actor.key != Some(id));
    }

    fn remembered(&self, hash: &str) -> Option<Actor> {
        let checked = self.lock();
        let (actor, at) = checked.get(hash)?;
        (at.elapsed() < self.memory).then(|| actor.clone())
    }

    fn remember(&self, hash: String, actor: Actor) {
        if self.memory.is_zero() {
            return;
        }
        let mut checked = self.lock();
        if checked.len() >= MAX_REMEMBERED {
            checked.retain(|_, (_, at)| at.elapsed() < self.memory);
        }
        if checked.len() < MAX_REMEMBERED {
            checked.insert(hash, (actor, Instant::now()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Actor, Instant)>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn check(store: &Store, text: &str) -> Result<Actor, Problem> {
    let invalid = || Problem::new(Code::AuthInvalid, "this key is not known here, or was revoked");
    let (id, secret) = keys::split_key(text).ok_or_else(invalid)?;
    let (key, now) = read(store, id).await?;
    let key = key
        .filter(|key| keys::is_secret_of(secret, key))
        .ok_or_else(invalid)?;
    if key.revoked_at.is_some() {
        return Err(invalid());
    }
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(Problem::new(
            Code::AuthExpired,
            "this key has ended: ask an operator for a new one",
        ));
    }
    if key.used_at.is_none_or(|used| used.plus(USE_NOTED_EVERY) <= now) {
        note_use(store.clone(), id);
    }
    Ok(Actor {
        key: Some(id),
        scope: key.tenant.map_or(Scope::Operator, Scope::Tenant),
    })
}

/// Whether an actor may go on: his key may have been revoked or have ended since it was checked.
pub async fn is_still_good(store: &Store, actor: &Actor) -> bool {
    let Some(id) = actor.key else { return true };
    match read(store, id).await {
        Ok((Some(key), now)) => key.revoked_at.is_none() && key.expires_at.is_none_or(|end| end > now),
        Ok((None, _)) => false,
        // A store that is away for a moment says nothing about the key; the stream reads from it anyway.
        Err(_) => true,
    }
}

/// Writes down that an authenticated caller was refused.
pub(super) async fn audit_refusal(app: &AppState, caller: &Caller, code: Code) {
    let caller = caller.clone();
    let written = app.store.write(move |tx| {
        Box::pin(async move {
            tx.audit(NewAudit {
                tenant: caller.actor.tenant(),
                actor: &caller.actor.audit_name(),
                source: &caller.source,
                action: "request.refused",
                claim: None,
                operation: None,
                before: None,
                after: None,
                detail: Some(format!("{} {}", code.as_str(), caller.request_id)),
            })
            .await
        })
    });
    if let Err(error) = written.await {
        let error: StoreError = error;
        tracing::warn!(%error, "a refusal was not audited");
    }
}

async fn read(store: &Store, id: KeyId) -> Result<(Option<ApiKey>, DbTime), StoreError> {
    store
        .read(|tx| Box::pin(async move { Ok((tx.key(id).await?, tx.now().await?)) }))
        .await
}

/// Beside the request: nobody waits for it, and it may fail.
fn note_use(store: Store, id: KeyId) {
    tokio::spawn(async move {
        let noted = store
            .write(move |tx| Box::pin(async move { tx.touch_key(id).await }))
            .await;
        if let Err(error) = noted {
            let error: StoreError = error;
            tracing::debug!(%error, "use of a key not noted");
        }
    });
}
