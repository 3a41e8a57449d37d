//! Units of work: all or nothing, alone among neighbours, and there after a crash once acknowledged.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pdm::domain::operation::OperationKind;
use pdm::store::{OperationFilter, Store, StoreError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{
    Database, HOUR, Unit, add_tenant, all, at_once, look, page, shared_cluster, start_cluster, tenant_names,
    unit,
};

/// The unit that is under way, and what lets it end. On SQLite everything that comes meanwhile gets under one COMMIT.
async fn unit_that_waits(store: &Store) -> (JoinHandle<Unit<()>>, oneshot::Sender<()>) {
    let (begun, has_begun) = oneshot::channel();
    let (go, may_go) = oneshot::channel();
    let store = store.clone();
    let task = tokio::spawn(async move {
        unit!(store, tx => {
            tx.insert_tenant("first").await?;
            begun.send(()).unwrap();
            may_go.await.unwrap();
            Ok(())
        })
    });
    has_begun.await.unwrap();
    (task, go)
}

/// What the units of [`neighbours`] do after they have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    /// They change their mind.
    Refuse,
    /// A statement fails.
    Twice,
    Panic,
}

/// Sixty units at once behind one that waits; answers the names of those that were acknowledged.
async fn neighbours(db: &Database, end: fn(usize) -> End) -> HashSet<String> {
    let (first, go) = unit_that_waits(&db.store).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..60)
        .map(|number| {
            let (store, asked, end) = (db.store.clone(), Arc::clone(&asked), end(number));
            let name = format!("unit-{number}");
            tokio::spawn(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                let answer: Unit<String> = unit!(store, tx => {
                    tx.insert_tenant(&name).await?;
                    match end {
                        End::Well => {}
                        End::Refuse => return Err(StoreError::Superseded),
                        End::Twice => {
                            tx.insert_tenant(&name).await?;
                        }
                        End::Panic => panic!("on purpose"),
                    }
                    Ok(name)
                });
                (end, answer)
            })
        })
        .collect();
    while asked.load(Ordering::SeqCst) < tasks.len() {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    let mut acknowledged = HashSet::from(["ours", "theirs", "first"].map(str::to_owned));
    for task in tasks {
        match task.await.unwrap() {
            (End::Well, answer) => assert!(acknowledged.insert(answer.unwrap())),
            (End::Refuse, answer) => assert!(matches!(answer, Err(StoreError::Superseded)), "{answer:?}"),
            (End::Twice, answer) => assert!(matches!(answer, Err(StoreError::Duplicate)), "{answer:?}"),
            (End::Panic, answer) => assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}"),
        }
    }
    acknowledged
}

async fn there(store: &Store) -> HashSet<String> {
    tenant_names(store).await.into_iter().collect()
}

pub async fn a_unit_that_fails_leaves_nothing_and_its_neighbours_alone(db: Database) {
    let acknowledged = neighbours(&db, |number| match number % 5 {
        1 => End::Refuse,
        3 => End::Twice,
        _ => End::Well,
    })
    .await;
    assert_eq!(acknowledged.len(), 3 + 36);
    assert_eq!(there(&db.store).await, acknowledged);
}

pub async fn a_unit_that_panics_fails_alone_and_the_store_goes_on(db: Database) {
    let acknowledged = neighbours(&db, |number| match number % 10 {
        4 => End::Panic,
        _ => End::Well,
    })
    .await;
    assert_eq!(acknowledged.len(), 3 + 54);
    assert_eq!(there(&db.store).await, acknowledged);
    add_tenant(&db.store, "after").await;
}

pub async fn everything_of_a_unit_is_undone_with_it(db: Database) {
    let held = db.hold(db.ours, "acme").await;
    let mut claim = held.clone();
    let failed: Unit<()> = unit!(db.store, tx => {
        tx.insert_done_operation(OperationKind::Release, &claim).await?;
        tx.free_name(&mut claim, true).await?;
        tx.take_lease("lease", "holder", HOUR).await?;
        Err(StoreError::Contention)
    });
    assert!(matches!(failed, Err(StoreError::Contention)));
    assert_eq!(format!("{:?}", db.claim(held.id).await), format!("{held:?}"));
    assert_eq!(db.owner("acme").await, Some(held.id));
    let filter = OperationFilter::default();
    let operations = look!(db.store, tx => tx.list_operations(&filter, &all()).await);
    assert!(operations.is_empty());
    let lease = unit!(db.store, tx => tx.take_lease("lease", "other", HOUR).await);
    assert!(lease.unwrap().is_some());
}

