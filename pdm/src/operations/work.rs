//! One turn at an operation: each step is looked at, acted on when it writes, and looked at again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::context::Context;
use super::dispatch::{act, look};
use super::runner::{CrashPoint, Runner, Turn};
use super::step::{Look, StepError};
use crate::clock::DbTime;
use crate::delegation::parent_zone::Announcement;
use crate::domain::claim::Claim;
use crate::domain::operation::{Operation, OperationState, StepName, StepState};
use crate::domain::pool::Pool;
use crate::domain::records::RecordSet;
use crate::store::StoreError;

/// One turn at an operation.
pub(super) struct Work<'r> {
    pub(super) runner: &'r Runner,
    pub(super) operation: Operation,
    pub(super) claim: Claim,
    pub(super) records: Vec<RecordSet>,
    pool: Pool,
    announcement: Mutex<Option<Announcement>>,
    /// The database's time when it was last read in this turn.
    pub(super) now: DbTime,
    /// Steps that only read and are done, and are not in the database yet.
    pub(super) unsaved: Vec<Unsaved>,
    /// When the operation was written last.
    pub(super) saved: Instant,
}

/// A step that only reads and is done. It is written with what comes next; a crash before that only means that it is
/// looked at again.
pub(super) struct Unsaved {
    pub(super) index: usize,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

/// After so long what was done is written at once, for people to see.
pub(super) const SOON: Duration = Duration::from_millis(200);

/// How one step went: what the last look saw or why there is none, and nothing after a simulated crash.
type Went = Option<Result<Look, StepError>>;

impl<'r> Work<'r> {
    pub(super) async fn walk(runner: &'r Runner, operation: Operation) -> Result<Turn, StoreError> {
        let (claim_id, pool) = (operation.claim, operation.pool.clone());
        let (now, claim, pool, records) = runner
            .world
            .store
            .read(|tx| {
                Box::pin(async move {
                    let (now, claim) = (tx.now().await?, tx.claim(claim_id, None).await?);
                    Ok::<_, StoreError>((now, claim, tx.pool(&pool).await?, tx.records(claim_id).await?))
                })
            })
            .await?;
        let (Some(claim), Some(pool)) = (claim, pool) else {
            return Err(StoreError::Inconsistent {
                table: "operations",
                column: "claim_id",
                id: operation.id.to_string(),
            });
        };
        let mut work = Self {
            runner,
            operation,
            claim,
            pool,
            records,
            announcement: Mutex::new(None),
            now,
            unsaved: Vec::new(),
            saved: Instant::now(),
        };
        while let Some(index) = work.operation.current() {
            if !work.begin(index).await? {
                return Ok(Turn::Dead);
            }
            let began = Instant::now();
            let Some(seen) = work.step(index).await else {
                return Ok(Turn::Dead);
            };
            if let Some(turn) = work.record(index, began, seen).await? {
                return Ok(turn);
            }
        }
        work.conclude().await
    }

    pub(super) fn dies(&self, step: StepName, point: CrashPoint) -> bool {
        self.runner
            .crashes
            .as_ref()
            .is_some_and(|crashes| crashes.here(&self.operation, step, point))
    }

    /// Marks the step as begun. The intent of a writing step is committed here, before anything is sent. False is a crash.
    async fn begin(&mut self, index: usize) -> Result<bool, StoreError> {
        let name = self.operation.steps[index].name;
        if self.dies(name, CrashPoint::BeforeIntent) {
            return Ok(false);
        }
        let fresh = self.operation.steps[index].attempts == 0;
        self.operation.state = OperationState::Running;
        self.operation.waiting_until = None;
        self.operation.steps[index].attempts += 1;
        self.operation.steps[index].state = StepState::Running;
        if name.writes() {
            self.save_intent(index, fresh).await?;
        }
        Ok(!self.dies(name, CrashPoint::AfterIntent))
    }

    /// Looks, and for a writing step acts and looks again.
    async fn step(&mut self, index: usize) -> Went {
        let cx = Context {
            world: &self.runner.world,
            operation: &self.operation,
            claim: &self.claim,
            pool: &self.pool,
            records: &self.records,
            facts: Mutex::new(self.operation.facts.clone()),
            now: self.now,
            announcement: &self.announcement,
            untouched: AtomicBool::new(false),
            reply: Mutex::new(None),
        };
        let went = self.look_and_act(&cx, index).await;
        let facts = cx.facts.into_inner();
        self.operation.facts = facts;
        went
    }

    async fn look_and_act(&self, cx: &Context<'_>, index: usize) -> Went {
        let name = self.operation.steps[index].name;
        let first_try = is_first_try(cx, name);
        let missing = if first_try {
            // The call is its own precondition: PowerDNS refuses to create a zone that exists (409) and leaves it alone. And
            // the intent that was written just now has shown that nobody has taken over.
            cx.untouched.store(true, Ordering::Relaxed);
            "it was not asked for yet".to_owned()
        } else {
            match look(name, cx).await {
                Ok(Look::NotYet(missing)) if name.writes() => missing,
                _ if self.dies(name, CrashPoint::AfterCall) => return None,
                settled => return Some(settled),
            }
        };
        if let Some(until) = self.claim.settle_until
            && self.must_settle(index)
        {
            let why = format!("{missing}; an earlier write of something else may still arrive");
            return Some(Ok(Look::Wait(until, why)));
        }
        tracing::debug!(operation = %cx.operation.id, step = %name, missing, "acting");
        let acted = if first_try {
            act(name, cx).await
        } else {
            match cx.still_holds().await {
                Ok(()) => act(name, cx).await,
                Err(error) => Err(error),
            }
        };
        if self.dies(name, CrashPoint::AfterCall) {
            return None;
        }
        if let Err(StepError::Retry { unknown: true, .. }) = &acted
            && let Err(error) = self.note_unknown().await
        {
            return Some(Err(error.into()));
        }
        // What the second look shows is the outcome. What the call said matters only when it is not done.
        Some(match (look(name, cx).await, acted) {
            (Ok(Look::NotYet(_)) | Err(StepError::Retry { .. }), Err(error)) => Err(error),
            (seen, _) => seen,
        })
    }

    async fn note_unknown(&self) -> Result<(), StoreError> {
        let (claim, settle) = (self.claim.id, self.runner.world.config.timing.settle);
        let store = &self.runner.world.store;
        store
            .write(move |tx| Box::pin(async move { tx.note_unknown_outcome(claim, settle).await }))
            .await
    }
}

/// Whether nothing of this claim can be on the servers yet: the first try to create its zone.
fn is_first_try(cx: &Context<'_>, name: StepName) -> bool {
    let first = cx
        .operation
        .steps
        .iter()
        .any(|step| step.name == name && step.attempts == 1);
    name == StepName::CreateZone && first && !cx.operation.facts.parent_touched
}
