//! The zones we host: writing them, reading them back, and where they are served.
//!
//! * [`servers`]: the PowerDNS servers of one role, which share a database;
//! * [`zones`]: the zone of a name: create, compare with its plan, empty, delete;
//! * [`pool_zone`]: the parent zone of a pool: made or checked when a pool is added;
//! * [`content`]: record data in one spelling, so that comparing is comparing text;
//! * [`addresses`]: the addresses of name-server hosts.

pub mod addresses;
pub mod content;
pub mod pool_zone;
pub mod servers;
pub mod zones;

use powerdns_client::CanonicalName;

/// PowerDNS' spelling of one of our names. Ours are stricter, so this cannot fail.
pub(crate) fn canonical(name: &str) -> CanonicalName {
    CanonicalName::parse(&format!("{name}.")).expect("our names are names of PowerDNS with a final dot")
}

/// One of our owner names, from PowerDNS' spelling; `None` for names that we would never write.
pub(crate) fn owner(name: &CanonicalName) -> Option<pdm_registrar::OwnerName> {
    pdm_registrar::OwnerName::parse(name.as_str()).ok()
}
