//! DNSSEC, and zones with their records.

use anyhow::{Context, Result};
use conformance::sim::faults::Fault;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::time::Duration;

use super::{Call, NEW_HOSTS, Ovh, ZONE};

#[tokio::test]
async fn keys_are_replaced_all_at_once_and_have_to_be_right() -> Result<()> {
    let ovh = Ovh::start_with_slow_tasks().await?;
    let path = "/domain/ovh-signed.com/dsRecord";
    let ids = ovh.get(path).await?;
    let id = ids[0].as_u64().context("it has one")?;
    let mut key = ovh.get(&format!("{path}/{id}")).await?;
    let ds = ovh.world.domain("ovh-signed.com").context("it is there")?.ds;
    assert_eq!((ds.len(), &key["tag"]), (1, &json!(ds[0].key_tag)));
    for field in ["id", "status"] {
        key.as_object_mut().context("an object")?.remove(field);
    }
    let mut wrong = vec![
        json!({"keys": vec![key.clone(); 5]}),
        json!({"key": []}),
        json!({}),
    ];
    for (field, value) in [
        ("tag", json!(1)),
        ("algorithm", json!(3)),
        ("flags", json!(0)),
        ("publicKey", json!("not base64!")),
        ("publicKey", json!(BASE64.encode(b"another"))),
    ] {
        let mut key = key.clone();
        key[field] = value;
        wrong.push(json!({"keys": [key]}));
    }
    for body in wrong {
        assert_eq!(ovh.write("POST", path, body.clone()).await?.0, 400, "{body}");
    }
    let task = ovh.done("POST", path, json!({"keys": []})).await?;
    assert_eq!(task["function"], "DomainDsUpdate");
    assert_eq!(ovh.get(path).await?, ids);
    ovh.wait_seconds(3600);
    assert_eq!(ovh.get(path).await?, json!([]));
    assert!(
        ovh.world
            .domain("ovh-signed.com")
            .is_some_and(|domain| domain.ds.is_empty())
    );
    assert_eq!(
        ovh.get("/domain/ovh-signed.com").await?["dnssecState"],
        "disabled"
    );
    Ok(())
}

#[tokio::test]
async fn a_zone_that_ovh_signs_holds_changes_of_servers() -> Result<()> {
    let ovh = Ovh::start_with_slow_tasks().await?;
    let dnssec = format!("{ZONE}/dnssec");
    let (status, body) = ovh.answer(&Call::new("DELETE", &dnssec)).await?;
    assert_eq!(
        (status, &body["message"]),
        (404, &json!("Dnssec seems not activated"))
    );
    ovh.done("POST", &dnssec, json!({})).await?;
    assert_eq!(ovh.get(&dnssec).await?["status"], "enableInProgress");
    ovh.wait_seconds(3600);
    assert_eq!(ovh.get(&dnssec).await?["status"], "enabled");
    assert!(
        ovh.world
            .domain("ovh-hosted.com")
            .is_some_and(|domain| !domain.ds.is_empty())
    );

    let domain = "/domain/ovh-hosted.com";
    ovh.done("PUT", domain, json!({"nameServerType": "external"}))
        .await?;
    let wanted = json!({"nameServers": NEW_HOSTS.map(|host| json!({"host": host}))});
    let task = ovh
        .done("POST", &format!("{domain}/nameServers/update"), wanted)
        .await?;
    let task = format!("{domain}/task/{}", task["id"]);
    ovh.wait_seconds(36_000);
    assert_eq!(ovh.get(&task).await?["status"], "todo");
    ovh.answer(&Call::new("DELETE", &dnssec)).await?;
    ovh.get(&task).await?;
    ovh.wait_seconds(3600);
    assert_eq!(ovh.get(&dnssec).await?["status"], "disabled");
    ovh.get(&task).await?;
    ovh.wait_seconds(3600);
    assert_eq!(ovh.get(&task).await?["status"], "done");
    Ok(())
}

#[tokio::test]
async fn what_is_stored_is_served_after_a_refresh() -> Result<()> {
    let ovh = Ovh::start().await?;
    let served = || {
        let mut state = ovh.world.state();
        let zone = state.zone("ovh", "ovh-hosted.com").expect("it is a fixture");
        zone.records.iter().filter(|record| record.name == "sub").count()
    };
    let record = json!({"fieldType": "NS", "subDomain": "sub", "target": "ns1.example.net.", "ttl": 3600});
    // Twice makes two.
    for _ in 0..2 {
        let made = ovh
            .done("POST", &format!("{ZONE}/record"), record.clone())
            .await?;
        assert!(made["id"].as_u64().is_some_and(|id| id > u64::from(u32::MAX)));
    }
    let list = format!("{ZONE}/record?fieldType=NS&subDomain=sub");
    assert_eq!(ovh.get(&list).await?.as_array().map(Vec::len), Some(2));
    assert_eq!(
        (served(), &ovh.get(&format!("{ZONE}/status")).await?["isDeployed"]),
        (0, &json!(false))
    );

    ovh.controls
        .with(|settings| settings.refresh = Duration::from_secs(3600));
    let refresh = Call::new("POST", &format!("{ZONE}/refresh"));
    assert_eq!(ovh.answer(&refresh).await?, (204, Value::Null));
    assert_eq!(ovh.answer(&refresh).await?.0, 409);
    assert_eq!(served(), 0);
    ovh.wait_seconds(3600);
    assert_eq!(ovh.get(&format!("{ZONE}/status")).await?["isDeployed"], true);
    assert_eq!(served(), 2);
    ovh.controls.with(|settings| {
        settings.refresh = Duration::ZERO;
        settings.refresh_says_200 = true;
    });
    assert_eq!(ovh.answer(&refresh).await?, (200, Value::Null));
    Ok(())
}

