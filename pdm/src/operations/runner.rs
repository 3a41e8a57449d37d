//! Runs operations: takes what is due, walks the steps, survives crashes.
//!
//! Any number of runners in any number of processes may work on one database. An operation is taken with a lease
//! and a fence; each write says the fence, so a worker that was paused for too long changes nothing any more. What
//! is due next stands in the database, so a restart resets nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Mutex, Semaphore, watch};

use super::context::{Context, World};
use super::step::{Look, StepError};
use super::{Wake, activate, release, write_records};
use crate::clock::DbTime;
use crate::domain::claim::{Blocked, Claim, ClaimState, Party};
use crate::domain::condition::{self, Condition, ConditionType, Reason, Truth};
use crate::domain::event::EventKind;
use crate::domain::ids::OperationId;
use crate::domain::operation::{
    Failure, Operation, OperationKind, OperationState, StepName, StepRecord, StepState, UNDO_ACTIVATE,
    Undoing,
};
use crate::domain::pool::Pool;
use crate::domain::records::RecordSet;
use crate::store::{Entry, Leave, NewEntry, NewEvent, StoreError, Tx};
use crate::view::{ClaimView, OperationView};

/// The four moments of an effect at which a crash is different from a crash at the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrashPoint {
    /// Nothing is written yet.
    BeforeIntent,
    /// The intent is in the journal, the call not made.
    AfterIntent,
    /// The call was made, the result is not in the journal.
    AfterCall,
    /// The result is in the journal, nothing else was done.
    AfterResult,
}

impl CrashPoint {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::BeforeIntent,
        Self::AfterIntent,
        Self::AfterCall,
        Self::AfterResult,
    ];
}

/// Where a worker dies, for tests: it drops everything at once and lets go of nothing, as SIGKILL would.
pub trait Crashes: Send + Sync {
    /// Whether it dies here.
    fn here(&self, operation: &Operation, step: StepName, point: CrashPoint) -> bool;
}

/// Runs operations. See the module.
pub struct Runner {
    world: Arc<World>,
    wake: Arc<Wake>,
    holder: String,
    places: Arc<Semaphore>,
    /// What is being worked on right now; only these leases are renewed.
    in_hand: std::sync::Mutex<HashSet<OperationId>>,
    crashes: Option<Arc<dyn Crashes>>,
}

/// How a turn at an operation ended.
enum Turn {
    /// The operation was written and its lease given up, or it has ended.
    LetGo,
    /// A simulated crash: nothing more may be written.
    Dead,
}

impl Runner {
    /// A runner that signs its leases with `holder`, unique among processes and restarts.
    pub fn new(world: Arc<World>, wake: Arc<Wake>, holder: String) -> Self {
        let places = Arc::new(Semaphore::new(world.config.limits.concurrent_operations));
        Self {
            world,
            wake,
            holder,
            places,
            in_hand: std::sync::Mutex::default(),
            crashes: None,
        }
    }

    /// The same, dying where `crashes` says.
    #[must_use]
    pub fn with_crashes(mut self, crashes: Arc<dyn Crashes>) -> Self {
        self.crashes = Some(crashes);
        self
    }

