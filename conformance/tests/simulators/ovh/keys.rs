//! Who may ask for what.

use anyhow::{Context, Result};
use conformance::sim::ovh::fixtures::{
    APPLICATION_KEY, DOWN, EXPIRED, FOREIGN_KEY, ORDINARY, PENDING, READ_ONLY, UNKNOWN, WRONG_SECRET,
    ZONE_ONLY,
};
use serde_json::{Value, json};

use super::{Call, DOMAIN, Ovh, ZONE, signature};

/// The worked examples that come from the vendor's own client.
#[test]
fn these_tests_sign_as_the_vendors_client_does() {
    let (secret, consumer) = (
        "EXAMPLEappSecret0123456789abcdef",
        "EXAMPLEconsumerKey0123456789abcd",
    );
    let base = "https://eu.api.ovh.com/1.0/domain";
    for (method, path, body, right) in [
        (
            "GET",
            "/example.com",
            "",
            "$1$daf9f682b7e9b4f689aaec749bba4724fe7ee7ed",
        ),
        (
            "GET",
            "/zone/example.com/record?fieldType=NS&subDomain=sub",
            "",
            "$1$ee96133043df3aa545147bcfa54615569afe67a7",
        ),
        (
            "POST",
            "/example.com/nameServers/update",
            r#"{"nameServers":[{"host":"ns1.dns.example.net"},{"host":"ns2.dns.example.net"}]}"#,
            "$1$12399f96a3e5008fc62cf9d55128b4d5ea378f6b",
        ),
    ] {
        let url = format!("{base}{path}");
        assert_eq!(
            signature(secret, consumer, method, &url, body, 1_700_000_000),
            right
        );
    }
}

#[tokio::test]
async fn who_has_no_valid_keys_is_refused_by_the_gateway() -> Result<()> {
    let ovh = Ovh::start().await?;
    let call = Call::new("GET", DOMAIN);
    let foreign = Call {
        application: FOREIGN_KEY.to_owned(),
        ..call.clone()
    };
    let wrong = Call {
        secret: WRONG_SECRET.to_owned(),
        ..call.clone()
    };
    for (call, status, code) in [
        (foreign, 403, "INVALID_KEY"),
        (call.clone().of(""), 403, "NOT_CREDENTIAL"),
        (call.clone().of(UNKNOWN), 403, "NOT_CREDENTIAL"),
        (call.clone().of(PENDING), 403, "INVALID_CREDENTIAL"),
        (call.clone().of(EXPIRED), 403, "INVALID_CREDENTIAL"),
        (wrong, 400, "INVALID_SIGNATURE"),
        (
            Call {
                off: -120,
                ..call.clone()
            },
            400,
            "QUERY_TIME_OUT",
        ),
        (
            Call {
                off: 120,
                ..call.clone()
            },
            400,
            "QUERY_TIME_OUT",
        ),
    ] {
        let (found, body) = ovh.answer(&call).await?;
        assert_eq!(
            (found, body["errorCode"].as_str()),
            (status, Some(code)),
            "{body}"
        );
        let http_code = body["httpCode"].as_str().unwrap_or_default();
        assert!(http_code.starts_with(&status.to_string()), "{body}");
    }
    let down = ovh.send(&call.of(DOWN)).await?;
    assert_eq!(down.status(), 503);
    assert!(down.text().await?.starts_with("<html>"));
    assert!(
        ovh.simulator
            .journal
            .entries()
            .iter()
            .all(|entry| !entry.sent.contains(ORDINARY))
    );
    Ok(())
}

#[tokio::test]
async fn the_signature_is_over_what_was_sent() -> Result<()> {
    let ovh = Ovh::start().await?;
    let base = ovh.simulator.base_url();
    let get = Call::new("GET", "");
    let record = "domain/zone/ovh-hosted.com/record";
    for (signed, sent, right) in [
        (
            format!("/1.0/{record}?fieldType=NS&subDomain="),
            format!("/1.0/{record}?fieldType=NS&subDomain="),
            true,
        ),
        (
            format!("/1.0/{record}?fieldType=NS"),
            format!("/1.0/{record}?subDomain=&fieldType=NS"),
            false,
        ),
        (
            format!("/1.0/{record}"),
            format!("/1.0/{record}?fieldType=NS"),
            false,
        ),
        (format!("/v1/{record}"), format!("/v1/{record}"), true),
        (format!("/1.0/{record}"), format!("/v1/{record}"), false),
    ] {
        let response = ovh
            .send_to(&get, &format!("{base}{signed}"), &format!("{base}{sent}"))
            .await?;
        assert_eq!(response.status() == 200, right, "{signed} {sent}");
    }
    // By another name of the same host.
    let by_name = base.replace("127.0.0.1", "localhost");
    let response = ovh
        .send_to(
            &get,
            &format!("{base}/1.0{DOMAIN}"),
            &format!("{by_name}/1.0{DOMAIN}"),
        )
        .await?;
    assert_eq!(response.status(), 400);
    Ok(())
}

