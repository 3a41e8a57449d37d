//! Forged replies are never taken for secure, and what is wrong with them is said of the right zone and server.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use conformance_servers::Verdict as Theirs;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKeyBuf};
use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, CNAME, NS};
use pdm::dns::addresses::Addresses;
use pdm::propagation::{Name, Pin, RData, Record, RecordType, ResponseCode, Verdict};
use pdm_registrar::DomainName;

use super::forger::{Forger, Forgery, Upstream, honest};
use super::owner;
use super::world::{World, now, tell};

const FORGED: &str = "forged.narrow.test";

/// What a walk must make of a forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Bogus,
    /// The server is of no use, and another one might be.
    Indeterminate,
    /// Opt-out lets anybody invent unsigned delegations.
    Insecure,
}
use Expect::{Bogus, Indeterminate, Insecure};

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn asks_for(reply: &Message, rtype: RecordType) -> bool {
    reply.queries[0].query_type() == rtype
}

fn a(owner: &Name) -> Record {
    Record::from_rdata(owner.clone(), 60, RData::A(A(Ipv4Addr::new(203, 0, 113, 66))))
}

fn without_rrsig(_: &Upstream, mut reply: Message) -> Message {
    reply
        .answers
        .retain(|record| record.record_type() != RecordType::RRSIG);
    reply
}

fn without_rrsig_of_data(_: &Upstream, mut reply: Message) -> Message {
    if !asks_for(&reply, RecordType::DNSKEY) {
        reply
            .answers
            .retain(|record| record.record_type() != RecordType::RRSIG);
    }
    reply
}

fn another_address(_: &Upstream, mut reply: Message) -> Message {
    for record in &mut reply.answers {
        if record.record_type() == RecordType::A {
            *record = a(&record.name);
        }
    }
    reply
}

fn one_address_more(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::A) {
        let owner = reply.queries[0].name().clone();
        reply.answers.push(a(&owner));
    }
    reply
}

fn one_address_less(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::A) {
        let first = reply
            .answers
            .iter()
            .position(|record| record.record_type() == RecordType::A);
        reply.answers.remove(first.expect("the name has addresses"));
    }
    reply
}

fn one_key_more(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::DNSKEY) {
        let key = DNSKEY::with_flags(257, PublicKeyBuf::new(vec![7; 64], Algorithm::ECDSAP256SHA256));
        let owner = reply.queries[0].name().clone();
        reply.answers.push(Record::from_rdata(
            owner,
            60,
            RData::DNSSEC(DNSSECRData::DNSKEY(key)),
        ));
    }
    reply
}

fn without_keys(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::DNSKEY) {
        reply.answers.clear();
    }
    reply
}

fn without_aa(_: &Upstream, mut reply: Message) -> Message {
    reply.metadata.authoritative = false;
    reply
}

fn upward_referral(_: &Upstream, mut reply: Message) -> Message {
    reply.metadata.authoritative = false;
    reply.answers.clear();
    reply.authorities = vec![Record::from_rdata(
        Name::root(),
        60,
        RData::NS(NS(name("ns-root."))),
    )];
    reply
}

fn refused(_: &Upstream, mut reply: Message) -> Message {
    reply.metadata.response_code = ResponseCode::Refused;
    reply
}

fn another_question(_: &Upstream, mut reply: Message) -> Message {
    reply.queries[0].set_name(name("www.good.narrow.test."));
    reply
}

fn another_id(_: &Upstream, mut reply: Message) -> Message {
    reply.metadata.id ^= 1;
    reply
}

fn empty_nxdomain(_: &Upstream, mut reply: Message) -> Message {
    if !asks_for(&reply, RecordType::DNSKEY) {
        reply.metadata.response_code = ResponseCode::NXDomain;
        reply.metadata.authoritative = true;
        reply.answers.clear();
        reply.authorities.clear();
    }
    reply
}

