//! Hints between parts of one process: work is due, a turn at an operation is over.
//!
//! Hints only save time. Whoever waits reads the store again afterwards, and looks by himself now and then:
//! another replica gives no hints here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::domain::ids::OperationId;

/// Wakes the scheduler, and whoever waits for an operation.
#[derive(Default)]
pub struct Wake {
    due: Notify,
    /// For each operation that somebody watches.
    watched: Mutex<HashMap<OperationId, watch::Sender<()>>>,
}

/// Hears of the turns at one operation that end from its making on.
pub struct Watch<'w> {
    wake: &'w Wake,
    operation: OperationId,
    /// There until the drop, which gives it up under the lock of the map.
    turns: Option<watch::Receiver<()>>,
}

impl Wake {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that an operation has become due.
    pub fn operation_due(&self) {
        self.due.notify_one();
    }

    /// Says that a turn at an operation is over, or that it was changed by a request.
    pub fn changed(&self, operation: OperationId) {
        if let Some(turns) = self.lock().get(&operation) {
            turns.send_replace(());
        }
    }

    /// Waits for [`Self::operation_due`], at most so long.
    pub async fn wait_due(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.due.notified()).await;
    }

    /// Watches an operation. Made before the store is read, nothing is missed.
    pub fn watch(&self, operation: OperationId) -> Watch<'_> {
        let turns = self.lock().entry(operation).or_default().subscribe();
        Watch {
            wake: self,
            operation,
            turns: Some(turns),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationId, watch::Sender<()>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Waits until a turn has ended since the last time, at most so long, and says whether one has.
    pub async fn next(&mut self, at_most: Duration) -> bool {
        let Some(turns) = &mut self.turns else {
            return false;
        };
        tokio::time::timeout(at_most, turns.changed()).await.is_ok()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut watched = self.wake.lock();
        self.turns = None;
        if watched
            .get(&self.operation)
            .is_some_and(|turns| turns.receiver_count() == 0)
        {
            watched.remove(&self.operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_that_ends_before_the_wait_is_not_missed() {
        let (wake, operation) = (Wake::new(), OperationId::new());
        let mut first = wake.watch(operation);
        let mut second = wake.watch(operation);
        wake.changed(operation);
        assert!(first.next(Duration::from_mins(1)).await);
        assert!(second.next(Duration::from_mins(1)).await);
        assert!(!second.next(Duration::ZERO).await, "that one was told");
        drop(first);
        wake.changed(operation);
        assert!(second.next(Duration::from_mins(1)).await);
        drop(second);
        assert!(wake.lock().is_empty());
    }
}
