//! PostgreSQL: any number of replicas, each unit of work a transaction of its own.
//!
//! READ COMMITTED is enough, because every decision is a guarded update of one row or is taken under the lock of
//! its domain. The server groups commits by itself.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::StoreError;

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url)
        .map(|options| options.application_name("pdm"))
        .map_err(|_| StoreError::Unavailable("store.url is not a PostgreSQL address".to_owned()))
}

/// Brings the tables up to date. Without the time-outs of ordinary work: replicas that start together wait for each other
/// here.
pub(super) async fn migrate(url: &str) -> Result<(), StoreError> {
    let mut conn = options(url)?.connect().await?;
    sqlx::migrate!("migrations/postgres")
        .run(&mut conn)
        .await
        .map_err(|e| StoreError::Refused(e.to_string()))?;
    conn.close().await?;
    Ok(())
}

/// Connects for ordinary work, or only to look.
pub(super) async fn connect(url: &str, only_reads: bool) -> Result<PgPool, StoreError> {
    let options = options(url)?.options([
        (
            "default_transaction_read_only",
            if only_reads { "on" } else { "off" },
        ),
        ("statement_timeout", "5s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "10s"),
        // What a 2xx said must survive a crash of the database.
        ("synchronous_commit", "on"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await?)
}
