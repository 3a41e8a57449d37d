//! RRsets: what a PATCH does, what it does not, and zones too large to hold.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use conformance_servers::PowerDns;
use powerdns_client::{CanonicalName, Effect, ErrorKind, NewZone, RecordType, Rrset, RrsetChange};

use crate::common::{assert_fails, client, config, delete, name, new_zone, replace};

pub(super) async fn a_patch_is_all_or_nothing(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("atomic.test"));
    client.create_zone(&new_zone(&zone)).await?;
    let before = client.zone(&zone).await?;
    let changes = [
        replace(&zone.child("good")?, RecordType::A, &["192.0.2.1"]),
        replace(&zone.child("bad")?, RecordType::A, &["1.2.3"]),
    ];
    let error = assert_fails(
        client.patch_rrsets(&zone, &changes).await,
        ErrorKind::Invalid,
        Effect::NotApplied,
    );
    let words = error.message().context("PowerDNS says why")?;
    assert!(words.contains("bad.atomic.test./A '1.2.3'"), "{words}");
    assert_eq!(client.zone(&zone).await?, before);
    Ok(())
}

pub(super) async fn what_stands_below_a_name_is_found_in_every_zone(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("deep.test"));
    client.create_zone(&new_zone(&zone)).await?;
    let shop = zone.child("_shop")?;
    assert_eq!(client.records_below(&shop, 10).await?, []);
    let changes = [
        replace(&shop, RecordType::A, &["192.0.2.1"]),
        replace(&shop.child("a.b")?, RecordType::A, &["192.0.2.2"]),
        replace(&zone.child("xshop")?.child("a")?, RecordType::A, &["192.0.2.3"]),
    ];
    client.patch_rrsets(&zone, &changes).await?;
    let own = shop.child("own")?;
    client.create_zone(&new_zone(&own)).await?;
    let found = client.records_below(&shop, 10).await?;
    let found: BTreeSet<_> = found
        .iter()
        .filter(|record| record.rtype == RecordType::A || record.rtype == RecordType::SOA)
        .map(|record| (record.zone.as_str(), record.name.as_str()))
        .collect();
    let below = shop.child("a.b")?;
    assert_eq!(
        found,
        [(zone.as_str(), below.as_str()), (own.as_str(), own.as_str())].into()
    );
    Ok(())
}

pub(super) async fn a_patch_says_what_is_to_be_and_can_be_repeated(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("patched.test"));
    client.create_zone(&new_zone(&zone)).await?;
    let tenant = zone.child("tenant")?;
    let ds = format!("12345 13 2 {}", "ab".repeat(32));
    let delegate = [
        replace(&tenant, RecordType::NS, &["ns1.example.", "ns2.example."]),
        replace(&tenant, RecordType::DS, &[&ds]),
    ];
    for _ in 0..2 {
        client.patch_rrsets(&zone, &delegate).await?;
        let found = client.rrsets_at(&zone, &tenant).await?;
        let types: BTreeSet<_> = found.iter().map(|rrset| rrset.rtype.clone()).collect();
        assert_eq!(types, [RecordType::NS, RecordType::DS].into());
        assert_eq!(
            client.rrset(&zone, &tenant, &RecordType::DS).await?.as_ref(),
            found.iter().find(|rrset| rrset.rtype == RecordType::DS)
        );
    }
    client
        .patch_rrsets(&zone, &[replace(&tenant, RecordType::NS, &["ns3.example."])])
        .await?;
    let ns = client
        .rrset(&zone, &tenant, &RecordType::NS)
        .await?
        .context("NS is there")?;
    assert_eq!(
        (ns.ttl, ns.contents().collect::<Vec<_>>()),
        (60, vec!["ns3.example."])
    );

    for _ in 0..2 {
        client
            .patch_rrsets(
                &zone,
                &[delete(&tenant, RecordType::NS), delete(&tenant, RecordType::DS)],
            )
            .await?;
        assert_eq!(client.rrsets_at(&zone, &tenant).await?, []);
        assert_eq!(client.rrset(&zone, &tenant, &RecordType::NS).await?, None);
    }
    Ok(())
}

