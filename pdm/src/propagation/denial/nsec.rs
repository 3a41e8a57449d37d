//! Denial by NSEC: the names of a zone in order, each with the next.

use hickory_proto::dnssec::rdata::NSEC;
use hickory_proto::rr::{Name, RecordType, RecordTypeSet};

use super::{Proof, denies, hides_names_below, wildcard_at};

/// NSEC records of one zone, with their owners.
pub(super) struct NsecProofs<'a> {
    records: Vec<(&'a Name, &'a NSEC)>,
}

/// The gap that a name falls into.
struct Gap<'a> {
    owner: &'a Name,
    next: &'a Name,
}

impl<'a> NsecProofs<'a> {
    pub(super) fn new(records: Vec<(&'a Name, &'a NSEC)>) -> Self {
        Self { records }
    }

    /// The types at a name that has an NSEC.
    pub(super) fn types_of(&self, name: &Name) -> Option<&'a RecordTypeSet> {
        self.records
            .iter()
            .find(|(owner, _)| *owner == name)
            .map(|(_, nsec)| nsec.type_set())
    }

    fn gap_at(&self, name: &Name) -> Option<Gap<'a>> {
        self.records.iter().find_map(|(owner, nsec)| {
            let next = nsec.next_domain_name();
            // The last NSEC leads back to the apex, the first of all names.
            let inside = *owner < name && (name < next || next <= *owner);
            let can_tell = !(owner.zone_of(name) && hides_names_below(nsec.type_set()));
            (inside && can_tell).then_some(Gap { owner, next })
        })
    }

    pub(super) fn no_such_name(&self, name: &Name) -> Option<Proof> {
        let gap = self.gap_at(name)?;
        let wildcard = wildcard_at(name, gap.closest_encloser(name)?)?;
        self.gap_at(&wildcard)?.closest_encloser(&wildcard)?;
        Some(Proof::Complete)
    }

    pub(super) fn no_data(&self, name: &Name, rtype: RecordType) -> Option<Proof> {
        if let Some(types) = self.types_of(name) {
            return denies(types, rtype).then_some(Proof::Complete);
        }
        let gap = self.gap_at(name)?;
        let Some(encloser) = gap.closest_encloser(name) else {
            return Some(Proof::Complete); // exists without any records
        };
        let wildcard = wildcard_at(name, encloser)?;
        match self.types_of(&wildcard) {
            Some(types) => denies(types, rtype).then_some(Proof::Complete),
            None => self
                .gap_at(&wildcard)?
                .closest_encloser(&wildcard)
                .is_none()
                .then_some(Proof::Complete),
        }
    }

    pub(super) fn wildcard(&self, name: &Name, labels: usize) -> Option<Proof> {
        let encloser = self.gap_at(name)?.closest_encloser(name)?;
        (encloser <= labels).then_some(Proof::Complete)
    }
}

impl Gap<'_> {
    /// How many labels the longest existing name above `name` has. `None`: there are names below it, so it exists itself
    /// (an empty non-terminal).
    fn closest_encloser(&self, name: &Name) -> Option<usize> {
        (!name.zone_of(self.next)).then(|| shared(name, self.owner).max(shared(name, self.next)))
    }
}

