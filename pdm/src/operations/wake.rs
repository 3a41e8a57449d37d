//! Hints between parts of one process: work is due, an operation changed.
//!
//! Hints only save time. Whoever waits reads the store again afterwards, and looks by himself now and then:
//! another replica gives no hints here.

use std::time::Duration;

use tokio::sync::{Notify, broadcast};

use crate::domain::ids::OperationId;

/// Wakes the scheduler, and whoever waits for an operation.
pub struct Wake {
    due: Notify,
    changed: broadcast::Sender<OperationId>,
}

impl Default for Wake {
    fn default() -> Self {
        Self::new()
    }
}

impl Wake {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self {
            due: Notify::new(),
            changed: broadcast::channel(1024).0,
        }
    }

    /// Says that an operation has become due.
    pub fn operation_due(&self) {
        self.due.notify_one();
    }

    /// Says that an operation was written.
    pub fn changed(&self, operation: OperationId) {
        // Without receivers there is nobody to tell.
        let _ = self.changed.send(operation);
    }

    /// Waits for [`Self::operation_due`], at most so long.
    pub async fn wait_due(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.due.notified()).await;
    }

    /// Waits until `operation` was written, at most so long. What happens between reading the store and calling
    /// this is missed: keep `at_most` short.
    pub async fn wait_change(&self, operation: OperationId, at_most: Duration) {
        let mut changes = self.changed.subscribe();
        let seen = async {
            loop {
                match changes.recv().await {
                    Ok(id) if id != operation => {}
                    // Lagging means that something was written: look.
                    _ => return,
                }
            }
        };
        let _ = tokio::time::timeout(at_most, seen).await;
    }
}
