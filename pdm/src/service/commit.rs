//! `commit`: a reserved name becomes real.

use super::trail::{self, Note};
use super::{Asked, Decided, GivenTargets, Refusal, Work, claim_of, secrets, work};
use crate::domain::claim::{ClaimState, CommitDecision, Refused};
use crate::domain::ids::ClaimId;
use crate::domain::operation::{Facts, OperationKind};
use crate::store::Tx;

/// What is asked.
#[derive(Clone)]
pub struct Commit {
    /// The claim.
    pub claim: ClaimId,
    /// Its token.
    pub token: String,
    /// Where the name shall lead.
    pub targets: GivenTargets,
}

/// Starts the activation of a reserved name, or answers the operation of the same commit.
pub async fn commit(tx: &mut Tx<'_>, asked: Asked<'_>, commit: &Commit) -> Decided<Work> {
    let mut claim = claim_of(tx, asked, commit.claim).await?;
    let pool = tx.pool(&claim.pool).await?.ok_or_else(Refusal::no_pool)?;
    let token_matches = secrets::is_secret_of(&commit.token, &claim.token_hash);
    if !token_matches {
        return Err(Refusal::from(Refused::TokenMismatch).into());
    }
    let targets = commit.targets.allowed(asked, &pool)?;
    let now = tx.now().await?;
    match claim
        .commit(token_matches, &targets, now)
        .map_err(Refusal::from)?
    {
        // Whatever was done to the active name since, this commit has been carried out.
        CommitDecision::Join(_) if claim.state == ClaimState::Active => Work::newest_done(tx, claim).await,
        CommitDecision::Join(operation) => Work::join(tx, claim, operation).await,
        CommitDecision::Start => {
            let before = claim.clone();
            claim.targets = Some(targets);
            let operation = work::start(tx, OperationKind::Activate, &claim, Facts::default()).await?;
            // The claim is locked: what can have happened since it was read is that the hold ended.
            if !tx.begin_activation(&mut claim, operation.id).await? {
                return Err(Refusal::from(Refused::Expired).into());
            }
            let note = Note {
                action: "claim.commit",
                before: Some(&before),
                after: &claim,
                operation: Some(operation.id),
                detail: None,
            };
            trail::changed(tx, asked, note).await?;
            Ok(Work { operation, claim })
        }
    }
}
