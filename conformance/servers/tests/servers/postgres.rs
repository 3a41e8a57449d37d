//! The private PostgreSQL cluster: what it acknowledged survives its end, in whatever way it ends.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use conformance_servers::{Database, Postgres};

/// The unaligned output of one statement.
fn query(database: &Database, statement: &str) -> Result<String> {
    let output = Command::new("psql")
        .args(["-XAtq", "-d", &database.url(), "-c", statement])
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test]
async fn keeps_what_it_acknowledged_over_kill_immediate_stop_and_stop() -> Result<()> {
    let postgres = Postgres::builder().start().await?;
    let database = postgres.create_database("facts").await?;
    assert_eq!(query(&database, "SHOW fsync")?, "on");
    query(&database, "CREATE TABLE facts (n integer)")?;

    query(&database, "INSERT INTO facts VALUES (1)")?;
    postgres.kill();
    assert_eq!(postgres.pid(), None);
    postgres.restart().await?;

    query(&database, "INSERT INTO facts VALUES (2)")?;
    postgres.stop_immediately().await?;
    assert!(query(&database, "SELECT 1").is_err());
    postgres.restart().await?;

    query(&database, "INSERT INTO facts VALUES (3)")?;
    postgres.stop().await;
    postgres.restart().await?;

    assert_eq!(
        query(&database, "SELECT string_agg(n::text, ',' ORDER BY n) FROM facts")?,
        "1,2,3"
    );
    Ok(())
}

#[tokio::test]
async fn the_pid_is_that_of_the_server_and_not_of_root() -> Result<()> {
    let postgres = Postgres::builder().setting("work_mem", "5MB").start().await?;
    let pid = postgres.pid().context("it runs")?;
    assert_eq!(
        fs::read_to_string(format!("/proc/{pid}/comm"))?.trim(),
        "postgres"
    );
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let uids = status
        .lines()
        .find(|line| line.starts_with("Uid:"))
        .context("every process has one")?;
    assert!(uids.split_whitespace().skip(1).all(|uid| uid != "0"), "{uids}");
    let database = postgres.create_database("one").await?;
    assert_eq!(query(&database, "SHOW work_mem")?, "5MB");
    Ok(())
}

#[tokio::test]
async fn databases_and_the_powerdns_schema_are_made_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let postgres = Postgres::start(folder.path()).await?;
    let database = postgres.create_database("pdns").await?;
    tokio::try_join!(database.load_powerdns_schema(), database.load_powerdns_schema())?;
    query(
        &database,
        "INSERT INTO domains (name, type) VALUES ('kept.test', 'NATIVE')",
    )?;
    drop(postgres);

    let postgres = Postgres::start(folder.path()).await?;
    let database = postgres.create_database("pdns").await?;
    database.load_powerdns_schema().await?;
    assert_eq!(query(&database, "SELECT name FROM domains")?, "kept.test");
    postgres
        .create_database("pdns; DROP DATABASE pdns")
        .await
        .expect_err("not a plain name");
    Ok(())
}
