//! Changes that a vendor accepted and makes later, or never.

use std::sync::{Arc, Mutex, PoisonError};

use super::faults::{Fault, Faults};

/// Changes that wait. Clones are the same list.
#[derive(Clone, Default)]
pub struct Late(Arc<Mutex<Vec<Waiting>>>);

struct Waiting {
    /// What it changes.
    of: String,
    /// Reads that still show the old state.
    reads: u32,
    change: Box<dyn FnOnce() + Send>,
}

impl Late {
    /// Makes an accepted change of `of`: at once, unless a fault for this call lets the vendor say yes and do it late or never.
    ///
    /// Changes that are late are made in the order in which they become due: a later one may be undone by an earlier one.
    pub fn accept(&self, faults: &Faults, call: &str, of: &str, change: impl FnOnce() + Send + 'static) {
        match faults.take(call, |fault| {
            matches!(fault, Fault::NotApplied | Fault::AppliedLate { .. })
        }) {
            Some(Fault::AppliedLate { reads }) => self.after(reads, of, change),
            Some(_) => {}
            None => change(),
        }
    }

    /// Makes a change of `of` after `reads` further reads of it.
    pub fn after(&self, reads: u32, of: &str, change: impl FnOnce() + Send + 'static) {
        self.lock().push(Waiting {
            of: of.to_owned(),
            reads,
            change: Box::new(change),
        });
    }

    /// Tells that `of` is about to be read, and makes what is due. Never called while the world is locked.
    pub fn read(&self, of: &str) {
        let mut due = Vec::new();
        {
            let mut waiting = self.lock();
            let mut kept = Vec::new();
            for mut one in waiting.drain(..) {
                if one.of == of && one.reads == 0 {
                    due.push(one.change);
                    continue;
                }
                if one.of == of {
                    one.reads -= 1;
                }
                kept.push(one);
            }
            *waiting = kept;
        }
        for change in due {
            change();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
