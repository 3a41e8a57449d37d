//! Old states that reads still show after a write, as at vendors whose reads lag behind.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What reads show instead of what there is, and for how many reads. Writes always see what there is.
pub(super) struct Stale<T>(Mutex<BTreeMap<String, (T, u32)>>);

impl<T: Clone> Stale<T> {
    /// Lets the next `reads` reads of `what` show `old`.
    pub(super) fn keep(&self, what: &str, old: T, reads: u32) {
        // With two such writes in a row, reads go on to show the state before the first.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, left) = kept.entry(what.to_owned()).or_insert((old, 0));
        *left = (*left).max(reads);
    }

    /// What a read of `what` shows instead of what there is.
    pub(super) fn shown(&self, what: &str) -> Option<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, left) = kept.get_mut(what)?;
        if *left == 0 {
            kept.remove(what);
            return None;
        }
        *left -= 1;
        Some(old.clone())
    }
}

impl<T> Default for Stale<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
