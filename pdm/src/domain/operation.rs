//! An operation: journalled work on one name, as a list of steps that is walked from front to back.
//!
//! The list of each kind is data ([`OperationKind::steps`]), so that tests enumerate every step from here. Steps
//! are only ever added at the end of a version; anything else is a new version of the kind, and rows of the old
//! version finish under the old list.

use std::collections::BTreeMap;

use pdm_registrar::{DomainName, DsRecord};
use serde::{Deserialize, Serialize};

use super::claim::Party;
use super::ids::{ClaimId, OperationId, TenantId};
use crate::clock::DbTime;

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Make a reserved name real.
    Activate,
    /// Take a name back.
    Release,
    /// New addresses for the canonical set.
    Retarget,
    /// The tenant's own records.
    Records,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Activate, Self::Release, Self::Retarget, Self::Records];

    /// The word of the API and of the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Release => "release",
            Self::Retarget => "retarget",
            Self::Records => "records",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The version that new operations of this kind get.
    pub const fn version(self) -> i64 {
        1
    }

    /// The steps of version 1, in order.
    pub const fn steps(self) -> &'static [StepName] {
        use StepName as S;
        match self {
            Self::Activate => &[
                S::ReadParent,
                S::CreateZone,
                S::CheckServers,
                S::Delegate,
                S::CheckParent,
                S::Validate,
            ],
            Self::Release => &[
                S::Settle,
                S::EmptyZone,
                S::Undelegate,
                S::CheckWithdrawn,
                S::Drain,
                S::DeleteZone,
                S::CheckGone,
            ],
            Self::Retarget | Self::Records => &[S::WriteRecords, S::CheckRecords],
        }
    }
}

/// Steps that undo an activation whose parent was never touched.
pub const UNDO_ACTIVATE: &[StepName] = &[StepName::Settle, StepName::DeleteZone, StepName::CheckGone];

/// The name of a step. What each does stands with its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Nothing at or below the label in the parent.
    ReadParent,
    /// The zone, complete, signed and marked.
    CreateZone,
    /// Every server answers for it with the same key.
    CheckServers,
    /// NS and DS in the parent.
    Delegate,
    /// Every server of the parent gives the DS.
    CheckParent,
    /// A cold walk from the root ends secure.
    Validate,
    /// Wait until a late write of interrupted work can no longer arrive.
    Settle,
    /// All records but SOA, NS and what signing adds are gone.
    EmptyZone,
    /// NS and DS out of the parent.
    Undelegate,
    /// Every server of the parent proves it.
    CheckWithdrawn,
    /// Caches run out while the empty zone is still served.
    Drain,
    /// Zone and keys are gone.
    DeleteZone,
    /// No server answers for the zone.
    CheckGone,
    /// The zone holds exactly its plan.
    WriteRecords,
    /// Every server serves the plan.
    CheckRecords,
}

impl StepName {
    /// Whether the step changes something outside the database, and therefore has an intent in the journal.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::CreateZone
                | Self::Delegate
                | Self::EmptyZone
                | Self::Undelegate
                | Self::DeleteZone
                | Self::WriteRecords
        )
    }

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadParent => "read_parent",
            Self::CreateZone => "create_zone",
            Self::CheckServers => "check_servers",
            Self::Delegate => "delegate",
            Self::CheckParent => "check_parent",
            Self::Validate => "validate",
            Self::Settle => "settle",
            Self::EmptyZone => "empty_zone",
            Self::Undelegate => "undelegate",
            Self::CheckWithdrawn => "check_withdrawn",
            Self::Drain => "drain",
            Self::DeleteZone => "delete_zone",
            Self::CheckGone => "check_gone",
            Self::WriteRecords => "write_records",
            Self::CheckRecords => "check_records",
        }
    }
}

impl std::fmt::Display for StepName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun; for a writing step the intent is in the journal.
    Running,
    /// Done, seen to be done.
    Done,
    /// Given up in favour of undoing.
    Abandoned,
}

