//! Zones: made, read, changed, listed, deleted.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use conformance_servers::{PowerDns, dig};
use powerdns_client::{
    CanonicalName, Ds, Effect, ErrorKind, KeyType, NewZone, RecordType, Rrset, ZoneChange, ZoneFilter,
    ZoneKind,
};

use crate::common::{assert_fails, client, config, name, new_zone, replace};

pub(super) async fn a_new_zone_is_whole_signed_and_marked(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("whole.test"));
    let mark = "ü".repeat(40); // as long as the databases allow
    let mut wanted = NewZone {
        account: mark.clone(),
        ..new_zone(&zone)
    };
    wanted.rrsets.push(Rrset::new(
        zone.child("www")?,
        RecordType::AAAA,
        60,
        ["2001:db8::1", "2001:db8::2"],
    ));
    client.create_zone(&wanted).await?;

    let found = client.zone(&zone).await?.context("the zone is there")?;
    let properties = &found.properties;
    assert_eq!(properties.name, zone);
    assert_eq!(
        (properties.kind, properties.dnssec, properties.api_rectify),
        (ZoneKind::Native, true, true)
    );
    assert_eq!(
        (properties.account.as_str(), properties.soa_edit_api.as_str()),
        (mark.as_str(), "DEFAULT")
    );
    assert_eq!(client.zone_properties(&zone).await?.as_ref(), Some(properties));
    for wanted in &wanted.rrsets {
        let found = found
            .rrsets
            .iter()
            .find(|found| (&found.name, &found.rtype) == (&wanted.name, &wanted.rtype));
        let found = found.with_context(|| format!("{} is there", wanted.rtype))?;
        assert_eq!(found.ttl, wanted.ttl);
        if wanted.rtype != RecordType::SOA {
            assert_eq!(
                found.contents().collect::<BTreeSet<_>>(),
                wanted.contents().collect()
            );
        }
    }

    let keys = client.cryptokeys(&zone).await?;
    assert_eq!(keys.len(), 1);
    let key = &keys[0];
    assert_eq!(
        (key.keytype, key.flags, key.active, key.published),
        (KeyType::Csk, 257, true, true)
    );
    assert!(key.dnskey.starts_with("257 3 13 "), "{}", key.dnskey);
    let ds = key.ds_of_type(Ds::SHA256).context("a DS with SHA-256")?;
    assert_eq!((ds.algorithm(), ds.digest().len()), (13, 32));

    let answer = dig(server.dns(), "whole.test", "DNSKEY", &[]).await?;
    let served: String = answer.data("DNSKEY")[0].split_whitespace().collect();
    assert_eq!(served, key.dnskey.split_whitespace().collect::<String>());
    Ok(())
}

pub(super) async fn an_unsigned_zone_is_asked_for_as_such(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("unsigned.test"));
    client
        .create_zone(&NewZone {
            dnssec: false,
            ..new_zone(&zone)
        })
        .await?;
    assert_eq!(
        client.zone_properties(&zone).await?.map(|zone| zone.dnssec),
        Some(false)
    );
    assert_eq!(client.cryptokeys(&zone).await?, []);
    Ok(())
}

pub(super) async fn the_settings_of_a_new_zone_are_kept(server: &PowerDns) -> Result<()> {
    let (client, zone, catalog) = (client(config(server)), name("pool.test"), name("catalog.test"));
    client
        .create_zone(&NewZone {
            kind: ZoneKind::Producer,
            dnssec: false,
            ..new_zone(&catalog)
        })
        .await?;
    client
        .create_zone(&NewZone {
            kind: ZoneKind::Master,
            api_rectify: false,
            nsec3param: "1 0 0 -".to_owned(),
            nsec3narrow: true,
            catalog: Some(catalog.clone()),
            ..new_zone(&zone)
        })
        .await?;
    let found = client
        .zone_properties(&zone)
        .await?
        .context("the zone is there")?;
    assert_eq!(
        (found.kind, found.api_rectify, found.nsec3narrow),
        (ZoneKind::Master, false, true)
    );
    assert_eq!(
        (found.nsec3param.as_str(), found.catalog.as_str()),
        ("1 0 0 -", catalog.as_str())
    );
    Ok(())
}

pub(super) async fn a_zone_can_be_made_only_once(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("once.test"));
    client
        .create_zone(&NewZone {
            account: "first".to_owned(),
            ..new_zone(&zone)
        })
        .await?;
    let second = NewZone {
        account: "second".to_owned(),
        ..new_zone(&name("ONCE.test"))
    };
    assert_fails(
        client.create_zone(&second).await,
        ErrorKind::Conflict,
        Effect::Unknown,
    );
    assert_eq!(
        client.zone_properties(&zone).await?.map(|zone| zone.account),
        Some("first".to_owned())
    );

    assert!(client.delete_zone(&zone).await?);
    client.create_zone(&second).await?;
    Ok(())
}

