//! Operations: waiting, cancel, retry.

use std::time::Duration;

use pdm::domain::claim::ClaimState;
use pdm::domain::ids::OperationId;
use pdm::domain::operation::StepName;
use pdm::store::{Leave, StoreError};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{As, Database, Held, TestApp, on_each_database, send};

async fn operation_of(app: &TestApp, held: &Held) -> String {
    app.claim(held).await["operation_id"].as_str().unwrap().to_owned()
}

/// Plays a worker that has begun this step.
async fn begin(app: &TestApp, operation: &str, step: StepName) {
    let id: OperationId = operation.parse().unwrap();
    let begun: Result<_, StoreError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let due = tx
                    .claim_due_operations("test", Duration::from_secs(30), 100)
                    .await?;
                let mut operation = due.into_iter().find(|o| o.id == id).unwrap();
                operation
                    .steps
                    .iter_mut()
                    .find(|s| s.name == step)
                    .unwrap()
                    .attempts = 1;
                tx.save_operation(&operation, Leave::Keep).await
            })
        })
        .await;
    begun.unwrap();
}

async fn a_commit_answers_late_when_that_is_preferred(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    let commit = |wait: &str| {
        let request = app
            .request(As::A, Method::POST, "/v1/commit")
            .header("Prefer", wait);
        send(request.json(&held.commit_body(10)))
    };
    let early = commit("wait=1").await;
    assert_eq!(early.status, StatusCode::ACCEPTED);
    assert_eq!(early.header("preference-applied"), Some("wait=1"));
    let operation = early.json()["operation"].clone();
    assert_eq!(
        (&operation["kind"], &operation["state"], &operation["claim_id"]),
        (&json!("activate"), &json!("running"), &json!(held.id))
    );
    let names: Vec<&str> = operation["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "read_parent",
            "create_zone",
            "check_servers",
            "delegate",
            "check_parent",
            "validate"
        ]
    );
    let (late, ()) = tokio::join!(commit("respond-async, wait=30"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.work().await;
    });
    assert_eq!(late.status, StatusCode::OK);
    assert_eq!(late.json()["operation"]["id"], operation["id"]);
    assert_eq!(late.json()["claim"]["state"], "active");
}

async fn a_cancelled_activation_is_undone_before_the_parent_and_released_after(database: Database) {
    let app = TestApp::start(database).await;
    let cancel = |id: String| {
        let app = &app;
        async move {
            app.post(As::A, &format!("/v1/operations/{id}/cancel"), &json!({}))
                .await
        }
    };
    let before = app.claim_in(ClaimState::Activating, "before").await;
    let activation = operation_of(&app, &before).await;
    begin(&app, &activation, StepName::CreateZone).await;
    let reply = cancel(activation.clone()).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let body = reply.json();
    assert_eq!(body["operation"]["id"], activation.as_str());
    let steps = body["operation"]["steps"].as_array().unwrap();
    assert!(
        steps
            .iter()
            .any(|step| step["name"] == "delete_zone" && step["state"] == "pending")
    );
    assert!(
        steps
            .iter()
            .any(|step| step["name"] == "create_zone" && step["state"] == "abandoned")
    );
    assert_eq!(body["claim"]["state"], "activating");
    assert_eq!(
        cancel(activation.clone()).await.json()["operation"]["id"],
        activation.as_str()
    );

    let after = app.claim_in(ClaimState::Activating, "after").await;
    let activation = operation_of(&app, &after).await;
    begin(&app, &activation, StepName::Delegate).await;
    let body = cancel(activation.clone()).await.ok();
    assert_eq!(
        (&body["operation"]["kind"], &body["claim"]["state"]),
        (&json!("release"), &json!("releasing"))
    );
    let old = app.get(As::A, &format!("/v1/operations/{activation}")).await.ok();
    assert_eq!(
        (&old["state"], old["ended_at"].is_string()),
        (&json!("cancelled"), true)
    );
}

async fn a_seized_operation_cannot_be_written_by_its_old_worker(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Activating, "acme").await;
    let id: OperationId = operation_of(&app, &held).await.parse().unwrap();
    let taken: Result<_, StoreError> = app
        .store
        .write(|tx| Box::pin(async move { tx.claim_due_operations("old", Duration::from_secs(30), 1).await }))
        .await;
    let old = taken.unwrap().remove(0);
    assert_eq!(old.id, id);
    app.post(As::A, &format!("/v1/operations/{id}/cancel"), &json!({}))
        .await
        .ok();
    let late: Result<_, StoreError> = app
        .store
        .write(move |tx| Box::pin(async move { tx.save_operation(&old, Leave::Keep).await }))
        .await;
    assert!(matches!(late, Err(StoreError::Superseded)));
}

async fn what_cannot_be_stopped_says_why(database: Database) {
    let app = TestApp::start(database).await;
    let releasing = app.claim_in(ClaimState::Releasing, "releasing").await;
    let active = app.claim_in(ClaimState::Active, "active").await;
    let ended = operation_of(&app, &active).await;
    let targets = json!({"ipv4": ["203.0.113.20"]});
    app.put(As::A, &format!("/v1/claims/{}/targets", active.id), &targets)
        .await
        .ok();
    let retarget = operation_of(&app, &active).await;
    for id in [operation_of(&app, &releasing).await, retarget, ended.clone()] {
        let reply = app
            .post(As::A, &format!("/v1/operations/{id}/cancel"), &json!({}))
            .await;
        assert_eq!(reply.problem(), (409, "claim.state".to_owned()));
    }
    let reply = app
        .post(As::A, &format!("/v1/operations/{ended}/retry"), &json!({}))
        .await;
    assert_eq!(reply.problem(), (409, "claim.state".to_owned()));
}

async fn a_retry_makes_the_next_attempt_due_now(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Activating, "acme").await;
    let id: OperationId = operation_of(&app, &held).await.parse().unwrap();
    let put_off: Result<_, StoreError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let mut operation = tx
                    .claim_due_operations("test", Duration::from_secs(30), 1)
                    .await?
                    .remove(0);
                let later = tx.now().await?.plus(Duration::from_secs(300));
                operation.next_attempt_at = Some(later);
                tx.save_operation(&operation, Leave::Until(later)).await
            })
        })
        .await;
    put_off.unwrap();
    let request = app.request(As::A, Method::POST, &format!("/v1/operations/{id}/retry"));
    let reply = send(request).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED, "no body is needed: {reply:?}");
    app.work().await;
    assert_eq!(app.claim(&held).await["state"], "active");
}

on_each_database!(
    a_commit_answers_late_when_that_is_preferred,
    a_cancelled_activation_is_undone_before_the_parent_and_released_after,
    a_seized_operation_cannot_be_written_by_its_old_worker,
    what_cannot_be_stopped_says_why,
    a_retry_makes_the_next_attempt_due_now,
);
