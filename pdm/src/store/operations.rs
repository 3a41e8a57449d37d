//! Operations: rows with leases and fences.

use std::time::Duration;

use pdm_registrar::DomainName;

use super::tx::{execute, fetch_all, fetch_optional};
use super::{Page, StoreError, Tx, json, parse, to_json};
use crate::clock::{DbTime, micros};
use crate::domain::claim::{Claim, Party};
use crate::domain::ids::{ClaimId, OperationId, TenantId};
use crate::domain::operation::{Facts, Operation, OperationKind, OperationState, StepRecord};

const T: &str = "operations";

/// What starts an operation.
pub struct NewOperation<'a> {
    /// What it is for.
    pub kind: OperationKind,
    /// The claim it works on.
    pub claim: &'a Claim,
    /// What is known before it starts.
    pub facts: Facts,
}

/// Which operations a list shows.
#[derive(Clone, Debug, Default)]
pub struct OperationFilter {
    /// Only this tenant's; `None` is an operator's view.
    pub tenant: Option<TenantId>,
    /// Only in this state.
    pub state: Option<OperationState>,
    /// Only of this pool.
    pub pool: Option<DomainName>,
    /// Only of this name.
    pub name: Option<DomainName>,
    /// Only of this claim.
    pub claim: Option<ClaimId>,
}

#[derive(sqlx::FromRow)]
struct OperationRow {
    id: String,
    kind: String,
    kind_version: i64,
    claim_id: String,
    name: String,
    pool: String,
    tenant: String,
    epoch: i64,
    state: String,
    steps: String,
    facts: String,
    fence: i64,
    next_attempt_at: Option<i64>,
    waiting_until: Option<i64>,
    error: Option<String>,
    blocked_by: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl OperationRow {
    fn operation(self) -> Result<Operation, StoreError> {
        let id = self.id.as_str();
        Ok(Operation {
            id: parse(self.id.parse().ok(), T, "id", id)?,
            kind: parse(OperationKind::from_word(&self.kind), T, "kind", id)?,
            kind_version: self.kind_version,
            claim: parse(self.claim_id.parse().ok(), T, "claim_id", id)?,
            name: parse(DomainName::parse(&self.name).ok(), T, "name", id)?,
            pool: parse(DomainName::parse(&self.pool).ok(), T, "pool", id)?,
            tenant: parse(self.tenant.parse().ok(), T, "tenant", id)?,
            epoch: self.epoch,
            state: parse(OperationState::from_word(&self.state), T, "state", id)?,
            steps: json(&self.steps, T, "steps", id)?,
            facts: json(&self.facts, T, "facts", id)?,
            fence: self.fence,
            next_attempt_at: self.next_attempt_at.map(DbTime::from_store),
            waiting_until: self.waiting_until.map(DbTime::from_store),
            error: self.error.map(|e| json(&e, T, "error", id)).transpose()?,
            blocked_by: self
                .blocked_by
                .map(|b| match b.as_str() {
                    "operator" => Ok(Party::Operator),
                    "customer" => Ok(Party::Customer),
                    _ => parse(None, T, "blocked_by", id),
                })
                .transpose()?,
            created_at: DbTime::from_store(self.created_at),
            ended_at: self.ended_at.map(DbTime::from_store),
        })
    }
}

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, kind, kind_version, claim_id, name, pool, tenant, epoch, state, steps, facts, fence, \
             next_attempt_at, waiting_until, error, blocked_by, created_at, ended_at ",
            $after
        )
    };
}

/// How a worker leaves an operation that is not final.
#[derive(Clone, Copy, Debug)]
pub enum Leave {
    /// Goes on with it: the lease stays.
    Keep,
    /// Lets go; due again at that time.
    Until(DbTime),
    /// Lets go; due again at that time, unless somebody made it due since it was taken.
    Pause {
        /// When it is due again.
        due: DbTime,
        /// When it was due as it was taken.
        taken_at: Option<DbTime>,
    },
}