    /// Works until `stop` is true, then finishes what it has in its hands.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let renewal = tokio::spawn(Self::renew(Arc::clone(&self), stop.clone()));
        while !*stop.borrow() {
            let free = self.places.available_permits();
            let taken = if free == 0 {
                Ok(Vec::new())
            } else {
                self.take(free).await
            };
            match taken {
                Ok(operations) if !operations.is_empty() => {
                    for operation in operations {
                        let runner = Arc::clone(&self);
                        let place = Arc::clone(&self.places).acquire_owned().await;
                        tokio::spawn(async move {
                            let _place = place;
                            runner.turn(operation).await;
                            runner.wake.operation_due();
                        });
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot look for due operations"),
            }
            let idle = self.idle_time().await;
            tokio::select! {
                () = self.wake.wait_due(idle) => {}
                _ = stop.changed() => {}
            }
        }
        let all = u32::try_from(self.world.config.limits.concurrent_operations).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(Duration::from_secs(20), self.places.acquire_many(all)).await;
        renewal.abort();
    }

    async fn take(&self, limit: usize) -> Result<Vec<Operation>, StoreError> {
        let (holder, lease) = (self.holder.clone(), self.world.config.timing.lease);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.world
            .store
            .write(move |tx| Box::pin(async move { tx.claim_due_operations(&holder, lease, limit).await }))
            .await
    }

    /// Until the next operation is due here, at most a second: other processes give no hints.
    async fn idle_time(&self) -> Duration {
        let next = self
            .world
            .store
            .read(|tx| Box::pin(async move { Ok::<_, StoreError>((tx.now().await?, tx.next_due().await?)) }))
            .await;
        match next {
            Ok((now, Some(due))) => now
                .until(due)
                .clamp(Duration::from_millis(5), Duration::from_secs(1)),
            _ => Duration::from_secs(1),
        }
    }

    async fn renew(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let timing = &self.world.config.timing;
        let (every, lease) = (timing.lease_renew, timing.lease);
        loop {
            tokio::time::sleep(every).await;
            if *stop.borrow()
                && self.places.available_permits() == self.world.config.limits.concurrent_operations
            {
                return;
            }
            let holder = self.holder.clone();
            let in_hand: Vec<OperationId> = self
                .in_hand
                .lock()
                .expect("nobody panics with it")
                .iter()
                .copied()
                .collect();
            let renewed = self
                .world
                .store
                .write(move |tx| Box::pin(async move { tx.renew_leases(&holder, &in_hand, lease).await }))
                .await;
            if let Err(error) = renewed {
                let error: StoreError = error;
                tracing::warn!(%error, "leases not renewed");
            }
        }
    }

    /// Works on one operation until it ends, waits, or has to be tried again later. A panic counts as a failed
    /// attempt: it must not take other operations down.
    async fn turn(&self, operation: Operation) {
        let id = operation.id;
        self.in_hand.lock().expect("nobody panics with it").insert(id);
        let work = std::panic::AssertUnwindSafe(Work::walk(self, operation))
            .catch_unwind()
            .await;
        self.in_hand.lock().expect("nobody panics with it").remove(&id);
        match work {
            Ok(Ok(Turn::LetGo | Turn::Dead)) => {}
            Ok(Err(StoreError::Superseded)) => {
                tracing::info!(operation = %id, "another worker has taken over");
            }
            // The lease ends by itself, and the next worker looks at the world first.
            Ok(Err(error)) => tracing::warn!(operation = %id, %error, "operation interrupted by the store"),
            Err(_) => {
                metrics::counter!("pdm_panics_total").increment(1);
                tracing::error!(operation = %id, "a step panicked");
            }
        }
    }
}

/// One turn at an operation.
struct Work<'r> {
    runner: &'r Runner,
    operation: Operation,
    claim: Claim,
    pool: Pool,
    records: Vec<RecordSet>,
    announcement: Mutex<Option<crate::delegation::parent_zone::Announcement>>,
}

