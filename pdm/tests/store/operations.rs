//! Work that one worker has at a time, and its journal.

use std::collections::HashSet;

use pdm::clock::DbTime;
use pdm::domain::claim::Party;
use pdm::domain::ids::OperationId;
use pdm::domain::operation::{Facts, Failure, Operation, OperationKind, OperationState, StepName, StepState};
use pdm::store::{Entry, Leave, NewEntry, NewOperation, OperationFilter, StoreError};

use crate::support::{
    Database, HOUR, MINUTE, POOL, SECOND, all, at_once, domain, got, look, name, page, unit, wanted,
};

async fn next_due(db: &Database) -> Option<DbTime> {
    look!(db.store, tx => tx.next_due().await).map(|(_, due)| due)
}

async fn covers(db: &Database, operation: &Operation, cover: std::time::Duration) -> bool {
    let turn = (operation.id, operation.fence);
    look!(db.store, tx => tx.lease_covers(turn, cover).await)
}

fn ids(operations: &[Operation]) -> Vec<OperationId> {
    operations.iter().map(|operation| operation.id).collect()
}

fn is_superseded(saved: &Result<(), StoreError>) -> bool {
    matches!(saved, Err(StoreError::Superseded))
}

pub async fn an_operation_starts_with_its_steps_and_is_due_at_once(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let before = db.store.now().await.unwrap();
    let operation = db.start(&claim).await.unwrap();
    assert_eq!(
        (operation.claim, operation.tenant, operation.epoch),
        (claim.id, db.ours, claim.epoch)
    );
    assert_eq!((&operation.name, &operation.pool), (&claim.name, &claim.pool));
    assert_eq!(operation.state, OperationState::Running);
    let steps: Vec<_> = operation.steps.iter().map(|step| step.name).collect();
    assert_eq!(steps, OperationKind::Activate.steps());
    assert!(
        operation
            .steps
            .iter()
            .all(|step| step.state == StepState::Pending)
    );
    assert_eq!(operation.fence, 0);
    assert!(operation.created_at >= before && operation.next_attempt_at == Some(operation.created_at));
    assert_eq!(
        format!("{:?}", db.operation(operation.id).await),
        format!("{operation:?}")
    );
    assert_eq!(next_due(&db).await, Some(operation.created_at));
}

pub async fn one_operation_of_a_name_is_open(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let first = db.start(&claim).await.unwrap();
    let second = db.start(&claim).await;
    assert!(matches!(second, Err(StoreError::Duplicate)), "{second:?}");
    let acme = name("acme");
    let open = look!(db.store, tx => tx.open_operation(&acme).await);
    assert_eq!(open.map(|operation| operation.id), Some(first.id));
    let mine = db.pick_up("worker", MINUTE).await;
    db.end(&mine[0]).await;
    let acme = name("acme");
    assert!(look!(db.store, tx => tx.open_operation(&acme).await).is_none());
    db.start(&claim).await.unwrap();
}

pub async fn an_operation_that_is_done_with_its_row_is_never_due(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let (id, before) = (claim.id, db.start(&claim).await.unwrap());
    let done = {
        let claim = claim.clone();
        unit!(db.store, tx => tx.insert_done_operation(OperationKind::Release, &claim).await).unwrap()
    };
    assert_eq!(done.state, OperationState::Succeeded);
    assert_eq!(
        (done.ended_at, done.next_attempt_at),
        (Some(done.created_at), None)
    );
    assert_eq!(format!("{:?}", db.operation(done.id).await), format!("{done:?}"));
    assert_eq!(ids(&db.pick_up("worker", MINUTE).await), [before.id]);
    let newest = look!(db.store, tx => tx.newest_succeeded(id).await).unwrap();
    assert_eq!(newest.id, done.id);
}

pub async fn the_newest_that_succeeded_is_known(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let id = claim.id;
    assert!(look!(db.store, tx => tx.newest_succeeded(id).await).is_none());
    let mut last = None;
    for state in [
        OperationState::Succeeded,
        OperationState::Succeeded,
        OperationState::Failed,
    ] {
        db.start(&claim).await.unwrap();
        let mut ended = db.pick_up("worker", MINUTE).await.remove(0);
        ended.state = state;
        ended.ended_at = Some(db.store.now().await.unwrap());
        db.save(&ended, Leave::Keep).await.unwrap();
        if state == OperationState::Succeeded {
            last = Some(ended.id);
        }
    }
    db.start(&claim).await.unwrap();
    let newest = look!(db.store, tx => tx.newest_succeeded(id).await);
    assert_eq!(newest.map(|operation| operation.id), last);
}

