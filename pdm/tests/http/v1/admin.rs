//! Tenants and keys.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, TestApp, on_each_database, send};

async fn a_tenant_and_its_key_are_made_used_and_ended(database: Database) {
    let app = TestApp::start(database).await;
    let tenant = app
        .post(As::Operator, "/v1/tenants", &json!({"name": "Acme"}))
        .await;
    assert_eq!(tenant.status, StatusCode::CREATED);
    let tenant = tenant.json()["id"].as_str().unwrap().to_owned();
    let again = app
        .post(As::Operator, "/v1/tenants", &json!({"name": "Acme"}))
        .await;
    assert_eq!(again.problem(), (409, "name.taken".to_owned()));

    let made = app
        .post(
            As::Operator,
            "/v1/keys",
            &json!({"name": "ci", "scope": "tenant", "tenant": tenant}),
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with(&format!("pdm_{}_", id.strip_prefix("key_").unwrap())));
    let mut with_key = app
        .request(As::Nobody, Method::GET, "/v1/claims")
        .bearer_auth(key);
    assert_eq!(send(with_key).await.status, StatusCode::OK);

    let listed = app.get(As::Operator, "/v1/keys?limit=500").await;
    assert!(!listed.text.contains(key.rsplit('_').next().unwrap()));
    let listed = listed.json();
    let entry = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|k| k["id"] == id)
        .unwrap()
        .clone();
    assert_eq!(
        (&entry["scope"], &entry["tenant"], &entry["key"]),
        (&json!("tenant"), &json!(tenant), &Value::Null)
    );

    let path = format!("/v1/keys/{id}");
    for _ in 0..2 {
        let reply = app.delete(As::Operator, &path).await;
        assert_eq!((reply.status, reply.text.as_str()), (StatusCode::NO_CONTENT, ""));
    }
    with_key = app
        .request(As::Nobody, Method::GET, "/v1/claims")
        .bearer_auth(key);
    assert_eq!(send(with_key).await.problem(), (401, "auth.invalid".to_owned()));
    assert_eq!(
        app.delete(As::Operator, "/v1/keys/key_x").await.problem(),
        (404, "key.not_found".to_owned())
    );
}

async fn a_key_that_makes_no_sense_is_not_made(database: Database) {
    let app = TestApp::start(database).await;
    let tenant = app.tenant_a.to_string();
    let nobody = "ten_00000000000070008000000000000000";
    for (body, problem) in [
        (json!({"name": "x", "scope": "tenant"}), (422, "request.invalid")),
        (
            json!({"name": "x", "scope": "operator", "tenant": tenant}),
            (422, "request.invalid"),
        ),
        (json!({"name": "x", "scope": "god"}), (422, "request.invalid")),
        (json!({"name": "", "scope": "operator"}), (422, "request.invalid")),
        (
            json!({"name": "x", "scope": "tenant", "tenant": nobody}),
            (404, "tenant.not_found"),
        ),
        (
            json!({"name": "x", "scope": "operator", "expires_at": "2001-01-01T00:00:00Z"}),
            (422, "request.invalid"),
        ),
        (
            json!({"name": "x", "scope": "operator", "expires_at": "tomorrow"}),
            (422, "request.invalid"),
        ),
    ] {
        let reply = app.post(As::Operator, "/v1/keys", &body).await;
        assert_eq!(reply.problem(), (problem.0, problem.1.to_owned()), "{body}");
    }
}

async fn a_revoked_key_is_refused_at_once_though_it_was_remembered(database: Database) {
    let app = TestApp::with(database, "[timing]\nkey_memory = 60\n").await;
    let made = app
        .post(
            As::Operator,
            "/v1/keys",
            &json!({"name": "ci", "scope": "operator"}),
        )
        .await
        .ok();
    let request = || {
        app.request(As::Nobody, Method::GET, "/v1/keys")
            .bearer_auth(made["key"].as_str().unwrap())
    };
    assert_eq!(send(request()).await.status, StatusCode::OK);
    app.delete(
        As::Operator,
        &format!("/v1/keys/{}", made["id"].as_str().unwrap()),
    )
    .await
    .ok();
    assert_eq!(send(request()).await.problem(), (401, "auth.invalid".to_owned()));
}

on_each_database!(
    a_tenant_and_its_key_are_made_used_and_ended,
    a_key_that_makes_no_sense_is_not_made,
    a_revoked_key_is_refused_at_once_though_it_was_remembered,
);
