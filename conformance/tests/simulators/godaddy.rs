//! GoDaddy.

use conformance::sim::Simulator;
use conformance::sim::controls::Controls;
use conformance::sim::faults::Fault;
use conformance::sim::fixtures::{Case, Fixtures};
use conformance::sim::godaddy::{
    ACCESS_TOKEN, ACCESS_TOKEN_READ_ONLY, SHOPPER_ID, Settings, TooMany, start_with,
};
use conformance::sim::world::World;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};

const ORDINARY: &str = "/v1/domains/godaddy-ordinary.com";
const RECORDS: &str = "/v1/domains/godaddy-hosted.com/records";
const ZONE_V3: &str = "/v3/domains/zones/godaddy-hosted.com/dns-records";

struct GoDaddy {
    world: World,
    simulator: Simulator,
    fixtures: Fixtures,
    settings: Controls<Settings>,
    client: Client,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    /// `null` when there was none.
    body: Value,
}

impl Answer {
    fn is(&self, status: u16, code: &str) {
        let said = self.body["code"].as_str().or(self.body["name"].as_str());
        assert_eq!((self.status, said), (status, Some(code)), "{}", self.body);
    }
}

impl GoDaddy {
    async fn start() -> Self {
        let (world, settings) = (World::new(), Controls::default());
        let (simulator, fixtures) = start_with(&world, 0, &settings).await.unwrap();
        Self {
            world,
            simulator,
            fixtures,
            settings,
            client: Client::new(),
        }
    }

    async fn with(&self, authorization: &str, method: Method, path: &str, body: Value) -> Answer {
        let mut request = self.client.request(method, self.simulator.base_url() + path);
        request = request.header("Authorization", authorization);
        request = request.header("Idempotency-Key", "00000000-0000-4000-8000-00000000aaaa");
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap()
        };
        Answer {
            status,
            headers,
            body,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        self.with(&key(&self.fixtures.ordinary), method, path, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Value::Null).await
    }

    async fn token(&self, method: Method, path: &str, body: Value) -> Answer {
        self.with(&format!("Bearer {ACCESS_TOKEN}"), method, path, body)
            .await
    }

    fn v2(&self, rest: &str) -> String {
        let customer = self.fixtures.ordinary.credentials["customer_id"]
            .as_str()
            .unwrap();
        format!("/v2/customers/{customer}/domains/{rest}")
    }

    fn nameservers(&self, domain: &str) -> Vec<String> {
        self.world.domain(domain).unwrap().nameservers
    }
}

fn key(case: &Case) -> String {
    let field = |name: &str| case.credentials[name].as_str().unwrap();
    format!("sso-key {}:{}", field("api_key"), field("api_secret"))
}

#[tokio::test]
async fn keys_and_tokens_are_told_apart() {
    let godaddy = GoDaddy::start().await;
    let right = key(&godaddy.fixtures.ordinary);
    let v3 = "/v3/domains/domain-names/godaddy-ordinary.com";
    for (authorization, path, wanted) in [
        (right.as_str(), ORDINARY, 200),
        (&format!("Bearer {ACCESS_TOKEN}"), ORDINARY, 200),
        (&format!("Bearer {ACCESS_TOKEN}"), v3, 200),
        (right.as_str(), v3, 401),
        (&key(&godaddy.fixtures.cases["wrong_key"]), ORDINARY, 401),
        (&format!("sso-key {ACCESS_TOKEN}"), ORDINARY, 401),
        ("Bearer gd_pat_Unknown", ORDINARY, 401),
        ("sso-key without-a-colon", ORDINARY, 400),
    ] {
        let answer = godaddy.with(authorization, Method::GET, path, Value::Null).await;
        assert_eq!(answer.status, wanted, "{authorization} {path}: {}", answer.body);
    }
}

