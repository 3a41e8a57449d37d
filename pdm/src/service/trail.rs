//! What a change leaves behind in its own transaction: audit rows and events.

use super::Asked;
use super::secrets::sha256_hex;
use crate::domain::claim::Claim;
use crate::domain::ids::{OperationId, TenantId};
use crate::operations::claim_event;
use crate::store::{NewAudit, StoreError, Tx};
use crate::view::ClaimView;

/// What is said of a change in the audit trail.
pub(super) struct Note<'a> {
    pub(super) action: &'static str,
    /// The claim as it was.
    pub(super) before: Option<&'a Claim>,
    /// The claim as it is.
    pub(super) after: &'a Claim,
    pub(super) operation: Option<OperationId>,
    pub(super) detail: Option<String>,
}

/// Writes down a change of a claim: the audit row, and `claim.changed` when it is another than before.
pub(super) async fn changed(tx: &mut Tx<'_>, asked: Asked<'_>, note: Note<'_>) -> Result<(), StoreError> {
    let before = note.before.map(digest);
    let after = digest(note.after);
    let is_news = before.as_ref() != Some(&after);
    tx.audit(NewAudit {
        tenant: Some(note.after.tenant),
        actor: &asked.actor.audit_name(),
        source: asked.source,
        action: note.action,
        claim: Some(note.after.id),
        operation: note.operation,
        before,
        after: Some(after),
        detail: note.detail,
    })
    .await?;
    if is_news {
        claim_event(tx, note.after, note.after.operation).await
    } else {
        Ok(())
    }
}

/// Writes down an act of administration.
pub(super) async fn administered(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    tenant: Option<TenantId>,
    action: &'static str,
    detail: String,
) -> Result<(), StoreError> {
    tx.audit(NewAudit {
        tenant,
        actor: &asked.actor.audit_name(),
        source: asked.source,
        action,
        claim: None,
        operation: None,
        before: None,
        after: None,
        detail: Some(detail),
    })
    .await
}

/// SHA-256 of the claim as the API shows it.
fn digest(claim: &Claim) -> String {
    sha256_hex(&serde_json::to_vec(&ClaimView::from(claim)).unwrap_or_default())
}