#[tokio::test]
async fn records_are_kept_in_the_form_of_the_vendor() -> Result<()> {
    let ovh = Ovh::start().await?;
    let records = format!("{ZONE}/record");
    for body in [
        json!({"fieldType": "DS", "subDomain": "sub", "target": "1 13 2 AB"}),
        json!({"fieldType": "A", "subDomain": "a", "target": "example.net"}),
        json!({"fieldType": "A", "subDomain": "a", "target": "192.0.2.1", "ttl": 30}),
        json!({"fieldType": "A", "subDomain": "a..b", "target": "192.0.2.1"}),
        json!({"fieldType": "A", "subDomain": "a"}),
        json!({"fieldType": "MX", "target": "mail.example.net."}),
        json!({"fieldType": "A", "target": "192.0.2.1", "priority": 1}),
    ] {
        assert_eq!(ovh.write("POST", &records, body.clone()).await?.0, 400, "{body}");
    }
    let txt = json!({"fieldType": "TXT", "subDomain": "_x", "target": "a value"});
    let txt = ovh.done("POST", &records, txt).await?;
    assert_eq!((&txt["target"], &txt["ttl"]), (&json!("\"a value\""), &json!(0)));
    // Filters are patterns: `_` is any character.
    ovh.done(
        "POST",
        &records,
        json!({"fieldType": "TXT", "subDomain": "ax", "target": "other"}),
    )
    .await?;
    let found = ovh.get(&format!("{records}?subDomain=_x&fieldType=TXT")).await?;
    assert_eq!(found.as_array().map(Vec::len), Some(2));
    assert_eq!(
        ovh.get(&format!("{records}?subDomain=&fieldType=NS"))
            .await?
            .as_array()
            .map(Vec::len),
        Some(2)
    );

    let path = format!("{records}/{}", txt["id"]);
    assert_eq!(ovh.done("PUT", &path, json!({"ttl": 60})).await?, Value::Null);
    assert_eq!(ovh.get(&path).await?["ttl"], 60);
    assert_eq!(ovh.write("PUT", &path, json!({"fieldType": "A"})).await?.0, 400);
    let dkim = ovh.get(&format!("{records}?fieldType=DKIM")).await?;
    let unchanged = json!({"fieldType": "DKIM", "target": "v=DKIM1;p="});
    assert_eq!(
        ovh.write("PUT", &format!("{records}/{}", dkim[0]), unchanged)
            .await?
            .0,
        400
    );

    ovh.controls.with(|settings| settings.zero_ids = 1);
    let zero = ovh
        .done(
            "POST",
            &records,
            json!({"fieldType": "A", "subDomain": "zero", "target": "192.0.2.1"}),
        )
        .await?;
    assert_eq!(zero["id"], 0);
    assert_eq!(
        ovh.get(&format!("{records}?subDomain=zero"))
            .await?
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    ovh.simulator
        .faults
        .arm(Fault::AppliedLate { reads: 1 }, "POST", 1);
    let late = ovh
        .done(
            "POST",
            &records,
            json!({"fieldType": "A", "subDomain": "late", "target": "192.0.2.1"}),
        )
        .await?;
    let path = format!("{records}/{}", late["id"]);
    assert_eq!(ovh.answer(&Call::new("GET", &path)).await?.0, 404);
    assert_eq!(ovh.get(&path).await?, late);
    Ok(())
}

#[tokio::test]
async fn the_export_is_a_zone_file_in_a_text() -> Result<()> {
    let ovh = Ovh::start().await?;
    let export = ovh.get(&format!("{ZONE}/export")).await?;
    let lines: Vec<_> = export.as_str().context("a text")?.lines().collect();
    let words: Vec<Vec<_>> = lines
        .iter()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(words[1].starts_with(&["@", "IN", "SOA"]));
    assert!(words.contains(&vec!["3600", "IN", "MX", "10", "mail.example.net."]));
    assert!(words.contains(&vec![
        "_dmarc",
        "3600",
        "IN",
        "TXT",
        "(",
        "\"v=DMARC1;p=reject\"",
        ")"
    ]));
    assert!(words.contains(&vec!["*", "3600", "IN", "A", "192.0.2.11"]));
    assert_eq!(lines.len(), 14);
    Ok(())
}
