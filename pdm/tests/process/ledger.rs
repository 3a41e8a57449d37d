//! What everybody writes down while it happens: how much of what, what was wrong, and which answers were given.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::caller::Request;

/// Most violations that are told in full.
const TOLD: usize = 20;

#[derive(Default)]
pub struct Ledger {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    wrong: Mutex<Vec<String>>,
    answers: Mutex<Vec<Acknowledged>>,
    over: AtomicBool,
}

/// A definite answer under an `Idempotency-Key`: the same request must get the same again.
#[derive(Clone)]
pub struct Acknowledged {
    /// Which tenant's.
    pub tenant: usize,
    pub request: Request,
    pub status: u16,
    pub text: String,
}

impl Ledger {
    pub fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap().entry(what).or_default() += 1;
    }

    pub fn counted(&self, what: &'static str) -> u64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or_default()
    }

    /// Something that must never happen has happened.
    pub fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().unwrap().push(what.into());
    }

    pub fn acknowledged(&self, answer: Acknowledged) {
        self.answers.lock().unwrap().push(answer);
    }

    pub fn all_acknowledged(&self) -> Vec<Acknowledged> {
        self.answers.lock().unwrap().clone()
    }

    /// Nobody begins anything new.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// One line: what was done and what was done to it.
    pub fn summary(&self) -> String {
        let counts = self.counts.lock().unwrap();
        let parts: Vec<String> = counts.iter().map(|(what, n)| format!("{what} {n}")).collect();
        parts.join(", ")
    }

    pub fn assert_nothing_wrong(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(
            wrong.is_empty(),
            "{} violations:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(TOLD)].join("\n")
        );
    }
}
