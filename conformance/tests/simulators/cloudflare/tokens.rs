//! Who may ask for what.

use anyhow::Result;
use conformance::sim::cloudflare::account_id;
use conformance::sim::cloudflare::fixtures::{
    ACCOUNT, ACCOUNT_OWNED, DISABLED, DOWN, EXPIRED, FILTERED, NO_SCOPE, ONE_ZONE, ORDINARY, OTHER_ACCOUNT,
    READ_ONLY, UNKNOWN,
};
use conformance::sim::cloudflare::settings::{Permission, Token};
use serde_json::{Value, json};
use std::time::Duration;

use super::{Cloudflare, NOTHING, ZONE, record};

#[tokio::test]
async fn who_shows_no_live_token_is_refused_in_the_words_of_the_case() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    for (header, value, status, code) in [
        ("x-nothing", "", 400, 9106),
        ("authorization", "Basic abc", 400, 6111),
        (
            "authorization",
            "Bearer 0123456789abcdef0123456789abcdef01234",
            400,
            6111,
        ),
        ("authorization", &format!("Bearer {UNKNOWN}"), 403, 9109),
        ("authorization", &format!("Bearer {DISABLED}"), 403, 9109),
        ("authorization", &format!("Bearer {EXPIRED}"), 403, 9109),
        ("authorization", &format!("Bearer {FILTERED}"), 403, 9109),
    ] {
        let response = cloudflare.send((header, value), "GET", "/zones", None).await?;
        assert_eq!(response.status(), status, "{value}");
        let body: Value = response.json().await?;
        let error = &body["errors"][0];
        let innermost = error["error_chain"][0].get("code").unwrap_or(&error["code"]);
        assert_eq!(innermost, code, "{body}");
    }
    let (_, body) = cloudflare.call(FILTERED, "GET", "/zones", None).await?;
    assert_eq!(
        body["errors"][0]["message"],
        "Cannot use the access token from location: 127.0.0.1"
    );

    let down = cloudflare
        .send(
            ("authorization", &format!("Bearer {DOWN}")),
            "GET",
            "/zones",
            None,
        )
        .await?;
    assert_eq!(down.status(), 503);
    assert!(down.text().await?.starts_with("<html>"));
    Ok(())
}

#[tokio::test]
async fn a_token_is_verified_only_where_its_owner_is() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let of_account = format!("/accounts/{}/tokens/verify", account_id(ACCOUNT));
    for (token, path, status) in [
        (ORDINARY, "/user/tokens/verify", "active"),
        (ACCOUNT_OWNED, &of_account, "active"),
        (DISABLED, "/user/tokens/verify", "disabled"),
        (EXPIRED, "/user/tokens/verify", "expired"),
    ] {
        let (_, body) = cloudflare.call(token, "GET", path, None).await?;
        assert_eq!(body["result"]["status"], status, "{body}");
        assert_eq!(body["messages"][0]["code"] == 10000, status == "active");
    }
    let other = format!("/accounts/{}/tokens/verify", account_id(OTHER_ACCOUNT));
    for (token, path) in [
        (ACCOUNT_OWNED, "/user/tokens/verify"),
        (ORDINARY, of_account.as_str()),
        (ACCOUNT_OWNED, other.as_str()),
        (UNKNOWN, "/user/tokens/verify"),
    ] {
        assert_eq!(
            cloudflare.refusal(token, "GET", path, None).await?,
            (401, 1000),
            "{path}"
        );
    }
    assert_eq!(
        cloudflare
            .refusal(ACCOUNT_OWNED, "GET", "/accounts", None)
            .await?,
        (400, 1001)
    );
    Ok(())
}

