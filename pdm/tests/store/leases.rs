//! Leases: who may do what only one may do at a time.

use pdm::store::{Lease, Store};

use crate::support::{Database, MINUTE, at_once, unit};

async fn lease(store: &Store, holder: &str) -> Option<Lease> {
    let holder = holder.to_owned();
    unit!(store, tx => tx.take_lease("zone omani.works", &holder, MINUTE).await).unwrap()
}

pub async fn a_lease_has_one_holder_until_it_ends(db: Database) {
    let before = db.store.now().await.unwrap();
    let first = lease(&db.store, "a").await.unwrap();
    assert!(first.until >= before.plus(MINUTE));
    assert!(lease(&db.store, "b").await.is_none());
    db.pass(MINUTE / 2).await;
    let renewed = lease(&db.store, "a").await.unwrap();
    assert!(renewed.until > first.until);
    assert_eq!(renewed.fence, first.fence, "it did not change hands");
    db.pass(MINUTE / 2).await;
    assert!(lease(&db.store, "b").await.is_none(), "it was renewed");
    db.pass(MINUTE).await;
    let second = lease(&db.store, "b").await.unwrap();
    assert!(second.fence > first.fence);
    assert!(lease(&db.store, "a").await.is_none());
    // Another lease is another matter.
    assert!(
        unit!(db.store, tx => tx.take_lease("events", "a", MINUTE).await)
            .unwrap()
            .is_some()
    );
}

pub async fn of_many_who_want_a_lease_one_gets_it(db: Database) {
    for round in 1..=5 {
        let got = at_once(20, |number| {
            let store = db.of_replica(number);
            async move { lease(&store, &format!("{round}-{number}")).await }
        })
        .await;
        let got: Vec<_> = got.into_iter().flatten().collect();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].fence, round, "it changed hands once more");
        db.pass(2 * MINUTE).await;
    }
}

/// Who stops while a change of a parent zone is under way must not let others change it yet.
pub async fn the_leases_of_tasks_are_given_back_and_those_of_zones_stay(db: Database) {
    let task = async |holder: &str| {
        let holder = holder.to_owned();
        unit!(db.store, tx => tx.take_lease("task:sweep", &holder, MINUTE).await).unwrap()
    };
    lease(&db.store, "a").await.unwrap();
    task("a").await.unwrap();
    unit!(db.store, tx => tx.drop_task_leases_of("b").await).unwrap();
    assert!(task("b").await.is_none(), "it was not b's to give back");
    unit!(db.store, tx => tx.drop_task_leases_of("a").await).unwrap();
    assert!(task("b").await.is_some());
    assert!(lease(&db.store, "b").await.is_none());
}

pub async fn one_lease_is_given_back_and_the_others_stay(db: Database) {
    lease(&db.store, "a").await.unwrap();
    let other = || {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.take_lease("events", "b", MINUTE).await).unwrap() }
    };
    unit!(db.store, tx => tx.take_lease("events", "a", MINUTE).await).unwrap();
    unit!(db.store, tx => tx.drop_lease("zone omani.works", "b").await).unwrap();
    assert!(
        lease(&db.store, "b").await.is_none(),
        "it was not b's to give back"
    );
    unit!(db.store, tx => tx.drop_lease("zone omani.works", "a").await).unwrap();
    assert!(lease(&db.store, "b").await.is_some());
    assert!(other().await.is_none());
}

/// The fence tells apart who had the lease when; a number that comes twice does not.
pub async fn the_fence_of_a_lease_grows_though_it_was_given_back(db: Database) {
    let first = lease(&db.store, "a").await.unwrap();
    unit!(db.store, tx => tx.drop_lease("zone omani.works", "a").await).unwrap();
    let second = lease(&db.store, "b").await.unwrap();
    assert!(
        second.fence > first.fence,
        "{} then {}",
        first.fence,
        second.fence
    );
}
