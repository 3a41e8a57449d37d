//! What single servers say: a zone as its servers have it, a delegation as the parent has it, one RRset.
//!
//! Nothing here is validated and nothing decided: these are the observations that verdicts are made from. "Authoritative"
//! means that the reply has AA and speaks of the zone that was meant.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_proto::dnssec::{DigestType, PublicKey as _};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use pdm_registrar::{DomainName, DsRecord, OwnerName};

use super::ask::{Answer, AskError, Asker, Over, text, wire_name};

/// An RRset read into values of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// The records that could be read.
    pub values: BTreeSet<T>,
    /// The records that could not, in presentation form. A set with any of these is not one that we would publish.
    pub unreadable: BTreeSet<String>,
    /// As served, in seconds; `None` where there is no record.
    pub ttl: Option<u32>,
}

impl<T: Ord> Seen<T> {
    fn read(name: &Name, rtype: RecordType, section: &[Record], read: impl Fn(&RData) -> Option<T>) -> Self {
        let mut seen = Self {
            values: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            ttl: None,
        };
        for record in section
            .iter()
            .filter(|record| record.name == *name && record.record_type() == rtype)
        {
            match read(&record.data) {
                Some(value) => seen.values.insert(value),
                None => seen.unreadable.insert(record.data.to_string()),
            };
            seen.ttl = Some(seen.ttl.map_or(record.ttl, |ttl| ttl.max(record.ttl)));
        }
        seen
    }

    /// Whether the RRset is exactly `wanted`.
    pub fn is(&self, wanted: &BTreeSet<T>) -> bool {
        self.unreadable.is_empty() && self.values == *wanted
    }

    /// Whether there is no record at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.unreadable.is_empty()
    }
}

/// A zone as one server has it, over each transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerView {
    /// Who was asked.
    pub server: SocketAddr,
    /// What it says over UDP; truncated replies are asked for again over TCP.
    pub udp: Standing,
    /// What it says over TCP.
    pub tcp: Standing,
}

/// How a server stands to a zone it should serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is authoritative.
    Serving(ZoneAsServed),
    /// It answers, but not with authority for the zone: lame.
    Lame {
        /// The response code.
        rcode: ResponseCode,
        /// Whether AA was set.
        aa: bool,
    },
    /// It does not answer.
    Unreachable(AskError),
}

/// What an authoritative server says of a zone's apex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneAsServed {
    /// The serial of the SOA record.
    pub serial: u32,
    /// How long resolvers may keep that something does not exist: the smaller of the SOA's TTL and its MINIMUM
    /// (RFC 2308 section 5), in seconds.
    pub negative_ttl: u32,
    /// The NS RRset at the apex.
    pub ns: Seen<DomainName>,
    /// For each DNSKEY at the apex the DS record that would name it, with a SHA-256 digest. Empty: the zone is not signed.
    /// Keys that a DS cannot stand for (RFC 4034 section 2.1.1) or that are revoked (RFC 5011) are among the unreadable.
    pub keys: Seen<DsRecord>,
}

/// Asks an authoritative server for SOA, NS and DNSKEY of a zone, over UDP and over one TCP connection.
pub async fn look_at_server(asker: &Asker, server: SocketAddr, zone: &DomainName) -> ServerView {
    const APEX: [RecordType; 3] = [RecordType::SOA, RecordType::NS, RecordType::DNSKEY];
    let over_udp = async {
        let [soa, ns, keys] = APEX.map(|rtype| asker.ask(server, Over::UdpThenTcp, zone, rtype));
        let (soa, ns, keys) = tokio::join!(soa, ns, keys);
        Ok([soa?, ns?, keys?])
    };
    let (udp, tcp) = tokio::join!(over_udp, asker.ask_over_tcp(server, zone, APEX));
    ServerView {
        server,
        udp: standing(zone, udp),
        tcp: standing(zone, tcp),
    }
}