pub async fn sixteen_workers_get_each_of_two_hundred_operations_once(db: Database) {
    let ours = db.ours;
    unit!(db.store, tx => {
        for number in 0..200 {
            let claim = got(tx.take_name(&wanted(ours, &format!("name-{number}"))).await?);
            let (kind, facts) = (OperationKind::Activate, Facts::default());
            tx.insert_operation(NewOperation { kind, claim: &claim, facts }).await?;
        }
        Ok(())
    })
    .unwrap();
    let shares = at_once(16, |number| {
        let store = db.of_replica(number);
        async move {
            let mut share = Vec::new();
            loop {
                let got = unit!(store, tx => {
                    tx.claim_due_operations(&format!("worker-{number}"), HOUR, 7).await
                })
                .unwrap();
                if got.is_empty() {
                    break share;
                }
                assert!(got.len() <= 7);
                assert!(got.iter().all(|operation| operation.fence == 1));
                share.extend(ids(&got));
            }
        }
    })
    .await;
    let taken: Vec<_> = shares.concat();
    assert_eq!(taken.len(), 200);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 200);
}

pub async fn what_is_due_longest_comes_first(db: Database) {
    let mut made = Vec::new();
    for label in ["first", "second", "third"] {
        made.push(db.work(label).await.id);
        db.pass(SECOND).await;
    }
    let two = unit!(db.store, tx => tx.claim_due_operations("worker", HOUR, 2).await).unwrap();
    assert_eq!(
        ids(&two).into_iter().collect::<HashSet<_>>(),
        HashSet::from([made[0], made[1]])
    );
}

pub async fn the_end_of_a_lease_lets_another_worker_in_with_a_higher_fence(db: Database) {
    let made = db.work("acme").await;
    let slow = db.pick_up("slow", MINUTE).await.remove(0);
    assert_eq!((slow.id, slow.fence), (made.id, 1));
    assert!(db.pick_up("quick", MINUTE).await.is_empty(), "slow has it");
    assert!(covers(&db, &slow, MINUTE / 2).await);
    assert!(!covers(&db, &slow, MINUTE + SECOND).await, "not for that long");
    db.pass(MINUTE / 2).await;
    assert!(db.pick_up("quick", MINUTE).await.is_empty(), "slow still has it");
    db.pass(MINUTE).await;
    assert!(!covers(&db, &slow, std::time::Duration::ZERO).await);
    let quick = db.pick_up("quick", MINUTE).await.remove(0);
    assert_eq!((quick.id, quick.fence), (made.id, 2));
    assert!(!covers(&db, &slow, std::time::Duration::ZERO).await);
    assert!(covers(&db, &quick, MINUTE / 2).await);
    // Whatever the old worker writes changes nothing.
    let mut stale = slow.clone();
    stale.state = OperationState::Blocked;
    for leave in [Leave::Keep, Leave::Until(stale.created_at)] {
        assert!(is_superseded(&db.save(&stale, leave).await));
    }
    assert_eq!(db.operation(made.id).await.state, OperationState::Running);
    db.save(&quick, Leave::Keep).await.unwrap();
}

pub async fn only_what_is_in_hand_is_renewed(db: Database) {
    let in_hand = db.work("in-hand").await.id;
    let dropped = db.work("dropped").await.id;
    assert_eq!(db.pick_up("worker", MINUTE).await.len(), 2);
    let renew = |holder: &'static str, which, fence: i64| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.renew_leases(holder, &[(which, fence)], HOUR).await).unwrap() }
    };
    renew("worker", in_hand, 1).await;
    renew("worker", dropped, 0).await;
    renew("somebody", dropped, 1).await;
    db.pass(2 * MINUTE).await;
    // A lease that has ended is not brought back to life.
    renew("worker", dropped, 1).await;
    assert_eq!(ids(&db.pick_up("other", MINUTE).await), [dropped]);
    renew("worker", dropped, 1).await;
    db.pass(HOUR).await;
    let both: HashSet<_> = ids(&db.pick_up("third", MINUTE).await).into_iter().collect();
    assert_eq!(both, HashSet::from([in_hand, dropped]));
}

