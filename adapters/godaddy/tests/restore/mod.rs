//! A domain put back as it was.

use pdm_registrar::{Applied, Change, ErrorKind, Mode, Snapshot};
use serde_json::{Value, json};

use crate::registry::{ADD, CUSTOMER, OLD, OURS, REMOVE, V2, accepted, ds, shows, with_ds_of, words};
use crate::vendor::{Answer, Vendor};
use crate::{
    DOMAIN_V3, V1, V1_RECORDS, V3, V3_RECORDS, list, name, ok, on, record, refused, with_customer, with_key,
    with_token,
};

const GODADDYS: [&str; 2] = ["ns01.domaincontrol.com", "ns02.domaincontrol.com"];

fn snapshot(hosts: &[&str], mode: Mode, records: &Value) -> Snapshot {
    Snapshot {
        registrar: "godaddy".to_owned(),
        domain: name("example.com"),
        mode,
        nameservers: hosts.iter().map(|host| name(host)).collect(),
        ds: None,
        keys: Vec::new(),
        vendor: records.clone(),
    }
}

#[tokio::test]
async fn a_hosted_domain_gets_its_servers_and_its_records_back() {
    let vendor = Vendor::start().await;
    let records = json!([
        record("A", "@", "192.0.2.1"),
        record("A", "@", "192.0.2.2"),
        record("TXT", "@", "kept")
    ]);
    let parked = json!([
        record("A", "@", "Parked"),
        record("TXT", "@", "kept"),
        record("NS", "@", "ns01.domaincontrol.com")
    ]);
    vendor
        .on(V1, [ok(on(&OURS)), ok(on(&GODADDYS))])
        .on(V1_RECORDS, [list(&parked), list(&records)])
        .on("PATCH /v1/domains/example.com", [ok("")])
        .on("PUT /v1/domains/example.com/records/", [ok("")]);
    let account = with_key(&vendor);
    let registrar = account.registrar().unwrap();
    let before = snapshot(&GODADDYS, Mode::Hosted, &json!({"records": records}));
    assert_eq!(
        registrar.restore(&name("example.com"), &before).await.unwrap(),
        Change::Applied
    );
    assert_eq!(
        registrar.restore(&name("example.com"), &before).await.unwrap(),
        Change::Unchanged
    );
    let written = vendor.written();
    assert_eq!(written[1].call, "PUT /v1/domains/example.com/records/A/@");
    let sent: Value = serde_json::from_str(&written[1].body).unwrap();
    assert_eq!(
        sent,
        json!([{"data": "192.0.2.1", "ttl": 3600}, {"data": "192.0.2.2", "ttl": 3600}])
    );
    assert_eq!(written.len(), 2, "the TXT were as they should be");
}

#[tokio::test]
async fn no_ds_stands_over_servers_that_do_not_match_it() {
    let vendor = with_ds_of(&[]).await;
    vendor
        .on(V1, [ok(on(&OURS)), ok(on(&OURS)), ok(on(&OLD))])
        .on(
            V2,
            [
                shows(&[words(1)]),
                shows(&[words(1)]),
                shows(&[]),
                shows(&[]),
                shows(&[words(2)]),
            ],
        )
        .on(ADD, [accepted()])
        .on(REMOVE, [accepted()])
        .on("PATCH /v1/domains/example.com", [ok("")]);
    let account = with_customer(&vendor, CUSTOMER);
    let registrar = account.registrar().unwrap();
    let mut before = snapshot(&OLD, Mode::External, &Value::Null);
    before.ds = Some([ds(2)].into());
    assert_eq!(
        registrar.restore(&name("example.com"), &before).await.unwrap(),
        Change::Applied
    );
    let calls: Vec<_> = vendor.written().into_iter().map(|asked| asked.call).collect();
    assert_eq!(calls, [REMOVE, "PATCH /v1/domains/example.com", ADD]);
}

#[tokio::test]
async fn what_cannot_be_put_back_is_said_before_anything_is() {
    let vendor = Vendor::start().await;
    vendor.on(V1, [ok(on(&OURS))]);
    let account = with_key(&vendor);
    let registrar = account.registrar().unwrap();
    let mut with_ds = snapshot(&OLD, Mode::External, &Value::Null);
    with_ds.ds = Some([ds(1)].into());
    let one_server = snapshot(&OLD[..1], Mode::External, &Value::Null);
    for (before, kind) in [
        (with_ds, ErrorKind::Unsupported),
        (one_server, ErrorKind::Unsupported),
        (
            snapshot(&OLD, Mode::External, &json!({"records": 1})),
            ErrorKind::InvalidRequest,
        ),
    ] {
        let error = registrar
            .restore(&name("example.com"), &before)
            .await
            .unwrap_err();
        assert_eq!((error.kind, error.applied), (kind, Applied::No));
    }
    let mut foreign = snapshot(&OLD, Mode::External, &Value::Null);
    foreign.registrar = "another".to_owned();
    assert_eq!(
        registrar
            .restore(&name("example.com"), &foreign)
            .await
            .unwrap_err()
            .kind,
        ErrorKind::InvalidRequest
    );
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn a_step_that_is_not_shown_stops_those_behind_it() {
    let vendor = Vendor::start().await;
    let records = json!([record("A", "@", "192.0.2.1")]);
    vendor
        .on(V1, [ok(on(&OURS))])
        .on("PATCH /v1/domains/example.com", [ok("")]);
    let account = with_key(&vendor);
    let before = snapshot(&GODADDYS, Mode::Hosted, &json!({"records": records}));
    let error = account
        .registrar()
        .unwrap()
        .restore(&name("example.com"), &before)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::Conflict, Applied::Unknown)
    );
    assert_eq!(
        vendor.written().len(),
        1,
        "no record was written into a zone that is not back"
    );
}

