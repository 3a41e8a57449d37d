//! A claim: a tenant's right to a name, from the hold to the tombstone.
//!
//! ```text
//!                 ┌── cancelled, or impossible, before the parent was changed ──┐
//!                 ▼                                                             │
//!   reserve ─▶ reserved ──commit──▶ activating ──chain of trust proven──▶ active│
//!                 │                     │  └────────────────────────────────────┘
//!        hold ends│ release             │ the same after the parent was changed, release   │ release
//!                 ▼    ▼                ▼                                                  ▼
//!             expired  released ◀── releasing ◀────────────────────────────────────────────┘
//! ```
//!
//! `expired` and `released` are final. What a verb may do in each state is decided here, by pure functions; the
//! store applies a decision with a guarded update, so of two racing requests one loses and decides again.

use std::time::Duration;

use pdm_registrar::{DomainName, DsRecord};
use serde::{Deserialize, Serialize};

use super::condition::{Condition, ConditionType, Truth};
use super::ids::{ClaimId, OperationId, TenantId};
use super::label::Label;
use super::pool::HoldTerms;
use super::targets::Targets;
use crate::clock::DbTime;

/// Where a claim stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// Held until `expires_at`; exists in the database only.
    Reserved,
    /// An operation makes it real.
    Activating,
    /// The name works, with a validated chain of trust.
    Active,
    /// An operation takes it back.
    Releasing,
    /// Given back. Final.
    Released,
    /// The hold ended before a commit. Final.
    Expired,
}

impl ClaimState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Reserved,
        Self::Activating,
        Self::Active,
        Self::Releasing,
        Self::Released,
        Self::Expired,
    ];

    /// The word of the API and of the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Releasing => "releasing",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Who must act before a claim goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// `operator` or `customer`.
    pub by: Party,
    /// The problem code, `zone.foreign` for example.
    pub reason: String,
    /// Since when.
    pub since: DbTime,
    /// What to do, for people.
    pub action: String,
}

/// Somebody who can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Whoever runs the service.
    Operator,
    /// The tenant or the domain's owner.
    Customer,
}

/// A claim on a name below a pool.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its id, and the marker of everything created for it.
    pub id: ClaimId,
    /// The name.
    pub name: DomainName,
    /// The pool's domain.
    pub pool: DomainName,
    /// The label below the pool.
    pub label: Label,
    /// Whose it is.
    pub tenant: TenantId,
    /// The how-manieth ownership of the name this is.
    pub epoch: i64,
    /// Grows with each change; the ETag.
    pub version: i64,
    /// When the name was first reserved under this claim.
    pub created_at: DbTime,
    /// End of the hold, while reserved.
    pub expires_at: Option<DbTime>,
    /// Where it stands.
    pub state: ClaimState,
    /// SHA-256 of the reservation token, hexadecimal. It outlives the commit: a repeated commit must find its claim.
    pub token_hash: String,
    /// Where the name leads, from the commit on.
    pub targets: Option<Targets>,
    /// Grows with each change of the tenant's records; tells an operation whether it wrote the newest.
    pub records_version: i64,
    /// Until when a write of unknown outcome may still arrive at a server.
    pub settle_until: Option<DbTime>,
    /// Hosts that serve the name.
    pub nameservers: Vec<DomainName>,
    /// DS of the zone's key, from the moment the key is served.
    pub ds: Vec<DsRecord>,
    /// The last operation on it.
    pub operation: Option<OperationId>,
    /// Set when somebody must act.
    pub blocked: Option<Blocked>,
    /// What was seen of it.
    pub conditions: Vec<Condition>,
}

/// Why a verb does not apply. The HTTP layer gives each its problem code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The reservation token is not this claim's.
    TokenMismatch,
    /// The hold ended.
    Expired,
    /// The verb does not apply in this state.
    State(ClaimState),
    /// Other work on the name is running.
    InProgress(Option<OperationId>),
    /// A hold of this length is more than the pool gives at once.
    HoldTooLong {
        /// The pool's maximum.
        max: Duration,
    },
    /// The name was held as long as the pool allows.
    HoldUsedUp {
        /// The moment at which the pool's total ends.
        until: DbTime,
    },
}

/// What a commit does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitDecision {
    /// Begin an activation.
    Start,
    /// The same commit again: its operation.
    Join(OperationId),
}

/// What a change of targets does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetargetDecision {
    /// Begin a retarget.
    Start,
    /// The name has these targets already.
    Nothing,
}

/// What a release does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseDecision {
    /// Only a row was held: the release is done with the answer.
    GiveBack,
    /// Begin to take back what exists.
    Start,
    /// It was released or is being released: its operation.
    Join(Option<OperationId>),
}

