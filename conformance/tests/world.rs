//! The DNS tree, as a control plane finds it.

use anyhow::{Context, Result};
use conformance::world::{Layout, POOLS, Store, TENANT_NAMESERVERS, World, WorldOptions};
use conformance_servers::{Verdict, free_network, free_port};
use powerdns_client::{CanonicalName, Client, Config, NewZone, RecordType, Rrset, RrsetChange};
use tempfile::TempDir;

async fn world(layout: Layout) -> Result<(World, TempDir)> {
    let folder = tempfile::tempdir()?;
    let options = WorldOptions {
        directory: folder.path().to_owned(),
        network: free_network()?,
        port: free_port()?,
        layout,
        store: Store::Sqlite,
    };
    Ok((World::start(&options).await?, folder))
}

fn client(server: &conformance_servers::PowerDns) -> Result<Client> {
    Ok(Client::new(Config::new(
        server.api_url(),
        server.api_key().into(),
    ))?)
}

#[tokio::test]
async fn pools_are_set_up_for_many_names() -> Result<()> {
    let (world, _folder) = world(Layout::Separate).await?;
    let pools = client(world.pool_server())?;
    for pool in POOLS {
        let zone = pools
            .zone_properties(&CanonicalName::parse(&format!("{pool}."))?)
            .await?
            .context("it is there")?;
        assert!(zone.dnssec);
        assert_eq!(
            (zone.api_rectify, zone.nsec3narrow, zone.nsec3param.as_str()),
            (false, true, "1 0 0 -")
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_tenants_zone_becomes_secure_as_soon_as_its_pool_delegates_it() -> Result<()> {
    for layout in [Layout::Separate, Layout::Same] {
        let (world, _folder) = world(layout).await?;
        let name = CanonicalName::parse("acme.omani.works.")?;
        assert_eq!(
            world.resolver.ask("acme.omani.works", "A").await?.status,
            "NXDOMAIN"
        );

        let tenants = client(&world.tenants[0])?;
        let nameservers = TENANT_NAMESERVERS.map(|host| format!("{host}."));
        let mut zone = NewZone::new(name.clone());
        zone.rrsets = vec![
            Rrset::new(
                name.clone(),
                RecordType::SOA,
                5,
                ["ns1.openova-dns.net. hostmaster.openova-dns.net. 1 3600 600 86400 1"],
            ),
            Rrset::new(name.clone(), RecordType::NS, 5, nameservers.clone()),
            Rrset::new(name.clone(), RecordType::A, 5, ["192.0.2.1"]),
        ];
        tenants.create_zone(&zone).await?;
        let keys = tenants.cryptokeys(&name).await?;
        let ds = keys[0].ds_of_type(2).context("a SHA-256 digest")?.to_string();
        let changes = [
            RrsetChange::Replace(Rrset::new(name.clone(), RecordType::NS, 5, nameservers)),
            RrsetChange::Replace(Rrset::new(name.clone(), RecordType::DS, 5, [ds])),
        ];
        client(world.pool_server())?
            .patch_rrsets(&CanonicalName::parse("omani.works.")?, &changes)
            .await?;

        // Its cache still knows that the name did not exist.
        world.resolver.stop().await;
        world.resolver.restart().await?;
        let answer = world.resolver.ask("acme.omani.works", "A").await?;
        assert_eq!(
            (answer.verdict(), answer.data("A")),
            (Verdict::Secure, vec!["192.0.2.1"]),
            "{layout:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_unsigned_delegation_is_insecure_and_not_bogus() -> Result<()> {
    let (world, _folder) = world(Layout::Separate).await?;
    let name = CanonicalName::parse("plain.openova.io.")?;
    let nameservers = TENANT_NAMESERVERS.map(|host| format!("{host}."));
    let mut zone = NewZone::new(name.clone());
    zone.dnssec = false;
    zone.rrsets = vec![
        Rrset::new(
            name.clone(),
            RecordType::SOA,
            5,
            ["ns1.openova-dns.net. hostmaster.openova-dns.net. 1 3600 600 86400 1"],
        ),
        Rrset::new(name.clone(), RecordType::NS, 5, nameservers.clone()),
        Rrset::new(name.clone(), RecordType::A, 5, ["192.0.2.2"]),
    ];
    client(&world.tenants[0])?.create_zone(&zone).await?;
    let changes = [RrsetChange::Replace(Rrset::new(
        name,
        RecordType::NS,
        5,
        nameservers,
    ))];
    client(world.pool_server())?
        .patch_rrsets(&CanonicalName::parse("openova.io.")?, &changes)
        .await?;
    let answer = world.resolver.ask("plain.openova.io", "A").await?;
    assert_eq!(
        (answer.verdict(), answer.data("A")),
        (Verdict::Insecure, vec!["192.0.2.2"])
    );
    Ok(())
}
