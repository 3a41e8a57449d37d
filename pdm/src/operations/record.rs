//! What came of a step, written down: operation, journal, events and claim in one transaction.

use std::time::Duration;

use super::conclude::{conclude_claim, end_state};
use super::events::{claim_event, operation_event, step_event};
use super::runner::{CrashPoint, Turn};
use super::work::{Went, Work};
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
    pub(super) async fn record(&mut self, index: usize, went: Went) -> Result<Option<Turn>, StoreError> {
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
            Went::Again { step, detail } => {
                tracing::warn!(operation = %self.operation.id, step = %step, detail, "going back");
                self.operation.go_back_to(step);
                let wait = self.backoff(self.operation.steps[index].attempts);
                self.save_pause(index, Pause::Retry { wait }, detail).await?;
                Ok(Some(Turn::LetGo))
            }
            Went::Rebuild { detail } => {
                tracing::warn!(operation = %self.operation.id, detail, "the name is made again");
                let ds = self.claim.ds.clone();
                self.save_turn(index, detail, move |operation| operation.rebuild(&ds))
                    .await?;
                Ok(None)
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
        let (untold, known) = (self.untold, self.claim.records_version);
        // During a repair the claim keeps the DS that the parent still has, until all is proven again.
        let knows_ds = name == StepName::CreateZone && !self.operation.facts.repair;
        let (operation, claim, records) = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    // The claim before the operation, as everywhere: otherwise two transactions wait for each other.
                    let mut current = tx.claim_locked(claim, None).await?;
                    let now = tx.now().await?;
                    if untold {
                        step_event(tx, &operation, index, EventKind::StepStarted).await?;
                    }
                    let step = &mut operation.steps[index];
                    step.state = StepState::Done;
                    step.ended_at = Some(now);
                    step.detail = Some(detail.clone());
                    step.open_intent = false;
                    operation.error = None;
                    operation.blocked_by = None;
                    tx.save_operation(&operation, Leave::Keep).await?;
                    result(tx, &operation, name, detail).await?;
                    step_event(tx, &operation, index, EventKind::StepDone).await?;
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
                    Ok::<_, StoreError>((operation, current, records))
                })
            })
            .await?;
        self.operation = operation;
        if let Some(claim) = claim {
            self.claim = claim;
        }
        if let Some(records) = records {
            self.records = records;
        }
        self.runner.wake.changed(self.operation.id);
        Ok(())
    }

    async fn save_pause(&mut self, index: usize, pause: Pause, detail: String) -> Result<(), StoreError> {
        let mut operation = self.operation.clone();
        let name = operation.steps[index].name;
        let recheck = self.runner.world.config.timing.blocked_recheck;
        let (claim_id, untold) = (self.claim.id, self.untold);
        self.operation = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let blocks = matches!(pause, Pause::Blocked { .. });
                    let unblocks = !blocks && operation.error.is_some();
                    let claim = if blocks || unblocks {
                        tx.claim_locked(claim_id, None).await?
                    } else {
                        None
                    };
                    let now = tx.now().await?;
                    if untold {
                        step_event(tx, &operation, index, EventKind::StepStarted).await?;
                    }
                    let step = &mut operation.steps[index];
                    let news = step.detail.as_deref() != Some(&detail) || unblocks;
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
                    operation.next_attempt_at = Some(due);
                    tx.save_operation(&operation, Leave::Until(due)).await?;
                    result(tx, &operation, name, detail).await?;
                    if news {
                        step_event(tx, &operation, index, kind).await?;
                    }
                    let Some(mut claim) = claim else {
                        return Ok(operation);
                    };
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
        let at = self.runner.world.store.now().await?;
        let failure = Failure {
            code: code.to_owned(),
            detail: detail.clone(),
            at,
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
        let mut operation = self.operation.clone();
        let name = operation.steps[index].name;
        operation.steps[index].detail = Some(detail.clone());
        operation.steps[index].open_intent = false;
        turn(&mut operation);
        self.operation = self
            .runner
            .world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    tx.save_operation(&operation, Leave::Keep).await?;
                    result(tx, &operation, name, detail).await?;
                    step_event(tx, &operation, index, EventKind::StepRetrying).await?;
                    Ok::<_, StoreError>(operation)
                })
            })
            .await?;
        self.runner.wake.changed(self.operation.id);
        Ok(())
    }

    /// The end: the claim gets its new state in the transaction that ends the operation.
    pub(super) async fn conclude(mut self) -> Result<Turn, StoreError> {
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
                    claim_event(tx, &claim, Some(operation.id)).await?;
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

/// The result of a writing step, in the journal.
async fn result(
    tx: &mut Tx<'_>,
    operation: &Operation,
    name: StepName,
    detail: String,
) -> Result<(), StoreError> {
    if !name.writes() {
        return Ok(());
    }
    let entry = NewEntry {
        step: name,
        entry: Entry::Result,
        detail: Some(detail),
    };
    tx.journal(operation, &[entry]).await
}

/// Between 0 and 1. Spreads retries; decides nothing.
fn random_fraction() -> f64 {
    let (_, bits, ..) = uuid::Uuid::new_v4().as_fields();
    f64::from(bits) / f64::from(u16::MAX)
}
