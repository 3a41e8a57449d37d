//! The listener for clients of the replaced system.

use std::time::Duration;

use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, POOL, TestApp, on_each_database, send};

fn path(verb: &str) -> String {
    format!("/api/v1/pool/{POOL}/{verb}")
}

async fn an_old_client_takes_commits_lists_and_gives_back(database: Database) {
    let app = TestApp::start(database).await;
    let alive = send(app.old(Method::GET, "/healthz")).await.ok();
    assert_eq!(
        alive,
        json!({"status": "ok", "managedDomains": [POOL],
            "registrars": ["cloudflare", "dynadot", "godaddy", "namecheap", "ovh"]})
    );
    let words = send(app.old(Method::GET, "/api/v1/reserved")).await.ok();
    assert!(words["reserved"].as_array().unwrap().contains(&json!("admin")));
    let check = |sub: &str| {
        let request = app.old(Method::GET, &format!("{}?sub={sub}", path("check")));
        async move { send(request).await.ok() }
    };
    assert_eq!(
        check("acme").await,
        json!({"available": true, "fqdn": "acme.omani.works"})
    );

    let body = json!({"subdomain": "Acme", "createdBy": "wizard", "surplus": 1});
    let reserved = send(app.old(Method::POST, &path("reserve")).json(&body)).await;
    assert_eq!(reserved.status, StatusCode::CREATED);
    let reserved = reserved.json();
    for (field, value) in [
        ("poolDomain", POOL),
        ("subdomain", "acme"),
        ("state", "reserved"),
        ("createdBy", "wizard"),
    ] {
        assert_eq!(reserved[field], value, "{field}");
    }
    assert!(reserved["reservedAt"].is_string() && reserved["expiresAt"].is_string());
    let token = reserved["reservationToken"].as_str().unwrap().to_owned();
    assert!(uuid::Uuid::parse_str(&token).is_ok());
    let again = send(app.old(Method::POST, &path("reserve")).json(&body)).await;
    assert_eq!(
        (again.status, &again.json()["error"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    assert_eq!(check("acme").await["reason"], "reserved-state");

    let commit = |token: &str, address: &str| {
        json!({"subdomain": "acme", "reservationToken": token, "sovereignFQDN": "acme.omani.works",
            "loadBalancerIP": address})
    };
    let post = |body: Value| send(app.old(Method::POST, &path("commit")).json(&body));
    let wrong = post(commit(&uuid::Uuid::nil().to_string(), "203.0.113.10")).await;
    assert_eq!(
        (wrong.status, &wrong.json()["error"]),
        (StatusCode::FORBIDDEN, &json!("token-mismatch"))
    );
    let none = post(commit(&token, "")).await;
    assert_eq!(
        (none.status, &none.json()["error"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("missing-lb-ip"))
    );
    let (done, ()) = tokio::join!(post(commit(&token.to_uppercase(), "203.0.113.10")), async {
        while app.get(As::A, "/v1/claims?state=activating").await.ok()["items"] == json!([]) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        app.work().await;
    });
    assert_eq!(
        (done.status, &done.json()["state"]),
        (StatusCode::OK, &json!("active"))
    );
    assert_eq!(
        post(commit(&token, "203.0.113.10")).await.status,
        StatusCode::OK,
        "calling again joins"
    );
    let other = post(commit(&token, "203.0.113.11")).await;
    assert_eq!(
        (other.status, &other.json()["error"]),
        (StatusCode::CONFLICT, &json!("already-active"))
    );

    let list = send(app.old(Method::GET, &path("list"))).await;
    assert!(!list.text.contains(&token));
    assert_eq!(list.json()["poolDomain"], POOL);
    assert_eq!(list.json()["allocations"][0]["loadBalancerIP"], "203.0.113.10");

    let release = || {
        send(
            app.old(Method::DELETE, &path("release"))
                .json(&json!({"subdomain": "acme"})),
        )
    };
    let released = release().await;
    assert_eq!(
        (released.status, &released.json()["freed"]["subdomain"]),
        (StatusCode::ACCEPTED, &json!("acme"))
    );
    app.work().await;
    let gone = release().await;
    assert_eq!(
        (gone.status, &gone.json()["error"]),
        (StatusCode::NOT_FOUND, &json!("not-found"))
    );
}

async fn what_an_old_client_gets_wrong_is_told_in_its_words(database: Database) {
    let app = TestApp::start(database).await;
    let post = |verb: &str, body: Value| {
        let request = app.old(Method::POST, &path(verb)).json(&body);
        async move {
            let reply = send(request).await;
            (
                reply.status.as_u16(),
                reply.json()["error"].as_str().unwrap().to_owned(),
            )
        }
    };
    let commit = |sub: &str| json!({"subdomain": sub, "reservationToken": uuid::Uuid::nil().to_string(), "loadBalancerIP": "203.0.113.1"});
    assert_eq!(
        post("reserve", json!({"subdomain": "a_b"})).await,
        (422, "invalid-format".to_owned())
    );
    assert_eq!(
        post("reserve", json!({})).await,
        (422, "invalid-format".to_owned())
    );
    assert_eq!(
        post("reserve", json!({"subdomain": "admin"})).await,
        (422, "reserved".to_owned())
    );
    assert_eq!(
        post("commit", commit("nobody")).await,
        (404, "not-found".to_owned())
    );
    let held = app.claim_in(ClaimState::Expired, "late").await;
    let mut late = commit("late");
    late["reservationToken"] = json!(held.token);
    // Tokens of the old listener are UUIDs, whose case does not matter; this one is not, and only has to be refused.
    assert_eq!(post("commit", late).await.0, 403);
    let reserved = send(
        app.old(Method::POST, &path("reserve"))
            .json(&json!({"subdomain": "later"})),
    )
    .await
    .ok();
    app.store.move_time(Duration::from_secs(3601)).await.unwrap();
    let mut late = commit("later");
    late["reservationToken"] = reserved["reservationToken"].clone();
    assert_eq!(
        post("commit", late.clone()).await,
        (410, "reservation-expired".to_owned())
    );
    app.expire().await;
    assert_eq!(
        post("commit", late).await,
        (410, "reservation-expired".to_owned())
    );

    for query in ["", "?sub=", "?sub=%FF", "?sub=acme&sub=other"] {
        let path = format!("/api/v1/pool/{POOL}/check{query}");
        let check = send(app.old(Method::GET, &path)).await;
        assert_eq!(check.status, StatusCode::OK, "{query}: {check:?}");
        assert_eq!(check.json()["available"], false, "{query}");
    }
    let check = send(app.old(Method::GET, "/api/v1/pool/nowhere.example/check?sub=acme")).await;
    assert_eq!(
        (check.status, &check.json()["reason"]),
        (StatusCode::OK, &json!("unsupported-pool"))
    );
    let bad = send(app.old(Method::GET, &format!("{}?sub=a_b", path("check"))))
        .await
        .ok();
    assert_eq!(
        (&bad["available"], &bad["reason"]),
        (&json!(false), &json!("invalid-format"))
    );
    assert_eq!(
        send(app.old(Method::GET, "/v1/claims")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        send(app.old(Method::POST, "/healthz")).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

async fn a_release_never_touches_the_name_of_another_tenant(database: Database) {
    let app = TestApp::start(database).await;
    let body = json!({"mode": "pool", "pool": POOL, "label": "acme"});
    app.post(As::B, "/v1/reserve", &body).await.ok();
    let reply = send(app.old(Method::DELETE, &format!("{}?sub=acme", path("release")))).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (StatusCode::NOT_FOUND, &json!("not-found"))
    );
    let held = app.reserve("mine").await;
    let reply = send(app.old(Method::DELETE, &format!("{}?sub=mine", path("release")))).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(app.claim(&held).await["state"], "released");
}

async fn what_is_refused_before_a_handler_has_the_old_form_too(database: Database) {
    let app = TestApp::start(database).await;
    let refused = |method, path: &str| {
        let request = app.old(method, path);
        async move {
            let reply = send(request).await;
            assert_eq!(
                reply.header("content-type"),
                Some("application/json"),
                "{reply:?}"
            );
            let body = reply.json();
            assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
            assert!(body["detail"].is_string(), "{body}");
            (reply.status.as_u16(), body["error"].as_str().unwrap().to_owned())
        }
    };
    let twice = |verb| format!("{}?sub=a&sub=b", path(verb));
    let invalid = (422, "request.invalid".to_owned());
    assert_eq!(refused(Method::DELETE, &twice("release")).await, invalid);
    assert_eq!(
        refused(Method::GET, "/api/v1/pool/%FF/list").await,
        (404, "route.not_found".to_owned())
    );
    assert_eq!(
        refused(Method::PUT, &path("list")).await,
        (405, "method.not_allowed".to_owned())
    );
    app.stop();
    assert_eq!(
        refused(Method::GET, &path("list")).await,
        (503, "shutting_down".to_owned())
    );
    let reply = send(app.old(Method::GET, &path("list"))).await;
    assert_eq!(reply.header("retry-after"), Some("1"));
}

on_each_database!(
    what_is_refused_before_a_handler_has_the_old_form_too,
    an_old_client_takes_commits_lists_and_gives_back,
    what_an_old_client_gets_wrong_is_told_in_its_words,
    a_release_never_touches_the_name_of_another_tenant,
);
