//! Dynadot.

mod records;
mod rest;

use std::time::Duration;

use conformance::sim::Simulator;
use conformance::sim::controls::Controls;
use conformance::sim::dynadot::{Settings, signature, start_with};
use conformance::sim::faults::Fault;
use conformance::sim::fixtures::{Case, Fixtures};
use conformance::sim::world::World;
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

const ORDINARY: &str = "dynadot-ordinary.com";
const HOSTED: &str = "dynadot-hosted.com";

struct Dynadot {
    world: World,
    simulator: Simulator,
    fixtures: Fixtures,
    settings: Controls<Settings>,
    client: Client,
}

impl Dynadot {
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

    /// API3 with the key of a case.
    async fn of(&self, case: &Case, parameters: &[(&str, &str)]) -> Value {
        let text = self.text("json", case, parameters).await;
        serde_json::from_str(&text).unwrap()
    }

    async fn text(&self, format: &str, case: &Case, parameters: &[(&str, &str)]) -> String {
        let key = case.credentials["api_key"].as_str().unwrap();
        let base = format!("{}/api3.{format}", self.simulator.base_url());
        let url = Url::parse_with_params(&base, [("key", key)].iter().chain(parameters)).unwrap();
        let answer = self.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "API3 reports everything with 200");
        answer.text().await.unwrap()
    }

    async fn call(&self, parameters: &[(&str, &str)]) -> Value {
        self.of(&self.fixtures.ordinary, parameters).await
    }

    /// The error of a command that has to fail.
    async fn error(&self, parameters: &[(&str, &str)]) -> String {
        let answer = self.call(parameters).await;
        let inner = answer.as_object().unwrap().values().next().unwrap();
        assert_eq!(inner["ResponseCode"], "-1", "{answer}");
        inner["Error"].as_str().unwrap().to_owned()
    }

    async fn success(&self, name: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = self.call(parameters).await;
        assert_eq!(answer[name]["ResponseCode"], 0, "{answer}");
        answer[name].clone()
    }

    async fn rest(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let credentials = &self.fixtures.ordinary.credentials;
        let key = credentials["api_key"].as_str().unwrap();
        let signed = signature(credentials["api_secret"].as_str().unwrap(), key, path, "", body);
        self.rest_signed(method, path, body, &signed).await
    }

    async fn rest_signed(&self, method: Method, path: &str, body: &str, signature: &str) -> (u16, Value) {
        let key = self.fixtures.ordinary.credentials["api_key"].as_str().unwrap();
        let request = self.client.request(method, self.simulator.base_url() + path);
        let request = request.bearer_auth(key).header("X-Signature", signature);
        let request = request
            .header("Content-Type", "application/json")
            .body(body.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Owner, type and value of all records of the hosted zone.
    fn records(&self) -> Vec<(String, String, String)> {
        let mut state = self.world.state();
        let zone = state.zone("dynadot", HOSTED).unwrap();
        let records = zone.records.iter();
        records
            .map(|record| (record.name.clone(), record.rtype.clone(), record.value.clone()))
            .collect()
    }
}

fn info(domain: &str) -> [(&str, &str); 2] {
    [("command", "domain_info"), ("domain", domain)]
}

#[tokio::test]
async fn a_key_is_looked_at_before_the_command() {
    let dynadot = Dynadot::start().await;
    let wrong = dynadot
        .of(&dynadot.fixtures.cases["wrong_key"], &[("command", "nonsense")])
        .await;
    assert_eq!(
        wrong,
        json!({"Response": {"ResponseCode": "-1", "Error": "invalid key"}})
    );
    let away = dynadot.of(&dynadot.fixtures.cases["down"], &info(ORDINARY)).await;
    assert_eq!(
        away["Response"]["Error"],
        "problem with connection to main server"
    );
    assert_eq!(
        dynadot.error(&[("command", "nonsense")]).await,
        "incorrect command name"
    );
}

#[tokio::test]
async fn only_domains_of_the_account_are_known() {
    let dynadot = Dynadot::start().await;
    let answer = dynadot
        .success("DomainInfoResponse", &info("DYNADOT-ORDINARY.com"))
        .await;
    assert_eq!(answer["DomainInfo"]["Name"], ORDINARY);
    assert!(answer.get("Status").is_none(), "this answer has no status");
    for foreign in ["dynadot-elsewhere.com", "unknown.example"] {
        let error = dynadot.error(&info(foreign)).await;
        assert_eq!(error, "could not find domain in your account");
    }
    assert_eq!(
        dynadot.error(&info("bücher.example")).await,
        "domain must be in ascii"
    );
    assert_eq!(
        dynadot
            .error(&[("command", "get_dnssec"), ("domain", ORDINARY)])
            .await,
        "missing domain_name"
    );
}

#[tokio::test]
async fn name_servers_have_to_be_known_to_the_account_first() {
    let dynadot = Dynadot::start().await;
    let set = [
        ("command", "set_ns"),
        ("domain", "dynadot-ordinary.com,dynadot-second.com"),
        ("ns0", "ns1.pool.example"),
        ("ns1", "ns2.pool.example"),
    ];
    let needed = "'ns1.pool.example' needs to be registered with an ip address before it can be used.";
    assert_eq!(dynadot.error(&set).await, needed);
    for host in ["ns1.pool.example", "ns2.pool.example"] {
        let add = [("command", "add_ns"), ("host", host)];
        dynadot.success("AddNsResponse", &add).await;
        assert_eq!(dynadot.error(&add).await, format!("{host} already exists"));
    }
    dynadot.success("SetNsResponse", &set).await;
    for domain in [ORDINARY, "dynadot-second.com"] {
        let now = dynadot.world.domain(domain).unwrap().nameservers;
        assert_eq!(
            now,
            ["ns1.pool.example", "ns2.pool.example"],
            "the list is replaced"
        );
    }
    let answer = dynadot
        .success("GetNsResponse", &[("command", "get_ns"), ("domain", ORDINARY)])
        .await;
    assert_eq!(answer["NsContent"]["Host1"], "ns2.pool.example");
}

#[tokio::test]
async fn a_host_below_a_domain_needs_an_address() {
    let dynadot = Dynadot::start().await;
    for host in ["ns1.dynadot-second.com", "ns2.dynadot-second.com"] {
        dynadot
            .success("AddNsResponse", &[("command", "add_ns"), ("host", host)])
            .await;
    }
    let set = [
        ("command", "set_ns"),
        ("domain", ORDINARY),
        ("ns0", "ns1.dynadot-second.com"),
        ("ns1", "ns2.dynadot-second.com"),
    ];
    assert!(dynadot.error(&set).await.contains("needs to be registered"));
    for host in ["ns1.dynadot-second.com", "ns2.dynadot-second.com"] {
        let register = [("command", "register_ns"), ("host", host), ("ip", "192.0.2.53")];
        dynadot.success("RegisterNsResponse", &register).await;
        assert!(dynadot.error(&register).await.contains("already exists"));
    }
    dynadot.success("SetNsResponse", &set).await;
    let foreign = [
        ("command", "register_ns"),
        ("host", "ns1.pool.example"),
        ("ip", "192.0.2.53"),
    ];
    assert!(
        dynadot
            .error(&foreign)
            .await
            .contains("not below a domain in your account")
    );
}

#[tokio::test]
async fn more_than_13_name_servers_and_locked_domains_are_refused() {
    let dynadot = Dynadot::start().await;
    let hosts: Vec<_> = (0..14)
        .map(|number| (format!("ns{number}"), format!("ns{number}.pool.example")))
        .collect();
    let mut set = vec![("command", "set_ns"), ("domain", ORDINARY)];
    set.extend(hosts.iter().map(|(name, host)| (name.as_str(), host.as_str())));
    assert_eq!(dynadot.error(&set).await, "too many ns");
    let twice = [
        ("command", "set_ns"),
        ("domain", "dynadot-locked.com"),
        ("ns0", "ns1.old-host.example"),
        ("ns1", "ns2.old-host.example"),
    ];
    assert_eq!(dynadot.error(&twice).await, "Please unlock your domain firstly.");
    let locked = dynadot
        .success("DomainInfoResponse", &info("dynadot-locked.com"))
        .await;
    assert_eq!(locked["DomainInfo"]["UdrpLocked"], "yes");
}

#[tokio::test]
async fn ds_are_added_shown_in_words_and_cleared_together() {
    let dynadot = Dynadot::start().await;
    let digest = "CD".repeat(32);
    let add = [
        ("command", "set_dnssec"),
        ("domain_name", "dynadot-signed.com"),
        ("key_tag", "54321"),
        ("digest_type", "2"),
        ("digest", &digest),
        ("algorithm", "8"),
    ];
    dynadot.success("SetDnssecResponse", &add).await;
    let get = [("command", "get_dnssec"), ("domain_name", "dynadot-signed.com")];
    let answer = dynadot.success("GetDnssecResponse", &get).await;
    let shown = answer["DnssecInfo"].as_array().unwrap();
    assert_eq!(shown.len(), 2);
    let words = (&shown[1]["Algorithm"], &shown[1]["DigestType"]);
    assert_eq!(words, (&json!("RSA/SHA-256(8)"), &json!("SHA-256(2)")));
    assert_eq!(dynadot.error(&add[..5]).await, "missing algorithm");
    let clear = [("command", "clear_dnssec"), ("domain_name", "dynadot-signed.com")];
    dynadot.success("ClearDnssecResponse", &clear).await;
    assert!(dynadot.world.domain("dynadot-signed.com").unwrap().ds.is_empty());
    dynadot
        .settings
        .with(|settings| settings.without_dnssec.push(".com".to_owned()));
    assert_eq!(dynadot.error(&add).await, "This domain doesn't support DNSSEC.");
}

#[tokio::test]
async fn xml_has_the_header_within() {
    let dynadot = Dynadot::start().await;
    let ordinary = &dynadot.fixtures.ordinary;
    let text = dynadot
        .text("xml", ordinary, &[("command", "get_ns"), ("domain", ORDINARY)])
        .await;
    let head =
        "<GetNsResponse><GetNsHeader><SuccessCode>0</SuccessCode><Status>success</Status></GetNsHeader>";
    assert!(text.contains(head), "{text}");
    assert!(
        text.contains("<NsContent><Host>ns1.old-host.example</Host>"),
        "{text}"
    );
    let wrong = &dynadot.fixtures.cases["wrong_key"];
    let text = dynadot.text("xml", wrong, &[("command", "get_ns")]).await;
    let general = "<Response><ResponseHeader><ResponseCode>-1</ResponseCode><Error>invalid key</Error>";
    assert!(text.contains(general), "{text}");
}

#[tokio::test]
async fn one_call_of_a_key_at_a_time() {
    let dynadot = Dynadot::start().await;
    dynadot
        .settings
        .with(|settings| settings.takes = Duration::from_millis(300));
    let ask = info(ORDINARY);
    let (first, second) = tokio::join!(dynadot.call(&ask), dynadot.call(&ask));
    let refused = [first, second]
        .into_iter()
        .filter(|answer| {
            answer["Response"]["Error"] == "currently processing another request from this account"
        })
        .count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn faults_are_played_in_the_vendors_words() {
    let dynadot = Dynadot::start().await;
    let set = [
        ("command", "set_ns"),
        ("domain", ORDINARY),
        ("ns0", "ns2.old-host.example"),
        ("ns1", "ns1.old-host.example"),
    ];
    let now = || dynadot.world.domain(ORDINARY).unwrap().nameservers[0].clone();
    dynadot.simulator.faults.arm(Fault::NotApplied, "set_ns", 1);
    dynadot.success("SetNsResponse", &set).await;
    assert_eq!(now(), "ns1.old-host.example");

    dynadot
        .simulator
        .faults
        .arm(Fault::AppliedLate { reads: 1 }, "set_ns", 1);
    dynadot.success("SetNsResponse", &set).await;
    dynadot.call(&info(ORDINARY)).await;
    assert_eq!(now(), "ns1.old-host.example");
    dynadot.call(&info(ORDINARY)).await;
    assert_eq!(now(), "ns2.old-host.example");

    let faults = &dynadot.simulator.faults;
    faults.arm(Fault::TooMany { retry_after: None }, "domain_info", 1);
    assert_eq!(
        dynadot.call(&info(ORDINARY)).await["Response"]["Error"],
        "over quota"
    );
    let path = format!("/restful/v2/domains/{HOSTED}/records");
    faults.arm(
        Fault::TooMany {
            retry_after: Some(60),
        },
        "GET /restful",
        1,
    );
    let (status, answer) = dynadot.rest(Method::GET, &path, "").await;
    assert_eq!((status, &answer["status"]["code"]), (249, &json!(249)));
    faults.arm(Fault::ServerErrorAfter, "set_ns", 1);
    let busy = dynadot.call(&set).await;
    assert_eq!(
        busy["SetNsResponse"],
        json!({"ResponseCode": "5", "Status": "system_busy"})
    );
}

#[tokio::test]
async fn the_journal_has_reads_and_writes_and_no_key() {
    let dynadot = Dynadot::start().await;
    dynadot.call(&info(ORDINARY)).await;
    dynadot
        .call(&[("command", "clear_dnssec"), ("domain_name", ORDINARY)])
        .await;
    let entries = dynadot.simulator.journal.entries();
    let kinds: Vec<_> = entries
        .iter()
        .map(|entry| (entry.call.as_str(), entry.write))
        .collect();
    assert_eq!(kinds, [("domain_info", false), ("clear_dnssec", true)]);
    let key = dynadot.fixtures.ordinary.credentials["api_key"].as_str().unwrap();
    assert!(entries.iter().all(|entry| !entry.sent.contains(key)));
}
