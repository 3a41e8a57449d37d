//! The validating walk against real servers: does it find what a validating resolver finds, and does it never take a forged
//! answer for a secure one?

mod forger;
mod forgeries;
mod look;
mod servers;

mod world;

use std::collections::BTreeMap;

use anyhow::Result;
use conformance_servers::Verdict as Theirs;
use pdm::propagation::{RecordType, ResponseCode, Verdict};
use pdm_registrar::OwnerName;

use self::world::{POOLS, World, now, tell};

fn owner(name: &str) -> OwnerName {
    OwnerName::parse(name).expect("an owner name")
}

/// Names relative to a pool, with types, that between them meet every kind of answer.
const IN_POOL: [(&str, RecordType); 27] = [
    ("", RecordType::A),
    ("", RecordType::MX),
    ("", RecordType::NS),
    ("", RecordType::DNSKEY),
    ("", RecordType::DS),
    ("www.", RecordType::A),
    ("www.", RecordType::AAAA),
    ("nothing.", RecordType::A),
    ("a.nothing.", RecordType::A),
    ("y.wild.", RecordType::A),
    ("y.z.wild.", RecordType::A),
    ("y.wild.", RecordType::TXT),
    ("x.wild.", RecordType::A),
    ("below.x.wild.", RecordType::A),
    ("*.wild.", RecordType::A),
    ("ent.", RecordType::A),
    ("b.ent.", RecordType::TXT),
    ("alias.", RecordType::A),
    ("alias.", RecordType::CNAME),
    ("farther.", RecordType::A),
    ("dangling.", RecordType::A),
    ("unsafe.", RecordType::A),
    ("any.stars.", RecordType::A),
    ("nothing.", RecordType::DS),
    ("www.", RecordType::DS),
    ("down.", RecordType::A),
    ("deep.down.", RecordType::DS),
];

/// The same relative to a child.
const IN_CHILD: [(&str, RecordType); 13] = [
    ("", RecordType::A),
    ("", RecordType::NS),
    ("", RecordType::SOA),
    ("", RecordType::DS),
    ("", RecordType::DNSKEY),
    ("", RecordType::MX),
    ("www.", RecordType::A),
    ("www.", RecordType::MX),
    ("nothing.", RecordType::A),
    ("any.apps.", RecordType::A),
    ("any.apps.", RecordType::MX),
    ("ent.", RecordType::A),
    ("a.ent.", RecordType::DS),
];

fn matrix() -> Vec<(String, RecordType)> {
    let mut matrix = Vec::new();
    for pool in POOLS.iter().chain(&["shared"]) {
        matrix.extend(
            IN_POOL
                .iter()
                .map(|(name, rtype)| (format!("{name}{pool}.test"), *rtype)),
        );
        let children: &[&str] = match *pool {
            "shared" => &["good", "unsigned", "wrong"],
            _ => &["good", "unsigned", "wrong", "missing", "deep.down"],
        };
        for child in children {
            matrix.extend(
                IN_CHILD
                    .iter()
                    .map(|(name, rtype)| (format!("{name}{child}.{pool}.test"), *rtype)),
            );
        }
    }
    // Without rectifying there are no empty non-terminals, and what resolvers say of names below depends on what they have
    // asked before (RFC 8020) and on how they ask (RFC 9156).
    let below_missing = |name: &str| {
        ["wild", "stars", "down", "ent"]
            .iter()
            .any(|label| name.ends_with(&format!("{label}.raw.test")))
    };
    matrix.retain(|(name, _)| !below_missing(name));
    matrix
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdict_and_rcode_are_those_of_a_validating_resolver() -> Result<()> {
    let world = World::start().await?;
    let resolver = world.resolver().await?;
    let walker = world.walker();
    let mut differences = Vec::new();
    let mut agreed: BTreeMap<String, u32> = BTreeMap::new();
    for (name, rtype) in matrix() {
        let walk = walker.walk(&owner(&name), rtype, now()).await;
        let theirs = resolver.ask(&name, &rtype.to_string()).await?;
        let verdict = match walk.verdict {
            Verdict::Secure => Theirs::Secure,
            Verdict::Insecure { .. } => Theirs::Insecure,
            Verdict::Bogus { .. } | Verdict::Indeterminate { .. } => Theirs::Failed,
        };
        let rcode = walk.rcode.map_or("SERVFAIL".to_owned(), rcode_name);
        // We follow RFC 9276 and give up at 100 iterations of NSEC3; others go on for longer.
        let costly = name.ends_with("costly.test")
            && verdict == Theirs::Insecure
            && theirs.verdict() == Theirs::Secure;
        if (verdict == theirs.verdict() || costly) && rcode == theirs.status {
            *agreed.entry(format!("{verdict:?} {rcode}")).or_insert(0) += 1;
        } else {
            differences.push(format!(
                "{name} {rtype}: they say {:?} {}, we {}",
                theirs.verdict(),
                theirs.status,
                tell(&walk)
            ));
        }
    }
    println!("{agreed:?}");
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    Ok(())
}

fn rcode_name(rcode: ResponseCode) -> String {
    match rcode {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        other => other.to_string(),
    }
}

/// Two labels below an unrectified pool there is a label that the pool denies: many resolvers stop there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delegation_below_a_missing_name_is_bogus() -> Result<()> {
    let world = World::start().await?;
    let walker = world.walker();
    for (pool, bogus) in [("narrow", false), ("raw", true)] {
        let walk = walker
            .walk(
                &owner(&format!("www.deep.down.{pool}.test")),
                RecordType::A,
                now(),
            )
            .await;
        match walk.verdict {
            Verdict::Secure => assert!(!bogus, "{}", tell(&walk)),
            Verdict::Bogus { ref zone, .. } => assert!(bogus && zone == "raw.test", "{}", tell(&walk)),
            _ => panic!("{}", tell(&walk)),
        }
    }
    Ok(())
}
