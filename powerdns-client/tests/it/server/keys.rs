//! DNSSEC keys, metadata and TSIG keys.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use conformance_servers::{PowerDns, dig};
use powerdns_client::{Effect, ErrorKind, KeyState, KeyType, MetadataKind, NewCryptoKey};

use crate::common::{assert_fails, client, config, name, new_zone};

pub(super) async fn keys_roll_over(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("keys.test"));
    client.create_zone(&new_zone(&zone)).await?;
    let old = client.cryptokeys(&zone).await?.remove(0);
    let served = async || {
        Ok::<_, anyhow::Error>(
            dig(server.dns(), "keys.test", "DNSKEY", &[])
                .await?
                .data("DNSKEY")
                .len(),
        )
    };

    let new = NewCryptoKey {
        keytype: KeyType::Csk,
        active: false,
        published: true,
        algorithm: "ECDSAP256SHA256".to_owned(),
    };
    let new = client.create_cryptokey(&zone, &new).await?;
    assert_eq!((new.active, new.published, new.flags), (false, true, 257));
    assert!(client.cryptokeys(&zone).await?.contains(&new));
    assert_eq!(served().await?, 2);

    client
        .set_cryptokey_state(
            &zone,
            new.id,
            KeyState {
                active: true,
                published: true,
            },
        )
        .await?;
    client
        .set_cryptokey_state(
            &zone,
            old.id,
            KeyState {
                active: false,
                published: false,
            },
        )
        .await?;
    let states: Vec<_> = client
        .cryptokeys(&zone)
        .await?
        .iter()
        .map(|key| (key.id, key.active, key.published))
        .collect();
    assert_eq!(
        BTreeSet::from_iter(states),
        [(old.id, false, false), (new.id, true, true)].into()
    );
    assert_eq!(served().await?, 1);

    assert!(client.delete_cryptokey(&zone, old.id).await?);
    assert!(!client.delete_cryptokey(&zone, old.id).await?);
    let gone = KeyState {
        active: true,
        published: true,
    };
    assert_fails(
        client.set_cryptokey_state(&zone, old.id, gone).await,
        ErrorKind::NotFound,
        Effect::NotApplied,
    );
    assert_eq!(
        client
            .cryptokeys(&zone)
            .await?
            .iter()
            .map(|key| key.id)
            .collect::<Vec<_>>(),
        [new.id]
    );
    Ok(())
}

pub(super) async fn metadata_is_set_read_and_removed(server: &PowerDns) -> Result<()> {
    let (client, zone) = (client(config(server)), name("metadata.test"));
    client.create_zone(&new_zone(&zone)).await?;
    let kind = MetadataKind::new("ALLOW-AXFR-FROM")?;
    let values = vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()];
    assert_eq!(client.metadata(&zone, &kind).await?, [""; 0]);
    for _ in 0..2 {
        client.set_metadata(&zone, &kind, values.clone()).await?;
        assert_eq!(
            BTreeSet::from_iter(client.metadata(&zone, &kind).await?),
            BTreeSet::from_iter(values.clone())
        );
    }
    for _ in 0..2 {
        client.delete_metadata(&zone, &kind).await?;
        assert_eq!(client.metadata(&zone, &kind).await?, [""; 0]);
    }
    for elsewhere in [
        "SOA-EDIT-API",
        "API-RECTIFY",
        "NSEC3PARAM",
        "TSIG-ALLOW-AXFR",
        "ENABLE-LUA-RECORDS",
    ] {
        let result = client
            .set_metadata(&zone, &MetadataKind::new(elsewhere)?, vec!["1".to_owned()])
            .await;
        assert_fails(result, ErrorKind::Invalid, Effect::NotApplied);
    }
    for text in ["", "A/B", "A B", "ä"] {
        assert!(MetadataKind::new(text).is_err(), "{text:?}");
    }
    Ok(())
}

pub(super) async fn tsig_keys_are_made_read_and_deleted(server: &PowerDns) -> Result<()> {
    use powerdns_client::SecretString;
    use secrecy::ExposeSecret as _;

    let (client, key) = (client(config(server)), name("update.tsig.test"));
    let made = client.create_tsigkey(&key, "hmac-sha256", None).await?;
    assert_eq!((&made.name, made.algorithm.as_str()), (&key, "hmac-sha256"));
    assert!(
        made.key.expose_secret().len() >= 43,
        "at least 256 bits in base64"
    );
    assert!(!format!("{made:?}").contains(made.key.expose_secret()));
    assert_fails(
        client.create_tsigkey(&key, "hmac-sha256", None).await,
        ErrorKind::Conflict,
        Effect::Unknown,
    );

    let read = client.tsigkey(&key).await?.context("the key is there")?;
    assert_eq!(
        (read.id, read.key.expose_secret()),
        (made.id.clone(), made.key.expose_secret())
    );
    assert!(
        client
            .tsigkeys()
            .await?
            .iter()
            .any(|listed| listed.name == key && listed.id == made.id)
    );

    assert!(client.delete_tsigkey(&key).await?);
    assert!(!client.delete_tsigkey(&key).await?);
    let given = SecretString::from("dGVzdC1zZWNyZXQtZm9yLXRlc3RzLW9ubHk=");
    let made = client.create_tsigkey(&key, "hmac-sha512", Some(&given)).await?;
    assert_eq!(made.key.expose_secret(), given.expose_secret());
    assert_fails(
        client.create_tsigkey(&name("x.test"), "hmac-nosuch", None).await,
        ErrorKind::Malformed,
        Effect::NotApplied,
    );
    Ok(())
}
