//! The registry side: name servers and DS.

use pdm_registrar::{Applied, Change, DigestType, Dnskey, DsRecord, ErrorKind, TaskState, WantedDs};
use serde_json::{Value, json};

use crate::vendor::{Answer, Vendor};
use crate::{
    DOMAIN_V1, DOMAIN_V3, OPERATION_V3, V1, V3, name, ok, on, refused, servers, with_customer, with_key,
    with_token,
};

pub(crate) const OURS: [&str; 2] = ["ns1.host.net", "ns2.host.net"];
pub(crate) const OLD: [&str; 2] = ["ns1.old.net", "ns2.old.net"];
pub(crate) const CUSTOMER: &str = "295e3bc3-b3b9-4d95-aae5-ede41a994d13";
pub(crate) const V2: &str =
    "GET /v2/customers/295e3bc3-b3b9-4d95-aae5-ede41a994d13/domains/example.com?includes=";
const V2_ACTION: &str = "GET /v2/customers/295e3bc3-b3b9-4d95-aae5-ede41a994d13/domains/example.com/actions/";
pub(crate) const ADD: &str =
    "PATCH /v2/customers/295e3bc3-b3b9-4d95-aae5-ede41a994d13/domains/example.com/dnssecRecords";
pub(crate) const REMOVE: &str =
    "DELETE /v2/customers/295e3bc3-b3b9-4d95-aae5-ede41a994d13/domains/example.com/dnssecRecords";
const HEX: &str = "E788DD32CB5EA6B18AE46C1D7F0D10B0A43EA0FFA45E20F06FF2E0B6F0C26028";

fn v3_on(hosts: &[&str]) -> String {
    let mut domain: Value = serde_json::from_str(DOMAIN_V3).unwrap();
    domain["nameServers"] = json!(hosts);
    domain.to_string()
}

pub(crate) fn words(key_tag: u16) -> Value {
    json!({"algorithm": "ECDSAP256SHA256", "keyTag": key_tag, "digestType": "SHA256", "digest": HEX})
}

pub(crate) fn ds(key_tag: u16) -> DsRecord {
    DsRecord::parse(&format!("{key_tag} 13 2 {HEX}")).unwrap()
}

pub(crate) fn shows(records: &[Value]) -> Answer {
    ok(json!({"domain": "example.com", "dnssecRecords": records, "actions": []}).to_string())
}

pub(crate) fn accepted() -> Answer {
    Answer(202, "", String::new())
}

/// A vendor that knows a customer whose domain is served elsewhere, and no change of DS before.
pub(crate) async fn with_ds_of(before: &[Value]) -> Vendor {
    let vendor = Vendor::start().await;
    vendor
        .on(V1, [ok(on(&OURS))])
        .on(V2, [shows(before)])
        .on(V2_ACTION, [refused(404, "NOT_FOUND")]);
    vendor
}

#[tokio::test]
async fn name_servers_are_one_field_and_asked_again_nothing() {
    let vendor = Vendor::start().await;
    vendor
        .on(V1, [ok(on(&OLD)), ok(on(&OURS))])
        .on("PATCH /v1/domains/example.com", [ok("")]);
    let account = with_key(&vendor);
    let registrar = account.registrar().unwrap();
    for expected in [Change::Applied, Change::Unchanged] {
        let change = registrar
            .set_nameservers(&name("example.com"), &servers(&OURS))
            .await
            .unwrap();
        assert_eq!(change, expected);
    }
    let written = vendor.written();
    assert_eq!(written.len(), 1);
    assert_eq!(
        serde_json::from_str::<Value>(&written[0].body).unwrap(),
        json!({"nameServers": OURS})
    );
}

#[tokio::test]
async fn what_is_read_back_decides() {
    let vendor = Vendor::start().await;
    let away = || Answer(502, "", "<html>".to_owned());
    let account = with_key(&vendor);
    let registrar = account.registrar().unwrap();
    vendor
        .on(V1, [ok(on(&OLD)), ok(on(&OURS))])
        .on("PATCH ", [away()]);
    let change = registrar
        .set_nameservers(&name("example.com"), &servers(&OURS))
        .await
        .unwrap();
    assert_eq!(change, Change::Applied);
    vendor.on(V1, [ok(on(&OLD))]);
    let error = registrar
        .set_nameservers(&name("example.com"), &servers(&OURS))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::Unavailable, Applied::Unknown)
    );
}

