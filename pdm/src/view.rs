//! Objects as the API shows them. Answers and events are made from these, so both say the same.

use std::net::{Ipv4Addr, Ipv6Addr};

use pdm_registrar::DsRecord;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::DbTime;
use crate::domain::claim::{Blocked, Claim, ClaimState, Party};
use crate::domain::condition::{Condition, ConditionType, Reason, Truth};
use crate::domain::operation::{
    Failure, Operation, OperationKind, OperationState, StepName, StepRecord, StepState,
};
use crate::domain::records::{RecordSet, RecordType};

/// How a claim came to be and who delegates its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A name below a pool of ours.
    Pool,
}

/// A claim.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
pub struct ClaimView {
    /// Its id.
    #[schema(value_type = String, example = "clm_01980e7c2f5a7bd2a1a3d2f0c4b5a697")]
    pub id: String,
    /// How it came to be.
    pub mode: Mode,
    /// Where it stands.
    #[schema(value_type = String, example = "active")]
    pub state: ClaimState,
    /// The name.
    #[schema(example = "acme.omani.works")]
    pub name: String,
    /// The pool; null for a customer's domain.
    #[schema(required, example = "omani.works")]
    pub pool: Option<String>,
    /// The label below the pool; null for a customer's domain.
    #[schema(required, example = "acme")]
    pub label: Option<String>,
    /// Whose it is.
    pub tenant: String,
    /// The how-manieth ownership of the name this is.
    pub epoch: i64,
    /// Grows with each change; the ETag.
    pub version: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DbTime,
    /// When its hold ends, while it is reserved.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub expires_at: Option<DbTime>,
    /// Where the name leads; null before the commit.
    #[schema(required)]
    pub targets: Option<TargetsView>,
    /// Hosts that serve the name.
    pub nameservers: Vec<String>,
    /// DS of the zone's key.
    pub ds: Vec<DsView>,
    /// The last operation on it.
    #[schema(required)]
    pub operation_id: Option<String>,
    /// Set when somebody must act.
    #[schema(required)]
    pub blocked: Option<BlockedView>,
    /// What was seen of it.
    pub conditions: Vec<ConditionView>,
}

/// Addresses of the canonical set.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Targets)]
pub struct TargetsView {
    /// IPv4 addresses.
    #[schema(value_type = Vec<String>, format = Ipv4)]
    pub ipv4: Vec<Ipv4Addr>,
    /// IPv6 addresses.
    #[schema(value_type = Vec<String>, format = Ipv6)]
    pub ipv6: Vec<Ipv6Addr>,
}

/// A DS record.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Ds)]
pub struct DsView {
    /// Key tag (RFC 4034 appendix B).
    pub key_tag: u16,
    /// Algorithm number of the key.
    pub algorithm: u8,
    /// Digest type number.
    pub digest_type: u8,
    /// Digest, lower-case hexadecimal.
    pub digest: String,
}

/// Who must act before work goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Blocked)]
pub struct BlockedView {
    /// `operator` or `customer`.
    #[schema(value_type = String)]
    pub by: Party,
    /// A problem code.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: DbTime,
    /// What to do, for people.
    pub action: String,
}

/// One statement about a name.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Condition)]
pub struct ConditionView {
    /// What it speaks of.
    #[schema(value_type = String, example = "ZoneServed")]
    pub r#type: ConditionType,
    /// `true`, `false` or `unknown`.
    #[schema(value_type = String, example = "true")]
    pub status: Truth,
    /// Why, for programs.
    #[schema(value_type = String, example = "all_servers_agree")]
    pub reason: Reason,
    /// Why, for people.
    pub message: String,
    /// When it was seen.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: DbTime,
    /// When it is looked at again.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub next_check_at: Option<DbTime>,
}

/// An operation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Operation)]
pub struct OperationView {
    /// Its id.
    #[schema(value_type = String, example = "op_01980e7c2f5a7bd2a1a3d2f0c4b5a697")]
    pub id: String,
    /// What it is for.
    #[schema(value_type = String, example = "activate")]
    pub kind: OperationKind,
    /// The claim it works on.
    pub claim_id: String,
    /// That claim's name.
    pub name: String,
    /// That claim's pool.
    pub pool: String,
    /// Whose it is.
    pub tenant: String,
    /// Where it stands.
    #[schema(value_type = String, example = "running")]
    pub state: OperationState,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// When it is tried again, while it is open and nobody works on it.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub next_attempt_at: Option<DbTime>,
    /// Until when it waits.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub waiting_until: Option<DbTime>,
    /// Why it failed, or what is in its way.
    #[schema(required)]
    pub error: Option<FailureView>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DbTime,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub ended_at: Option<DbTime>,
}