#[tokio::test]
async fn ds_that_the_snapshot_does_not_know_are_not_left_standing() {
    let vendor = with_ds_of(&[words(1)]).await;
    let account = with_customer(&vendor, CUSTOMER);
    let before = snapshot(&OLD, Mode::External, &Value::Null);
    let error = account
        .registrar()
        .unwrap()
        .restore(&name("example.com"), &before)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::InvalidRequest, Applied::No)
    );
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn what_the_customer_wrote_since_is_left_alone() {
    let vendor = Vendor::start().await;
    let kept = json!([
        record("A", "@", "192.0.2.1"),
        record("A", "www", "192.0.2.1"),
        record("TXT", "@", "kept")
    ]);
    let later = json!([record("A", "@", "Parked"), record("A", "www", "198.51.100.1")]);
    let all = json!([
        record("A", "@", "192.0.2.1"),
        record("A", "www", "198.51.100.1"),
        record("TXT", "@", "kept")
    ]);
    vendor
        .on(V1, [ok(on(&GODADDYS))])
        .on(V1_RECORDS, [list(&later), list(&all)])
        .on("PUT /v1/domains/example.com/records/", [ok("")]);
    let account = with_key(&vendor);
    let before = snapshot(&GODADDYS, Mode::Hosted, &json!({"records": kept}));
    let change = account
        .registrar()
        .unwrap()
        .restore(&name("example.com"), &before)
        .await
        .unwrap();
    assert_eq!(change, Change::Applied);
    let calls: Vec<_> = vendor.written().into_iter().map(|asked| asked.call).collect();
    let put = |set: &str| format!("PUT /v1/domains/example.com/records/{set}");
    assert_eq!(
        calls,
        [put("A/@"), put("TXT/@")],
        "parked and missing sets, and no other"
    );
}

#[tokio::test]
async fn a_set_that_is_not_taken_does_not_keep_the_rest_away() {
    let vendor = with_ds_of(&[]).await;
    let kept = json!([record("CAA", "@", "letsencrypt.org"), record("TXT", "@", "kept")]);
    vendor
        .on(V1, [ok(on(&GODADDYS))])
        .on(V1_RECORDS, [list(&json!([]))])
        .on(V2, [shows(&[]), shows(&[]), shows(&[words(1)])])
        .on("PUT /v1/domains/example.com/records/", [ok("")])
        .on(
            "PUT /v1/domains/example.com/records/CAA",
            [refused(422, "INVALID_BODY")],
        )
        .on(ADD, [accepted()]);
    let account = with_customer(&vendor, CUSTOMER);
    let mut before = snapshot(&GODADDYS, Mode::Hosted, &json!({"records": kept}));
    before.ds = Some([ds(1)].into());
    let error = account
        .registrar()
        .unwrap()
        .restore(&name("example.com"), &before)
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::InvalidRequest, Applied::Unknown)
    );
    assert!(
        error.detail.contains("the CAA records of `@` are not back"),
        "{}",
        error.detail
    );
    let calls: Vec<_> = vendor.written().into_iter().map(|asked| asked.call).collect();
    assert_eq!(calls[1..], ["PUT /v1/domains/example.com/records/TXT/@", ADD]);
}

#[tokio::test]
async fn a_token_writes_what_v1_may_not_take() {
    let vendor = Vendor::start().await;
    let page = |records: Value| ok(json!({"items": records}).to_string());
    let caa = |data: &str, id: &str| json!({"type": "CAA", "name": "@", "data": data, "ttl": 3600, "flag": 0, "tag": "issue", "recordId": id});
    let post = "POST /v3/domains/zones/example.com/dns-records";
    vendor
        .on(V3, [ok(DOMAIN_V3)])
        .on(
            V3_RECORDS,
            [page(json!([])), page(json!([caa("letsencrypt.org", "r2")]))],
        )
        .on(post, [Answer(201, "", "{}".to_owned())]);
    let account = with_token(&vendor);
    let before = snapshot(
        &GODADDYS,
        Mode::Hosted,
        &json!({"records": [caa("letsencrypt.org", "r1")]}),
    );
    let change = account
        .registrar()
        .unwrap()
        .restore(&name("example.com"), &before)
        .await
        .unwrap();
    assert_eq!(change, Change::Applied);
    let written = vendor.written();
    assert_eq!((written.len(), written[0].call.as_str()), (1, post));
    let sent: Value = serde_json::from_str(&written[0].body).unwrap();
    assert_eq!(
        (&sent["tag"], &sent["flag"], sent.get("recordId")),
        (&json!("issue"), &json!(0), None)
    );
}
