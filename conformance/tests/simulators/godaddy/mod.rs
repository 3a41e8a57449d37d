//! GoDaddy.

mod records;
mod registry;

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