pub(super) async fn settings_change_one_by_one(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("settings.test"));
    client
        .create_zone(&NewZone {
            account: "before".to_owned(),
            ..new_zone(&zone)
        })
        .await?;
    let keys = client.cryptokeys(&zone).await?;

    let change = ZoneChange {
        account: Some("after".to_owned()),
        ..ZoneChange::default()
    };
    client.set_zone_properties(&zone, &change).await?;
    let found = client
        .zone_properties(&zone)
        .await?
        .context("the zone is there")?;
    assert_eq!(
        (found.account.as_str(), found.dnssec, found.api_rectify),
        ("after", true, true)
    );

    let change = ZoneChange {
        api_rectify: Some(false),
        nsec3param: Some("1 0 0 -".to_owned()),
        nsec3narrow: Some(true),
        ..ZoneChange::default()
    };
    client.set_zone_properties(&zone, &change).await?;
    let found = client
        .zone_properties(&zone)
        .await?
        .context("the zone is there")?;
    assert_eq!(
        (found.account.as_str(), found.api_rectify, found.nsec3narrow),
        ("after", false, true)
    );
    assert_eq!(
        client.cryptokeys(&zone).await?,
        keys,
        "no change of settings touches the keys"
    );

    // Without rectification the empty name between is missing; `rectify` makes it.
    client
        .patch_rrsets(
            &zone,
            &[replace(
                &zone.child("deep.between")?,
                RecordType::A,
                &["192.0.2.1"],
            )],
        )
        .await?;
    let status =
        async || Ok::<_, anyhow::Error>(dig(server.dns(), "between.settings.test", "A", &[]).await?.status);
    assert_eq!(status().await?, "NXDOMAIN");
    client.rectify(&zone).await?;
    assert_eq!(status().await?, "NOERROR");
    Ok(())
}

pub(super) async fn names_with_a_meaning_in_urls_are_reached(server: &PowerDns) -> Result<()> {
    let client = client(config(server));
    for zone in [
        ".",
        "0/25.2.0.192.in-addr.arpa",
        "_tcp.urls.test",
        "a-b.urls.test",
        "xn--bcher-kva.urls.test",
    ] {
        let zone = name(zone);
        client.create_zone(&new_zone(&zone)).await?;
        for owner in ["*", "_dmarc", "1/2", "*.sub"] {
            let owner = zone.child(owner)?;
            client
                .patch_rrsets(&zone, &[replace(&owner, RecordType::TXT, &["\"here\""])])
                .await?;
            assert_eq!(client.rrsets_at(&zone, &owner).await?.len(), 1, "{owner}");
        }
        assert_eq!(
            client.zone(&zone).await?.map(|found| found.properties.name),
            Some(zone.clone())
        );
        let mut listed = Vec::new();
        client
            .for_each_zone(&ZoneFilter::Name(zone.clone()), |found| listed.push(found.name))
            .await?;
        assert_eq!(listed, std::slice::from_ref(&zone));
        client.flush_cache(&zone).await?;
        assert!(client.delete_zone(&zone).await?, "{zone}");
    }
    Ok(())
}

pub(super) async fn listings_show_every_zone_once(server: &PowerDns) -> Result<()> {
    let client = client(config(server));
    let zones: BTreeSet<CanonicalName> = (0..300).map(|n| name(&format!("z{n}.listing.test"))).collect();
    for zone in &zones {
        client
            .create_zone(&NewZone {
                dnssec: false,
                account: format!("of {zone}"),
                ..new_zone(zone)
            })
            .await?;
    }
    let mut seen = Vec::new();
    client
        .for_each_zone(&ZoneFilter::All, |zone| seen.push(zone))
        .await?;
    seen.retain(|zone| zone.name.is_within(&name("listing.test")));
    assert_eq!(seen.len(), zones.len());
    assert_eq!(
        seen.iter().map(|zone| zone.name.clone()).collect::<BTreeSet<_>>(),
        zones
    );
    assert!(
        seen.iter()
            .all(|zone| zone.account == format!("of {}", zone.name) && zone.kind == ZoneKind::Native)
    );

    let mut one = Vec::new();
    client
        .for_each_zone(&ZoneFilter::Name(name("z7.listing.test")), |zone| {
            one.push(zone.name);
        })
        .await?;
    assert_eq!(one, [name("z7.listing.test")]);
    client
        .for_each_zone(&ZoneFilter::Name(name("absent.test")), |zone| panic!("{zone:?}"))
        .await?;
    Ok(())
}
