//! The record sets of a name.

use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, TestApp, on_each_database, send};

async fn records_are_kept_in_one_spelling_and_shown_beside_managed_ones(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Active, "acme").await;
    let base = format!("/v1/claims/{}/records", held.id);
    let put = |path: &str, body: Value| {
        let request = app
            .request(As::A, Method::PUT, &format!("{base}/{path}"))
            .header("Prefer", "wait=0");
        send(request.json(&body))
    };
    let mx =
        json!({"ttl": 300, "values": ["20 MX2.example.com", "10 mx1.example.com.", "10 mx1.example.com"]});
    assert_eq!(put("@/mx", mx.clone()).await.status, StatusCode::ACCEPTED);
    let txt = put(
        "_dmarc.acme.omani.works/TXT",
        json!({"ttl": 300, "values": ["v=DMARC1; p=none"]}),
    )
    .await;
    assert_eq!(txt.status, StatusCode::ACCEPTED, "a waiting edit joins: {txt:?}");
    app.work().await;
    assert_eq!(put("@/MX", mx).await.status, StatusCode::OK, "nothing to do");

    let items = app.get(As::A, &base).await.ok()["items"]
        .as_array()
        .unwrap()
        .clone();
    let managed: Vec<&Value> = items.iter().filter(|set| set["managed"] == true).collect();
    assert_eq!(managed.len(), 6);
    assert!(
        managed
            .iter()
            .all(|set| set["type"] == "A" && set["values"] == json!(["203.0.113.10"]))
    );
    let own: Vec<&Value> = items.iter().filter(|set| set["managed"] == false).collect();
    assert_eq!(own.len(), 2);
    let one = app.get(As::A, &format!("{base}/@/MX")).await;
    assert_eq!(
        one.json()["values"],
        json!(["10 mx1.example.com.", "20 mx2.example.com."])
    );
    assert_eq!(one.json()["name"], "acme.omani.works");
    let tag = one.header("etag").unwrap().to_owned();

    for (path, body, code) in [
        (
            "console.acme.omani.works/A",
            json!({"ttl": 300, "values": ["203.0.113.1"]}),
            "records.invalid",
        ),
        (
            "@/NS",
            json!({"ttl": 300, "values": ["ns.example.net"]}),
            "records.invalid",
        ),
        (
            "@/CNAME",
            json!({"ttl": 300, "values": ["example.net"]}),
            "records.invalid",
        ),
        (
            "www.example.net/TXT",
            json!({"ttl": 300, "values": ["x"]}),
            "records.invalid",
        ),
        (
            "www.acme.omani.works/LUA",
            json!({"ttl": 300, "values": ["A \"x\""]}),
            "records.invalid",
        ),
        (
            "www.acme.omani.works/SOA",
            json!({"ttl": 300, "values": ["x"]}),
            "records.invalid",
        ),
        (
            "www.acme.omani.works/TXT",
            json!({"ttl": 59, "values": ["x"]}),
            "records.invalid",
        ),
        (
            "www.acme.omani.works/TXT",
            json!({"ttl": 300, "values": []}),
            "records.invalid",
        ),
        (
            "www.acme.omani.works/A",
            json!({"ttl": 300, "values": ["203.0.113.1", "no"]}),
            "records.invalid",
        ),
        (
            "www.acme.omani.works/TXT",
            json!({"ttl": 300, "values": ["x"], "managed": true}),
            "request.invalid",
        ),
        (
            "www.acme.omani.works/TXT",
            json!({"ttl": 300, "values": ["x"], "name": "@"}),
            "request.invalid",
        ),
    ] {
        let reply = put(path, body).await;
        assert_eq!(reply.problem(), (422, code.to_owned()), "{path}: {reply:?}");
    }
    let stale = app
        .request(As::A, Method::DELETE, &format!("{base}/@/MX"))
        .header("If-Match", "\"x\"");
    assert_eq!(send(stale).await.problem(), (412, "version.stale".to_owned()));
    let right = app
        .request(As::A, Method::DELETE, &format!("{base}/@/MX"))
        .header("If-Match", tag);
    assert_eq!(
        send(right.header("Prefer", "wait=0")).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(
        app.get(As::A, &format!("{base}/@/MX")).await.problem(),
        (404, "record.not_found".to_owned())
    );
    let managed = app
        .delete(As::A, &format!("{base}/console.acme.omani.works/A"))
        .await;
    assert_eq!(managed.problem(), (422, "records.invalid".to_owned()));
}

on_each_database!(records_are_kept_in_one_spelling_and_shown_beside_managed_ones);
