//! What the end of an operation makes of its claim.

use std::time::Duration;

use crate::clock::DbTime;
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::condition::{self, Condition, ConditionType, Reason, Truth};
use crate::domain::event::EventKind;
use crate::domain::operation::{Operation, OperationKind, OperationState, StepName, Undoing};
use crate::store::{StoreError, Tx};

/// Ends an operation whose steps are all done; answers what streams are told.
pub(super) fn end_state(operation: &mut Operation) -> EventKind {
    match operation.facts.undoing.clone() {
        None => {
            operation.state = OperationState::Succeeded;
            EventKind::OperationSucceeded
        }
        Some(Undoing::Cancelled) => {
            operation.state = OperationState::Cancelled;
            EventKind::OperationFailed
        }
        Some(Undoing::Failed(failure)) => {
            operation.state = OperationState::Failed;
            operation.error = Some(failure);
            EventKind::OperationFailed
        }
    }
}

/// Writes the claim as the ended operation leaves it. `hold` is the least time that a name is held whose activation was
/// undone.
pub(super) async fn conclude_claim(
    tx: &mut Tx<'_>,
    operation: &Operation,
    claim: &mut Claim,
    now: DbTime,
    hold: Duration,
) -> Result<(), StoreError> {
    claim.blocked = None;
    match (operation.kind, operation.state) {
        (OperationKind::Activate, OperationState::Succeeded) => {
            proven(claim, operation, now);
            tx.update_claim(claim).await
        }
        (OperationKind::Activate, _) => {
            claim.state = ClaimState::Reserved;
            claim.targets = None;
            claim.ds.clear();
            let least = now.plus(hold);
            claim.expires_at = Some(claim.expires_at.map_or(least, |until| until.max(least)));
            tx.update_claim(claim).await
        }
        (OperationKind::Release, _) => {
            for condition in &mut claim.conditions {
                condition.status = Truth::False;
                condition.reason = Reason::Withdrawn;
                "the name was given back".clone_into(&mut condition.message);
                condition.observed_at = now;
            }
            tx.free_name(claim, operation.facts.parent_touched).await
        }
        (OperationKind::Retarget | OperationKind::Records, _) => {
            if operation.facts.repair {
                proven(claim, operation, now);
            }
            tx.update_claim(claim).await
        }
    }
}

/// The name is active with these keys, and what the steps of an activation saw is how it stands.
fn proven(claim: &mut Claim, operation: &Operation, now: DbTime) {
    claim.state = ClaimState::Active;
    claim.ds.clone_from(&operation.facts.ds);
    for (r#type, reason, step) in [
        (
            ConditionType::ZoneServed,
            Reason::AllServersAgree,
            StepName::CheckServers,
        ),
        (ConditionType::Signed, Reason::KeyServed, StepName::CheckServers),
        (
            ConditionType::Delegated,
            Reason::ParentServesDs,
            StepName::CheckParent,
        ),
        (ConditionType::Secure, Reason::ChainValidates, StepName::Validate),
        (
            ConditionType::AddressesMatch,
            Reason::TargetsReached,
            StepName::Validate,
        ),
    ] {
        let Some(seen) = operation.steps.iter().find(|s| s.name == step) else {
            continue; // Not looked at in this round: what was seen before stands.
        };
        condition::set(
            &mut claim.conditions,
            Condition {
                r#type,
                status: Truth::True,
                reason,
                message: seen.detail.clone().unwrap_or_default(),
                observed_at: seen.ended_at.unwrap_or(now),
                next_check_at: None,
            },
        );
    }
}
