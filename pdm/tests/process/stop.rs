//! Ending in order, starting again, and who may not start.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use conformance::world::Store as Databases;
use conformance_servers::free_port;
use tokio::process::Child;

use crate::caller::http;
use crate::clients::Client;
use crate::fleet::{Fleet, pdm};
use crate::ledger::Ledger;
use crate::random::{Random, seed};
use crate::{Load, TURN, aftermath};

/// Within what a process has ended that was asked to.
const END: Duration = Duration::from_secs(15);

/// `pdm serve` as a child of ours, whose exit status is seen.
fn serve(fleet: &Fleet) -> Child {
    let replica = &fleet.replicas[0];
    let log = std::fs::File::options().append(true).open(&replica.log).unwrap();
    pdm()
        .args(["serve", "--config"])
        .arg(&replica.config)
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn is_ready(fleet: &Fleet) -> bool {
    let answer = http()
        .get(format!("{}/readyz", fleet.replicas[0].url))
        .send()
        .await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

async fn wait_until_ready(fleet: &Fleet, child: &mut Child) {
    while !is_ready(fleet).await {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// SIGTERM, and the exit status.
async fn terminate(child: &mut Child) -> ExitStatus {
    let pid = child.id().expect("it runs").to_string();
    let asked = tokio::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .await;
    assert!(asked.unwrap().success());
    let ended = tokio::time::timeout(END, child.wait()).await;
    ended.expect("it ends within its time").unwrap()
}

async fn open_operations(fleet: &Fleet) -> Vec<[String; 1]> {
    let open = "SELECT id FROM operations WHERE ended_at IS NULL";
    fleet.database.rows::<1>(open).await
}

/// A roll-out: it is asked to stop while clients are at work and one follows the events; it ends with status 0 and the
/// next process carries on, while clients are already knocking.
async fn stop_and_carry_on(databases: Databases) {
    let _turn = TURN.lock().await;
    let mut random = Random::new(seed());
    let ledger = Arc::new(Ledger::default());
    let fleet = Fleet::start(databases, 1).await;
    fleet.replicas[0].process.stop().await;
    let mut process = serve(&fleet);
    wait_until_ready(&fleet, &mut process).await;

    let load = Load::start(&fleet, 8, &mut random, &ledger);
    for _ in 0..4 {
        while open_operations(&fleet).await.is_empty() {
            tokio::time::sleep(random.millis(20, 400)).await;
        }
        let stream = http()
            .get(format!("{}/v1/events", fleet.replicas[0].url))
            .bearer_auth(&fleet.tenants[0].key)
            .send()
            .await
            .unwrap();
        assert_eq!(stream.status(), 200);
        let status = terminate(&mut process).await;
        assert!(status.success(), "{status}");
        ledger.count("stops in order");
        drop(stream);

        let left_open = open_operations(&fleet).await;
        ledger.count(if left_open.is_empty() {
            "stops with nothing left open"
        } else {
            "stops with work left open"
        });
        process = serve(&fleet);
        wait_until_ready(&fleet, &mut process).await;
    }
    let mut told = load.end().await;
    let mut crowds = Client::new(fleet.caller(&http(), 0, random.fork(), &ledger), 8);
    crowds.crowd("crowd-after-stops").await;
    told.extend(crowds.told());
    aftermath::examine(&fleet, &told, random, &ledger).await;
    println!("{} claims: {}", told.len(), ledger.summary());
    ledger.assert_nothing_wrong();
    assert!(
        ledger.counted("stops with work left open") > 0,
        "no stop came into work that another process had to finish"
    );
    assert!(terminate(&mut process).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_order_ends_well_and_work_carries_on_on_sqlite() {
    stop_and_carry_on(Databases::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_order_ends_well_and_work_carries_on_on_postgres() {
    stop_and_carry_on(Databases::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_one_sqlite_file_refuses_to_start() {
    let _turn = TURN.lock().await;
    let fleet = Fleet::start(Databases::Sqlite, 1).await;
    let first = &fleet.replicas[0];
    let settings = std::fs::read_to_string(&first.config).unwrap();
    let (listen, others) = settings.split_once('\n').unwrap();
    assert!(listen.starts_with("listen"), "{listen}");
    let second = fleet.directory().join("second.toml");
    let port = free_port().unwrap();
    std::fs::write(&second, format!("listen = \"127.0.0.1:{port}\"\n{others}")).unwrap();

    for command in ["serve", "migrate"] {
        let refused = pdm()
            .arg(command)
            .arg("--config")
            .arg(&second)
            .kill_on_drop(true)
            .output();
        let refused = tokio::time::timeout(END, refused)
            .await
            .expect("it refuses at once")
            .unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "{command}: {said}");
        let database = fleet.directory().join("pdm.db").display().to_string();
        assert!(
            said.contains("another process has") && said.contains(&database),
            "{command}: {said}"
        );
    }
    assert!(is_ready(&fleet).await, "the first one goes on");

    // A process that was killed leaves nothing behind that keeps the next one out.
    first.process.kill();
    let mut process = serve(&fleet);
    wait_until_ready(&fleet, &mut process).await;
    assert!(terminate(&mut process).await.success());
}