/// How one step went.
enum Went {
    Done { detail: String },
    Retry { detail: String, after: Option<Duration> },
    Wait { until: DbTime, detail: String },
    Foreign { detail: String, action: String },
    Impossible { code: &'static str, detail: String },
    Dead,
}

impl<'r> Work<'r> {
    async fn walk(runner: &'r Runner, operation: Operation) -> Result<Turn, StoreError> {
        let (claim_id, pool) = (operation.claim, operation.pool.clone());
        let (claim, pool, records) = runner
            .world
            .store
            .read(|tx| {
                Box::pin(async move {
                    let claim = tx.claim(claim_id, None).await?;
                    Ok::<_, StoreError>((claim, tx.pool(&pool).await?, tx.records(claim_id).await?))
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
        };
        let mut first = true;
        while let Some(index) = work.operation.current() {
            let began = work.begin(index, std::mem::take(&mut first)).await?;
            if !began {
                return Ok(Turn::Dead);
            }
            let went = work.step(index).await;
            if let Some(turn) = work.record(index, went).await? {
                return Ok(turn);
            }
        }
        work.conclude().await
    }

    fn dies(&self, step: StepName, point: CrashPoint) -> bool {
        self.runner
            .crashes
            .as_ref()
            .is_some_and(|crashes| crashes.here(&self.operation, step, point))
    }

    /// Marks the step as begun. The intent of a writing step is committed here, before anything is sent; so is the
    /// first touch of a step that only reads when it is the first of the turn, for people to see. False is a crash.
    async fn begin(&mut self, index: usize, first_of_turn: bool) -> Result<bool, StoreError> {
        let name = self.operation.steps[index].name;
        if self.dies(name, CrashPoint::BeforeIntent) {
            return Ok(false);
        }
        let fresh = self.operation.steps[index].attempts == 0;
        self.operation.state = OperationState::Running;
        self.operation.waiting_until = None;
        let must_be_told = name.writes() || (fresh && first_of_turn);
        if !must_be_told {
            self.operation.steps[index].attempts += 1;
            self.operation.steps[index].state = StepState::Running;
            return Ok(!self.dies(name, CrashPoint::AfterIntent));
        }
        let interrupted = self.operation.steps[index].open_intent;
        let (claim, settle) = (self.claim.id, self.runner.world.config.timing.settle);
        let mut operation = self.operation.clone();
        self.operation = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    start_step(tx, &mut operation.steps[index]).await?;
                    if name.writes() {
                        operation.steps[index].open_intent = true;
                        tx.journal(
                            &operation,
                            &[NewEntry {
                                step: name,
                                entry: Entry::Intent,
                                detail: None,
                            }],
                        )
                        .await?;
                    }
                    if interrupted {
                        // Whoever crashed between this intent and its result may have a call under way.
                        tx.note_unknown_outcome(claim, settle).await?;
                    }
                    tx.save_operation(&operation, Leave::Keep).await?;
                    if fresh {
                        step_event(tx, &operation, index, EventKind::StepStarted).await?;
                    }
                    Ok::<_, StoreError>(operation)
                })
            })
            .await?;
        self.runner.wake.changed(self.operation.id);
        Ok(!self.dies(name, CrashPoint::AfterIntent))
    }

    /// Looks, and for a writing step acts and looks again.
    async fn step(&mut self, index: usize) -> Went {
        let name = self.operation.steps[index].name;
        let now = match self.runner.world.store.now().await {
            Ok(now) => now,
            Err(error) => {
                return Went::Retry {
                    detail: error.to_string(),
                    after: None,
                };
            }
        };
        let cx = Context {
            world: &self.runner.world,
            operation: &self.operation,
            claim: &self.claim,
            pool: &self.pool,
            records: &self.records,
            facts: Mutex::new(self.operation.facts.clone()),
            now,
            announcement: &self.announcement,
            zone_absent: AtomicBool::new(false),
        };
        let went = self.look_and_act(&cx, name).await;
        let facts = cx.facts.into_inner();
        self.operation.facts = facts;
        went
    }

    async fn look_and_act(&self, cx: &Context<'_>, name: StepName) -> Went {
        let missing = if is_first_creation(cx, name) {
            // PowerDNS refuses to create a zone that exists (409) and leaves it alone: the call is its own precondition.
            cx.zone_absent.store(true, Ordering::Relaxed);
            "the zone was not asked for yet".to_owned()
        } else {
            match look(name, cx).await {
                Ok(Look::NotYet(missing)) if name.writes() => missing,
                settled if self.dies(name, CrashPoint::AfterCall) => {
                    drop(settled);
                    return Went::Dead;
                }
                settled => return went(settled),
            }
        };
        tracing::debug!(operation = %cx.operation.id, step = %name, missing, "acting");
        let acted = act(name, cx).await;
        if self.dies(name, CrashPoint::AfterCall) {
            return Went::Dead;
        }
        if let Err(StepError::Retry { unknown: true, .. }) = &acted
            && let Err(error) = self.note_unknown().await
        {
            return Went::Retry {
                detail: error.to_string(),
                after: None,
            };
        }
        // What the second look shows is the outcome. What the call said matters only when it is not done.
        match (look(name, cx).await, acted) {
            (Ok(Look::NotYet(missing)), Ok(())) => Went::Retry {
                detail: missing,
                after: None,
            },
            (Ok(Look::NotYet(_)) | Err(StepError::Retry { .. }), Err(error)) => went(Err(error)),
            (seen, _) => went(seen),
        }
    }

    async fn note_unknown(&self) -> Result<(), StoreError> {
        let (claim, settle) = (self.claim.id, self.runner.world.config.timing.settle);
        let store = &self.runner.world.store;
        store
            .write(move |tx| Box::pin(async move { tx.note_unknown_outcome(claim, settle).await }))
            .await
    }

