//! A PowerDNS server of a test: it serves, ends and comes back as its methods say.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::common::{Api, delegated, eventually};
use anyhow::Result;
use conformance_servers::{Backend, Postgres, PowerDns, dig};

#[tokio::test]
async fn serves_zones_made_through_its_api_and_keeps_them_over_a_kill() -> Result<()> {
    let server = PowerDns::builder("one").start().await?;
    let api = Api::of(&server);
    api.make_zone("kept.test.", &[("kept.test.", "NS", "ns.kept.test.")])
        .await?;
    assert_eq!(
        dig(server.dns(), "kept.test", "NS", &[]).await?.data("NS"),
        ["ns.kept.test."]
    );

    server.kill();
    assert_eq!(server.pid(), None);
    assert!(
        dig(server.dns(), "kept.test", "NS", &[]).await.is_err(),
        "a killed server does not answer"
    );

    server.restart().await?;
    assert_eq!(
        dig(server.dns(), "kept.test", "NS", &[]).await?.data("NS"),
        ["ns.kept.test."]
    );
    Ok(())
}

#[tokio::test]
async fn the_pid_is_that_of_the_serving_process() -> Result<()> {
    let server = PowerDns::builder("one").start().await?;
    let pid = server.pid().expect("it runs");
    let program = fs::read_to_string(format!("/proc/{pid}/comm"))?;
    assert_eq!(program.trim(), "pdns_server");
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    assert_eq!(children, "", "nobody serves on its behalf");
    Ok(())
}

#[tokio::test]
async fn a_suspended_server_is_silent_until_it_is_resumed() -> Result<()> {
    let server = PowerDns::builder("one").start().await?;
    Api::of(&server).make_zone("quiet.test.", &[]).await?;
    server.suspend()?;
    assert!(dig(server.dns(), "quiet.test", "SOA", &[]).await.is_err());
    server.resume()?;
    assert_eq!(
        dig(server.dns(), "quiet.test", "SOA", &[]).await?.status,
        "NOERROR"
    );
    Ok(())
}

#[tokio::test]
async fn ends_with_its_value_even_when_suspended() -> Result<()> {
    let server = PowerDns::builder("one").start().await?;
    let process = PathBuf::from(format!("/proc/{}", server.pid().expect("it runs")));
    server.suspend()?;
    assert!(process.exists());
    drop(server);
    assert!(!process.exists());
    Ok(())
}

#[tokio::test]
async fn outlives_the_thread_that_started_it() -> Result<()> {
    let start = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(PowerDns::builder("one").start())
    };
    let server = std::thread::spawn(start)
        .join()
        .expect("the thread does not panic")?;
    Api::of(&server).make_zone("alive.test.", &[]).await?;
    Ok(())
}

/// The body of the test below runs in a process of its own, which is then killed.
#[tokio::test]
async fn ends_when_the_process_that_started_it_is_killed() -> Result<()> {
    const WHERE: &str = "CONFORMANCE_TEST_PID_FILE";
    if let Some(file) = std::env::var_os(WHERE) {
        let server = PowerDns::builder("one").start().await?;
        let whole = PathBuf::from(&file).with_extension("part");
        fs::write(&whole, server.pid().expect("it runs").to_string())?;
        fs::rename(whole, file)?;
        std::future::pending::<()>().await;
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("pid");
    let mut starter = Command::new(std::env::current_exe()?)
        .args([
            "--exact",
            "powerdns::ends_when_the_process_that_started_it_is_killed",
        ])
        .env(WHERE, &file)
        .env("TMPDIR", folder.path())
        .spawn()?;
    eventually("the server runs", || file.exists()).await;
    let process = PathBuf::from(format!("/proc/{}", fs::read_to_string(&file)?));
    assert!(process.exists());
    starter.kill()?;
    starter.wait()?;
    eventually("the server has ended", || {
        // A dead process stays listed until its new parent has asked for it.
        fs::read_to_string(process.join("stat")).map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn keeps_its_key_and_zones_in_a_folder_of_the_caller() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = PowerDns::builder("one").directory(folder.path()).start().await?;
    let key = first.api_key().to_owned();
    Api::of(&first).make_zone("stays.test.", &[]).await?;
    first.stop().await;
    drop(first);
    let second = PowerDns::builder("one").directory(folder.path()).start().await?;
    assert_eq!(second.api_key(), key);
    assert_eq!(fs::read_to_string(second.api_key_file())?, key);
    assert_eq!(
        dig(second.dns(), "stays.test", "SOA", &[]).await?.status,
        "NOERROR"
    );
    Ok(())
}

#[tokio::test]
async fn a_setting_of_the_caller_wins() -> Result<()> {
    let server = PowerDns::builder("one")
        .setting("cache-ttl", "1")
        .setting("version-string", "mine")
        .start()
        .await?;
    let config = Api::of(&server).get("/config").await?;
    let value = |name: &str| config.as_array()?.iter().find(|item| item["name"] == name)?["value"].as_str();
    assert_eq!(value("cache-ttl"), Some("1"));
    assert_eq!(value("version-string"), Some("mine"));
    assert_eq!(value("negquery-cache-ttl"), Some("0"));
    Ok(())
}

#[tokio::test]
async fn an_unknown_setting_fails_the_start_and_says_why() {
    let error = PowerDns::builder("one")
        .setting("no-such-setting", "1")
        .start()
        .await
        .expect_err("it cannot start");
    assert!(format!("{error:#}").contains("no-such-setting"), "{error:#}");
}

#[tokio::test]
async fn two_servers_on_one_postgres_database_serve_the_same_zones() -> Result<()> {
    let postgres = Postgres::builder().start().await?;
    let database = postgres.create_database("pdns").await?;
    let start = |name: &str| {
        PowerDns::builder(name)
            .backend(Backend::Postgres(database.clone()))
            .start()
    };
    let (first, second) = tokio::try_join!(start("one"), start("two"))?;
    Api::of(&first).make_zone("shared.test.", &[]).await?;
    assert_eq!(
        dig(second.dns(), "shared.test", "SOA", &[]).await?.status,
        "NOERROR"
    );
    Ok(())
}

#[tokio::test]
async fn many_servers_started_at_once_do_not_take_each_others_ports() -> Result<()> {
    let starts = (0..12).map(|n| tokio::spawn(PowerDns::builder(format!("server-{n}")).start()));
    let mut servers = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        servers.push(start.await??);
    }
    let mut ports: Vec<u16> = servers.iter().map(|server| server.dns().port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), servers.len());
    // Each answers with its own key on its own address.
    for server in &servers {
        tokio::time::timeout(
            Duration::from_secs(30),
            Api::of(server).make_zone("own.test.", &[]),
        )
        .await??;
    }
    Ok(())
}

#[tokio::test]
async fn serves_a_signed_zone_with_its_delegation() -> Result<()> {
    let server = PowerDns::builder("one").start().await?;
    let api = Api::of(&server);
    let data = api
        .make_zone("parent.test.", &delegated("child.parent.test."))
        .await?;
    assert!(data.starts_with("257 3 13 "), "{data}");
    let referral = dig(server.dns(), "www.child.parent.test", "A", &["+norec"]).await?;
    assert!(!referral.has_flag("aa"));
    assert_eq!(referral.authority.len(), 1, "{referral:?}");
    Ok(())
}
