//! What single servers say.

use std::collections::BTreeSet;

use anyhow::Result;
use pdm::propagation::{
    AskError, DsAtParent, NsAtParent, Over, RData, RecordType, ResponseCode, RrsetView, Standing, Transport,
    look_at_parent, look_at_server, rrset_at,
};
use pdm_registrar::{DomainName, DsRecord};

use super::owner;
use super::world::{World, pdnsutil};

fn domain(name: &str) -> DomainName {
    DomainName::parse(name).expect("a domain name")
}

/// What PowerDNS itself says the DS records with SHA-256 of a zone are.
async fn ds_of(server: &conformance_servers::PowerDns, zone: &str) -> Result<BTreeSet<DsRecord>> {
    let lines = pdnsutil(server, &["export-zone-ds", zone]).await?;
    let data = lines
        .lines()
        .filter_map(|line| line.split_once("IN DS ")?.1.split(';').next());
    Ok(data
        .map(|data| DsRecord::parse(data.trim()))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .filter(|ds| ds.digest_type().number() == 2)
        .collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_parents_and_rrsets_are_seen_as_they_are() -> Result<()> {
    let world = World::start().await?;
    let asker = world.asker();
    let kids = world.kids.dns();

    // A signed zone, over both transports.
    let view = look_at_server(&asker, kids, &domain("good.narrow.test")).await;
    for standing in [&view.udp, &view.tcp] {
        let Standing::Serving(zone) = standing else {
            panic!("{view:?}")
        };
        assert_eq!((zone.serial, zone.negative_ttl), (1, 60));
        assert!(zone.ns.is(&[domain("ns-kids.test")].into()), "{view:?}");
        assert!(
            zone.keys.is(&ds_of(&world.kids, "good.narrow.test").await?),
            "{view:?}"
        );
        assert_eq!((zone.ns.ttl, zone.keys.ttl), (Some(60), Some(60)));
    }
    // An unsigned one has no keys.
    let view = look_at_server(&asker, kids, &domain("unsigned.narrow.test")).await;
    assert!(
        matches!(&view.udp, Standing::Serving(zone) if zone.keys.is_empty()),
        "{view:?}"
    );
    // Not hosted; hosted is only the parent; nobody there.
    let refused = Standing::Lame {
        rcode: ResponseCode::Refused,
        aa: false,
    };
    let view = look_at_server(&asker, kids, &domain("nobody.example")).await;
    assert_eq!((view.udp, view.tcp), (refused.clone(), refused));
    let view = look_at_server(&asker, world.pool.dns(), &domain("good.narrow.test")).await;
    assert_eq!(
        view.udp,
        Standing::Lame {
            rcode: ResponseCode::NoError,
            aa: false
        }
    );
    let view = look_at_server(&asker, world.socket(9), &domain("good.narrow.test")).await;
    let nobody = Standing::Unreachable(AskError::Unreachable(std::io::ErrorKind::ConnectionRefused));
    assert_eq!((view.udp, view.tcp), (nobody.clone(), nobody));

    // Delegations as the parent has them.
    let parent = async |name: &str| look_at_parent(&asker, world.pool.dns(), &domain(name)).await;
    let view = parent("good.narrow.test").await;
    let expected = ds_of(&world.kids, "good.narrow.test").await?;
    assert!(
        matches!(&view.ds, DsAtParent::Present(seen) if seen.is(&expected) && seen.ttl == Some(60)),
        "{view:?}"
    );
    assert!(
        matches!(&view.ns, NsAtParent::Delegated(seen) if seen.is(&[domain("ns-kids.test")].into())),
        "{view:?}"
    );
    let view = parent("unsigned.narrow.test").await;
    assert_eq!(
        view.ds,
        DsAtParent::Absent {
            negative_ttl: Some(60)
        }
    );
    assert!(matches!(view.ns, NsAtParent::Delegated(_)));
    let view = parent("nothing.narrow.test").await;
    assert_eq!(
        (view.ds, view.ns),
        (
            DsAtParent::NoSuchName {
                negative_ttl: Some(60),
                serial: Some(1)
            },
            NsAtParent::NotDelegated
        )
    );
    let view = parent("www.narrow.test").await;
    assert_eq!(
        (view.ds, view.ns),
        (
            DsAtParent::Absent {
                negative_ttl: Some(60)
            },
            NsAtParent::NotDelegated
        )
    );
    let view = parent("nobody.example").await;
    assert_eq!(
        view.ds,
        DsAtParent::Lame {
            rcode: ResponseCode::Refused,
            aa: false
        }
    );
    assert_eq!(
        view.ns,
        NsAtParent::Lame {
            rcode: ResponseCode::Refused,
            aa: false
        }
    );

    // Parent and child on one server: NS is the child's, DS the parent's.
    for (name, signed) in [("good.shared.test", true), ("unsigned.shared.test", false)] {
        let view = look_at_parent(&asker, world.both.dns(), &domain(name)).await;
        assert_eq!(view.ns, NsAtParent::Hidden, "{name}");
        assert_eq!(matches!(view.ds, DsAtParent::Present(_)), signed, "{view:?}");
        assert_eq!(matches!(view.ds, DsAtParent::Absent { .. }), !signed, "{view:?}");
    }
    // The child's server knows nothing of the parent, although it answers with AA.
    let view = look_at_parent(&asker, kids, &domain("good.narrow.test")).await;
    assert_eq!(
        view.ds,
        DsAtParent::Lame {
            rcode: ResponseCode::NoError,
            aa: true
        }
    );

    // RRsets.
    let rrset = async |name: &str, rtype| rrset_at(&asker, kids, &owner(name), rtype).await;
    let RrsetView::Present { records, ttl } = rrset("www.good.narrow.test", RecordType::A).await else {
        panic!("no RRset")
    };
    let records: Vec<String> = records.iter().map(RData::to_string).collect();
    assert_eq!(
        (records, ttl),
        (vec!["192.0.2.11".to_owned(), "192.0.2.12".to_owned()], 60)
    );
    assert!(matches!(
        rrset("*.apps.good.narrow.test", RecordType::A).await,
        RrsetView::Present { .. }
    ));
    assert_eq!(
        rrset("www.good.narrow.test", RecordType::MX).await,
        RrsetView::NoData
    );
    assert_eq!(
        rrset("nothing.good.narrow.test", RecordType::A).await,
        RrsetView::NoSuchName
    );
    assert_eq!(
        rrset("nobody.example", RecordType::A).await,
        RrsetView::Lame {
            rcode: ResponseCode::Refused,
            aa: false
        }
    );
    let alias = rrset_at(
        &asker,
        world.pool.dns(),
        &owner("alias.narrow.test"),
        RecordType::A,
    )
    .await;
    assert_eq!(
        alias,
        RrsetView::Alias {
            target: "www.good.narrow.test".to_owned(),
            ttl: 60
        }
    );

    // A reply that UDP cannot carry is marked, and comes over TCP where that is allowed.
    let big = domain("many.big.test");
    let udp = asker
        .ask(kids, Over::Only(Transport::Udp), &big, RecordType::TXT)
        .await?;
    assert!(udp.tc());
    let both = asker.ask(kids, Over::UdpThenTcp, &big, RecordType::TXT).await?;
    assert_eq!((both.tc(), both.transport), (false, Transport::Tcp));
    Ok(())
}