    /// Writes what came of a step. `Some` when the turn is over.
    async fn record(&mut self, index: usize, went: Went) -> Result<Option<Turn>, StoreError> {
        let name = self.operation.steps[index].name;
        match went {
            Went::Dead => Ok(Some(Turn::Dead)),
            Went::Done { detail } => {
                self.save_done(index, detail).await?;
                let dead = self.dies(name, CrashPoint::AfterResult);
                Ok(dead.then_some(Turn::Dead))
            }
            Went::Retry { detail, after } => {
                let wait = self
                    .backoff(self.operation.steps[index].attempts)
                    .max(after.unwrap_or_default());
                self.save_pause(index, Pause::Retry { wait }, detail).await?;
                Ok(Some(Turn::LetGo))
            }
            Went::Wait { until, detail } => {
                self.save_pause(index, Pause::Wait { until }, detail).await?;
                Ok(Some(Turn::LetGo))
            }
            Went::Foreign { detail, action } => {
                let code = "zone.foreign";
                let told = detail.clone();
                self.save_pause(index, Pause::Blocked { code, action }, detail)
                    .await?;
                // Only now: a superseded worker, who sees the work of his successor, got no further than the write.
                tracing::error!(operation = %self.operation.id, claim = %self.claim.id, detail = told, "incident: not ours");
                metrics::counter!("pdm_incidents_total").increment(1);
                Ok(Some(Turn::LetGo))
            }
            Went::Impossible { code, detail } => {
                let undoable = self.operation.kind == OperationKind::Activate
                    && self.operation.facts.undoing.is_none()
                    && !self.operation.may_have_touched_parent();
                if undoable {
                    self.save_undo(index, code, detail).await?;
                    return Ok(None);
                }
                // It cannot be undone safely from here: a person must look. Nothing is given up.
                let action = "Look at the detail, repair the cause, then retry the operation.".to_owned();
                self.save_pause(index, Pause::Blocked { code, action }, detail)
                    .await?;
                Ok(Some(Turn::LetGo))
            }
        }
    }

