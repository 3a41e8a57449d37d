//! What the client says when calls go wrong, compared with what became of them at a real PowerDNS.

use std::time::Duration;

use crate::common::{assert_fails, client, config, name, new_zone, replace};
use anyhow::{Context as _, Result};
use conformance_servers::{Direction, FaultProxy, Kind, Link, Outcome, PowerDns, Silence, TcpProxy};
use powerdns_client::{
    CanonicalName, Client, Config, Effect, Error, ErrorKind, KeyState, MetadataKind, NewZone, RecordType,
    Rrset, ZoneChange, ZoneFilter,
};

/// A server, the way to it that goes wrong, and the way that does not.
struct Faulty {
    server: PowerDns,
    proxy: FaultProxy,
    direct: Client,
}

impl Faulty {
    async fn start() -> Result<Self> {
        let server = PowerDns::builder("faulty").start().await?;
        let proxy = FaultProxy::start(server.api_address()).await?;
        let direct = client(config(&server));
        Ok(Self {
            server,
            proxy,
            direct,
        })
    }

    /// Through the proxy, with a deadline that tests can wait for.
    fn config(&self) -> Config {
        Config {
            base_url: self.proxy.url(),
            deadline: Duration::from_millis(500),
            stream_deadline: Duration::from_secs(5),
            ..config(&self.server)
        }
    }

    /// The next write ends like this; reads pass.
    fn writes_end(&self, outcome: Outcome) {
        self.proxy.rule(move |call| {
            if call.method == "GET" {
                Outcome::Ok
            } else {
                outcome
            }
        });
        self.proxy.reset_counts();
    }
}

/// The calls that write, each with a trace it leaves.
#[derive(Clone, Copy, Debug)]
enum Write {
    Create,
    Patch,
    Settings,
    Metadata,
    KeyState,
    TsigKey,
    Delete,
}

impl Write {
    const ALL: [Self; 7] = [
        Self::Create,
        Self::Patch,
        Self::Settings,
        Self::Metadata,
        Self::KeyState,
        Self::TsigKey,
        Self::Delete,
    ];

    /// Makes what the call needs.
    async fn prepare(self, direct: &Client, zone: &CanonicalName) -> Result<()> {
        match self {
            Self::Create | Self::TsigKey => Ok(()),
            _ => Ok(direct.create_zone(&new_zone(zone)).await?),
        }
    }

    async fn call(self, client: &Client, zone: &CanonicalName) -> Result<(), Error> {
        match self {
            Self::Create => client.create_zone(&new_zone(zone)).await,
            Self::Patch => {
                client
                    .patch_rrsets(zone, &[replace(zone, RecordType::A, &["192.0.2.1"])])
                    .await
            }
            Self::Settings => {
                let change = ZoneChange {
                    account: Some("changed".to_owned()),
                    ..ZoneChange::default()
                };
                client.set_zone_properties(zone, &change).await
            }
            Self::Metadata => client.set_metadata(zone, &mark(), vec!["here".to_owned()]).await,
            Self::KeyState => {
                let state = KeyState {
                    active: false,
                    published: true,
                };
                client
                    .set_cryptokey_state(zone, client.cryptokeys(zone).await?[0].id, state)
                    .await
            }
            Self::TsigKey => client.create_tsigkey(zone, "hmac-sha256", None).await.map(drop),
            Self::Delete => client.delete_zone(zone).await.map(drop),
        }
    }

    async fn is_applied(self, direct: &Client, zone: &CanonicalName) -> Result<bool> {
        Ok(match self {
            Self::Create => direct.zone_properties(zone).await?.is_some(),
            Self::Patch => direct.rrset(zone, zone, &RecordType::A).await?.is_some(),
            Self::Settings => {
                direct
                    .zone_properties(zone)
                    .await?
                    .context("the zone is there")?
                    .account
                    == "changed"
            }
            Self::Metadata => direct.metadata(zone, &mark()).await? == ["here"],
            Self::KeyState => !direct.cryptokeys(zone).await?[0].active,
            Self::TsigKey => direct.tsigkey(zone).await?.is_some(),
            Self::Delete => direct.zone_properties(zone).await?.is_none(),
        })
    }
}

fn mark() -> MetadataKind {
    MetadataKind::new("X-MARK").expect("a good kind")
}

