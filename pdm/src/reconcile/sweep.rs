//! Compares the servers with the database, in both directions.
//!
//! The world is read first and the database after it, so something that is in neither order explained may only be
//! younger or older than the other reading. Every suspicion is therefore looked at once more, alone, before it counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use pdm_registrar::DomainName;
use powerdns_client::{Error, RecordType, Rrset, ZoneFilter};

use crate::delegation::Delegation;
use crate::dns::pool_zone::below;
use crate::dns::{canonical, zones::ZoneSeen};
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::event::EventKind;
use crate::domain::ids::ClaimId;
use crate::domain::operation::{Facts, OperationKind};
use crate::domain::pool::Pool;
use crate::domain::zone_plan::{PlanInputs, ZonePlan};
use crate::operations::World;
use crate::operations::operation_event;
use crate::store::{NewAudit, NewOperation, Store, StoreError};

/// Names asked of the database at a time.
const PORTION: i64 = 1_000;
/// Drifted names looked at once more in a pass; the rest waits for the next.
const MAX_SUSPICIONS: usize = 1_000;
/// Zones whose content is compared with their plans in a pass, taking turns.
const CONTENT_LOOKS: usize = 200;

/// What a pass found.
#[derive(Debug, Default)]
pub struct Found {
    /// Zones, delegations and DS without an owner.
    pub orphans: usize,
    /// Names in pools' zones that no claim explains.
    pub foreign_names: usize,
    /// Active names whose zone or delegation is not as it should be.
    pub drifted: usize,
    /// Repairs begun.
    pub repairs: usize,
}

impl Found {
    pub(super) fn report(&self) {
        for (kind, count) in [
            ("orphans", self.orphans),
            ("foreign_names", self.foreign_names),
            ("drifted", self.drifted),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "a gauge of a count")]
            metrics::gauge!("pdm_reconcile_found", "kind" => kind).set(count as f64);
        }
        if self.orphans + self.drifted > 0 {
            tracing::warn!(
                orphans = self.orphans,
                drifted = self.drifted,
                repairs = self.repairs,
                "differences found"
            );
        }
    }
}

/// Why a pass ended early. Nothing was decided by it.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A server.
    #[error("PowerDNS: {0}")]
    Server(#[from] Error),
    /// The database.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What stands at one label of a parent zone: enough to see whether it is ours without keeping its text.
#[derive(Clone, Default)]
struct AtLabel {
    delegates_to_us: bool,
    has_ds: bool,
    /// Hash of NS and DS as they are; equal to that of what should be when nothing drifted.
    fingerprint: u64,
}

/// One pass over every pool and every server.
pub async fn sweep(world: &World) -> Result<Found, SweepError> {
    let pools = world.store.read(|tx| Box::pin(tx.pools())).await?;
    let zones = list_zones(world, &pools).await?;
    let mut found = Found::default();
    let mut orphan_zones = Vec::new();
    for pool in &pools {
        let labels = list_labels(world, pool).await?;
        let suspicions = compare(world, pool, &labels, &zones).await?;
        settle_foreign(world, pool, &suspicions, &labels, &mut found).await?;
        repair(world, pool, suspicions.drifted, suspicions.active, &mut found).await?;
        orphan_zones.extend(suspicions.orphan_zones);
    }
    let marked = zones.iter().filter(|(name, account)| {
        account.starts_with("clm_") && !pools.iter().any(|pool| is_child(name, &pool.domain))
    });
    orphan_zones.extend(marked.map(|(name, account)| (name.clone(), account.clone())));
    settle_orphan_zones(world, orphan_zones, &mut found).await?;
    Ok(found)
}

fn is_child(name: &str, pool: &DomainName) -> bool {
    name.strip_suffix(pool.as_str())
        .and_then(|l| l.strip_suffix('.'))
        .is_some_and(|l| !l.is_empty() && !l.contains('.'))
}

/// Zones with our mark, or below a pool, with what is written in them.
async fn list_zones(world: &World, pools: &[Pool]) -> Result<BTreeMap<String, String>, Error> {
    let listed = Mutex::new(BTreeMap::new());
    world
        .zones
        .servers()
        .first(|client| {
            let listed = &listed;
            async move {
                client
                    .for_each_zone(&ZoneFilter::All, |zone| {
                        let name = zone.name.as_str().trim_end_matches('.');
                        let below = pools.iter().any(|pool| {
                            name.strip_suffix(pool.domain.as_str())
                                .is_some_and(|rest| rest.ends_with('.'))
                        });
                        if below || zone.account.starts_with("clm_") {
                            let mut listed = listed.lock().expect("nobody panics with it");
                            listed.insert(name.to_owned(), zone.account.clone());
                        }
                    })
                    .await
            }
        })
        .await?;
    Ok(listed.into_inner().expect("nobody panics with it"))
}

/// What stands below a pool's apex, by its first label as a full name.
async fn list_labels(world: &World, pool: &Pool) -> Result<HashMap<String, AtLabel>, Error> {
    let ours: Vec<String> = pool.nameservers.iter().map(|host| format!("{host}.")).collect();
    let labels = Mutex::new(HashMap::<String, AtLabel>::new());
    let zone = canonical(pool.domain.as_str());
    world
        .parents
        .servers()
        .first(|client| {
            let (zone, labels, ours) = (&zone, &labels, &ours);
            async move {
                client
                    .for_each_rrset(zone, |set: Rrset| {
                        let Some(name) = below(&pool.domain, set.name.as_str()) else {
                            return;
                        };
                        let mut labels = labels.lock().expect("nobody panics with it");
                        let at = labels.entry(name.as_str().to_owned()).or_default();
                        let contents: Vec<String> = set.contents().map(str::to_ascii_lowercase).collect();
                        if set.rtype == RecordType::NS {
                            at.delegates_to_us |= contents.iter().any(|host| ours.contains(host));
                        }
                        at.has_ds |= set.rtype == RecordType::DS;
                        at.fingerprint ^=
                            fingerprint(set.name.as_str(), set.rtype.as_str(), set.ttl, contents);
                    })
                    .await
            }
        })
        .await?;
    Ok(labels.into_inner().expect("nobody panics with it"))
}

fn fingerprint(owner: &str, rtype: &str, ttl: u32, mut contents: Vec<String>) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    contents.sort();
    let mut hasher = DefaultHasher::new();
    (owner, rtype, ttl, contents).hash(&mut hasher);
    hasher.finish()
}