#[tokio::test]
async fn what_forbids_a_change_is_seen_before_it_is_sent() {
    let vendor = with_ds_of(&[words(2371)]).await;
    let account = with_customer(&vendor, CUSTOMER);
    let registrar = account.registrar().unwrap();
    let expect = async |kind: ErrorKind| {
        let error = registrar
            .set_nameservers(&name("example.com"), &servers(&OURS))
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.applied),
            (kind, Applied::No),
            "{}",
            error.detail
        );
    };
    // The DS are of the keys of the servers it is on.
    vendor.on(V1, [ok(DOMAIN_V1)]);
    expect(ErrorKind::InvalidRequest).await;
    for (from, to, kind) in [
        (
            "\"expirationProtected\":false",
            "\"expirationProtected\":true",
            ErrorKind::DomainLocked,
        ),
        ("\"ACTIVE\"", "\"EXPIRED\"", ErrorKind::DomainExpired),
        ("\"ACTIVE\"", "\"PENDING_TRANSFER\"", ErrorKind::Conflict),
    ] {
        vendor.on(V1, [ok(DOMAIN_V1.replace(from, to))]);
        expect(kind).await;
    }
    vendor.on(V1, [ok(on(&OLD))]);
    let busy =
        json!({"actions": [{"type": "DOMAIN_UPDATE_NAME_SERVERS", "status": "PENDING", "createdAt": "1"}]});
    vendor.on(V2, [ok(busy.to_string())]);
    expect(ErrorKind::Conflict).await;
    assert!(
        registrar
            .registration(&name("example.com"))
            .await
            .unwrap()
            .pending
            .is_some()
    );
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn an_operation_of_the_third_version_is_followed_where_it_says() {
    let vendor = Vendor::start().await;
    let put = "PUT /v3/domains/domain-names/example.com/nameservers";
    let operation = "GET /v3/domains/operations/9f1c";
    let with_status =
        |status: &str, more: &str| ok(OPERATION_V3.replace("\"CONFIRMED\"", &format!("\"{status}\"{more}")));
    vendor
        .on(V3, [ok(v3_on(&OLD))])
        .on(put, [Answer(202, "", OPERATION_V3.to_owned())]);
    let account = with_token(&vendor);
    let registrar = account.registrar().unwrap();
    // It fails at the registry.
    let why = r#","error":{"name":"FAILED_NAME_SERVER_VALIDATION","message":"no such host"}"#;
    vendor.on(operation, [with_status("FAILED", why)]);
    let error = registrar
        .set_nameservers(&name("example.com"), &servers(&OURS))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::InvalidRequest, Applied::No)
    );
    assert!(error.detail.contains("no such host"), "{}", error.detail);
    let written = vendor.written();
    assert_eq!(written[0].body, json!(OURS).to_string());
    assert!(
        written[0]
            .headers
            .iter()
            .any(|line| line.starts_with("idempotency-key: ") && line.len() == 17 + 36)
    );
    // It takes its time.
    let elsewhere = "Location: https://api.godaddy.com/v3/domains/operations/9f1c\r\n";
    vendor
        .on(put, [Answer(202, elsewhere, String::new())])
        .on(operation, [with_status("EXECUTING", "")]);
    let Change::Accepted(task) = registrar
        .set_nameservers(&name("example.com"), &servers(&OURS))
        .await
        .unwrap()
    else {
        panic!("nothing was shown");
    };
    let state = registrar.task(&name("example.com"), &task).await.unwrap();
    assert!(matches!(state, TaskState::Pending { .. }), "{state:?}");
    vendor.on(V3, [ok(v3_on(&OURS))]);
    assert_eq!(
        registrar.task(&name("example.com"), &task).await.unwrap(),
        TaskState::Done
    );
    assert_eq!(
        registrar
            .task(&name("example.org"), &task)
            .await
            .unwrap_err()
            .kind,
        ErrorKind::InvalidRequest
    );
}

#[tokio::test]
async fn ds_without_a_customer_number_are_not_tried() {
    let vendor = Vendor::start().await;
    let account = with_key(&vendor);
    let wanted = WantedDs::new([ds(1)], []);
    let error = account
        .registrar()
        .unwrap()
        .set_ds(&name("example.com"), &wanted)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(vendor.asked().is_empty());
}