    /// Exponential with full jitter, within the settings.
    fn backoff(&self, attempts: u32) -> Duration {
        let timing = &self.runner.world.config.timing;
        let ceiling = timing
            .backoff_min
            .saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX))
            .min(timing.backoff_max);
        let low = timing.backoff_min / 2;
        low + ceiling.saturating_sub(low).mul_f64(random_fraction())
    }

    async fn save_done(&mut self, index: usize, detail: String) -> Result<(), StoreError> {
        let name = self.operation.steps[index].name;
        let (mut operation, claim) = (self.operation.clone(), self.claim.id);
        // During a repair the claim keeps the DS that the parent still has, until all is proven again.
        let knows_ds = name == StepName::CreateZone && !self.operation.facts.repair;
        let (operation, claim) = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    // The claim before the operation, as everywhere: otherwise two transactions wait for each other.
                    let mut current = tx.claim_locked(claim, None).await?;
                    let now = tx.now().await?;
                    let step = &mut operation.steps[index];
                    step.state = StepState::Done;
                    step.started_at.get_or_insert(now);
                    step.ended_at = Some(now);
                    step.detail = Some(detail.clone());
                    step.open_intent = false;
                    operation.error = None;
                    operation.blocked_by = None;
                    tx.save_operation(&operation, Leave::Keep).await?;
                    if name.writes() {
                        let entry = NewEntry {
                            step: name,
                            entry: Entry::Result,
                            detail: Some(detail),
                        };
                        tx.journal(&operation, &[entry]).await?;
                    }
                    step_event(tx, &operation, index, EventKind::StepDone).await?;
                    if let Some(current) = current.as_mut()
                        && (current.blocked.is_some() || (knows_ds && current.ds != operation.facts.ds))
                    {
                        current.blocked = None;
                        if knows_ds {
                            current.ds.clone_from(&operation.facts.ds);
                        }
                        tx.update_claim(current).await?;
                        claim_event(tx, current).await?;
                    }
                    Ok::<_, StoreError>((operation, current))
                })
            })
            .await?;
        self.operation = operation;
        if let Some(claim) = claim {
            self.claim = claim;
        }
        self.runner.wake.changed(self.operation.id);
        Ok(())
    }

    async fn save_pause(&mut self, index: usize, pause: Pause, detail: String) -> Result<(), StoreError> {
        let mut operation = self.operation.clone();
        let name = operation.steps[index].name;
        let recheck = self.runner.world.config.timing.blocked_recheck;
        let claim_id = self.claim.id;
        self.operation = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let blocks = matches!(pause, Pause::Blocked { .. });
                    let claim = if blocks {
                        tx.claim_locked(claim_id, None).await?
                    } else {
                        None
                    };
                    let now = tx.now().await?;
                    let step = &mut operation.steps[index];
                    step.started_at.get_or_insert(now);
                    let news = step.detail.as_deref() != Some(&detail);
                    step.detail = Some(detail.clone());
                    step.open_intent = false;
                    let (due, kind) = match &pause {
                        Pause::Retry { wait } => (now.plus(*wait), EventKind::StepRetrying),
                        Pause::Wait { until } => {
                            operation.state = OperationState::Waiting;
                            operation.waiting_until = Some(*until);
                            (*until, EventKind::OperationWaiting)
                        }
                        Pause::Blocked { code, .. } => {
                            operation.state = OperationState::Blocked;
                            operation.blocked_by = Some(Party::Operator);
                            operation.error = Some(Failure {
                                code: (*code).to_owned(),
                                detail: detail.clone(),
                                at: now,
                            });
                            (now.plus(recheck), EventKind::OperationBlocked)
                        }
                    };
                    operation.next_attempt_at = Some(due);
                    tx.save_operation(&operation, Leave::Until(due)).await?;
                    if name.writes() {
                        let entry = NewEntry {
                            step: name,
                            entry: Entry::Result,
                            detail: Some(detail.clone()),
                        };
                        tx.journal(&operation, &[entry]).await?;
                    }
                    if news || kind != EventKind::StepRetrying {
                        step_event(tx, &operation, index, kind).await?;
                    }
                    if let Pause::Blocked { code, action } = pause
                        && let Some(mut claim) = claim
                        && claim.blocked.is_none()
                    {
                        claim.blocked = Some(Blocked {
                            by: Party::Operator,
                            reason: code.to_owned(),
                            since: now,
                            action,
                        });
                        tx.update_claim(&mut claim).await?;
                        claim_event(tx, &claim).await?;
                    }
                    Ok::<_, StoreError>(operation)
                })
            })
            .await?;
        self.runner.wake.changed(self.operation.id);
        Ok(())
    }

    /// Turns an activation round whose parent was never touched.
    async fn save_undo(
        &mut self,
        index: usize,
        code: &'static str,
        detail: String,
    ) -> Result<(), StoreError> {
        let mut operation = self.operation.clone();
        self.operation = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let now = tx.now().await?;
                    operation.steps[index].detail = Some(detail.clone());
                    let failure = Failure {
                        code: code.to_owned(),
                        detail,
                        at: now,
                    };
                    operation.undo(Undoing::Failed(failure), UNDO_ACTIVATE);
                    tx.save_operation(&operation, Leave::Keep).await?;
                    Ok::<_, StoreError>(operation)
                })
            })
            .await?;
        self.runner.wake.changed(self.operation.id);
        Ok(())
    }

    /// The end: the claim gets its new state in the transaction that ends the operation.
    async fn conclude(mut self) -> Result<Turn, StoreError> {
        let mut operation = self.operation.clone();
        let claim_id = self.claim.id;
        let hold = self.runner.world.config.timing.cancelled_hold;
        let (operation, go_on) = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let now = tx.now().await?;
                    let Some(mut claim) = tx.claim_locked(claim_id, None).await? else {
                        return Err(StoreError::Superseded);
                    };
                    let writes_zone = operation.kind != OperationKind::Release
                        && operation.facts.undoing.is_none()
                        && claim.state != ClaimState::Activating;
                    if writes_zone && claim.records_version != operation.facts.records_version {
                        // What is written changed meanwhile: once more, with what is wanted now.
                        operation.restart();
                        operation.next_attempt_at = Some(now);
                        tx.save_operation(&operation, Leave::Until(now)).await?;
                        return Ok((operation, true));
                    }
                    operation.ended_at = Some(now);
                    operation.next_attempt_at = None;
                    operation.waiting_until = None;
                    let kind = end_state(&mut operation);
                    tx.save_operation(&operation, Leave::Keep).await?;
                    conclude_claim(tx, &operation, &mut claim, now, hold).await?;
                    claim_event(tx, &claim).await?;
                    operation_event(tx, &operation, kind).await?;
                    Ok((operation, false))
                })
            })
            .await?;
        if go_on {
            self.runner.wake.operation_due();
        } else {
            let seconds = operation
                .created_at
                .until(operation.ended_at.unwrap_or(operation.created_at))
                .as_secs_f64();
            metrics::histogram!("pdm_operation_seconds", "kind" => operation.kind.as_str()).record(seconds);
            tracing::info!(operation = %operation.id, kind = operation.kind.as_str(), name = %operation.name,
                state = operation.state.as_str(), seconds, "operation ended");
        }
        self.operation = operation;
        self.runner.wake.changed(self.operation.id);
        Ok(Turn::LetGo)
    }
}

