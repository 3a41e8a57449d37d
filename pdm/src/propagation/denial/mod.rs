//! Proofs that something does not exist (RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840 section 4).
//!
//! Everything here works on NSEC or NSEC3 records whose signatures have been checked. A proof that fails is an error with
//! the reason, for people; a proof that holds may still leave something open ([`Proof::Open`]).

mod nsec;
mod nsec3;

use hickory_proto::dnssec::rdata::{NSEC, NSEC3};
use hickory_proto::rr::{Name, Record, RecordData as _, RecordType, RecordTypeSet};

use self::nsec::NsecProofs;
use self::nsec3::Nsec3Proofs;
use super::rrset::ZoneKeys;

/// More RRsets than this in one proof are refused unread: a proof needs three, and checking many would keep us busy.
const MAX_RRSETS: usize = 16;

/// What a proof that holds has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// Exactly what was asked.
    Complete,
    /// All but this: an unsigned delegation may exist there (opt-out), or the proof is too costly to follow. Data below
    /// counts as unsigned.
    Open(&'static str),
}

/// What the parent has proven of a name without DS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoDs {
    /// It is delegated unsigned, or may be: why data below counts as unsigned.
    Unsigned(&'static str),
    /// It is no delegation.
    NotACut,
}

pub(super) const OPT_OUT: &str = "the parent's NSEC3 records leave unsigned delegations out";
const UNSIGNED: &str = "the parent has no DS for it";
const COSTLY: &str = "the parent's NSEC3 records have too many iterations";

/// The checked proofs of one reply.
pub(super) struct Proofs<'a> {
    kind: Kind<'a>,
    /// The shortest time that any of the records may be kept, in seconds.
    pub(super) ttl: u32,
}

enum Kind<'a> {
    Nsec(NsecProofs<'a>),
    Nsec3(Nsec3Proofs<'a>),
    /// NSEC3 with more iterations than anybody should follow (RFC 9276 section 3.2).
    Costly,
}

impl<'a> Proofs<'a> {
    /// Checks and reads all NSEC, NSEC3 and SOA records of an authority section. All of them must be the zone's.
    pub(super) fn read(keys: &'a ZoneKeys, section: &'a [Record], now: u32) -> Result<Self, String> {
        let (mut nsec, mut nsec3, mut ttl, mut seen) = (Vec::new(), Vec::new(), u32::MAX, Vec::new());
        for record in section {
            let rtype = record.record_type();
            let proof = matches!(rtype, RecordType::NSEC | RecordType::NSEC3);
            if !(proof || rtype == RecordType::SOA) || seen.contains(&(&record.name, rtype)) {
                continue;
            }
            seen.push((&record.name, rtype));
            if seen.len() > MAX_RRSETS {
                return Err("there are too many records in a denial".to_owned());
            }
            let checked = keys.check(&record.name, rtype, section, now)?;
            // A wildcard's own NSEC, made to fit another name, is signed as well, and denies what exists.
            if proof && checked.labels != record.name.num_labels() {
                return Err(format!(
                    "{} {rtype}: the record comes from a wildcard",
                    record.name
                ));
            }
            ttl = ttl.min(checked.ttl);
            if let Some(data) = NSEC::try_borrow(&record.data) {
                nsec.push((&record.name, data));
            } else if let Some(data) = NSEC3::try_borrow(&record.data) {
                nsec3.push((&record.name, data));
            }
        }
        let kind = if nsec3.is_empty() {
            Kind::Nsec(NsecProofs::new(nsec))
        } else {
            Nsec3Proofs::new(&keys.apex, &nsec3).map_or(Kind::Costly, Kind::Nsec3)
        };
        Ok(Self { kind, ttl })
    }

    /// The name does not exist, and no wildcard stands for it.
    pub(super) fn no_such_name(&self, name: &Name) -> Result<Proof, String> {
        match &self.kind {
            Kind::Nsec(proofs) => proofs.no_such_name(name),
            Kind::Nsec3(proofs) => proofs.no_such_name(name),
            Kind::Costly => Some(Proof::Open(COSTLY)),
        }
        .ok_or_else(|| format!("it is not proven that {name} does not exist"))
    }

    /// The name exists, or a wildcard stands for it, but there are no records of the type.
    pub(super) fn no_data(&self, name: &Name, rtype: RecordType) -> Result<Proof, String> {
        match &self.kind {
            Kind::Nsec(proofs) => proofs.no_data(name, rtype),
            Kind::Nsec3(proofs) => proofs.no_data(name, rtype),
            Kind::Costly => Some(Proof::Open(COSTLY)),
        }
        .ok_or_else(|| format!("it is not proven that {name} has no {rtype}"))
    }

    /// The name has no DS, and whether it is a delegation.
    pub(super) fn no_ds(&self, name: &Name) -> Result<NoDs, String> {
        let types = match &self.kind {
            Kind::Nsec(proofs) => proofs.types_of(name),
            Kind::Nsec3(proofs) => proofs.types_of(name),
            Kind::Costly => return Ok(NoDs::Unsigned(COSTLY)),
        };
        match types {
            // Of the two zones that meet at a cut, the lower one has the SOA, and knows nothing of DS (RFC 6840 section 4.4).
            Some(types) if types.contains(RecordType::NS) && !types.contains(RecordType::SOA) => {
                if types.contains(RecordType::DS) {
                    Err(format!("it is not proven that {name} has no DS"))
                } else {
                    Ok(NoDs::Unsigned(UNSIGNED))
                }
            }
            _ => match self.no_data(name, RecordType::DS)? {
                Proof::Complete => Ok(NoDs::NotACut),
                Proof::Open(why) => Ok(NoDs::Unsigned(why)),
            },
        }
    }

    /// A wildcard with `labels` labels behind its `*` rightly answers for the name: nothing closer to the name exists.
    pub(super) fn wildcard(&self, name: &Name, labels: u8) -> Result<Proof, String> {
        match &self.kind {
            Kind::Nsec(proofs) => proofs.wildcard(name, labels.into()),
            Kind::Nsec3(proofs) => proofs.wildcard(name, labels.into()),
            Kind::Costly => Some(Proof::Open(COSTLY)),
        }
        .ok_or_else(|| format!("it is not proven that the wildcard stands for {name}"))
    }
}

/// Whether the types at a name deny `rtype` there. At a cut both sides have an NSEC(3): the parent's speaks of DS alone, the
/// child's of everything else (RFC 6840 sections 4.1 and 4.4). A CNAME would have been the answer (RFC 6840 section 4.3).
fn denies(types: &RecordTypeSet, rtype: RecordType) -> bool {
    let has = |rtype| types.contains(rtype);
    let right_side = if rtype == RecordType::DS {
        !has(RecordType::SOA)
    } else {
        !has(RecordType::NS) || has(RecordType::SOA)
    };
    right_side && !has(rtype) && !has(RecordType::CNAME)
}

/// Whether nothing can be said from these types about names below: they belong to the child, or are redirected
/// (RFC 6840 section 4.1, RFC 6672 section 5.3.4.1).
fn hides_names_below(types: &RecordTypeSet) -> bool {
    (types.contains(RecordType::NS) && !types.contains(RecordType::SOA)) || types.contains(RecordType::DNAME)
}

/// Labels of a name, `*` included.
pub(super) fn depth(name: &Name) -> usize {
    name.iter().count()
}

/// The wildcard below the last `labels` labels of a name. `None` where that would be too long for a name.
fn wildcard_at(name: &Name, labels: usize) -> Option<Name> {
    name.trim_to(labels).prepend_label("*").ok()
}