/// One step of an operation, as the database and the API show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which step.
    pub name: StepName,
    /// Where it stands.
    pub state: StepState,
    /// Tries so far.
    pub attempts: u32,
    /// When the first try began.
    pub started_at: Option<DbTime>,
    /// When it was seen to be done.
    pub ended_at: Option<DbTime>,
    /// What was seen last, for people.
    pub detail: Option<String>,
    /// Whether an intent stands in the journal without its result: after a crash the outcome of that try is
    /// unknown.
    #[serde(default)]
    pub open_intent: bool,
}

impl StepRecord {
    /// A step not yet begun.
    pub const fn pending(name: StepName) -> Self {
        Self {
            name,
            state: StepState::Pending,
            attempts: 0,
            started_at: None,
            ended_at: None,
            detail: None,
            open_intent: false,
        }
    }
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// Being worked on, or about to be tried again.
    Running,
    /// Waiting until `waiting_until`.
    Waiting,
    /// Needs a credential again.
    NeedsCredential,
    /// Somebody must act.
    Blocked,
    /// Done. Final.
    Succeeded,
    /// Could not be completed and was undone. Final.
    Failed,
    /// Stopped by request. Final.
    Cancelled,
}

impl OperationState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Running,
        Self::Waiting,
        Self::NeedsCredential,
        Self::Blocked,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word of the API and of the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::NeedsCredential => "needs_credential",
            Self::Blocked => "blocked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// What an operation has learned and later steps need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// DS of the zone's key, computed from the DNSKEY as served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ds: Vec<DsRecord>,
    /// DS of keys that the zone had before it was made again: the parent may still have them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier_ds: Vec<DsRecord>,
    /// Whether NS or DS of this claim may have been in the parent. Decides whether a release drains and leaves
    /// a tombstone, and whether an activation may still be undone by deleting its zone.
    pub parent_touched: bool,
    /// Whether it puts an active name right again: what stands in the parent is this claim's own.
    pub repair: bool,
    /// Until when a write of interrupted work may still arrive.
    pub settle_until: Option<DbTime>,
    /// Until when caches may hold the delegation.
    pub drain_until: Option<DbTime>,
    /// The longest TTL with which the parent was seen to serve the delegation, seconds.
    pub longest_ttl: Option<u32>,
    /// The version of the tenant's records that was written.
    pub records_version: i64,
    /// The serial of the zone that holds what was written.
    pub serial: Option<u32>,
    /// What was sent last by each writing step whose content can change, in words. A different content must not follow a
    /// write that may still arrive.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sent: BTreeMap<StepName, String>,
    /// Set when the operation is being undone: how it will end.
    pub undoing: Option<Undoing>,
}

impl Facts {
    /// Every DS of this claim that may be in the parent.
    pub fn known_ds(&self) -> Vec<DsRecord> {
        self.ds.iter().chain(&self.earlier_ds).cloned().collect()
    }

    /// Notes the DS of the zone's key as it is now.
    pub fn replace_ds(&mut self, ds: Vec<DsRecord>) {
        if self.ds != ds {
            let earlier = std::mem::replace(&mut self.ds, ds);
            self.earlier_ds.extend(earlier);
        }
    }
}

/// Why an operation is being undone, which is also how it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoing {
    /// By request.
    Cancelled,
    /// It cannot be completed.
    Failed(Failure),
}

/// Why an operation failed or does not get on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A problem code of the API.
    pub code: String,
    /// What happened, for people.
    pub detail: String,
    /// When it was seen.
    pub at: DbTime,
}

/// Journalled work on one name.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// What it is for.
    pub kind: OperationKind,
    /// Version of the step list it runs.
    pub kind_version: i64,
    /// The claim it works on.
    pub claim: ClaimId,
    /// That claim's name.
    pub name: DomainName,
    /// That claim's pool.
    pub pool: DomainName,
    /// Whose it is.
    pub tenant: TenantId,
    /// The ownership of the name it belongs to.
    pub epoch: i64,
    /// Where it stands.
    pub state: OperationState,
    /// Its steps.
    pub steps: Vec<StepRecord>,
    /// What it has learned.
    pub facts: Facts,
    /// The how-manieth worker holds it; a write by an older one changes nothing.
    pub fence: i64,
    /// When it is tried again, while open.
    pub next_attempt_at: Option<DbTime>,
    /// Until when it waits.
    pub waiting_until: Option<DbTime>,
    /// Why it failed, or what is in its way.
    pub error: Option<Failure>,
    /// Who must act, when blocked.
    pub blocked_by: Option<Party>,
    /// When it was accepted.
    pub created_at: DbTime,
    /// When it ended.
    pub ended_at: Option<DbTime>,
}

