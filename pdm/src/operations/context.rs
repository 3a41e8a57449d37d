//! What steps work with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pdm_registrar::DomainName;
use tokio::sync::Mutex;

use super::StepError;
use crate::clock::DbTime;
use crate::config::Config;
use crate::delegation::Delegation;
use crate::delegation::parent_zone::{Announcement, ParentZones};
use crate::dns::addresses::Addresses;
use crate::dns::zones::{OwnZone, Zones};
use crate::domain::claim::Claim;
use crate::domain::ids::OperationId;
use crate::domain::operation::{Facts, Operation};
use crate::domain::pool::Pool;
use crate::domain::records::RecordSet;
use crate::domain::zone_plan::{PlanInputs, ZonePlan};
use crate::propagation::{Asker, Walker};
use crate::store::{Store, StoreError};

/// Everything outside the process that operations touch.
pub struct World {
    /// Settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// The zones of names.
    pub zones: Zones,
    /// The zones of pools.
    pub parents: Arc<ParentZones>,
    /// Questions to single servers.
    pub asker: Arc<Asker>,
    /// Validating walks from the root.
    pub walker: Arc<Walker>,
    /// Addresses of name-server hosts.
    pub addresses: Addresses,
    /// Per pool, the name after which the next look at zones' content goes on.
    pub content_turns: std::sync::Mutex<BTreeMap<DomainName, String>>,
}

/// What a server says of a change in the reply to it.
pub enum Reply {
    /// The zone that it made, as it read it from its database afterwards.
    Created(Box<OwnZone>),
    /// NS and DS were written where nothing was.
    Delegated,
}

/// One operation at work: what was read once, and what the steps learn.
pub struct Context<'w> {
    /// The world.
    pub world: &'w World,
    /// The operation as it was taken.
    pub operation: &'w Operation,
    /// Its claim.
    pub claim: &'w Claim,
    /// Its pool.
    pub pool: &'w Pool,
    /// The tenant's record sets.
    pub records: &'w [RecordSet],
    /// What was learned; written with the next result.
    pub facts: Mutex<Facts>,
    /// The database's time when it was last read in this turn: never later than the present.
    pub now: DbTime,
    /// Held from the creation of the zone to its delegation, so that the parent's writer waits for this edit.
    pub announcement: &'w Mutex<Option<Announcement>>,
    /// Whether the act may rely on that nothing is there: it is the first try, or the look just before found nothing.
    pub untouched: AtomicBool,
    /// What the server answered to an act, in place of the look after it.
    pub reply: Mutex<Option<Reply>>,
}

impl Context<'_> {
    /// The name.
    pub const fn name(&self) -> &DomainName {
        &self.claim.name
    }

    /// What is written into everything created for the claim.
    pub fn marker(&self) -> String {
        self.claim.id.to_string()
    }

    /// What the zone must hold.
    pub fn plan(&self) -> ZonePlan {
        self.plan_for(true)
    }

    /// What the zone must hold once emptied.
    pub fn empty_plan(&self) -> ZonePlan {
        self.plan_for(false)
    }

    fn plan_for(&self, filled: bool) -> ZonePlan {
        ZonePlan::new(&PlanInputs {
            apex: self.name(),
            nameservers: &self.claim.nameservers,
            template: &self.pool.template,
            targets: self.claim.targets.as_ref().filter(|_| filled),
            records: self.records,
            ttls: self.world.config.zones,
        })
    }

    /// What the parent must say.
    pub async fn delegation(&self) -> Delegation {
        let facts = self.facts.lock().await;
        Delegation::ours(&self.claim.nameservers, &facts.ds, self.world.config.zones)
    }

    /// The turn: operation and fence.
    pub const fn turn(&self) -> (OperationId, i64) {
        (self.operation.id, self.operation.fence)
    }

    /// Whether this worker still has the operation, for longer than a call can take. Asked just before each write: who
    /// was paused for too long must not undo what his successor did.
    pub async fn still_holds(&self) -> Result<(), StepError> {
        let (turn, cover) = (self.turn(), self.world.config.timing.call_cover());
        let covered = self
            .world
            .store
            .read(|tx| Box::pin(async move { tx.lease_covers(turn, cover).await }))
            .await
            .map_err(|error: StoreError| StepError::from(error))?;
        if covered {
            Ok(())
        } else {
            Err(StepError::retry("the lease is too short for a write"))
        }
    }

    /// Every address of the hosts that serve the name.
    pub async fn child_servers(&self) -> Result<Vec<SocketAddr>, StepError> {
        self.addresses_of(&self.claim.nameservers).await
    }

    /// Every address of the hosts that serve the pool's zone.
    pub async fn parent_servers(&self) -> Result<Vec<SocketAddr>, StepError> {
        let hosts = self.world.parents.hosts_of(&self.claim.pool).await?;
        if hosts.is_empty() {
            return Err(StepError::retry(format!(
                "the zone {} has no NS records",
                self.claim.pool
            )));
        }
        self.addresses_of(&hosts).await
    }

    async fn addresses_of(&self, hosts: &[DomainName]) -> Result<Vec<SocketAddr>, StepError> {
        self.world
            .addresses
            .of(hosts, self.now.unix_seconds())
            .await
            .map_err(StepError::retry)
    }
}
