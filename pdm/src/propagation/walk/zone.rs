//! The zones a walk knows, and the addresses of their servers.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::super::ask::Answer;
use super::super::rrset::ZoneKeys;

/// Hosts of one zone that are looked at. More are allowed and useless, and a way to make us ask many questions.
const MAX_HOSTS: usize = 13;
/// Addresses of one host that are used.
const MAX_ADDRESSES: usize = 4;

/// A zone found on the way.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) apex: Name,
    pub(super) trust: Trust,
    pub(super) servers: Servers,
    /// The zone comes from the memory of the walker.
    pub(super) remembered: bool,
    /// The zone has led to one below it.
    pub(super) led_on: bool,
}

/// What a zone's data is worth.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// It must be signed by these.
    Keys(Arc<ZoneKeys>),
    /// It need not be signed: why.
    Insecure(String),
    /// Nobody has looked: the zone serves for finding addresses of name servers, and for nothing else.
    Unchecked,
}

/// Where to ask for a zone: addresses in the order of use, then hosts whose addresses must be found first.
#[derive(Debug, Clone, Default)]
pub(super) struct Servers {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) hosts: VecDeque<(Name, RecordType)>,
}

impl Servers {
    /// What a referral from the zone `from` to `cut` says. Addresses count only for hosts inside `from`: for others the servers
    /// of `from` have nothing to say.
    pub(super) fn of_referral(from: &Name, cut: &Name, referral: &Answer) -> Self {
        let mut servers = Self::default();
        let mut without_glue = Vec::new();
        for host in nameservers(cut, referral.authorities()).take(MAX_HOSTS) {
            let glue = addresses_of(host, referral.additionals());
            if from.zone_of(host) && !glue.is_empty() {
                servers.add(&glue);
            } else if !cut.zone_of(host) {
                // Hosts inside the zone itself cannot be found without glue.
                without_glue.push(host);
            }
        }
        for rtype in [RecordType::A, RecordType::AAAA] {
            servers
                .hosts
                .extend(without_glue.iter().map(|host| ((*host).clone(), rtype)));
        }
        servers
    }

    pub(super) fn add(&mut self, addresses: &[IpAddr]) {
        for address in addresses {
            if !self.addresses.contains(address) {
                self.addresses.push(*address);
            }
        }
    }
}

/// The hosts of the NS RRset at `name`.
fn nameservers<'a>(name: &'a Name, section: &'a [Record]) -> impl Iterator<Item = &'a Name> {
    section
        .iter()
        .filter(move |record| record.name == *name)
        .filter_map(|record| match &record.data {
            RData::NS(host) => Some(&host.0),
            _ => None,
        })
}

/// The addresses that a section gives for a host.
pub(super) fn addresses_of(host: &Name, section: &[Record]) -> Vec<IpAddr> {
    let at_host = section.iter().filter(|record| record.name == *host);
    let addresses = at_host.filter_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    });
    addresses.take(MAX_ADDRESSES).collect()
}

/// What a reply from a server of the zone `apex` to a question about `name` is. `Err` says why the reply is of no use; another
/// server may do better.
pub(super) fn read_reply(
    apex: &Name,
    name: &Name,
    rtype: RecordType,
    reply: &Answer,
) -> Result<Reply, String> {
    match reply.rcode() {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        error => return Err(error.to_string()),
    }
    let soa = reply
        .authorities()
        .iter()
        .find(|record| record.record_type() == RecordType::SOA);
    if let (None, true, ResponseCode::NoError) = (soa, reply.answers().is_empty(), reply.rcode()) {
        let below = |cut: &Name| cut != apex && apex.zone_of(cut) && cut.zone_of(name);
        let ns = reply
            .authorities()
            .iter()
            .find(|record| record.record_type() == RecordType::NS);
        if let Some(ns) = ns.filter(|ns| below(&ns.name)) {
            // DS belongs to the parent, so a server of the parent does not refer to the child for it.
            let misled = rtype == RecordType::DS && ns.name == *name;
            return if misled {
                Err("a referral in place of DS".to_owned())
            } else {
                Ok(Reply::Referral(ns.name.clone()))
            };
        }
        if ns.is_some() && !reply.aa() {
            return Err("a referral that leads nowhere".to_owned());
        }
    }
    if !reply.aa() {
        return Err("an answer without authority".to_owned());
    }
    match soa {
        Some(soa) if !apex.zone_of(&soa.name) => Err(format!("an answer from the zone {}", soa.name)),
        _ => Ok(Reply::Authoritative),
    }
}

/// A reply that a walk can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The answer is with the servers of the zone of that name.
    Referral(Name),
    /// The server answers for itself.
    Authoritative,
}
