//! What is seen of claims: by whom, in which pages, at which version, and in the audit trail.

use std::collections::BTreeSet;

use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{As, Database, Reply, TestApp, on_each_database, send};

async fn tenants_do_not_see_each_other(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Activating, "acme").await;
    let operation = app.claim(&held).await["operation_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let nothing = "clm_00000000000070008000000000000000";
    let no_operation = "op_00000000000070008000000000000000";
    let same = |a: &Reply, b: &Reply| {
        let strip = |reply: &Reply| {
            let mut body = reply.json();
            body.as_object_mut().unwrap().remove("request_id");
            (reply.status, body)
        };
        assert_eq!(strip(a), strip(b));
        assert_eq!(a.status, StatusCode::NOT_FOUND);
    };
    for (theirs, none) in [(held.id.as_str(), nothing), (held.id.as_str(), "no id")] {
        for rest in ["", "/records", "/records/@/A"] {
            let read = |id: &str| format!("/v1/claims/{id}{rest}");
            same(
                &app.get(As::B, &read(theirs)).await,
                &app.get(As::B, &read(none)).await,
            );
        }
        let commit = |id: &str| {
            json!({"claim_id": id, "reservation_token": held.token,
            "targets": {"ipv4": ["203.0.113.10"]}})
        };
        same(
            &app.post(As::B, "/v1/commit", &commit(theirs)).await,
            &app.post(As::B, "/v1/commit", &commit(none)).await,
        );
        let release = |id: &str| json!({"claim_id": id, "name": held.name});
        same(
            &app.post(As::B, "/v1/release", &release(theirs)).await,
            &app.post(As::B, "/v1/release", &release(none)).await,
        );
        let targets = json!({"ipv4": ["203.0.113.10"]});
        same(
            &app.put(As::B, &format!("/v1/claims/{theirs}/targets"), &targets)
                .await,
            &app.put(As::B, &format!("/v1/claims/{none}/targets"), &targets)
                .await,
        );
    }
    for rest in ["", "/events"] {
        same(
            &app.get(As::B, &format!("/v1/operations/{operation}{rest}")).await,
            &app.get(As::B, &format!("/v1/operations/{no_operation}{rest}"))
                .await,
        );
    }
    for verb in ["cancel", "retry"] {
        same(
            &app.post(As::B, &format!("/v1/operations/{operation}/{verb}"), &json!({}))
                .await,
            &app.post(
                As::B,
                &format!("/v1/operations/{no_operation}/{verb}"),
                &json!({}),
            )
            .await,
        );
    }
    let lists = [
        "/v1/claims".to_owned(),
        "/v1/operations".to_owned(),
        format!("/v1/claims?tenant={}", app.tenant_a),
    ];
    for path in &lists {
        assert_eq!(
            app.get(As::B, path).await.ok(),
            json!({"items": [], "next": null}),
            "{path}"
        );
        assert_eq!(
            app.get(As::Operator, path).await.ok()["items"]
                .as_array()
                .unwrap()
                .len(),
            1,
            "{path}"
        );
    }
}

async fn lists_come_in_pages_and_are_filtered(database: Database) {
    let app = TestApp::start(database).await;
    for n in 0..7 {
        app.reserve(&format!("name-{n}")).await;
    }
    app.claim_in(ClaimState::Released, "gone").await;
    let mut seen = Vec::new();
    let mut path = "/v1/claims?limit=3".to_owned();
    loop {
        let page = app.get(As::A, &path).await.ok();
        let items = page["items"].as_array().unwrap().clone();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|claim| claim["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(Some(next), seen.last().map(String::as_str));
        path = format!("/v1/claims?limit=3&after={next}");
    }
    assert_eq!(seen.len(), 8);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 8);
    let count = |query: &str| {
        let path = format!("/v1/claims?{query}");
        let app = &app;
        async move {
            app.get(As::A, &path).await.ok()["items"]
                .as_array()
                .unwrap()
                .len()
        }
    };
    assert_eq!(count("state=released").await, 1);
    assert_eq!(count("state=reserved").await, 7);
    assert_eq!(count("name=NAME-1.omani.works.").await, 1);
    assert_eq!(count(&format!("claim_id={}", seen[0])).await, 1);
    assert_eq!(count("pool=example.net").await, 0);
    let all = app.get(As::A, "/v1/claims?limit=500").await.text;
    assert!(!all.contains("token"), "a list shows no token");
}

async fn a_stale_version_is_refused(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Active, "acme").await;
    let path = format!("/v1/claims/{}", held.id);
    let tag = app.get(As::A, &path).await.header("etag").unwrap().to_owned();
    let put = |tag: &str, last: u8| {
        let request = app
            .request(As::A, Method::PUT, &format!("{path}/targets"))
            .header("If-Match", tag);
        send(request.json(&json!({"ipv4": [format!("203.0.113.{last}")]})))
    };
    assert_eq!(
        put("\"0\"", 20).await.problem(),
        (412, "version.stale".to_owned())
    );
    assert_eq!(put(&tag, 20).await.status, StatusCode::ACCEPTED);
    app.work().await;
    assert_eq!(put(&tag, 21).await.problem(), (412, "version.stale".to_owned()));
    assert_eq!(put("*", 21).await.status, StatusCode::ACCEPTED);
    assert_eq!(app.claim(&held).await["targets"]["ipv4"], json!(["203.0.113.21"]));
}

async fn what_is_done_is_in_the_audit_trail(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Active, "acme").await;
    app.release(&held).await.ok();
    let rows = app
        .get(As::Operator, &format!("/v1/audit?tenant={}", app.tenant_a))
        .await
        .ok();
    let rows = rows["items"].as_array().unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["claim.reserve", "claim.commit", "claim.release"]);
    for row in rows {
        assert_eq!(
            (&row["claim_id"], &row["source"]),
            (&json!(held.id), &json!("127.0.0.1"))
        );
        assert!(row["actor"].as_str().unwrap().starts_with("key_"));
        assert_eq!(row["after"].as_str().unwrap().len(), 64);
        assert!(!row.to_string().contains(&held.token));
    }
}

on_each_database!(
    tenants_do_not_see_each_other,
    lists_come_in_pages_and_are_filtered,
    a_stale_version_is_refused,
    what_is_done_is_in_the_audit_trail,
);