#[tokio::test]
async fn the_clock_is_the_vendors() -> Result<()> {
    let ovh = Ovh::start().await?;
    ovh.controls.with(|settings| settings.skew = -7200);
    let url = format!("{}/1.0/auth/time", ovh.simulator.base_url());
    let time: i64 = ovh.client.get(url).send().await?.json().await?;
    assert!((time + 7200).abs_diff(i64::try_from(ovh.world.now())?) <= 1);
    let call = Call::new("GET", DOMAIN);
    assert_eq!(ovh.answer(&call).await?.1["errorCode"], "QUERY_TIME_OUT");
    assert_eq!(ovh.answer(&Call { off: -7200, ..call }).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_call_needs_a_rule_and_a_service_of_the_account() -> Result<()> {
    let ovh = Ovh::start().await?;
    let refresh = Call::new("POST", &format!("{ZONE}/refresh")).of(READ_ONLY);
    assert_eq!(ovh.answer(&refresh).await?.1["errorCode"], "NOT_GRANTED_CALL");
    ovh.controls
        .with(|settings| settings.not_granted_by_backend = true);
    assert_eq!(ovh.answer(&refresh).await?.1["class"], "Client::Forbidden");
    assert_eq!(
        ovh.answer(&Call::new("POST", &format!("{ZONE}/reset"))).await?.0,
        403
    );

    let credential = ovh.get("/auth/currentCredential").await?;
    assert_eq!(credential["status"], "validated");
    let rules = credential["rules"].as_array().context("a list")?;
    assert!(rules.contains(&json!({"method": "PUT", "path": DOMAIN})));
    assert!(!rules.contains(&json!({"method": "PUT", "path": "/domain/*"})));

    // Domains and zones are services of their own.
    for path in [
        "/domain/ovh-elsewhere.com",
        "/domain/zone/ovh-ordinary.com",
        &format!("/domain/{ZONE_ONLY}"),
    ] {
        let (status, body) = ovh.answer(&Call::new("GET", path)).await?;
        assert_eq!(
            (status, &body["message"]),
            (404, &json!("This service does not exist")),
            "{path}"
        );
    }
    assert_eq!(
        ovh.get(&format!("/domain/zone/{ZONE_ONLY}")).await?["name"],
        ZONE_ONLY
    );
    Ok(())
}

#[tokio::test]
async fn a_user_has_to_accept_before_a_grant_is_good() -> Result<()> {
    let ovh = Ovh::start().await?;
    let url = format!("{}/1.0/auth/credential", ovh.simulator.base_url());
    let wanted =
        json!({"accessRules": [{"method": "GET", "path": DOMAIN}], "redirection": "https://example.net"});
    let request = ovh
        .client
        .post(url)
        .header("X-Ovh-Application", APPLICATION_KEY)
        .json(&wanted);
    let asked: Value = request.send().await?.json().await?;
    assert_eq!(asked["state"], "pendingValidation");
    let consumer = asked["consumerKey"].as_str().context("a text")?;
    let call = Call::new("GET", DOMAIN).of(consumer);
    assert_eq!(ovh.answer(&call).await?.1["errorCode"], "INVALID_CREDENTIAL");
    ovh.controls.with(|settings| {
        for credential in &mut settings.credentials {
            if credential.consumer_key == consumer {
                credential.status = "validated".to_owned();
            }
        }
    });
    assert_eq!(ovh.answer(&call).await?.0, 200);
    assert_eq!(
        ovh.answer(&Call::new("PUT", DOMAIN).of(consumer)).await?.1["class"],
        Value::Null
    );
    Ok(())
}
