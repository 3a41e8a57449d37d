//! A unit of work: what happens in one transaction, and who waits for it.

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{StoreError, Tx};

/// Whether what a unit wrote is to stay.
pub(super) enum Verdict {
    Keep,
    Discard,
}

/// A unit without its types, as the writer queues it.
pub(super) trait Unit: Send {
    /// Does the work inside a savepoint.
    fn run<'t>(&'t mut self, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Verdict>;
    /// Replaces the unit's result: its savepoint broke.
    fn fail(&mut self, error: StoreError);
    /// Answers whoever waits, after the end of the transaction that covered the unit.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

pub(super) type BoxUnit = Box<dyn Unit>;

/// What runs in the transaction.
pub(super) type Work<T, E> = Box<dyn for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send>;

pub(super) struct Typed<T, E> {
    work: Option<Work<T, E>>,
    result: Option<Result<T, E>>,
    wrote_events: bool,
    reply: oneshot::Sender<(Result<T, E>, bool)>,
}

impl<T, E> Typed<T, E> {
    pub(super) fn new(work: Work<T, E>, reply: oneshot::Sender<(Result<T, E>, bool)>) -> Self {
        Self {
            work: Some(work),
            result: None,
            wrote_events: false,
            reply,
        }
    }
}

impl<T: Send, E: From<StoreError> + Send> Unit for Typed<T, E> {
    fn run<'t>(&'t mut self, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Verdict> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return Verdict::Discard;
            };
            let result = work(tx).await;
            let result = tx.verdict(result);
            self.wrote_events = tx.wrote_events;
            let verdict = if result.is_ok() {
                Verdict::Keep
            } else {
                Verdict::Discard
            };
            self.result = Some(result);
            verdict
        })
    }

    fn fail(&mut self, error: StoreError) {
        self.result = Some(Err(error.into()));
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let unavailable = || StoreError::Unavailable("the unit of work did not run".to_owned());
        let result = match (committed, self.result) {
            // A refusal decided nothing that had to be kept, so the fate of the commit does not matter to it.
            (_, Some(Err(error))) => Err(error),
            (Ok(()), Some(ok)) => ok,
            (Ok(()), None) => Err(unavailable().into()),
            (Err(error), _) => Err(error.into()),
        };
        // Whoever waited may have gone; the work is done all the same.
        let _ = self.reply.send((result, self.wrote_events));
    }
}
