//! Names in a hosted zone: what is sent, what is refused, and what is read back.

use pdm_registrar::{Account, Applied, Change, DnsHost, DsRecord, Error, ErrorKind, WantedDs};
use serde_json::{Value, json};

use crate::vendor::{Answer, Vendor};
use crate::{
    DOMAIN_V1, DOMAIN_V3, ERROR_V3, V1, V1_RECORDS, V3, V3_RECORDS, list, name, ok, owner, record, refused,
    servers, with_key, with_token,
};

const ADD: &str = "PATCH /v1/domains/example.com/records";
const SET_NS: &str = "PUT /v1/domains/example.com/records/NS/sub";
const TXT: &str = "/v1/domains/example.com/records/TXT/_x";
const BY_ID: &str = "DELETE /v3/domains/zones/example.com/dns-records/";

/// A vendor with the documented domain, whose zone holds no records yet.
async fn with_zone() -> (Vendor, Box<dyn Account>) {
    let vendor = Vendor::start().await;
    vendor.on(V1, [ok(DOMAIN_V1)]).on(V1_RECORDS, [list(&json!([]))]);
    let account = with_key(&vendor);
    (vendor, account)
}

fn host(account: &dyn Account) -> &dyn DnsHost {
    account.dns_host().unwrap()
}

fn ns(hosts: &[&str]) -> Value {
    hosts.iter().map(|host| record("NS", "sub", host)).collect()
}

/// Records as v3 has them, with ids from 1 on.
fn page(records: &[Value]) -> Answer {
    let with_ids = records.iter().enumerate().map(|(at, record)| {
        let mut record = record.clone();
        record["recordId"] = json!(format!("r{}", at + 1));
        record
    });
    let items: Vec<_> = with_ids.collect();
    ok(json!({"items": items, "links": [], "totalItems": items.len(), "totalPages": 1}).to_string())
}

async fn delegate(account: &dyn Account) -> Result<Change, Error> {
    let wanted = servers(&["ns1.host.net", "ns2.host.net"]);
    host(account)
        .delegate(
            &name("example.com"),
            &name("sub.example.com"),
            &wanted,
            &WantedDs::none(),
        )
        .await
}

#[tokio::test]
async fn a_delegation_is_added_in_one_call_and_asked_again_nothing() {
    let (vendor, account) = with_zone().await;
    vendor
        .on(
            V1_RECORDS,
            [list(&json!([])), list(&ns(&["NS1.host.net", "ns2.host.net."]))],
        )
        .on(ADD, [ok("")]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Unchanged);
    let written = vendor.written();
    assert_eq!(written.len(), 1);
    let sent: Value = serde_json::from_str(&written[0].body).unwrap();
    assert_eq!(
        sent,
        ns(&["ns1.host.net", "ns2.host.net"]),
        "names are relative, and values without a final dot"
    );
    let shown = host(&*account)
        .delegation(&name("example.com"), &name("sub.example.com"))
        .await
        .unwrap();
    assert_eq!((shown.nameservers.len(), shown.ds), (2, None));
}