/// For each way to fail: what the client says, and whether the server has done it.
#[tokio::test]
async fn every_write_says_honestly_what_became_of_it() -> Result<()> {
    let faulty = Faulty::start().await?;
    let broken = client(faulty.config());
    let (cut, hang) = (Silence::Cut, Silence::Hang);
    let late = Outcome::AppliedLate {
        after: Duration::from_millis(1),
        silence: cut,
    };
    let cases = [
        (Outcome::Lost(cut), ErrorKind::Interrupted, Effect::Unknown, false),
        (Outcome::Lost(hang), ErrorKind::Timeout, Effect::Unknown, false),
        (
            Outcome::AppliedButLost(cut),
            ErrorKind::Interrupted,
            Effect::Unknown,
            true,
        ),
        (
            Outcome::AppliedButLost(hang),
            ErrorKind::Timeout,
            Effect::Unknown,
            true,
        ),
        (late, ErrorKind::Interrupted, Effect::Unknown, true),
        (
            Outcome::Accepted { apply_after: None },
            ErrorKind::UnexpectedAnswer,
            Effect::Unknown,
            false,
        ),
        (
            Outcome::Busy {
                status: 503,
                retry_after: None,
            },
            ErrorKind::ServerFailure,
            Effect::Unknown,
            false,
        ),
        (
            Outcome::Refused { status: 500 },
            ErrorKind::ServerFailure,
            Effect::Unknown,
            false,
        ),
        (
            Outcome::Refused { status: 409 },
            ErrorKind::Conflict,
            Effect::Unknown,
            false,
        ),
        (
            Outcome::Refused { status: 400 },
            ErrorKind::Malformed,
            Effect::NotApplied,
            false,
        ),
        (
            Outcome::Refused { status: 401 },
            ErrorKind::Unauthorized,
            Effect::NotApplied,
            false,
        ),
        (
            Outcome::Refused { status: 403 },
            ErrorKind::Unauthorized,
            Effect::NotApplied,
            false,
        ),
        (
            Outcome::Refused { status: 413 },
            ErrorKind::TooLarge,
            Effect::NotApplied,
            false,
        ),
        (
            Outcome::Refused { status: 422 },
            ErrorKind::Invalid,
            Effect::NotApplied,
            false,
        ),
    ];
    for (number, (outcome, kind, effect, applied)) in cases.into_iter().enumerate() {
        for write in Write::ALL {
            let zone = name(&format!("{write:?}-{number}.test"));
            write.prepare(&faulty.direct, &zone).await?;
            faulty.writes_end(outcome);
            let error = write
                .call(&broken, &zone)
                .await
                .err()
                .with_context(|| format!("{write:?}, {outcome:?}"))?;
            assert_eq!(
                (error.kind(), error.effect()),
                (kind, effect),
                "{write:?}, {outcome:?}: {error:?}"
            );
            let transient = matches!(
                kind,
                ErrorKind::Interrupted | ErrorKind::Timeout | ErrorKind::ServerFailure
            );
            assert_eq!(error.is_transient(), transient, "{write:?}, {outcome:?}");
            faulty.proxy.settled().await;
            assert_eq!(
                write.is_applied(&faulty.direct, &zone).await?,
                applied,
                "{write:?}, {outcome:?}"
            );

            let kinds = [Kind::Zones, Kind::Zone, Kind::Keys, Kind::Metadata, Kind::Other];
            let calls = |method| {
                kinds
                    .iter()
                    .map(|kind| faulty.proxy.count(method, *kind))
                    .sum::<u64>()
            };
            let sent: u64 = ["POST", "PUT", "PATCH", "DELETE"].into_iter().map(calls).sum();
            assert_eq!(sent, 1, "{write:?}, {outcome:?}: one call is one request");

            // What is allowed after any of these: the same once more, and now it is done.
            faulty.proxy.heal();
            match write.call(&broken, &zone).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    assert!(applied, "{write:?}, {outcome:?}");
                }
                result => result?,
            }
            assert!(
                write.is_applied(&faulty.direct, &zone).await?,
                "{write:?}, {outcome:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn failed_reads_have_no_effect_whatever_happens() -> Result<()> {
    let faulty = Faulty::start().await?;
    let (broken, zone) = (client(faulty.config()), name("read.test"));
    faulty.direct.create_zone(&new_zone(&zone)).await?;
    for (outcome, kind) in [
        (Outcome::Lost(Silence::Cut), ErrorKind::Interrupted),
        (Outcome::Lost(Silence::Hang), ErrorKind::Timeout),
        (Outcome::Refused { status: 500 }, ErrorKind::ServerFailure),
        (Outcome::Refused { status: 302 }, ErrorKind::UnexpectedAnswer),
    ] {
        faulty.proxy.rule(move |_| outcome);
        assert_fails(broken.zone(&zone).await, kind, Effect::NotApplied);
        assert_fails(broken.cryptokeys(&zone).await, kind, Effect::NotApplied);
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_run_has_applied_nothing() -> Result<()> {
    let faulty = Faulty::start().await?;
    faulty.server.stop().await;
    let zone = name("stopped.test");
    let error = assert_fails(
        faulty.direct.create_zone(&new_zone(&zone)).await,
        ErrorKind::Unreachable,
        Effect::NotApplied,
    );
    assert!(error.is_transient());
    faulty.server.restart().await?;
    faulty.direct.create_zone(&new_zone(&zone)).await?;
    Ok(())
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_the_deadline_and_may_apply_it_later() -> Result<()> {
    let faulty = Faulty::start().await?;
    let zone = name("suspended.test");
    let hasty = client(Config {
        base_url: faulty.server.api_url(),
        ..faulty.config()
    });
    faulty.server.suspend()?;
    assert_fails(
        hasty.create_zone(&new_zone(&zone)).await,
        ErrorKind::Timeout,
        Effect::Unknown,
    );
    faulty.server.resume()?;
    Ok(())
}

#[tokio::test]
async fn a_request_that_waits_for_a_connection_until_the_deadline_was_never_sent() -> Result<()> {
    let faulty = Faulty::start().await?;
    let zone = new_zone(&name("waiting.test"));
    let narrow = client(Config {
        max_connections: 1,
        ..faulty.config()
    });
    faulty.proxy.rule(|_| Outcome::Lost(Silence::Hang));
    // A listing has ten times the deadline of a write, and holds the only connection.
    let listing = narrow.for_each_zone(&ZoneFilter::All, |_| {});
    let (listing, write) = tokio::join!(biased; listing, narrow.create_zone(&zone));
    assert_fails(listing, ErrorKind::Timeout, Effect::NotApplied);
    assert_fails(write, ErrorKind::Timeout, Effect::NotApplied);
    assert_eq!(faulty.proxy.count("POST", Kind::Zones), 0);

    // The connection is free again.
    faulty.proxy.heal();
    narrow.create_zone(&zone).await?;
    Ok(())
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() -> Result<()> {
    let faulty = Faulty::start().await?;
    let narrow = client(Config {
        max_connections: 3,
        ..faulty.config()
    });
    faulty.proxy.rule(|_| Outcome::Lost(Silence::Hang));
    let calls: Vec<_> = (0..10)
        .map(|n| {
            let (client, zone) = (narrow.clone(), name(&format!("z{n}.test")));
            tokio::spawn(async move { client.zone_properties(&zone).await })
        })
        .collect();
    for call in calls {
        assert_fails(call.await?, ErrorKind::Timeout, Effect::NotApplied);
    }
    assert_eq!(faulty.proxy.count("GET", Kind::Zone), 3);
    Ok(())
}

#[tokio::test]
async fn a_large_answer_that_is_cut_is_an_error_and_never_a_short_zone() -> Result<()> {
    let server = PowerDns::builder("cut").start().await?;
    let (direct, zone) = (client(config(&server)), name("cut.test"));
    let mut big = NewZone {
        api_rectify: false,
        ..new_zone(&zone)
    };
    for n in 0..5000 {
        big.rrsets.push(Rrset::new(
            zone.child(&format!("n{n:05}"))?,
            RecordType::A,
            60,
            ["192.0.2.1"],
        ));
    }
    direct.create_zone(&big).await?;

    let proxy = TcpProxy::start(server.api_address()).await?;
    let through = client(Config {
        base_url: format!("http://{}", proxy.address()),
        ..config(&server)
    });
    let mut all = 0;
    assert!(through.for_each_rrset(&zone, |_| all += 1).await?);
    assert_eq!(all, 5002);

    // In the middle of the answer, long after its head; one of a hundred names is in one piece.
    proxy.set(
        Direction::ToClient,
        Link::CutAt {
            bytes: b"n025".to_vec(),
            deliver: true,
        },
    );
    let mut seen = 0;
    let result = through.for_each_rrset(&zone, |_| seen += 1).await;
    assert_fails(result, ErrorKind::Interrupted, Effect::NotApplied);
    assert!(0 < seen && seen < 5002, "{seen}");
    assert_fails(
        through.zone(&zone).await,
        ErrorKind::Interrupted,
        Effect::NotApplied,
    );
    Ok(())
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up_at_the_deadline() -> Result<()> {
    let server = PowerDns::builder("slow").start().await?;
    let (direct, zone) = (client(config(&server)), name("slow.test"));
    direct.create_zone(&new_zone(&zone)).await?;
    let proxy = TcpProxy::start(server.api_address()).await?;
    proxy.set(Direction::ToClient, Link::Limit(100));
    let (deadline, stream_deadline) = (Duration::from_millis(800), Duration::from_millis(800));
    let through = client(Config {
        base_url: format!("http://{}", proxy.address()),
        deadline,
        stream_deadline,
        ..config(&server)
    });
    assert_fails(through.zone(&zone).await, ErrorKind::Timeout, Effect::NotApplied);
    assert_fails(
        through.for_each_rrset(&zone, |_| {}).await,
        ErrorKind::Timeout,
        Effect::NotApplied,
    );
    assert_fails(
        through.for_each_zone(&ZoneFilter::All, |_| {}).await,
        ErrorKind::Timeout,
        Effect::NotApplied,
    );
    Ok(())
}
