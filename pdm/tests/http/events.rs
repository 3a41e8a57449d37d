//! Streams of events.

use std::time::Duration;

use futures_util::StreamExt as _;
use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{As, Database, TestApp, on_each_database, send};

/// One event as it stands in a stream.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    id: i64,
    kind: String,
    data: Value,
}

fn events(text: &str) -> Vec<Event> {
    let field = |block: &str, name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    text.split("\n\n")
        .filter_map(|block| {
            Some(Event {
                id: field(block, "id")?.parse().unwrap(),
                kind: field(block, "event")?,
                data: serde_json::from_str(&field(block, "data")?).unwrap(),
            })
        })
        .collect()
}

async fn a_stream_of_an_ended_operation_replays_and_ends_and_resumes_without_loss(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Released, "acme").await;
    let operation = app.claim(&held).await["operation_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/v1/operations/{operation}/events");
    let reading = app.get(As::A, &path);
    // The stream must not end before the events have their numbers, however long that takes.
    let (whole, ()) = tokio::join!(reading, async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.number_events().await;
    });
    assert_eq!(whole.header("content-type"), Some("text/event-stream"));
    let all = events(&whole.text);
    let kinds: Vec<&str> = all.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["operation.started", "claim.changed", "operation.succeeded"]
    );
    assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(all.iter().all(|event| event.data["at"].is_string()));
    assert_eq!(all[2].data["id"], operation.as_str());
    assert_eq!(all[1].data["state"], "released");
    for (seen, event) in all.iter().enumerate() {
        let request = app
            .request(As::A, Method::GET, &path)
            .header("Last-Event-ID", event.id.to_string());
        assert_eq!(events(&send(request).await.text), events(&whole.text)[seen + 1..]);
    }
    for bad in ["x", "-1", ""] {
        let request = app
            .request(As::A, Method::GET, &path)
            .header("Last-Event-ID", bad);
        assert_eq!(
            send(request).await.problem(),
            (400, "request.malformed".to_owned()),
            "{bad:?}"
        );
    }
    assert_eq!(
        app.get(As::B, &path).await.problem(),
        (404, "operation.not_found".to_owned())
    );
}

async fn a_tenant_hears_of_his_own_from_now_on(database: Database) {
    let app = TestApp::start(database).await;
    app.reserve("before").await;
    app.number_events().await;
    let open = |who| {
        let request = app
            .request(who, Method::GET, "/v1/events")
            .header("Accept", "text/event-stream");
        async move { request.send().await.unwrap() }
    };
    let (own, others) = (open(As::A).await, open(As::B).await);
    let operator = open(As::Operator).await;
    app.reserve("after").await;
    app.number_events().await;
    for response in [own, operator] {
        let mut text = String::new();
        let mut chunks = response.bytes_stream();
        while !text.contains("\n\n") {
            text.push_str(std::str::from_utf8(&chunks.next().await.unwrap().unwrap()).unwrap());
        }
        let first = &events(&text)[0];
        assert_eq!(
            (first.kind.as_str(), &first.data["label"]),
            ("claim.changed", &Value::from("after"))
        );
    }
    let mut chunks = others.bytes_stream();
    let silence = tokio::time::timeout(Duration::from_millis(1500), chunks.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

async fn an_actor_has_so_many_streams_and_no_more(database: Database) {
    let app = TestApp::with(database, "[limits]\nstreams_per_actor = 2\n").await;
    let open = |who| {
        let request = app.request(who, Method::GET, "/v1/events");
        async move { request.send().await.unwrap() }
    };
    let (first, second) = (open(As::A).await, open(As::A).await);
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(
        app.get(As::A, "/v1/events").await.problem(),
        (429, "rate.limited".to_owned())
    );
    assert_eq!(open(As::B).await.status(), StatusCode::OK);
    drop(first);
    // The server notices a closed connection when it writes or when the system tells it: wait for that.
    for _ in 0..200 {
        if open(As::A).await.status() == StatusCode::OK {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the place of a closed stream was not given back");
}

on_each_database!(
    a_stream_of_an_ended_operation_replays_and_ends_and_resumes_without_loss,
    a_tenant_hears_of_his_own_from_now_on,
    an_actor_has_so_many_streams_and_no_more,
);