fn fingerprint_of(name: &DomainName, wanted: &Delegation) -> u64 {
    let owner = format!("{name}.");
    let hosts = wanted.nameservers.iter().map(|host| format!("{host}.")).collect();
    let ds = wanted
        .ds
        .iter()
        .map(|ds| ds.to_string().to_ascii_lowercase())
        .collect();
    fingerprint(&owner, "NS", wanted.ns_ttl, hosts) ^ fingerprint(&owner, "DS", wanted.ds_ttl, ds)
}

/// What does not fit at first sight.
#[derive(Default)]
struct Suspicions {
    /// In the parent zone without a claim that explains it.
    foreign: Vec<DomainName>,
    /// Zones below the pool without a claim that explains them.
    orphan_zones: Vec<(String, String)>,
    /// Active names whose zone or delegation seems wrong.
    drifted: Vec<ClaimId>,
    /// Active names in all.
    active: usize,
}

async fn compare(
    world: &World,
    pool: &Pool,
    labels: &HashMap<String, AtLabel>,
    zones: &BTreeMap<String, String>,
) -> Result<Suspicions, SweepError> {
    let mut suspicions = Suspicions::default();
    let mut owned = HashMap::<String, (String, String)>::new();
    let mut after = String::new();
    let mut content = ContentTurn::new(world, pool);
    loop {
        let (domain, from) = (pool.domain.clone(), after.clone());
        let rows = world
            .store
            .read(|tx| Box::pin(async move { tx.owned_claims(&domain, &from, PORTION).await }))
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.name.as_str().to_owned();
        for claim in rows {
            if claim.state == ClaimState::Active {
                suspicions.active += 1;
                let name = claim.name.as_str();
                let wanted = Delegation::ours(&claim.nameservers, &claim.ds, world.config.zones);
                let delegated = labels
                    .get(name)
                    .is_some_and(|at| at.fingerprint == fingerprint_of(&claim.name, &wanted));
                let marker = claim.id.to_string();
                let zone = zones.get(name).is_some_and(|account| *account == marker);
                if !delegated || !zone || content.differs(world, pool, &claim).await? {
                    suspicions.drifted.push(claim.id);
                }
            }
            let state = claim.state.as_str().to_owned();
            owned.insert(claim.name.as_str().to_owned(), (claim.id.to_string(), state));
        }
    }
    content.keep(world, pool);
    for name in labels.keys() {
        // A hold has nothing in the parent: whatever stands there is not its.
        let explained = owned
            .get(name)
            .is_some_and(|(_, state)| state != ClaimState::Reserved.as_str());
        if !explained && let Ok(name) = DomainName::parse(name) {
            suspicions.foreign.push(name);
        }
    }
    for (name, account) in zones {
        let explained = owned
            .get(name)
            .is_some_and(|(claim, state)| claim == account && state != ClaimState::Reserved.as_str());
        if !explained && let Some(child) = below(&pool.domain, &format!("{name}.")) {
            suspicions.orphan_zones.push((name.clone(), account.clone()));
            suspicions.foreign.push(child);
        }
    }
    suspicions.foreign.sort();
    suspicions.foreign.dedup();
    Ok(suspicions)
}

