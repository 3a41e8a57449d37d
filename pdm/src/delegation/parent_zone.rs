//! The parent is a zone of ours: NS and DS of a name are written there, in one PATCH.
//!
//! PowerDNS loses edits of one zone that run side by side (on PostgreSQL it even acknowledges them), so each
//! parent zone has one [`Writer`], and with replicas the lease `zone:<parent>` says whose it is. Waiting edits of
//! different names share a PATCH, which is what keeps a busy pool cheap; two edits of one name never do, and keep
//! their order.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pdm_registrar::{DomainName, DsRecord};
use powerdns_client::{Error, ErrorKind, RecordType, Rrset, RrsetChange};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Delegation;
use crate::dns::canonical;
use crate::dns::servers::ServerSet;
use crate::store::{Store, StoreError};

/// Most names in one PATCH.
const MAX_BATCH: usize = 100;

/// What becomes of one name in the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// NS and DS are exactly this.
    Put(Delegation),
    /// Neither NS nor DS.
    Remove,
}

/// Why an edit did not go through, or may not have.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EditError {
    /// PowerDNS refuses it for what it holds. Nothing was changed, and repeating it is of no use.
    #[error("PowerDNS refuses the delegation: {0}")]
    Refused(String),
    /// It may or may not have been applied.
    #[error("the change of the parent zone may or may not have been made: {0}")]
    Unknown(String),
    /// It was not made; later it may go through.
    #[error("the parent zone could not be changed: {0}")]
    NotMade(String),
}

/// What stands in the parent zone at one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtParent {
    /// NS hosts with the TTL.
    pub ns: Option<(Vec<String>, u32)>,
    /// DS records with the TTL.
    pub ds: Option<(Vec<DsRecord>, u32)>,
    /// Other record types at the name.
    pub others: Vec<String>,
    /// DS records that cannot be read.
    pub unreadable_ds: usize,
}

impl AtParent {
    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether neither NS nor DS stands there.
    pub const fn is_undelegated(&self) -> bool {
        self.ns.is_none() && self.ds.is_none() && self.unreadable_ds == 0
    }

    /// Whether it is exactly what is wanted.
    pub fn is(&self, wanted: &Delegation) -> bool {
        let mut hosts: Vec<String> = wanted.nameservers.iter().map(|h| format!("{h}.")).collect();
        hosts.sort();
        let mut ds = wanted.ds.clone();
        ds.sort();
        self.ns
            .as_ref()
            .is_some_and(|(seen, ttl)| *seen == hosts && *ttl == wanted.ns_ttl)
            && self
                .ds
                .as_ref()
                .is_some_and(|(seen, ttl)| *seen == ds && *ttl == wanted.ds_ttl)
            && self.unreadable_ds == 0
            && self.others.is_empty()
    }

    /// Whether what stands there can only come from the claim with these keys: its DS, or no DS at all beside our
    /// own hosts, which is what half of an edit or a hand at work would leave.
    pub fn may_be_ours(&self, nameservers: &[DomainName], ds: &[DsRecord]) -> bool {
        let hosts_ours = self.ns.as_ref().is_none_or(|(seen, _)| {
            seen.iter()
                .all(|h| nameservers.iter().any(|n| format!("{n}.") == *h))
        });
        let ds_ours = self
            .ds
            .as_ref()
            .is_none_or(|(seen, _)| seen.iter().all(|d| ds.contains(d)));
        hosts_ours && ds_ours && self.unreadable_ds == 0
    }
}

/// The parent zones of all pools.
pub struct ParentZones {
    store: Store,
    servers: ServerSet,
    holder: String,
    lease: Duration,
    linger: Duration,
    /// How long the NS hosts of a parent zone are remembered.
    memory: Duration,
    hosts: Mutex<HashMap<DomainName, (Instant, Vec<DomainName>)>>,
    writers: Mutex<HashMap<DomainName, Writer>>,
    patches: AtomicUsize,
}

#[derive(Clone)]
struct Writer {
    edits: mpsc::UnboundedSender<Waiting>,
    /// Edits that are being prepared and will come soon: worth lingering for.
    announced: Arc<AtomicUsize>,
}

struct Waiting {
    name: DomainName,
    edit: Edit,
    done: oneshot::Sender<Result<(), EditError>>,
}

/// Says that an edit of a parent will come soon, so that others wait a moment for it. Ends with its drop.
pub struct Announcement(Arc<AtomicUsize>);

