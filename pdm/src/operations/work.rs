//! One turn at an operation: each step is looked at, acted on when it writes, and looked at again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use super::context::Context;
use super::dispatch::{act, look};
use super::events::step_event;
use super::runner::{CrashPoint, Runner, Turn};
use super::step::{Look, StepError};
use crate::clock::DbTime;
use crate::delegation::parent_zone::Announcement;
use crate::domain::claim::Claim;
use crate::domain::event::EventKind;
use crate::domain::operation::{Operation, OperationState, StepName, StepState};
use crate::domain::pool::Pool;
use crate::domain::records::RecordSet;
use crate::store::{Entry, Leave, NewEntry, StoreError};

/// One turn at an operation.
pub(super) struct Work<'r> {
    pub(super) runner: &'r Runner,
    pub(super) operation: Operation,
    pub(super) claim: Claim,
    pub(super) records: Vec<RecordSet>,
    pool: Pool,
    announcement: Mutex<Option<Announcement>>,
    /// Whether streams have not heard of the step at hand: steps that only read are told with their result.
    pub(super) untold: bool,
}

/// How one step went.
pub(super) enum Went {
    Done {
        detail: String,
    },
    Retry {
        detail: String,
        after: Option<Duration>,
    },
    Wait {
        until: DbTime,
        detail: String,
    },
    /// What an earlier step did is gone again.
    Again {
        step: StepName,
        detail: String,
    },
    /// What would be changed is gone: the name has to be made again.
    Rebuild {
        detail: String,
    },
    Foreign {
        detail: String,
        action: String,
    },
    Impossible {
        code: &'static str,
        detail: String,
    },
    Dead,
}

impl<'r> Work<'r> {
    pub(super) async fn walk(runner: &'r Runner, operation: Operation) -> Result<Turn, StoreError> {
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
            untold: false,
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

    pub(super) fn dies(&self, step: StepName, point: CrashPoint) -> bool {
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
        self.operation.steps[index].attempts += 1;
        self.operation.steps[index].state = StepState::Running;
        let must_be_told = name.writes() || (fresh && first_of_turn);
        self.untold = fresh && !must_be_told;
        if !must_be_told {
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
                    let now = tx.now().await?;
                    let step = &mut operation.steps[index];
                    step.started_at.get_or_insert(now);
                    if name.writes() {
                        step.open_intent = true;
                        let intent = NewEntry {
                            step: name,
                            entry: Entry::Intent,
                            detail: None,
                        };
                        tx.journal(&operation, &[intent]).await?;
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
            Err(error) => return retry(error),
        };
        self.operation.steps[index].started_at.get_or_insert(now);
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
            // PowerDNS refuses to create a zone that exists (409) and leaves it alone: the call is its own precondition,
            // and the intent that was written just now has shown that nobody has taken over.
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
        let acted = if is_first_creation(cx, name) {
            act(name, cx).await
        } else {
            match cx.still_holds().await {
                Ok(()) => act(name, cx).await,
                Err(error) => Err(error),
            }
        };
        if self.dies(name, CrashPoint::AfterCall) {
            return Went::Dead;
        }
        if let Err(StepError::Retry { unknown: true, .. }) = &acted
            && let Err(error) = self.note_unknown().await
        {
            return retry(error);
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

fn retry(error: StoreError) -> Went {
    went(Err(StepError::from(error)))
}

fn went(look: Result<Look, StepError>) -> Went {
    match look {
        Ok(Look::Done(detail)) => Went::Done { detail },
        Ok(Look::NotYet(detail)) => Went::Retry { detail, after: None },
        Ok(Look::Wait(until, detail)) => Went::Wait { until, detail },
        Ok(Look::Again(step, detail)) => Went::Again { step, detail },
        Ok(Look::Rebuild(detail)) => Went::Rebuild { detail },
        Err(StepError::Retry { detail, after, .. }) => Went::Retry { detail, after },
        Err(StepError::Foreign { detail, action }) => Went::Foreign { detail, action },
        Err(StepError::Impossible { code, detail }) => Went::Impossible { code, detail },
    }
}