/// The denial of one name as the denial of another.
fn denial_of_another_name(upstream: &Upstream, mut reply: Message) -> Message {
    if !asks_for(&reply, RecordType::DNSKEY) {
        let other = upstream.ask("a-nothing.forged.narrow.test.", RecordType::A);
        assert_eq!(other.metadata.response_code, ResponseCode::NXDomain);
        reply.metadata.response_code = ResponseCode::NXDomain;
        reply.answers.clear();
        reply.authorities = other.authorities;
    }
    reply
}

/// The denial from another zone, truly signed there.
fn denial_by_another_zone(upstream: &Upstream, mut reply: Message) -> Message {
    if !asks_for(&reply, RecordType::DNSKEY) {
        reply.metadata.response_code = ResponseCode::NXDomain;
        reply.answers.clear();
        reply.authorities = upstream
            .ask("nothing.good.narrow.test.", RecordType::A)
            .authorities;
    }
    reply
}

/// The proof that one type is missing as the proof that another one is.
fn no_data_of_another_name(upstream: &Upstream, mut reply: Message) -> Message {
    if !asks_for(&reply, RecordType::DNSKEY) {
        reply.answers.clear();
        reply.authorities = upstream.ask("forged.narrow.test.", RecordType::MX).authorities;
    }
    reply
}

/// True records, false code: the proof fits the other kind of absence.
fn other_kind_of_absence(_: &Upstream, mut reply: Message) -> Message {
    if !asks_for(&reply, RecordType::DNSKEY) {
        reply.metadata.response_code = match reply.metadata.response_code {
            ResponseCode::NoError => ResponseCode::NXDomain,
            _ => ResponseCode::NoError,
        };
    }
    reply
}

fn without_denial(_: &Upstream, mut reply: Message) -> Message {
    reply.authorities.clear();
    reply
}

/// Makes the wildcard answer for a name that has records of its own.
fn wildcard_over_a_name(upstream: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::A) {
        let owner = reply.queries[0].name().clone();
        let other = upstream.ask("any.apps.forged.narrow.test.", RecordType::A);
        reply.answers = other.answers;
        for record in &mut reply.answers {
            record.name = owner.clone();
        }
        reply.authorities = other.authorities;
    }
    reply
}

/// The wildcard's own NSEC under the name of a neighbour: its signature fits, and its types are the wildcard's.
fn nsec_of_the_wildcard(upstream: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::TXT) {
        let owner = reply.queries[0].name().clone();
        reply.answers.clear();
        reply.authorities = upstream
            .ask("any.apps.forged.narrow.test.", RecordType::MX)
            .authorities;
        let wildcard = name("*.apps.forged.narrow.test.");
        assert!(reply.authorities.iter().any(|record| record.name == wildcard));
        for record in reply
            .authorities
            .iter_mut()
            .filter(|record| record.name == wildcard)
        {
            record.name = owner.clone();
        }
    }
    reply
}

fn unsigned_alias(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::A) {
        let owner = reply.queries[0].name().clone();
        let target = RData::CNAME(CNAME(name("www.good.narrow.test.")));
        reply.answers = vec![Record::from_rdata(owner, 60, target)];
    }
    reply
}

/// The child, to be found by nobody: neither in the referral nor when asked for.
fn without_ds(_: &Upstream, mut reply: Message) -> Message {
    let signs_ds = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => signature.input().type_covered == RecordType::DS,
        _ => record.record_type() == RecordType::DS,
    };
    reply.answers.retain(|record| !signs_ds(record));
    reply.authorities.retain(|record| !signs_ds(record));
    reply
}

/// In place of the DS of one child the proof that another has none.
fn denial_of_another_ds(upstream: &Upstream, reply: Message) -> Message {
    let mut reply = without_ds(upstream, reply);
    if asks_for(&reply, RecordType::DS) {
        reply.authorities = upstream.ask("unsigned.narrow.test.", RecordType::DS).authorities;
    }
    reply
}

