//! One question: make the parent point here. The parent of a pool name is a zone of ours ([`parent_zone`]).

pub mod parent_zone;

use pdm_registrar::{DomainName, DsRecord};

use crate::domain::zone_plan::ZoneTtls;

/// What a parent says, or is to say, about one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// Hosts in the NS record set.
    pub nameservers: Vec<DomainName>,
    /// The DS record set.
    pub ds: Vec<DsRecord>,
    /// TTL of the NS record set, seconds.
    pub ns_ttl: u32,
    /// TTL of the DS record set, seconds.
    pub ds_ttl: u32,
}

impl Delegation {
    /// What we publish for a name.
    pub fn ours(nameservers: &[DomainName], ds: &[DsRecord], ttls: ZoneTtls) -> Self {
        Self {
            nameservers: nameservers.to_vec(),
            ds: ds.to_vec(),
            ns_ttl: ttls.delegation_ns,
            ds_ttl: ttls.delegation_ds,
        }
    }
}
