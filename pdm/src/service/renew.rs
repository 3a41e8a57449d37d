//! `renew`: a longer hold on a reserved name.

use std::time::Duration;

use super::trail::{self, Note};
use super::{Asked, Decided, Expected, Refusal, claim_of, secrets};
use crate::domain::claim::{Claim, Refused};
use crate::domain::ids::ClaimId;
use crate::store::Tx;

/// What is asked.
#[derive(Clone)]
pub struct Renew {
    /// The claim.
    pub claim: ClaimId,
    /// Its token.
    pub token: String,
    /// How long from now on; the pool's default when absent.
    pub hold: Option<Duration>,
    /// The version that the caller saw.
    pub expected: Expected,
}

/// Extends the hold; it never gets shorter.
pub async fn renew(tx: &mut Tx<'_>, asked: Asked<'_>, renew: &Renew) -> Decided<Claim> {
    let mut claim = claim_of(tx, asked, renew.claim).await?;
    let terms = tx.pool(&claim.pool).await?.ok_or_else(Refusal::no_pool)?.hold;
    let now = tx.now().await?;
    let token_matches = secrets::is_secret_of(&renew.token, &claim.token_hash);
    let until = claim
        .renew(token_matches, renew.hold.unwrap_or(terms.default), &terms, now)
        .map_err(Refusal::from)?;
    renew.expected.meets(&claim.version.to_string())?;
    let before = claim.clone();
    // The claim is locked: what can have happened since it was read is that the hold ended.
    if !tx.extend_hold(&mut claim, until).await? {
        return Err(Refusal::from(Refused::Expired).into());
    }
    let note = Note {
        action: "claim.renew",
        before: Some(&before),
        after: &claim,
        operation: None,
        detail: None,
    };
    trail::changed(tx, asked, note).await?;
    Ok(claim)
}