impl Operation {
    /// The step to work on: the first that is not done.
    pub fn current(&self) -> Option<usize> {
        self.steps
            .iter()
            .position(|s| matches!(s.state, StepState::Pending | StepState::Running))
    }

    /// Whether a step of that name was begun, so that its effect may exist.
    pub fn begun(&self, name: StepName) -> bool {
        self.steps.iter().any(|s| s.name == name && s.attempts > 0)
    }

    /// Whether NS or DS of its claim may be in the parent because of it.
    pub fn may_have_touched_parent(&self) -> bool {
        self.facts.parent_touched || self.begun(StepName::Delegate)
    }

    /// Turns it round: abandons what is left and appends the undoing steps.
    pub fn undo(&mut self, why: Undoing, steps: &[StepName]) {
        self.abandon();
        self.steps.extend(steps.iter().copied().map(StepRecord::pending));
        self.facts.undoing = Some(why);
        self.state = OperationState::Running;
        self.error = None;
        self.blocked_by = None;
    }

    /// Starts its steps over, because what it writes changed meanwhile.
    pub fn restart(&mut self) {
        self.steps = self
            .kind
            .steps()
            .iter()
            .copied()
            .map(StepRecord::pending)
            .collect();
    }

    /// Goes back to a step whose effect is gone again: it and all behind it are to be done once more. Tries are
    /// counted on, so that the waits between them still grow.
    pub fn go_back_to(&mut self, name: StepName) {
        self.facts.parent_touched |= self.begun(StepName::Delegate);
        for step in self.steps.iter_mut().skip_while(|step| step.name != name) {
            if step.state != StepState::Abandoned {
                step.state = StepState::Pending;
                step.ended_at = None;
            }
        }
    }

    /// What it would change is gone: abandons what is left and appends the steps that make the name again, as a repair
    /// of a claim whose parent has `ds`.
    pub fn rebuild(&mut self, ds: &[DsRecord]) {
        self.abandon();
        let steps = OperationKind::Activate.steps();
        self.steps.extend(steps.iter().copied().map(StepRecord::pending));
        self.facts.repair = true;
        self.facts.parent_touched = true;
        self.facts.replace_ds(ds.to_vec());
    }

    fn abandon(&mut self) {
        for step in &mut self.steps {
            if matches!(step.state, StepState::Pending | StepState::Running) {
                step.state = StepState::Abandoned;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for state in OperationState::ALL {
            assert_eq!(OperationState::from_word(state.as_str()), Some(state));
        }
        for kind in OperationKind::ALL {
            assert_eq!(OperationKind::from_word(kind.as_str()), Some(kind));
            for step in kind.steps() {
                assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
            }
        }
    }

    #[test]
    fn delegation_comes_after_every_server_answers_and_the_zone_goes_last() {
        let order = |kind: OperationKind, step| kind.steps().iter().position(|s| *s == step).unwrap();
        let activate = |step| order(OperationKind::Activate, step);
        assert!(activate(StepName::CreateZone) < activate(StepName::CheckServers));
        assert!(activate(StepName::CheckServers) < activate(StepName::Delegate));
        assert!(activate(StepName::Delegate) < activate(StepName::Validate));
        let release = |step| order(OperationKind::Release, step);
        assert!(release(StepName::Undelegate) < release(StepName::CheckWithdrawn));
        assert!(release(StepName::CheckWithdrawn) < release(StepName::Drain));
        assert!(release(StepName::Drain) < release(StepName::DeleteZone));
    }
}