pub async fn what_could_not_be_written_is_given_back_by_who_holds_it(db: Database) {
    let id = db.work("acme").await.id;
    let held = db.pick_up("worker", HOUR).await.remove(0);
    let give_back = |fence: i64| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.give_back(id, fence, MINUTE).await).unwrap() }
    };
    give_back(held.fence - 1).await;
    db.pass(2 * MINUTE).await;
    assert!(
        db.pick_up("other", MINUTE).await.is_empty(),
        "it is in the worker's hands"
    );
    give_back(held.fence).await;
    assert!(
        db.pick_up("other", MINUTE).await.is_empty(),
        "not before its time"
    );
    db.pass(MINUTE).await;
    let next = db.pick_up("other", MINUTE).await.remove(0);
    assert_eq!((next.id, next.fence), (id, held.fence + 1));
}

pub async fn what_a_worker_saves_is_kept_whole_and_its_lease_stays(db: Database) {
    db.work("acme").await;
    let mut operation = db.pick_up("worker", MINUTE).await.remove(0);
    let now = db.store.now().await.unwrap();
    operation.state = OperationState::Blocked;
    operation.steps[0].state = StepState::Done;
    operation.steps[0].attempts = 3;
    operation.steps[0].ended_at = Some(now);
    operation.steps[0].detail = Some("nothing there".to_owned());
    operation.steps[1].open_intent = true;
    operation.facts = Facts {
        parent_touched: true,
        longest_ttl: Some(300),
        serial: Some(4_000_000_000),
        settle_until: Some(now),
        ..Facts::default()
    };
    operation.waiting_until = Some(now.plus(HOUR));
    operation.error = Some(Failure {
        code: "zone.foreign".to_owned(),
        detail: "it has \"no\" marker".to_owned(),
        at: now,
    });
    for party in [Party::Operator, Party::Customer] {
        operation.blocked_by = Some(party);
        db.save(&operation, Leave::Keep).await.unwrap();
        assert_eq!(
            format!("{:?}", db.operation(operation.id).await),
            format!("{operation:?}")
        );
    }
    assert!(covers(&db, &operation, SECOND).await);
    assert!(db.pick_up("other", MINUTE).await.is_empty());
}

pub async fn a_worker_that_lets_go_says_when_it_is_due_again(db: Database) {
    db.work("acme").await;
    let operation = db.pick_up("worker", HOUR).await.remove(0);
    let due = db.store.now().await.unwrap().plus(MINUTE);
    db.save(&operation, Leave::Until(due)).await.unwrap();
    assert_eq!(next_due(&db).await, Some(due));
    assert!(db.pick_up("other", MINUTE).await.is_empty(), "not yet");
    db.pass(MINUTE).await;
    let next = db.pick_up("other", MINUTE).await.remove(0);
    assert_eq!((next.id, next.fence), (operation.id, operation.fence + 1));
    assert!(is_superseded(&db.save(&operation, Leave::Keep).await));
}

pub async fn what_has_ended_is_never_worked_on_again(db: Database) {
    db.work("acme").await;
    let operation = db.pick_up("worker", MINUTE).await.remove(0);
    db.end(&operation).await;
    let ended = db.operation(operation.id).await;
    assert_eq!(
        (ended.state, ended.next_attempt_at),
        (OperationState::Succeeded, None)
    );
    assert!(ended.ended_at.is_some());
    assert!(is_superseded(&db.save(&operation, Leave::Keep).await));
    assert!(is_superseded(
        &db.save(&operation, Leave::Until(operation.created_at)).await
    ));
    assert!(!covers(&db, &operation, std::time::Duration::ZERO).await);
    db.pass(HOUR).await;
    assert!(db.pick_up("other", MINUTE).await.is_empty());
    assert_eq!(next_due(&db).await, None);
    let id = operation.id;
    assert!(!unit!(db.store, tx => tx.hasten_operation(id).await).unwrap());
    assert!(
        unit!(db.store, tx => tx.seize_operation(id).await)
            .unwrap()
            .is_none()
    );
}

