//! Runs the tasks on their timers until the process stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{expire, sweep};
use crate::domain::operation::OperationState;
use crate::operations::{Wake, World};
use crate::store::StoreError;

/// Events numbered in one transaction.
const EVENTS: i64 = 1_000;

/// What runs on a timer, in one process at a time.
#[derive(Clone, Copy)]
enum Task {
    /// Ends holds whose time is over.
    Expire,
    /// Compares the servers with the database.
    Sweep,
}

impl Task {
    const fn name(self) -> &'static str {
        match self {
            Self::Expire => "expire",
            Self::Sweep => "sweep",
        }
    }
}

/// The tasks of one process.
pub struct Reconciler {
    world: Arc<World>,
    wake: Arc<Wake>,
    holder: String,
}

impl Reconciler {
    /// Tasks whose leases are signed with `holder`.
    pub const fn new(world: Arc<World>, wake: Arc<Wake>, holder: String) -> Self {
        Self { world, wake, holder }
    }

    /// Works until `stop` is true.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        tokio::join!(
            self.number_events(stop.clone()),
            self.every(Task::Expire, stop.clone()),
            self.every(Task::Sweep, stop),
        );
    }

    /// Runs `task` at once and then at its interval, while this process has the task's lease.
    async fn every(&self, task: Task, mut stop: watch::Receiver<bool>) {
        let timing = &self.world.config.timing;
        let interval = match task {
            Task::Expire => timing.expire_interval,
            Task::Sweep => timing.reconcile_interval,
        };
        let length = interval + timing.lease;
        while !*stop.borrow() {
            let result = match self.take_lease(task, length).await {
                Ok(true) => tokio::select! {
                    done = self.pass(task) => done,
                    // A pass over a large pool may take longer than the lease.
                    lost = self.keep_lease(task, length) => lost,
                },
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                tracing::warn!(task = task.name(), %error, "task not done; it runs again");
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn take_lease(&self, task: Task, length: Duration) -> Result<bool, StoreError> {
        let (lease, holder) = (format!("task:{}", task.name()), self.holder.clone());
        let taken = self
            .world
            .store
            .write(move |tx| Box::pin(async move { tx.take_lease(&lease, &holder, length).await }))
            .await?;
        Ok(taken.is_some())
    }

    /// Renews the lease of a task; ends when it is lost.
    async fn keep_lease(&self, task: Task, length: Duration) -> Result<(), StoreError> {
        loop {
            tokio::time::sleep(length / 3).await;
            if !self.take_lease(task, length).await? {
                return Err(StoreError::Superseded);
            }
        }
    }

    async fn pass(&self, task: Task) -> Result<(), StoreError> {
        match task {
            Task::Expire => {
                let ended = expire::expire_holds(&self.world.store).await?;
                if ended > 0 {
                    tracing::info!(ended, "holds ended");
                }
                self.measure().await?;
            }
            Task::Sweep => {
                // What cannot be forgotten now is forgotten later; the look at the servers does not wait for it.
                if let Err(error) = expire::prune(&self.world.store, &self.world.config.timing).await {
                    tracing::warn!(%error, "old events and answers are not forgotten");
                }
                match sweep::sweep(&self.world).await {
                    Ok(found) => {
                        found.report();
                        if found.repairs > 0 {
                            self.wake.operation_due();
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the servers could not be compared with the database");
                    }
                }
            }
        }
        Ok(())
    }

    /// What alarms are made of: how many claims and open operations, and how old the oldest is.
    async fn measure(&self) -> Result<(), StoreError> {
        let (claims, operations, overdue) = self
            .world
            .store
            .read(|tx| {
                Box::pin(async move {
                    let claims = tx.count_claims().await?;
                    let operations = tx.count_open_operations().await?;
                    Ok::<_, StoreError>((claims, operations, tx.overdue_holds().await?))
                })
            })
            .await?;
        #[expect(clippy::cast_precision_loss, reason = "gauges of counts and ages")]
        {
            for (state, count) in claims {
                metrics::gauge!("pdm_claims", "state" => state).set(count as f64);
            }
            for state in OperationState::ALL.into_iter().filter(|state| !state.is_final()) {
                let row = operations.iter().find(|(word, ..)| word == state.as_str());
                let (count, age) = row.map_or((0, 0), |(_, count, age)| (*count, *age));
                metrics::gauge!("pdm_open_operations", "state" => state.as_str()).set(count as f64);
                metrics::gauge!("pdm_oldest_operation_seconds", "state" => state.as_str())
                    .set(age as f64 / 1e6);
            }
            metrics::gauge!("pdm_overdue_holds").set(overdue as f64);
        }
        Ok(())
    }

    /// Numbers events as they are committed: at once for those of this process, within a second for others.
    async fn number_events(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let numbered = self
                .world
                .store
                .write(|tx| Box::pin(async move { tx.number_events(EVENTS).await }))
                .await;
            match numbered {
                Ok(count) if count >= EVENTS.unsigned_abs() => continue,
                Ok(0) => {}
                Ok(_) => self.world.store.tell_events_numbered(),
                Err(error) => {
                    let error: StoreError = error;
                    tracing::warn!(%error, "events not numbered");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
            tokio::select! {
                () = self.world.store.events_written() => {
                    // Under load one transaction numbers many.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                _ = stop.changed() => {}
            }
        }
    }
}
