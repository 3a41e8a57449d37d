//! How often and how much at a time: per tenant and minute, per actor, and for the whole process.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota};
use pdm_registrar::DomainName;

use super::problem::Problem;
use crate::config::Limits;
use crate::domain::actor::Actor;
use crate::domain::ids::{KeyId, TenantId};
use crate::service::{Code, Refusal};

/// How many checks lie between two clean-ups of limiters that nobody uses any more.
const CLEAN_UP_EVERY: u32 = 4096;

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Looking whether a name is free.
    Check,
    /// Taking a name.
    Reserve,
    /// Changing what is there.
    Change,
    /// Looking at the world.
    Verify,
}

/// Limits per tenant and minute. They are this process's alone; hard quotas are counted in the database.
pub struct Limiters {
    /// One for each [`Bucket`], in its order.
    all: [DefaultKeyedRateLimiter<TenantId>; 4],
    /// Looks with credentials: per tenant and minute, and per tenant and hour.
    validations: [DefaultKeyedRateLimiter<TenantId>; 2],
    /// The same per domain and hour, whoever asks.
    validated_domains: DefaultKeyedRateLimiter<DomainName>,
    checks: AtomicU32,
}

impl Limiters {
    /// Limiters by these settings.
    pub fn new(limits: &Limits) -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let limiter = |per_minute| DefaultKeyedRateLimiter::keyed(Quota::per_minute(number(per_minute)));
        Self {
            all: [
                limiter(limits.check_per_minute),
                limiter(limits.reserve_per_minute),
                limiter(limits.change_per_minute),
                limiter(limits.verify_per_minute),
            ],
            validations: [
                limiter(limits.validate_per_minute),
                DefaultKeyedRateLimiter::keyed(Quota::per_hour(number(limits.validate_per_hour))),
            ],
            validated_domains: DefaultKeyedRateLimiter::keyed(Quota::per_hour(number(
                limits.validate_per_domain_hour,
            ))),
            checks: AtomicU32::new(0),
        }
    }

    /// Counts a look with credentials, which tells whether they are good.
    pub fn count_validation(&self, actor: &Actor, domain: &DomainName) -> Result<(), Problem> {
        let Some(tenant) = actor.tenant() else {
            return Ok(());
        };
        self.clean_up_now_and_then();
        for limiter in &self.validations {
            limiter.check_key(&tenant).map_err(|until| too_many(&until))?;
        }
        self.validated_domains
            .check_key(domain)
            .map_err(|until| too_many(&until))
    }

    /// Counts a call. Operators are not limited: they run the service.
    pub fn count(&self, bucket: Bucket, actor: &Actor) -> Result<(), Problem> {
        let Some(tenant) = actor.tenant() else {
            return Ok(());
        };
        self.clean_up_now_and_then();
        self.all[bucket as usize]
            .check_key(&tenant)
            .map_err(|until| too_many(&until))
    }

    fn clean_up_now_and_then(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CLEAN_UP_EVERY == CLEAN_UP_EVERY - 1 {
            self.clean_up();
        }
    }

    /// Forgets tenants who have not called for as long as it takes to have their whole share again.
    fn clean_up(&self) {
        for limiter in self.all.iter().chain(&self.validations) {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        self.validated_domains.retain_recent();
        self.validated_domains.shrink_to_fit();
    }
}

fn too_many(until: &NotUntil<QuantaInstant>) -> Problem {
    let wait = until.wait_time_from(DefaultClock::default().now());
    let refusal = Refusal::new(Code::RateLimited, "too many requests of this kind in this time");
    Problem(refusal.retry_after(wait))
}

/// How many event streams each actor has open.
pub struct Streams {
    open: Arc<Mutex<HashMap<Holder, u32>>>,
    most: u32,
}

type Holder = (Option<KeyId>, Option<TenantId>);

/// An open stream; dropping it makes room for another.
pub struct StreamPlace {
    open: Arc<Mutex<HashMap<Holder, u32>>>,
    holder: Holder,
}

impl Streams {
    /// At most so many for each actor.
    pub fn new(most: u32) -> Self {
        Self {
            open: Arc::default(),
            most,
        }
    }

    /// Takes a place.
    pub fn open(&self, actor: &Actor) -> Result<StreamPlace, Problem> {
        let holder = (actor.key, actor.tenant());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(holder).or_default();
        if *count >= self.most {
            let detail = format!("at most {} event streams at a time: close one", self.most);
            let refusal = Refusal::new(Code::RateLimited, detail);
            return Err(Problem(refusal.retry_after(std::time::Duration::from_secs(5))));
        }
        *count += 1;
        Ok(StreamPlace {
            open: Arc::clone(&self.open),
            holder,
        })
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::actor::Scope;

    #[test]
    fn every_limiter_forgets_tenants_who_have_their_whole_share_again() {
        // A share that is whole again at once.
        let limits = Limits {
            check_per_minute: u32::MAX,
            reserve_per_minute: u32::MAX,
            change_per_minute: u32::MAX,
            verify_per_minute: u32::MAX,
            ..Limits::default()
        };
        let limiters = Limiters::new(&limits);
        let tenant = Actor {
            key: None,
            scope: Scope::Tenant(TenantId::new()),
        };
        for bucket in [Bucket::Check, Bucket::Reserve, Bucket::Change, Bucket::Verify] {
            limiters.count(bucket, &tenant).unwrap();
            assert_eq!(limiters.all[bucket as usize].len(), 1, "{bucket:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
        limiters.clean_up();
        assert!(limiters.all.iter().all(DefaultKeyedRateLimiter::is_empty));
    }
}
