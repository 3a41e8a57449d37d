//! Repairs of what is ours, within a budget.

use pdm_registrar::DomainName;

use super::compare::differs_from_plan;
use super::{Found, SweepError};
use crate::delegation::Delegation;
use crate::domain::claim::ClaimState;
use crate::domain::event::EventKind;
use crate::domain::ids::ClaimId;
use crate::domain::operation::{Facts, OperationKind};
use crate::domain::pool::Pool;
use crate::operations::{World, operation_event};
use crate::store::{NewAudit, NewOperation, Store, StoreError};

/// Drifted names looked at once more in a pass; the rest waits for the next.
const MAX_SUSPICIONS: usize = 1_000;

/// Begins repairs of what is ours, as many as the budget allows.
pub(super) async fn repair(
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