pub async fn a_worker_of_another_ownership_of_the_name_writes_nothing(db: Database) {
    db.work("acme").await;
    let mut operation = db.pick_up("worker", MINUTE).await.remove(0);
    operation.epoch += 1;
    assert!(is_superseded(&db.save(&operation, Leave::Keep).await));
}

pub async fn a_seized_operation_is_out_of_its_workers_hands(db: Database) {
    db.work("acme").await;
    let held = db.pick_up("worker", HOUR).await.remove(0);
    let id = held.id;
    let seized = unit!(db.store, tx => tx.seize_operation(id).await)
        .unwrap()
        .unwrap();
    assert_eq!((seized.id, seized.fence), (id, held.fence + 1));
    assert!(is_superseded(&db.save(&held, Leave::Keep).await));
    assert!(!covers(&db, &held, std::time::Duration::ZERO).await);
    unit!(db.store, tx => tx.renew_leases("worker", &[(id, 1)], HOUR).await).unwrap();
    // Who seized it may write, and the next worker need not wait for the old lease.
    db.save(&seized, Leave::Until(seized.created_at)).await.unwrap();
    let next = db.pick_up("other", MINUTE).await.remove(0);
    assert_eq!((next.id, next.fence), (id, seized.fence + 1));
}

pub async fn the_next_due_is_the_soonest_or_the_end_of_a_lease(db: Database) {
    assert_eq!(next_due(&db).await, None);
    db.work("held").await;
    let before = db.store.now().await.unwrap();
    let held = db.pick_up("worker", HOUR).await.remove(0);
    let end = next_due(&db).await.unwrap();
    assert!(
        end >= before.plus(HOUR) && end < before.plus(2 * HOUR),
        "when its lease ends"
    );
    db.work("later").await;
    let later = db.pick_up("worker", HOUR).await.remove(0);
    let due = before.plus(HOUR / 2);
    db.save(&later, Leave::Until(due)).await.unwrap();
    assert_eq!(next_due(&db).await, Some(due));
    db.end(&held).await;
    assert_eq!(next_due(&db).await, Some(due));
}

pub async fn an_open_operation_can_be_hastened(db: Database) {
    db.work("acme").await;
    let operation = db.pick_up("worker", MINUTE).await.remove(0);
    let later = operation.created_at.plus(HOUR);
    db.save(&operation, Leave::Until(later)).await.unwrap();
    assert!(db.pick_up("worker", MINUTE).await.is_empty());
    let id = operation.id;
    assert!(unit!(db.store, tx => tx.hasten_operation(id).await).unwrap());
    assert_eq!(ids(&db.pick_up("worker", MINUTE).await), [id]);
}

/// Who asks for the next attempt now, while one is under way, does not wait for the back-off of that one.
pub async fn what_is_hastened_while_it_is_worked_on_is_due_at_once_after(db: Database) {
    db.work("acme").await;
    let held = db.pick_up("worker", MINUTE).await.remove(0);
    let id = held.id;
    let due = db.store.now().await.unwrap().plus(HOUR);
    let pause = Leave::Pause {
        due,
        taken_at: held.next_attempt_at,
    };
    db.pass(MINUTE / 10).await;
    assert!(unit!(db.store, tx => tx.hasten_operation(id).await).unwrap());
    db.save(&held, Leave::Keep).await.unwrap();
    db.save(&held, pause).await.unwrap();
    let again = db.pick_up("worker", MINUTE).await.remove(0);
    let pause = Leave::Pause {
        due,
        taken_at: again.next_attempt_at,
    };
    db.save(&again, pause).await.unwrap();
    assert!(db.pick_up("worker", MINUTE).await.is_empty(), "nobody asked");
}

