//! The proxy before a PowerDNS API: for each outcome, what the client sees and what the server did.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use conformance_servers::{FaultProxy, Kind, Outcome, PowerDns, Silence};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::common::{Api, zone_body};

/// A server, a proxy before it, and the API seen directly and through the proxy.
struct World {
    server: PowerDns,
    proxy: FaultProxy,
    direct: Api,
    proxied: Api,
}

impl World {
    async fn start() -> Result<Self> {
        let server = PowerDns::builder("one").start().await?;
        let proxy = FaultProxy::start(server.api_address()).await?;
        let (direct, proxied) = (Api::of(&server), Api::through(&proxy.url(), &server));
        Ok(Self {
            server,
            proxy,
            direct,
            proxied,
        })
    }

    /// Every creation of a zone ends like this.
    fn creating_is(&self, outcome: Outcome) {
        self.proxy.rule(move |call| {
            if (call.method, call.kind()) == ("POST", Kind::Zones) {
                outcome
            } else {
                Outcome::Ok
            }
        });
    }

    async fn create(&self, zone: &str) -> reqwest::Result<StatusCode> {
        Ok(self
            .proxied
            .call(Method::POST, "/zones", zone_body(zone, &[]))
            .await?
            .status())
    }
}

#[tokio::test]
async fn ok_passes_the_call_and_its_reply() -> Result<()> {
    let world = World::start().await?;
    assert_eq!(world.create("a.test.").await?, 201);
    assert_eq!(world.create("a.test.").await?, 409);
    assert_eq!(world.proxied.get("/zones/a.test.").await?["name"], "a.test.");
    Ok(())
}

#[tokio::test]
async fn refused_answers_and_does_not_apply() -> Result<()> {
    let world = World::start().await?;
    world.creating_is(Outcome::Refused { status: 422 });
    let response = world
        .proxied
        .call(Method::POST, "/zones", zone_body("a.test.", &[]))
        .await?;
    assert_eq!(response.status(), 422);
    assert!(
        response.json::<Value>().await?["error"].is_string(),
        "as PowerDNS says it"
    );
    assert!(!world.direct.exists("a.test.").await?);
    Ok(())
}

#[tokio::test]
async fn busy_says_when_to_come_again_and_does_not_apply() -> Result<()> {
    let world = World::start().await?;
    world.creating_is(Outcome::Busy {
        status: 429,
        retry_after: Some(7),
    });
    let response = world
        .proxied
        .call(Method::POST, "/zones", zone_body("a.test.", &[]))
        .await?;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    assert!(!world.direct.exists("a.test.").await?);
    Ok(())
}

#[tokio::test]
async fn lost_does_not_apply_and_cuts_or_hangs() -> Result<()> {
    let world = World::start().await?;
    world.creating_is(Outcome::Lost(Silence::Cut));
    let cut = world.create("a.test.").await.expect_err("there is no reply");
    assert!(!cut.is_timeout(), "{cut:?}");

    world.creating_is(Outcome::Lost(Silence::Hang));
    let hanging = tokio::time::timeout(Duration::from_millis(300), world.create("a.test.")).await;
    assert!(hanging.is_err(), "only the client's own time-out ends it");
    assert!(!world.direct.exists("a.test.").await?);
    assert_eq!(world.proxy.forwarded("POST", Kind::Zones), 0);
    Ok(())
}

#[tokio::test]
async fn applied_but_lost_applies_before_it_cuts_or_hangs() -> Result<()> {
    let world = World::start().await?;
    world.creating_is(Outcome::AppliedButLost(Silence::Cut));
    world.create("a.test.").await.expect_err("there is no reply");
    assert!(world.direct.exists("a.test.").await?);

    world.creating_is(Outcome::AppliedButLost(Silence::Hang));
    let hanging = tokio::time::timeout(Duration::from_secs(2), world.create("b.test.")).await;
    assert!(hanging.is_err());
    assert!(world.direct.exists("b.test.").await?);
    Ok(())
}

#[tokio::test]
async fn applied_late_applies_after_the_reply_was_lost() -> Result<()> {
    let world = World::start().await?;
    world.creating_is(Outcome::AppliedLate {
        after: Duration::from_secs(1),
        silence: Silence::Cut,
    });
    world.create("a.test.").await.expect_err("there is no reply");
    assert!(!world.direct.exists("a.test.").await?);
    world.proxy.settled().await;
    assert!(world.direct.exists("a.test.").await?);
    Ok(())
}

