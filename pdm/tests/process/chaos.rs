//! What breaks while clients are at work, drawn from the seed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use conformance_servers::{Direction, Link};
use tokio::task::JoinSet;

use crate::fleet::{Fleet, LEASE, Replica};
use crate::ledger::Ledger;
use crate::random::Random;

/// How often each thing happens.
#[derive(Clone, Copy, Default)]
pub struct Plan {
    /// SIGKILL of a replica, and another start.
    pub kills: usize,
    /// SIGSTOP of a replica for longer than its lease.
    pub pauses: usize,
    /// Commits of a replica whose connection is cut, half of them after they arrived.
    pub cuts: usize,
    /// Immediate stop of PostgreSQL, and another start.
    pub database_stops: usize,
    /// SIGKILL of a PowerDNS, and another start.
    pub server_kills: usize,
    /// SIGSTOP of a PowerDNS for longer than a call may take: what was sent is applied late.
    pub server_pauses: usize,
    /// Longest time between two of them, milliseconds.
    pub spacing: u64,
}

#[derive(Clone, Copy)]
enum Blow {
    Kill,
    Pause,
    Cut,
    StopDatabase,
    KillServer,
    PauseServer,
}

impl Plan {
    fn blows(self, random: &mut Random) -> Vec<Blow> {
        let counts = [
            (Blow::Kill, self.kills),
            (Blow::Pause, self.pauses),
            (Blow::Cut, self.cuts),
            (Blow::StopDatabase, self.database_stops),
            (Blow::KillServer, self.server_kills),
            (Blow::PauseServer, self.server_pauses),
        ];
        let mut blows: Vec<Blow> = counts
            .iter()
            .flat_map(|(blow, count)| std::iter::repeat_n(*blow, *count))
            .collect();
        random.shuffle(&mut blows);
        blows
    }
}

/// Strikes as planned, and leaves everything running.
pub async fn strike(fleet: Arc<Fleet>, plan: Plan, mut random: Random, ledger: Arc<Ledger>) {
    let mut pauses = JoinSet::new();
    let mut paused = None;
    for blow in plan.blows(&mut random) {
        tokio::time::sleep(random.millis(50, plan.spacing)).await;
        while let Some(ended) = pauses.try_join_next() {
            ended.expect("a pause ends");
            paused = None;
        }
        let number = random.below(fleet.replicas.len());
        match blow {
            Blow::Kill => {
                // A process that stands still shall carry on with its old beliefs.
                let number = match paused {
                    Some(other) if other == number => (number + 1) % fleet.replicas.len(),
                    _ => number,
                };
                kill(&fleet.replicas[number], &mut random, &ledger).await;
            }
            Blow::Pause => {
                while let Some(ended) = pauses.join_next().await {
                    ended.expect("a pause ends");
                }
                paused = Some(number);
                let (fleet, ledger) = (Arc::clone(&fleet), Arc::clone(&ledger));
                pauses.spawn(async move { pause(&fleet.replicas[number], &ledger).await });
            }
            Blow::Cut => cut(&fleet.replicas[number], &mut random, &ledger).await,
            Blow::StopDatabase => stop_database(&fleet, &mut random, &ledger).await,
            Blow::KillServer => kill_server(&fleet, &mut random, &ledger).await,
            Blow::PauseServer => pause_server(&fleet, &mut random, &ledger).await,
        }
    }
    while let Some(ended) = pauses.join_next().await {
        ended.expect("a pause ends");
    }
}

async fn kill(replica: &Replica, random: &mut Random, ledger: &Ledger) {
    if replica.process.pid().is_none() {
        ledger.wrong(format!("{} had ended by itself", replica.url));
    }
    replica.process.kill();
    ledger.count("kills of a replica");
    tokio::time::sleep(random.millis(0, 300)).await;
    let began = Instant::now();
    if let Err(error) = replica.start().await {
        ledger.wrong(format!("{} did not start again: {error:#}", replica.url));
    }
    // People want to know how long clients miss a replica; no promise hangs on it.
    println!("{} was ready {:?} after its start", replica.url, began.elapsed());
}

async fn pause(replica: &Replica, ledger: &Ledger) {
    replica.process.suspend().expect("it runs");
    tokio::time::sleep(LEASE.mul_f64(1.6)).await;
    replica.process.resume().expect("it runs");
    ledger.count("pauses of a replica");
}

async fn cut(replica: &Replica, random: &mut Random, ledger: &Ledger) {
    let link = replica
        .link
        .as_ref()
        .expect("a replica with a way to its database");
    let commit = Link::CutAt {
        bytes: b"COMMIT".to_vec(),
        deliver: random.percent(50),
    };
    link.set(Direction::ToServer, commit);
    tokio::time::sleep(random.millis(100, 500)).await;
    link.heal();
    ledger.count("cuts inside COMMIT");
}

async fn stop_database(fleet: &Fleet, random: &mut Random, ledger: &Ledger) {
    let postgres = fleet.servers.postgres.as_ref().expect("a world with PostgreSQL");
    postgres.stop_immediately().await.expect("it runs");
    tokio::time::sleep(random.millis(100, 800)).await;
    postgres.restart().await.expect("it starts again");
    ledger.count("stops of PostgreSQL");
    // A PowerDNS that has lost its database may have ended.
    for server in fleet.written_to() {
        server.restart().await.expect("it starts again");
    }
}

async fn kill_server(fleet: &Fleet, random: &mut Random, ledger: &Ledger) {
    let servers = fleet.written_to();
    let server = servers[random.below(servers.len())];
    server.kill();
    tokio::time::sleep(random.millis(200, 1200)).await;
    server.restart().await.expect("it starts again");
    ledger.count("kills of a PowerDNS");
}

async fn pause_server(fleet: &Fleet, random: &mut Random, ledger: &Ledger) {
    let servers = fleet.written_to();
    let server = servers[random.below(servers.len())];
    server.suspend().expect("it runs");
    tokio::time::sleep(Duration::from_millis(1800)).await;
    server.resume().expect("it runs");
    ledger.count("pauses of a PowerDNS");
}