/// A step of an operation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Step)]
pub struct StepView {
    /// Which step.
    #[schema(value_type = String, example = "create_zone")]
    pub name: StepName,
    /// `pending`, `running`, `done` or `abandoned`.
    #[schema(value_type = String, example = "done")]
    pub state: StepState,
    /// Tries so far.
    pub attempts: u32,
    /// When the first try began.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub started_at: Option<DbTime>,
    /// When it was seen to be done.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub ended_at: Option<DbTime>,
    /// What was seen last, or whom it waits for.
    #[schema(required)]
    pub detail: Option<String>,
}

/// A record set of a name.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RecordSet)]
pub struct RecordSetView {
    /// Owner name in full.
    #[schema(example = "www.acme.omani.works")]
    pub name: String,
    /// Record type.
    #[schema(value_type = String, example = "TXT")]
    pub r#type: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Values in presentation format.
    pub values: Vec<String>,
    /// Whether the service keeps it: it follows the targets, or is given by the pool.
    pub managed: bool,
}

/// Why an operation failed or does not get on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureView {
    /// A problem code.
    pub code: String,
    /// What happened, for people.
    pub detail: String,
    /// When it was seen.
    #[schema(value_type = String, format = DateTime)]
    pub at: DbTime,
}

impl From<&Claim> for ClaimView {
    fn from(claim: &Claim) -> Self {
        Self {
            id: claim.id.to_string(),
            mode: Mode::Pool,
            state: claim.state,
            name: claim.name.to_string(),
            pool: Some(claim.pool.to_string()),
            label: Some(claim.label.to_string()),
            tenant: claim.tenant.to_string(),
            epoch: claim.epoch,
            version: claim.version,
            created_at: claim.created_at,
            expires_at: claim.expires_at.filter(|_| claim.state == ClaimState::Reserved),
            targets: claim.targets.as_ref().map(|t| TargetsView {
                ipv4: t.ipv4().to_vec(),
                ipv6: t.ipv6().to_vec(),
            }),
            nameservers: claim.nameservers.iter().map(ToString::to_string).collect(),
            ds: claim.ds.iter().map(DsView::from).collect(),
            operation_id: claim.operation.map(|id| id.to_string()),
            blocked: claim.blocked.as_ref().map(BlockedView::from),
            conditions: claim.conditions.iter().map(ConditionView::from).collect(),
        }
    }
}

impl From<&DsRecord> for DsView {
    fn from(ds: &DsRecord) -> Self {
        Self {
            key_tag: ds.key_tag(),
            algorithm: ds.algorithm(),
            digest_type: ds.digest_type().number(),
            digest: ds.digest_hex(),
        }
    }
}

impl From<&Blocked> for BlockedView {
    fn from(blocked: &Blocked) -> Self {
        Self {
            by: blocked.by,
            reason: blocked.reason.clone(),
            since: blocked.since,
            action: blocked.action.clone(),
        }
    }
}

impl From<&Condition> for ConditionView {
    fn from(condition: &Condition) -> Self {
        Self {
            r#type: condition.r#type,
            status: condition.status,
            reason: condition.reason,
            message: condition.message.clone(),
            observed_at: condition.observed_at,
            next_check_at: condition.next_check_at,
        }
    }
}

impl From<&Operation> for OperationView {
    fn from(operation: &Operation) -> Self {
        Self {
            id: operation.id.to_string(),
            kind: operation.kind,
            claim_id: operation.claim.to_string(),
            name: operation.name.to_string(),
            pool: operation.pool.to_string(),
            tenant: operation.tenant.to_string(),
            state: operation.state,
            steps: operation.steps.iter().map(StepView::from).collect(),
            next_attempt_at: operation.next_attempt_at,
            waiting_until: operation.waiting_until,
            error: operation.error.as_ref().map(FailureView::from),
            created_at: operation.created_at,
            ended_at: operation.ended_at,
        }
    }
}

impl From<&StepRecord> for StepView {
    fn from(step: &StepRecord) -> Self {
        Self {
            name: step.name,
            state: step.state,
            attempts: step.attempts,
            started_at: step.started_at,
            ended_at: step.ended_at,
            detail: step.detail.clone(),
        }
    }
}

impl From<&RecordSet> for RecordSetView {
    fn from(set: &RecordSet) -> Self {
        Self {
            name: set.owner.to_string(),
            r#type: set.r#type,
            ttl: set.ttl,
            values: set.values.clone(),
            managed: false,
        }
    }
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.clone(),
            detail: failure.detail.clone(),
            at: failure.at,
        }
    }
}
