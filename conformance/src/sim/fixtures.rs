//! What each simulator puts into a fresh world, so that the suite, the lab and tests find the same situations at every vendor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::world::{Domain, Record, World, Zone};

/// The hosts that ordinary domains are delegated to before anybody changes them.
pub const OLD_HOSTS: [&str; 2] = ["ns1.old-hosts.test", "ns2.old-hosts.test"];

/// Credentials and a domain to use them for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The domain.
    pub domain: String,
    /// Values by field name, as the vendor's customer would enter them. Test values.
    pub credentials: serde_json::Value,
}

/// The situations at one vendor. Those that the vendor does not know are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixtures {
    /// An ordinary domain: in the account, unlocked, unsigned, delegated to other hosts. `<vendor>-ordinary.com`.
    pub ordinary: Case,
    /// More such domains of the same account, among them an international one and one below `co.uk`.
    pub domains: Vec<String>,
    /// A domain of the same account on the vendor's own name servers, with a zone there that holds mail, SPF, DKIM, DMARC, CAA,
    /// wildcard and web records of a customer. `<vendor>-hosted.com`.
    pub hosted: Option<Case>,
    /// A domain of the same account with a DS at the registry. `<vendor>-signed.com`.
    pub signed: Option<Case>,
    /// What refuses: `wrong_key`, `no_scope`, `not_in_account`, `locked`, `expired`, `tier`, `allow_list`, `down`. The case `down`
    /// has credentials for which the vendor answers as it does when it is away.
    pub cases: BTreeMap<String, Case>,
}

/// A record to put into a zone: owner below the zone, type, data, TTL, priority.
pub(super) type Plain = (&'static str, &'static str, &'static str, u32, Option<u16>);

/// Puts a domain into the world, and its zone at the vendor where there are records, unless a domain of this name is there: then
/// what became of both since stays.
pub(super) fn put_domain(world: &World, name: &str, domain: Domain, records: &[Plain]) {
    let mut state = world.state();
    if state.domains.contains_key(name) {
        return;
    }
    if !records.is_empty() {
        let records = records
            .iter()
            .map(|&(name, rtype, value, ttl, priority)| Record {
                id: state.next_id(),
                name: name.to_owned(),
                rtype: rtype.to_owned(),
                value: value.to_owned(),
                ttl,
                priority,
            })
            .collect();
        let zone = Zone {
            account: domain.account.clone(),
            records,
        };
        state.zones.insert((domain.vendor.clone(), name.to_owned()), zone);
    }
    state.domains.insert(name.to_owned(), domain);
}