pub async fn operations_are_found_and_listed_by_each_filter(db: Database) {
    let (ours, theirs) = (db.ours, db.theirs);
    let mine = db.work("mine").await;
    let yours = db.start(&db.hold(theirs, "yours").await).await.unwrap();
    let mut elsewhere = wanted(ours, "mine");
    (elsewhere.pool, elsewhere.name) = (domain("other.works"), domain("mine.other.works"));
    let elsewhere = got(db.take(elsewhere).await);
    let elsewhere = db.start(&elsewhere).await.unwrap();
    for operation in db.pick_up("worker", MINUTE).await {
        if operation.id == elsewhere.id {
            db.end(&operation).await;
        }
    }

    let id = mine.id;
    for (tenant, seen) in [(None, true), (Some(ours), true), (Some(theirs), false)] {
        assert_eq!(
            look!(db.store, tx => tx.operation(id, tenant).await).is_some(),
            seen
        );
    }
    let listed = |filter: OperationFilter| {
        let store = db.store.clone();
        async move { ids(&look!(store, tx => tx.list_operations(&filter, &all()).await)) }
    };
    let any = OperationFilter::default;
    assert_eq!(
        listed(any()).await,
        [mine.id, yours.id, elsewhere.id],
        "oldest first"
    );
    let tenant = Some(ours);
    assert_eq!(
        listed(OperationFilter { tenant, ..any() }).await,
        [mine.id, elsewhere.id]
    );
    let state = Some(OperationState::Succeeded);
    assert_eq!(listed(OperationFilter { state, ..any() }).await, [elsewhere.id]);
    let pool = Some(domain(POOL));
    assert_eq!(
        listed(OperationFilter { pool, ..any() }).await,
        [mine.id, yours.id]
    );
    let by_name = Some(name("yours"));
    assert_eq!(
        listed(OperationFilter {
            name: by_name.clone(),
            ..any()
        })
        .await,
        [yours.id]
    );
    assert_eq!(
        listed(OperationFilter {
            name: by_name,
            tenant,
            ..any()
        })
        .await,
        []
    );
    let claim = Some(mine.claim);
    assert_eq!(listed(OperationFilter { claim, ..any() }).await, [mine.id]);
    let second = page(Some(mine.id.to_string()), 1);
    let paged = look!(db.store, tx => tx.list_operations(&OperationFilter::default(), &second).await);
    assert_eq!(ids(&paged), [yours.id]);
}

pub async fn open_operations_are_counted_with_the_age_of_the_oldest(db: Database) {
    assert!(look!(db.store, tx => tx.count_open_operations().await).is_empty());
    db.work("old").await;
    db.pass(HOUR).await;
    db.work("young").await;
    db.work("done").await;
    let picked = db.pick_up("worker", MINUTE).await;
    let done = picked
        .iter()
        .find(|operation| operation.name == name("done"))
        .unwrap();
    db.end(done).await;
    let counts = look!(db.store, tx => tx.count_open_operations().await);
    let [(state, count, age)] = counts.as_slice() else {
        panic!("{counts:?}")
    };
    assert_eq!((state.as_str(), *count), ("running", 2));
    let age = std::time::Duration::from_micros(u64::try_from(*age).unwrap());
    assert!(age >= HOUR && age < 2 * HOUR);
}

pub async fn the_journal_is_read_in_the_order_of_writing(db: Database) {
    db.work("acme").await;
    db.work("other").await;
    let mut written = Vec::new();
    for worker in ["first", "second"] {
        for operation in db.pick_up(worker, MINUTE).await {
            // Several rows of one unit, and units after one another.
            for step in [StepName::CreateZone, StepName::Delegate] {
                let entries =
                    [Entry::Intent, Entry::Result, Entry::Intent, Entry::Result].map(|entry| NewEntry {
                        step,
                        entry,
                        detail: Some("as seen".to_owned()),
                    });
                let operation = operation.clone();
                unit!(db.store, tx => tx.journal(&operation, &entries).await).unwrap();
            }
            if operation.name == name("acme") {
                for step in ["create_zone", "delegate"] {
                    for entry in ["intent", "result", "intent", "result"] {
                        written.push((step.to_owned(), entry.to_owned(), operation.fence));
                    }
                }
            }
        }
        db.pass(HOUR).await;
    }
    let operation = {
        let acme = name("acme");
        look!(db.store, tx => tx.open_operation(&acme).await).unwrap()
    };
    assert_eq!(written.len(), 16);
    assert_eq!(look!(db.store, tx => tx.journal_of(&operation).await), written);
}
