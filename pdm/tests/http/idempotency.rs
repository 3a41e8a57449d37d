//! The same key and body, the same answer.

use std::time::Duration;

use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, POOL, Reply, TestApp, on_each_database, send};

async fn keyed(app: &TestApp, who: As, path: &str, key: &str, body: &Value) -> Reply {
    send(
        app.request(who, Method::POST, path)
            .header("Idempotency-Key", key)
            .json(body),
    )
    .await
}

fn reserve(label: &str) -> Value {
    json!({"mode": "pool", "pool": POOL, "label": label})
}

async fn a_replay_is_the_answer_byte_for_byte_token_included(database: Database) {
    let app = TestApp::start(database).await;
    let first = keyed(&app, As::A, "/v1/reserve", "k", &reserve("acme")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert!(
        first.json()["reservation_token"]
            .as_str()
            .unwrap()
            .starts_with("rsv_")
    );
    // Neither the order of fields nor white space matters.
    let body = format!("{{ \"label\":\"acme\",\n\"pool\":\"{POOL}\", \"mode\":\"pool\" }}");
    let again = app
        .request(As::A, Method::POST, "/v1/reserve")
        .header("Idempotency-Key", "k");
    let again = send(again.header("Content-Type", "application/json").body(body)).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("location"), first.header("location"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));

    let other = keyed(&app, As::A, "/v1/reserve", "k", &reserve("other")).await;
    assert_eq!(other.problem(), (422, "idempotency.mismatch".to_owned()));
    // Another tenant, another route: another key.
    assert_eq!(
        keyed(&app, As::B, "/v1/reserve", "k", &reserve("beta"))
            .await
            .status,
        StatusCode::CREATED
    );
    let token = first.json()["reservation_token"].clone();
    let renew = format!(
        "/v1/claims/{}/renew",
        first.json()["claim"]["id"].as_str().unwrap()
    );
    let renewed = keyed(&app, As::A, &renew, "k", &json!({"reservation_token": token})).await;
    assert_eq!(renewed.status, StatusCode::OK);
}

async fn no_token_and_no_key_stands_in_the_database(database: Database) {
    let app = TestApp::start(database).await;
    let first = keyed(&app, As::A, "/v1/reserve", "k", &reserve("acme"))
        .await
        .ok();
    let token = first["reservation_token"].as_str().unwrap().to_owned();
    let made = json!({"name": "ci", "scope": "operator"});
    let key = keyed(&app, As::Operator, "/v1/keys", "k", &made).await.ok()["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let tenant = app.tenant_a.to_string();
    let kept: Result<_, pdm::store::StoreError> = app
        .store
        .read(|tx| {
            Box::pin(async move {
                let reserve = tx.kept(&tenant, "POST /v1/reserve", "k").await?.unwrap().body;
                Ok((
                    reserve,
                    tx.kept("operator", "POST /v1/keys", "k").await?.unwrap().body,
                ))
            })
        })
        .await;
    let (reserve, keys) = kept.unwrap();
    assert!(!reserve.contains(&token) && !reserve.contains(&token[4..]));
    let secret = key.splitn(3, '_').last().unwrap();
    assert!(secret.len() > 40 && !keys.contains(&key) && !keys.contains(secret));
    let again = keyed(&app, As::Operator, "/v1/keys", "k", &made).await;
    assert_eq!(again.json()["key"], key.as_str());
}

async fn what_the_request_made_final_is_kept_and_nothing_else(database: Database) {
    let app = TestApp::start(database).await;
    app.reserve("acme").await;
    let taken = keyed(&app, As::B, "/v1/reserve", "held", &reserve("acme")).await;
    assert_eq!(taken.problem(), (409, "name.held".to_owned()));
    let invalid = keyed(
        &app,
        As::A,
        "/v1/reserve",
        "invalid",
        &json!({"mode": "pool", "colour": 1}),
    )
    .await;
    assert_eq!(invalid.problem(), (422, "request.invalid".to_owned()));
    let missing = json!({"claim_id": "clm_0", "name": "x.omani.works"});
    let missing = (
        missing.clone(),
        keyed(&app, As::A, "/v1/release", "missing", &missing).await,
    );
    assert_eq!(missing.1.problem(), (404, "claim.not_found".to_owned()));
    let expired = app.claim_in(ClaimState::Expired, "expired").await;
    let gone = keyed(&app, As::A, "/v1/commit", "gone", &expired.commit_body(10)).await;
    assert_eq!(gone.problem(), (410, "claim.expired".to_owned()));

    // The hold on the first name has ended meanwhile, but its refusal was final for its key.
    for (who, path, key, body, first) in [
        (As::B, "/v1/reserve", "held", reserve("acme"), taken),
        (
            As::A,
            "/v1/reserve",
            "invalid",
            json!({"colour": 1, "mode": "pool"}),
            invalid,
        ),
        (As::A, "/v1/release", "missing", missing.0, missing.1),
        (As::A, "/v1/commit", "gone", expired.commit_body(10), gone),
    ] {
        let again = keyed(&app, who, path, key, &body).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.header("retry-after"), first.header("retry-after"));
    }

    let held = app.reserve("token").await;
    let mut wrong = held.commit_body(10);
    wrong["reservation_token"] = json!("rsv_wrong");
    assert_eq!(
        keyed(&app, As::A, "/v1/commit", "wrong", &wrong).await.problem(),
        (403, "token.mismatch".to_owned())
    );
    assert_eq!(
        keyed(&app, As::A, "/v1/commit", "wrong", &held.commit_body(10))
            .await
            .status,
        StatusCode::ACCEPTED
    );
}

