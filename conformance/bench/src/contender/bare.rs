//! The floor: the fewest calls of PowerDNS with which a name is live, and nothing verified.
//!
//! POST zone with all its records, GET its cryptokeys, and NS and DS in one PATCH of the parent together with whatever
//! other names wait. At most [`CALLS`] calls at a time; a 5xx is repeated.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use powerdns_client::{CanonicalName, Client, Ds, Error, ErrorKind, NewZone, RrsetChange};
use tokio::sync::{mpsc, oneshot};

use super::Contender;
use crate::zones;

/// Calls at a time: above this PowerDNS gets no faster.
pub const CALLS: usize = 8;

/// Most names in one PATCH.
const BATCH: usize = 100;
/// How often a call that PowerDNS failed is made again.
const REPEATS: u32 = 100;

/// Bare calls on one parent.
#[derive(Debug)]
pub struct Bare {
    client: Client,
    parent: CanonicalName,
    edits: mpsc::UnboundedSender<Edit>,
}

#[derive(Debug)]
struct Edit {
    changes: Vec<RrsetChange>,
    done: oneshot::Sender<Result<(), String>>,
}

impl Bare {
    /// On a parent made with [`zones::Upkeep::Narrow`], with a client of [`CALLS`] connections.
    pub fn new(client: Client, parent: CanonicalName) -> Self {
        let (edits, queue) = mpsc::unbounded_channel();
        tokio::spawn(write_parent(client.clone(), parent.clone(), queue));
        Self {
            client,
            parent,
            edits,
        }
    }

    async fn ds(&self, name: &CanonicalName) -> Result<Ds> {
        let keys = repeated(|| self.client.cryptokeys(name)).await?;
        let ds = keys.iter().find_map(|key| key.ds_of_type(Ds::SHA256));
        ds.cloned()
            .with_context(|| format!("{} has no key", name.as_str()))
    }
}

#[async_trait]
impl Contender for Bare {
    async fn make_live(&self, label: &str) -> Result<()> {
        let name = self.parent.child(label)?;
        let mut zone = NewZone::new(name.clone());
        zone.rrsets = zones::apex_sets(&name);
        zone.rrsets.extend(zones::host_sets(&name));
        match repeated(|| self.client.create_zone(&zone)).await {
            // An attempt that PowerDNS reported as failed had made it.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            result => result?,
        }
        let ds = self.ds(&name).await?;
        let (done, answer) = oneshot::channel();
        let edit = Edit {
            changes: zones::delegation(&name, Some(&ds)),
            done,
        };
        self.edits
            .send(edit)
            .ok()
            .context("the writer of the parent has ended")?;
        answer.await?.map_err(|error| anyhow!(error))
    }
}

/// One PATCH at a time, with all that came during the one before.
async fn write_parent(client: Client, parent: CanonicalName, mut queue: mpsc::UnboundedReceiver<Edit>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let changes: Vec<RrsetChange> = batch.iter().flat_map(|edit| edit.changes.clone()).collect();
        let result = repeated(|| client.patch_rrsets(&parent, &changes)).await;
        for edit in batch.drain(..) {
            // Whoever has gone does not need the answer.
            edit.done
                .send(result.as_ref().map(|&()| ()).map_err(ToString::to_string))
                .ok();
        }
    }
}

async fn repeated<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T, Error> {
    let mut repeats = 0;
    loop {
        match call().await {
            Err(error) if error.kind() == ErrorKind::ServerFailure && repeats < REPEATS => {
                repeats += 1;
                // SQLite was locked by another call: a moment, not longer than one takes.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            result => return result,
        }
    }
}