impl Claim {
    /// When caches that may hold an earlier NXDOMAIN of the name have run out: the delegation was seen on every server
    /// of the parent, and the negative TTL of a pool's zone has passed since. `None` before that.
    pub fn settled_at(&self, negative_ttl: Duration) -> Option<DbTime> {
        let delegated = self
            .conditions
            .iter()
            .find(|c| c.r#type == ConditionType::Delegated)?;
        (self.state == ClaimState::Active && delegated.status == Truth::True)
            .then(|| delegated.observed_at.plus(negative_ttl))
    }

    /// Whether the hold has ended by `now`, whether or not the reconciler has noticed.
    pub fn hold_ended(&self, now: DbTime) -> bool {
        self.state == ClaimState::Expired
            || (self.state == ClaimState::Reserved && self.expires_at.is_some_and(|end| end <= now))
    }

    /// Decides a commit.
    pub fn commit(
        &self,
        token_matches: bool,
        targets: &Targets,
        now: DbTime,
    ) -> Result<CommitDecision, Refused> {
        if !token_matches {
            return Err(Refused::TokenMismatch);
        }
        if self.hold_ended(now) {
            return Err(Refused::Expired);
        }
        let same = self.targets.as_ref().is_some_and(|have| have.same_as(targets));
        match (self.state, same, self.operation) {
            (ClaimState::Reserved, ..) => Ok(CommitDecision::Start),
            (ClaimState::Activating | ClaimState::Active, true, Some(operation)) => {
                Ok(CommitDecision::Join(operation))
            }
            (ClaimState::Activating, _, operation) => Err(Refused::InProgress(operation)),
            (state, ..) => Err(Refused::State(state)),
        }
    }

    /// Decides a renewal: the new end of the hold. It never comes earlier than it was.
    pub fn renew(
        &self,
        token_matches: bool,
        hold: Duration,
        terms: &HoldTerms,
        now: DbTime,
    ) -> Result<DbTime, Refused> {
        if !token_matches {
            return Err(Refused::TokenMismatch);
        }
        if self.hold_ended(now) {
            return Err(Refused::Expired);
        }
        if self.state != ClaimState::Reserved {
            return Err(Refused::State(self.state));
        }
        if hold > terms.max {
            return Err(Refused::HoldTooLong { max: terms.max });
        }
        let wanted = now.plus(hold);
        let last = self.created_at.plus(terms.max_total);
        if wanted > last {
            return Err(Refused::HoldUsedUp { until: last });
        }
        Ok(self.expires_at.map_or(wanted, |end| end.max(wanted)))
    }

    /// Decides a change of targets.
    pub fn retarget(&self, targets: &Targets, now: DbTime) -> Result<RetargetDecision, Refused> {
        match self.state {
            ClaimState::Active if self.targets.as_ref().is_some_and(|have| have.same_as(targets)) => {
                Ok(RetargetDecision::Nothing)
            }
            ClaimState::Active => Ok(RetargetDecision::Start),
            _ => self.refuse_unless_active(now).map(|()| RetargetDecision::Start),
        }
    }

    /// Decides a change of the tenant's records.
    pub fn change_records(&self, now: DbTime) -> Result<(), Refused> {
        self.refuse_unless_active(now)
    }

    fn refuse_unless_active(&self, now: DbTime) -> Result<(), Refused> {
        match self.state {
            ClaimState::Active => Ok(()),
            ClaimState::Activating => Err(Refused::InProgress(self.operation)),
            _ if self.hold_ended(now) => Err(Refused::Expired),
            state => Err(Refused::State(state)),
        }
    }

    /// Decides a release.
    pub fn release(&self, now: DbTime) -> Result<ReleaseDecision, Refused> {
        if self.hold_ended(now) {
            return Err(Refused::Expired);
        }
        Ok(match self.state {
            ClaimState::Reserved => ReleaseDecision::GiveBack,
            ClaimState::Activating | ClaimState::Active => ReleaseDecision::Start,
            ClaimState::Releasing | ClaimState::Released => ReleaseDecision::Join(self.operation),
            ClaimState::Expired => return Err(Refused::Expired),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: i64) -> DbTime {
        DbTime::from_store(seconds * 1_000_000)
    }

    fn targets(last: u8) -> Targets {
        Targets::new(
            vec![std::net::Ipv4Addr::new(203, 0, 113, last)],
            vec![],
            true,
            |_| true,
        )
        .unwrap()
    }

    fn claim(state: ClaimState) -> Claim {
        Claim {
            id: ClaimId::new(),
            name: DomainName::parse("acme.omani.works").unwrap(),
            pool: DomainName::parse("omani.works").unwrap(),
            label: Label::parse("acme").unwrap(),
            tenant: TenantId::new(),
            epoch: 1,
            version: 1,
            created_at: at(0),
            expires_at: (state == ClaimState::Reserved).then(|| at(3600)),
            state,
            token_hash: String::new(),
            targets: (!matches!(state, ClaimState::Reserved | ClaimState::Expired)).then(|| targets(10)),
            records_version: 0,
            settle_until: None,
            nameservers: Vec::new(),
            ds: Vec::new(),
            operation: (!matches!(state, ClaimState::Reserved | ClaimState::Expired)).then(OperationId::new),
            blocked: None,
            conditions: Vec::new(),
        }
    }

    #[test]
    fn commit_by_state() {
        use ClaimState::*;
        let now = at(10);
        assert_eq!(
            claim(Reserved).commit(true, &targets(10), now),
            Ok(CommitDecision::Start)
        );
        assert_eq!(
            claim(Reserved).commit(false, &targets(10), now),
            Err(Refused::TokenMismatch)
        );
        for state in [Activating, Active] {
            let claim = claim(state);
            let joined = CommitDecision::Join(claim.operation.unwrap());
            assert_eq!(claim.commit(true, &targets(10), now), Ok(joined));
        }
        assert!(matches!(
            claim(Activating).commit(true, &targets(11), now),
            Err(Refused::InProgress(Some(_)))
        ));
        assert_eq!(
            claim(Active).commit(true, &targets(11), now),
            Err(Refused::State(Active))
        );
        assert_eq!(
            claim(Releasing).commit(true, &targets(10), now),
            Err(Refused::State(Releasing))
        );
        assert_eq!(
            claim(Released).commit(true, &targets(10), now),
            Err(Refused::State(Released))
        );
        assert_eq!(
            claim(Expired).commit(true, &targets(10), now),
            Err(Refused::Expired)
        );
    }

    #[test]
    fn a_hold_that_ended_is_expired_before_anybody_noticed() {
        let reserved = claim(ClaimState::Reserved);
        assert_eq!(
            reserved.commit(true, &targets(10), at(3600)),
            Err(Refused::Expired)
        );
        assert_eq!(reserved.release(at(3600)), Err(Refused::Expired));
        assert!(reserved.commit(true, &targets(10), at(3599)).is_ok());
    }

    #[test]
    fn renewal_never_shortens_and_has_two_ends() {
        let terms = HoldTerms {
            default: HOUR,
            max: 2 * HOUR,
            max_total: 3 * HOUR,
        };
        let reserved = claim(ClaimState::Reserved);
        let short = Duration::from_mins(1);
        assert_eq!(reserved.renew(true, short, &terms, at(10)), Ok(at(3600)));
        assert_eq!(reserved.renew(true, 2 * HOUR, &terms, at(10)), Ok(at(7210)));
        assert_eq!(
            reserved.renew(true, 2 * HOUR + short, &terms, at(10)),
            Err(Refused::HoldTooLong { max: 2 * HOUR })
        );
        let mut late = claim(ClaimState::Reserved);
        late.expires_at = Some(at(10_000));
        assert_eq!(
            late.renew(true, HOUR, &terms, at(9_000)),
            Err(Refused::HoldUsedUp { until: at(10_800) })
        );
        assert_eq!(
            claim(ClaimState::Active).renew(true, HOUR, &terms, at(10)),
            Err(Refused::State(ClaimState::Active))
        );
    }

    #[test]
    fn release_by_state() {
        use ClaimState::*;
        let now = at(10);
        assert_eq!(claim(Reserved).release(now), Ok(ReleaseDecision::GiveBack));
        assert_eq!(claim(Activating).release(now), Ok(ReleaseDecision::Start));
        assert_eq!(claim(Active).release(now), Ok(ReleaseDecision::Start));
        assert!(matches!(
            claim(Releasing).release(now),
            Ok(ReleaseDecision::Join(Some(_)))
        ));
        assert!(matches!(
            claim(Released).release(now),
            Ok(ReleaseDecision::Join(Some(_)))
        ));
        assert_eq!(claim(Expired).release(now), Err(Refused::Expired));
    }

    #[test]
    fn targets_and_records_only_when_active() {
        use ClaimState::*;
        let now = at(10);
        assert_eq!(
            claim(Active).retarget(&targets(10), now),
            Ok(RetargetDecision::Nothing)
        );
        assert_eq!(
            claim(Active).retarget(&targets(11), now),
            Ok(RetargetDecision::Start)
        );
        assert_eq!(claim(Active).change_records(now), Ok(()));
        assert!(matches!(
            claim(Activating).change_records(now),
            Err(Refused::InProgress(Some(_)))
        ));
        assert_eq!(claim(Reserved).change_records(now), Err(Refused::State(Reserved)));
        assert_eq!(claim(Expired).change_records(now), Err(Refused::Expired));
        assert_eq!(
            claim(Released).retarget(&targets(10), now),
            Err(Refused::State(Released))
        );
    }
}