async fn many_at_the_same_time_are_one(database: Database) {
    let app = TestApp::start(database).await;
    let body = reserve("acme");
    let calls = (0..20).map(|_| keyed(&app, As::A, "/v1/reserve", "k", &body));
    let replies = futures_util::future::join_all(calls).await;
    let created: Vec<&Reply> = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::CREATED)
        .collect();
    assert!(!created.is_empty());
    assert!(created.iter().all(|reply| reply.text == created[0].text));
    for reply in replies.iter().filter(|reply| reply.status != StatusCode::CREATED) {
        assert_eq!(reply.problem(), (409, "idempotency.in_progress".to_owned()));
    }
    assert_eq!(
        app.get(As::A, "/v1/claims").await.ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

async fn a_wait_is_pending_for_others_and_settled_with_what_was_answered(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    let waiting = || {
        let request = app
            .request(As::A, Method::POST, "/v1/commit")
            .header("Idempotency-Key", "k");
        send(request.header("Prefer", "wait=20").json(&held.commit_body(10)))
    };
    let played = async {
        // Until the first is in the database, then a second, then the end.
        while app.claim(&held).await["state"] != "activating" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let second = waiting().await;
        assert_eq!(second.problem(), (409, "idempotency.in_progress".to_owned()));
        assert_eq!(second.header("retry-after"), Some("1"));
        app.work().await;
    };
    let (first, ()) = tokio::join!(waiting(), played);
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.header("preference-applied"), Some("wait=20"));
    let body = first.json();
    assert_eq!(
        (&body["operation"]["state"], &body["claim"]["state"]),
        (&json!("succeeded"), &json!("active"))
    );
    let again = waiting().await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

async fn a_caller_who_goes_away_does_not_stop_the_decision(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    let request = || {
        let request = app
            .request(As::A, Method::POST, "/v1/commit")
            .header("Idempotency-Key", "k");
        request.header("Prefer", "wait=30").json(&held.commit_body(10))
    };
    let impatient = request().timeout(Duration::from_millis(300)).send().await;
    assert!(impatient.is_err());
    app.work().await;
    // The task of the first request settles the key by itself.
    for _ in 0..200 {
        let reply = send(request()).await;
        if reply.status == StatusCode::OK {
            assert_eq!(reply.json()["operation"]["state"], "succeeded");
            return;
        }
        assert_eq!(reply.problem(), (409, "idempotency.in_progress".to_owned()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the key stayed pending");
}

async fn a_pending_key_whose_process_died_is_decided_anew(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    let request = || {
        let request = app
            .request(As::A, Method::POST, "/v1/commit")
            .header("Idempotency-Key", "k");
        request.header("Prefer", "wait=30").json(&held.commit_body(10))
    };
    assert!(
        request()
            .timeout(Duration::from_millis(300))
            .send()
            .await
            .is_err()
    );
    app.store.move_time(Duration::from_secs(36)).await.unwrap();
    let reply = send(request()).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply:?}");
    assert_eq!(reply.json()["operation"]["state"], "running");
    app.work().await;
}

on_each_database!(
    a_replay_is_the_answer_byte_for_byte_token_included,
    no_token_and_no_key_stands_in_the_database,
    what_the_request_made_final_is_kept_and_nothing_else,
    many_at_the_same_time_are_one,
    a_wait_is_pending_for_others_and_settled_with_what_was_answered,
    a_caller_who_goes_away_does_not_stop_the_decision,
    a_pending_key_whose_process_died_is_decided_anew,
);