/// How many labels two names have in common, from the right.
fn shared(a: &Name, b: &Name) -> usize {
    let labels = a.iter().rev().zip(b.iter().rev());
    labels.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RecordType = RecordType::A;
    const NS: RecordType = RecordType::NS;
    const SOA: RecordType = RecordType::SOA;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    /// Proofs from lines `owner next TYPE TYPE …`.
    fn with<T>(lines: &[(&str, &str, &[RecordType])], check: impl FnOnce(NsecProofs<'_>) -> T) -> T {
        let owned: Vec<(Name, NSEC)> = lines
            .iter()
            .map(|(owner, next, types)| (name(owner), NSEC::new(name(next), types.iter().copied())))
            .collect();
        check(NsecProofs::new(
            owned.iter().map(|(owner, nsec)| (owner, nsec)).collect(),
        ))
    }

    const COMPLETE: Option<Proof> = Some(Proof::Complete);

    #[test]
    fn a_name_is_denied_only_together_with_its_wildcard() {
        let gap = ("a.zone.", "c.zone.", &[A][..]);
        let apex = ("zone.", "a.zone.", &[SOA, NS][..]);
        assert_eq!(with(&[gap, apex], |p| p.no_such_name(&name("b.zone."))), COMPLETE);
        assert_eq!(with(&[gap], |p| p.no_such_name(&name("b.zone."))), None);
        // The wildcard exists, or exists without records.
        let star = ("*.zone.", "a.zone.", &[A][..]);
        assert_eq!(with(&[gap, star], |p| p.no_such_name(&name("b.zone."))), None);
        let below_star = ("zone.", "x.*.zone.", &[SOA, NS][..]);
        assert_eq!(
            with(&[gap, below_star], |p| p.no_such_name(&name("b.zone."))),
            None
        );
        // Names at the ends of the gap exist.
        for outside in ["a.zone.", "c.zone.", "d.zone."] {
            assert_eq!(
                with(&[gap, apex], |p| p.no_such_name(&name(outside))),
                None,
                "{outside}"
            );
        }
    }

    #[test]
    fn the_last_record_leads_back_to_the_apex() {
        let last = ("m.zone.", "zone.", &[A][..]);
        let apex = ("zone.", "m.zone.", &[SOA, NS][..]);
        assert_eq!(
            with(&[last, apex], |p| p.no_such_name(&name("z.zone."))),
            COMPLETE
        );
        assert_eq!(
            with(&[last, apex], |p| p.no_such_name(&name("b.zone."))),
            COMPLETE
        );
        let only = ("zone.", "zone.", &[SOA, NS][..]);
        assert_eq!(with(&[only], |p| p.no_such_name(&name("b.zone."))), COMPLETE);
    }

    #[test]
    fn a_delegation_or_dname_says_nothing_of_names_below() {
        let apex = ("zone.", "cut.zone.", &[SOA, NS][..]);
        for types in [&[NS][..], &[NS, RecordType::DS], &[A, RecordType::DNAME]] {
            let cut = ("cut.zone.", "z.zone.", types);
            assert_eq!(
                with(&[cut, apex], |p| p.no_such_name(&name("www.cut.zone."))),
                None,
                "{types:?}"
            );
            // It does of names beside.
            assert_eq!(
                with(&[cut, apex], |p| p.no_such_name(&name("d.zone."))),
                COMPLETE,
                "{types:?}"
            );
        }
    }

    #[test]
    fn each_side_of_a_cut_speaks_for_its_own_types() {
        let no_data = |types: &[RecordType], rtype| {
            with(&[("n.zone.", "z.zone.", types)], |p| {
                p.no_data(&name("n.zone."), rtype)
            })
        };
        assert_eq!(no_data(&[NS], RecordType::DS), COMPLETE);
        assert_eq!(no_data(&[NS], A), None);
        assert_eq!(no_data(&[NS, SOA], A), COMPLETE);
        assert_eq!(no_data(&[NS, SOA], RecordType::DS), None);
        assert_eq!(no_data(&[A], A), None);
        assert_eq!(no_data(&[RecordType::CNAME], A), None);
    }

    #[test]
    fn an_empty_non_terminal_has_no_data_and_exists() {
        let gap = ("a.zone.", "x.ent.zone.", &[A][..]);
        let apex = ("zone.", "a.zone.", &[SOA, NS][..]);
        assert_eq!(with(&[gap, apex], |p| p.no_data(&name("ent.zone."), A)), COMPLETE);
        assert_eq!(with(&[gap, apex], |p| p.no_such_name(&name("ent.zone."))), None);
    }

    #[test]
    fn a_wildcard_stands_for_names_below_its_own_parent_alone() {
        // *.zone. would answer for a.b.zone. only if b.zone. did not exist.
        let gap = ("b.zone.", "c.zone.", &[A][..]);
        assert_eq!(with(&[gap], |p| p.wildcard(&name("a.b.zone."), 1)), None);
        assert_eq!(with(&[gap], |p| p.wildcard(&name("a.b.zone."), 2)), COMPLETE);
        assert_eq!(with(&[gap], |p| p.wildcard(&name("bb.zone."), 1)), COMPLETE);
        // The name itself exists.
        assert_eq!(with(&[gap], |p| p.wildcard(&name("b.zone."), 1)), None);
        // No data by wildcard.
        let star = ("*.zone.", "b.zone.", &[RecordType::TXT][..]);
        assert_eq!(with(&[gap, star], |p| p.no_data(&name("bb.zone."), A)), COMPLETE);
        assert_eq!(
            with(&[gap, star], |p| p.no_data(&name("bb.zone."), RecordType::TXT)),
            None
        );
        assert_eq!(with(&[gap], |p| p.no_data(&name("bb.zone."), A)), None);
    }
}
