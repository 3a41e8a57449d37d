//! Pools, and whether a name is free.

use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, POOL, TestApp, on_each_database, send};

async fn pools_are_listed_with_their_terms(database: Database) {
    let app = TestApp::start(database).await;
    let list = app.get(As::A, "/v1/pools").await.ok();
    assert_eq!(list["next"], Value::Null);
    let pool = &list["items"][0];
    for (field, value) in [
        ("domain", json!(POOL)),
        ("nameservers", json!(["ns1.example.net", "ns2.example.org"])),
        ("hold_seconds", json!(3600)),
        ("max_hold_seconds", json!(86_400)),
        ("max_total_hold_seconds", json!(604_800)),
        ("open", json!(true)),
    ] {
        assert_eq!(pool[field], value, "{field}");
    }
}

async fn terms_change_and_bind_what_comes_after(database: Database) {
    let app = TestApp::start(database).await;
    let patch = |who, body: Value, tag: &str| {
        let request = app
            .request(who, Method::PATCH, &format!("/v1/pools/{POOL}"))
            .header("If-Match", tag);
        send(request.json(&body))
    };
    let changed = patch(
        As::Operator,
        json!({"hold_seconds": 60, "max_hold_seconds": 120}),
        "\"1\"",
    )
    .await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    assert_eq!(changed.json()["hold_seconds"], 60);
    assert_eq!(
        patch(As::Operator, json!({"open": false}), "\"1\"")
            .await
            .problem()
            .1,
        "version.stale"
    );
    for wrong in [
        json!({"hold_seconds": 121}),
        json!({"hold_seconds": 0}),
        json!({"max_total_hold_seconds": 100}),
        json!({"nameservers": ["ns1.example.net"]}),
        json!({"nameservers": ["ns1.example.net", "ns1.example.net"]}),
        json!({"template": {"hosts": ["a..b"]}}),
        json!({"template": {"hosts": ["@"], "records": [{"owner": "@", "type": "LUA", "ttl": 300, "values": ["x"]}]}}),
        json!({"colour": 1}),
    ] {
        let reply = patch(As::Operator, wrong.clone(), "*").await;
        if wrong == json!({"hold_seconds": 121}) {
            // One number is enough: the longest hold follows the default.
            assert_eq!(reply.json()["max_hold_seconds"], 121);
        } else {
            assert_eq!(reply.problem(), (422, "request.invalid".to_owned()), "{wrong}");
        }
    }
    assert_eq!(
        patch(As::A, json!({"open": false}), "*").await.problem().1,
        "auth.scope"
    );
    patch(As::Operator, json!({"open": false}), "*").await.ok();
    let reserve = json!({"mode": "pool", "pool": POOL, "label": "acme"});
    assert_eq!(
        app.post(As::A, "/v1/reserve", &reserve).await.problem(),
        (422, "request.invalid".to_owned())
    );
    let nowhere = app
        .request(As::Operator, Method::PATCH, "/v1/pools/nowhere.example")
        .json(&json!({"open": true}));
    assert_eq!(send(nowhere).await.problem(), (404, "pool.not_found".to_owned()));
}

async fn a_pool_is_not_added_unseen(database: Database) {
    let app = TestApp::start(database).await;
    let reply = app
        .post(As::Operator, "/v1/pools", &json!({"domain": "openova.io"}))
        .await;
    assert_eq!(reply.problem(), (503, "dns.unavailable".to_owned()));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(
        app.get(As::A, "/v1/pools").await.ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        app.post(As::Operator, "/v1/pools", &json!({"domain": "-"}))
            .await
            .problem()
            .1,
        "request.invalid"
    );
}

async fn check_says_why_a_name_is_not_free_and_which_are(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    app.claim_in(ClaimState::Active, "active").await;
    let check = |who, query: &str| {
        let path = format!("/v1/check?{query}");
        let app = &app;
        async move { app.get(who, &path).await.ok() }
    };
    let free = check(As::B, "name=Free-Name.OMANI.works.").await;
    assert_eq!(
        free,
        json!({"name": "free-name.omani.works", "available": true, "suggestions": []})
    );
    let taken = check(As::B, "pool=omani.works&label=acme").await;
    assert_eq!(
        (&taken["available"], &taken["code"]),
        (&json!(false), &json!("name.held"))
    );
    assert!(taken["retry_after_seconds"].as_u64().unwrap() > 3500 && taken["claim_id"].is_null());
    assert_eq!(
        check(As::A, "name=acme.omani.works").await["claim_id"],
        held.id.as_str()
    );
    let suggestions = taken["suggestions"].as_array().unwrap();
    assert!(!suggestions.is_empty());
    for name in suggestions {
        assert_eq!(
            check(As::B, &format!("name={}", name.as_str().unwrap())).await["available"],
            true,
            "{name}"
        );
    }
    for (query, code) in [
        ("name=active.omani.works", "name.taken"),
        ("name=admin.omani.works", "label.reserved"),
        ("name=a.b.omani.works", "label.invalid"),
        ("pool=omani.works&label=", "label.invalid"),
    ] {
        let answer = check(As::B, query).await;
        assert_eq!(
            (&answer["available"], &answer["code"]),
            (&json!(false), &json!(code)),
            "{query}"
        );
    }
    for (query, status) in [
        ("", 422),
        ("name=x&label=y", 422),
        ("pool=omani.works", 422),
        ("name=acme.example", 404),
    ] {
        assert_eq!(
            app.get(As::B, &format!("/v1/check?{query}"))
                .await
                .status
                .as_u16(),
            status,
            "{query}"
        );
    }
    assert_eq!(app.get(As::B, "/v1/claims").await.status, StatusCode::OK);
}

on_each_database!(
    pools_are_listed_with_their_terms,
    terms_change_and_bind_what_comes_after,
    a_pool_is_not_added_unseen,
    check_says_why_a_name_is_not_free_and_which_are,
);
