//! Who is let in.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, TestApp, make_key, on_each_database, send};

/// Every route of the document with its method, parameters filled with what exists nowhere.
pub fn routes(app_document: &Value) -> Vec<(Method, String, bool)> {
    let mut all = Vec::new();
    for (path, item) in app_document["paths"].as_object().unwrap() {
        let path = path
            .split('/')
            .map(|part| {
                if part.starts_with('{') {
                    "no%20such%20thing"
                } else {
                    part
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        for (method, operation) in item.as_object().unwrap() {
            let needs_key = operation.get("security").is_some();
            all.push((method.to_uppercase().parse().unwrap(), path.clone(), needs_key));
        }
    }
    all
}

async fn without_a_key_every_documented_route_answers_401_whatever_else_is_wrong(database: Database) {
    let app = TestApp::start(database).await;
    let routes = routes(&app.get(As::Nobody, "/openapi.json").await.ok());
    assert!(routes.iter().filter(|(.., needs_key)| *needs_key).count() > 25);
    for (method, path, needs_key) in routes {
        let bare = app
            .request(As::Nobody, method.clone(), &path)
            .header("Accept", "image/png");
        let reply = send(bare.body("not JSON")).await;
        if needs_key {
            assert_eq!(
                reply.problem(),
                (401, "auth.missing".to_owned()),
                "{method} {path}"
            );
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            assert!(reply.header("x-request-id").is_some());
        } else {
            assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
}

async fn bad_keys_are_told_apart_only_as_far_as_it_is_safe(database: Database) {
    let app = TestApp::start(database).await;
    let server = &app.state.server_key;
    let (revoked, revoked_text) = make_key(&app.store, server, Some(app.tenant_a), None).await;
    let (_, short) = make_key(
        &app.store,
        server,
        Some(app.tenant_a),
        Some(Duration::from_secs(60)),
    )
    .await;
    let with = |header: String| {
        let request = app
            .request(As::Nobody, Method::GET, "/v1/claims")
            .header("Authorization", header);
        async move { send(request).await }
    };
    assert_eq!(with(format!("Bearer {short}")).await.status, StatusCode::OK);
    assert_eq!(
        with(format!("bearer {revoked_text}")).await.status,
        StatusCode::OK
    );
    app.delete(As::Operator, &format!("/v1/keys/{revoked}"))
        .await
        .ok();
    app.store.move_time(Duration::from_secs(61)).await.unwrap();
    let other_secret = format!("{}x", &short[..short.len() - 1]);
    let unknown = short.replacen("pdm_0", "pdm_1", 1);
    for (header, code) in [
        (format!("Bearer {short}"), "auth.expired"),
        (format!("Bearer {revoked_text}"), "auth.invalid"),
        (format!("Bearer {other_secret}"), "auth.invalid"),
        (format!("Bearer {unknown}"), "auth.invalid"),
        ("Bearer something.else.entirely".to_owned(), "auth.invalid"),
        ("Bearer".to_owned(), "auth.missing"),
        (format!("Basic {short}"), "auth.missing"),
    ] {
        let reply = with(header.clone()).await;
        assert_eq!(reply.problem(), (401, code.to_owned()), "{header}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
}

async fn a_tenant_does_not_reach_what_is_for_operators(database: Database) {
    let app = TestApp::start(database).await;
    for path in ["/v1/tenants", "/v1/keys", "/v1/audit", "/v1/orphans", "/metrics"] {
        assert_eq!(
            app.get(As::A, path).await.problem(),
            (403, "auth.scope".to_owned()),
            "{path}"
        );
        assert_eq!(app.get(As::Operator, path).await.status, StatusCode::OK, "{path}");
    }
    for path in ["/v1/tenants", "/v1/keys", "/v1/pools"] {
        assert_eq!(app.post(As::A, path, &json!({})).await.problem().0, 403, "{path}");
    }
    let refused = app.get(As::Operator, "/v1/audit?limit=500").await.ok();
    let refused = refused["items"].as_array().unwrap();
    assert!(
        refused
            .iter()
            .filter(|row| row["action"] == "request.refused")
            .count()
            >= 8
    );
    let body = json!({"mode": "pool", "pool": "omani.works", "label": "acme"});
    assert_eq!(
        app.post(As::Operator, "/v1/reserve", &body).await.problem(),
        (403, "auth.scope".to_owned())
    );
}

on_each_database!(
    without_a_key_every_documented_route_answers_401_whatever_else_is_wrong,
    bad_keys_are_told_apart_only_as_far_as_it_is_safe,
    a_tenant_does_not_reach_what_is_for_operators,
);
