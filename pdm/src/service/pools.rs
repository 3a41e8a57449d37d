//! Pools: adding one, changing its terms.

use std::time::Duration;

use async_trait::async_trait;
use pdm_registrar::DomainName;

use super::trail;
use super::{Asked, Code, Decided, Expected, Refusal};
use crate::domain::pool::{HoldTerms, Pool, Template};
use crate::store::{FullLook, StoreError, Tx};

/// Fewest and most hosts of a pool.
const HOSTS: std::ops::RangeInclusive<usize> = 2..=13;

/// The zones of pools on the name servers.
#[async_trait]
pub trait PoolZones: Send + Sync {
    /// Checks the zone of a pool to be, after making it when it is missing and `create` is set.
    async fn prepare(
        &self,
        domain: &DomainName,
        nameservers: &[DomainName],
        create: bool,
    ) -> Result<PreparedPool, PrepareError>;

    /// For each name server, by its address: whether its API answers, and why not.
    async fn reachability(&self) -> Vec<(String, Result<(), String>)>;
}

/// A zone that can be a pool's.
#[derive(Clone, Debug, Default)]
pub struct PreparedPool {
    /// Names one label below it under which something stands already.
    pub foreign: Vec<DomainName>,
    /// The serial that it had before that was looked at.
    pub serial: u32,
}

/// Why a zone cannot be a pool's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// Its state does not fit; the text says what to change.
    #[error("{0}")]
    Unfit(String),
    /// The name servers cannot be asked now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<PrepareError> for Refusal {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Unfit(why) => Self::invalid("/domain", why),
            PrepareError::Unavailable(why) => {
                Self::new(Code::DnsUnavailable, why).retry_after(Duration::from_secs(5))
            }
        }
    }
}

/// Terms of a pool that a request sets.
#[derive(Clone, Debug, Default)]
pub struct PoolTerms {
    /// Hosts that serve the zones of names.
    pub nameservers: Option<Vec<DomainName>>,
    /// Hold when the caller does not say.
    pub hold: Option<Duration>,
    /// Most that one reserve or renew may ask for.
    pub max_hold: Option<Duration>,
    /// Most from the first reserve on.
    pub max_total_hold: Option<Duration>,
    /// Whether new names are taken.
    pub open: Option<bool>,
    /// Whether targets may be any unicast address.
    pub allow_non_global: Option<bool>,
    /// What each name has.
    pub template: Option<Template>,
}

impl PoolTerms {
    /// A pool on these terms; what is not set is as the service sets it.
    pub fn new_pool(&self, domain: DomainName, hosts: &[DomainName]) -> Result<Pool, Refusal> {
        let mut pool = Pool {
            domain,
            nameservers: hosts.to_vec(),
            hold: HoldTerms::default(),
            open: true,
            allow_non_global: false,
            template: Template::default(),
            version: 1,
            created_at: crate::clock::DbTime::from_store(0),
        };
        self.apply(&mut pool)?;
        Ok(pool)
    }

    fn apply(&self, pool: &mut Pool) -> Result<(), Refusal> {
        if let Some(hosts) = &self.nameservers {
            pool.nameservers.clone_from(hosts);
        }
        if let Some(hold) = self.hold {
            pool.hold.default = hold;
            // Longer terms that are not said follow, so that one number is enough.
            pool.hold.max = pool.hold.max.max(hold);
        }
        if let Some(max) = self.max_hold {
            pool.hold.max = max;
            if self.hold.is_none() {
                pool.hold.default = pool.hold.default.min(max);
            }
        }
        match self.max_total_hold {
            Some(total) => pool.hold.max_total = total,
            None => pool.hold.max_total = pool.hold.max_total.max(pool.hold.max),
        }
        pool.open = self.open.unwrap_or(pool.open);
        pool.allow_non_global = self.allow_non_global.unwrap_or(pool.allow_non_global);
        if let Some(template) = &self.template {
            pool.template.clone_from(template);
        }
        check(pool)
    }
}

fn check(pool: &Pool) -> Result<(), Refusal> {
    let HoldTerms {
        default,
        max,
        max_total,
    } = pool.hold;
    if default.is_zero() || default > max || max > max_total {
        return Err(Refusal::invalid(
            "/hold_seconds",
            "a hold is at least a second, at most max_hold_seconds, and that at most max_total_hold_seconds",
        ));
    }
    let distinct: std::collections::BTreeSet<_> = pool.nameservers.iter().collect();
    if !HOSTS.contains(&distinct.len()) || distinct.len() != pool.nameservers.len() {
        return Err(Refusal::invalid("/nameservers", "give 2 to 13 different hosts"));
    }
    let owners = pool
        .template
        .hosts
        .iter()
        .chain(pool.template.records.iter().map(|record| &record.owner));
    for owner in owners {
        if owner.below(&pool.domain).is_none() {
            let detail = format!("{:?} is no name below a name, and not @", owner.0);
            return Err(Refusal::invalid("/template", detail));
        }
    }
    for record in &pool.template.records {
        for value in &record.values {
            crate::domain::record_values::canonical(record.r#type, value)
                .map_err(|error| Refusal::invalid("/template/records", error.to_string()))?;
        }
    }
    Ok(())
}

/// Adds a pool whose zone is prepared.
pub async fn add_pool(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    pool: &Pool,
    prepared: &PreparedPool,
) -> Decided<Pool> {
    for ancestor in std::iter::successors(Some(pool.domain.clone()), DomainName::parent) {
        // Reserves below a pool hold the lock of that pool; so it is held here for each that the new one is below.
        tx.lock_domain(ancestor.as_str()).await?;
        if tx.current_claim(&ancestor).await?.is_some() {
            let detail = format!("{ancestor} is claimed as a name");
            return Err(Refusal::field(Code::NameConflict, "/domain", detail).into());
        }
    }
    match tx.insert_pool(pool).await {
        Err(StoreError::Duplicate) => {
            return Err(Refusal::field(Code::NameConflict, "/domain", "this is a pool already").into());
        }
        other => other?,
    }
    tx.replace_foreign_names(&pool.domain, &prepared.foreign).await?;
    tx.saw_parent(&pool.domain, FullLook::first(prepared.serial))
        .await?;
    trail::administered(tx, asked, None, "pool.create", pool.domain.to_string()).await?;
    read(tx, &pool.domain).await
}

/// Changes the terms of a pool. They hold for names that are reserved from now on.
pub async fn change_pool(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    domain: &DomainName,
    terms: &PoolTerms,
    expected: &Expected,
) -> Decided<Pool> {
    tx.lock_domain(domain.as_str()).await?;
    let mut pool = read(tx, domain).await?;
    expected.meets(&pool.version.to_string())?;
    terms.apply(&mut pool)?;
    tx.update_pool(&pool).await?;
    trail::administered(tx, asked, None, "pool.change", domain.to_string()).await?;
    read(tx, domain).await
}

async fn read(tx: &mut Tx<'_>, domain: &DomainName) -> Decided<Pool> {
    Ok(tx.pool(domain).await?.ok_or_else(Refusal::no_pool)?)
}
