//! Records.

use reqwest::Method;
use serde_json::{Value, json};

use super::{GoDaddy, RECORDS, ZONE_V3};

#[tokio::test]
async fn patching_records_adds_and_putting_them_replaces() {
    let godaddy = GoDaddy::start().await;
    let txt = json!({"type": "TXT", "name": "_acme-challenge", "data": "one", "ttl": 600});
    let added = godaddy.call(Method::PATCH, RECORDS, json!([txt])).await;
    assert_eq!((added.status, added.body), (200, Value::Null));
    godaddy
        .call(Method::PATCH, RECORDS, json!([txt]))
        .await
        .is(422, "DUPLICATE_RECORD");
    godaddy
        .call(Method::PATCH, RECORDS, txt.clone())
        .await
        .is(422, "INVALID_BODY");
    let path = format!("{RECORDS}/TXT/_acme-challenge");
    godaddy
        .call(Method::PUT, &path, json!([{"data": "two"}, {"data": "three"}]))
        .await;
    let found = godaddy.get(&path).await.body;
    let data: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["data"].as_str().unwrap())
        .collect();
    assert_eq!(data, ["two", "three"]);
    assert_eq!(godaddy.call(Method::DELETE, &path, Value::Null).await.status, 204);
    let none = godaddy.get(&path).await;
    assert_eq!((none.status, none.body), (200, json!([])));
    godaddy
        .call(Method::DELETE, &path, Value::Null)
        .await
        .is(404, "NOT_FOUND");
}

#[tokio::test]
async fn records_that_cannot_be_are_refused() {
    let godaddy = GoDaddy::start().await;
    for (record, code) in [
        (
            json!({"type": "DS", "name": "sub", "data": "1 13 2 ab", "ttl": 600}),
            "INVALID_BODY",
        ),
        (
            json!({"type": "CAA", "name": "sub", "data": "0 issue \"ca.example\"", "ttl": 600}),
            "INVALID_BODY",
        ),
        (
            json!({"type": "TXT", "name": "sub", "data": "value", "ttl": 599}),
            "INVALID_BODY",
        ),
        (
            json!({"type": "TXT", "name": "sub", "data": "value", "ttl": 86401}),
            "INVALID_BODY",
        ),
        (json!({"type": "TXT", "data": "value"}), "INVALID_BODY"),
        (
            json!({"type": "NS", "name": "@", "data": "ns1.pool.example"}),
            "FAILED_NAME_SERVER_VALIDATION",
        ),
    ] {
        godaddy
            .call(Method::PATCH, RECORDS, json!([record]))
            .await
            .is(422, code);
    }
    let low = json!([{"type": "TXT", "name": "sub", "data": "value", "ttl": 599}]);
    let answer = godaddy.call(Method::PATCH, RECORDS, low).await;
    assert_eq!(answer.body["fields"][0]["path"], "records[0].ttl");
}

#[tokio::test]
async fn a_delegation_below_a_zone_cannot_be_undone_by_v1() {
    let godaddy = GoDaddy::start().await;
    let ns = |host: &str| json!({"type": "NS", "name": "sub", "data": host, "ttl": 3600});
    let both = json!([ns("ns1.pool.example"), ns("ns2.pool.example")]);
    assert_eq!(godaddy.call(Method::PATCH, RECORDS, both).await.status, 200);
    let path = format!("{RECORDS}/NS/sub");
    assert_eq!(godaddy.get(&path).await.body.as_array().unwrap().len(), 2);
    godaddy
        .call(Method::DELETE, &path, Value::Null)
        .await
        .is(422, "INVALID_BODY");
    godaddy
        .call(Method::PUT, &path, json!([]))
        .await
        .is(422, "INVALID_BODY");
    let all_ns = format!("{RECORDS}/NS");
    godaddy
        .call(Method::PUT, &all_ns, json!([ns("ns1.pool.example")]))
        .await
        .is(422, "FAILED_NAME_SERVER_VALIDATION");
}

#[tokio::test]
async fn a_protected_domain_says_yes_and_stores_nothing() {
    let godaddy = GoDaddy::start().await;
    let path = "/v1/domains/godaddy-locked.com/records";
    let txt = json!([{"type": "TXT", "name": "a", "data": "value", "ttl": 600}]);
    assert_eq!(godaddy.call(Method::PATCH, path, txt).await.status, 200);
    let found = godaddy.get(&format!("{path}/TXT/a")).await.body;
    assert_eq!(found[0]["data"], "");
}

#[tokio::test]
async fn the_offset_of_records_counts_pages() {
    let godaddy = GoDaddy::start().await;
    let all = godaddy.get(RECORDS).await.body;
    let second = godaddy.get(&format!("{RECORDS}?limit=5&offset=2")).await.body;
    assert_eq!(second[0], all[5]);
    let past = format!("{RECORDS}?limit=5&offset=9");
    assert_eq!(godaddy.get(&past).await.status, 422);
    godaddy
        .settings
        .with(|settings| settings.empty_past_the_end = true);
    assert_eq!(godaddy.get(&past).await.body, json!([]));
}

#[tokio::test]
async fn records_by_v3_have_ids_and_some_are_not_mutable() {
    let godaddy = GoDaddy::start().await;
    let empty = godaddy
        .token(
            Method::GET,
            &format!("{ZONE_V3}?name=none&totalRequired=true"),
            Value::Null,
        )
        .await;
    assert_eq!(empty.body, json!({"items": null, "links": []}));
    let caa =
        json!({"type": "CAA", "name": "sub", "data": "ca.example", "flag": 0, "tag": "issue", "ttl": 600});
    let made = godaddy.token(Method::POST, ZONE_V3, caa.clone()).await;
    assert_eq!((made.status, &made.body["tag"]), (201, &json!("issue")));
    godaddy
        .token(Method::POST, ZONE_V3, caa)
        .await
        .is(422, "DUPLICATE_RECORD");
    let path = format!("{ZONE_V3}/{}", made.body["recordId"].as_str().unwrap());
    assert_eq!(
        godaddy.token(Method::DELETE, &path, Value::Null).await.status,
        204
    );
    godaddy
        .token(Method::DELETE, &path, Value::Null)
        .await
        .is(404, "NOT_FOUND");

    let apex = godaddy
        .token(Method::GET, &format!("{ZONE_V3}?type=NS&name=@"), Value::Null)
        .await;
    let id = apex.body["items"][0]["recordId"].as_str().unwrap();
    let apex = format!("{ZONE_V3}/{id}");
    godaddy
        .token(Method::DELETE, &apex, Value::Null)
        .await
        .is(409, "dns_record_not_mutable");
    let ns = json!({"type": "NS", "name": "sub", "data": "ns1.pool.example", "ttl": 3600});
    godaddy
        .token(Method::POST, ZONE_V3, ns.clone())
        .await
        .is(409, "dns_record_not_mutable");
    godaddy.settings.with(|settings| settings.ns_by_v3 = true);
    assert_eq!(godaddy.token(Method::POST, ZONE_V3, ns).await.status, 201);
    godaddy
        .token(Method::DELETE, &apex, Value::Null)
        .await
        .is(409, "dns_record_not_mutable");
}
