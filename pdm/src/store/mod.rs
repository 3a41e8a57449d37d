//! What is remembered.
//!
//! Two databases, one store: [`Store::write`] runs a unit of work in a transaction, [`Store::read`] on a
//! connection that only reads. A unit gets a [`Tx`], whose methods are spread over this folder by subject.
//! Each statement is written once and valid on both databases; the contract suite runs every method on both.
//!
//! To add a table: a migration in both folders, a file here with its methods, and its promises in the contract
//! suite, in one change.

mod audit;
mod claims;
mod error;
mod events;
mod idempotency;
mod journal;
mod leases;
mod operations;
mod orphans;
mod parents;
mod pools;
mod postgres;
mod propagation;
mod records;
mod sqlite;
mod tenants;
mod tx;
mod unit;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, oneshot};

pub use audit::{AuditEntry, NewAudit};
pub use claims::{ClaimFilter, NewClaim, Taken};
pub use error::StoreError;
pub(crate) use events::with_time;
pub use events::{EventRow, NewEvent};
pub use idempotency::{Kept, NewKept};
pub use journal::{Entry, NewEntry};
pub use leases::Lease;
pub use operations::{Leave, NewOperation, OperationFilter};
pub use orphans::Orphan;
pub use parents::{FullLook, ParentSerial};
pub use tenants::{ApiKey, NewKey, Tenant};
pub use tx::Tx;

use crate::clock::DbTime;
use sqlite::Sqlite;

/// The store, on whichever database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Backend>,
    /// Events were committed without a number.
    events: Arc<Notify>,
    /// Events have got their numbers.
    numbered: Arc<Notify>,
}

enum Backend {
    Sqlite(Sqlite),
    Postgres(sqlx::PgPool),
}

/// Page of a list: rows after an id, at most so many.
#[derive(Clone, Debug)]
pub struct Page {
    /// Last id of the page before.
    pub after: Option<String>,
    /// Most rows.
    pub limit: i64,
}

impl Store {
    /// Opens the store that `url` names (`sqlite:PATH` or `postgres://…`) and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let backend = if let Some(path) = url.strip_prefix("sqlite:") {
            Backend::Sqlite(Sqlite::open(Path::new(path.trim_start_matches("//"))).await?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            {
                postgres::migrate(url).await?;
                Backend::Postgres(postgres::connect(url, false).await?)
            }
        } else {
            return Err(StoreError::Unavailable(
                "store.url must begin with sqlite: or postgres://".to_owned(),
            ));
        };
        Ok(Self {
            inner: Arc::new(backend),
            events: Arc::new(Notify::new()),
            numbered: Arc::new(Notify::new()),
        })
    }

    /// Opens the store to look only, beside a server that runs: takes no lock and changes no table. A unit of work on
    /// it fails.
    pub async fn open_for_reading(url: &str) -> Result<Self, StoreError> {
        let backend = match url.strip_prefix("sqlite:") {
            Some(path) => {
                Backend::Sqlite(Sqlite::open_for_reading(Path::new(path.trim_start_matches("//"))).await?)
            }
            None => Backend::Postgres(postgres::connect(url, true).await?),
        };
        Ok(Self {
            inner: Arc::new(backend),
            events: Arc::new(Notify::new()),
            numbered: Arc::new(Notify::new()),
        })
    }

    /// Runs `work` in a transaction that is committed when it answers `Ok` and rolled back otherwise.
    ///
    /// The answer is given after the commit is durable. When the fate of a commit is unknown the error is
    /// [`StoreError::Unconfirmed`], never a guess. `work` must not wait for anything but the transaction: no call
    /// to the outside, no second unit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (result, wrote_events) = match &*self.inner {
            Backend::Sqlite(sqlite) => {
                let (reply, answer) = oneshot::channel();
                let gone = || StoreError::Unavailable("the store is closed".to_owned());
                let unit = Box::new(unit::Typed::new(Box::new(work), reply));
                sqlite.units.send(unit).await.map_err(|_| gone())?;
                answer.await.map_err(|_| gone())?
            }
            Backend::Postgres(pool) => {
                // On a task of its own: a caller that goes away in the middle must not leave a connection with an
                // open transaction behind, nor half of a unit.
                let pool = pool.clone();
                let unit = tokio::spawn(async move { write_postgres(&pool, work).await });
                unit.await
                    .map_err(|_| StoreError::Refused("a unit of work panicked".to_owned()))??
            }
        };
        if wrote_events {
            self.events.notify_one();
        }
        result
    }

    /// Runs `work` on a connection that reads.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>>,
    {
        match &*self.inner {
            Backend::Sqlite(sqlite) => {
                let mut conn = sqlite.read.acquire().await.map_err(StoreError::from)?;
                work(&mut Tx::sqlite(&mut conn, None)).await
            }
            Backend::Postgres(pool) => {
                let mut conn = pool.acquire().await.map_err(StoreError::from)?;
                work(&mut Tx::postgres(&mut conn)).await
            }
        }
    }

    /// The database's time.
    pub async fn now(&self) -> Result<DbTime, StoreError> {
        self.read(|tx| Box::pin(tx.now())).await
    }

    /// Moves the database's time by so much from what it really is. For tests: nothing in the program calls it.
    pub async fn move_time(&self, by: Duration) -> Result<(), StoreError> {
        let by = crate::clock::micros(by);
        self.write(move |tx| {
            Box::pin(async move {
                tx::execute!(tx, "UPDATE clock SET offset_us = offset_us + $1", by)?;
                Ok(())
            })
        })
        .await
    }

    /// Resolves when a transaction of this process has written events since the last time.
    pub async fn events_written(&self) {
        self.events.notified().await;
    }

    /// Tells readers of streams that events have got their numbers.
    pub fn tell_events_numbered(&self) {
        self.numbered.notify_waiters();
    }

    /// Waits until events have got their numbers in this process, at most so long.
    pub async fn events_numbered(&self, at_most: Duration) {
        let _ = tokio::time::timeout(at_most, self.numbered.notified()).await;
    }

    /// `sqlite` or `postgres`, for people.
    pub fn kind(&self) -> &'static str {
        match &*self.inner {
            Backend::Sqlite(_) => "sqlite",
            Backend::Postgres(_) => "postgres",
        }
    }
}

async fn write_postgres<T, E, F>(pool: &sqlx::PgPool, work: F) -> Result<(Result<T, E>, bool), E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
{
    let mut transaction = pool.begin().await.map_err(StoreError::from)?;
    let mut tx = Tx::postgres(&mut transaction);
    let result = work(&mut tx).await;
    let (result, wrote_events) = (tx.verdict(result), tx.wrote_events);
    if result.is_ok() {
        transaction
            .commit()
            .await
            .map_err(|error| match StoreError::from(error) {
                // The connection broke between COMMIT and its answer.
                StoreError::Unavailable(_) => StoreError::Unconfirmed,
                other => other,
            })?;
    }
    Ok((result, wrote_events))
}

/// Reads a JSON column.
fn json<T: serde::de::DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    id: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Inconsistent {
        table,
        column,
        id: id.to_owned(),
    })
}

/// Reads a column that has a text form of its own.
fn parse<T>(parsed: Option<T>, table: &'static str, column: &'static str, id: &str) -> Result<T, StoreError> {
    parsed.ok_or_else(|| StoreError::Inconsistent {
        table,
        column,
        id: id.to_owned(),
    })
}

/// Writes a JSON column. Our own types always serialise: they hold no maps with odd keys.
fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types serialise")
}
