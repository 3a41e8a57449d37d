//! Calls that change something: decided in one transaction, kept under their `Idempotency-Key`, answered when the
//! caller wants the answer.
//!
//! The key row is written in the transaction of the change. While the answer is still waited for (`Prefer: wait`) the
//! row is pending; it is settled with what was answered. Whoever repeats meanwhile hears that the first is in
//! progress; a pending row whose process died runs out and is decided anew from its operation.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::{self, Answer};
use super::auth;
use super::extract::{Call, Caller};
use super::limits::Bucket;
use super::problem::Problem;
use super::state::AppState;
use crate::domain::ids::OperationId;
use crate::service::{Asked, Code, Decided, Refusal, ServiceError, Work};
use crate::store::{Kept, NewKept, StoreError, Tx};

/// What happens in the transaction of a call. It may run more than once; only one run stays.
pub type Verb =
    Arc<dyn for<'t> Fn(&'t mut Tx<'_>, Arc<Context>) -> BoxFuture<'t, Decided<Answer>> + Send + Sync>;

/// What a verb knows of its call.
pub struct Context {
    /// Handlers' state.
    pub app: AppState,
    /// Who calls.
    pub caller: Caller,
}

impl Context {
    /// The caller, as the verbs want it.
    pub fn asked(&self) -> Asked<'_> {
        self.caller.asked(&self.app)
    }
}

/// Statuses that the request itself made final.
const FINAL: [u16; 4] = [404, 409, 410, 422];
/// How often a decision is tried when other transactions are in the way.
const TRIES: u32 = 6;
/// How long an answer counts as still being decided without being said so again.
const PENDING: Duration = Duration::from_secs(3);
/// How often the store is read during a wait: other replicas give no hints.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Fields of bodies that are secrets, and no part of a fingerprint.
const SECRET_FIELDS: [&str; 2] = ["reservation_token", "credentials"];

/// The key of a call, with what it stands for.
#[derive(Clone)]
struct Key {
    scope: String,
    route: &'static str,
    text: String,
    fingerprint: String,
}

/// A call on its way to its answer. Owned by a task of its own, which goes on when the caller has gone.
struct Decision {
    context: Arc<Context>,
    key: Option<Key>,
    wait: Duration,
    preferred: Option<u64>,
    verb: Verb,
}

enum Outcome {
    Fresh(Answer),
    Kept(Kept),
}

