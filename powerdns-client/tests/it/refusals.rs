//! What the client does not send. Nobody listens where it is pointed to: had it tried, the error would be another.

use crate::common::{name, new_zone};
use powerdns_client::{
    Client, Config, Effect, Error, ErrorKind, NewZone, Record, RecordType, Rrset, RrsetChange, ZoneChange,
    ZoneKind,
};

const SOA: &str = "ns1.example. hostmaster.example. 1 10800 3600 604800 60";

fn rtype(text: &str) -> RecordType {
    text.parse().expect("a good type")
}

/// A client of a port that nobody listens on.
fn nowhere(change: impl FnOnce(&mut Config)) -> Client {
    let port = conformance_servers::free_port().expect("a free port");
    let mut config = Config::new(format!("http://127.0.0.1:{port}"), "test-key".into());
    change(&mut config);
    Client::new(config).expect("a good configuration")
}

fn replace(owner: &str, rtype_: &str, ttl: u32, content: &str) -> RrsetChange {
    RrsetChange::Replace(Rrset::new(name(owner), rtype(rtype_), ttl, [content]))
}

fn delete(owner: &str, rtype_: &str) -> RrsetChange {
    RrsetChange::Delete {
        name: name(owner),
        rtype: rtype(rtype_),
    }
}

#[track_caller]
fn assert_refused(result: Result<(), Error>, what: &dyn std::fmt::Debug) {
    let error = result.expect_err("refused");
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Refused, Effect::NotApplied),
        "{what:?}: {error}"
    );
    assert!(error.message().is_some(), "{what:?}");
}

#[tokio::test]
async fn changes_that_end_a_zone() {
    let client = nowhere(|_| {});
    let disabled = Record {
        content: "ns1.example.".to_owned(),
        disabled: true,
    };
    let sha256 = "36842 13 2 3cd476f25fa3c1c3a688c9dbc86b793c15378eaefcc8544fea11dac89141f963";
    for change in [
        delete("pool.test", "SOA"),
        delete("pool.test", "NS"),
        RrsetChange::Replace(Rrset {
            name: name("pool.test"),
            rtype: RecordType::NS,
            ttl: 60,
            records: vec![],
        }),
        RrsetChange::Replace(Rrset {
            name: name("w.pool.test"),
            rtype: RecordType::A,
            ttl: 60,
            records: vec![],
        }),
        RrsetChange::Replace(Rrset {
            name: name("pool.test"),
            rtype: RecordType::NS,
            ttl: 60,
            records: vec![disabled],
        }),
        replace("w.pool.test", "A", 0, "192.0.2.1"),
        replace("w.pool.test", "A", 1 << 31, "192.0.2.1"),
        replace("t.pool.test", "DS", 60, &sha256[..sha256.len() - 2]),
        replace("t.pool.test", "DS", 60, &sha256.replacen(" 2 ", " 4 ", 1)),
        replace("t.pool.test", "DS", 60, &sha256.replacen(" 2 ", " 9 ", 1)),
        replace("t.pool.test", "DS", 60, &sha256.replacen('3', "x", 3)),
        replace("pool.test", "DS", 60, sha256),
        replace("*.pool.test", "DS", 60, sha256),
        replace("*.pool.test", "NS", 60, "ns1.example."),
        replace("pool.test", "NSEC3PARAM", 60, "1 0 0 -"),
        replace(
            "w.pool.test",
            "RRSIG",
            60,
            "A 13 3 60 20300101000000 20200101000000 1 pool.test. AAAA",
        ),
        replace("w.pool.test", "NSEC", 60, "pool.test. A"),
        replace("w.pool.test", "TYPE65402", 60, "\\# 1 00"),
        replace("w.pool.test", "type43", 60, "\\# 1 00"),
        replace("w.pool.test", "LUA", 60, "A \"ifportup(443, {'192.0.2.1'})\""),
    ] {
        // Also when it is one of several.
        let changes = [replace("ok.pool.test", "A", 60, "192.0.2.1"), change];
        assert_refused(
            client.patch_rrsets(&name("pool.test"), &changes).await,
            &changes[1],
        );
    }
}

#[tokio::test]
async fn the_same_changes_where_they_do_no_harm() {
    let client = nowhere(|config| config.allow_lua = true);
    for change in [
        delete("t.pool.test", "NS"),
        delete("pool.test", "TXT"),
        delete("w.pool.test", "RRSIG"),
        replace("w.pool.test", "A", 1, "192.0.2.1"),
        replace("w.pool.test", "A", i32::MAX.unsigned_abs(), "192.0.2.1"),
        replace("t.pool.test", "DS", 60, &format!("1 13 4 {}", "AB".repeat(48))),
        replace("w.pool.test", "LUA", 60, "A \"ifportup(443, {'192.0.2.1'})\""),
    ] {
        let error = client
            .patch_rrsets(&name("pool.test"), std::slice::from_ref(&change))
            .await
            .expect_err("nobody is there");
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Unreachable, Effect::NotApplied),
            "{change:?}: {error}"
        );
    }
}

