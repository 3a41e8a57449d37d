//! Changes that are accepted first and done later.

use std::sync::{Arc, Mutex, PoisonError};

use super::Vendor;
use super::answer::Failure;
use crate::sim::faults::Fault;

/// How far a task is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    OnItsWay,
    Done,
    Failed,
}

/// An accepted change.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) id: String,
    /// The account that wants it.
    pub(super) account: &'static str,
    pub(super) domain: String,
    /// The vendor's word for it in version 2.
    pub(super) kind: &'static str,
    /// What the caller named it, so that it is done once.
    pub(super) idempotency_key: Option<String>,
    progress: Arc<Mutex<Progress>>,
}

impl Task {
    pub(super) fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All tasks, the oldest first.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Vec<Task>>);

impl Tasks {
    /// The last task that `wanted` accepts.
    pub(super) fn last(&self, wanted: impl Fn(&Task) -> bool) -> Option<Task> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().rev().find(|task| wanted(task)).cloned()
    }

    /// Every task of a domain.
    pub(super) fn of(&self, domain: &str) -> Vec<Task> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks
            .iter()
            .filter(|task| task.domain == domain)
            .cloned()
            .collect()
    }
}

/// A change that is wanted.
pub(super) struct Wanted<'a> {
    pub(super) call: &'a str,
    pub(super) account: &'static str,
    pub(super) domain: &'a str,
    pub(super) kind: &'static str,
    pub(super) idempotency_key: Option<String>,
    /// Whether it cannot be done, which is found out later.
    pub(super) doomed: bool,
}

impl Vendor {
    /// Accepts a change, unless one of its kind is on its way. Each look at the domain or at the task brings it nearer.
    pub(super) fn begin(
        &self,
        wanted: Wanted<'_>,
        change: impl FnOnce() + Send + 'static,
    ) -> Result<Task, Failure> {
        let same = |task: &Task| task.domain == wanted.domain && task.kind == wanted.kind;
        if self
            .tasks
            .last(same)
            .is_some_and(|task| task.progress() == Progress::OnItsWay)
        {
            return Err(Failure::new(
                409,
                "DUPLICATE_ACTION",
                "There is already a similar action processing",
            ));
        }
        let progress = Arc::new(Mutex::new(Progress::OnItsWay));
        let number = self.world.state().next_id();
        let task = Task {
            id: format!("operation-{number}"),
            account: wanted.account,
            domain: wanted.domain.to_owned(),
            kind: wanted.kind,
            idempotency_key: wanted.idempotency_key,
            progress: Arc::clone(&progress),
        };
        let set = move |to| *progress.lock().unwrap_or_else(PoisonError::into_inner) = to;
        let of_tasks = |fault: &Fault| {
            matches!(
                fault,
                Fault::TaskStuck | Fault::TaskFailed | Fault::NotApplied | Fault::AppliedLate { .. }
            )
        };
        let reads = self.settings().task_reads;
        match self.faults.take(wanted.call, of_tasks) {
            Some(Fault::TaskStuck) => {}
            Some(Fault::TaskFailed) => set(Progress::Failed),
            Some(Fault::AppliedLate { reads }) => {
                set(Progress::Done);
                self.late.after(reads, wanted.domain, change);
            }
            Some(_) => set(Progress::Done),
            None if wanted.doomed => self
                .late
                .after(reads, wanted.domain, move || set(Progress::Failed)),
            None => self.late.after(reads, wanted.domain, move || {
                change();
                set(Progress::Done);
            }),
        }
        let mut tasks = self.tasks.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(task.clone());
        Ok(task)
    }
}
