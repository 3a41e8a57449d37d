//! The one writer of a parent zone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pdm_registrar::DomainName;
use powerdns_client::{Error, ErrorKind, RrsetChange};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::queue::{MAX_BATCH, Waiting, changes, next_batch};
use super::{EditError, ParentZones};
use crate::dns::canonical;
use crate::domain::ids::OperationId;
use crate::store::{StoreError, Tx};

/// How long a writer without work keeps the lease of its zone.
const KEEP: Duration = Duration::from_millis(100);
/// How long a writer with work keeps it before another replica gets its turn.
const MOST: Duration = Duration::from_secs(1);
/// How often a writer asks for a lease that another one has.
const ASK: Duration = Duration::from_millis(10);

impl ParentZones {
    /// Makes the edits that come, until nobody can send any more.
    pub(super) async fn write(
        self: Arc<Self>,
        parent: DomainName,
        mut queue: mpsc::UnboundedReceiver<Waiting>,
        announced: Arc<AtomicUsize>,
    ) {
        let mut waiting = VecDeque::new();
        let mut held_since: Option<Instant> = None;
        loop {
            if held_since.is_some_and(|since| since.elapsed() > MOST) {
                self.give_back(&parent).await;
                held_since = None;
                tokio::time::sleep(ASK * 2).await;
            }
            if waiting.is_empty() {
                let patience = if held_since.is_some() { KEEP } else { Duration::MAX };
                match tokio::time::timeout(patience, queue.recv()).await {
                    Ok(Some(first)) => waiting.push_back(first),
                    Ok(None) => return,
                    Err(_) => {
                        self.give_back(&parent).await;
                        held_since = None;
                        continue;
                    }
                }
            }
            held_since.get_or_insert_with(Instant::now);
            self.linger(&mut queue, &mut waiting, &announced).await;
            let batch = next_batch(&mut waiting);
            if !batch.is_empty() {
                self.write_batch(&parent, batch).await;
            }
        }
    }