enum Failure {
    Service(ServiceError),
    /// Somebody used the key at the same moment: look what he has kept.
    KeyTaken,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl Call {
    /// Decides a call of this route. `default_wait` is how long its answer waits when the caller does not say.
    pub async fn decide(
        self,
        route: &'static str,
        bucket: Option<Bucket>,
        default_wait: Duration,
        verb: impl for<'t> Fn(&'t mut Tx<'_>, Arc<Context>) -> BoxFuture<'t, Decided<Answer>>
        + Send
        + Sync
        + 'static,
    ) -> Result<Response, Problem> {
        let (app, actor) = (self.app.clone(), self.caller.actor.clone());
        let wait = self.wishes.wait;
        let decision = Decision {
            key: self.key(route),
            context: Arc::new(Context {
                app: self.app,
                caller: self.caller,
            }),
            wait: wait.unwrap_or(default_wait),
            preferred: wait.map(|wait| wait.as_secs()),
            verb: Arc::new(verb),
        };
        let answer = match decision.replay().await? {
            Some(answer) => answer,
            None => {
                if let Some(bucket) = bucket {
                    app.limiters.count(bucket, &actor)?;
                }
                tokio::spawn(decision.run())
                    .await
                    .map_err(|_| Problem::failed())??
            }
        };
        Ok(answer.response(&app.server_key))
    }

    /// The kept answer of this call, if there is one: for calls that do something else before they are decided.
    pub async fn replay(&self, route: &'static str) -> Result<Option<Response>, Problem> {
        let Some(key) = self.key(route) else {
            return Ok(None);
        };
        let context = Context {
            app: self.app.clone(),
            caller: self.caller.clone(),
        };
        let answer = replay(&context, &key).await?;
        Ok(answer.map(|answer| answer.response(&self.app.server_key)))
    }

    fn key(&self, route: &'static str) -> Option<Key> {
        let text = self.wishes.key.clone()?;
        let scope = self
            .caller
            .actor
            .tenant()
            .map_or_else(|| "operator".to_owned(), |tenant| tenant.to_string());
        let body = canonical(&self.body).to_string();
        let parts = [route.as_bytes(), self.path.as_bytes(), body.as_bytes()];
        let fingerprint = self.app.server_key.fingerprint(&parts);
        Some(Key {
            scope,
            route,
            text,
            fingerprint,
        })
    }
}

/// A body in one spelling: fields in order, secrets left out.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields
                .keys()
                .filter(|name| !SECRET_FIELDS.contains(&name.as_str()))
                .collect();
            names.sort();
            Value::Object(
                names
                    .into_iter()
                    .map(|name| (name.clone(), canonical(&fields[name])))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

impl Decision {
    async fn replay(&self) -> Result<Option<Answer>, Problem> {
        match &self.key {
            Some(key) => replay(&self.context, key).await,
            None => Ok(None),
        }
    }

    async fn run(self) -> Result<Answer, Problem> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt().await {
                Ok(Outcome::Fresh(answer)) => return self.answer(answer).await,
                Ok(Outcome::Kept(kept)) => return kept_answer(&self.context, self.expect_key(), kept).await,
                Err(Failure::Service(ServiceError::Refused(refusal))) => {
                    return self.refuse(Problem(*refusal)).await;
                }
                Err(Failure::Service(ServiceError::Store(error))) => {
                    let in_the_way = matches!(error, StoreError::Contention | StoreError::Superseded);
                    if !in_the_way || tries == TRIES {
                        return Err(error.into());
                    }
                }
                Err(Failure::KeyTaken) if tries == TRIES => return Err(StoreError::Contention.into()),
                Err(Failure::KeyTaken) => {}
            }
            tokio::time::sleep(Duration::from_millis(10) * tries * tries).await;
        }
    }