/// `Ok` means committed, whatever happened to a statement on the way.
pub async fn what_was_acknowledged_is_there_though_a_statement_was_refused(db: Database) {
    let answer: Unit<()> = unit!(db.store, tx => {
        tx.insert_tenant("before").await?;
        let refused = tx.insert_tenant("ours").await;
        assert!(matches!(refused, Err(StoreError::Duplicate)));
        Ok(())
    });
    let is_there = there(&db.store).await.contains("before");
    assert_eq!(answer.is_ok(), is_there, "{answer:?}");
}

pub async fn a_unit_is_seen_after_its_end_and_not_before(db: Database) {
    let (first, go) = unit_that_waits(&db.store).await;
    assert!(!there(&db.store).await.contains("first"));
    assert!(!there(&db.replica).await.contains("first"));
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert!(there(&db.store).await.contains("first"));
    assert!(there(&db.replica).await.contains("first"));
}

pub async fn a_unit_is_done_though_its_caller_went_away(db: Database) {
    let (caller, go) = unit_that_waits(&db.store).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    while !there(&db.store).await.contains("first") {
        tokio::task::yield_now().await;
    }
    add_tenant(&db.store, "after").await;
}

pub async fn what_was_acknowledged_is_there_after_reopening(db: Database) {
    let names = at_once(40, |number| {
        let store = db.of_replica(number);
        async move {
            let name = format!("unit-{number}");
            add_tenant(&store, &name).await;
            name
        }
    })
    .await;
    let before = tenant_names(&db.store).await;
    let (url, _servers) = db.close();
    let again = Store::open(&url).await.unwrap();
    assert_eq!(tenant_names(&again).await, before);
    assert!(names.iter().all(|name| before.contains(name)));
    add_tenant(&again, "after").await;
}