impl Drop for Announcement {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ParentZones {
    /// Parent zones on these servers, written under the leases of `holder`.
    pub fn new(
        store: Store,
        servers: ServerSet,
        holder: String,
        lease: Duration,
        linger: Duration,
        memory: Duration,
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            servers,
            holder,
            lease,
            linger,
            memory,
            hosts: Mutex::default(),
            writers: Mutex::new(HashMap::new()),
            patches: AtomicUsize::new(0),
        })
    }

    /// The servers.
    pub const fn servers(&self) -> &ServerSet {
        &self.servers
    }

    /// PATCHes sent so far.
    pub fn patches(&self) -> usize {
        self.patches.load(Ordering::Relaxed)
    }

    /// What the parent zone holds at a name, from its database.
    pub async fn look(&self, parent: &DomainName, name: &DomainName) -> Result<AtParent, Error> {
        let (zone, name) = (canonical(parent.as_str()), canonical(name.as_str()));
        let sets = self
            .servers
            .first(|client| {
                let (zone, name) = (&zone, &name);
                async move { client.rrsets_at(zone, name).await }
            })
            .await?;
        let mut at = AtParent::default();
        for set in &sets {
            if set.rtype == RecordType::NS {
                let mut hosts: Vec<String> = set.contents().map(str::to_ascii_lowercase).collect();
                hosts.sort();
                at.ns = Some((hosts, set.ttl));
            } else if set.rtype == RecordType::DS {
                let mut read: Vec<DsRecord> =
                    set.contents().filter_map(|c| DsRecord::parse(c).ok()).collect();
                at.unreadable_ds = set.contents().count() - read.len();
                read.sort();
                at.ds = Some((read, set.ttl));
            } else {
                at.others.push(set.rtype.as_str().to_owned());
            }
        }
        Ok(at)
    }

    /// The NS hosts of the parent zone itself.
    pub async fn hosts_of(&self, parent: &DomainName) -> Result<Vec<DomainName>, Error> {
        let remembered = self
            .hosts
            .lock()
            .expect("nobody panics with it")
            .get(parent)
            .cloned();
        if let Some((until, hosts)) = remembered
            && until > Instant::now()
        {
            return Ok(hosts);
        }
        let at = self.look(parent, parent).await?;
        let hosts: Vec<DomainName> = at.ns.map_or_else(Vec::new, |(hosts, _)| {
            hosts
                .iter()
                .filter_map(|host| DomainName::parse(host).ok())
                .collect()
        });
        if !hosts.is_empty() {
            let mut known = self.hosts.lock().expect("nobody panics with it");
            known.insert(parent.clone(), (Instant::now() + self.memory, hosts.clone()));
        }
        Ok(hosts)
    }

    /// Says that an edit of `parent` will come soon.
    pub fn announce(self: &Arc<Self>, parent: &DomainName) -> Announcement {
        let writer = self.writer(parent);
        writer.announced.fetch_add(1, Ordering::Relaxed);
        Announcement(writer.announced)
    }

    /// Makes an edit and answers what became of it. An edit whose caller has gone before its PATCH is sent is not
    /// made.
    pub async fn edit(
        self: &Arc<Self>,
        parent: &DomainName,
        name: &DomainName,
        edit: Edit,
    ) -> Result<(), EditError> {
        let (done, answer) = oneshot::channel();
        let gone = || EditError::NotMade("the writer of the zone has ended".to_owned());
        self.writer(parent)
            .edits
            .send(Waiting {
                name: name.clone(),
                edit,
                done,
            })
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn writer(self: &Arc<Self>, parent: &DomainName) -> Writer {
        let mut writers = self.writers.lock().expect("nobody panics with it");
        writers
            .entry(parent.clone())
            .or_insert_with(|| {
                let (edits, queue) = mpsc::unbounded_channel();
                let announced = Arc::new(AtomicUsize::new(0));
                tokio::spawn(Self::write(
                    Arc::clone(self),
                    parent.clone(),
                    queue,
                    Arc::clone(&announced),
                ));
                Writer { edits, announced }
            })
            .clone()
    }

    async fn write(
        self: Arc<Self>,
        parent: DomainName,
        mut queue: mpsc::UnboundedReceiver<Waiting>,
        announced: Arc<AtomicUsize>,
    ) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                match queue.recv().await {
                    Some(first) => waiting.push_back(first),
                    None => return,
                }
            }
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
        if let Err(error) = self.hold(parent).await {
            for waiting in batch {
                let _ = waiting.done.send(Err(error.clone()));
            }
            return;
        }
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
            let result = match self.hold(parent).await {
                Ok(()) => self.patch(parent, std::slice::from_ref(&waiting)).await,
                Err(error) => Err(error),
            };
            let _ = waiting.done.send(result);
        }
    }

    /// The lease of the zone: two replicas never PATCH one zone at the same time.
    async fn hold(&self, parent: &DomainName) -> Result<(), EditError> {
        let (name, holder, lease) = (format!("zone:{parent}"), self.holder.clone(), self.lease);
        let taken = self
            .store
            .write(move |tx| Box::pin(async move { tx.take_lease(&name, &holder, lease).await }))
            .await
            .map_err(|error: StoreError| EditError::NotMade(error.to_string()))?;
        match taken {
            Some(_) => Ok(()),
            None => Err(EditError::NotMade(
                "another process writes the parent zone at the moment".to_owned(),
            )),
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
            .first(|client| {
                let (zone, changes) = (&zone, &changes);
                async move { client.patch_rrsets(zone, changes).await }
            })
            .await;
        match result {
            Ok(()) => {
                self.servers.flush_others(&zone).await;
                Ok(())
            }
            Err(error) => Err(edit_error(&error)),
        }
    }
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

/// The next edits that may share a PATCH: at most one per name, in order of arrival. What stays keeps its order.
fn next_batch(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut batch: Vec<Waiting> = Vec::new();
    let mut later = VecDeque::new();
    for next in waiting.drain(..) {
        let again = batch.iter().chain(&later).any(|w| w.name == next.name);
        if next.done.is_closed() {
            continue;
        }
        if batch.len() < MAX_BATCH && !again {
            batch.push(next);
        } else {
            later.push_back(next);
        }
    }
    *waiting = later;
    batch
}

fn changes(name: &DomainName, edit: &Edit) -> [RrsetChange; 2] {
    let name = canonical(name.as_str());
    match edit {
        Edit::Put(delegation) => [
            RrsetChange::Replace(Rrset::new(
                name.clone(),
                RecordType::NS,
                delegation.ns_ttl,
                delegation.nameservers.iter().map(|host| format!("{host}.")),
            )),
            RrsetChange::Replace(Rrset::new(
                name,
                RecordType::DS,
                delegation.ds_ttl,
                delegation.ds.iter().map(ToString::to_string),
            )),
        ],
        Edit::Remove => [
            RrsetChange::Delete {
                name: name.clone(),
                rtype: RecordType::NS,
            },
            RrsetChange::Delete {
                name,
                rtype: RecordType::DS,
            },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(label: &str) -> DomainName {
        DomainName::parse(&format!("{label}.omani.works")).unwrap()
    }

    fn waiting(label: &str, edit: Edit) -> (Waiting, oneshot::Receiver<Result<(), EditError>>) {
        let (done, answer) = oneshot::channel();
        (
            Waiting {
                name: name(label),
                edit,
                done,
            },
            answer,
        )
    }

    #[test]
    fn edits_of_one_name_never_share_a_batch_and_keep_their_order() {
        let mut answers = Vec::new();
        let mut queue = VecDeque::new();
        let put = || {
            Edit::Put(Delegation {
                nameservers: vec![],
                ds: vec![],
                ns_ttl: 1,
                ds_ttl: 1,
            })
        };
        for (label, edit) in [
            ("aaa", Edit::Remove),
            ("bbb", put()),
            ("aaa", put()),
            ("aaa", Edit::Remove),
        ] {
            let (edit, answer) = waiting(label, edit);
            queue.push_back(edit);
            answers.push(answer);
        }
        let order = |batch: &[Waiting]| {
            batch
                .iter()
                .map(|w| (w.name.clone(), w.edit == Edit::Remove))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            order(&next_batch(&mut queue)),
            [(name("aaa"), true), (name("bbb"), false)]
        );
        assert_eq!(order(&next_batch(&mut queue)), [(name("aaa"), false)]);
        assert_eq!(order(&next_batch(&mut queue)), [(name("aaa"), true)]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_is_bounded_and_leaves_out_who_has_gone() {
        let mut queue = VecDeque::new();
        let mut answers = Vec::new();
        for n in 0..MAX_BATCH + 5 {
            let (edit, answer) = waiting(&format!("name-{n}"), Edit::Remove);
            queue.push_back(edit);
            answers.push(answer);
        }
        answers.remove(0);
        let batch = next_batch(&mut queue);
        assert_eq!((batch.len(), queue.len()), (MAX_BATCH, 4));
        assert_eq!(batch[0].name, name("name-1"));
    }
}
