//! The shipped program as real processes: killed, paused, cut off from its database and its name servers while clients
//! use it. What it has acknowledged holds all the same, and everything comes to rest.
//!
//! What breaks when is drawn from a seed, which is printed; `PDM_TEST_SEED` sets it.

mod aftermath;
mod caller;
mod chaos;
mod clients;
mod database;
mod fleet;
mod ledger;
mod random;
mod stop;
mod told;

use std::sync::Arc;
use std::time::Instant;

use conformance::world::Store as Databases;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::caller::http;
use crate::chaos::Plan;
use crate::clients::Client;
use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::random::{Random, seed};
use crate::told::Told;

/// One world at a time: several would break each other's patience, not the program.
static TURN: Mutex<()> = Mutex::const_new(());

/// Clients at work.
struct Load {
    clients: JoinSet<Vec<Told>>,
    ledger: Arc<Ledger>,
}

impl Load {
    fn start(fleet: &Fleet, clients: usize, random: &mut Random, ledger: &Arc<Ledger>) -> Self {
        let http = http();
        let mut running = JoinSet::new();
        for number in 0..clients {
            let tenant = number % fleet.tenants.len();
            let caller = fleet.caller(&http, tenant, random.fork(), ledger);
            running.spawn(Client::new(caller, number).live());
        }
        Self {
            clients: running,
            ledger: Arc::clone(ledger),
        }
    }

    /// Lets each client finish what it has begun.
    async fn end(self) -> Vec<Told> {
        self.ledger.end();
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

/// Clients at work, everything breaks as planned, and afterwards everything holds.
async fn survive(databases: Databases, replicas: usize, clients: usize, plan: Plan) {
    let _turn = TURN.lock().await;
    let mut random = Random::new(seed());
    let ledger = Arc::new(Ledger::default());
    let fleet = Arc::new(Fleet::start(databases, replicas).await);
    let began = Instant::now();
    let load = Load::start(&fleet, clients, &mut random, &ledger);
    let chaos = tokio::spawn(chaos::strike(
        Arc::clone(&fleet),
        plan,
        random.fork(),
        Arc::clone(&ledger),
    ));
    let mut crowds = Client::new(fleet.caller(&http(), 0, random.fork(), &ledger), clients);
    crowds.crowd("crowd-in-chaos").await;
    chaos.await.expect("chaos ends");
    let mut told = load.end().await;
    crowds.crowd("crowd-in-peace").await;
    told.extend(crowds.told());
    println!(
        "{replicas} replicas, {clients} clients, {:?}: {}",
        began.elapsed(),
        ledger.summary()
    );

    aftermath::examine(&fleet, &told, random, &ledger).await;
    println!(
        "{replicas} replicas, {clients} clients, {} claims, {:?} in all: {}",
        told.len(),
        began.elapsed(),
        ledger.summary()
    );
    ledger.assert_nothing_wrong();
    assert!(told.len() >= clients, "clients were at work: {}", told.len());
    assert_eq!(ledger.counted("kills of a replica"), plan.kills as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_on_postgres_survive_everything() {
    let plan = Plan {
        kills: 22,
        pauses: 3,
        cuts: 4,
        database_stops: 2,
        server_kills: 3,
        server_pauses: 1,
        spacing: 900,
    };
    survive(Databases::Postgres, 3, 24, plan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_on_sqlite_survives_kills() {
    let plan = Plan {
        kills: 15,
        spacing: 2500,
        ..Plan::default()
    };
    survive(Databases::Sqlite, 1, 8, plan).await;
}