    /// One transaction: the change and its key row, or what is kept already.
    async fn attempt(&self) -> Result<Outcome, Failure> {
        let (context, key) = (Arc::clone(&self.context), self.key.clone());
        let (verb, wait) = (Arc::clone(&self.verb), self.wait);
        let store = self.context.app.store.clone();
        store
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(key) = &key
                        && let Some(kept) = tx.kept(&key.scope, key.route, &key.text).await?
                    {
                        return Ok(Outcome::Kept(kept));
                    }
                    let answer = verb(tx, context).await.map_err(Failure::Service)?;
                    if let Some(key) = key {
                        let pending = (answer.goes_on && !wait.is_zero()).then_some(PENDING);
                        keep(tx, &key, &answer, pending).await?;
                    }
                    Ok(Outcome::Fresh(answer))
                })
            })
            .await
    }

    /// Waits as wanted, and settles what is kept.
    async fn answer(&self, mut answer: Answer) -> Result<Answer, Problem> {
        let app = &self.context.app;
        if let Some(operation) = answer.operation {
            app.wake.operation_due();
            app.wake.changed(operation);
            if answer.goes_on && !self.wait.is_zero() {
                // Pending only for as long as somebody really waits: after a crash the key is free to be decided anew
                // within seconds.
                tokio::select! {
                    () = wait_for(app, operation, self.wait) => {}
                    () = self.stay_pending() => {}
                }
                answer = work_answer(app, operation).await?.after_wait();
                if let Some(key) = self.key.clone() {
                    settle(app, key, &answer).await?;
                }
            }
            answer.waited = self.preferred;
        }
        Ok(answer)
    }

    /// Says again and again that the answer is still being decided; never ends.
    async fn stay_pending(&self) {
        loop {
            tokio::time::sleep(PENDING / 3).await;
            let Some(key) = self.key.clone() else { continue };
            let store = &self.context.app.store;
            let extended: Result<(), StoreError> = store
                .write(move |tx| {
                    Box::pin(
                        async move { tx.extend_pending(&key.scope, key.route, &key.text, PENDING).await },
                    )
                })
                .await;
            if let Err(error) = extended {
                tracing::debug!(%error, "a pending answer was not extended");
            }
        }
    }

    /// Keeps a refusal that the request itself made final, under the key alone.
    async fn refuse(&self, problem: Problem) -> Result<Answer, Problem> {
        let status = problem.status().as_u16();
        self.note_refusal(&problem).await;
        let Some(key) = self.key.clone().filter(|_| FINAL.contains(&status)) else {
            return Err(problem);
        };
        if matches!(
            problem.0.code,
            Code::IdempotencyMismatch | Code::IdempotencyInProgress
        ) {
            return Err(problem);
        }
        let body = problem.render(&self.context.caller.request_id);
        let answer = Answer::text(status, body);
        let kept = answer.clone();
        let store = &self.context.app.store;
        let stored = store
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(kept) = tx.kept(&key.scope, key.route, &key.text).await? {
                        return Ok(Outcome::Kept(kept));
                    }
                    keep(tx, &key, &kept, None).await?;
                    Ok(Outcome::Fresh(kept))
                })
            })
            .await;
        match stored {
            Ok(Outcome::Fresh(answer)) => Ok(answer),
            Ok(Outcome::Kept(kept)) => kept_answer(&self.context, self.expect_key(), kept).await,
            Err(Failure::KeyTaken) => self.replay().await?.ok_or_else(|| StoreError::Contention.into()),
            Err(Failure::Service(error)) => Err(error.into()),
        }
    }

    /// A wrong token and a scope that does not reach are what an attacker would try: they are audited.
    async fn note_refusal(&self, problem: &Problem) {
        if matches!(problem.0.code, Code::TokenMismatch | Code::AuthScope) {
            auth::audit_refusal(&self.context.app, &self.context.caller, problem.0.code).await;
        }
    }

    fn expect_key(&self) -> &Key {
        self.key
            .as_ref()
            .expect("only a call with a key finds something kept")
    }
}

/// Decides without a key, again while other transactions are in the way.
pub(super) async fn decide_plain<T: Send + 'static>(
    context: Arc<Context>,
    verb: impl for<'t> Fn(&'t mut Tx<'_>, Arc<Context>) -> BoxFuture<'t, Decided<T>> + Send + Sync + 'static,
) -> Result<T, Problem> {
    let (verb, store) = (Arc::new(verb), context.app.store.clone());
    let mut tries = 0;
    loop {
        tries += 1;
        let (verb, context) = (Arc::clone(&verb), Arc::clone(&context));
        let result: Decided<T> = store
            .write(move |tx| Box::pin(async move { verb(tx, context).await }))
            .await;
        match result {
            Err(ServiceError::Store(StoreError::Contention | StoreError::Superseded)) if tries < TRIES => {}
            other => return Ok(other?),
        }
        tokio::time::sleep(Duration::from_millis(10) * tries * tries).await;
    }
}

async fn keep(tx: &mut Tx<'_>, key: &Key, answer: &Answer, pending: Option<Duration>) -> Result<(), Failure> {
    let kept = NewKept {
        tenant: key.scope.clone(),
        route: key.route,
        key: key.text.clone(),
        fingerprint: key.fingerprint.clone(),
        operation: answer.operation,
        pending,
        status: answer.status,
        location: answer.location.clone(),
        body: answer.body.clone(),
    };
    match tx.keep(kept).await {
        Err(StoreError::Duplicate) => Err(Failure::KeyTaken),
        other => Ok(other?),
    }
}