pub(super) async fn content_that_powerdns_refuses_is_invalid_and_not_applied(
    server: &PowerDns,
) -> Result<()> {
    let (client, zone) = (client(config(server)), name("refused.test"));
    client.create_zone(&new_zone(&zone)).await?;
    let www = zone.child("www")?;
    client
        .patch_rrsets(&zone, &[replace(&www, RecordType::A, &["192.0.2.1"])])
        .await?;
    let before = client.zone(&zone).await?;
    for (why, changes) in [
        ("not an address", vec![replace(&www, RecordType::A, &["1.2.3"])]),
        (
            "a target without final dot",
            vec![replace(&www, RecordType::MX, &["10 mail.example"])],
        ),
        (
            "text without quotes",
            vec![replace(&www, RecordType::TXT, &["some text"])],
        ),
        (
            "CNAME beside other data",
            vec![replace(&www, RecordType::CNAME, &["other.example."])],
        ),
        (
            "two CNAMEs",
            vec![replace(
                &zone.child("c")?,
                RecordType::CNAME,
                &["a.example.", "b.example."],
            )],
        ),
        (
            "a record twice",
            vec![replace(&www, RecordType::A, &["192.0.2.2", "192.0.2.2"])],
        ),
        (
            "an RRset twice",
            vec![
                replace(&www, RecordType::A, &["192.0.2.2"]),
                replace(&www, RecordType::A, &["192.0.2.3"]),
            ],
        ),
        (
            "outside of the zone",
            vec![replace(&name("www.other.test"), RecordType::A, &["192.0.2.2"])],
        ),
        ("no such type", vec![replace(&www, "NOSUCH".parse()?, &["x"])]),
        (
            "a name the API does not allow",
            vec![replace(
                &name(r"a\032b.refused.test"),
                RecordType::A,
                &["192.0.2.2"],
            )],
        ),
    ] {
        let error = client
            .patch_rrsets(&zone, &changes)
            .await
            .err()
            .with_context(|| why)?;
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Invalid, Effect::NotApplied),
            "{why}: {error:?}"
        );
        assert!(error.message().is_some_and(|words| !words.is_empty()), "{why}");
        assert!(!error.is_transient(), "{why}");
    }
    assert_eq!(client.zone(&zone).await?, before);

    // The same on creation leaves nothing behind.
    let other = name("refused-at-once.test");
    let mut bad = new_zone(&other);
    bad.rrsets
        .push(Rrset::new(other.child("www")?, RecordType::A, 60, ["1.2.3"]));
    assert_fails(
        client.create_zone(&bad).await,
        ErrorKind::Invalid,
        Effect::NotApplied,
    );
    assert_eq!(client.zone_properties(&other).await?, None);
    Ok(())
}

pub(super) async fn a_body_above_the_servers_limit_is_malformed(server: &PowerDns) -> Result<()> {
    let zone = name("large.test");
    let mut eager = config(server);
    eager.max_request_bytes = 8 << 20;
    let eager = client(eager);
    eager.create_zone(&new_zone(&zone)).await?;
    let texts: Vec<String> = (0..100_u32)
        .map(|n| format!("\"{n} {}\"", "x".repeat(240)))
        .collect();
    let changes: Vec<RrsetChange> = (0..100)
        .map(|n| {
            Ok(RrsetChange::Replace(Rrset::new(
                zone.child(&format!("t{n}"))?,
                RecordType::TXT,
                60,
                &texts,
            )))
        })
        .collect::<Result<_>>()?;
    assert_fails(
        eager.patch_rrsets(&zone, &changes).await,
        ErrorKind::Malformed,
        Effect::NotApplied,
    );
    assert_fails(
        client(config(server)).patch_rrsets(&zone, &changes).await,
        ErrorKind::TooLarge,
        Effect::NotApplied,
    );
    assert_eq!(eager.zone(&zone).await?.map(|zone| zone.rrsets.len()), Some(2));
    // A little below 2 MiB passes: both sides mean the same limit.
    client(config(server)).patch_rrsets(&zone, &changes[..70]).await?;
    Ok(())
}

pub(super) async fn lua_is_written_only_where_it_is_allowed(server: &PowerDns) -> Result<()> {
    let zone = name("lua.test");
    let careful = client(config(server));
    careful.create_zone(&new_zone(&zone)).await?;
    let lua = [replace(&zone, RecordType::LUA, &["A \"all({'192.0.2.1'})\""])];
    assert_fails(
        careful.patch_rrsets(&zone, &lua).await,
        ErrorKind::Refused,
        Effect::NotApplied,
    );
    let mut allowed = config(server);
    allowed.allow_lua = true;
    client(allowed).patch_rrsets(&zone, &lua).await?;
    assert!(careful.rrset(&zone, &zone, &RecordType::LUA).await?.is_some());
    Ok(())
}

pub(super) async fn a_zone_of_20_000_rrsets_is_read_piece_by_piece(server: &PowerDns) -> Result<()> {
    let zone = name("big.test");
    let mut small = config(server);
    small.max_answer_bytes = 4096;
    let client = client(small);
    let owners: Vec<CanonicalName> = (0..20_000)
        .map(|n| zone.child(&format!("t{n}")))
        .collect::<Result<_, _>>()?;
    let mut big = NewZone {
        dnssec: false,
        api_rectify: false,
        ..new_zone(&zone)
    };
    big.rrsets.extend(
        owners
            .iter()
            .map(|owner| Rrset::new(owner.clone(), RecordType::A, 60, ["192.0.2.1"])),
    );
    client.create_zone(&big).await?;

    let mut seen = BTreeSet::new();
    let mut twice = 0;
    let there = client
        .for_each_rrset(&zone, |rrset| {
            twice += usize::from(!seen.insert((rrset.name, rrset.rtype)));
        })
        .await?;
    assert!(there);
    assert_eq!((seen.len(), twice), (20_002, 0));
    assert!(
        owners
            .iter()
            .all(|owner| seen.contains(&(owner.clone(), RecordType::A)))
    );

    assert_fails(client.zone(&zone).await, ErrorKind::TooLarge, Effect::NotApplied);
    assert_eq!(client.rrsets_at(&zone, &owners[19_999]).await?.len(), 1);
    assert!(client.delete_zone(&zone).await?);
    Ok(())
}