#[tokio::test]
async fn scopes_tier_and_ownership_are_refused() {
    let godaddy = GoDaddy::start().await;
    let read_only = format!("Bearer {ACCESS_TOKEN_READ_ONLY}");
    let body = json!({"nameServers": ["ns1.pool.example", "ns2.pool.example"]});
    godaddy
        .with(&read_only, Method::PATCH, ORDINARY, body)
        .await
        .is(403, "ACCESS_DENIED");
    let records = json!([{"type": "TXT", "name": "a", "data": "value", "ttl": 600}]);
    godaddy
        .with(&read_only, Method::PATCH, RECORDS, records)
        .await
        .is(403, "ACCESS_DENIED");
    let tier = &godaddy.fixtures.cases["tier"];
    let path = format!("/v1/domains/{}", tier.domain);
    godaddy
        .with(&key(tier), Method::GET, &path, Value::Null)
        .await
        .is(403, "ACCESS_DENIED");
    godaddy
        .get("/v1/domains/godaddy-elsewhere.com")
        .await
        .is(404, "NOT_FOUND");
    godaddy.settings.with(|settings| settings.foreign_status = 403);
    godaddy
        .get("/v1/domains/godaddy-elsewhere.com")
        .await
        .is(403, "ACCESS_DENIED");
    let path = format!("/v2/customers/{SHOPPER_ID}/domains/godaddy-ordinary.com");
    godaddy.get(&path).await.is(403, "ACCESS_DENIED");
    let shopper = godaddy
        .get(&format!("/v1/shoppers/{SHOPPER_ID}?includes=customerId"))
        .await;
    assert_eq!(
        shopper.body["customerId"],
        godaddy.fixtures.ordinary.credentials["customer_id"]
    );
}

#[tokio::test]
async fn details_hold_a_secret_and_lists_have_markers() {
    let godaddy = GoDaddy::start().await;
    let details = godaddy.get(ORDINARY).await;
    assert!(details.body["authCode"].is_string());
    let first = godaddy.get("/v1/domains?limit=2&statuses=ACTIVE").await;
    let last = first.body[1]["domain"].as_str().unwrap();
    assert!(first.body[1]["nameServers"].is_null());
    let next = godaddy
        .get(&format!(
            "/v1/domains?limit=1000&marker={last}&includes=nameServers"
        ))
        .await;
    let names: Vec<_> = next
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["domain"].as_str().unwrap())
        .collect();
    assert!(!names.is_empty() && names.iter().all(|name| *name > last));
    assert!(next.body[0]["nameServers"].is_array());

    let page = godaddy
        .token(Method::GET, "/v3/domains/domain-names?pageSize=3", Value::Null)
        .await;
    let href = page.body["links"][0]["href"].as_str().unwrap();
    let next = godaddy.token(Method::GET, href, Value::Null).await;
    assert_ne!(page.body["items"][0]["domain"], next.body["items"][0]["domain"]);
}

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

#[tokio::test]
async fn too_many_calls_come_in_several_forms() {
    let godaddy = GoDaddy::start().await;
    for (form, header, body, code) in [
        (TooMany::Both, true, true, "TOO_MANY_REQUESTS"),
        (TooMany::Header, true, false, "TOO_MANY_REQUESTS"),
        (TooMany::Body, false, true, "TOO_MANY_REQUESTS"),
        (TooMany::Quota, false, false, "QUOTA_EXCEEDED"),
    ] {
        godaddy.settings.with(|settings| settings.too_many = form);
        let fault = Fault::TooMany {
            retry_after: Some(30),
        };
        godaddy
            .simulator
            .faults
            .arm(fault, "GET /v1/domains/godaddy-ordinary.com", 1);
        let answer = godaddy.get(ORDINARY).await;
        answer.is(429, code);
        let told = (
            answer.headers.contains_key("retry-after"),
            answer.body["retryAfterSec"].is_u64(),
        );
        assert_eq!(told, (header, body), "{form:?}");
    }
    godaddy.settings.with(|settings| settings.per_minute = 1);
    assert_eq!(godaddy.get(ORDINARY).await.status, 200);
    godaddy.get(ORDINARY).await.is(429, "QUOTA_EXCEEDED");
    godaddy.world.move_clock(std::time::Duration::from_secs(60));
    assert_eq!(godaddy.get(ORDINARY).await.status, 200);
}

#[tokio::test]
async fn the_journal_has_reads_and_writes_and_no_secret() {
    let godaddy = GoDaddy::start().await;
    godaddy.get(ORDINARY).await;
    godaddy.call(Method::PATCH, RECORDS, json!([])).await;
    let entries = godaddy.simulator.journal.entries();
    let kinds: Vec<_> = entries
        .iter()
        .map(|entry| (entry.call.clone(), entry.write))
        .collect();
    let wanted = [
        (format!("GET {ORDINARY}"), false),
        (format!("PATCH {RECORDS}"), true),
    ];
    assert_eq!(kinds, wanted);
}
