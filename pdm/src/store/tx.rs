//! One transaction, on either database.
//!
//! Statements are written once: both databases take `$1` placeholders, `RETURNING`, `ON CONFLICT` and the view
//! `db_time`. The macros [`execute!`], [`fetch_optional!`] and [`fetch_all!`] send one text to whichever database
//! the transaction is on.

use sqlx::{PgConnection, SqliteConnection};

use super::StoreError;
use crate::clock::DbTime;

/// A transaction, or for reads a connection. What it did is seen by others after its end only.
pub struct Tx<'c> {
    pub(super) conn: Conn<'c>,
    now: Option<DbTime>,
    /// Whether events were written, so that the sequencer is woken after the commit.
    pub(super) wrote_events: bool,
    /// Whether a statement failed. PostgreSQL rolls such a transaction back whatever follows, and says so to nobody
    /// who only asks for a COMMIT: what the unit answers must not count as done, on either database.
    pub(super) broken: bool,
}

pub(super) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        match &mut $tx.conn {
            $crate::store::tx::Conn::Sqlite(c) => {
                sqlx::query($sql)$(.bind($bind))*.execute(&mut **c).await.map(|done| done.rows_affected())
            }
            $crate::store::tx::Conn::Postgres(c) => {
                sqlx::query($sql)$(.bind($bind))*.execute(&mut **c).await.map(|done| done.rows_affected())
            }
        }
        .map_err(|error| $tx.broke(error))
    };
}

macro_rules! fetch {
    ($method:ident, $tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match &mut $tx.conn {
            $crate::store::tx::Conn::Sqlite(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$method(&mut **c).await
            }
            $crate::store::tx::Conn::Postgres(c) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$method(&mut **c).await
            }
        }
        .map_err(|error| $tx.broke(error))
    };
}

macro_rules! fetch_optional {
    ($($arg:tt)*) => { $crate::store::tx::fetch!(fetch_optional, $($arg)*) };
}

macro_rules! fetch_all {
    ($($arg:tt)*) => { $crate::store::tx::fetch!(fetch_all, $($arg)*) };
}

pub(super) use {execute, fetch, fetch_all, fetch_optional};

impl<'c> Tx<'c> {
    /// On a connection whose transaction may have read the time already.
    pub(super) fn sqlite(conn: &'c mut SqliteConnection, now: Option<DbTime>) -> Self {
        Self {
            conn: Conn::Sqlite(conn),
            now,
            wrote_events: false,
            broken: false,
        }
    }

    pub(super) fn postgres(conn: &'c mut PgConnection) -> Self {
        Self {
            conn: Conn::Postgres(conn),
            now: None,
            wrote_events: false,
            broken: false,
        }
    }

    /// Notes that a statement failed.
    pub(super) fn broke(&mut self, error: sqlx::Error) -> StoreError {
        self.broken = true;
        error.into()
    }

    /// What a unit answers, unless a statement of its failed: then the transaction is void.
    pub(super) fn verdict<T, E: From<StoreError>>(&self, result: Result<T, E>) -> Result<T, E> {
        if self.broken {
            result.and(Err(StoreError::Contention.into()))
        } else {
            result
        }
    }

    /// The database's time, read once per transaction. For what is shown and for pure decisions whose outcome a
    /// guarded statement confirms; statements that race with time read `db_time` themselves.
    pub async fn now(&mut self) -> Result<DbTime, StoreError> {
        if let Some(now) = self.now {
            return Ok(now);
        }
        let row = fetch_optional!(self, (i64,), "SELECT now FROM db_time")?;
        let now = DbTime::from_store(row.map_or(0, |(now,)| now));
        self.now = Some(now);
        Ok(now)
    }

    /// The time of the transaction, if it was read.
    pub(super) const fn time_read(&self) -> Option<DbTime> {
        self.now
    }

    /// Serialises what decides about names below `domain` until the transaction ends. SQLite has one writer
    /// anyway.
    pub async fn lock_domain(&mut self, domain: &str) -> Result<(), StoreError> {
        if matches!(self.conn, Conn::Postgres(_)) {
            execute!(
                self,
                "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
                domain.to_owned()
            )?;
        }
        Ok(())
    }

    /// The suffix that locks selected rows and skips those that others hold, where the database knows it.
    pub(super) const fn is_postgres(&self) -> bool {
        matches!(self.conn, Conn::Postgres(_))
    }
}
