//! Events: as true as the change they tell of, and numbered in the order of commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use pdm::domain::claim::Claim;
use pdm::domain::event::EventKind;
use pdm::domain::ids::OperationId;
use pdm::store::{EventRow, Leave, NewEvent, Store, StoreError};
use tokio::sync::oneshot;

use crate::support::{DAY, Database, HOUR, Kind, MINUTE, Unit, at_once, look, unit};

const WRITERS: usize = 8;
const EACH: usize = 40;

fn event(claim: &Claim, operation: Option<OperationId>, data: impl Into<String>) -> NewEvent {
    NewEvent {
        kind: EventKind::ClaimChanged,
        tenant: claim.tenant,
        claim: claim.id,
        operation,
        data: data.into(),
    }
}

async fn write(store: &Store, event: NewEvent) {
    unit!(store, tx => tx.event(event).await).unwrap();
}

async fn number(store: &Store) -> u64 {
    unit!(store, tx => tx.number_events(1000).await).unwrap()
}

async fn read(store: &Store) -> Vec<EventRow> {
    look!(store, tx => tx.events_after(None, None, 0, 100_000).await)
}

fn data(rows: &[EventRow]) -> Vec<&str> {
    rows.iter().map(|row| row.data.as_str()).collect()
}

pub async fn an_event_is_seen_once_it_has_its_number(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let operation = OperationId::new();
    write(&db.store, event(&claim, Some(operation), "one")).await;
    assert!(read(&db.store).await.is_empty());
    assert!(look!(db.store, tx => tx.has_unnumbered_events(operation).await));
    assert_eq!(look!(db.store, tx => tx.last_event().await), 0);
    assert_eq!(number(&db.store).await, 1);
    assert_eq!(number(&db.store).await, 0, "each gets one number");
    assert!(!look!(db.store, tx => tx.has_unnumbered_events(operation).await));
    let rows = read(&db.store).await;
    assert_eq!(
        (rows[0].seq, rows[0].kind.as_str(), rows[0].data.as_str()),
        (1, "claim.changed", "one")
    );
    assert_eq!(look!(db.store, tx => tx.last_event().await), 1);
}

pub async fn events_are_read_by_tenant_and_operation_from_a_number_on(db: Database) {
    let mine = db.hold(db.ours, "mine").await;
    let yours = db.hold(db.theirs, "yours").await;
    let (one, other) = (OperationId::new(), OperationId::new());
    for (claim, operation, data) in [
        (&mine, Some(one), "a"),
        (&yours, Some(other), "b"),
        (&mine, None, "c"),
        (&mine, Some(one), "d"),
    ] {
        write(&db.store, event(claim, operation, data)).await;
    }
    // A few at a time, oldest first.
    let three = unit!(db.store, tx => tx.number_events(3).await).unwrap();
    assert_eq!((three, data(&read(&db.store).await)), (3, vec!["a", "b", "c"]));
    assert_eq!(number(&db.store).await, 1);
    let (ours, theirs) = (Some(db.ours), Some(db.theirs));
    for (tenant, operation, after, limit, seen) in [
        (None, None, 0, 10, vec!["a", "b", "c", "d"]),
        (ours, None, 0, 10, vec!["a", "c", "d"]),
        (theirs, None, 0, 10, vec!["b"]),
        (None, Some(one), 0, 10, vec!["a", "d"]),
        (theirs, Some(one), 0, 10, vec![]),
        (ours, Some(one), 1, 10, vec!["d"]),
        (ours, None, 1, 1, vec!["c"]),
        (None, None, 4, 10, vec![]),
    ] {
        let rows = look!(db.store, tx => tx.events_after(tenant, operation, after, limit).await);
        assert_eq!(data(&rows), seen);
    }
}

pub async fn events_of_one_unit_keep_their_order(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    unit!(db.store, tx => {
        for number in 0..50 {
            tx.event(event(&claim, None, number.to_string())).await?;
        }
        Ok(())
    })
    .unwrap();
    number(&db.store).await;
    let wanted: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(data(&read(&db.store).await), wanted);
}

