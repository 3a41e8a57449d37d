//! The validating walk against real servers: does it find what a validating resolver finds, and does it never take a forged
//! answer for a secure one?

mod world;

use anyhow::Result;
use conformance_servers::Verdict as Theirs;
use pdm::propagation::{RecordType, Verdict};
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
        let children: &[&str] = if *pool == "shared" {
            &["good", "unsigned", "wrong"]
        } else {
            &["good", "unsigned", "wrong", "missing", "deep.down"]
        };
        for child in children {
            matrix.extend(
                IN_CHILD
                    .iter()
                    .map(|(name, rtype)| (format!("{name}{child}.{pool}.test"), *rtype)),
            );
        }
    }
    matrix
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdict_and_rcode_are_those_of_a_validating_resolver() -> Result<()> {
    let world = World::start().await?;
    let resolver = world.resolver().await?;
    let walker = world.walker();
    let mut differences = Vec::new();
    let mut compared = 0;
    for (name, rtype) in matrix() {
        let walk = walker.walk(&owner(&name), rtype, now()).await;
        let theirs = resolver.ask(&name, &rtype.to_string()).await?;
        let verdict = match walk.verdict {
            Verdict::Secure => Theirs::Secure,
            Verdict::Insecure { .. } => Theirs::Insecure,
            Verdict::Bogus { .. } | Verdict::Indeterminate { .. } => Theirs::Failed,
        };
        let rcode = walk
            .rcode
            .map_or("SERVFAIL".to_owned(), |rcode| rcode_name(rcode));
        compared += 1;
        if (verdict, rcode.as_str()) != (theirs.verdict(), theirs.status.as_str()) {
            differences.push(format!(
                "{name} {rtype}: they say {:?} {}, we {}",
                theirs.verdict(),
                theirs.status,
                tell(&walk)
            ));
        }
    }
    println!("{compared} compared");
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    Ok(())
}

fn rcode_name(rcode: pdm::propagation::ResponseCode) -> String {
    match rcode {
        pdm::propagation::ResponseCode::NoError => "NOERROR".to_owned(),
        pdm::propagation::ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        other => other.to_string(),
    }
}
