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
