//! Answers kept under their idempotency keys.

use std::time::Duration;

use pdm::domain::ids::OperationId;
use pdm::store::{Kept, NewKept, StoreError};

use crate::support::{DAY, Database, HOUR, MINUTE, Unit, look, unit};

const RESERVE: &str = "POST /v1/reserve";
const COMMIT: &str = "POST /v1/commit";

fn answer(key: &str, operation: Option<OperationId>, pending: Option<Duration>) -> NewKept {
    NewKept {
        tenant: "ten_one".to_owned(),
        route: RESERVE,
        key: key.to_owned(),
        fingerprint: format!("print of {key}"),
        operation,
        pending,
        status: 201,
        location: Some("/v1/claims/1".to_owned()),
        body: "{\"first\":true}".to_owned(),
    }
}

async fn keep(db: &Database, new: NewKept) -> Unit<()> {
    unit!(db.store, tx => tx.keep(new).await)
}

async fn kept_for(
    db: &Database,
    tenant: &'static str,
    route: &'static str,
    key: &'static str,
) -> Option<Kept> {
    look!(db.store, tx => tx.kept(tenant, route, key).await)
}

async fn kept(db: &Database, key: &'static str) -> Option<Kept> {
    kept_for(db, "ten_one", RESERVE, key).await
}

pub async fn an_answer_is_kept_once_under_its_key(db: Database) {
    assert!(kept(&db, "k").await.is_none());
    let operation = OperationId::new();
    keep(&db, answer("k", Some(operation), None)).await.unwrap();
    let second = NewKept {
        body: "{}".to_owned(),
        ..answer("k", None, None)
    };
    let refused = keep(&db, second).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    let first = kept(&db, "k").await.unwrap();
    assert_eq!((first.fingerprint.as_str(), first.status), ("print of k", 201));
    assert_eq!((first.operation, first.pending_until), (Some(operation), None));
    assert_eq!(first.location.as_deref(), Some("/v1/claims/1"));
    assert_eq!(first.body, "{\"first\":true}");
    // The same key of another tenant or route is another key.
    assert!(kept_for(&db, "operator", RESERVE, "k").await.is_none());
    assert!(kept_for(&db, "ten_one", COMMIT, "k").await.is_none());
    let elsewhere = NewKept {
        route: COMMIT,
        ..answer("k", None, None)
    };
    keep(&db, elsewhere).await.unwrap();
    let operators = NewKept {
        tenant: "operator".to_owned(),
        ..answer("k", None, None)
    };
    keep(&db, operators).await.unwrap();
}

pub async fn an_answer_under_decision_is_settled_once(db: Database) {
    let extend = |key: &'static str| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.extend_pending("ten_one", RESERVE, key, HOUR).await).unwrap() }
    };
    let settle = |status, body: &'static str| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.settle_kept("ten_one", RESERVE, "k", status, body).await).unwrap() }
    };
    let before = db.store.now().await.unwrap();
    keep(&db, answer("k", None, Some(MINUTE))).await.unwrap();
    keep(&db, answer("decided", None, None)).await.unwrap();
    let pending = kept(&db, "k").await.unwrap().pending_until.unwrap();
    assert!(before.plus(MINUTE) <= pending && pending < before.plus(HOUR));
    extend("k").await;
    assert!(kept(&db, "k").await.unwrap().pending_until.unwrap() >= before.plus(HOUR));
    extend("decided").await;
    assert_eq!(kept(&db, "decided").await.unwrap().pending_until, None);

    settle(200, "{\"settled\":1}").await;
    settle(500, "{\"settled\":2}").await;
    let settled = kept(&db, "k").await.unwrap();
    assert_eq!((settled.status, settled.body.as_str()), (200, "{\"settled\":1}"));
    assert_eq!(settled.pending_until, None);
    assert_eq!(kept(&db, "decided").await.unwrap().body, "{\"first\":true}");
}

pub async fn answers_are_forgotten_when_they_and_their_operation_are_old(db: Database) {
    let open = db.work("open").await.id;
    let done = db.work("done").await.id;
    keep(&db, answer("alone", None, None)).await.unwrap();
    keep(&db, answer("open", Some(open), None)).await.unwrap();
    keep(&db, answer("done", Some(done), None)).await.unwrap();
    let prune_at_most = |limit: i64| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.prune_kept(DAY, HOUR, limit).await).unwrap() }
    };
    let prune = || prune_at_most(10);
    assert_eq!(prune().await, 0);
    db.pass(DAY).await;
    for operation in db.pick_up("worker", MINUTE).await {
        if operation.id == done {
            db.end(&operation).await;
        }
    }
    keep(&db, answer("young", None, None)).await.unwrap();
    assert_eq!(prune().await, 1, "the one without an operation");
    db.pass(HOUR).await;
    assert_eq!(
        prune().await,
        1,
        "the one whose operation has ended long enough ago"
    );
    for (key, there) in [("alone", false), ("open", true), ("done", false), ("young", true)] {
        assert_eq!(kept(&db, key).await.is_some(), there, "{key}");
    }
}
