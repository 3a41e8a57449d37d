//! `release`: a name is given back.

use pdm_registrar::DomainName;

use super::trail::{self, Note};
use super::{Asked, Decided, Refusal, Work, claim_of, work};
use crate::domain::claim::{Claim, ClaimState, ReleaseDecision};
use crate::domain::event::EventKind;
use crate::domain::ids::ClaimId;
use crate::domain::operation::{Facts, Operation, OperationKind};
use crate::operations::operation_event;
use crate::store::Tx;

/// What is asked.
#[derive(Clone)]
pub struct Release {
    /// The claim.
    pub claim: ClaimId,
    /// Its name, so that nobody gives back another one than he means.
    pub name: String,
}

/// Gives a name back: at once when it was only held, otherwise by an operation that takes back what exists.
pub async fn release(tx: &mut Tx<'_>, asked: Asked<'_>, release: &Release) -> Decided<Work> {
    let claim = claim_of(tx, asked, release.claim).await?;
    if DomainName::parse(&release.name).ok().as_ref() != Some(&claim.name) {
        return Err(
            Refusal::invalid("/name", "the claim has another name: give both of the same claim").into(),
        );
    }
    let now = tx.now().await?;
    match claim.release(now).map_err(Refusal::from)? {
        ReleaseDecision::GiveBack => give_back(tx, asked, claim).await,
        ReleaseDecision::Join(Some(operation)) => Work::join(tx, claim, operation).await,
        ReleaseDecision::Join(None) => Work::newest_done(tx, claim).await,
        ReleaseDecision::Start => {
            let open = work::seize(tx, &claim).await?;
            take_back(tx, asked, claim, open, "claim.release").await
        }
    }
}

async fn give_back(tx: &mut Tx<'_>, asked: Asked<'_>, mut claim: Claim) -> Decided<Work> {
    let before = claim.clone();
    let operation = tx.insert_done_operation(OperationKind::Release, &claim).await?;
    claim.operation = Some(operation.id);
    tx.free_name(&mut claim, false).await?;
    operation_event(tx, &operation, EventKind::OperationStarted).await?;
    let note = Note {
        action: "claim.release",
        before: Some(&before),
        after: &claim,
        operation: Some(operation.id),
        detail: None,
    };
    trail::changed(tx, asked, note).await?;
    operation_event(tx, &operation, EventKind::OperationSucceeded).await?;
    Ok(Work { operation, claim })
}

/// Starts the operation that takes a name back. `open` is the operation it takes over from, seized by the caller.
pub(super) async fn take_back(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    mut claim: Claim,
    open: Option<Operation>,
    action: &'static str,
) -> Decided<Work> {
    let before = claim.clone();
    let mut facts = Facts {
        parent_touched: claim.state == ClaimState::Active,
        ds: claim.ds.clone(),
        ..Facts::default()
    };
    if let Some(mut old) = open {
        facts.parent_touched |= old.may_have_touched_parent();
        // A repair may have published the DS of a new key already.
        facts.earlier_ds = old.facts.known_ds();
        facts.longest_ttl = old.facts.longest_ttl;
        if work::may_still_write(&old) {
            facts.settle_until = Some(tx.now().await?.plus(asked.config.timing.settle));
        }
        work::end_cancelled(tx, &mut old).await?;
    }
    let operation = work::start(tx, OperationKind::Release, &claim, facts).await?;
    claim.state = ClaimState::Releasing;
    claim.operation = Some(operation.id);
    claim.blocked = None;
    tx.update_claim(&mut claim).await?;
    let note = Note {
        action,
        before: Some(&before),
        after: &claim,
        operation: Some(operation.id),
        detail: None,
    };
    trail::changed(tx, asked, note).await?;
    Ok(Work { operation, claim })
}