    /// Waits for announced edits, until there are enough, or nobody is on the way, or the time is over.
    async fn linger(
        &self,
        queue: &mut mpsc::UnboundedReceiver<Waiting>,
        waiting: &mut VecDeque<Waiting>,
        announced: &AtomicUsize,
    ) {
        let end = Instant::now() + self.linger;
        loop {
            while let Ok(next) = queue.try_recv() {
                waiting.push_back(next);
            }
            if waiting.len() >= MAX_BATCH || announced.load(Ordering::Relaxed) <= waiting.len() {
                return;
            }
            match tokio::time::timeout_at(end, queue.recv()).await {
                Ok(Some(next)) => waiting.push_back(next),
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn write_batch(&self, parent: &DomainName, batch: Vec<Waiting>) {
        let batch = match self.hold(parent, batch).await {
            Ok(batch) if batch.is_empty() => return,
            Ok(batch) => batch,
            Err((batch, error)) => {
                for waiting in batch {
                    let _ = waiting.done.send(Err(error.clone()));
                }
                return;
            }
        };
        let result = self.patch(parent, &batch).await;
        let refused = matches!(result, Err(EditError::Refused(_)));
        if !refused || batch.len() == 1 {
            for waiting in batch {
                let _ = waiting.done.send(result.clone());
            }
            return;
        }
        // One bad edit fails a PATCH whole and changes nothing: find it, so that the others are not held up.
        for waiting in batch {
            let (held, result) = match self.hold(parent, vec![waiting]).await {
                Ok(held) => {
                    let result = self.patch(parent, &held).await;
                    (held, result)
                }
                Err((held, error)) => (held, Err(error)),
            };
            for waiting in held {
                let _ = waiting.done.send(result.clone());
            }
        }
    }

    /// Takes the lease of the zone, so that two replicas never PATCH it at the same time, notes its serial, and answers
    /// the edits that still count; the others are told. On an error nobody has been told.
    async fn hold(
        &self,
        parent: &DomainName,
        batch: Vec<Waiting>,
    ) -> Result<Vec<Waiting>, (Vec<Waiting>, EditError)> {
        let turns: Vec<(OperationId, i64)> = batch.iter().map(|waiting| waiting.turn).collect();
        let held = match self.take(parent, turns).await {
            Ok(held) => held,
            Err(error) => return Err((batch, error)),
        };
        let mut counting = Vec::with_capacity(batch.len());
        for (waiting, holds) in batch.into_iter().zip(held) {
            if holds {
                counting.push(waiting);
            } else {
                let gone = "the operation was taken over, or its lease is too short for a write";
                let _ = waiting.done.send(Err(EditError::NotMade(gone.to_owned())));
            }
        }
        Ok(counting)
    }

    /// The lease, waited for as long as a call may take; answers which of the turns still hold their operations.
    async fn take(
        &self,
        parent: &DomainName,
        turns: Vec<(OperationId, i64)>,
    ) -> Result<Vec<bool>, EditError> {
        let end = Instant::now() + self.cover;
        loop {
            let before = self
                .serial_of(parent)
                .await
                .map_err(|error| EditError::NotMade(error.to_string()))?;
            if let Some(held) = self.begin(parent, turns.clone(), before).await? {
                return Ok(held);
            }
            while !self.take_lease(parent).await? {
                if Instant::now() > end {
                    return Err(EditError::NotMade(
                        "another process writes the parent zone at the moment".to_owned(),
                    ));
                }
                tokio::time::sleep(ASK).await;
            }
        }
    }

    /// Lease, serial and turns in one transaction; nothing while another process has the lease.
    async fn begin(
        &self,
        parent: &DomainName,
        turns: Vec<(OperationId, i64)>,
        before: u32,
    ) -> Result<Option<Vec<bool>>, EditError> {
        let (name, holder, lease, cover) = (lease_of(parent), self.holder.clone(), self.lease, self.cover);
        let parent = parent.clone();
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    if tx.take_lease(&name, &holder, lease).await?.is_none() {
                        return Ok(None);
                    }
                    let held = still_held(tx, turns, cover).await?;
                    if held.contains(&true) {
                        tx.note_parent_serial(&parent, before).await?;
                    }
                    Ok(Some(held))
                })
            })
            .await
    }

    async fn take_lease(&self, parent: &DomainName) -> Result<bool, EditError> {
        let (name, holder, lease) = (lease_of(parent), self.holder.clone(), self.lease);
        let taken = self
            .store
            .write(move |tx| Box::pin(async move { tx.take_lease(&name, &holder, lease).await }))
            .await?;
        Ok(taken.is_some())
    }

    async fn give_back(&self, parent: &DomainName) {
        let (name, holder) = (lease_of(parent), self.holder.clone());
        let given = self
            .store
            .write(move |tx| Box::pin(async move { tx.drop_lease(&name, &holder).await }))
            .await;
        if let Err(error) = given {
            let error: StoreError = error;
            tracing::debug!(%parent, %error, "lease not given back; it ends by itself");
        }
    }

    async fn patch(&self, parent: &DomainName, batch: &[Waiting]) -> Result<(), EditError> {
        let zone = canonical(parent.as_str());
        let changes: Vec<RrsetChange> = batch.iter().flat_map(|w| changes(&w.name, &w.edit)).collect();
        self.patches.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("pdm_parent_patches_total").increment(1);
        metrics::counter!("pdm_parent_edits_total").increment(batch.len() as u64);
        let result = self
            .servers
            .change(&zone, |client| {
                let (zone, changes) = (&zone, &changes);
                async move { client.patch_rrsets(zone, changes).await }
            })
            .await;
        if result.is_err() {
            self.doubt(parent).await;
        }
        result.map_err(|error| edit_error(&error))
    }

    /// After a PATCH that failed the serial may be as noted or not.
    async fn doubt(&self, parent: &DomainName) {
        let parent = parent.clone();
        let noted = self
            .store
            .write(move |tx| Box::pin(async move { tx.doubt_parent(&parent).await }))
            .await;
        if let Err(error) = noted {
            let error: StoreError = error;
            tracing::warn!(%error, "a failed change of a parent zone is not noted");
        }
    }
}

async fn still_held(
    tx: &mut Tx<'_>,
    turns: Vec<(OperationId, i64)>,
    cover: Duration,
) -> Result<Vec<bool>, StoreError> {
    let mut held = Vec::with_capacity(turns.len());
    for turn in turns {
        held.push(tx.lease_covers(turn, cover).await?);
    }
    Ok(held)
}

fn lease_of(parent: &DomainName) -> String {
    format!("zone:{parent}")
}

fn edit_error(error: &Error) -> EditError {
    let text = error.to_string();
    match (error.kind(), error.effect()) {
        (ErrorKind::Invalid | ErrorKind::Refused | ErrorKind::Malformed | ErrorKind::TooLarge, _) => {
            EditError::Refused(error.message().map_or(text, str::to_owned))
        }
        (_, powerdns_client::Effect::NotApplied) => EditError::NotMade(text),
        _ => EditError::Unknown(text),
    }
}
