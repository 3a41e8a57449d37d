//! What a parent zone holds at one name.

use pdm_registrar::{DomainName, DsRecord};

use crate::delegation::Delegation;

/// What stands in the parent zone at one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtParent {
    /// NS hosts with the TTL.
    pub ns: Option<(Vec<String>, u32)>,
    /// DS records with the TTL.
    pub ds: Option<(Vec<DsRecord>, u32)>,
    /// Other record types at the name.
    pub others: Vec<String>,
    /// DS records that cannot be read.
    pub unreadable_ds: usize,
}

impl AtParent {
    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether neither NS nor DS stands there.
    pub const fn is_undelegated(&self) -> bool {
        self.ns.is_none() && self.ds.is_none() && self.unreadable_ds == 0
    }

    /// Whether it is exactly what is wanted.
    pub fn is(&self, wanted: &Delegation) -> bool {
        let mut hosts: Vec<String> = wanted.nameservers.iter().map(|h| format!("{h}.")).collect();
        hosts.sort();
        let mut ds = wanted.ds.clone();
        ds.sort();
        self.ns
            .as_ref()
            .is_some_and(|(seen, ttl)| *seen == hosts && *ttl == wanted.ns_ttl)
            && self
                .ds
                .as_ref()
                .is_some_and(|(seen, ttl)| *seen == ds && *ttl == wanted.ds_ttl)
            && self.unreadable_ds == 0
            && self.others.is_empty()
    }

    /// Whether what stands there can only come from the claim with these keys: its DS, or no DS at all beside our
    /// own hosts, which is what half of an edit or a hand at work would leave.
    pub fn may_be_ours(&self, nameservers: &[DomainName], ds: &[DsRecord]) -> bool {
        let hosts_ours = self.ns.as_ref().is_none_or(|(seen, _)| {
            seen.iter()
                .all(|h| nameservers.iter().any(|n| format!("{n}.") == *h))
        });
        let ds_ours = self
            .ds
            .as_ref()
            .is_none_or(|(seen, _)| seen.iter().all(|d| ds.contains(d)));
        hosts_ours && ds_ours && self.unreadable_ds == 0
    }
}