#[tokio::test]
async fn other_servers_are_replaced_for_this_name_alone() {
    let (vendor, account) = with_zone().await;
    vendor
        .on(
            V1_RECORDS,
            [
                list(&ns(&["ns1.old.net", "ns1.host.net"])),
                list(&ns(&["ns1.host.net", "ns2.host.net"])),
            ],
        )
        .on(SET_NS, [ok("")]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    let written = vendor.written();
    assert_eq!((written.len(), written[0].call.as_str()), (1, SET_NS));
    let sent: Value = serde_json::from_str(&written[0].body).unwrap();
    assert_eq!(
        sent,
        json!([{"data": "ns1.host.net", "ttl": 3600}, {"data": "ns2.host.net", "ttl": 3600}])
    );
}

#[tokio::test]
async fn a_ds_is_refused_without_a_call() {
    let (vendor, account) = with_zone().await;
    let ds = DsRecord::parse(&format!("1 13 2 {}", "ab".repeat(32))).unwrap();
    let wanted = servers(&["ns1.host.net", "ns2.host.net"]);
    let refused = host(&*account)
        .delegate(
            &name("example.com"),
            &name("sub.example.com"),
            &wanted,
            &WantedDs::new([ds], []),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unsupported);
    let apex = host(&*account)
        .delegate(
            &name("example.com"),
            &name("example.com"),
            &wanted,
            &WantedDs::none(),
        )
        .await
        .unwrap_err();
    assert_eq!(apex.kind, ErrorKind::InvalidRequest);
    assert!(vendor.asked().is_empty());
}

#[tokio::test]
async fn what_a_delegation_would_destroy_or_hide_stops_it() {
    let (vendor, account) = with_zone().await;
    for (there, shown) in [
        (record("CNAME", "sub", "www.example.net"), "sub.example.com CNAME"),
        (record("A", "www.sub", "192.0.2.1"), "www.sub.example.com A"),
        (
            json!({"type": "SRV", "name": "sub", "data": "a.example.net", "service": "_sip", "protocol": "_tcp"}),
            "_sip._tcp.sub.example.com SRV",
        ),
    ] {
        vendor.on(V1_RECORDS, [list(&json!([there]))]);
        let error = delegate(&*account).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::WouldLoseData);
        assert!(error.detail.contains(shown), "{}", error.detail);
    }
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn a_protected_domain_is_left_alone() {
    let (vendor, account) = with_zone().await;
    vendor.on(
        V1,
        [ok(DOMAIN_V1.replace(
            "\"transferProtected\":false",
            "\"transferProtected\":true",
        ))],
    );
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::DomainLocked, Applied::No)
    );
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn a_token_that_v1_takes_sees_the_protection_too() {
    let vendor = Vendor::start().await;
    let account = with_token(&vendor);
    let on = DOMAIN_V1.replace("\"transferProtected\":false", "\"transferProtected\":true");
    vendor
        .on(V1, [ok(on)])
        .on(V3, [ok(DOMAIN_V3)])
        .on(V3_RECORDS, [page(&[])]);
    let error = host(&*account)
        .put_txt(&name("example.com"), &owner("_x.example.com"), "value")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::DomainLocked, Applied::No)
    );
    let probe = account.probe(&name("example.com")).await.unwrap();
    assert_eq!(
        (probe.locked, probe.refused_because()),
        (Some(true), Some(ErrorKind::DomainLocked))
    );
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn a_record_that_is_stored_without_its_data_is_no_success() {
    let (vendor, account) = with_zone().await;
    vendor
        .on(
            V1_RECORDS,
            [
                list(&json!([])),
                list(&json!([record("NS", "sub", ""), record("NS", "sub", "")])),
            ],
        )
        .on(ADD, [ok("")]);
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::DomainLocked, Applied::Unknown)
    );
    let again = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (again.kind, again.applied),
        (ErrorKind::DomainLocked, Applied::No)
    );
    assert_eq!(vendor.written().len(), 1);
}

#[tokio::test]
async fn what_is_read_back_decides() {
    let (vendor, account) = with_zone().await;
    let there = || list(&ns(&["ns1.host.net", "ns2.host.net"]));
    let duplicate =
        json!({"code": "X", "message": "Another record with the same attributes already exists"}).to_string();
    for lost in [
        Answer(422, "", duplicate),
        refused(422, "DUPLICATE_RECORD"),
        Answer(504, "", "<html>".to_owned()),
    ] {
        vendor.on(V1_RECORDS, [list(&json!([])), there()]).on(ADD, [lost]);
        assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    }
    vendor.on(V1_RECORDS, [list(&json!([]))]);
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::Unavailable, Applied::Unknown)
    );
}