fn another_ds(_: &Upstream, mut reply: Message) -> Message {
    for record in reply.answers.iter_mut().chain(&mut reply.authorities) {
        if record.record_type() == RecordType::DS {
            let ds = DS::new(1, Algorithm::ECDSAP256SHA256, DigestType::SHA256, vec![7; 32]);
            record.data = RData::DNSSEC(DNSSECRData::DS(ds));
        }
    }
    reply
}

/// The parent answers for the child, as if it hosted it.
fn parent_answers(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::A) {
        let owner = reply.queries[0].name().clone();
        reply.metadata.authoritative = true;
        reply.answers = vec![a(&owner)];
        reply.authorities.clear();
        reply.additionals.clear();
    }
    reply
}

/// A delegation that the zone does not have.
fn invented_referral(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::A) {
        let owner = reply.queries[0].name().clone();
        reply.metadata.authoritative = false;
        reply.metadata.response_code = ResponseCode::NoError;
        reply.answers.clear();
        reply.authorities = vec![Record::from_rdata(
            owner,
            60,
            RData::NS(NS(name("ns-kids.test."))),
        )];
    } else if asks_for(&reply, RecordType::DS) {
        // The name is to exist.
        reply.metadata.response_code = ResponseCode::NoError;
    }
    reply
}

struct Case {
    /// The zone whose server forges; the zone's real server; a name and a type that are secure without forgery.
    zone: &'static str,
    name: &'static str,
    rtype: RecordType,
    forgery: Forgery,
    expect: Expect,
}