/// Looks at the content of some zones each pass, so that all are looked at in turn.
struct ContentTurn {
    from: String,
    last: String,
    left: usize,
}

impl ContentTurn {
    fn new(world: &World, pool: &Pool) -> Self {
        let turns = world.content_turns.lock().expect("nobody panics with it");
        let from = turns.get(&pool.domain).cloned().unwrap_or_default();
        Self {
            last: from.clone(),
            from,
            left: CONTENT_LOOKS,
        }
    }

    async fn differs(&mut self, world: &World, pool: &Pool, claim: &Claim) -> Result<bool, SweepError> {
        if self.left == 0 || claim.name.as_str() <= self.from.as_str() {
            return Ok(false);
        }
        self.left -= 1;
        claim.name.as_str().clone_into(&mut self.last);
        differs_from_plan(world, pool, claim).await
    }

    /// Where the next pass goes on; from the start when this one came to the end.
    fn keep(self, world: &World, pool: &Pool) {
        let next = if self.left == 0 { self.last } else { String::new() };
        world
            .content_turns
            .lock()
            .expect("nobody panics with it")
            .insert(pool.domain.clone(), next);
    }
}

async fn differs_from_plan(world: &World, pool: &Pool, claim: &Claim) -> Result<bool, SweepError> {
    let id = claim.id;
    let records = world.store.read(|tx| Box::pin(tx.records(id))).await?;
    let plan = ZonePlan::new(&PlanInputs {
        apex: &claim.name,
        nameservers: &claim.nameservers,
        template: &pool.template,
        targets: claim.targets.as_ref(),
        records: &records,
        ttls: world.config.zones,
    });
    Ok(
        match world.zones.look(&claim.name, &claim.id.to_string()).await? {
            ZoneSeen::Ours(zone) => !zone.dnssec || !zone.difference(&plan).is_none(),
            ZoneSeen::Absent | ZoneSeen::Foreign { .. } => true,
        },
    )
}

/// Learns names that are taken by others, and lists delegations to us that nobody owns.
async fn settle_foreign(
    world: &World,
    pool: &Pool,
    suspicions: &Suspicions,
    labels: &HashMap<String, AtLabel>,
    found: &mut Found,
) -> Result<(), SweepError> {
    let (mut foreign, mut delegations, mut ds) = (Vec::new(), Vec::new(), Vec::new());
    for name in &suspicions.foreign {
        if is_explained(&world.store, name).await? {
            continue;
        }
        foreign.push(name.clone());
        if let Some(at) = labels.get(name.as_str()) {
            let now = world.parents.look(&pool.domain, name).await?;
            if at.delegates_to_us && now.ns.is_some() {
                delegations.push((name.as_str().to_owned(), None));
            }
            if at.delegates_to_us && at.has_ds && now.ds.is_some() {
                ds.push((name.as_str().to_owned(), None));
            }
        }
    }
    found.foreign_names += foreign.len();
    found.orphans += delegations.len() + ds.len();
    let (domain, server) = (
        pool.domain.clone(),
        format!("{} in {}", world.parents.servers().first_url(), pool.domain),
    );
    world
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.replace_foreign_names(&domain, &foreign).await?;
                tx.replace_orphans(&server, "delegation", &delegations).await?;
                tx.replace_orphans(&server, "ds", &ds).await
            })
        })
        .await?;
    Ok(())
}

