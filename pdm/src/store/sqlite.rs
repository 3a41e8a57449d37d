//! SQLite: one file, one process, one writer that commits many units of work at once.
//!
//! Each unit runs in a savepoint of its own, so a unit that fails leaves the others alone; nobody gets an answer
//! before the COMMIT that covers his unit is on disk. Under load this turns hundreds of syncs a second into a few.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::mpsc;

use super::unit::{BoxUnit, Verdict};
use super::{StoreError, Tx};
use crate::clock::DbTime;

/// Most units under one COMMIT: enough to make the sync cheap, few enough that nobody waits long for the last.
const MAX_UNITS: usize = 128;

pub(super) struct Sqlite {
    pub(super) units: mpsc::Sender<BoxUnit>,
    pub(super) read: SqlitePool,
    /// Held for as long as the store is open: a second process would break the one-writer rule.
    _lock: Option<File>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = lock_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged commit must survive power loss; NORMAL may lose it.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(256)
            .pragma("wal_autocheckpoint", "4000")
            // Savepoints keep the pages they may have to bring back; in a file that is most of all writing.
            .pragma("temp_store", "MEMORY");
        let mut writer = SqliteConnection::connect_with(&options).await?;
        sqlx::migrate!("migrations/sqlite")
            .run(&mut writer)
            .await
            .map_err(|e| StoreError::Refused(e.to_string()))?;
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        let (units, queue) = mpsc::channel(1024);
        tokio::spawn(write_units(writer, queue));
        Ok(Self {
            units,
            read,
            _lock: Some(lock),
        })
    }

    /// Without a writer: units of work find nobody who runs them.
    pub(super) async fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let read = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        Ok(Self {
            units: mpsc::channel(1).0,
            read,
            _lock: None,
        })
    }
}

fn lock_file(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::create(&name)
        .map_err(|e| StoreError::Unavailable(format!("cannot create {}: {e}", name.display())))?;
    file.try_lock().map_err(|_| {
        StoreError::Unavailable(format!(
            "another process has {} open; stop it first",
            path.display()
        ))
    })?;
    Ok(file)
}

async fn write_units(mut conn: SqliteConnection, mut queue: mpsc::Receiver<BoxUnit>) {
    while let Some(first) = queue.recv().await {
        if let Err(error) = conn.execute("BEGIN IMMEDIATE").await {
            first.finish(Err(error.into()));
            continue;
        }
        // One transaction, one time: each unit sees the one that the first asked for.
        let mut now = None;
        let mut ran = vec![run_one(&mut conn, first, "SAVEPOINT unit", &mut now).await];
        while ran.len() < MAX_UNITS
            && let Ok(next) = queue.try_recv()
        {
            ran.push(run_one(&mut conn, next, "RELEASE unit; SAVEPOINT unit", &mut now).await);
        }
        // COMMIT releases the last savepoint.
        let outcome = conn.execute("COMMIT").await;
        if outcome.is_err() {
            // The transaction may still be open after a full disk; if so it must not swallow what comes next.
            let _ = conn.execute("ROLLBACK").await;
        }
        for unit in ran {
            // SQLite says whether it committed: an error of COMMIT means that nothing was.
            unit.finish(
                outcome
                    .as_ref()
                    .map(|_| ())
                    .map_err(|e| StoreError::Unavailable(e.to_string())),
            );
        }
    }
    let _ = conn.close().await;
}

/// Runs a unit in the savepoint that `begin` opens. It stays open, so that one statement ends it and begins the next: each
/// is a way to the thread of the database and back.
async fn run_one(
    conn: &mut SqliteConnection,
    mut unit: BoxUnit,
    begin: &'static str,
    now: &mut Option<DbTime>,
) -> BoxUnit {
    if let Err(error) = conn.execute(begin).await {
        unit.fail(error.into());
        return unit;
    }
    let mut tx = Tx::sqlite(conn, *now);
    // A panic in one unit must not take the writer, and with it the service, down.
    let verdict = std::panic::AssertUnwindSafe(unit.run(&mut tx))
        .catch_unwind()
        .await;
    *now = tx.time_read();
    match verdict {
        Ok(Verdict::Keep) => return unit,
        Ok(Verdict::Discard) => {}
        Err(_) => unit.fail(StoreError::Refused("a unit of work panicked".to_owned())),
    }
    if let Err(error) = conn.execute("ROLLBACK TO unit").await {
        unit.fail(error.into());
    }
    unit
}
