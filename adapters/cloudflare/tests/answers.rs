//! Cloudflare's answers, as its documentation and users show them, and what the adapter makes of them.

mod hosted_zone;
mod vendor;

use std::time::Duration;

use pdm_adapter_cloudflare::Cloudflare;
use pdm_registrar::{
    Ability, Account, Adapter, Applied, Change, Credentials, DnsHost, DomainName, DsRecord, Endpoint, Error,
    ErrorKind, NameserverSet, OwnerName, Retry, WantedDs,
};
use serde_json::{Value, json};
use vendor::{Answer, Vendor};

const ZONES: &str = include_str!("answers/zones.json");
const TOKEN_ACTIVE: &str = include_str!("answers/token_active.json");
const RECORDS: &str = include_str!("answers/records.json");
const DNSSEC: &str = include_str!("answers/dnssec.json");
const VALIDATION_ERROR: &str = include_str!("answers/validation_error.json");
const TOKEN: &str = "test-token-of-a-user";
const LIST: &str = "GET /client/v4/zones?name=";
const ZONE: &str = "/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records";
const READ: &str = "GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records";
const BELOW: &str =
    "GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records?page=1&per_page=200&name.endswith=";
const BATCH: &str = "POST /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records/batch";
const DS: &str = "2371 13 2 E788DD32CB5EA6B18AE46C1D7F0D10B0A43EA0FFA45E20F06FF2E0B6F0C26028";

fn ok(body: impl Into<String>) -> Answer {
    Answer(200, "", body.into())
}

fn refused(status: u16, code: i64, message: &str) -> Answer {
    let body = json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null});
    Answer(status, "", body.to_string())
}

fn list(records: &Value) -> Answer {
    ok(json!({"success": true, "errors": [], "messages": [], "result": records}).to_string())
}

fn none() -> Answer {
    list(&json!([]))
}

fn done() -> Answer {
    ok(json!({"success": true, "errors": [], "result": {"deletes": null, "posts": []}}).to_string())
}

fn record(id: &str, name: &str, kind: &str, content: &str) -> Value {
    json!({"id": id, "name": name, "type": kind, "content": content, "ttl": 3600})
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

fn with_ds() -> WantedDs {
    WantedDs::new([DsRecord::parse(DS).unwrap()], [])
}

/// A vendor whose token sees the documented zone.
async fn with_zone() -> (Vendor, Box<dyn Account>) {
    let vendor = Vendor::start().await;
    vendor.on(LIST, [ok(ZONES)]);
    let account = open(&vendor);
    (vendor, account)
}

fn open(vendor: &Vendor) -> Box<dyn Account> {
    vendor.open(&Cloudflare, &json!({"api_token": TOKEN}).to_string())
}

fn host(account: &dyn Account) -> &dyn DnsHost {
    account.dns_host().unwrap()
}

async fn delegate(account: &dyn Account) -> Result<Change, Error> {
    let wanted = servers(&["ns1.host.net", "ns2.host.net"]);
    host(account)
        .delegate(
            &name("example.com"),
            &name("sub.example.com"),
            &wanted,
            &with_ds(),
        )
        .await
}

#[tokio::test]
async fn the_documented_zone_and_records_are_read() {
    let (vendor, account) = with_zone().await;
    vendor.on(READ, [ok(RECORDS)]);
    let found = host(&*account)
        .delegation(&name("example.com"), &name("sub.example.com"))
        .await
        .unwrap();
    assert_eq!(
        found.nameservers,
        [name("ns1.host.net"), name("ns2.host.net")].into()
    );
    assert_eq!(found.ds, Some([DsRecord::parse(DS).unwrap()].into()));
    assert!(found.other_types.is_empty());
    let asked = vendor.asked();
    assert!(
        asked[0]
            .headers
            .iter()
            .any(|line| line == &format!("authorization: Bearer {TOKEN}"))
    );
    assert_eq!(
        asked[1].call,
        format!("GET {ZONE}?page=1&per_page=200&name.exact=sub.example.com")
    );
}

#[tokio::test]
async fn a_probe_tells_who_may_write_without_changing_anything() {
    let (vendor, account) = with_zone().await;
    let patch = "PATCH /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records/";
    vendor
        .on("GET /client/v4/user/tokens/verify", [ok(TOKEN_ACTIVE)])
        .on(READ, [ok(RECORDS)]);
    for (answer, expected) in [
        (refused(404, 81044, "Record does not exist."), Some(true)),
        (refused(403, 10000, "Authentication error"), Some(false)),
        (refused(400, 1004, "DNS Validation Error"), None),
        (Answer(502, "", "<html>".to_owned()), None),
    ] {
        vendor.on(patch, [answer]);
        let probe = account.probe(&name("example.com")).await.unwrap();
        assert_eq!(probe.account.as_deref(), Some("Acct"));
        assert_eq!(probe.delegate_subdomain.as_bool(), expected);
        assert_eq!(probe.export_zone, Ability::Yes);
        assert_eq!(probe.read_ns, Ability::Yes);
        assert_eq!(probe.change_ns.as_bool(), Some(false));
    }
    let mut ids: Vec<_> = vendor.written().into_iter().map(|asked| asked.call).collect();
    assert!(
        ids.iter()
            .all(|call| call.starts_with(patch) && call.len() == patch.len() + 32)
    );
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "a record that nobody has, each time");
    assert!(vendor.written().iter().all(|asked| asked.body == "{}"));
}

