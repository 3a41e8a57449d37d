//! Denial by NSEC3: the hashes of a zone's names in order, each with the next.

use data_encoding::BASE32_DNSSEC;
use hickory_proto::dnssec::rdata::NSEC3;
use hickory_proto::rr::{Name, RecordType, RecordTypeSet};

use super::{OPT_OUT, Proof, denies, depth, hides_names_below, wildcard_at};

/// More iterations than this and nobody should follow the proof (RFC 9276 section 3.2 and appendix A).
const MAX_ITERATIONS: u16 = 100;

/// NSEC3 records of one zone with the same parameters.
pub(super) struct Nsec3Proofs<'a> {
    apex: &'a Name,
    /// Hash of the owner, and the record.
    records: Vec<(Vec<u8>, &'a NSEC3)>,
}

/// The longest name above one that exists, and what is said about the next longer one, which does not.
struct Encloser<'a> {
    labels: usize,
    gap: &'a NSEC3,
}

impl<'a> Nsec3Proofs<'a> {
    /// Takes the records that are directly below the apex and have the parameters of the first; `None` where following them
    /// costs too much.
    pub(super) fn new(apex: &'a Name, records: &[(&'a Name, &'a NSEC3)]) -> Option<Self> {
        let (_, first) = *records.first()?;
        if records
            .iter()
            .any(|(_, record)| record.iterations() > MAX_ITERATIONS)
        {
            return None;
        }
        let parameters = |record: &'a NSEC3| (record.hash_algorithm(), record.iterations(), record.salt());
        let usable = records.iter().filter(|(owner, record)| {
            depth(owner) == depth(apex) + 1 && apex.zone_of(owner) && parameters(record) == parameters(first)
        });
        let hashed = usable.filter_map(|(owner, record)| {
            let hash = BASE32_DNSSEC.decode(owner.iter().next()?).ok()?;
            (hash.len() == record.next_hashed_owner_name().len()).then_some((hash, *record))
        });
        Some(Self {
            apex,
            records: hashed.collect(),
        })
    }

    fn hash(&self, name: &Name) -> Option<Vec<u8>> {
        let (_, record) = self.records.first()?;
        let hash = record
            .hash_algorithm()
            .hash(record.salt(), name, record.iterations())
            .ok()?;
        Some(hash.as_ref().to_vec())
    }

    /// The types at a name that has an NSEC3.
    pub(super) fn types_of(&self, name: &Name) -> Option<&'a RecordTypeSet> {
        let hash = self.hash(name)?;
        self.records
            .iter()
            .find(|(owner, _)| *owner == hash)
            .map(|(_, record)| record.type_set())
    }

    /// The record whose gap the hash of a name falls into.
    fn gap_at(&self, name: &Name) -> Option<&'a NSEC3> {
        let hash = self.hash(name)?;
        let gap = self.records.iter().find(|(owner, record)| {
            let (owner, next) = (owner.as_slice(), record.next_hashed_owner_name());
            let (after, before) = (owner < hash.as_slice(), hash.as_slice() < next);
            // The last NSEC3 leads back to the first.
            if owner < next {
                after && before
            } else {
                after || before
            }
        });
        gap.map(|(_, record)| *record)
    }

    /// The closest encloser proof of RFC 5155 section 8.3, for a name that has no NSEC3.
    fn closest_encloser(&self, name: &Name) -> Option<Encloser<'a>> {
        let whole = depth(name);
        for labels in (depth(self.apex)..whole).rev() {
            if let Some(types) = self.types_of(&name.trim_to(labels)) {
                let gap = self.gap_at(&name.trim_to(labels + 1))?;
                return (!hides_names_below(types)).then_some(Encloser { labels, gap });
            }
        }
        None
    }

    pub(super) fn no_such_name(&self, name: &Name) -> Option<Proof> {
        let encloser = self.closest_encloser(name)?;
        self.gap_at(&wildcard_at(name, encloser.labels)?)?;
        Some(complete_unless_opt_out(encloser.gap))
    }

    pub(super) fn no_data(&self, name: &Name, rtype: RecordType) -> Option<Proof> {
        if let Some(types) = self.types_of(name) {
            return denies(types, rtype).then_some(Proof::Complete);
        }
        let encloser = self.closest_encloser(name)?;
        if let Some(types) = self.types_of(&wildcard_at(name, encloser.labels)?) {
            return denies(types, rtype).then(|| complete_unless_opt_out(encloser.gap));
        }
        // The name may be an unsigned delegation, or exist only because of one below it.
        encloser.gap.opt_out().then_some(Proof::Open(OPT_OUT))
    }

    pub(super) fn wildcard(&self, name: &Name, labels: usize) -> Option<Proof> {
        self.gap_at(&name.trim_to(labels + 1))
            .map(complete_unless_opt_out)
    }
}

/// In a gap with opt-out there may be unsigned delegations (RFC 5155 section 9.2).
fn complete_unless_opt_out(gap: &NSEC3) -> Proof {
    if gap.opt_out() {
        Proof::Open(OPT_OUT)
    } else {
        Proof::Complete
    }
}
