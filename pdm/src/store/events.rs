//! Events: written with the change they tell of, numbered in commit order afterwards.

use super::tx::{execute, fetch_all, fetch_optional};
use super::{StoreError, Tx};
use crate::clock::{DbTime, micros};
use crate::domain::event::EventKind;
use crate::domain::ids::{ClaimId, EventId, OperationId, TenantId};

/// An event to write.
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// Whose it is.
    pub tenant: TenantId,
    /// The claim it is about.
    pub claim: ClaimId,
    /// The operation it belongs to.
    pub operation: Option<OperationId>,
    /// The object as the API shows it, with `at`.
    pub data: String,
}

/// A numbered event.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EventRow {
    /// Its place in commit order.
    pub seq: i64,
    /// What happened, in the word of the API.
    pub kind: String,
    /// The object.
    pub data: String,
}

impl Tx<'_> {
    /// Writes an event. Its time is that of this statement: after the locks that put this transaction behind others, so
    /// that events of one claim are numbered in the order in which they became true.
    pub async fn event(&mut self, event: NewEvent) -> Result<(), StoreError> {
        self.wrote_events = true;
        execute!(
            self,
            "INSERT INTO events (id, tenant, claim_id, operation_id, kind, at, data)
             SELECT $1, $2, $3, $4, $5, now, $6 FROM db_time",
            EventId::new().to_string(),
            event.tenant.to_string(),
            event.claim.to_string(),
            event.operation.map(|o| o.to_string()),
            event.kind.as_str(),
            event.data,
        )?;
        Ok(())
    }

    /// Numbers up to `limit` events that were committed without a number; answers how many. The row of the
    /// counter is locked first, so numbers appear in the order in which they are given.
    pub async fn number_events(&mut self, limit: i64) -> Result<u64, StoreError> {
        execute!(self, "UPDATE counters SET value = value WHERE name = 'events'")?;
        let numbered = execute!(
            self,
            "UPDATE events SET seq = (SELECT value FROM counters WHERE name = 'events') + n.place
               FROM (SELECT id, row_number() OVER (ORDER BY at, id) AS place FROM events WHERE seq IS NULL
                      ORDER BY at, id LIMIT $1) AS n
              WHERE events.id = n.id",
            limit,
        )?;
        if numbered > 0 {
            execute!(
                self,
                "UPDATE counters SET value = value + $1 WHERE name = 'events'",
                i64::try_from(numbered).unwrap_or(i64::MAX),
            )?;
        }
        Ok(numbered)
    }

    /// Events after a number, oldest first, of one tenant or one operation or both.
    pub async fn events_after(
        &mut self,
        tenant: Option<TenantId>,
        operation: Option<OperationId>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        fetch_all!(
            self,
            EventRow,
            "SELECT seq, kind, data FROM events
              WHERE seq > $1 AND ($2 IS NULL OR tenant = $2) AND ($3 IS NULL OR operation_id = $3)
              ORDER BY seq LIMIT $4",
            after,
            tenant.map(|t| t.to_string()),
            operation.map(|o| o.to_string()),
            limit,
        )
    }

    /// The highest number given so far.
    pub async fn last_event(&mut self) -> Result<i64, StoreError> {
        let row = fetch_optional!(self, (i64,), "SELECT value FROM counters WHERE name = 'events'")?;
        Ok(row.map_or(0, |(value,)| value))
    }

    /// Whether events of an operation still wait for their numbers.
    pub async fn has_unnumbered_events(&mut self, operation: OperationId) -> Result<bool, StoreError> {
        let row = fetch_optional!(
            self,
            (String,),
            "SELECT id FROM events WHERE operation_id = $1 AND seq IS NULL LIMIT 1",
            operation.to_string(),
        )?;
        Ok(row.is_some())
    }

    /// Forgets events older than `keep` whose operation has ended.
    pub async fn prune_events(&mut self, keep: std::time::Duration, limit: i64) -> Result<u64, StoreError> {
        execute!(
            self,
            "DELETE FROM events WHERE id IN (
                SELECT e.id FROM events e LEFT JOIN operations o ON o.id = e.operation_id
                 WHERE e.at < (SELECT now FROM db_time) - $1 AND e.seq IS NOT NULL
                   AND (o.id IS NULL OR o.ended_at IS NOT NULL)
                 LIMIT $2)",
            micros(keep),
            limit,
        )
    }
}

/// The time of an event's object.
pub(crate) fn with_time(mut object: serde_json::Value, at: DbTime) -> String {
    if let serde_json::Value::Object(fields) = &mut object {
        fields.insert("at".to_owned(), serde_json::Value::String(at.to_string()));
    }
    object.to_string()
}
