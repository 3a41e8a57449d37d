//! PostgreSQL: any number of replicas, each unit of work a transaction of its own.
//!
//! READ COMMITTED is enough, because every decision is a guarded update of one row or is taken under the lock of
//! its domain. The server groups commits by itself.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::StoreError;

pub(super) async fn open(url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Unavailable("store.url is not a PostgreSQL address".to_owned()))?
        .application_name("pdm")
        .options([
            ("statement_timeout", "5s"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "10s"),
            // What a 2xx said must survive a crash of the database.
            ("synchronous_commit", "on"),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await?;
    sqlx::migrate!("migrations/postgres").run(&pool).await.map_err(|e| StoreError::Refused(e.to_string()))?;
    Ok(pool)
}