#[tokio::test]
async fn new_zones_without_apex() {
    let client = nowhere(|_| {});
    let soa = || Rrset::new(name("t.test"), RecordType::SOA, 60, [SOA]);
    let ns = |owner: &str| Rrset::new(name(owner), RecordType::NS, 60, ["ns1.example."]);
    for rrsets in [
        vec![],
        vec![soa()],
        vec![ns("t.test")],
        vec![soa(), ns("below.t.test")],
    ] {
        let zone = NewZone {
            rrsets,
            ..NewZone::new(name("t.test"))
        };
        assert_refused(client.create_zone(&zone).await, &zone);
    }
    let truncated = Rrset::new(name("below.t.test"), RecordType::DS, 60, ["1 13 2 abcd"]);
    let zone = NewZone {
        rrsets: vec![soa(), ns("t.test"), truncated],
        ..NewZone::new(name("t.test"))
    };
    assert_refused(client.create_zone(&zone).await, &zone);
}

#[tokio::test]
async fn accounts_that_postgresql_has_no_room_for() {
    let client = nowhere(|_| {});
    let account = "x".repeat(41);
    let zone = NewZone {
        account: account.clone(),
        ..new_zone(&name("t.test"))
    };
    assert_refused(client.create_zone(&zone).await, &zone);
    let change = ZoneChange {
        account: Some(account),
        ..ZoneChange::default()
    };
    assert_refused(
        client.set_zone_properties(&name("t.test"), &change).await,
        &change,
    );
}

#[tokio::test]
async fn a_kind_that_is_only_known_from_reading() {
    let client = nowhere(|_| {});
    let change = ZoneChange {
        kind: Some(ZoneKind::Other),
        ..ZoneChange::default()
    };
    assert_refused(
        client.set_zone_properties(&name("t.test"), &change).await,
        &change,
    );
}

#[tokio::test]
async fn requests_above_the_servers_limit() {
    let client = nowhere(|config| config.max_request_bytes = 1000);
    let error = client
        .patch_rrsets(
            &name("t.test"),
            &[replace("t.test", "TXT", 60, &format!("\"{}\"", "x".repeat(1000)))],
        )
        .await
        .expect_err("too large");
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::TooLarge, Effect::NotApplied)
    );
}

#[tokio::test]
async fn no_changes_are_no_request() {
    nowhere(|_| {})
        .patch_rrsets(&name("t.test"), &[])
        .await
        .expect("nothing to do");
}

#[test]
fn configurations_that_cannot_work() {
    let with = |url: &str, change: fn(&mut Config)| {
        let mut config = Config::new(url, "test-key".into());
        change(&mut config);
        Client::new(config).map_err(|error| error.kind())
    };
    for url in [
        "",
        "127.0.0.1:8081",
        "ftp://127.0.0.1",
        "http://user:pass@127.0.0.1",
        "http://127.0.0.1/?a=b",
        "http://127.0.0.1/#a",
    ] {
        assert_eq!(with(url, |_| {}).err(), Some(ErrorKind::Configuration), "{url}");
    }
    let url = "http://127.0.0.1:8081";
    assert_eq!(
        with(url, |config| config.server_id = "..".to_owned()).err(),
        Some(ErrorKind::Configuration)
    );
    assert_eq!(
        with(url, |config| config.max_connections = 0).err(),
        Some(ErrorKind::Configuration)
    );
    assert_eq!(
        with(url, |config| config.api_key = "a\nb".into()).err(),
        Some(ErrorKind::Configuration)
    );
    for url in [url, "http://127.0.0.1:8081/", "http://[::1]:8081/pdns/"] {
        assert_eq!(with(url, |_| {}).err(), None, "{url}");
    }
}

#[tokio::test]
async fn neither_key_nor_url_are_in_what_is_printed() {
    let config = Config::new("http://127.0.0.1:1/hidden-path", "test-key".into());
    let shown = format!("{config:?}");
    let client = Client::new(config).expect("a good configuration");
    let error = client.server().await.expect_err("nobody is there");
    let mut texts = vec![
        shown,
        format!("{client:?}"),
        format!("{error}"),
        format!("{error:?}"),
    ];
    let mut source: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    for text in &texts {
        assert!(!text.contains("test-key"), "{text}");
    }
    assert!(
        !texts[2..].iter().any(|text| text.contains("hidden-path")),
        "{texts:?}"
    );
}
