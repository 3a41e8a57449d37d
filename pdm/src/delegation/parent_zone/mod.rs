//! The parent is a zone of ours: NS and DS of a name are written there, in one PATCH.
//!
//! PowerDNS loses edits of one zone that run side by side (on PostgreSQL it even acknowledges them), so each
//! parent zone has one [`Writer`], and with replicas the lease `zone:<parent>` says whose it is. Waiting edits of
//! different names share a PATCH, which is what keeps a busy pool cheap; two edits of one name never do, and keep
//! their order. An edit counts as long as the turn that asked for it: just before the PATCH those are left out whose
//! operation another worker has taken over.

mod at_parent;
mod queue;
mod writer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pdm_registrar::{DomainName, DsRecord};
use powerdns_client::{Error, RecordType};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

pub use at_parent::AtParent;
use queue::Waiting;

use super::Delegation;
use crate::config::Config;
use crate::dns::canonical;
use crate::dns::servers::ServerSet;
use crate::domain::ids::OperationId;
use crate::store::{Store, StoreError};

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

/// Before a PATCH nothing but its lease and its serial is written.
impl From<StoreError> for EditError {
    fn from(error: StoreError) -> Self {
        Self::NotMade(error.to_string())
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
    /// For how long the lease of an operation has to last when an edit of it is sent.
    cover: Duration,
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

/// Says that an edit of a parent will come soon, so that others wait a moment for it. Ends with its drop.
pub struct Announcement(Arc<AtomicUsize>);

impl Drop for Announcement {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ParentZones {
    /// Parent zones on these servers, written under the leases of `holder`.
    pub fn new(config: &Config, store: Store, servers: ServerSet, holder: String) -> Arc<Self> {
        Arc::new(Self {
            store,
            servers,
            holder,
            lease: config.timing.lease,
            linger: config.powerdns.batch_linger,
            memory: config.timing.address_memory,
            cover: config.timing.call_cover(),
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

    /// The serial of the parent zone.
    pub async fn serial_of(&self, parent: &DomainName) -> Result<u32, Error> {
        let zone = canonical(parent.as_str());
        let soa = self
            .servers
            .first(|client| {
                let zone = &zone;
                async move { client.zone_properties(zone).await }
            })
            .await?;
        Ok(soa.map_or(0, |properties| properties.edited_serial))
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

    /// Makes an edit for a turn, operation and fence, and answers what became of it. An edit whose caller has gone
    /// before its PATCH is sent is not made, nor is one whose operation has been taken over.
    pub async fn edit(
        self: &Arc<Self>,
        parent: &DomainName,
        name: &DomainName,
        edit: Edit,
        turn: (OperationId, i64),
    ) -> Result<(), EditError> {
        let (done, answer) = oneshot::channel();
        let gone = || EditError::NotMade("the writer of the zone has ended".to_owned());
        self.writer(parent)
            .edits
            .send(Waiting {
                name: name.clone(),
                edit,
                turn,
                done,
            })
            .map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn writer(self: &Arc<Self>, parent: &DomainName) -> Writer {
        let mut writers = self.writers.lock().expect("nobody panics with it");
        if let Some(writer) = writers.get(parent)
            && !writer.edits.is_closed()
        {
            return writer.clone();
        }
        let (edits, queue) = mpsc::unbounded_channel();
        let announced = Arc::new(AtomicUsize::new(0));
        tokio::spawn(Self::write(
            Arc::clone(self),
            parent.clone(),
            queue,
            Arc::clone(&announced),
        ));
        let writer = Writer { edits, announced };
        writers.insert(parent.clone(), writer.clone());
        writer
    }
}
