//! What came of a step, written down: operation, journal, events and claim in one transaction.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::conclude::{conclude_claim, end_state};
use super::events::{claim_event, operation_event, step_event};
use super::runner::{CrashPoint, Turn};
use super::step::{Look, StepError};
use super::work::{SOON, Unsaved, Work};
use crate::clock::DbTime;
use crate::domain::claim::{Blocked, ClaimState, Party};
use crate::domain::event::EventKind;
use crate::domain::operation::{
    Failure, Operation, OperationKind, OperationState, StepName, StepState, UNDO_ACTIVATE, Undoing,
};
use crate::store::{Entry, Leave, NewEntry, StoreError, Tx};

/// Why a turn ends without the step being done.
enum Pause {
    Retry { wait: Duration },
    Wait { until: DbTime },
    Blocked { code: &'static str, action: String },
}

impl Work<'_> {
    /// Writes what came of a step. `Some` when the turn is over.
    pub(super) async fn record(
        &mut self,
        index: usize,
        began: Instant,
        seen: Result<Look, StepError>,
    ) -> Result<Option<Turn>, StoreError> {
        let name = self.operation.steps[index].name;
        let backoff = self.backoff(self.operation.steps[index].attempts);
        let (pause, detail) = match seen {
            Ok(Look::Done(detail)) => {
                if name.writes() {
                    self.save_done(index, detail).await?;
                } else {
                    self.note_done(index, began, detail).await?;
                }
                let dead = self.dies(name, CrashPoint::AfterResult);
                return Ok(dead.then_some(Turn::Dead));
            }
            Ok(Look::NotYet(detail)) => (Pause::Retry { wait: backoff }, detail),
            Ok(Look::Wait(until, detail)) => (Pause::Wait { until }, detail),
            Ok(Look::Again(step, detail)) => {
                tracing::warn!(operation = %self.operation.id, step = %step, detail, "going back");
                self.operation.go_back_to(step);
                let pending = |done: &Unsaved| self.operation.steps[done.index].state == StepState::Pending;
                self.unsaved.retain(|done| !pending(done));
                (Pause::Retry { wait: backoff }, detail)
            }
            Ok(Look::Rebuild(detail)) => {
                tracing::warn!(operation = %self.operation.id, detail, "the name is made again");
                let ds = self.claim.ds.clone();
                self.save_turn(index, detail, move |operation| operation.rebuild(&ds))
                    .await?;
                return Ok(None);
            }
            Err(StepError::Retry { detail, after, .. }) => {
                let wait = backoff.max(after.unwrap_or_default());
                (Pause::Retry { wait }, detail)
            }
            Err(StepError::Foreign { detail, action }) => {
                let code = "zone.foreign";
                let told = detail.clone();
                self.save_pause(index, Pause::Blocked { code, action }, detail)
                    .await?;
                // Only now: a superseded worker, who sees the work of his successor, got no further than the write.
                tracing::error!(operation = %self.operation.id, claim = %self.claim.id, detail = told, "incident: not ours");
                metrics::counter!("pdm_incidents_total").increment(1);
                return Ok(Some(Turn::LetGo));
            }
            Err(StepError::Impossible { code, detail }) => {
                let undoable = self.operation.kind == OperationKind::Activate
                    && self.operation.facts.undoing.is_none()
                    && !self.operation.may_have_touched_parent();
                if undoable {
                    self.save_undo(index, code, detail).await?;
                    return Ok(None);
                }
                // It cannot be undone safely from here: a person must look. Nothing is given up.
                let action = "Look at the detail, repair the cause, then retry the operation.".to_owned();
                (Pause::Blocked { code, action }, detail)
            }
        };
        self.save_pause(index, pause, detail).await?;
        Ok(Some(Turn::LetGo))
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

    /// Whether an earlier write may still arrive that is not the one that this step makes now: it would undo it.
    pub(super) fn must_settle(&self, index: usize) -> bool {
        let name = self.operation.steps[index].name;
        let unsettled = self.claim.settle_until.is_some_and(|until| until > self.now);
        let content = self.content(name);
        unsettled && content.is_some() && self.operation.facts.sent.get(&name) != content.as_ref()
    }

    fn note_content(&mut self, index: usize) {
        let name = self.operation.steps[index].name;
        if let Some(content) = self.content(name) {
            self.operation.facts.sent.insert(name, content);
        }
    }

    /// What a step writes, in words that are the same only for the same content. Nothing for steps that never write anything
    /// else, or not before a wait of their own.
    fn content(&self, name: StepName) -> Option<String> {
        match name {
            StepName::CreateZone | StepName::WriteRecords => {
                Some(format!("records {}", self.claim.records_version))
            }
            StepName::Delegate => {
                let ds: Vec<String> = self.operation.facts.ds.iter().map(ToString::to_string).collect();
                Some(ds.join(", "))
            }
            _ => None,
        }
    }

    /// The intent of a writing step, with the steps before it that only read.
    pub(super) async fn save_intent(&mut self, index: usize, fresh: bool) -> Result<(), StoreError> {
        let interrupted = self.operation.steps[index].open_intent;
        let timing = &self.runner.world.config.timing;
        let (claim, settle, cover) = (self.claim.id, timing.settle, timing.call_cover());
        if interrupted {
            self.claim.settle_until = self.claim.settle_until.max(Some(self.now.plus(settle)));
        }
        if !self.must_settle(index) {
            self.note_content(index);
        }
        self.operation.steps[index].open_intent = true;
        self.save(move |tx, operation, now| {
            Box::pin(async move {
                let name = operation.steps[index].name;
                if !tx.lease_covers((operation.id, operation.fence), cover).await? {
                    return Err(StoreError::Superseded);
                }
                operation.steps[index].started_at.get_or_insert(now);
                entry(tx, operation, name, Entry::Intent, None).await?;
                if interrupted {
                    // Whoever crashed between this intent and its result may have a call under way.
                    tx.note_unknown_outcome(claim, settle).await?;
                }
                tx.save_operation(operation, Leave::Keep).await?;
                if fresh {
                    step_event(tx, operation, index, EventKind::StepStarted).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// A step that only reads is done.
    async fn note_done(&mut self, index: usize, began: Instant, detail: String) -> Result<(), StoreError> {
        let step = &mut self.operation.steps[index];
        step.state = StepState::Done;
        step.detail = Some(detail);
        self.operation.error = None;
        self.operation.blocked_by = None;
        let ended = Instant::now();
        self.unsaved.push(Unsaved { index, began, ended });
        if self.saved.elapsed() < SOON {
            return Ok(());
        }
        self.save(|tx, operation, _| Box::pin(async move { tx.save_operation(operation, Leave::Keep).await }))
            .await
    }

    /// A writing step is done.
    async fn save_done(&mut self, index: usize, detail: String) -> Result<(), StoreError> {
        let (claim, known) = (self.claim.id, self.claim.records_version);
        // During a repair the claim keeps the DS that the parent still has, until all is proven again.
        let knows_ds =
            self.operation.steps[index].name == StepName::CreateZone && !self.operation.facts.repair;
        let (claim, records) = self
            .save(move |tx, operation, now| {
                Box::pin(async move {
                    // The claim before the operation, as everywhere: otherwise two transactions wait for each other.
                    let mut current = tx.claim_locked(claim, None).await?;
                    let step = &mut operation.steps[index];
                    let name = step.name;
                    step.state = StepState::Done;
                    step.ended_at = Some(now);
                    step.detail = Some(detail.clone());
                    step.open_intent = false;
                    operation.error = None;
                    operation.blocked_by = None;
                    tx.save_operation(operation, Leave::Keep).await?;
                    entry(tx, operation, name, Entry::Result, Some(detail)).await?;
                    step_event(tx, operation, index, EventKind::StepDone).await?;
                    if let Some(current) = current.as_mut()
                        && (current.blocked.is_some() || (knows_ds && current.ds != operation.facts.ds))
                    {
                        current.blocked = None;
                        if knows_ds {
                            current.ds.clone_from(&operation.facts.ds);
                        }
                        tx.update_claim(current).await?;
                        claim_event(tx, current, Some(operation.id)).await?;
                    }
                    // A claim and its records are of one version, or later steps would write old ones as new.
                    let records = match &current {
                        Some(current) if current.records_version != known => Some(tx.records(claim).await?),
                        _ => None,
                    };
                    Ok((current, records))
                })
            })
            .await?;
        if let Some(claim) = claim {
            self.claim = claim;
        }
        if let Some(records) = records {
            self.records = records;
        }
        Ok(())
    }

    async fn save_pause(&mut self, index: usize, pause: Pause, detail: String) -> Result<(), StoreError> {
        let recheck = self.runner.world.config.timing.blocked_recheck;
        let (claim_id, was_blocked) = (self.claim.id, self.claim.blocked.is_some());
        self.save(move |tx, operation, now| {
            Box::pin(async move {
                let blocks = matches!(pause, Pause::Blocked { .. });
                let unblocks = !blocks && (was_blocked || operation.error.is_some());
                let claim = if blocks || unblocks {
                    tx.claim_locked(claim_id, None).await?
                } else {
                    None
                };
                let step = &mut operation.steps[index];
                let name = step.name;
                let news = step.detail.as_deref() != Some(&detail) || unblocks;
                step.started_at.get_or_insert(now);
                step.detail = Some(detail.clone());
                step.open_intent = false;
                if !blocks {
                    operation.error = None;
                    operation.blocked_by = None;
                }
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
                let taken_at = operation.next_attempt_at.replace(due);
                tx.save_operation(operation, Leave::Pause { due, taken_at })
                    .await?;
                entry(tx, operation, name, Entry::Result, Some(detail)).await?;
                if news {
                    step_event(tx, operation, index, kind).await?;
                }
                let Some(mut claim) = claim else { return Ok(()) };
                let blocked = match pause {
                    // Since when it stands there is what counts; what is in the way may be told in other words.
                    Pause::Blocked { .. } if claim.blocked.is_some() => claim.blocked.clone(),
                    Pause::Blocked { code, action } => Some(Blocked {
                        by: Party::Operator,
                        reason: code.to_owned(),
                        since: now,
                        action,
                    }),
                    Pause::Retry { .. } | Pause::Wait { .. } => None,
                };
                if claim.blocked != blocked {
                    claim.blocked = blocked;
                    tx.update_claim(&mut claim).await?;
                    claim_event(tx, &claim, Some(operation.id)).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Turns an activation round whose parent was never touched.
    async fn save_undo(
        &mut self,
        index: usize,
        code: &'static str,
        detail: String,
    ) -> Result<(), StoreError> {
        let failure = Failure {
            code: code.to_owned(),
            detail: detail.clone(),
            at: self.now,
        };
        self.save_turn(index, detail, move |operation| {
            operation.undo(Undoing::Failed(failure), UNDO_ACTIVATE);
        })
        .await
    }

    /// Goes on with other steps, in the same turn.
    async fn save_turn(
        &mut self,
        index: usize,
        detail: String,
        turn: impl FnOnce(&mut Operation) + Send,
    ) -> Result<(), StoreError> {
        let step = &mut self.operation.steps[index];
        step.detail = Some(detail.clone());
        step.open_intent = false;
        turn(&mut self.operation);
        self.save(move |tx, operation, _| {
            Box::pin(async move {
                let name = operation.steps[index].name;
                tx.save_operation(operation, Leave::Keep).await?;
                entry(tx, operation, name, Entry::Result, Some(detail)).await?;
                step_event(tx, operation, index, EventKind::StepRetrying).await
            })
        })
        .await
    }

    /// The end: the claim gets its new state in the transaction that ends the operation.
    pub(super) async fn conclude(mut self) -> Result<Turn, StoreError> {
        let claim_id = self.claim.id;
        let hold = self.runner.world.config.timing.cancelled_hold;
        let go_on = self
            .save(move |tx, operation, now| {
                Box::pin(async move {
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
                        tx.save_operation(operation, Leave::Until(now)).await?;
                        return Ok(true);
                    }
                    operation.ended_at = Some(now);
                    operation.next_attempt_at = None;
                    operation.waiting_until = None;
                    let kind = end_state(operation);
                    tx.save_operation(operation, Leave::Keep).await?;
                    conclude_claim(tx, operation, &mut claim, now, hold).await?;
                    claim_event(tx, &claim, Some(operation.id)).await?;
                    operation_event(tx, operation, kind).await?;
                    Ok(false)
                })
            })
            .await?;
        let operation = &self.operation;
        if go_on {
            return Ok(Turn::LetGo);
        }
        let seconds = operation
            .created_at
            .until(operation.ended_at.unwrap_or(operation.created_at))
            .as_secs_f64();
        metrics::histogram!("pdm_operation_seconds", "kind" => operation.kind.as_str()).record(seconds);
        tracing::info!(operation = %operation.id, kind = operation.kind.as_str(), name = %operation.name,
            state = operation.state.as_str(), seconds, "operation ended");
        Ok(Turn::Ended)
    }

    /// Runs a unit of work on the operation, with the steps that were not saved yet before it.
    async fn save<T: Send + 'static>(
        &mut self,
        unit: impl for<'t> FnOnce(
            &'t mut Tx<'_>,
            &'t mut Operation,
            DbTime,
        ) -> BoxFuture<'t, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> Result<T, StoreError> {
        let mut operation = self.operation.clone();
        let unsaved = std::mem::take(&mut self.unsaved);
        let (operation, now, result) = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let now = tx.now().await?;
                    for step in &unsaved {
                        let (began, ended) =
                            (now.minus(step.began.elapsed()), now.minus(step.ended.elapsed()));
                        let row = &mut operation.steps[step.index];
                        row.started_at.get_or_insert(began);
                        row.ended_at = Some(ended);
                        step_event(tx, &operation, step.index, EventKind::StepDone).await?;
                    }
                    let result = unit(tx, &mut operation, now).await?;
                    Ok::<_, StoreError>((operation, now, result))
                })
            })
            .await?;
        self.operation = operation;
        self.now = now;
        self.saved = Instant::now();
        Ok(result)
    }
}

/// A line of the journal, which has those of writing steps.
async fn entry(
    tx: &mut Tx<'_>,
    operation: &Operation,
    step: StepName,
    entry: Entry,
    detail: Option<String>,
) -> Result<(), StoreError> {
    if !step.writes() {
        return Ok(());
    }
    tx.journal(operation, &[NewEntry { step, entry, detail }]).await
}

/// Between 0 and 1. Spreads retries; decides nothing.
fn random_fraction() -> f64 {
    let (_, bits, ..) = uuid::Uuid::new_v4().as_fields();
    f64::from(bits) / f64::from(u16::MAX)
}
