//! Is it live yet? One look at everybody who matters, a verdict from a closed set, and the evidence for it.
//!
//! Truth is what every server of the parent and every server of the name say; the walk from the root is evidence from
//! an own validating resolver with a cold cache. Nothing here changes anything.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use pdm_registrar::{DomainName, OwnerName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::DbTime;
use crate::delegation::Delegation;
use crate::delegation::parent_zone::AtParent;
use crate::domain::claim::{Claim, ClaimState};
use crate::operations::World;
use crate::propagation::{
    Answer, AskError, DsAtParent, Over, Standing, Transport, Verdict as Chain, look_at_ds, look_at_server,
};

/// What the world sees of a name. The set is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No server of the parent delegates the name.
    NotDelegated,
    /// Some servers of the parent delegate it, others do not.
    PartialParent,
    /// The parent names other servers.
    WrongSet,
    /// A server that the parent names does not answer with authority.
    Lame,
    /// Old answers may still be in caches.
    Spreading,
    /// The DS of the parent does not fit the key of the zone.
    DsMismatch,
    /// The chain of trust is broken.
    Bogus,
    /// Every server answers as wanted, and the chain of trust is closed.
    Ready,
    /// Ready, and the caches of everything before have run out.
    Settled,
    /// It could not be seen.
    Unknown,
}

/// A look at the world.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Propagation {
    /// The claim.
    pub claim_id: String,
    /// What was found.
    pub verdict: Verdict,
    /// Servers that are lame or differ.
    pub subjects: Vec<String>,
    /// Until when old answers may be in caches.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<DbTime>,
    /// What it means, for people.
    pub message: String,
    /// When it was seen.
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: DbTime,
    /// When looking again is of use.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_check_at: Option<DbTime>,
    /// Every question and answer that led to it.
    pub evidence: Vec<Evidence>,
}

/// One question to one server, and what it said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// `parent`, `child` or `resolver`.
    pub role: Role,
    /// Which server, as people call it.
    pub server: String,
    /// Its address and port.
    pub address: String,
    /// `udp` or `tcp`.
    pub transport: String,
    /// Name and type.
    pub question: String,
    /// Response code, or why there is none.
    pub rcode: String,
    /// Whether the answer was authoritative.
    pub aa: bool,
    /// Whether it was validated.
    pub ad: bool,
    /// The TTL of the answer, seconds.
    pub ttl: Option<u32>,
    /// The records, in presentation format.
    pub answer: Vec<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: DbTime,
}

/// On which side a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It serves the zone above.
    Parent,
    /// It serves the name's own zone.
    Child,
    /// It follows the chain of trust from the root.
    Resolver,
}

/// Looks at the world once.
pub async fn look(world: &World, claim: &Claim, now: DbTime) -> Propagation {
    let mut looking = Looking {
        world,
        claim,
        now,
        evidence: Vec::new(),
    };
    let (verdict, subjects, message) = looking.verdict().await;
    let settles = claim.settled_at(Duration::from_secs(u64::from(world.config.zones.pool_soa)));
    let verdict = match (verdict, settles) {
        (Verdict::Ready, Some(at)) if at <= now => Verdict::Settled,
        (verdict, _) => verdict,
    };
    let until = (verdict == Verdict::Ready).then_some(settles).flatten();
    let soon = now.plus(world.config.timing.backoff_max / 60);
    Propagation {
        claim_id: claim.id.to_string(),
        verdict,
        subjects,
        until,
        message,
        observed_at: now,
        next_check_at: (verdict != Verdict::Settled).then_some(until.unwrap_or(soon)),
        evidence: looking.evidence,
    }
}

struct Looking<'a> {
    world: &'a World,
    claim: &'a Claim,
    now: DbTime,
    evidence: Vec<Evidence>,
}

type Seen = (Verdict, Vec<String>, String);