pub async fn a_store_opened_for_reading_reads_beside_a_server_and_writes_nothing(db: Database) {
    let beside = Store::open_for_reading(&db.url).await.unwrap();
    assert_eq!(beside.kind(), db.store.kind());
    add_tenant(&db.store, "new").await;
    assert_eq!(tenant_names(&beside).await, tenant_names(&db.store).await);
    let written: Unit<_> = unit!(beside, tx => tx.insert_tenant("from beside").await);
    assert!(written.is_err(), "{written:?}");
    assert!(!there(&db.store).await.contains("from beside"));
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_its_secrets() {
    let closed = conformance_servers::free_port().unwrap();
    for (url, kind) in [
        ("mysql://pdm:swordfish@127.0.0.1/pdm".to_owned(), "begin with"),
        (
            "postgres://pdm:swordfish@127.0.0.1:none/pdm".to_owned(),
            "not a PostgreSQL address",
        ),
        (format!("postgres://pdm:swordfish@127.0.0.1:{closed}/pdm"), ""),
        ("sqlite:/proc/swordfish-not/pdm.db".to_owned(), "cannot create"),
    ] {
        let Err(StoreError::Unavailable(why)) = Store::open(&url).await else {
            panic!("{url} is not unavailable")
        };
        assert!(why.contains(kind), "{why}");
        assert!(!why.contains("pdm:swordfish"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_may_start_together_on_an_empty_database() {
    let cluster = shared_cluster().await;
    let url = cluster.server.create_database("together").await.unwrap().url();
    let opened = futures_util::future::join_all((0..4).map(|_| Store::open(&url))).await;
    for store in opened {
        assert!(tenant_names(&store.unwrap()).await.is_empty());
    }
}

#[tokio::test]
async fn an_sqlite_file_is_opened_once() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/pdm.db", directory.path().display());
    let first = Store::open(&url).await.unwrap();
    let Err(StoreError::Unavailable(why)) = Store::open(&url).await else {
        panic!("it was opened twice")
    };
    assert!(why.contains("another process"), "{why}");
    add_tenant(&first, "still works").await;
    drop(first);
    let second = Store::open(&url).await.unwrap();
    assert_eq!(tenant_names(&second).await, ["still works"]);
}

/// Eight that write tenants until the end of time or an error; each name is told when it was acknowledged.
async fn write_on(
    store: &Store,
    acknowledged: impl Fn(String) + Clone + Send + 'static,
) -> Vec<(String, StoreError)> {
    at_once(8, |writer| {
        let (store, acknowledged) = (store.clone(), acknowledged.clone());
        async move {
            let mut number = 0;
            loop {
                let name = format!("{writer}-{number}");
                let insert = name.clone();
                match unit!(store, tx => tx.insert_tenant(&insert).await) {
                    Ok(_) => acknowledged(name),
                    Err(error) => break (name, error),
                }
                number += 1;
            }
        }
    })
    .await
}

/// The other process of [`a_killed_process_leaves_what_it_acknowledged_and_no_lock`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in a process of its own, which another test kills"]
async fn the_process_that_is_killed() {
    let Ok(url) = std::env::var(STORE_OF_CHILD) else {
        return;
    };
    let store = Store::open(&url).await.unwrap();
    write_on(&store, |name| eprintln!("acknowledged {name}")).await;
}

const STORE_OF_CHILD: &str = "PDM_TEST_STORE_URL";

/// A process that does not outlive its test.
struct Doomed(Child);

impl Drop for Doomed {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_leaves_what_it_acknowledged_and_no_lock() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/pdm.db", directory.path().display());
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "units::the_process_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(STORE_OF_CHILD, &url)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Doomed(child);
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let mut acknowledged = HashSet::new();
    let mut note = |line: std::io::Result<String>| {
        if let Some(name) = line.unwrap().strip_prefix("acknowledged ") {
            acknowledged.insert(name.to_owned());
        }
        acknowledged.len()
    };
    while note(lines.next().expect("the process writes")) < 200 {}
    let second = Store::open(&url).await;
    assert!(
        matches!(second, Err(StoreError::Unavailable(_))),
        "a second process got in"
    );
    let beside = Store::open_for_reading(&url).await.unwrap();
    assert!(!tenant_names(&beside).await.is_empty());
    drop(child);
    for line in lines {
        note(line);
    }
    let store = Store::open(&url).await.unwrap();
    let there = every_tenant(&store).await;
    assert!(
        acknowledged.is_subset(&there),
        "{:?}",
        acknowledged.difference(&there)
    );
    add_tenant(&store, "after").await;
}

async fn every_tenant(store: &Store) -> HashSet<String> {
    let page = page(None, 1_000_000);
    let tenants = look!(store, tx => tx.list_tenants(&page).await);
    tenants.into_iter().map(|tenant| tenant.name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashed_database_server_has_what_was_acknowledged_and_the_store_goes_on() {
    let cluster = start_cluster(&[]).await;
    let url = cluster.create_database("pdm").await.unwrap().url();
    let store = Store::open(&url).await.unwrap();
    let enough = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(std::sync::Mutex::new(HashSet::new()));
    let writers = {
        let (store, enough, acknowledged) = (store.clone(), Arc::clone(&enough), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            write_on(&store, move |name| {
                let mut acknowledged = acknowledged.lock().unwrap();
                acknowledged.insert(name);
                enough.store(acknowledged.len() >= 200, Ordering::SeqCst);
            })
            .await
        })
    };
    while !enough.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    cluster.stop_immediately().await.unwrap();
    let failed = writers.await.unwrap();
    cluster.restart().await.unwrap();

    let there = every_tenant(&store).await;
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(
        acknowledged.is_subset(&there),
        "{:?}",
        acknowledged.difference(&there)
    );
    for (name, error) in failed {
        assert!(error.is_transient(), "{error:?}");
        // Only an unconfirmed one may be there or not.
        let is_there = there.contains(&name);
        assert!(
            !is_there || matches!(error, StoreError::Unconfirmed),
            "{name}: {error:?}"
        );
    }
    add_tenant(&store, "after").await;
}