fn cases() -> Vec<Case> {
    let child = |name, rtype, forgery: Forgery, expect| Case {
        zone: FORGED,
        name,
        rtype,
        forgery,
        expect,
    };
    let narrow = |name, forgery: Forgery, expect| Case {
        zone: "narrow.test",
        name,
        rtype: RecordType::A,
        forgery,
        expect,
    };
    let optout = |name, forgery: Forgery, expect| Case {
        zone: "optout.test",
        name,
        rtype: RecordType::A,
        forgery,
        expect,
    };
    let (www, apps) = ("www.forged.narrow.test", "any.apps.forged.narrow.test");
    vec![
        child(www, RecordType::A, without_rrsig, Bogus),
        child(www, RecordType::A, without_rrsig_of_data, Bogus),
        child(www, RecordType::A, another_address, Bogus),
        child(www, RecordType::A, one_address_more, Bogus),
        child(www, RecordType::A, one_address_less, Bogus),
        child(www, RecordType::A, one_key_more, Bogus),
        child(www, RecordType::A, without_keys, Bogus),
        child(www, RecordType::A, without_aa, Indeterminate),
        child(www, RecordType::A, upward_referral, Indeterminate),
        child(www, RecordType::A, refused, Indeterminate),
        child(www, RecordType::A, another_question, Indeterminate),
        child(www, RecordType::A, another_id, Indeterminate),
        child(www, RecordType::A, empty_nxdomain, Bogus),
        child(www, RecordType::A, denial_of_another_name, Bogus),
        child(www, RecordType::A, denial_by_another_zone, Indeterminate),
        child(www, RecordType::A, no_data_of_another_name, Bogus),
        child(www, RecordType::MX, other_kind_of_absence, Bogus),
        child(www, RecordType::MX, without_denial, Bogus),
        child(
            "nothing.forged.narrow.test",
            RecordType::A,
            other_kind_of_absence,
            Bogus,
        ),
        child("nothing.forged.narrow.test", RecordType::A, without_denial, Bogus),
        child(apps, RecordType::A, without_denial, Bogus),
        child(apps, RecordType::A, another_address, Bogus),
        child(
            "fixed.apps.forged.narrow.test",
            RecordType::A,
            wildcard_over_a_name,
            Bogus,
        ),
        child(
            "fixed.apps.forged.narrow.test",
            RecordType::TXT,
            nsec_of_the_wildcard,
            Bogus,
        ),
        child(www, RecordType::A, unsigned_alias, Bogus),
        narrow("www.good.narrow.test", without_ds, Bogus),
        narrow("www.good.narrow.test", denial_of_another_ds, Bogus),
        narrow("www.good.narrow.test", another_ds, Bogus),
        narrow("www.good.narrow.test", parent_answers, Indeterminate),
        narrow("www.good.narrow.test", empty_nxdomain, Bogus),
        narrow("www.narrow.test", invented_referral, Bogus),
        narrow("nothing.narrow.test", invented_referral, Bogus),
        narrow("www.narrow.test", parent_answers, Bogus),
        optout("www.optout.test", invented_referral, Bogus),
        optout("nothing.optout.test", invented_referral, Insecure),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_forgery_is_secure() -> Result<()> {
    let world = World::start().await?;
    let forger = Forger::start(world.socket(6), world.kids.dns())?;
    let resolver = world.resolver().await?;
    let walker = world.walker();
    for (
        number,
        Case {
            zone,
            name,
            rtype,
            forgery,
            expect,
        },
    ) in cases().into_iter().enumerate()
    {
        let told = format!("case {number}: {zone} {name} {rtype}");
        let upstream = if zone == FORGED {
            world.kids.dns()
        } else {
            world.pool.dns()
        };
        let pins = [Pin {
            zone: DomainName::parse(zone)?,
            server: world.address(6),
        }];
        let walk = async || walker.walk_through(&pins, &owner(name), rtype, now()).await;

        forger.forge(upstream, honest);
        let honestly = walk().await;
        let unharmed = match &honestly.verdict {
            Verdict::Secure => true,
            Verdict::Insecure { .. } => expect == Insecure,
            _ => false,
        };
        assert!(unharmed, "{told}, not forged: {}", tell(&honestly));

        forger.forge(upstream, forgery);
        let forged = walk().await;
        let as_expected = match &forged.verdict {
            // A zone that shows the wrong keys is itself what does not fit.
            Verdict::Bogus { zone: at, server, .. } => {
                expect == Bogus && (at == zone || at == "good.narrow.test") && server.port() == world.port
            }
            Verdict::Indeterminate { .. } => expect == Indeterminate,
            Verdict::Insecure { .. } => expect == Insecure,
            Verdict::Secure => false,
        };
        assert!(
            as_expected,
            "{told}: expected {expect:?}, found {}",
            tell(&forged)
        );
        assert!(
            expect == Insecure || (forged.rcode.is_none() && forged.answers.is_empty()),
            "{told}: {}",
            tell(&forged)
        );

        // The zone is delegated to the forger for everybody, so a resolver that is not ours can be asked, too. Servers without
        // authority are a matter of taste.
        if zone == FORGED && expect == Bogus {
            resolver.stop().await;
            resolver.restart().await?;
            let theirs = resolver.ask(name, &rtype.to_string()).await?.verdict();
            assert_eq!(
                theirs,
                Theirs::Failed,
                "{told}: a resolver believes what we find to be {expect:?}"
            );
        }
    }
    Ok(())
}

fn no_answer_about_ipv6(_: &Upstream, mut reply: Message) -> Message {
    if asks_for(&reply, RecordType::AAAA) {
        reply.metadata.response_code = ResponseCode::ServFail;
        reply.answers.clear();
        reply.authorities.clear();
    }
    reply
}

/// "Every address of every server" must not quietly become "every address of one family".
#[tokio::test(flavor = "multi_thread")]
async fn addresses_of_a_host_are_all_known_or_none() -> Result<()> {
    let world = World::start().await?;
    let forger = Forger::start(world.socket(6), world.kids.dns())?;
    let hosts = [DomainName::parse("www.forged.narrow.test")?];
    let addresses = || Addresses::new(Arc::new(world.walker()), world.port, Duration::ZERO);
    let known = addresses().of(&hosts, now()).await;
    assert!(known.is_ok_and(|servers| !servers.is_empty()));
    forger.forge(world.kids.dns(), no_answer_about_ipv6);
    let unknown = addresses().of(&hosts, now()).await.unwrap_err();
    assert!(unknown.contains("www.forged.narrow.test"), "{unknown}");
    Ok(())
}