fn standing(zone: &DomainName, answers: Result<[Answer; 3], AskError>) -> Standing {
    let apex = wire_name(zone.as_str());
    let [soa, ns, keys] = match answers {
        Ok(answers) => answers,
        Err(error) => return Standing::Unreachable(error),
    };
    if let Some(lame) = [&soa, &ns, &keys]
        .into_iter()
        .find(|answer| !answer.aa() || answer.rcode() != ResponseCode::NoError)
    {
        return Standing::Lame {
            rcode: lame.rcode(),
            aa: lame.aa(),
        };
    }
    let Some((record, data)) = soa_of(soa.answers()).filter(|(record, _)| record.name == apex) else {
        return Standing::Lame {
            rcode: soa.rcode(),
            aa: soa.aa(),
        };
    };
    Standing::Serving(ZoneAsServed {
        serial: data.serial,
        negative_ttl: record.ttl.min(data.minimum),
        ns: Seen::read(&apex, RecordType::NS, ns.answers(), host),
        keys: Seen::read(&apex, RecordType::DNSKEY, keys.answers(), |data| match data {
            RData::DNSSEC(DNSSECRData::DNSKEY(key)) => digest(&apex, key),
            _ => None,
        }),
    })
}

/// A delegation as one server of the parent has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentView {
    /// Who was asked.
    pub server: SocketAddr,
    /// The DS RRset, for which the parent is authoritative.
    pub ds: DsAtParent,
    /// The NS RRset at the cut, as a referral gives it.
    pub ns: NsAtParent,
}

/// The DS RRset at a parent's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DsAtParent {
    /// There is one.
    Present(Seen<DsRecord>),
    /// The parent says that there is none; the name may still be delegated.
    Absent {
        /// How long resolvers may keep that, in seconds; `None` where the reply has no SOA record.
        negative_ttl: Option<u32>,
    },
    /// The parent says that the name does not exist.
    NoSuchName {
        /// As for `Absent`.
        negative_ttl: Option<u32>,
        /// The serial of the parent zone that says so.
        serial: Option<u32>,
    },
    /// The server answers, but not with the authority of a parent.
    Lame {
        /// The response code.
        rcode: ResponseCode,
        /// Whether AA was set.
        aa: bool,
    },
    /// It does not answer.
    Unreachable(AskError),
}

/// The NS RRset of a delegation at a parent's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NsAtParent {
    /// The server refers to these hosts.
    Delegated(Seen<DomainName>),
    /// There is no delegation.
    NotDelegated,
    /// The server hosts the child, too, and answers from there, whatever the parent zone says. Only DS shows the parent's side.
    Hidden,
    /// The server answers, but neither as the parent nor as the child.
    Lame {
        /// The response code.
        rcode: ResponseCode,
        /// Whether AA was set.
        aa: bool,
    },
    /// It does not answer.
    Unreachable(AskError),
}

/// Asks a server of the parent zone for DS and NS of a name that is or will be delegated.
pub async fn look_at_parent(asker: &Asker, server: SocketAddr, name: &DomainName) -> ParentView {
    let cut = wire_name(name.as_str());
    let [ds, ns] =
        [RecordType::DS, RecordType::NS].map(|rtype| asker.ask(server, Over::UdpThenTcp, name, rtype));
    let (ds, ns) = tokio::join!(ds, ns);
    let ds = ds.map_or_else(DsAtParent::Unreachable, |answer| ds_at_parent(&cut, &answer));
    let ns = ns.map_or_else(NsAtParent::Unreachable, |answer| ns_at_parent(&cut, &answer));
    ParentView { server, ds, ns }
}

/// Asks a server of the parent zone for the DS alone: all that counts where the server hosts the child, too.
pub async fn look_at_ds(asker: &Asker, server: SocketAddr, name: &DomainName) -> DsAtParent {
    let answer = asker.ask(server, Over::UdpThenTcp, name, RecordType::DS).await;
    let cut = wire_name(name.as_str());
    answer.map_or_else(DsAtParent::Unreachable, |answer| ds_at_parent(&cut, &answer))
}

fn ds_at_parent(cut: &Name, answer: &Answer) -> DsAtParent {
    let seen = Seen::read(cut, RecordType::DS, answer.answers(), |data| match data {
        RData::DNSSEC(DNSSECRData::DS(ds)) => ds_record(ds),
        _ => None,
    });
    // The child, asked for its own DS, says truthfully that it has none; only a zone above can say it of the delegation.
    let above = soa_of(answer.authorities()).is_none_or(|(soa, _)| soa.name != *cut && soa.name.zone_of(cut));
    let negative_ttl = negative_ttl(answer);
    match answer.rcode() {
        ResponseCode::NoError if answer.aa() && !seen.is_empty() => DsAtParent::Present(seen),
        ResponseCode::NoError if answer.aa() && above => DsAtParent::Absent { negative_ttl },
        ResponseCode::NXDomain if answer.aa() && above => DsAtParent::NoSuchName {
            negative_ttl,
            serial: soa_of(answer.authorities()).map(|(_, soa)| soa.serial),
        },
        rcode => DsAtParent::Lame {
            rcode,
            aa: answer.aa(),
        },
    }
}

