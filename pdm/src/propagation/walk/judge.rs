//! What an authoritative answer is worth.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::super::ask::Answer;
use super::super::denial::{Proof, Proofs};
use super::super::rrset::ZoneKeys;
use super::run::Stop;
use super::zone::{Trust, Zone};

/// What a zone says of the name asked for.
pub(super) enum Found {
    /// The RRset.
    Rrset,
    /// The name is an alias of this one.
    Alias(Name),
    /// There is none.
    Nothing,
}

/// An answer that has been judged.
pub(super) struct Judged {
    pub(super) found: Found,
    /// How long it may be kept, in seconds; `None` where nothing tells.
    pub(super) ttl: Option<u32>,
    /// Why it is not signed.
    pub(super) insecure: Option<String>,
}

/// Judges an authoritative answer to a question about `name` by the keys of the zone it comes from.
pub(super) fn judge(
    zone: &Zone,
    name: &Name,
    rtype: RecordType,
    answer: &Answer,
    now: u32,
) -> Result<Judged, Stop> {
    let found = find(name, rtype, answer.answers());
    let keys = match &zone.trust {
        Trust::Keys(keys) => keys,
        Trust::Insecure(why) => {
            let ttl = plain_ttl(&found, name, rtype, answer);
            return Ok(Judged {
                found,
                ttl,
                insecure: Some(why.clone()),
            });
        }
        Trust::Unchecked => unreachable!("only the search for addresses uses unchecked zones"),
    };
    let proven = match &found {
        Found::Rrset => present(keys, name, rtype, answer, now),
        Found::Alias(_) => present(keys, name, RecordType::CNAME, answer, now),
        Found::Nothing => absent(keys, name, rtype, answer, now),
    };
    let (ttl, proof) = proven.map_err(|reason| Stop::bogus(reason, &zone.apex, answer))?;
    let insecure = match proof {
        Proof::Complete => None,
        Proof::Open(why) => Some(format!("{name}: {why}")),
    };
    Ok(Judged {
        found,
        ttl: Some(ttl),
        insecure,
    })
}

fn present(
    keys: &ZoneKeys,
    name: &Name,
    rtype: RecordType,
    answer: &Answer,
    now: u32,
) -> Result<(u32, Proof), String> {
    let checked = keys.check(name, rtype, answer.answers(), now)?;
    if checked.labels == name.num_labels() {
        return Ok((checked.ttl, Proof::Complete));
    }
    // From a wildcard: it must be proven that nothing closer exists.
    let proofs = Proofs::read(keys, answer.authorities(), now)?;
    Ok((
        checked.ttl.min(proofs.ttl),
        proofs.wildcard(name, checked.labels)?,
    ))
}

fn absent(
    keys: &ZoneKeys,
    name: &Name,
    rtype: RecordType,
    answer: &Answer,
    now: u32,
) -> Result<(u32, Proof), String> {
    let proofs = Proofs::read(keys, answer.authorities(), now)?;
    let proof = match answer.rcode() {
        ResponseCode::NXDomain => proofs.no_such_name(name)?,
        _ => proofs.no_data(name, rtype)?,
    };
    Ok((negative_ttl(answer).unwrap_or(0).min(proofs.ttl), proof))
}
/// What the answer section has at the name. Nothing else in it counts: servers append records of other zones.
fn find(name: &Name, rtype: RecordType, answers: &[Record]) -> Found {
    let at = |wanted| {
        answers
            .iter()
            .find(|record| record.record_type() == wanted && record.name == *name)
    };
    if at(rtype).is_some() {
        return Found::Rrset;
    }
    match at(RecordType::CNAME).map(|record| &record.data) {
        Some(RData::CNAME(target)) => Found::Alias(target.0.clone()),
        _ => Found::Nothing,
    }
}

/// The DNAME that the answer comes from. The CNAME beside it is made up for resolvers that do not know DNAME, and not signed.
pub(super) fn dname_above<'a>(name: &Name, answer: &'a Answer) -> Option<&'a Name> {
    let above = |owner: &Name| owner != name && owner.zone_of(name);
    let dnames = answer
        .answers()
        .iter()
        .filter(|record| record.record_type() == RecordType::DNAME);
    dnames.map(|record| &record.name).find(|owner| above(owner))
}

/// RFC 2308 section 5.
fn negative_ttl(answer: &Answer) -> Option<u32> {
    answer.authorities().iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    })
}

fn plain_ttl(found: &Found, name: &Name, rtype: RecordType, answer: &Answer) -> Option<u32> {
    let present = match found {
        Found::Rrset => rtype,
        Found::Alias(_) => RecordType::CNAME,
        Found::Nothing => return negative_ttl(answer),
    };
    let set = answer
        .answers()
        .iter()
        .filter(|record| record.record_type() == present && record.name == *name);
    set.map(|record| record.ttl).min()
}
