//! Runs the tasks on their timers until the process stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{expire, sweep};
use crate::operations::{Wake, World};
use crate::store::StoreError;

/// Events numbered in one transaction.
const EVENTS: i64 = 1_000;

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
        let timing = &self.world.config.timing;
        let (expire, sweep) = (timing.expire_interval, timing.reconcile_interval);
        tokio::join!(
            self.number_events(stop.clone()),
            self.every(expire, "expire", stop.clone(), async || {
                let ended = expire::expire_holds(&self.world.store).await?;
                if ended > 0 {
                    tracing::info!(ended, "holds ended");
                }
                Ok(())
            }),
            self.every(sweep, "sweep", stop.clone(), async || {
                expire::prune(&self.world.store, &self.world.config.timing).await?;
                match sweep::sweep(&self.world).await {
                    Ok(found) => {
                        found.report();
                        if found.repairs > 0 {
                            self.wake.operation_due();
                        }
                    }
                    Err(error) => tracing::warn!(%error, "the servers could not be compared with the database"),
                }
                Ok(())
            }),
        );
    }

    /// Runs `task` at once and then every `interval`, while this process has the task's lease.
    async fn every(
        &self,
        interval: Duration,
        name: &'static str,
        mut stop: watch::Receiver<bool>,
        task: impl AsyncFn() -> Result<(), StoreError>,
    ) {
        while !*stop.borrow() {
            let (lease, holder) = (format!("task:{name}"), self.holder.clone());
            let length = (interval * 3).max(self.world.config.timing.lease);
            let taken = self
                .world
                .store
                .write(move |tx| Box::pin(async move { tx.take_lease(&lease, &holder, length).await }))
                .await;
            let result = match taken {
                Ok(Some(_)) => task().await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                tracing::warn!(task = name, %error, "task not done; it runs again");
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                _ = stop.changed() => {}
            }
        }
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
