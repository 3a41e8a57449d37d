//! Runs operations: takes what is due, walks the steps, survives crashes.
//!
//! Any number of runners in any number of processes may work on one database. An operation is taken with a lease
//! and a fence; each write says the fence, so a worker that was paused for too long changes nothing any more. What
//! is due next stands in the database, so a restart resets nothing.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{Semaphore, watch};

use super::Wake;
use super::context::World;
use super::work::Work;
use crate::domain::ids::OperationId;
use crate::domain::operation::{Operation, StepName};
use crate::store::StoreError;

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
    pub(super) world: Arc<World>,
    pub(super) wake: Arc<Wake>,
    holder: String,
    places: Arc<Semaphore>,
    /// What is being worked on right now, with the fence it was taken with; only these leases are renewed.
    in_hand: std::sync::Mutex<HashSet<(OperationId, i64)>>,
    pub(super) crashes: Option<Arc<dyn Crashes>>,
}

/// How a turn at an operation ended.
pub(super) enum Turn {
    /// The operation has ended.
    Ended,
    /// The operation was written and its lease given up; it is due again.
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
                            let id = operation.id;
                            let ended = runner.turn(operation).await;
                            runner.wake.changed(id);
                            let full = runner.places.available_permits() == 0;
                            drop(place);
                            // The scheduler sleeps until what was due before this turn, or waits for a place.
                            if full || !ended {
                                runner.wake.operation_due();
                            }
                        });
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot look for due operations"),
            }
            let idle = if free == 0 {
                // The end of a turn says so.
                Duration::from_secs(1)
            } else {
                self.idle_time().await
            };
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
        let next = self.world.store.read(|tx| Box::pin(tx.next_due())).await;
        let next: Result<_, StoreError> = next;
        match next {
            Ok(Some((now, due))) => now
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
            let in_hand: Vec<(OperationId, i64)> = self
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
    /// attempt: it must not take other operations down. True when it has ended.
    async fn turn(&self, operation: Operation) -> bool {
        let turn = (operation.id, operation.fence);
        self.in_hand.lock().expect("nobody panics with it").insert(turn);
        let work = std::panic::AssertUnwindSafe(Work::walk(self, operation))
            .catch_unwind()
            .await;
        self.in_hand.lock().expect("nobody panics with it").remove(&turn);
        let (id, fence) = turn;
        match work {
            Ok(Ok(Turn::Ended)) => return true,
            Ok(Ok(Turn::LetGo | Turn::Dead)) => {}
            Ok(Err(StoreError::Superseded)) => {
                tracing::info!(operation = %id, "another worker has taken over");
            }
            Ok(Err(error)) => {
                tracing::warn!(operation = %id, %error, "operation interrupted by the store");
                if error.is_transient() {
                    self.give_back(id, fence).await;
                }
            }
            // The lease ends by itself, which also keeps the next try from coming at once.
            Err(_) => {
                metrics::counter!("pdm_panics_total").increment(1);
                tracing::error!(operation = %id, "a step panicked");
            }
        }
        false
    }

    /// Lets go of an operation that could not be written, so that it need not wait for the end of its lease. The next
    /// worker looks at the world first. When this fails too, the lease ends by itself.
    async fn give_back(&self, id: OperationId, fence: i64) {
        let wait = self.world.config.timing.backoff_min;
        let given = self
            .world
            .store
            .write(move |tx| Box::pin(async move { tx.give_back(id, fence, wait).await }))
            .await;
        if let Err(error) = given {
            let error: StoreError = error;
            tracing::debug!(operation = %id, %error, "not given back");
        }
    }
}