#[tokio::test]
async fn new_ds_are_shown_before_old_ones_go() {
    let vendor = with_ds_of(&[]).await;
    vendor
        .on(
            V2,
            [
                shows(&[words(1)]),
                shows(&[words(1), words(2)]),
                shows(&[words(1), words(2)]),
                shows(&[words(2)]),
            ],
        )
        .on(ADD, [accepted()])
        .on(REMOVE, [accepted()]);
    let account = with_customer(&vendor, CUSTOMER);
    let registrar = account.registrar().unwrap();
    let wanted = WantedDs::new([ds(2)], []);
    assert_eq!(
        registrar.set_ds(&name("example.com"), &wanted).await.unwrap(),
        Change::Applied
    );
    assert_eq!(
        registrar.set_ds(&name("example.com"), &wanted).await.unwrap(),
        Change::Unchanged
    );
    let written: Vec<_> = vendor
        .written()
        .into_iter()
        .map(|asked| (asked.call, asked.body))
        .collect();
    let body = |key_tag| json!([words(key_tag)]).to_string();
    let sent = |body: &str| serde_json::from_str::<Value>(body).unwrap().to_string();
    assert_eq!((written[0].0.as_str(), sent(&written[0].1)), (ADD, body(2)));
    assert_eq!((written[1].0.as_str(), sent(&written[1].1)), (REMOVE, body(1)));
    assert_eq!(written.len(), 2);
}

#[tokio::test]
async fn a_second_half_that_is_refused_says_that_something_was_done() {
    let vendor = with_ds_of(&[]).await;
    vendor
        .on(V2, [shows(&[words(1)]), shows(&[words(1), words(2)])])
        .on(ADD, [accepted()])
        .on(REMOVE, [refused(409, "SIMILAR_ACTION")]);
    let account = with_customer(&vendor, CUSTOMER);
    let wanted = WantedDs::new([ds(2)], []);
    let error = account
        .registrar()
        .unwrap()
        .set_ds(&name("example.com"), &wanted)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::Conflict, Applied::Unknown)
    );
}

#[tokio::test]
async fn the_number_of_a_shopper_is_turned_into_the_customers() {
    let vendor = with_ds_of(&[words(2371)]).await;
    vendor.on(
        "GET /v1/shoppers/12345?includes=customerId",
        [ok(json!({"customerId": CUSTOMER}).to_string())],
    );
    let account = with_customer(&vendor, "12345");
    let shown = account
        .registrar()
        .unwrap()
        .registration(&name("example.com"))
        .await
        .unwrap();
    assert_eq!(shown.ds, Some([ds(2371)].into()));
}

#[tokio::test]
async fn an_older_failure_is_not_taken_for_this_one() {
    let vendor = with_ds_of(&[]).await;
    let action = |created: &str, status: &str| {
        let reason = json!({"code": "REGISTRY", "message": "digest refused"});
        let action = json!({"type": "DNSSEC_CREATE", "status": status, "createdAt": created, "requestId": "r", "reason": reason});
        ok(action.to_string())
    };
    vendor
        .on(ADD, [accepted()])
        .on(V2_ACTION, [action("2026-01-01", "FAILED")]);
    let account = with_customer(&vendor, CUSTOMER);
    let registrar = account.registrar().unwrap();
    let wanted = WantedDs::new([ds(2)], []);
    let Change::Accepted(task) = registrar.set_ds(&name("example.com"), &wanted).await.unwrap() else {
        panic!("nothing was shown");
    };
    for (status, waits) in [("AWAITING", true), ("FAILED", false)] {
        vendor.on(V2_ACTION, [action("2026-11-01", status)]);
        match registrar.task(&name("example.com"), &task).await.unwrap() {
            TaskState::NeedsPerson { detail } => {
                assert!(waits && detail.contains("digest refused"), "{detail}");
            }
            TaskState::Failed { detail } => assert!(!waits && detail.contains("digest refused"), "{detail}"),
            other => panic!("{status} is {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_registry_that_wants_keys_gets_them() {
    let vendor = with_ds_of(&[]).await;
    let key = Dnskey::new(257, 13, "AAAA").unwrap();
    let of_key = key.ds(&name("example.com"), DigestType::Sha256).unwrap();
    let shown = json!({"algorithm": "ECDSAP256SHA256", "keyTag": of_key.key_tag(), "digestType": "SHA256",
        "digest": of_key.digest_hex(), "publicKey": "AAAA", "flags": "KSK"});
    vendor
        .on(V2, [shows(&[]), shows(&[shown])])
        .on(ADD, [refused(422, "INVALID_BODY"), accepted()]);
    let account = with_customer(&vendor, CUSTOMER);
    let wanted = WantedDs::new([of_key], [key]);
    assert_eq!(
        account
            .registrar()
            .unwrap()
            .set_ds(&name("example.com"), &wanted)
            .await
            .unwrap(),
        Change::Applied
    );
    let sent: Vec<Value> = vendor
        .written()
        .iter()
        .map(|asked| serde_json::from_str(&asked.body).unwrap())
        .collect();
    assert_eq!(
        (sent[0][0].get("publicKey"), &sent[1][0]["publicKey"]),
        (None, &json!("AAAA"))
    );
}
