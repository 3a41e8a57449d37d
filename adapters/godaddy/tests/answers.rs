//! GoDaddy's answers, as its documentation and users show them, and what the adapter makes of them.

mod hosted_zone;
mod registry;
mod restore;
mod vendor;

use std::time::Duration;

use pdm_adapter_godaddy::Godaddy;
use pdm_registrar::{
    Ability, Account, Adapter, Applied, Credentials, DomainName, Endpoint, ErrorKind, Mode, NameserverSet,
    OwnerName, Retry,
};
use serde_json::{Value, json};
use vendor::{Answer, Vendor};

const DOMAIN_V1: &str = include_str!("answers/domain_v1.json");
const DOMAIN_V3: &str = include_str!("answers/domain_v3.json");
const ERROR_V1: &str = include_str!("answers/error_v1.json");
const ERROR_V3: &str = include_str!("answers/error_v3.json");
const OPERATION_V3: &str = include_str!("answers/operation_v3.json");

const SECRET: &str = "test-secret-of-a-key";
const TOKEN: &str = "gd_pat_test";
const V1: &str = "GET /v1/domains/example.com";
const V1_LIST: &str = "GET /v1/domains?";
const V1_RECORDS: &str = "GET /v1/domains/example.com/records";
const V3: &str = "GET /v3/domains/domain-names/example.com";
const V3_LIST: &str = "GET /v3/domains/domain-names?";
const V3_RECORDS: &str = "GET /v3/domains/zones/example.com/dns-records";

fn ok(body: impl Into<String>) -> Answer {
    Answer(200, "", body.into())
}

fn refused(status: u16, code: &str) -> Answer {
    Answer(status, "", json!({"code": code, "message": "no"}).to_string())
}

fn list(records: &Value) -> Answer {
    ok(records.to_string())
}

fn record(kind: &str, name: &str, data: &str) -> Value {
    json!({"type": kind, "name": name, "data": data, "ttl": 3600})
}

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn owner(text: &str) -> OwnerName {
    OwnerName::parse(text).unwrap()
}

fn servers(hosts: &[&str]) -> NameserverSet {
    NameserverSet::new(hosts.iter().map(|host| name(host))).unwrap()
}

/// The documented domain on these servers.
fn on(hosts: &[&str]) -> String {
    let mut domain: Value = serde_json::from_str(DOMAIN_V1).unwrap();
    domain["nameServers"] = json!(hosts);
    domain.to_string()
}

fn with_key(vendor: &Vendor) -> Box<dyn Account> {
    let credentials = json!({"api_key": "test-key", "api_secret": SECRET});
    vendor.open(&Godaddy, &credentials.to_string())
}

/// An account of a token, which v1 does not take unless a test says so.
fn with_token(vendor: &Vendor) -> Box<dyn Account> {
    vendor.on(V1, [refused(401, "UNABLE_TO_AUTHENTICATE")]);
    vendor.open(&Godaddy, &json!({"access_token": TOKEN}).to_string())
}

fn with_customer(vendor: &Vendor, customer: &str) -> Box<dyn Account> {
    let credentials = json!({"api_key": "test-key", "api_secret": SECRET, "customer_id": customer});
    vendor.open(&Godaddy, &credentials.to_string())
}