fn ns_at_parent(cut: &Name, answer: &Answer) -> NsAtParent {
    let referral = Seen::read(cut, RecordType::NS, answer.authorities(), host);
    let speaks_for_cut = answer.answers().iter().any(|record| record.name == *cut)
        || soa_of(answer.authorities()).is_some_and(|(soa, _)| soa.name == *cut);
    match answer.rcode() {
        ResponseCode::NoError if answer.aa() && speaks_for_cut => NsAtParent::Hidden,
        ResponseCode::NoError if answer.answers().is_empty() && !referral.is_empty() => {
            NsAtParent::Delegated(referral)
        }
        ResponseCode::NoError | ResponseCode::NXDomain if answer.aa() => NsAtParent::NotDelegated,
        rcode => NsAtParent::Lame {
            rcode,
            aa: answer.aa(),
        },
    }
}

/// An RRset as one server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RrsetView {
    /// The server has it.
    Present {
        /// The records' data; equal on all servers of a zone when they hold the same RRset.
        records: BTreeSet<RData>,
        /// In seconds.
        ttl: u32,
    },
    /// The name is an alias.
    Alias {
        /// What it stands for: lower case, without a dot at the end.
        target: String,
        /// In seconds.
        ttl: u32,
    },
    /// The name has no records of the type.
    NoData,
    /// There is no such name.
    NoSuchName,
    /// The server answers, but not with authority.
    Lame {
        /// The response code.
        rcode: ResponseCode,
        /// Whether AA was set.
        aa: bool,
    },
    /// It does not answer.
    Unreachable(AskError),
}

/// Asks a server for one RRset. Owners may be wildcards, which stand for themselves here, and may have underscores.
pub async fn rrset_at(asker: &Asker, server: SocketAddr, owner: &OwnerName, rtype: RecordType) -> RrsetView {
    let name = wire_name(owner.as_str());
    let answer = match asker.ask_name(server, Over::UdpThenTcp, &name, rtype).await {
        Ok(answer) => answer,
        Err(error) => return RrsetView::Unreachable(error),
    };
    let seen = Seen::read(&name, rtype, answer.answers(), |data| Some(data.clone()));
    let alias = answer.answers().iter().find_map(|record| match &record.data {
        RData::CNAME(target) if record.name == name => Some((text(target), record.ttl)),
        _ => None,
    });
    match (answer.rcode(), seen.ttl, alias) {
        (ResponseCode::NoError | ResponseCode::NXDomain, Some(ttl), _) if answer.aa() => RrsetView::Present {
            records: seen.values,
            ttl,
        },
        (ResponseCode::NoError | ResponseCode::NXDomain, None, Some((target, ttl))) if answer.aa() => {
            RrsetView::Alias { target, ttl }
        }
        (ResponseCode::NoError, None, None) if answer.aa() => RrsetView::NoData,
        (ResponseCode::NXDomain, None, None) if answer.aa() => RrsetView::NoSuchName,
        (rcode, ..) => RrsetView::Lame {
            rcode,
            aa: answer.aa(),
        },
    }
}

fn soa_of(section: &[Record]) -> Option<(&Record, &SOA)> {
    section.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some((record, soa)),
        _ => None,
    })
}

fn negative_ttl(answer: &Answer) -> Option<u32> {
    soa_of(answer.authorities()).map(|(record, soa)| record.ttl.min(soa.minimum))
}

fn host(data: &RData) -> Option<DomainName> {
    match data {
        RData::NS(host) => DomainName::parse(&text(host)).ok(),
        _ => None,
    }
}

fn ds_record(ds: &DS) -> Option<DsRecord> {
    DsRecord::new(
        ds.key_tag(),
        ds.algorithm().into(),
        ds.digest_type().into(),
        ds.digest(),
    )
    .ok()
}

fn digest(apex: &Name, key: &DNSKEY) -> Option<DsRecord> {
    if !key.zone_key() || key.revoke() {
        return None;
    }
    let digest = key.to_digest(apex, DigestType::SHA256).ok()?;
    let algorithm = key.public_key().algorithm();
    DsRecord::new(
        key.calculate_key_tag().ok()?,
        algorithm.into(),
        DigestType::SHA256.into(),
        digest.as_ref(),
    )
    .ok()
}
