//! Name servers and DS.

use conformance::sim::faults::Fault;
use conformance::sim::godaddy::ACCESS_TOKEN;
use reqwest::Method;
use serde_json::{Value, json};

use super::{GoDaddy, RECORDS};

#[tokio::test]
async fn name_servers_by_v1() {
    let godaddy = GoDaddy::start().await;
    let set = async |domain: &str, hosts: Value| {
        let path = format!("/v1/domains/{domain}");
        godaddy
            .call(Method::PATCH, &path, json!({"nameServers": hosts}))
            .await
    };
    let good = json!(["ns1.pool.example", "ns2.pool.example"]);
    let ordinary = "godaddy-ordinary.com";
    set(ordinary, json!(["ns1.pool.example"]))
        .await
        .is(422, "MISSING_NAME_SERVER");
    for bad in [
        json!(["ns1.pool.example.", "ns2.pool.example."]),
        json!(["ns1.godaddy-ordinary.com", "ns2.godaddy-ordinary.com"]),
    ] {
        set(ordinary, bad).await.is(422, "FAILED_NAME_SERVER_VALIDATION");
    }
    for domain in ["godaddy-locked.com", "godaddy-expired.com"] {
        set(domain, good.clone()).await.is(409, "INACTIVE_DOMAIN");
    }
    let answer = set(ordinary, good.clone()).await;
    assert_eq!((answer.status, answer.body), (200, Value::Null));
    assert_eq!(
        godaddy.nameservers(ordinary),
        ["ns1.pool.example", "ns2.pool.example"]
    );

    assert_eq!(set("godaddy-hosted.com", good).await.status, 200);
    godaddy.get(RECORDS).await.is(404, "UNKNOWN_DOMAIN");
    assert_eq!(godaddy.get("/v1/domains/godaddy-hosted.com").await.status, 200);
    set(
        "godaddy-hosted.com",
        json!(["ns01.domaincontrol.com", "ns02.domaincontrol.com"]),
    )
    .await;
    let records = godaddy.get(RECORDS).await.body;
    assert_eq!(records[0]["data"], "Parked", "the zone is that of a new domain");
}

#[tokio::test]
async fn name_servers_by_v2_are_an_action() {
    let godaddy = GoDaddy::start().await;
    let (path, domain) = (
        godaddy.v2("godaddy-ordinary.com/nameServers"),
        "godaddy-ordinary.com",
    );
    let body = json!({"nameServers": ["ns1.pool.example", "ns2.pool.example"]});
    let answer = godaddy.call(Method::PUT, &path, body.clone()).await;
    assert_eq!((answer.status, answer.body), (202, Value::Null));
    godaddy
        .call(Method::PUT, &path, body.clone())
        .await
        .is(409, "DUPLICATE_ACTION");
    assert_eq!(godaddy.nameservers(domain)[0], "ns1.old-host.example");
    let action = godaddy.v2("godaddy-ordinary.com/actions/DOMAIN_UPDATE_NAME_SERVERS");
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(
            godaddy.get(&action).await.body["status"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(seen.last().map(String::as_str), Some("SUCCESS"), "{seen:?}");
    assert_eq!(godaddy.nameservers(domain)[0], "ns1.pool.example");

    godaddy.simulator.faults.arm(Fault::TaskFailed, "nameServers", 1);
    godaddy.call(Method::PUT, &path, body).await;
    let failed = godaddy.get(&action).await.body;
    assert_eq!(failed["status"], "FAILED");
    assert!(failed["reason"]["code"].is_string());
}

#[tokio::test]
async fn name_servers_by_v3_are_an_operation_that_is_done_once() {
    let godaddy = GoDaddy::start().await;
    let path = "/v3/domains/domain-names/godaddy-ordinary.com/nameservers";
    let wrapped = json!({"nameServers": ["ns1.pool.example", "ns2.pool.example"]});
    godaddy
        .token(Method::PUT, path, wrapped)
        .await
        .is(422, "INVALID_BODY");
    let body = json!(["ns1.pool.example", "ns2.pool.example"]);
    let request = godaddy
        .client
        .put(godaddy.simulator.base_url() + path)
        .json(&body);
    let without_key = request.bearer_auth(ACCESS_TOKEN).send().await.unwrap();
    assert_eq!(without_key.status(), 400, "the header Idempotency-Key is needed");

    let first = godaddy.token(Method::PUT, path, body.clone()).await;
    assert_eq!((first.status, &first.body["status"]), (202, &json!("CONFIRMED")));
    let again = godaddy.token(Method::PUT, path, body).await;
    assert_eq!(again.body["operationId"], first.body["operationId"]);
    let href = first.headers["location"].to_str().unwrap().to_owned();
    assert!(first.headers.contains_key("retry-after"));
    let mut last = Value::Null;
    for _ in 0..3 {
        last = godaddy.token(Method::GET, &href, Value::Null).await.body;
    }
    assert_eq!(last["status"], "COMPLETED");
    assert_eq!(godaddy.nameservers("godaddy-ordinary.com")[0], "ns1.pool.example");
}

#[tokio::test]
async fn ds_are_words_and_actions() {
    let godaddy = GoDaddy::start().await;
    let path = godaddy.v2("godaddy-signed.com/dnssecRecords");
    let ds = |tag: u16, algorithm: Value| json!([{"algorithm": algorithm, "keyTag": tag, "digestType": "SHA256", "digest": "CD".repeat(32)}]);
    godaddy
        .call(Method::PATCH, &path, ds(1, json!(13)))
        .await
        .is(422, "INVALID_BODY");
    godaddy
        .call(Method::PATCH, &path, ds(1, json!("ECDSAP256SHA256"))[0].clone())
        .await
        .is(422, "INVALID_BODY");
    assert_eq!(
        godaddy
            .call(Method::PATCH, &path, ds(1, json!("ECDSAP256SHA256")))
            .await
            .status,
        202
    );
    godaddy
        .call(Method::PATCH, &path, ds(2, json!("ED25519")))
        .await
        .is(409, "DUPLICATE_ACTION");
    let details = godaddy.v2("godaddy-signed.com?includes=dnssecRecords");
    let mut shown = Value::Null;
    for _ in 0..3 {
        shown = godaddy.get(&details).await.body["dnssecRecords"].clone();
    }
    assert_eq!(
        shown.as_array().unwrap().len(),
        2,
        "the new one is beside the old one"
    );
    assert_eq!(shown[1]["algorithm"], "ECDSAP256SHA256");
    let without = godaddy.get(&godaddy.v2("godaddy-signed.com")).await;
    assert!(without.body.get("dnssecRecords").is_none());

    assert_eq!(
        godaddy
            .call(Method::DELETE, &path, ds(9, json!("ED25519")))
            .await
            .status,
        202
    );
    let action = godaddy.v2("godaddy-signed.com/actions/DNSSEC_DELETE");
    let mut last = Value::Null;
    for _ in 0..3 {
        last = godaddy.get(&action).await.body;
    }
    assert_eq!(last["status"], "FAILED", "nothing is removed that is not there");
    assert_eq!(
        godaddy
            .token(Method::PATCH, &path, ds(3, json!("ED25519")))
            .await
            .status,
        403
    );
}