enum Pause {
    Retry { wait: Duration },
    Wait { until: DbTime },
    Blocked { code: &'static str, action: String },
}

fn end_state(operation: &mut Operation) -> EventKind {
    match operation.facts.undoing.clone() {
        None => {
            operation.state = OperationState::Succeeded;
            EventKind::OperationSucceeded
        }
        Some(Undoing::Cancelled) => {
            operation.state = OperationState::Cancelled;
            EventKind::OperationFailed
        }
        Some(Undoing::Failed(failure)) => {
            operation.state = OperationState::Failed;
            operation.error = Some(failure);
            EventKind::OperationFailed
        }
    }
}

async fn conclude_claim(
    tx: &mut Tx<'_>,
    operation: &Operation,
    claim: &mut Claim,
    now: DbTime,
    hold: Duration,
) -> Result<(), StoreError> {
    claim.blocked = None;
    match (operation.kind, operation.state) {
        (OperationKind::Activate, OperationState::Succeeded) => {
            claim.state = ClaimState::Active;
            claim.ds.clone_from(&operation.facts.ds);
            for (r#type, reason, step) in [
                (
                    ConditionType::ZoneServed,
                    Reason::AllServersAgree,
                    StepName::CheckServers,
                ),
                (ConditionType::Signed, Reason::KeyServed, StepName::CheckServers),
                (
                    ConditionType::Delegated,
                    Reason::ParentServesDs,
                    StepName::CheckParent,
                ),
                (ConditionType::Secure, Reason::ChainValidates, StepName::Validate),
                (
                    ConditionType::AddressesMatch,
                    Reason::TargetsReached,
                    StepName::Validate,
                ),
            ] {
                let seen = operation.steps.iter().find(|s| s.name == step);
                condition::set(
                    &mut claim.conditions,
                    Condition {
                        r#type,
                        status: Truth::True,
                        reason,
                        message: seen.and_then(|s| s.detail.clone()).unwrap_or_default(),
                        observed_at: seen.and_then(|s| s.ended_at).unwrap_or(now),
                        next_check_at: None,
                    },
                );
            }
            tx.update_claim(claim).await
        }
        (OperationKind::Activate, _) => {
            claim.state = ClaimState::Reserved;
            claim.targets = None;
            claim.ds.clear();
            let least = now.plus(hold);
            claim.expires_at = Some(claim.expires_at.map_or(least, |until| until.max(least)));
            tx.update_claim(claim).await
        }
        (OperationKind::Release, _) => {
            for condition in &mut claim.conditions {
                condition.status = Truth::False;
                condition.reason = Reason::Withdrawn;
                "the name was given back".clone_into(&mut condition.message);
                condition.observed_at = now;
            }
            tx.free_name(claim, operation.facts.parent_touched).await
        }
        (OperationKind::Retarget | OperationKind::Records, _) => tx.update_claim(claim).await,
    }
}

/// Whether nothing of this claim can be on the servers yet: the first try to create its zone.
fn is_first_creation(cx: &Context<'_>, name: StepName) -> bool {
    let first = cx
        .operation
        .steps
        .iter()
        .any(|step| step.name == name && step.attempts == 1);
    name == StepName::CreateZone && first && !cx.operation.facts.parent_touched
}

async fn look(name: StepName, cx: &Context<'_>) -> Result<Look, StepError> {
    use StepName as S;
    match name {
        S::ReadParent => activate::look_read_parent(cx).await,
        S::CreateZone => activate::look_create_zone(cx).await,
        S::CheckServers => activate::look_check_servers(cx).await,
        S::Delegate => activate::look_delegate(cx).await,
        S::CheckParent => activate::look_check_parent(cx).await,
        S::Validate => activate::look_validate(cx).await,
        S::Settle => release::look_settle(cx).await,
        S::EmptyZone => release::look_empty_zone(cx).await,
        S::Undelegate => release::look_undelegate(cx).await,
        S::CheckWithdrawn => release::look_check_withdrawn(cx).await,
        S::Drain => release::look_drain(cx).await,
        S::DeleteZone => release::look_delete_zone(cx).await,
        S::CheckGone => release::look_check_gone(cx).await,
        S::WriteRecords => write_records::look_write_records(cx).await,
        S::CheckRecords => write_records::look_check_records(cx).await,
    }
}

async fn act(name: StepName, cx: &Context<'_>) -> Result<(), StepError> {
    use StepName as S;
    match name {
        S::CreateZone => activate::act_create_zone(cx).await,
        S::Delegate => activate::act_delegate(cx).await,
        S::EmptyZone => release::act_empty_zone(cx).await,
        S::Undelegate => release::act_undelegate(cx).await,
        S::DeleteZone => release::act_delete_zone(cx).await,
        S::WriteRecords => write_records::act_write_records(cx).await,
        // Steps that only read have nothing to do but look again.
        S::ReadParent
        | S::CheckServers
        | S::CheckParent
        | S::Validate
        | S::Settle
        | S::CheckWithdrawn
        | S::Drain
        | S::CheckGone
        | S::CheckRecords => Ok(()),
    }
}

fn went(look: Result<Look, StepError>) -> Went {
    match look {
        Ok(Look::Done(detail)) => Went::Done { detail },
        Ok(Look::NotYet(detail)) => Went::Retry { detail, after: None },
        Ok(Look::Wait(until, detail)) => Went::Wait { until, detail },
        Err(StepError::Retry { detail, after, .. }) => Went::Retry { detail, after },
        Err(StepError::Foreign { detail, action }) => Went::Foreign { detail, action },
        Err(StepError::Impossible { code, detail }) => Went::Impossible { code, detail },
    }
}

async fn start_step(tx: &mut Tx<'_>, step: &mut StepRecord) -> Result<(), StoreError> {
    let now = tx.now().await?;
    step.state = StepState::Running;
    step.attempts += 1;
    step.started_at.get_or_insert(now);
    Ok(())
}

/// An event about a step: the operation as the API shows it, with the step beside it.
async fn step_event(
    tx: &mut Tx<'_>,
    operation: &Operation,
    index: usize,
    kind: EventKind,
) -> Result<(), StoreError> {
    let view = OperationView::from(operation);
    let step = serde_json::to_value(&view.steps[index]).unwrap_or_default();
    let mut object = serde_json::to_value(&view).unwrap_or_default();
    object["step"] = step;
    write_event(tx, operation, kind, object).await
}

/// An event about an operation.
pub(crate) async fn operation_event(
    tx: &mut Tx<'_>,
    operation: &Operation,
    kind: EventKind,
) -> Result<(), StoreError> {
    let object = serde_json::to_value(OperationView::from(operation)).unwrap_or_default();
    write_event(tx, operation, kind, object).await
}

async fn write_event(
    tx: &mut Tx<'_>,
    operation: &Operation,
    kind: EventKind,
    object: serde_json::Value,
) -> Result<(), StoreError> {
    let data = crate::store::with_time(object, tx.now().await?);
    tx.event(NewEvent {
        kind,
        tenant: operation.tenant,
        claim: operation.claim,
        operation: Some(operation.id),
        data,
    })
    .await
}

/// An event about a claim.
pub(crate) async fn claim_event(tx: &mut Tx<'_>, claim: &Claim) -> Result<(), StoreError> {
    let object = serde_json::to_value(ClaimView::from(claim)).unwrap_or_default();
    let data = crate::store::with_time(object, tx.now().await?);
    tx.event(NewEvent {
        kind: EventKind::ClaimChanged,
        tenant: claim.tenant,
        claim: claim.id,
        operation: claim.operation,
        data,
    })
    .await
}

/// Between 0 and 1. Spreads retries; decides nothing.
fn random_fraction() -> f64 {
    let (_, bits, ..) = uuid::Uuid::new_v4().as_fields();
    f64::from(bits) / f64::from(u16::MAX)
}
