//! The audit trail: who did what, written in the transaction of the change.

use super::tx::{execute, fetch_all};
use super::{Page, StoreError, Tx};
use crate::clock::DbTime;
use crate::domain::ids::{ClaimId, OperationId, TenantId};

/// A row to write.
pub struct NewAudit<'a> {
    /// Whose object was touched; `None` for the service itself.
    pub tenant: Option<TenantId>,
    /// Who acted.
    pub actor: &'a str,
    /// From which address.
    pub source: &'a str,
    /// What, `claim.reserve` for example.
    pub action: &'static str,
    /// The claim.
    pub claim: Option<ClaimId>,
    /// The operation.
    pub operation: Option<OperationId>,
    /// SHA-256 of the object before, hexadecimal.
    pub before: Option<String>,
    /// SHA-256 of the object after.
    pub after: Option<String>,
    /// Anything more, never a secret.
    pub detail: Option<String>,
}

/// A row as it is shown.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuditEntry {
    /// Its id, ordered in time.
    pub id: String,
    /// Whose object.
    pub tenant: String,
    /// Who.
    pub actor: String,
    /// From where.
    pub source: String,
    /// What.
    pub action: String,
    /// Which claim.
    pub claim_id: Option<String>,
    /// Which operation.
    pub operation_id: Option<String>,
    /// Digest before.
    pub before: Option<String>,
    /// Digest after.
    pub after: Option<String>,
    /// More.
    pub detail: Option<String>,
    /// When, microseconds.
    at: i64,
}

impl AuditEntry {
    /// When.
    pub const fn at(&self) -> DbTime {
        DbTime::from_store(self.at)
    }
}

impl Tx<'_> {
    /// Writes an audit row.
    pub async fn audit(&mut self, entry: NewAudit<'_>) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO audit (id, tenant, actor, source, action, claim_id, operation_id, before, after, detail, at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now FROM db_time",
            uuid::Uuid::now_v7().simple().to_string(),
            entry.tenant.map_or_else(|| "operator".to_owned(), |t| t.to_string()),
            entry.actor.to_owned(),
            entry.source.to_owned(),
            entry.action,
            entry.claim.map(|c| c.to_string()),
            entry.operation.map(|o| o.to_string()),
            entry.before,
            entry.after,
            entry.detail,
        )?;
        Ok(())
    }

    /// A page of the trail, oldest first.
    pub async fn list_audit(
        &mut self,
        tenant: Option<TenantId>,
        page: &Page,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        fetch_all!(
            self,
            AuditEntry,
            "SELECT id, tenant, actor, source, action, claim_id, operation_id, before, after, detail, at FROM audit
              WHERE ($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR id > $2) ORDER BY id LIMIT $3",
            tenant.map(|t| t.to_string()),
            page.after.clone(),
            page.limit,
        )
    }
}
