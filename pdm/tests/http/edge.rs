//! What holds for every request.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{As, Database, POOL, TestApp, on_each_database, send};

async fn what_is_not_a_request_of_this_api_is_a_problem(database: Database) {
    let app = TestApp::start(database).await;
    for path in ["/", "/v1", "/v2/claims", "/v1/claims/", "/v1/nothing"] {
        assert_eq!(
            app.get(As::A, path).await.problem(),
            (404, "route.not_found".to_owned()),
            "{path}"
        );
    }
    for method in [
        Method::PUT,
        Method::TRACE,
        Method::OPTIONS,
        Method::from_bytes(b"PURGE").unwrap(),
    ] {
        let reply = send(app.request(As::A, method.clone(), "/v1/claims")).await;
        assert_eq!(
            reply.problem(),
            (405, "method.not_allowed".to_owned()),
            "{method}"
        );
        assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    }
    let post = || app.request(As::A, Method::POST, "/v1/reserve");
    let json = |body: String| post().header("Content-Type", "application/json").body(body);
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let large = format!("\"{}\"", "x".repeat(70_000));
    for (request, problem) in [
        (json("{".to_owned()), (400, "request.malformed")),
        (json("\u{feff}{}".to_owned()), (400, "request.malformed")),
        (json(deep), (400, "request.malformed")),
        (json(large), (413, "body.too_large")),
        (post().body("{}"), (415, "body.unsupported")),
        (
            post().header("Content-Type", "text/plain").body("{}"),
            (415, "body.unsupported"),
        ),
        (
            post().header("Accept", "text/html").json(&json!({})),
            (406, "accept.unsupported"),
        ),
        (
            post().header("Idempotency-Key", "two words").json(&json!({})),
            (400, "request.malformed"),
        ),
        (
            post().header("Idempotency-Key", "k".repeat(256)).json(&json!({})),
            (400, "request.malformed"),
        ),
        (json("[]".to_owned()), (422, "request.invalid")),
        (json(String::new()), (422, "request.invalid")),
    ] {
        let reply = send(request).await;
        assert_eq!(reply.problem(), (problem.0, problem.1.to_owned()));
    }
    let long = format!("/v1/claims?after={}", "x".repeat(2100));
    assert_eq!(
        app.get(As::A, &long).await.problem(),
        (400, "request.malformed".to_owned())
    );
}

async fn an_endless_body_is_cut_off_where_it_gets_too_large(database: Database) {
    let app = TestApp::start(database).await;
    let chunks = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 8192]));
    let request = app
        .request(As::A, Method::POST, "/v1/reserve")
        .header("Content-Type", "application/json");
    // The server may close the connection before the client has stopped to send.
    if let Ok(response) = request.body(reqwest::Body::wrap_stream(chunks)).send().await {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

async fn a_misfit_is_named_with_its_place_and_without_secrets(database: Database) {
    let app = TestApp::start(database).await;
    let invalid = |body| {
        let app = &app;
        async move {
            let reply = app.post(As::A, "/v1/commit", &body).await;
            assert_eq!(reply.problem(), (422, "request.invalid".to_owned()), "{body}");
            let error = reply.json()["errors"][0].clone();
            (error["pointer"].as_str().unwrap().to_owned(), reply.text)
        }
    };
    let held = app.reserve("acme").await;
    let mut body = held.commit_body(10);
    body["unknown"] = json!(1);
    assert_eq!(invalid(body).await.0, "/unknown");
    let mut body = held.commit_body(10);
    body["targets"]["ipv4"] = json!([17]);
    assert_eq!(invalid(body).await.0, "/targets/ipv4/0");
    let mut body = held.commit_body(10);
    body["reservation_token"] = json!({"secret": "hunter2"});
    let (pointer, text) = invalid(body).await;
    assert!(
        pointer.starts_with("/reservation_token") && !text.contains("hunter2"),
        "{text}"
    );
    let mut body = held.commit_body(10);
    body["waivers"] = json!(["mx_differs"]);
    assert_eq!(invalid(body).await.0, "/waivers");
}

async fn lists_refuse_bad_windows_and_unknown_filters(database: Database) {
    let app = TestApp::start(database).await;
    for query in [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=-1",
        "colour=red",
        "state=asleep",
        "pool=a..b",
        "claim_id=x",
    ] {
        let reply = app.get(As::A, &format!("/v1/claims?{query}")).await;
        assert_eq!(reply.problem(), (422, "request.invalid".to_owned()), "{query}");
    }
    assert_eq!(
        app.get(As::A, "/v1/operations?state=reserved").await.problem().0,
        422
    );
}

async fn per_minute_limits_are_told_with_the_time_to_wait(database: Database) {
    let app = TestApp::with(
        database,
        "[limits]\ncheck_per_minute = 2\nreserve_per_minute = 1\n",
    )
    .await;
    let check = format!("/v1/check?pool={POOL}&label=acme");
    assert_eq!(app.get(As::A, &check).await.status, StatusCode::OK);
    assert_eq!(app.get(As::A, &check).await.status, StatusCode::OK);
    let reply = app.get(As::A, &check).await;
    assert_eq!(reply.problem(), (429, "rate.limited".to_owned()));
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(reply.json()["retry_after_seconds"], seconds);
    assert!((1..=60).contains(&seconds));
    assert_eq!(
        app.get(As::B, &check).await.status,
        StatusCode::OK,
        "limits are per tenant"
    );
    for _ in 0..5 {
        assert_eq!(app.get(As::Operator, &check).await.status, StatusCode::OK);
    }
    // A replay costs nothing.
    let reserve = || {
        let body = json!({"mode": "pool", "pool": POOL, "label": "acme"});
        app.request(As::A, Method::POST, "/v1/reserve")
            .header("Idempotency-Key", "k")
            .json(&body)
    };
    assert_eq!(send(reserve()).await.status, StatusCode::CREATED);
    assert_eq!(send(reserve()).await.status, StatusCode::CREATED);
    let body = json!({"mode": "pool", "pool": POOL, "label": "other"});
    assert_eq!(
        app.post(As::A, "/v1/reserve", &body).await.problem(),
        (429, "rate.limited".to_owned())
    );
}

async fn the_service_says_that_it_lives_and_who_is_away(database: Database) {
    let app = TestApp::start(database).await;
    assert_eq!(
        app.get(As::Nobody, "/healthz").await.ok(),
        json!({"status": "ok"})
    );
    let ready = app.get(As::Nobody, "/readyz").await.ok();
    assert_eq!(
        (&ready["status"], &ready["store"]["status"]),
        (&json!("ready"), &json!("ok"))
    );
    assert_eq!(ready["powerdns"][0]["status"], "away");
    assert_eq!(ready["powerdns"][0]["server"], "http://127.0.0.1:1");
}

on_each_database!(
    what_is_not_a_request_of_this_api_is_a_problem,
    an_endless_body_is_cut_off_where_it_gets_too_large,
    a_misfit_is_named_with_its_place_and_without_secrets,
    lists_refuse_bad_windows_and_unknown_filters,
    per_minute_limits_are_told_with_the_time_to_wait,
    the_service_says_that_it_lives_and_who_is_away,
);
