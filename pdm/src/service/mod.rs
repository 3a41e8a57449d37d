//! The verbs of the API as decisions in one transaction each.
//!
//! A verb reads what it decides about under a lock, asks the pure rules of [`crate::domain`], and writes state,
//! operation, audit and events together. It runs inside [`crate::store::Store::write`] and touches nothing but the
//! database: what has to happen elsewhere is the work of the operation that it starts. Each verb has a file.

mod check;
pub mod keys;
mod operations;
pub mod pools;
mod records;
mod refusal;
mod release;
mod reserve;
mod secrets;
mod targets;
mod tenants;
mod trail;
mod validate;
mod work;

mod commit;
mod renew;

pub use check::{Availability, check};
pub use commit::{Commit, commit};
pub use operations::{cancel, retry};
pub use records::{
    RecordWrite, delete_record, no_record, owner_name, put_record, record_sets, tag as record_tag,
};
pub use refusal::{Code, FieldError, Refusal};
pub use release::{Release, release};
pub use renew::{Renew, renew};
pub use reserve::{Reserve, reserve};
pub use secrets::{MIN_SERVER_KEY, ServerKey, TokenForm, TooShort, sha256_hex};
pub use targets::{GivenTargets, Retarget, retarget};
pub use tenants::add_tenant;
pub use validate::validated;
pub use work::Work;

use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::claim::Claim;
use crate::domain::ids::{ClaimId, TenantId};
use crate::store::{StoreError, Tx};

/// Why a verb did nothing.
#[derive(Debug)]
pub enum ServiceError {
    /// The request cannot be granted; this is what its sender is told.
    Refused(Box<Refusal>),
    /// The store failed; nothing is known about the request.
    Store(StoreError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// What a verb answers.
pub type Decided<T> = Result<T, ServiceError>;

/// Who asks, from where, and by which settings the answer is found.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// From which address, for the audit trail.
    pub source: &'a str,
    /// Settings.
    pub config: &'a Config,
}

impl Asked<'_> {
    /// The tenant whose objects are visible; `None` sees all.
    pub const fn tenant(&self) -> Option<TenantId> {
        self.actor.tenant()
    }

    /// The tenant that will own what is made.
    pub fn owner(&self) -> Result<TenantId, Refusal> {
        self.tenant().ok_or_else(|| {
            Refusal::new(
                Code::AuthScope,
                "names belong to tenants: use the key of a tenant to take one",
            )
        })
    }
}

/// A version that the caller saw, and expects still to be the newest (`If-Match`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No expectation.
    Anything,
    /// One of these entity tags, without quotes.
    OneOf(Vec<String>),
}

impl Expected {
    /// Refuses when the newest version is another one.
    pub fn meets(&self, tag: &str) -> Result<(), Refusal> {
        match self {
            Self::OneOf(tags) if !tags.iter().any(|t| t == tag) => Err(Refusal::new(
                Code::VersionStale,
                "it has changed since you read it: read it again and decide anew",
            )),
            _ => Ok(()),
        }
    }
}

/// A claim that the caller may see, locked for the rest of the transaction.
async fn claim_of(tx: &mut Tx<'_>, asked: Asked<'_>, id: ClaimId) -> Decided<Claim> {
    let claim = tx.claim_locked(id, asked.tenant()).await?;
    claim.ok_or_else(|| Refusal::no_claim().into())
}

/// Reads the id of a claim as a request names it. What is no id names no claim.
pub fn claim_id(text: &str) -> Result<ClaimId, Refusal> {
    text.parse().map_err(|_| Refusal::no_claim())
}