#[tokio::test]
async fn accepted_answers_202_and_applies_later_or_never() -> Result<()> {
    let world = World::start().await?;
    world.creating_is(Outcome::Accepted {
        apply_after: Some(Duration::from_secs(1)),
    });
    assert_eq!(world.create("later.test.").await?, 202);
    assert!(!world.direct.exists("later.test.").await?);
    world.proxy.settled().await;
    assert!(world.direct.exists("later.test.").await?);

    world.creating_is(Outcome::Accepted { apply_after: None });
    assert_eq!(world.create("never.test.").await?, 202);
    world.proxy.settled().await;
    assert!(!world.direct.exists("never.test.").await?);
    Ok(())
}

#[tokio::test]
async fn a_rule_can_choose_by_name_and_by_turn() -> Result<()> {
    let world = World::start().await?;
    let turn = AtomicUsize::new(0);
    world.proxy.rule(move |call| {
        let second = call.mentions("chosen.test.") && turn.fetch_add(1, Ordering::SeqCst) == 1;
        if second {
            Outcome::Busy {
                status: 503,
                retry_after: None,
            }
        } else {
            Outcome::Ok
        }
    });
    assert_eq!(world.create("a.test.").await?, 201);
    assert_eq!(world.create("chosen.test.").await?, 201);
    assert_eq!(world.create("chosen.test.").await?, 503);
    assert_eq!(world.create("chosen.test.").await?, 409);
    world.proxy.heal();
    assert_eq!(world.create("chosen.test.").await?, 409);
    Ok(())
}

#[tokio::test]
async fn counts_what_arrives_and_what_is_passed_on() -> Result<()> {
    let world = World::start().await?;
    world.direct.make_zone("a.test.", &[]).await?;
    world.proxy.rule(|call| match call.kind() {
        Kind::Keys => Outcome::Refused { status: 403 },
        _ => Outcome::Ok,
    });
    for _ in 0..3 {
        world.proxied.get("/zones/a.test.").await?;
        world
            .proxied
            .get("/zones/a.test./cryptokeys")
            .await
            .expect_err("refused");
    }
    let proxy = &world.proxy;
    assert_eq!(
        (proxy.count("GET", Kind::Zone), proxy.forwarded("GET", Kind::Zone)),
        (3, 3)
    );
    assert_eq!(
        (proxy.count("GET", Kind::Keys), proxy.forwarded("GET", Kind::Keys)),
        (3, 0)
    );
    assert_eq!(proxy.count("PATCH", Kind::Zone), 0);
    proxy.reset_counts();
    assert_eq!(proxy.count("GET", Kind::Zone), 0);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_is_a_connection_without_a_reply() -> Result<()> {
    let world = World::start().await?;
    world.server.kill();
    let error = world.proxied.get("/zones").await.expect_err("nobody answers");
    assert!(
        error
            .downcast_ref::<reqwest::Error>()
            .is_some_and(|error| !error.is_status()),
        "{error:?}"
    );
    world.server.restart().await?;
    world.proxied.get("/zones").await?;
    Ok(())
}

#[tokio::test]
async fn carries_many_calls_at_a_time_and_large_bodies() -> Result<()> {
    let world = World::start().await?;
    let texts: Vec<(String, String)> = (0..2000)
        .map(|n| (format!("n{n}.big.test."), format!("\"{}\"", "x".repeat(200))))
        .collect();
    let records: Vec<_> = texts
        .iter()
        .map(|(name, data)| (name.as_str(), "TXT", data.as_str()))
        .collect();
    world.proxied.make_zone("big.test.", &records).await?;
    let zone = world.proxied.get("/zones/big.test.").await?;
    assert_eq!(zone["rrsets"].as_array().map(Vec::len), Some(2001));

    let mut calls = tokio::task::JoinSet::new();
    let proxied = Arc::new(world.proxied);
    for _ in 0..64 {
        let proxied = Arc::clone(&proxied);
        calls.spawn(async move { proxied.get("/zones/big.test.?rrsets=false").await });
    }
    for zone in calls.join_all().await {
        assert_eq!(zone?["name"], "big.test.");
    }
    Ok(())
}
