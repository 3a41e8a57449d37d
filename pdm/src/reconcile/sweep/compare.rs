//! What does not fit between the servers and the database, at first sight.

use pdm_registrar::DomainName;

use super::SweepError;
use super::listing::{AtLabel, Labels, ZoneList, fingerprint_of};
use crate::delegation::Delegation;
use crate::dns::pool_zone::below;
use crate::dns::zones::ZoneSeen;
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::ids::ClaimId;
use crate::domain::pool::Pool;
use crate::domain::zone_plan::{PlanInputs, ZonePlan};
use crate::operations::World;

/// Names asked of the database at a time.
const PORTION: i64 = 200;
/// Zones whose content is compared with their plans in a pass, taking turns.
const CONTENT_LOOKS: usize = 200;

/// What does not fit at first sight.
#[derive(Default)]
pub(super) struct Suspicions {
    /// In the parent zone without a claim that explains it.
    pub(super) foreign: Vec<DomainName>,
    /// Zones below the pool without a claim that explains them.
    pub(super) orphan_zones: Vec<(String, String)>,
    /// Active names whose zone or delegation seems wrong.
    pub(super) drifted: Vec<ClaimId>,
    /// Active names in all.
    pub(super) active: usize,
    /// Whether a name that is being activated or released has something in the parent that is not its own. Until that is
    /// decided the parent zone does not count as looked at.
    pub(super) undecided: bool,
}

/// Compares one pool. What claims explain is taken out of `labels` and `zones`, so what stays there has no owner.
pub(super) async fn compare(
    world: &World,
    pool: &Pool,
    labels: &mut Labels,
    zones: &mut ZoneList,
) -> Result<Suspicions, SweepError> {
    let mut suspicions = Suspicions::default();
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
            // A hold has nothing on the servers: whatever stands there is not its.
            if claim.state == ClaimState::Reserved {
                continue;
            }
            let name = claim.name.as_str();
            let at = labels.remove(name);
            let marked = zones.get(name).is_some_and(|marker| marker.is(claim.id));
            if marked {
                zones.remove(name);
            }
            let wanted = Delegation::ours(&claim.nameservers, &claim.ds, world.config.zones);
            let is_own = |at: &AtLabel| at.fingerprint == fingerprint_of(&claim.name, &wanted);
            if claim.state != ClaimState::Active && at.as_ref().is_some_and(|at| !is_own(at)) {
                suspicions.undecided = true;
                suspicions.foreign.push(claim.name.clone());
            }
            if claim.state == ClaimState::Active {
                suspicions.active += 1;
                let delegated = at.as_ref().is_some_and(is_own);
                if !delegated || !marked || content.differs(world, pool, &claim).await? {
                    suspicions.drifted.push(claim.id);
                }
            }
        }
    }
    content.keep(world, pool);
    suspicions
        .foreign
        .extend(labels.keys().filter_map(|name| DomainName::parse(name).ok()));
    for (name, marker) in zones.iter() {
        if let Some(child) = below(&pool.domain, &format!("{name}.")) {
            suspicions
                .orphan_zones
                .push((name.to_string(), marker.to_string()));
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

/// Whether a zone is another than its plan, or is signed with other keys than its parent says.
pub(super) async fn differs_from_plan(world: &World, pool: &Pool, claim: &Claim) -> Result<bool, SweepError> {
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
            ZoneSeen::Ours(zone) if zone.dnssec && zone.has_soa() && zone.difference(&plan).is_none() => {
                let keys = world.zones.ds(&claim.name).await?;
                !claim.ds.iter().all(|ds| keys.contains(ds))
            }
            ZoneSeen::Ours(_) | ZoneSeen::Absent | ZoneSeen::Foreign { .. } => true,
        },
    )
}
