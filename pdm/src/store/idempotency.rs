//! Answers kept under their `Idempotency-Key`.

use super::tx::{execute, fetch_optional};
use super::{StoreError, Tx, parse};
use crate::clock::{DbTime, micros};
use crate::domain::ids::OperationId;

/// A kept answer.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Of the request it answers.
    pub fingerprint: String,
    /// The operation it started or joined.
    pub operation: Option<OperationId>,
    /// While the first request still waits for what it will answer: until when, at the latest.
    pub pending_until: Option<DbTime>,
    /// HTTP status.
    pub status: u16,
    /// `Location` header.
    pub location: Option<String>,
    /// Body, with placeholders where a secret has to be derived again.
    pub body: String,
}

/// An answer to keep.
pub struct NewKept {
    /// Whose key it is: a tenant's id or `operator`.
    pub tenant: String,
    /// Method and route, `POST /v1/reserve`.
    pub route: &'static str,
    /// The key.
    pub key: String,
    /// Of the request.
    pub fingerprint: String,
    /// The operation.
    pub operation: Option<OperationId>,
    /// How long the request may still take to decide its answer; `None` when it is decided.
    pub pending: Option<std::time::Duration>,
    /// HTTP status.
    pub status: u16,
    /// `Location` header.
    pub location: Option<String>,
    /// Body.
    pub body: String,
}

type Row = (String, Option<String>, Option<i64>, i64, Option<String>, String);

impl Tx<'_> {
    /// The answer kept for a key.
    pub async fn kept(&mut self, tenant: &str, route: &str, key: &str) -> Result<Option<Kept>, StoreError> {
        let row = fetch_optional!(
            self,
            Row,
            "SELECT fingerprint, operation_id, pending_until, status, location, body FROM idempotency
              WHERE tenant = $1 AND route = $2 AND key = $3",
            tenant.to_owned(),
            route.to_owned(),
            key.to_owned(),
        )?;
        let Some((fingerprint, operation, pending_until, status, location, body)) = row else {
            return Ok(None);
        };
        Ok(Some(Kept {
            fingerprint,
            operation: operation
                .map(|o| parse(o.parse().ok(), "idempotency", "operation_id", key))
                .transpose()?,
            pending_until: pending_until.map(DbTime::from_store),
            status: parse(u16::try_from(status).ok(), "idempotency", "status", key)?,
            location,
            body,
        }))
    }

    /// Keeps an answer; [`StoreError::Duplicate`] when the key was used meanwhile.
    pub async fn keep(&mut self, new: NewKept) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO idempotency (tenant, route, key, fingerprint, operation_id, pending_until, status,
                                      location, body, created_at)
             SELECT $1, $2, $3, $4, $5, now + $6, $7, $8, $9, now FROM db_time",
            new.tenant,
            new.route,
            new.key,
            new.fingerprint,
            new.operation.map(|o| o.to_string()),
            new.pending.map(micros),
            i64::from(new.status),
            new.location,
            new.body,
        )?;
        Ok(())
    }

    /// Says that an answer is still being decided for so long from now on.
    pub async fn extend_pending(
        &mut self,
        tenant: &str,
        route: &str,
        key: &str,
        by: std::time::Duration,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE idempotency SET pending_until = (SELECT now FROM db_time) + $4
              WHERE tenant = $1 AND route = $2 AND key = $3 AND pending_until IS NOT NULL",
            tenant.to_owned(),
            route.to_owned(),
            key.to_owned(),
            micros(by),
        )?;
        Ok(())
    }

    /// Replaces a pending answer by the one that was given.
    pub async fn settle_kept(
        &mut self,
        tenant: &str,
        route: &str,
        key: &str,
        status: u16,
        body: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE idempotency SET status = $4, body = $5, pending_until = NULL
              WHERE tenant = $1 AND route = $2 AND key = $3 AND pending_until IS NOT NULL",
            tenant.to_owned(),
            route.to_owned(),
            key.to_owned(),
            i64::from(status),
            body.to_owned(),
        )?;
        Ok(())
    }

    /// Forgets up to `limit` answers older than `keep` whose operation has ended that long ago, too; answers how many.
    pub async fn prune_kept(
        &mut self,
        keep: std::time::Duration,
        after_end: std::time::Duration,
        limit: i64,
    ) -> Result<u64, StoreError> {
        execute!(
            self,
            "DELETE FROM idempotency WHERE (tenant, route, key) IN (
                SELECT tenant, route, key FROM idempotency
                 WHERE created_at < (SELECT now FROM db_time) - $1
                   AND (operation_id IS NULL
                        OR EXISTS (SELECT 1 FROM operations o WHERE o.id = operation_id
                                      AND o.ended_at < (SELECT now FROM db_time) - $2))
                 LIMIT $3)",
            micros(keep),
            micros(after_end),
            limit,
        )
    }
}