#[tokio::test]
async fn a_token_of_an_account_is_verified_where_it_belongs() {
    let (vendor, account) = with_zone().await;
    let of_account = "GET /client/v4/accounts/9a7806061c88ada191ed06f989cc3dac/tokens/verify";
    vendor
        .on(
            "GET /client/v4/user/tokens/verify",
            [refused(401, 1000, "Invalid API Token")],
        )
        .on(
            of_account,
            [
                ok(TOKEN_ACTIVE),
                ok(TOKEN_ACTIVE.replace("\"active\"", "\"disabled\"")),
            ],
        )
        .on(READ, [none()])
        .on("PATCH ", [refused(404, 81044, "Record does not exist.")]);
    assert_eq!(
        account
            .probe(&name("example.com"))
            .await
            .unwrap()
            .delegate_subdomain,
        Ability::Yes
    );
    let error = account.probe(&name("example.com")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CredentialsRejected);
}

#[tokio::test]
async fn an_authentication_error_of_a_live_token_is_a_missing_right() {
    let vendor = Vendor::start().await;
    vendor.on(LIST, [refused(403, 10000, "Authentication error")]);
    let verify = "GET /client/v4/user/tokens/verify";
    for (state, expected) in [
        (ok(TOKEN_ACTIVE), ErrorKind::ScopeMissing),
        (
            ok(TOKEN_ACTIVE.replace("\"active\"", "\"expired\"")),
            ErrorKind::CredentialsRejected,
        ),
        (
            refused(401, 1000, "Invalid API Token"),
            ErrorKind::CredentialsRejected,
        ),
    ] {
        vendor.on(verify, [state]);
        assert_eq!(
            open(&vendor).probe(&name("example.com")).await.unwrap_err().kind,
            expected
        );
    }
}

