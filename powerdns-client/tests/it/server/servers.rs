//! The server itself, and what is said about things and rights that are not there.

use anyhow::{Context as _, Result};
use conformance_servers::{Backend, Postgres, PowerDns, dig};
use powerdns_client::{Effect, ErrorKind, MetadataKind, RecordType, ZoneChange, ZoneFilter};

use crate::common::{assert_fails, client, config, delete, name, new_zone, replace};

pub(super) async fn the_server_says_who_it_is(server: &PowerDns) -> Result<()> {
    let who = client(config(server)).server().await?;
    assert_eq!(
        (who.id.as_str(), who.daemon_type.as_str()),
        ("localhost", "authoritative")
    );
    assert!(
        who.version.starts_with(|first: char| first.is_ascii_digit()),
        "{}",
        who.version
    );
    Ok(())
}

pub(super) async fn a_wrong_key_is_unauthorized(server: &PowerDns) -> Result<()> {
    let (right, zone) = (client(config(server)), name("unauthorized.test"));
    let mut wrong = config(server);
    wrong.api_key = "wrong-test-key".into();
    let wrong = client(wrong);
    let error = assert_fails(
        wrong.create_zone(&new_zone(&zone)).await,
        ErrorKind::Unauthorized,
        Effect::NotApplied,
    );
    assert!(!error.is_transient());
    assert_eq!(right.zone_properties(&zone).await?, None);
    assert_fails(
        wrong.zone(&zone).await,
        ErrorKind::Unauthorized,
        Effect::NotApplied,
    );
    assert_fails(
        wrong.for_each_zone(&ZoneFilter::All, |_| {}).await,
        ErrorKind::Unauthorized,
        Effect::NotApplied,
    );
    Ok(())
}

pub(super) async fn a_wrong_server_id_is_not_found(server: &PowerDns) -> Result<()> {
    let mut elsewhere = config(server);
    "elsewhere".clone_into(&mut elsewhere.server_id);
    let elsewhere = client(elsewhere);
    assert_fails(elsewhere.server().await, ErrorKind::NotFound, Effect::NotApplied);
    assert_fails(
        elsewhere.for_each_zone(&ZoneFilter::All, |_| {}).await,
        ErrorKind::NotFound,
        Effect::NotApplied,
    );
    assert_fails(
        elsewhere.create_zone(&new_zone(&name("e.test"))).await,
        ErrorKind::NotFound,
        Effect::NotApplied,
    );
    Ok(())
}

pub(super) async fn what_is_not_there_is_said_to_be_missing(server: &PowerDns) -> Result<()> {
    let (client, zone, kind) = (
        client(config(server)),
        name("missing.test"),
        MetadataKind::new("X-MARK")?,
    );
    assert_eq!(client.zone(&zone).await?, None);
    assert_eq!(client.zone_properties(&zone).await?, None);
    assert!(
        !client
            .for_each_rrset(&zone, |_| panic!("there is nothing"))
            .await?
    );
    assert!(!client.delete_zone(&zone).await?);
    assert!(client.tsigkey(&zone).await?.is_none());
    assert!(!client.delete_tsigkey(&zone).await?);

    let (missing, not) = (ErrorKind::NotFound, Effect::NotApplied);
    assert_fails(client.rrsets_at(&zone, &zone).await, missing, not);
    assert_fails(client.rrset(&zone, &zone, &RecordType::A).await, missing, not);
    assert_fails(
        client.patch_rrsets(&zone, &[delete(&zone, RecordType::A)]).await,
        missing,
        not,
    );
    assert_fails(
        client.set_zone_properties(&zone, &ZoneChange::default()).await,
        missing,
        not,
    );
    assert_fails(client.rectify(&zone).await, missing, not);
    assert_fails(client.cryptokeys(&zone).await, missing, not);
    assert_fails(client.metadata(&zone, &kind).await, missing, not);
    assert_fails(
        client.set_metadata(&zone, &kind, vec!["a".to_owned()]).await,
        missing,
        not,
    );
    Ok(())
}

pub(super) async fn statistics_and_settings_are_readable(server: &PowerDns) -> Result<()> {
    let client = client(config(server));
    let asked = async || {
        Ok::<_, anyhow::Error>(
            *client
                .statistics()
                .await?
                .get("tcp-queries")
                .context("a counter")?,
        )
    };
    let before = asked().await?;
    dig(server.dns(), "statistics.test", "SOA", &["+tcp"]).await?;
    assert_eq!(asked().await?, before + 1);

    let settings = client.config().await?;
    assert_eq!(settings.get("api").map(String::as_str), Some("yes"));
    assert!(!settings.values().any(|value| value == server.api_key()));
    Ok(())
}

#[tokio::test]
async fn a_flush_makes_a_new_zone_visible_that_was_asked_for_before() -> Result<()> {
    let server = PowerDns::builder("cached")
        .setting("cache-ttl", "600")
        .setting("negquery-cache-ttl", "600")
        .start()
        .await?;
    let (client, zone) = (client(config(&server)), name("flushed.test"));
    let status = async || Ok::<_, anyhow::Error>(dig(server.dns(), "flushed.test", "SOA", &[]).await?.status);
    assert_eq!(status().await?, "REFUSED");
    client.create_zone(&new_zone(&zone)).await?;
    assert_eq!(status().await?, "REFUSED", "cached; else this test shows nothing");
    assert!(client.flush_cache(&zone).await? >= 1);
    assert_eq!(status().await?, "NOERROR");
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_gone_is_a_failure_of_the_server_with_unknown_effect() -> Result<()> {
    let cluster = Postgres::builder().start().await?;
    let database = cluster.create_database("pdns").await?;
    let server = PowerDns::builder("gone")
        .backend(Backend::Postgres(database))
        .start()
        .await?;
    let (client, zone) = (client(config(&server)), name("gone.test"));
    client.create_zone(&new_zone(&zone)).await?;
    cluster.stop().await;

    let change = [replace(&zone, RecordType::A, &["192.0.2.1"])];
    let error = assert_fails(
        client.patch_rrsets(&zone, &change).await,
        ErrorKind::ServerFailure,
        Effect::Unknown,
    );
    assert!(error.is_transient());
    assert_fails(
        client.zone(&zone).await,
        ErrorKind::ServerFailure,
        Effect::NotApplied,
    );

    cluster.restart().await?;
    client.patch_rrsets(&zone, &change).await?;
    assert!(client.rrset(&zone, &zone, &RecordType::A).await?.is_some());
    Ok(())
}
