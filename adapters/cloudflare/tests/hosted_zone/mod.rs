//! Names in a hosted zone: what is sent, what is refused, and what is read back.

use pdm_registrar::{Applied, Change, ErrorKind, TaskState, WantedDs};
use serde_json::{Value, json};

use crate::vendor::Answer;
use crate::{
    BATCH, BELOW, DS, LIST, READ, RECORDS, ZONES, delegate, done, host, list, name, none, ok, owner, record,
    refused, servers, with_zone,
};

#[tokio::test]
async fn a_delegation_is_one_batch_and_asked_again_nothing() {
    let (vendor, account) = with_zone().await;
    vendor
        .on(READ, [none(), ok(RECORDS)])
        .on(BELOW, [none()])
        .on(BATCH, [done()]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    let written = vendor.written();
    assert_eq!(written.len(), 1);
    let sent: Value = serde_json::from_str(&written[0].body).unwrap();
    assert_eq!(
        sent,
        json!({"posts": [
            {"type": "NS", "name": "sub.example.com", "ttl": 3600, "content": "ns1.host.net"},
            {"type": "NS", "name": "sub.example.com", "ttl": 3600, "content": "ns2.host.net"},
            {"type": "DS", "name": "sub.example.com", "ttl": 3600, "data": {"key_tag": 2371, "algorithm": 13, "digest_type": 2,
                "digest": "E788DD32CB5EA6B18AE46C1D7F0D10B0A43EA0FFA45E20F06FF2E0B6F0C26028"}},
        ]})
    );
    assert_eq!(delegate(&*account).await.unwrap(), Change::Unchanged);
    assert_eq!(vendor.written().len(), 1);
}

#[tokio::test]
async fn no_ds_stands_without_ns_while_servers_are_replaced() {
    let (vendor, account) = with_zone().await;
    let old = json!([
        record("n1", "sub.example.com", "NS", "ns1.old.net"),
        record("n2", "sub.example.com", "NS", "ns2.old.net"),
        record("d1", "sub.example.com", "DS", DS),
    ]);
    vendor.on(READ, [list(&old), ok(RECORDS)]).on(BATCH, [done()]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    let sent: Value = serde_json::from_str(&vendor.written()[0].body).unwrap();
    assert_eq!(sent["deletes"], json!([{"id": "d1"}, {"id": "n1"}, {"id": "n2"}]));
    let types: Vec<_> = sent["posts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|post| post["type"].clone())
        .collect();
    assert_eq!(types, ["NS", "NS", "DS"]);
    assert_eq!(vendor.written().len(), 1);
}

#[tokio::test]
async fn what_a_delegation_would_destroy_or_hide_stops_it() {
    let (vendor, account) = with_zone().await;
    vendor.on(BATCH, [done()]);
    vendor
        .on(
            READ,
            [list(&json!([record("a", "sub.example.com", "A", "192.0.2.1")]))],
        )
        .on(BELOW, [none()]);
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (error.kind, error.detail.contains(": A.")),
        (ErrorKind::WouldLoseData, true),
        "{}",
        error.detail
    );
    vendor.on(READ, [none()]).on(
        BELOW,
        [list(&json!([record(
            "w",
            "www.sub.example.com",
            "A",
            "192.0.2.1"
        )]))],
    );
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::WouldLoseData);
    assert!(error.detail.contains("www.sub.example.com A"), "{}", error.detail);
    vendor.on(LIST, [ok(ZONES.replace("\"full\"", "\"secondary\""))]);
    assert_eq!(
        delegate(&*account).await.unwrap_err().kind,
        ErrorKind::Unsupported
    );
    vendor.on(
        LIST,
        [ok(ZONES.replace("alice.ns.cloudflare.com", "ns1.host.net"))],
    );
    assert_eq!(
        delegate(&*account).await.unwrap_err().kind,
        ErrorKind::InvalidRequest
    );
    let zone = name("example.com");
    let wanted = servers(&["a.net", "b.net"]);
    let apex = host(&*account)
        .delegate(&zone, &zone, &wanted, &WantedDs::none())
        .await;
    assert_eq!(apex.unwrap_err().kind, ErrorKind::InvalidRequest);
    assert!(vendor.written().is_empty());
}

#[tokio::test]
async fn what_is_read_back_decides() {
    let (vendor, account) = with_zone().await;
    let nothing_first = |then: Answer| [none(), then];
    vendor.on(BELOW, [none()]);
    for lost in [
        refused(400, 81057, "The record already exists."),
        refused(400, 81058, "An identical record already exists."),
    ] {
        vendor.on(READ, nothing_first(ok(RECORDS))).on(BATCH, [lost]);
        assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    }
    vendor
        .on(READ, nothing_first(ok(RECORDS)))
        .on(BATCH, [Answer(502, "", "<html>".to_owned())]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    vendor
        .on(READ, [none()])
        .on(BATCH, [Answer(502, "", "<html>".to_owned())]);
    let error = delegate(&*account).await.unwrap_err();
    assert_eq!(
        (error.kind, error.applied),
        (ErrorKind::Unavailable, Applied::Unknown)
    );
}

#[tokio::test]
async fn a_deletion_that_is_not_everywhere_yet_is_waited_for() {
    let (vendor, account) = with_zone().await;
    let exists = refused(
        400,
        81053,
        "An A, AAAA, or CNAME record with that host already exists.",
    );
    vendor
        .on(READ, [none(), none(), ok(RECORDS)])
        .on(BELOW, [none()])
        .on(BATCH, [exists, done()]);
    assert_eq!(delegate(&*account).await.unwrap(), Change::Applied);
    assert_eq!(vendor.written().len(), 2);
}

#[tokio::test]
async fn a_change_that_is_not_shown_is_followed() {
    let (vendor, account) = with_zone().await;
    vendor.on(READ, [none()]).on(BELOW, [none()]).on(BATCH, [done()]);
    let Change::Accepted(task) = delegate(&*account).await.unwrap() else {
        panic!("nothing was shown");
    };
    let registrar = account.registrar().unwrap();
    let state = registrar.task(&name("example.com"), &task).await.unwrap();
    assert!(matches!(state, TaskState::Pending { .. }), "{state:?}");
    vendor.on(READ, [ok(RECORDS)]);
    assert_eq!(
        registrar.task(&name("example.com"), &task).await.unwrap(),
        TaskState::Done
    );
    let error = registrar.task(&name("example.org"), &task).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn only_a_delegation_of_ours_is_removed() {
    let (vendor, account) = with_zone().await;
    let (zone, sub) = (name("example.com"), name("sub.example.com"));
    vendor
        .on(READ, [ok(RECORDS), ok(RECORDS), none()])
        .on(BATCH, [done()]);
    let others = servers(&["ns1.host.net", "ns3.host.net"]);
    let error = host(&*account)
        .undelegate(&zone, &sub, Some(&others))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(vendor.written().is_empty());
    let ours = servers(&["ns1.host.net", "ns2.host.net"]);
    assert_eq!(
        host(&*account)
            .undelegate(&zone, &sub, Some(&ours))
            .await
            .unwrap(),
        Change::Applied
    );
    let sent: Value = serde_json::from_str(&vendor.written()[0].body).unwrap();
    let id = |end: &str| json!({"id": format!("fc12ab34cd5611334422ab332299766{end}")});
    assert_eq!(
        sent,
        json!({"deletes": [id("3"), id("1"), id("2")]}),
        "the DS first"
    );
    assert_eq!(
        host(&*account)
            .undelegate(&zone, &sub, Some(&ours))
            .await
            .unwrap(),
        Change::Unchanged
    );
}

#[tokio::test]
async fn one_txt_value_comes_and_goes_beside_others() {
    let (vendor, account) = with_zone().await;
    let zone = name("example.com");
    let at = owner("_x.example.com");
    let other = record("t1", "_x.example.com", "TXT", "\"another\"");
    let ours = record("t2", "_x.example.com", "TXT", "\"a \\\"quoted\\\" \" \"value\"");
    vendor
        .on(READ, [list(&json!([other])), list(&json!([other, ours]))])
        .on(BATCH, [done()]);
    let value = "a \"quoted\" value";
    assert_eq!(
        host(&*account).put_txt(&zone, &at, value).await.unwrap(),
        Change::Applied
    );
    assert_eq!(
        host(&*account).put_txt(&zone, &at, value).await.unwrap(),
        Change::Unchanged
    );
    let sent: Value = serde_json::from_str(&vendor.written()[0].body).unwrap();
    assert_eq!(sent["posts"][0]["content"], json!("\"a \\\"quoted\\\" value\""));
    vendor.on(READ, [list(&json!([other, ours])), list(&json!([other]))]);
    assert_eq!(
        host(&*account).remove_txt(&zone, &at, value).await.unwrap(),
        Change::Applied
    );
    assert_eq!(
        host(&*account).remove_txt(&zone, &at, value).await.unwrap(),
        Change::Unchanged
    );
    let sent: Value = serde_json::from_str(&vendor.written()[1].body).unwrap();
    assert_eq!(sent, json!({"deletes": [{"id": "t2"}]}));
}

#[tokio::test]
async fn an_export_has_every_page_and_says_what_it_cannot_hold() {
    let (vendor, account) = with_zone().await;
    let page = |number: u32, records: Value| {
        let info = json!({"page": number, "per_page": 200, "total_pages": 2, "total_count": 4});
        ok(json!({"success": true, "errors": [], "result": records, "result_info": info}).to_string())
    };
    let mut proxied = record("2", "www.example.com", "A", "192.0.2.1");
    proxied["proxied"] = json!(true);
    proxied["ttl"] = json!(1);
    vendor
        .on("GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records?page=1", [page(
            1,
            json!([record("1", "example.com", "NS", "alice.ns.cloudflare.com"), proxied]),
        )])
        .on("GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records?page=2", [page(
            2,
            json!([
                record("3", "*.example.com", "CNAME", "target.example.net"),
                {"id": "4", "name": "example.com", "type": "MX", "content": "mail.example.net", "priority": 10, "ttl": 300},
            ]),
        )]);
    let export = host(&*account).export(&name("example.com")).await.unwrap();
    let lines: Vec<_> = export
        .records
        .iter()
        .map(|record| {
            format!(
                "{} {} {} {}",
                record.owner, record.ttl, record.rtype, record.value
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "*.example.com 3600 CNAME target.example.net.",
            "example.com 300 MX 10 mail.example.net.",
            "www.example.com 300 A 192.0.2.1",
        ]
    );
    assert_eq!(export.missing.len(), 1);
    assert!(export.missing[0].starts_with("www.example.com A is proxied"));
    // A record that came between two pages: the count does not fit what was read.
    vendor.on(
        "GET /client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records?page=2",
        [page(2, json!([]))],
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