#[tokio::test]
async fn errors_have_the_kind_that_the_documentation_gives_them() {
    let vendor = Vendor::start().await;
    let account = open(&vendor);
    for (answer, expected, retry) in [
        (
            refused(400, 1000, "Invalid API Token"),
            ErrorKind::CredentialsRejected,
            Retry::Never,
        ),
        (
            refused(400, 6003, "Invalid request headers"),
            ErrorKind::CredentialsRejected,
            Retry::Never,
        ),
        (
            refused(403, 9109, "Invalid access token"),
            ErrorKind::CredentialsRejected,
            Retry::Never,
        ),
        (
            refused(403, 9109, "Unauthorized to access requested resource"),
            ErrorKind::ScopeMissing,
            Retry::Never,
        ),
        (
            refused(403, 9109, "Cannot use the access token from location: 192.0.2.1"),
            ErrorKind::AllowList,
            Retry::Never,
        ),
        (
            refused(
                403,
                0,
                "Actor 'x' requires permission 'com.cloudflare.api.account.zone.list' to list zones",
            ),
            ErrorKind::ScopeMissing,
            Retry::Never,
        ),
        (
            refused(
                403,
                1038,
                "You cannot use this API for domains with a .cf, .ga, .gq, .ml, or .tk TLD",
            ),
            ErrorKind::Unsupported,
            Retry::Never,
        ),
        (
            refused(404, 7003, "Could not route to /zones/x"),
            ErrorKind::DomainNotInAccount,
            Retry::Never,
        ),
        (
            refused(200, 1004, "DNS Validation Error"),
            ErrorKind::InvalidRequest,
            Retry::Never,
        ),
        (none(), ErrorKind::DomainNotInAccount, Retry::Never),
        (
            refused(429, 10100, "More than 1200 requests per 300 seconds reached"),
            ErrorKind::RateLimited,
            Retry::After(Duration::from_secs(300)),
        ),
        (
            Answer(429, "Retry-After: 17\r\n", String::new()),
            ErrorKind::RateLimited,
            Retry::After(Duration::from_secs(17)),
        ),
        (
            Answer(503, "", "<html>".to_owned()),
            ErrorKind::Unavailable,
            Retry::Now,
        ),
        (
            Answer(302, "Location: http://127.0.0.1:9/\r\n", String::new()),
            ErrorKind::Unavailable,
            Retry::Now,
        ),
        (
            refused(500, 10013, "An unknown error has occurred"),
            ErrorKind::Unavailable,
            Retry::Now,
        ),
        (
            refused(400, 424_242, "Something new"),
            ErrorKind::Unexpected,
            Retry::Never,
        ),
    ] {
        let shown = answer.2.clone();
        vendor.on(LIST, [answer]);
        let error = account.probe(&name("example.com")).await.unwrap_err();
        assert_eq!(
            (error.kind, error.retry, error.applied),
            (expected, retry, Applied::No),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_innermost_error_is_shown_and_no_secret_is() {
    let (vendor, account) = with_zone().await;
    vendor.on(READ, [none()]).on(
        BATCH,
        [Answer(400, "", VALIDATION_ERROR.replace("key_tag", TOKEN))],
    );
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::InvalidRequest, Applied::No)
    );
    assert!(
        error.detail.contains("is a required data field."),
        "{}",
        error.detail
    );
    assert!(!error.detail.contains(TOKEN), "{}", error.detail);
}

#[test]
fn the_key_of_the_whole_account_is_refused() {
    let key = "0123456789abcdef0123456789abcdef01234";
    let json = json!({"api_token": key}).to_string();
    let credentials = Credentials::from_json(Cloudflare.descriptor(), json.as_bytes()).unwrap();
    let error = Cloudflare
        .open(&Endpoint::Production, &credentials)
        .err()
        .unwrap();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert!(!error.detail.contains(key));
}

#[tokio::test]
async fn what_the_registry_has_cannot_be_changed_and_is_not_tried() {
    let vendor = Vendor::start().await;
    let account = open(&vendor);
    let registrar = account.registrar().unwrap();
    let wanted = servers(&["ns1.host.net", "ns2.host.net"]);
    let error = registrar
        .set_nameservers(&name("example.com"), &wanted)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.detail.contains("Delegate a name below"), "{}", error.detail);
    let error = registrar
        .set_ds(&name("example.com"), &with_ds())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(vendor.asked().is_empty());
}

#[tokio::test]
async fn an_active_zone_shows_its_servers_and_others_do_not() {
    let (vendor, account) = with_zone().await;
    vendor.on(
        "GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dnssec",
        [ok(DNSSEC)],
    );
    let registrar = account.registrar().unwrap();
    let shown = registrar.registration(&name("example.com")).await.unwrap();
    assert_eq!(
        shown.nameservers,
        [name("alice.ns.cloudflare.com"), name("tom.ns.cloudflare.com")].into()
    );
    assert_eq!(shown.ds, Some([DsRecord::parse(DS).unwrap()].into()));
    let mut snapshot = registrar.snapshot(&name("example.com")).await.unwrap();
    assert_eq!(
        registrar.restore(&name("example.com"), &snapshot).await.unwrap(),
        Change::Unchanged
    );
    snapshot.nameservers = [name("ns1.old.net"), name("ns2.old.net")].into();
    let error = registrar
        .restore(&name("example.com"), &snapshot)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    for (from, to) in [
        ("\"active\"", "\"moved\""),
        ("\"active\"", "\"pending\""),
        ("\"full\"", "\"partial\""),
    ] {
        vendor.on(LIST, [ok(ZONES.replace(from, to))]);
        let error = registrar.registration(&name("example.com")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
    }
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn of_zones_with_one_name_only_the_active_one_is_taken() {
    let (vendor, account) = with_zone().await;
    vendor.on(READ, [none()]);
    let zone =
        |id: &str, status: &str| json!({"id": id, "name": "example.com", "status": status, "type": "full"});
    let (ours, other) = (
        "023e105f4ecef8ad9ca31a8372d0c353",
        "00000000000000000000000000000000",
    );
    let zones = |zones: Value| list(&zones);
    vendor.on(LIST, [zones(json!([zone(other, "moved"), zone(ours, "active")]))]);
    host(&*account).export(&name("example.com")).await.unwrap();
    for both in ["active", "pending"] {
        vendor.on(LIST, [zones(json!([zone(other, both), zone(ours, both)]))]);
        let error = host(&*account).export(&name("example.com")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    }
    // The vendor's filter may take more than was asked for.
    vendor.on(
        LIST,
        [ok(ZONES.replace("\"example.com\"", "\"www.example.com\""))],
    );
    let error = host(&*account).export(&name("example.com")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DomainNotInAccount);
}