async fn settle(app: &AppState, key: Key, answer: &Answer) -> Result<(), StoreError> {
    let (status, body) = (answer.status, answer.body.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.settle_kept(&key.scope, key.route, &key.text, status, &body)
                    .await
            })
        })
        .await
}

async fn replay(context: &Context, key: &Key) -> Result<Option<Answer>, Problem> {
    let wanted = key.clone();
    let kept: Result<_, StoreError> = context
        .app
        .store
        .read(|tx| Box::pin(async move { tx.kept(&wanted.scope, wanted.route, &wanted.text).await }))
        .await;
    match kept? {
        Some(kept) => kept_answer(context, key, kept).await.map(Some),
        None => Ok(None),
    }
}

async fn kept_answer(context: &Context, key: &Key, kept: Kept) -> Result<Answer, Problem> {
    if kept.fingerprint != key.fingerprint {
        let detail = "this Idempotency-Key was used for another request: take a new one";
        return Err(Problem::new(Code::IdempotencyMismatch, detail));
    }
    let app = &context.app;
    let mut answer = match (kept.pending_until, kept.operation) {
        (Some(until), _) if until > app.store.now().await? => {
            let refusal = Refusal::new(
                Code::IdempotencyInProgress,
                "the first request under this key is in progress",
            );
            return Err(Problem(refusal.retry_after(Duration::from_secs(1))));
        }
        // Whoever was to decide it has died: the operation says what there is to say.
        (Some(_), Some(operation)) => {
            let answer = work_answer(app, operation).await?;
            settle(app, key.clone(), &answer).await?;
            answer
        }
        _ => Answer {
            location: kept.location,
            operation: kept.operation,
            ..Answer::text(kept.status, kept.body)
        },
    };
    answer.replayed = true;
    Ok(answer)
}

/// An operation and its claim as they are now.
pub(super) async fn work_answer(app: &AppState, id: OperationId) -> Result<Answer, Problem> {
    let read: Result<_, StoreError> = app
        .store
        .read(|tx| {
            Box::pin(async move {
                let Some(operation) = tx.operation(id, None).await? else {
                    return Ok(None);
                };
                let claim = tx.claim(operation.claim, None).await?;
                Ok(claim.map(|claim| Work { operation, claim }))
            })
        })
        .await;
    let work = read?.ok_or_else(|| Problem(Refusal::no_operation()))?;
    Ok(Answer::work(&work))
}

/// Waits until an operation has ended or needs somebody, at most so long.
pub(super) async fn wait_for(app: &AppState, id: OperationId, at_most: Duration) {
    let deadline = Instant::now() + at_most;
    let mut turns = app.wake.watch(id);
    loop {
        let read: Result<_, StoreError> = app
            .store
            .read(|tx| Box::pin(async move { tx.operation(id, None).await }))
            .await;
        let left = deadline.saturating_duration_since(Instant::now());
        let over = left.is_zero() || app.is_stopping();
        match read {
            Ok(Some(operation)) if answer::goes_on(&operation) && !over => {}
            // During an outage of the store, what was acknowledged goes on all the same.
            Err(_) if !over => {}
            _ => return,
        }
        turns.next(left.min(LOOK_EVERY)).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_fields_and_secrets_are_no_part_of_a_fingerprint() {
        let one = json!({"a": 1, "b": {"c": [1, 2], "credentials": {"k": "x"}}, "reservation_token": "t"});
        let other: Value = serde_json::from_str(r#"{"b":{"credentials":{},"c":[1,2]},"a":1}"#).unwrap();
        assert_eq!(canonical(&one).to_string(), canonical(&other).to_string());
        assert_ne!(
            canonical(&one).to_string(),
            canonical(&json!({"a": 1, "b": {"c": [2, 1]}})).to_string()
        );
    }
}