impl Looking<'_> {
    async fn verdict(&mut self) -> Seen {
        let name = &self.claim.name;
        let at = match self.world.parents.look(&self.claim.pool, name).await {
            Ok(at) => at,
            Err(error) => return unknown(format!("The parent zone could not be read: {error}")),
        };
        let hosts = match self.world.parents.hosts_of(&self.claim.pool).await {
            Ok(hosts) => hosts,
            Err(error) => return unknown(format!("The parent zone could not be read: {error}")),
        };
        let parents = match self.world.addresses.of(&hosts, self.now.unix_seconds()).await {
            Ok(servers) => servers,
            Err(error) => return unknown(error),
        };
        let at_parents = self.ask_parents(&parents).await;
        let wanted: BTreeSet<_> = self.claim.ds.iter().cloned().collect();
        let (mut with, mut without, mut other) = (Vec::new(), Vec::new(), Vec::new());
        for (server, seen) in parents.iter().zip(&at_parents) {
            match seen {
                DsAtParent::Present(seen) if !wanted.is_empty() && seen.is(&wanted) => {
                    with.push(server.to_string());
                }
                DsAtParent::Present(_) => other.push(server.to_string()),
                DsAtParent::Absent { .. } | DsAtParent::NoSuchName { .. } => without.push(server.to_string()),
                // Where parent and child share a server, only the database shows the parent's side.
                DsAtParent::Lame { .. } if at.is_undelegated() => without.push(server.to_string()),
                DsAtParent::Lame { .. } | DsAtParent::Unreachable(_) => {
                    return unknown(format!("The parent's server {server} did not answer."));
                }
            }
        }
        if let Some(seen) = self.parent_verdict(&at, &with, without, other) {
            return seen;
        }
        if let Some(seen) = self.ask_children(&wanted).await {
            return seen;
        }
        self.walk().await
    }

    fn parent_verdict(
        &self,
        at: &AtParent,
        with: &[String],
        without: Vec<String>,
        other: Vec<String>,
    ) -> Option<Seen> {
        let (name, pool) = (&self.claim.name, &self.claim.pool);
        if at.is_undelegated() && with.is_empty() && other.is_empty() {
            let message = match self.claim.state {
                ClaimState::Reserved => format!("{name} is held; it is delegated after the commit."),
                ClaimState::Activating => {
                    format!("{name} is being set up and is not delegated in {pool} yet.")
                }
                _ => format!("{pool} does not delegate {name}."),
            };
            return Some((Verdict::NotDelegated, Vec::new(), message));
        }
        if !other.is_empty() {
            let message = format!("{} give another DS than the zone's key has.", other.join(", "));
            return Some((Verdict::DsMismatch, other, message));
        }
        if !without.is_empty() {
            let message = format!("{} do not give the DS yet.", without.join(", "));
            return Some((Verdict::PartialParent, without, message));
        }
        let wanted = Delegation::ours(&self.claim.nameservers, &self.claim.ds, self.world.config.zones);
        if !at.is(&wanted) {
            let message = format!("{pool} names other servers for {name} than it should.");
            return Some((
                Verdict::WrongSet,
                at.ns.clone().map_or_else(Vec::new, |(hosts, _)| hosts),
                message,
            ));
        }
        None
    }

    async fn ask_parents(&mut self, servers: &[SocketAddr]) -> Vec<DsAtParent> {
        let mut seen = Vec::new();
        for server in servers {
            self.ask(Role::Parent, *server, Over::UdpThenTcp, RecordType::DS)
                .await;
            seen.push(look_at_ds(&self.world.asker, *server, &self.claim.name).await);
        }
        seen
    }

    async fn ask_children(&mut self, wanted: &BTreeSet<pdm_registrar::DsRecord>) -> Option<Seen> {
        let hosts: Vec<DomainName> = self.claim.nameservers.clone();
        let servers = match self.world.addresses.of(&hosts, self.now.unix_seconds()).await {
            Ok(servers) => servers,
            Err(error) => return Some(unknown(error)),
        };
        let (mut lame, mut mismatch) = (Vec::new(), Vec::new());
        for server in &servers {
            for over in [Over::UdpThenTcp, Over::Only(Transport::Tcp)] {
                self.ask(Role::Child, *server, over, RecordType::SOA).await;
            }
            self.ask(Role::Child, *server, Over::UdpThenTcp, RecordType::DNSKEY)
                .await;
            let view = look_at_server(&self.world.asker, *server, &self.claim.name).await;
            for standing in [&view.udp, &view.tcp] {
                match standing {
                    Standing::Serving(zone) if zone.keys.is(wanted) => {}
                    Standing::Serving(_) => mismatch.push(server.to_string()),
                    Standing::Lame { .. } | Standing::Unreachable(_) => lame.push(server.to_string()),
                }
            }
        }
        lame.dedup();
        mismatch.dedup();
        if !lame.is_empty() {
            let message = format!(
                "{} do not answer with authority for {}.",
                lame.join(", "),
                self.claim.name
            );
            return Some((Verdict::Lame, lame, message));
        }
        if !mismatch.is_empty() {
            let message = format!(
                "{} serve another key than the parent's DS names.",
                mismatch.join(", ")
            );
            return Some((Verdict::DsMismatch, mismatch, message));
        }
        None
    }

    async fn walk(&mut self) -> Seen {
        let name = &self.claim.name;
        let rtype = match &self.claim.targets {
            Some(targets) if targets.ipv4().is_empty() => RecordType::AAAA,
            _ => RecordType::A,
        };
        let walk = self
            .world
            .walker
            .walk(&OwnerName::from(name.clone()), rtype, self.now.unix_seconds())
            .await;
        let secure = walk.verdict == Chain::Secure;
        self.evidence.push(Evidence {
            role: Role::Resolver,
            server: "own validating walk from the root".to_owned(),
            address: String::new(),
            transport: "udp".to_owned(),
            question: format!("{name} {rtype}"),
            rcode: walk.rcode.map_or_else(|| "SERVFAIL".to_owned(), mnemonic),
            aa: false,
            ad: secure,
            ttl: walk.ttl,
            answer: walk.answers.iter().map(ToString::to_string).collect(),
            at: self.now,
        });
        match walk.verdict {
            Chain::Secure => (
                Verdict::Ready,
                Vec::new(),
                format!("{name} is live: every server agrees, and the chain of trust is closed."),
            ),
            Chain::Bogus { reason, zone, .. } => (
                Verdict::Bogus,
                vec![zone.clone()],
                format!("Validating resolvers refuse {name}: {reason} (zone {zone})."),
            ),
            Chain::Insecure { reason } => (
                Verdict::DsMismatch,
                Vec::new(),
                format!("The chain of trust is not closed: {reason}."),
            ),
            Chain::Indeterminate { reason } => {
                unknown(format!("The chain of trust could not be followed: {reason}."))
            }
        }
    }

    async fn ask(&mut self, role: Role, server: SocketAddr, over: Over, rtype: RecordType) {
        let answer = self.world.asker.ask(server, over, &self.claim.name, rtype).await;
        self.evidence
            .push(self.evidence_of(role, server, over, rtype, answer));
    }

    fn evidence_of(
        &self,
        role: Role,
        server: SocketAddr,
        over: Over,
        rtype: RecordType,
        answer: Result<Answer, AskError>,
    ) -> Evidence {
        let transport = match (&answer, over) {
            (Ok(answer), _) => answer.transport,
            (Err(_), Over::Only(transport)) => transport,
            (Err(_), Over::UdpThenTcp) => Transport::Udp,
        };
        let mut evidence = Evidence {
            role,
            server: server.ip().to_string(),
            address: server.to_string(),
            transport: if transport == Transport::Tcp { "tcp" } else { "udp" }.to_owned(),
            question: format!("{} {rtype}", self.claim.name),
            rcode: String::new(),
            aa: false,
            ad: false,
            ttl: None,
            answer: Vec::new(),
            at: self.now,
        };
        match answer {
            Ok(answer) => {
                evidence.rcode = mnemonic(answer.rcode());
                evidence.aa = answer.aa();
                evidence.ttl = answer.answers().iter().map(|record| record.ttl).min();
                evidence.answer = answer.answers().iter().map(ToString::to_string).collect();
            }
            Err(error) => evidence.rcode = error.to_string(),
        }
        evidence
    }
}

/// The response code as RFC 1035 and the IANA registry write it: NOERROR, NXDOMAIN.
fn mnemonic(rcode: ResponseCode) -> String {
    format!("{rcode:?}").to_uppercase()
}

fn unknown(message: String) -> Seen {
    (Verdict::Unknown, Vec::new(), message)
}