impl Tx<'_> {
    /// Inserts an operation that is due at once. [`StoreError::Duplicate`] when one is open for the name.
    pub async fn insert_operation(&mut self, new: NewOperation<'_>) -> Result<Operation, StoreError> {
        let now = self.now().await?;
        let operation = Operation {
            id: OperationId::new(),
            kind: new.kind,
            kind_version: new.kind.version(),
            claim: new.claim.id,
            name: new.claim.name.clone(),
            pool: new.claim.pool.clone(),
            tenant: new.claim.tenant,
            epoch: new.claim.epoch,
            state: OperationState::Running,
            steps: new
                .kind
                .steps()
                .iter()
                .copied()
                .map(StepRecord::pending)
                .collect(),
            facts: new.facts,
            fence: 0,
            next_attempt_at: Some(now),
            waiting_until: None,
            error: None,
            blocked_by: None,
            created_at: now,
            ended_at: None,
        };
        self.insert_operation_row(&operation).await?;
        Ok(operation)
    }

    /// Inserts an operation that is already done: what it stood for was the row itself.
    pub async fn insert_done_operation(
        &mut self,
        kind: OperationKind,
        claim: &Claim,
    ) -> Result<Operation, StoreError> {
        let now = self.now().await?;
        let operation = Operation {
            id: OperationId::new(),
            kind,
            kind_version: kind.version(),
            claim: claim.id,
            name: claim.name.clone(),
            pool: claim.pool.clone(),
            tenant: claim.tenant,
            epoch: claim.epoch,
            state: OperationState::Succeeded,
            steps: Vec::new(),
            facts: Facts::default(),
            fence: 0,
            next_attempt_at: None,
            waiting_until: None,
            error: None,
            blocked_by: None,
            created_at: now,
            ended_at: Some(now),
        };
        self.insert_operation_row(&operation).await?;
        Ok(operation)
    }

    async fn insert_operation_row(&mut self, operation: &Operation) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO operations (id, kind, kind_version, claim_id, name, pool, tenant, epoch, state, steps, facts,
                                     fence, next_attempt_at, created_at, ended_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14)",
            operation.id.to_string(),
            operation.kind.as_str(),
            operation.kind_version,
            operation.claim.to_string(),
            operation.name.as_str().to_owned(),
            operation.pool.as_str().to_owned(),
            operation.tenant.to_string(),
            operation.epoch,
            operation.state.as_str(),
            to_json(&operation.steps),
            to_json(&operation.facts),
            operation.next_attempt_at.map(DbTime::micros),
            operation.created_at.micros(),
            operation.ended_at.map(DbTime::micros),
        )?;
        Ok(())
    }

    /// Takes up to `limit` operations that are due and that nobody holds: lease and a new fence in one statement.
    pub async fn claim_due_operations(
        &mut self,
        holder: &str,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Operation>, StoreError> {
        let (holder, lease) = (holder.to_owned(), micros(lease));
        let rows = if self.is_postgres() {
            fetch_all!(
                self,
                OperationRow,
                columns!(
                    "UPDATE operations SET holder = $1, fence = fence + 1,
                            lease_until = (SELECT now FROM db_time) + $2
                      WHERE id IN (SELECT id FROM operations
                                    WHERE ended_at IS NULL AND next_attempt_at <= (SELECT now FROM db_time)
                                      AND (holder IS NULL OR lease_until < (SELECT now FROM db_time))
                                    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
                     RETURNING",
                    ""
                ),
                holder,
                lease,
                limit,
            )?
        } else {
            fetch_all!(
                self,
                OperationRow,
                columns!(
                    "UPDATE operations SET holder = $1, fence = fence + 1,
                            lease_until = (SELECT now FROM db_time) + $2
                      WHERE id IN (SELECT id FROM operations
                                    WHERE ended_at IS NULL AND next_attempt_at <= (SELECT now FROM db_time)
                                      AND (holder IS NULL OR lease_until < (SELECT now FROM db_time))
                                    ORDER BY next_attempt_at LIMIT $3)
                     RETURNING",
                    ""
                ),
                holder,
                lease,
                limit,
            )?
        };
        rows.into_iter().map(OperationRow::operation).collect()
    }

    /// The time, and when the next operation is due that nobody holds, or whose lease ends; nothing when none is open.
    pub async fn next_due(&mut self) -> Result<Option<(DbTime, DbTime)>, StoreError> {
        let row = fetch_optional!(
            self,
            (i64, Option<i64>),
            "SELECT (SELECT now FROM db_time),
                    min(CASE WHEN holder IS NULL OR lease_until < next_attempt_at THEN next_attempt_at
                             ELSE lease_until END)
               FROM operations WHERE ended_at IS NULL",
        )?;
        Ok(row.and_then(|(now, due)| Some((DbTime::from_store(now), DbTime::from_store(due?)))))
    }

    /// Extends the leases of the turns, operation and fence, that `holder` has in its hands. What it no longer works on is not among
    /// them: that lease has to end, so that somebody picks the work up.
    pub async fn renew_leases(
        &mut self,
        holder: &str,
        in_hand: &[(OperationId, i64)],
        lease: Duration,
    ) -> Result<(), StoreError> {
        for (id, fence) in in_hand {
            execute!(
                self,
                "UPDATE operations SET lease_until = (SELECT now FROM db_time) + $3
                  WHERE id = $2 AND fence = $4 AND holder = $1 AND ended_at IS NULL
                    AND lease_until >= (SELECT now FROM db_time)",
                holder.to_owned(),
                id.to_string(),
                micros(lease),
                *fence,
            )?;
        }
        Ok(())
    }

    /// Gives an operation back that its worker could not write, due again after `wait`.
    pub async fn give_back(&mut self, id: OperationId, fence: i64, wait: Duration) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE operations SET holder = NULL, next_attempt_at = (SELECT now FROM db_time) + $3
              WHERE id = $1 AND fence = $2 AND holder IS NOT NULL AND ended_at IS NULL",
            id.to_string(),
            fence,
            micros(wait),
        )?;
        Ok(())
    }

    /// Whether the worker with this fence still has the operation, and for at least `cover` more.
    pub async fn lease_covers(
        &mut self,
        turn: (OperationId, i64),
        cover: Duration,
    ) -> Result<bool, StoreError> {
        let row = fetch_optional!(
            self,
            (String,),
            "SELECT id FROM operations
              WHERE id = $1 AND fence = $2 AND ended_at IS NULL AND lease_until >= (SELECT now FROM db_time) + $3",
            turn.0.to_string(),
            turn.1,
            micros(cover),
        )?;
        Ok(row.is_some())
    }

    /// Writes an operation as its worker sees it. [`StoreError::Superseded`] when a newer worker has it.
    pub async fn save_operation(&mut self, operation: &Operation, leave: Leave) -> Result<(), StoreError> {
        let (keep, due, taken_at) = match leave {
            Leave::Keep => (1_i64, None, None),
            Leave::Until(due) => (0, Some(due), None),
            Leave::Pause { due, taken_at } => (0, Some(due), taken_at),
        };
        let changed = execute!(
            self,
            "UPDATE operations SET state = $4, steps = $5, facts = $6, waiting_until = $8,
                    next_attempt_at = CASE WHEN $11 IS NOT NULL THEN NULL
                                           WHEN $12 = 1 OR next_attempt_at > $13 THEN next_attempt_at
                                           ELSE $7 END,
                    error = $9, blocked_by = $10, ended_at = $11,
                    holder = CASE WHEN $12 = 1 AND $11 IS NULL THEN holder ELSE NULL END
              WHERE id = $1 AND epoch = $2 AND fence = $3 AND ended_at IS NULL",
            operation.id.to_string(),
            operation.epoch,
            operation.fence,
            operation.state.as_str(),
            to_json(&operation.steps),
            to_json(&operation.facts),
            due.map(DbTime::micros),
            operation.waiting_until.map(DbTime::micros),
            operation.error.as_ref().map(to_json),
            operation.blocked_by.map(|party| match party {
                Party::Operator => "operator",
                Party::Customer => "customer",
            }),
            operation.ended_at.map(DbTime::micros),
            keep,
            taken_at.map(DbTime::micros),
        )?;
        if changed == 0 {
            Err(StoreError::Superseded)
        } else {
            Ok(())
        }
    }

    /// Takes an operation away from whoever works on it, for a decision that overrides it: from here on the
    /// old worker cannot write.
    pub async fn seize_operation(&mut self, id: OperationId) -> Result<Option<Operation>, StoreError> {
        fetch_optional!(
            self,
            OperationRow,
            columns!(
                "UPDATE operations SET fence = fence + 1, holder = NULL, lease_until = NULL
                  WHERE id = $1 AND ended_at IS NULL RETURNING",
                ""
            ),
            id.to_string(),
        )?
        .map(OperationRow::operation)
        .transpose()
    }

    /// Makes an open operation due now.
    pub async fn hasten_operation(&mut self, id: OperationId) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE operations SET next_attempt_at = (SELECT now FROM db_time) WHERE id = $1 AND ended_at IS NULL",
            id.to_string(),
        )?;
        Ok(changed == 1)
    }

    /// An operation by id; with `tenant`, only if it is that tenant's.
    pub async fn operation(
        &mut self,
        id: OperationId,
        tenant: Option<TenantId>,
    ) -> Result<Option<Operation>, StoreError> {
        fetch_optional!(
            self,
            OperationRow,
            columns!(
                "SELECT",
                "FROM operations WHERE id = $1 AND ($2 IS NULL OR tenant = $2)"
            ),
            id.to_string(),
            tenant.map(|t| t.to_string()),
        )?
        .map(OperationRow::operation)
        .transpose()
    }

    /// The open operation of a name.
    pub async fn open_operation(&mut self, name: &DomainName) -> Result<Option<Operation>, StoreError> {
        fetch_optional!(
            self,
            OperationRow,
            columns!("SELECT", "FROM operations WHERE name = $1 AND ended_at IS NULL"),
            name.as_str().to_owned(),
        )?
        .map(OperationRow::operation)
        .transpose()
    }

    /// The newest operation of a claim that succeeded.
    pub async fn newest_succeeded(&mut self, claim: ClaimId) -> Result<Option<Operation>, StoreError> {
        fetch_optional!(
            self,
            OperationRow,
            columns!(
                "SELECT",
                "FROM operations WHERE claim_id = $1 AND state = 'succeeded' ORDER BY id DESC LIMIT 1"
            ),
            claim.to_string(),
        )?
        .map(OperationRow::operation)
        .transpose()
    }

    /// A page of operations, oldest first.
    pub async fn list_operations(
        &mut self,
        filter: &OperationFilter,
        page: &Page,
    ) -> Result<Vec<Operation>, StoreError> {
        fetch_all!(
            self,
            OperationRow,
            columns!(
                "SELECT",
                "FROM operations
                  WHERE ($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR pool = $3)
                    AND ($4 IS NULL OR name = $4) AND ($5 IS NULL OR claim_id = $5) AND ($6 IS NULL OR id > $6)
                  ORDER BY id LIMIT $7"
            ),
            filter.tenant.map(|t| t.to_string()),
            filter.state.map(|s| s.as_str().to_owned()),
            filter.pool.as_ref().map(|p| p.as_str().to_owned()),
            filter.name.as_ref().map(|n| n.as_str().to_owned()),
            filter.claim.map(|c| c.to_string()),
            page.after.clone(),
            page.limit,
        )?
        .into_iter()
        .map(OperationRow::operation)
        .collect()
    }

    /// How many open operations are in each state, and the age of the oldest, for metrics and alarms.
    pub async fn count_open_operations(&mut self) -> Result<Vec<(String, i64, i64)>, StoreError> {
        fetch_all!(
            self,
            (String, i64, i64),
            "SELECT state, count(*), (SELECT now FROM db_time) - min(created_at)
               FROM operations WHERE ended_at IS NULL GROUP BY state",
        )
    }
}