#[tokio::test]
async fn the_documented_domain_is_read_and_its_transfer_secret_is_not() {
    let vendor = Vendor::start().await;
    vendor
        .on(V1, [ok(DOMAIN_V1)])
        .on(V1_RECORDS, [list(&json!([record("A", "@", "192.0.2.1")]))]);
    let account = with_key(&vendor);
    let registrar = account.registrar().unwrap();
    let shown = registrar.registration(&name("example.com")).await.unwrap();
    assert_eq!(
        shown.nameservers,
        [name("ns01.domaincontrol.com"), name("ns02.domaincontrol.com")].into()
    );
    assert_eq!(
        (shown.ds.clone(), shown.mode.clone(), shown.locked, shown.expired),
        (None, Mode::Hosted, Some(false), false)
    );
    assert_eq!(shown.transfer_locked, Some(true));
    let snapshot = registrar.snapshot(&name("example.com")).await.unwrap();
    let all = format!("{shown:?}{}", serde_json::to_string(&snapshot).unwrap());
    assert!(
        !all.contains("test-transfer-secret") && !all.contains("test-person"),
        "{all}"
    );
    let asked = vendor.asked();
    assert!(
        asked[0]
            .headers
            .contains(&format!("authorization: sso-key test-key:{SECRET}")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_token_asks_the_third_version() {
    let vendor = Vendor::start().await;
    vendor.on(V3, [ok(DOMAIN_V3)]);
    let account = with_token(&vendor);
    let shown = account
        .registrar()
        .unwrap()
        .registration(&name("example.com"))
        .await
        .unwrap();
    assert_eq!((shown.locked, shown.transfer_locked), (None, Some(true)));
    assert!(
        vendor.asked()[0]
            .headers
            .contains(&format!("authorization: Bearer {TOKEN}"))
    );
}

#[tokio::test]
async fn a_partial_answer_is_one_and_an_answer_about_another_domain_is_none() {
    let vendor = Vendor::start().await;
    vendor.on(
        V1,
        [
            Answer(203, "", DOMAIN_V1.to_owned()),
            ok(DOMAIN_V1.replace("\"example.com\"", "\"example.org\"")),
        ],
    );
    let account = with_key(&vendor);
    let registrar = account.registrar().unwrap();
    assert!(registrar.registration(&name("example.com")).await.is_ok());
    let error = registrar.registration(&name("example.com")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unexpected);
}

#[tokio::test]
async fn errors_have_the_kind_that_the_documentation_gives_them() {
    let vendor = Vendor::start().await;
    let account = with_key(&vendor);
    let minute = Retry::After(Duration::from_secs(60));
    for (answer, kind, retry) in [
        (
            refused(401, "UNABLE_TO_AUTHENTICATE"),
            ErrorKind::CredentialsRejected,
            Retry::Never,
        ),
        (
            refused(400, "MALFORMED_CREDENTIALS"),
            ErrorKind::CredentialsRejected,
            Retry::Never,
        ),
        (
            refused(403, "ACCOUNT_NOT_ELIGIBLE"),
            ErrorKind::AccountTier,
            Retry::Never,
        ),
        (
            refused(404, "UNKNOWN_DOMAIN"),
            ErrorKind::DomainNotInAccount,
            Retry::Never,
        ),
        (
            refused(404, "NOT_FOUND"),
            ErrorKind::DomainNotInAccount,
            Retry::Never,
        ),
        (
            refused(409, "INACTIVE_DOMAIN"),
            ErrorKind::DomainLocked,
            Retry::Never,
        ),
        (
            refused(409, "CONFLICT"),
            ErrorKind::Conflict,
            Retry::After(Duration::from_secs(30)),
        ),
        (
            refused(422, "FAILED_NAME_SERVER_VALIDATION"),
            ErrorKind::InvalidRequest,
            Retry::Never,
        ),
        (
            Answer(422, "", ERROR_V1.to_owned()),
            ErrorKind::InvalidRequest,
            Retry::Never,
        ),
        (
            Answer(409, "", ERROR_V3.to_owned()),
            ErrorKind::Unsupported,
            Retry::Never,
        ),
        (refused(429, "TOO_MANY_REQUESTS"), ErrorKind::RateLimited, minute),
        (
            Answer(
                429,
                "Retry-After: 7\r\n",
                json!({"code": "TOO_MANY_REQUESTS", "retryAfterSec": 30}).to_string(),
            ),
            ErrorKind::RateLimited,
            Retry::After(Duration::from_secs(7)),
        ),
        (
            Answer(
                429,
                "",
                json!({"code": "TOO_MANY_REQUESTS", "retryAfterSec": 30}).to_string(),
            ),
            ErrorKind::RateLimited,
            Retry::After(Duration::from_secs(30)),
        ),
        (
            refused(429, "QUOTA_EXCEEDED"),
            ErrorKind::RateLimited,
            Retry::Never,
        ),
        (
            Answer(503, "", "<html>".to_owned()),
            ErrorKind::Unavailable,
            Retry::Now,
        ),
        (Answer(500, "", String::new()), ErrorKind::Unavailable, Retry::Now),
        (
            Answer(302, "Location: http://127.0.0.1:9/\r\n", String::new()),
            ErrorKind::Unavailable,
            Retry::Now,
        ),
        (ok("<html>"), ErrorKind::Unavailable, Retry::Now),
        (refused(418, "SOMETHING_NEW"), ErrorKind::Unexpected, Retry::Never),
    ] {
        let shown = format!("{} {}", answer.0, answer.2);
        vendor
            .on(V1, [answer])
            .on(V1_LIST, [refused(401, "UNABLE_TO_AUTHENTICATE")]);
        let error = account
            .registrar()
            .unwrap()
            .registration(&name("example.com"))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.retry, error.applied),
            (kind, retry, Applied::No),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_list_tells_a_tier_a_scope_and_a_foreign_domain_apart() {
    let vendor = Vendor::start().await;
    let listed = |domain: &str| list(&json!([{"domain": domain}]));
    let denied = || refused(403, "ACCESS_DENIED");
    vendor.on(V1, [denied()]);
    let key = with_key(&vendor);
    for (list, kind) in [
        (listed("example.com"), ErrorKind::AccountTier),
        (listed("other.example"), ErrorKind::DomainNotInAccount),
        (denied(), ErrorKind::AccountTier),
    ] {
        vendor.on(V1_LIST, [list]);
        assert_eq!(key.probe(&name("example.com")).await.unwrap_err().kind, kind);
    }
    let token = with_token(&vendor);
    vendor.on(V3, [denied()]).on(V3_RECORDS, [denied()]);
    let page = |items: Value, links: Value| ok(json!({"items": items, "links": links}).to_string());
    vendor.on(V3_LIST, [denied()]);
    assert_eq!(
        token.probe(&name("example.com")).await.unwrap_err().kind,
        ErrorKind::ScopeMissing
    );
    let more = json!([{"rel": "next", "href": "https://api.godaddy.com/v3/domains/domain-names?pageSize=200&pageToken=2"}]);
    vendor.on(
        V3_LIST,
        [
            page(json!([{"domain": "other.example"}]), more),
            page(Value::Null, json!([])),
        ],
    );
    assert_eq!(
        token.probe(&name("example.com")).await.unwrap_err().kind,
        ErrorKind::DomainNotInAccount
    );
    assert!(
        vendor
            .asked()
            .iter()
            .any(|asked| asked.call.ends_with("pageToken=2")),
        "the second page was read, and here"
    );
    // 401 is said of domains of others too.
    vendor
        .on(V1, [refused(401, "UNABLE_TO_AUTHENTICATE")])
        .on(V1_LIST, [listed("other.example")]);
    assert_eq!(
        key.probe(&name("example.com")).await.unwrap_err().kind,
        ErrorKind::DomainNotInAccount
    );
}

#[tokio::test]
async fn no_secret_that_an_answer_repeats_is_shown() {
    let vendor = Vendor::start().await;
    let echo =
        json!({"code": "INVALID_BODY", "message": format!("key test-key:{SECRET} is wrong")}).to_string();
    vendor.on(V1, [Answer(400, "", echo)]);
    let error = with_key(&vendor).probe(&name("example.com")).await.unwrap_err();
    assert!(
        error.detail.contains("is wrong") && !error.detail.contains(SECRET),
        "{}",
        error.detail
    );
}

#[test]
fn mistakes_in_credentials_are_named() {
    for (entered, part) in [
        (
            json!({"api_key": "gd_pat_test", "api_secret": "x"}),
            "enter it as `access_token`",
        ),
        (
            json!({"api_key": "test-key", "access_token": "gd_pat_test"}),
            "belong together",
        ),
    ] {
        let credentials =
            Credentials::from_json(Godaddy.descriptor(), entered.to_string().as_bytes()).unwrap();
        let error = Godaddy.open(&Endpoint::Production, &credentials).err().unwrap();
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
        assert!(error.detail.contains(part), "{}", error.detail);
    }
    assert!(Credentials::from_json(Godaddy.descriptor(), br#"{"api_key": "test-key"}"#).is_err());
}

#[tokio::test]
async fn a_probe_tells_a_domain_that_is_served_elsewhere() {
    let vendor = Vendor::start().await;
    vendor
        .on(V1, [ok(on(&["ns1.old.net", "ns2.old.net"]))])
        .on(V1_RECORDS, [refused(404, "UNKNOWN_DOMAIN")]);
    let probe = with_key(&vendor).probe(&name("example.com")).await.unwrap();
    assert_eq!((&probe.read_ns, &probe.change_ns), (&Ability::Yes, &Ability::Yes));
    assert_eq!(
        (probe.delegate_subdomain.as_bool(), probe.export_zone.as_bool()),
        (Some(false), Some(false))
    );
    assert_eq!(probe.refused_because(), None);
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn a_probe_tells_what_protection_and_an_ended_registration_forbid() {
    let vendor = Vendor::start().await;
    vendor.on(V1_RECORDS, [list(&json!([]))]);
    let account = with_key(&vendor);
    for (from, to, kind) in [
        (
            "\"transferProtected\":false",
            "\"transferProtected\":true",
            ErrorKind::DomainLocked,
        ),
        ("\"ACTIVE\"", "\"HELD_REGISTRAR\"", ErrorKind::DomainLocked),
        ("\"ACTIVE\"", "\"CANCELLED_REDEEMABLE\"", ErrorKind::DomainExpired),
    ] {
        vendor.on(V1, [ok(DOMAIN_V1.replace(from, to))]);
        let probe = account.probe(&name("example.com")).await.unwrap();
        assert_eq!(probe.refused_because(), Some(kind), "{to}");
    }
}

#[tokio::test]
async fn a_probe_finds_out_whether_a_token_may_change_records() {
    let vendor = Vendor::start().await;
    vendor
        .on(V3, [ok(DOMAIN_V3)])
        .on(V3_RECORDS, [ok(json!({"items": null}).to_string())]);
    let account = with_token(&vendor);
    for (answer, may) in [
        (refused(404, "NOT_FOUND"), Some(true)),
        (refused(403, "ACCESS_DENIED"), Some(false)),
        (Answer(500, "", String::new()), None),
    ] {
        vendor.on("DELETE /v3/domains/zones/example.com/dns-records/", [answer]);
        let probe = account.probe(&name("example.com")).await.unwrap();
        assert_eq!(probe.delegate_subdomain.as_bool(), may);
        assert_eq!(probe.change_ns.as_bool(), None, "nothing shows this scope");
    }
}

#[tokio::test]
async fn records_that_may_be_read_count_though_the_domain_may_not() {
    let vendor = Vendor::start().await;
    vendor
        .on(V1, [refused(403, "ACCESS_DENIED")])
        .on(V1_LIST, [refused(403, "ACCESS_DENIED")]);
    vendor.on(
        V1_RECORDS,
        [list(&json!([record("NS", "@", "ns01.domaincontrol.com")]))],
    );
    let probe = with_key(&vendor).probe(&name("example.com")).await.unwrap();
    assert_eq!(
        (probe.export_zone, probe.delegate_subdomain),
        (Ability::Yes, Ability::Yes)
    );
    assert_eq!(
        (probe.read_ns.as_bool(), probe.change_ns.as_bool()),
        (Some(false), Some(false))
    );
}
