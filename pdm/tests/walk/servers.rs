//! Servers that are silent, lame, far away or in each other's way, and the limits of a walk.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use pdm::propagation::{
    AddressFilter, AskError, AskSettings, Asker, Outcome, Pin, Record, RecordType, ResponseCode, Transport,
    Verdict, Walk, WalkSettings, Walker,
};
use pdm_registrar::DomainName;

use super::owner;
use super::world::{World, new_keys, now, pdnsutil, tell};

async fn walk_to(walker: &Walker, name: &str, rtype: RecordType) -> Walk {
    walker.walk(&owner(name), rtype, now()).await
}

fn assert_secure(walk: &Walk) {
    assert_eq!(walk.verdict, Verdict::Secure, "{}", tell(walk));
}

/// The reason of an `Indeterminate`.
fn unknown(walk: &Walk) -> &str {
    match &walk.verdict {
        Verdict::Indeterminate { reason } => reason,
        _ => panic!("expected Indeterminate, found {}", tell(walk)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_walk_finds_its_way_or_says_what_is_in_it() -> Result<()> {
    let world = World::start().await?;
    let walker = world.walker();
    // Bound, and never answers: silence, where a closed port would be a refusal.
    let _silent = UdpSocket::bind(world.socket(8))?;

    // Addresses of servers that the referral does not give are looked for, across zones.
    let walk = walk_to(&walker, "www.glueless.test", RecordType::A).await;
    assert_secure(&walk);
    assert_eq!((walk.answers.len(), walk.ttl), (2, Some(60)));

    // One working server of two or three is enough.
    for name in ["www.half-lame.test", "www.half-silent.test"] {
        let walk = walk_to(&walker, name, RecordType::A).await;
        assert_secure(&walk);
        let failed = |outcome: &Outcome| {
            !matches!(
                outcome,
                Outcome::Answered {
                    rcode: ResponseCode::NoError,
                    ..
                }
            )
        };
        assert!(
            walk.log.iter().any(|question| failed(&question.outcome)),
            "{}",
            tell(&walk)
        );
    }

    // None is not, and is no verdict over the zone.
    assert!(
        unknown(&walk_to(&walker, "www.lame.test", RecordType::A).await)
            .contains("a referral that leads nowhere")
    );
    assert!(unknown(&walk_to(&walker, "www.silent.test", RecordType::A).await).contains("no answer"));
    assert!(
        unknown(&walk_to(&walker, "www.lost.narrow.test", RecordType::A).await).contains("cannot be reached")
    );

    // Servers whose addresses only the other ones know.
    let walk = walk_to(&walker, "www.ring-a.test", RecordType::A).await;
    unknown(&walk);
    assert!(walk.log.len() < 20, "{}", tell(&walk));

    // More than UDP carries comes over TCP.
    let walk = walk_to(&walker, "many.big.test", RecordType::TXT).await;
    assert_secure(&walk);
    assert_eq!(walk.answers.len(), 40);
    let over_tcp = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::Answered {
                transport: Transport::Tcp,
                ..
            }
        )
    };
    assert!(
        walk.log.iter().any(|question| over_tcp(&question.outcome)),
        "{}",
        tell(&walk)
    );

    // What walks do not follow.
    let walk = walk_to(&walker, "around.narrow.test", RecordType::A).await;
    assert!(unknown(&walk).contains("alias of itself"), "{}", tell(&walk));
    assert!(
        unknown(&walk_to(&walker, "www.gone.narrow.test", RecordType::A).await)
            .contains("DNAME at gone.narrow.test")
    );

    // Aliases and the RRset they lead to, each proven in its own zone.
    let walk = walk_to(&walker, "farther.narrow.test", RecordType::A).await;
    assert_secure(&walk);
    let types: Vec<_> = walk.answers.iter().map(Record::record_type).collect();
    assert_eq!(
        types,
        [RecordType::CNAME, RecordType::CNAME, RecordType::A, RecordType::A]
    );

    // A pinned zone is asked only there.
    let pin = |server| {
        [Pin {
            zone: DomainName::parse("good.narrow.test").expect("a name"),
            server: world.address(server),
        }]
    };
    let name = owner("www.good.narrow.test");
    assert_secure(&walker.walk_through(&pin(4), &name, RecordType::A, now()).await);
    unknown(&walker.walk_through(&pin(9), &name, RecordType::A, now()).await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_are_judged_by_the_time_and_the_keys_given() -> Result<()> {
    let world = World::start().await?;
    let walker = world.walker();
    let day = 24 * 60 * 60;
    for then in [now() + 60 * day, now() - 60 * day] {
        let walk = walker
            .walk(&owner("www.good.narrow.test"), RecordType::A, then)
            .await;
        assert!(
            matches!(&walk.verdict, Verdict::Bogus { zone, .. } if zone == "."),
            "{}",
            tell(&walk)
        );
    }
    // The anchor as a digest is as good as the key.
    let digest = pdnsutil(&world.root, &["export-zone-ds", "."]).await?;
    let sha256 = digest
        .lines()
        .find(|line| line.contains(" 13 2 "))
        .expect("a DS with SHA-256")
        .replace(". IN", ". 60 IN");
    for (anchor, trusted) in [
        (sha256.clone(), true),
        (sha256.replace(" 13 2 ", " 8 2 "), false),
        (format!(". IN DS 1 13 2 {:064}", 1), false),
    ] {
        let settings = WalkSettings {
            anchors: anchor.parse()?,
            ..world.settings()
        };
        let walk = walk_to(
            &Walker::new(world.asker(), settings),
            "www.good.narrow.test",
            RecordType::A,
        )
        .await;
        match &walk.verdict {
            Verdict::Secure => assert!(trusted, "{anchor}"),
            Verdict::Bogus { zone, reason, .. } => assert!(
                !trusted && zone == "." && reason.contains("trust anchor"),
                "{reason}"
            ),
            _ => panic!("{anchor}: {}", tell(&walk)),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_keeps_within_its_limits() -> Result<()> {
    let world = World::start().await?;
    let few = Walker::new(
        world.asker(),
        WalkSettings {
            questions: 3,
            ..world.settings()
        },
    );
    let walk = walk_to(&few, "www.good.narrow.test", RecordType::A).await;
    assert!(unknown(&walk).contains("more than 3 questions"));
    assert_eq!(walk.log.len(), 3);

    let _silent = UdpSocket::bind(world.socket(8))?;
    let roots = vec![world.address(8); 3];
    let short = Walker::new(
        world.asker(),
        WalkSettings {
            roots,
            time: Duration::from_millis(200),
            ..world.settings()
        },
    );
    let walk = walk_to(&short, "www.good.narrow.test", RecordType::A).await;
    assert!(
        unknown(&walk).contains("no answer within 200ms"),
        "{}",
        tell(&walk)
    );
    assert_eq!(walk.log.len(), 1);

    // A walk that waits for its turn loses no time of its own: 200 at once all come to their end.
    let walker = Arc::new(Walker::new(
        world.asker(),
        WalkSettings {
            walks: 4,
            time: Duration::from_secs(5),
            ..world.settings()
        },
    ));
    let walks: Vec<_> = (0..200)
        .map(|n| {
            let walker = Arc::clone(&walker);
            tokio::spawn(async move {
                walk_to(&walker, &format!("host{n}.apps.good.narrow.test"), RecordType::A).await
            })
        })
        .collect();
    for walk in walks {
        assert_secure(&walk.await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_packet_leaves_for_an_address_that_is_not_global() -> Result<()> {
    let world = World::start().await?;
    let listener = UdpSocket::bind(world.socket(8))?;
    listener.set_nonblocking(true)?;
    let filter = AddressFilter {
        allow_non_global: false,
        own_networks: Vec::new(),
        port: world.port,
    };
    let asker = Arc::new(Asker::new(AskSettings {
        filter,
        ..AskSettings::default()
    }));
    let name = DomainName::parse("www.good.narrow.test")?;
    for over in [
        pdm::propagation::Over::UdpThenTcp,
        pdm::propagation::Over::Only(Transport::Tcp),
    ] {
        let answer = asker.ask(world.socket(8), over, &name, RecordType::A).await;
        assert_eq!(answer.map(|answer| answer.rcode()), Err(AskError::Forbidden));
    }
    let settings = WalkSettings {
        roots: vec![world.address(8)],
        ..world.settings()
    };
    let walk = walk_to(
        &Walker::new(asker, settings),
        "www.good.narrow.test",
        RecordType::A,
    )
    .await;
    unknown(&walk);
    assert!(
        walk.log
            .iter()
            .all(|question| question.outcome == Outcome::Failed(AskError::Forbidden)),
        "{}",
        tell(&walk)
    );
    assert_eq!(
        listener
            .recv(&mut [0; 512])
            .expect_err("a packet was sent")
            .kind(),
        std::io::ErrorKind::WouldBlock
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_saves_questions_and_hides_nothing() -> Result<()> {
    let world = World::start().await?;
    let cold = walk_to(&world.walker(), "www.good.narrow.test", RecordType::A).await;
    assert_secure(&cold);
    let settings = WalkSettings {
        upper_zone_memory: Some(Duration::from_mins(10)),
        ..world.settings()
    };
    let walker = Walker::new(world.asker(), settings);
    let first = walk_to(&walker, "www.good.narrow.test", RecordType::A).await;
    let second = walk_to(&walker, "www.good.narrow.test", RecordType::A).await;
    assert_secure(&first);
    assert_secure(&second);
    assert_eq!(first.log.len(), cold.log.len());
    // The pool's referral with the DS, the host's address, the child's keys, and the answer.
    assert_eq!(second.log.len(), 4, "{}", tell(&second));

    // The zone asked about is never taken from the memory, though it has led others on: its keys are asked for again.
    let pool = walk_to(&walker, "www.narrow.test", RecordType::A).await;
    assert_secure(&pool);
    let asks_keys = |walk: &Walk, zone: &str| {
        walk.log
            .iter()
            .any(|question| question.rtype == RecordType::DNSKEY && question.name.to_ascii() == zone)
    };
    assert!(asks_keys(&pool, "narrow.test."), "{}", tell(&pool));
    assert!(
        !asks_keys(&second, "narrow.test.") && asks_keys(&second, "good.narrow.test."),
        "{}",
        tell(&second)
    );

    // A pinned zone is passed through, not jumped over.
    let pins = [Pin {
        zone: DomainName::parse("test")?,
        server: world.address(9),
    }];
    unknown(
        &walker
            .walk_through(&pins, &owner("www.good.narrow.test"), RecordType::A, now())
            .await,
    );

    // A delegation that goes is gone at once.
    for rtype in ["NS", "DS"] {
        pdnsutil(&world.pool, &["delete-rrset", "narrow.test", "good", rtype]).await?;
    }
    let gone = walk_to(&walker, "www.good.narrow.test", RecordType::A).await;
    assert_secure(&gone);
    assert_eq!(gone.rcode, Some(ResponseCode::NXDomain));

    // New keys above, which the memory does not know: the walk is made again without it.
    let tld_ds = new_keys(&world.pool, "narrow.test", &["1 0 0 -", "narrow"]).await?;
    for ds in tld_ds {
        pdnsutil(&world.tld, &["replace-rrset", "test", "narrow", "DS", "60", &ds]).await?;
    }
    world.pool.stop().await; // it keeps keys in a cache
    world.pool.restart().await?;
    let walk = walk_to(&walker, "www.deep.down.narrow.test", RecordType::A).await;
    assert_secure(&walk);
    assert!(asks_keys(&walk, "narrow.test."), "{}", tell(&walk));
    Ok(())
}