#[tokio::test]
async fn a_token_sees_its_zones_and_does_what_it_was_given() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let elsewhere = "/zones?name=cloudflare-elsewhere.com";
    let (status, body) = cloudflare.call(ORDINARY, "GET", elsewhere, None).await?;
    assert_eq!((status, &body["result"]), (200, &json!([])));

    // The other account's zone by its id.
    cloudflare.controls.with(|settings| {
        let token = "test-cloudflare-token-elsewhere-00000000";
        settings
            .tokens
            .push(Token::user(token, OTHER_ACCOUNT, &[Permission::ZoneRead]));
    });
    let other = cloudflare
        .zone_id(
            "test-cloudflare-token-elsewhere-00000000",
            "cloudflare-elsewhere.com",
        )
        .await?;
    let path = format!("/zones/{other}");
    assert_eq!(
        cloudflare.refusal(ORDINARY, "GET", &path, None).await?,
        (403, 9109)
    );
    assert_eq!(
        cloudflare
            .refusal(ORDINARY, "GET", &format!("{path}/dns_records"), None)
            .await?,
        (403, 10000)
    );

    // What a user may do says nothing of the token.
    let (_, body) = cloudflare
        .call(NO_SCOPE, "GET", &format!("/zones?name={ZONE}"), None)
        .await?;
    let permissions = body["result"][0]["permissions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert!(permissions.contains(&json!("#dns_records:edit")));
    let records = cloudflare.records();
    assert_eq!(
        cloudflare.refusal(NO_SCOPE, "GET", &records, None).await?,
        (403, 10000)
    );
    assert_eq!(cloudflare.call(READ_ONLY, "GET", &records, None).await?.0, 200);
    let a = Some(record("A", "new", "192.0.2.1"));
    assert_eq!(
        cloudflare.refusal(READ_ONLY, "POST", &records, a).await?,
        (403, 10000)
    );

    let (_, body) = cloudflare.call(ONE_ZONE, "GET", "/zones", None).await?;
    assert_eq!(body["result_info"]["total_count"], 1);
    cloudflare
        .controls
        .with(|settings| settings.list_needs_name = true);
    assert_eq!(
        cloudflare.refusal(ONE_ZONE, "GET", "/zones", None).await?,
        (403, 0)
    );
    Ok(())
}

#[tokio::test]
async fn a_change_of_nothing_tells_the_right_to_write_and_is_no_write() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let path = format!("{}/{NOTHING}", cloudflare.records());
    let nothing = || Some(json!({}));
    assert_eq!(
        cloudflare.refusal(ORDINARY, "PATCH", &path, nothing()).await?,
        (404, 81044)
    );
    assert_eq!(
        cloudflare.refusal(READ_ONLY, "PATCH", &path, nothing()).await?,
        (403, 10000)
    );
    assert_eq!(cloudflare.simulator.journal.writes(), 0);
    let path = format!("{}/x", cloudflare.records());
    assert_eq!(
        cloudflare.refusal(ORDINARY, "DELETE", &path, None).await?,
        (400, 1002)
    );
    assert_eq!(
        cloudflare.refusal(ORDINARY, "GET", "/zones/x", None).await?,
        (400, 7003)
    );
    assert_eq!(
        cloudflare
            .refusal(ORDINARY, "GET", &format!("/zones/{NOTHING}"), None)
            .await?,
        (404, 7003)
    );
    Ok(())
}

#[tokio::test]
async fn too_many_calls_are_refused_until_the_window_ends() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    cloudflare.world.move_clock(Duration::from_secs(300));
    cloudflare.controls.with(|settings| settings.calls = 2);
    let bearer = format!("Bearer {ORDINARY}");
    let call = || cloudflare.send(("authorization", &bearer), "GET", "/zones", None);
    let first = call().await?;
    assert_eq!(
        first.headers()["ratelimit"].to_str()?.split(';').nth(1),
        Some("r=1")
    );
    call().await?;
    let third = call().await?;
    assert_eq!(third.status(), 429);
    let wait: u64 = third.headers()["retry-after"].to_str()?.parse()?;
    cloudflare.world.move_clock(Duration::from_secs(wait));
    assert_eq!(call().await?.status(), 200);
    Ok(())
}