#[tokio::test]
async fn a_zone_that_is_busy_is_waited_for() {
    let (vendor, account) = with_zone().await;
    vendor
        .on(
            V1_RECORDS,
            [
                list(&json!([])),
                list(&json!([])),
                list(&ns(&["ns1.host.net", "ns2.host.net"])),
            ],
        )
        .on(ADD, [refused(409, "BUSY"), ok("")]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    assert_eq!(vendor.written().len(), 2);
}

#[tokio::test]
async fn a_key_cannot_remove_a_delegation_and_does_not_try() {
    let (vendor, account) = with_zone().await;
    let (zone, sub) = (name("example.com"), name("sub.example.com"));
    assert_eq!(
        host(&*account).undelegate(&zone, &sub, None).await.unwrap(),
        Change::Unchanged
    );
    vendor.on(V1_RECORDS, [list(&ns(&["ns1.host.net", "ns2.host.net"]))]);
    let error = host(&*account).undelegate(&zone, &sub, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn a_token_removes_a_delegation_of_ours_by_id() {
    let vendor = Vendor::start().await;
    let account = with_token(&vendor);
    let (zone, sub) = (name("example.com"), name("sub.example.com"));
    let there = [
        record("A", "@", "192.0.2.1"),
        record("NS", "sub", "ns1.host.net"),
        record("NS", "sub", "ns2.host.net"),
    ];
    vendor
        .on(V3_RECORDS, [page(&there)])
        .on(BY_ID, [Answer(204, "", String::new())]);
    let others = servers(&["ns1.host.net", "ns3.host.net"]);
    let error = host(&*account)
        .undelegate(&zone, &sub, Some(&others))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(vendor.written().is_empty());
    vendor.on(V3_RECORDS, [page(&there), page(&there[..1])]);
    assert_eq!(
        host(&*account).undelegate(&zone, &sub, None).await.unwrap(),
        Change::Applied
    );
    let calls: Vec<_> = vendor.written().into_iter().map(|asked| asked.call).collect();
    assert_eq!(calls, [format!("{BY_ID}r2"), format!("{BY_ID}r3")]);
    vendor
        .on(V3_RECORDS, [page(&there)])
        .on(BY_ID, [Answer(409, "", ERROR_V3.to_owned())]);
    let error = host(&*account).undelegate(&zone, &sub, None).await.unwrap_err();
    assert_eq!((error.kind, error.applied), (ErrorKind::Unsupported, Applied::No));
    vendor.on(
        BY_ID,
        [
            Answer(204, "", String::new()),
            Answer(409, "", ERROR_V3.to_owned()),
        ],
    );
    let error = host(&*account).undelegate(&zone, &sub, None).await.unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::Unsupported, Applied::Unknown),
        "the first one is gone"
    );
}

#[tokio::test]
async fn one_txt_value_comes_and_goes_beside_others() {
    let (vendor, account) = with_zone().await;
    let (zone, at) = (name("example.com"), owner("_x.example.com"));
    let (other, ours) = (record("TXT", "_x", "another"), record("TXT", "_x", "value"));
    let both = json!([other, ours]);
    let written = |at: usize| vendor.written()[at].clone();
    vendor
        .on(V1_RECORDS, [list(&json!([other])), list(&both)])
        .on(ADD, [ok("")]);
    assert_eq!(
        host(&*account).put_txt(&zone, &at, "value").await.unwrap(),
        Change::Applied
    );
    assert_eq!(
        host(&*account).put_txt(&zone, &at, "value").await.unwrap(),
        Change::Unchanged
    );
    let sent: Value = serde_json::from_str(&written(0).body).unwrap();
    assert_eq!(
        sent,
        json!([{"type": "TXT", "name": "_x", "data": "value", "ttl": 600}])
    );
    // Others stay: the set is replaced by what is left of it.
    vendor
        .on("PUT /v1/domains/example.com/records/TXT/_x", [ok("")])
        .on(V1_RECORDS, [list(&both), list(&json!([other]))]);
    assert_eq!(
        host(&*account).remove_txt(&zone, &at, "value").await.unwrap(),
        Change::Applied
    );
    assert_eq!(
        host(&*account).remove_txt(&zone, &at, "value").await.unwrap(),
        Change::Unchanged
    );
    assert_eq!(written(1).call, format!("PUT {TXT}"));
    assert_eq!(
        written(1).body,
        json!([{"data": "another", "ttl": 3600}]).to_string()
    );
    // The last one: the set goes.
    vendor.on(
        "DELETE /v1/domains/example.com/records/TXT/_x",
        [Answer(204, "", String::new())],
    );
    vendor.on(V1_RECORDS, [list(&json!([ours])), list(&json!([]))]);
    assert_eq!(
        host(&*account).remove_txt(&zone, &at, "value").await.unwrap(),
        Change::Applied
    );
    assert_eq!(written(2).call, format!("DELETE {TXT}"));
    // A replacement that spoiled the others is no success.
    vendor.on(V1_RECORDS, [list(&both), list(&json!([]))]);
    let error = host(&*account).remove_txt(&zone, &at, "value").await.unwrap_err();
    assert_eq!((error.kind, error.applied), (ErrorKind::Unexpected, Applied::Yes));
}

#[tokio::test]
async fn a_token_writes_one_txt_record_and_removes_it_by_id() {
    let vendor = Vendor::start().await;
    let account = with_token(&vendor);
    let (zone, at) = (name("example.com"), owner("example.com"));
    let (other, ours) = (record("TXT", "@", "another"), record("TXT", "@", "value"));
    let post = "POST /v3/domains/zones/example.com/dns-records";
    vendor.on(
        V3_RECORDS,
        [page(std::slice::from_ref(&other)), page(&[other.clone(), ours])],
    );
    vendor
        .on(post, [Answer(201, "", "{}".to_owned())])
        .on(BY_ID, [Answer(204, "", String::new())]);
    assert_eq!(
        host(&*account).put_txt(&zone, &at, "value").await.unwrap(),
        Change::Applied
    );
    let sent: Value = serde_json::from_str(&vendor.written()[0].body).unwrap();
    assert_eq!(
        sent,
        json!({"type": "TXT", "name": "@", "data": "value", "ttl": 600})
    );
    vendor.on(
        V3_RECORDS,
        [
            page(&[other.clone(), record("TXT", "@", "value")]),
            page(&[other]),
        ],
    );
    assert_eq!(
        host(&*account).remove_txt(&zone, &at, "value").await.unwrap(),
        Change::Applied
    );
    assert_eq!(vendor.written()[1].call, format!("{BY_ID}r2"));
}

#[tokio::test]
async fn an_export_has_every_page_and_says_what_it_cannot_hold() {
    let (vendor, account) = with_zone().await;
    let many: Value = (0..499)
        .map(|at| record("A", &format!("host{at}"), "192.0.2.1"))
        .collect();
    let mut first = many.as_array().unwrap().clone();
    first.push(record("NS", "@", "ns01.domaincontrol.com"));
    let second = json!([record("A", "@", "Parked"), record("CNAME", "*", "@")]);
    vendor
        .on(
            "GET /v1/domains/example.com/records?limit=500&offset=1",
            [list(&json!(first))],
        )
        .on(
            "GET /v1/domains/example.com/records?limit=500&offset=2",
            [list(&second)],
        );
    let export = host(&*account).export(&name("example.com")).await.unwrap();
    assert_eq!(export.records.len(), 500);
    assert_eq!(export.records[0].value, "example.com.");
    assert_eq!(
        export.missing,
        ["example.com A: its data is not of the form that zone files have"]
    );
    // Behind the last page there may be a refusal; and a page that was seen already means that the zone changed.
    vendor.on(
        "GET /v1/domains/example.com/records?limit=500&offset=2",
        [refused(422, "INVALID_BODY")],
    );
    assert_eq!(
        host(&*account)
            .export(&name("example.com"))
            .await
            .unwrap()
            .records
            .len(),
        499
    );
    vendor.on(
        "GET /v1/domains/example.com/records?limit=500&offset=2",
        [list(&json!([first[7]]))],
    );
    assert_eq!(
        host(&*account)
            .export(&name("example.com"))
            .await
            .unwrap_err()
            .kind,
        ErrorKind::Conflict
    );
}

#[tokio::test]
async fn a_zone_that_is_not_hosted_here_is_told() {
    let (vendor, account) = with_zone().await;
    vendor.on(V1_RECORDS, [refused(404, "UNKNOWN_DOMAIN")]);
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DomainNotInAccount);
    assert!(error.detail.contains("DNS is elsewhere"), "{}", error.detail);
}