/// Whether a claim that is more than a hold has the name now, or work on it is open.
async fn is_explained(store: &Store, name: &DomainName) -> Result<bool, StoreError> {
    let name = name.clone();
    store
        .read(|tx| {
            Box::pin(async move {
                let claim = tx.current_claim(&name).await?;
                let explained = claim.is_some_and(|claim| claim.state != ClaimState::Reserved);
                Ok(explained || tx.open_operation(&name).await?.is_some())
            })
        })
        .await
}

async fn settle_orphan_zones(
    world: &World,
    suspected: Vec<(String, String)>,
    found: &mut Found,
) -> Result<(), SweepError> {
    let mut orphans = Vec::new();
    for (name, account) in suspected {
        let Ok(domain) = DomainName::parse(&name) else {
            continue;
        };
        let now = world.zones.marker_of(&domain).await?;
        let of_claim = account.parse::<ClaimId>().ok();
        let explained = match of_claim {
            Some(id) => world
                .store
                .read(|tx| Box::pin(tx.claim(id, None)))
                .await?
                .is_some_and(|claim| {
                    matches!(
                        claim.state,
                        ClaimState::Activating | ClaimState::Active | ClaimState::Releasing
                    ) && claim.name == domain
                }),
            None => false,
        };
        if now.as_ref() == Some(&account) && !explained {
            orphans.push((name, (!account.is_empty()).then_some(account)));
        }
    }
    found.orphans += orphans.len();
    let server = world.zones.servers().first_url().to_owned();
    world
        .store
        .write(move |tx| Box::pin(async move { tx.replace_orphans(&server, "zone", &orphans).await }))
        .await?;
    Ok(())
}

/// Begins repairs of what is ours, as many as the budget allows.
async fn repair(
    world: &World,
    pool: &Pool,
    drifted: Vec<ClaimId>,
    active: usize,
    found: &mut Found,
) -> Result<(), SweepError> {
    let mut confirmed = Vec::new();
    for id in drifted.into_iter().take(MAX_SUSPICIONS) {
        let Some(claim) = world.store.read(|tx| Box::pin(tx.claim(id, None))).await? else {
            continue;
        };
        if claim.state != ClaimState::Active || is_busy(&world.store, &claim.name).await? {
            continue;
        }
        let at = world.parents.look(&pool.domain, &claim.name).await?;
        let wanted = Delegation::ours(&claim.nameservers, &claim.ds, world.config.zones);
        if !at.is(&wanted) || differs_from_plan(world, pool, &claim).await? {
            confirmed.push(claim);
        }
    }
    found.drifted += confirmed.len();
    let budget = world.config.limits.reconcile_budget.max(active / 100);
    if confirmed.len() > budget {
        tracing::error!(
            drifted = confirmed.len(),
            budget,
            "more drift than one pass may repair: look for the cause; the rest follows in later passes"
        );
    }
    for claim in confirmed.into_iter().take(budget) {
        let begun = world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let Some(claim) = tx.claim_locked(claim.id, None).await? else {
                        return Ok(false);
                    };
                    if claim.state != ClaimState::Active || tx.open_operation(&claim.name).await?.is_some() {
                        return Ok(false);
                    }
                    let facts = Facts {
                        repair: true,
                        parent_touched: true,
                        ds: claim.ds.clone(),
                        ..Facts::default()
                    };
                    let new = NewOperation {
                        kind: OperationKind::Activate,
                        claim: &claim,
                        facts,
                    };
                    let operation = tx.insert_operation(new).await?;
                    operation_event(tx, &operation, EventKind::OperationStarted).await?;
                    tx.audit(NewAudit {
                        tenant: Some(claim.tenant),
                        actor: "reconciler",
                        source: "local",
                        action: "claim.repair",
                        claim: Some(claim.id),
                        operation: Some(operation.id),
                        before: None,
                        after: None,
                        detail: None,
                    })
                    .await?;
                    Ok::<_, StoreError>(true)
                })
            })
            .await?;
        found.repairs += usize::from(begun);
    }
    Ok(())
}

async fn is_busy(store: &Store, name: &DomainName) -> Result<bool, StoreError> {
    let name = name.clone();
    store
        .read(|tx| Box::pin(async move { Ok(tx.open_operation(&name).await?.is_some()) }))
        .await
}