/// Eight writers, of whose units some fail; two that give numbers; a reader that must never see a number appear below
/// one it has seen.
pub async fn who_has_seen_a_number_has_seen_every_lower_one(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let written = Arc::new(AtomicBool::new(false));
    let numbered = Arc::new(AtomicBool::new(false));

    let numberers: Vec<_> = (0..2)
        .map(|which| {
            let (store, written) = (db.of_replica(which), Arc::clone(&written));
            tokio::spawn(async move {
                loop {
                    let last = written.load(Ordering::SeqCst);
                    let numbered = unit!(store, tx => tx.number_events(17).await).unwrap();
                    if last && numbered == 0 {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let reader = {
        let (store, numbered) = (db.of_replica(1), Arc::clone(&numbered));
        tokio::spawn(async move {
            let mut seen: Vec<EventRow> = Vec::new();
            loop {
                let last = numbered.load(Ordering::SeqCst);
                let rows = read(&store).await;
                let numbers = rows.iter().map(|row| row.seq);
                assert!(numbers.eq(1..=i64::try_from(rows.len()).unwrap()), "no gap");
                assert!(rows.len() >= seen.len());
                assert_eq!(data(&rows[..seen.len()]), data(&seen));
                let highest = look!(store, tx => tx.last_event().await);
                assert!(highest >= i64::try_from(rows.len()).unwrap());
                seen = rows;
                if last {
                    break seen;
                }
            }
        })
    };
    at_once(WRITERS, |writer| {
        let (store, claim) = (db.of_replica(writer), claim.clone());
        async move {
            for number in 0..EACH {
                let event = event(&claim, None, format!("{writer} {number}"));
                let fails = number % 5 == 3;
                let done: Unit<()> = unit!(store, tx => {
                    tx.event(event).await?;
                    if fails { Err(StoreError::Contention) } else { Ok(()) }
                });
                assert_eq!(done.is_err(), fails);
            }
        }
    })
    .await;
    written.store(true, Ordering::SeqCst);
    for numberer in numberers {
        numberer.await.unwrap();
    }
    numbered.store(true, Ordering::SeqCst);
    let rows = reader.await.unwrap();

    assert_eq!(
        rows.len(),
        WRITERS * EACH * 4 / 5,
        "all of the units that succeeded, none of the others"
    );
    for writer in 0..WRITERS {
        let of_writer: Vec<_> = data(&rows)
            .into_iter()
            .filter_map(|data| data.strip_prefix(&format!("{writer} ")))
            .collect();
        let wanted: Vec<_> = (0..EACH).filter(|n| n % 5 != 3).map(|n| n.to_string()).collect();
        assert_eq!(of_writer, wanted, "a writer's commits came one after the other");
    }
}

/// A change that waited for another one's commit comes after it, even if its unit began, and looked at the clock, before.
/// SQLite runs one unit at a time, so nothing can be in the way there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_for_a_commit_is_numbered_after_it() {
    let db = Database::empty(Kind::Postgres).await;
    let claim = db.hold(db.ours, "acme").await;
    let id = claim.id;
    let (has_lock, wait_for_lock) = oneshot::channel();
    let (has_time, wait_for_time) = oneshot::channel();
    let first = {
        let (store, event) = (db.store.clone(), event(&claim, None, "first"));
        tokio::spawn(async move {
            unit!(store, tx => {
                tx.claim_locked(id, None).await?;
                has_lock.send(()).unwrap();
                wait_for_time.await.unwrap();
                tx.event(event).await
            })
        })
    };
    wait_for_lock.await.unwrap();
    let second = event(&claim, None, "second");
    unit!(db.replica, tx => {
        tx.now().await?;
        has_time.send(()).unwrap();
        tx.claim_locked(id, None).await?;
        tx.event(second).await
    })
    .unwrap();
    first.await.unwrap().unwrap();
    number(&db.store).await;
    assert_eq!(data(&read(&db.store).await), ["first", "second"]);
}

pub async fn who_numbers_and_who_reads_are_woken(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let store = db.store.clone();
    assert!(
        store.events_written().now_or_never().is_none(),
        "nothing was written"
    );
    write(&store, event(&claim, None, "one")).await;
    assert!(store.events_written().now_or_never().is_some());
    assert!(store.events_written().now_or_never().is_none(), "once");
    // Before as after the other begins to wait.
    let waiting = {
        let store = store.clone();
        tokio::spawn(async move { store.events_written().await })
    };
    write(&store, event(&claim, None, "two")).await;
    waiting.await.unwrap();

    let reader = {
        let store = store.clone();
        tokio::spawn(async move { store.events_numbered(DAY).await })
    };
    while !reader.is_finished() {
        store.tell_events_numbered();
        tokio::task::yield_now().await;
    }
    store.events_numbered(std::time::Duration::from_millis(1)).await;
}

pub async fn old_events_are_forgotten_once_their_operation_has_ended(db: Database) {
    let open = db.work("open").await;
    let done = db.work("done").await;
    let claim = db.claim(open.claim).await;
    for operation in db.pick_up("worker", MINUTE).await {
        if operation.id == done.id {
            db.end(&operation).await;
        } else {
            db.save(&operation, Leave::Until(operation.created_at))
                .await
                .unwrap();
        }
    }
    let old = [
        (Some(open.id), "open"),
        (Some(done.id), "done"),
        (None, "none"),
        (None, "none too"),
    ];
    for (operation, data) in old {
        write(&db.store, event(&claim, operation, data)).await;
    }
    number(&db.store).await;
    write(&db.store, event(&claim, None, "old, without a number")).await;
    db.pass(DAY).await;
    write(&db.store, event(&claim, None, "young")).await;

    let prune = |limit| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.prune_events(HOUR, limit).await).unwrap() }
    };
    assert_eq!(prune(2).await, 2);
    assert_eq!(prune(2).await, 1);
    assert_eq!(prune(2).await, 0);
    number(&db.store).await;
    assert_eq!(
        data(&read(&db.store).await),
        ["open", "old, without a number", "young"]
    );
    assert_eq!(
        look!(db.store, tx => tx.last_event().await),
        6,
        "numbers are not given twice"
    );
}
