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

#[cfg(test)]
mod tests {
    use hickory_proto::dnssec::Nsec3HashAlgorithm;

    use super::*;

    const A: RecordType = RecordType::A;
    const NS: RecordType = RecordType::NS;
    const SOA: RecordType = RecordType::SOA;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn hash(of: &str) -> Vec<u8> {
        Nsec3HashAlgorithm::SHA1
            .hash(&[], &name(of), 0)
            .expect("a hash")
            .as_ref()
            .to_vec()
    }

    fn record(
        owner: &[u8],
        next: Vec<u8>,
        opt_out: bool,
        iterations: u16,
        types: &[RecordType],
    ) -> (Name, NSEC3) {
        let owner = name(&format!("{}.zone.", BASE32_DNSSEC.encode(owner)));
        let types = types.iter().copied();
        (
            owner,
            NSEC3::new(
                Nsec3HashAlgorithm::SHA1,
                opt_out,
                iterations,
                Vec::new(),
                next,
                types,
            ),
        )
    }

    /// The records of a whole zone.
    fn zone(names: &[(&str, &[RecordType])], opt_out: bool) -> Vec<(Name, NSEC3)> {
        let mut hashed: Vec<_> = names.iter().map(|(name, types)| (hash(name), *types)).collect();
        hashed.sort();
        let next = |n: usize| hashed[(n + 1) % hashed.len()].0.clone();
        hashed
            .iter()
            .enumerate()
            .map(|(n, (owner, types))| record(owner, next(n), opt_out, 0, types))
            .collect()
    }

    fn with<T>(records: &[(Name, NSEC3)], check: impl FnOnce(Nsec3Proofs<'_>) -> T) -> T {
        let apex = name("zone.");
        let records: Vec<_> = records.iter().map(|(owner, record)| (owner, record)).collect();
        check(Nsec3Proofs::new(&apex, &records).expect("few iterations"))
    }

    const COMPLETE: Option<Proof> = Some(Proof::Complete);
    const OPEN: Option<Proof> = Some(Proof::Open(OPT_OUT));

    #[test]
    fn a_whole_chain_denies_what_is_not_there_and_nothing_else() {
        let records = zone(
            &[
                ("zone.", &[SOA, NS]),
                ("a.zone.", &[A]),
                ("cut.zone.", &[NS]),
                ("ent.zone.", &[]),
                ("x.ent.zone.", &[A]),
            ],
            false,
        );
        for absent in ["b.zone.", "b.b.zone.", "b.ent.zone.", "b.a.zone."] {
            assert_eq!(
                with(&records, |p| p.no_such_name(&name(absent))),
                COMPLETE,
                "{absent}"
            );
            assert_eq!(with(&records, |p| p.no_data(&name(absent), A)), None, "{absent}");
        }
        for present in ["zone.", "a.zone.", "ent.zone."] {
            assert_eq!(
                with(&records, |p| p.no_such_name(&name(present))),
                None,
                "{present}"
            );
            assert_eq!(
                with(&records, |p| p.no_data(&name(present), RecordType::TXT)),
                COMPLETE,
                "{present}"
            );
        }
        assert_eq!(with(&records, |p| p.no_data(&name("a.zone."), A)), None);
        assert_eq!(with(&records, |p| p.no_data(&name("cut.zone."), A)), None);
        assert_eq!(
            with(&records, |p| p.no_data(&name("cut.zone."), RecordType::DS)),
            COMPLETE
        );
        // The delegation's own record says nothing of names below.
        assert_eq!(with(&records, |p| p.no_such_name(&name("www.cut.zone."))), None);
    }

    #[test]
    fn a_wildcard_prevents_denial_and_needs_the_next_closer_name_denied() {
        let records = zone(
            &[("zone.", &[SOA, NS]), ("*.zone.", &[A]), ("b.zone.", &[A])],
            false,
        );
        assert_eq!(with(&records, |p| p.no_such_name(&name("x.zone."))), None);
        assert_eq!(
            with(&records, |p| p.no_data(&name("x.zone."), RecordType::TXT)),
            COMPLETE
        );
        assert_eq!(with(&records, |p| p.no_data(&name("x.zone."), A)), None);
        assert_eq!(with(&records, |p| p.wildcard(&name("x.zone."), 1)), COMPLETE);
        assert_eq!(with(&records, |p| p.wildcard(&name("y.x.zone."), 1)), COMPLETE);
        assert_eq!(with(&records, |p| p.wildcard(&name("b.zone."), 1)), None);
        assert_eq!(with(&records, |p| p.wildcard(&name("x.b.zone."), 1)), None);
    }

    #[test]
    fn opt_out_leaves_unsigned_delegations_open() {
        let records = zone(&[("zone.", &[SOA, NS]), ("a.zone.", &[A])], true);
        assert_eq!(with(&records, |p| p.no_such_name(&name("b.zone."))), OPEN);
        assert_eq!(
            with(&records, |p| p.no_data(&name("b.zone."), RecordType::DS)),
            OPEN
        );
        assert_eq!(
            with(&records, |p| p.no_data(&name("a.zone."), RecordType::DS)),
            COMPLETE
        );
        assert_eq!(with(&records, |p| p.wildcard(&name("b.zone."), 1)), OPEN);
    }

    #[test]
    fn records_with_other_parameters_or_owners_do_not_count() {
        let good = zone(&[("zone.", &[SOA, NS])], false);
        let foreign = (
            name(&format!("{}.b.zone.", BASE32_DNSSEC.encode(&hash("zone.")))),
            good[0].1.clone(),
        );
        assert_eq!(with(&[foreign], |p| p.no_such_name(&name("b.zone."))), None);
        let apex = name("zone.");
        for (iterations, usable) in [(100, true), (101, false)] {
            let (owner, costly) = record(&hash("zone."), hash("zone."), false, iterations, &[]);
            assert_eq!(Nsec3Proofs::new(&apex, &[(&owner, &costly)]).is_some(), usable);
        }
    }
}
