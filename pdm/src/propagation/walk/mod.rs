//! A validating walk from the root to a name, as a resolver with an empty cache makes it.
//!
//! The walk asks the servers of a zone for the whole name, follows referrals, and proves each delegation before it trusts what
//! lies below: a DS RRset signed by the parent and a DNSKEY RRset signed by a key that the DS names, or the parent's proof that
//! there is no DS. It takes one path: the first server of each zone that answers with authority. To see every server of a zone,
//! repeat the walk with the zone pinned to one address after the other.
//!
//! * `run`: the loop over questions, referrals and aliases, and the budgets;
//! * `cut`: from a zone across a delegation into the next;
//! * `judge`: what an answer is worth;
//! * `zone`: the zones a walk knows, and where their servers are;
//! * `memory`: what later walks may take over.

mod cut;
mod judge;
mod memory;
mod run;
mod zone;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};
use pdm_registrar::{DomainName, OwnerName};
use tokio::sync::Semaphore;

use self::memory::Memory;
use self::run::Run;
use super::anchors::Anchors;
use super::ask::{AskError, Asker, Transport, wire_name};

/// Where walks begin, and how far they may go.
#[derive(Debug, Clone)]
pub struct WalkSettings {
    /// Addresses of the root servers.
    pub roots: Vec<IpAddr>,
    /// The port of all name servers.
    pub port: u16,
    /// The keys of the root.
    pub anchors: Anchors,
    /// How many questions one walk may ask. Aliases and name servers' names let others decide how many are needed.
    pub questions: usize,
    /// How long one walk may wait for servers in all.
    pub time: Duration,
    /// How many walks run at a time, at least 1; the others wait, and their time does not run.
    pub walks: usize,
    /// How long the keys and server addresses of a zone above the one asked about may serve later walks. `None`: every walk is
    /// cold. A walk that would end in such a zone itself, or in anything but `Secure` and `Insecure`, is made again without.
    pub upper_zone_memory: Option<Duration>,
}

impl WalkSettings {
    /// 60 questions, 5 seconds, 64 walks at a time, no memory, port 53.
    pub fn new(roots: Vec<IpAddr>, anchors: Anchors) -> Self {
        Self {
            roots,
            port: 53,
            anchors,
            questions: 60,
            time: Duration::from_secs(5),
            walks: 64,
            upper_zone_memory: None,
        }
    }
}

/// What a validating resolver would think of the answer (RFC 4033 section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is a chain of signatures from the root to the answer, or to the proof that there is none.
    Secure,
    /// It is proven that there is no such chain: some zone on the way is delegated without DS.
    Insecure {
        /// Where and why, for people.
        reason: String,
    },
    /// There should be such a chain, and it is broken. A validating resolver answers SERVFAIL.
    Bogus {
        /// What is wrong, for people.
        reason: String,
        /// The zone whose keys do not fit what was answered: lower case, without a dot at the end but for the root.
        zone: String,
        /// Who gave the answer that does not fit.
        server: SocketAddr,
    },
    /// Not known: servers are silent or lame, a budget is used up, or something is in the way that walks do not follow (DNAME).
    /// Says nothing about the zone; never act on a single one.
    Indeterminate {
        /// What was in the way, for people.
        reason: String,
    },
}

/// What a walk found.
#[derive(Debug, Clone)]
pub struct Walk {
    /// What to think of it.
    pub verdict: Verdict,
    /// How the name resolves: NOERROR or NXDOMAIN. `None` where the verdict is `Bogus` or `Indeterminate`.
    pub rcode: Option<ResponseCode>,
    /// The aliases on the way and the RRset asked for, without signatures. Empty where the verdict is `Bogus` or
    /// `Indeterminate`.
    pub answers: Vec<Record>,
    /// How long the answer, or the lack of one, may be kept: the shortest time of all that was needed in the last zones, in
    /// seconds. `None` where nothing tells.
    pub ttl: Option<u32>,
    /// Every question in the order asked.
    pub log: Vec<Question>,
}

/// One question of a walk and what became of it.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who was asked.
    pub server: SocketAddr,
    /// For which name.
    pub name: Name,
    /// For which type.
    pub rtype: RecordType,
    /// What came back.
    pub outcome: Outcome,
    /// How long the walk had waited for servers when it asked.
    pub at: Duration,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There was a reply, usable or not.
    Answered {
        /// What carried it.
        transport: Transport,
        /// Its response code.
        rcode: ResponseCode,
        /// Whether AA was set.
        aa: bool,
    },
    /// There was none.
    Failed(AskError),
}

/// Ask for a zone only at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The zone.
    pub zone: DomainName,
    /// The address of the one server to ask.
    pub server: IpAddr,
}

/// Makes walks.
#[derive(Debug)]
pub struct Walker {
    asker: Arc<Asker>,
    settings: WalkSettings,
    places: Semaphore,
    memory: Memory,
}

impl Walker {
    /// A walker that asks through `asker`, whose address filter holds for walks, too.
    pub fn new(asker: Arc<Asker>, settings: WalkSettings) -> Self {
        let places = Semaphore::new(settings.walks.max(1));
        Self {
            asker,
            settings,
            places,
            memory: Memory::default(),
        }
    }

    /// Walks to an RRset. `now` is the time by which signatures are judged, in UNIX seconds; those of RRSIG records are 32 bits
    /// wide and compared by serial number arithmetic (RFC 4034 section 3.1.5), so this one is, too.
    pub async fn walk(&self, name: &OwnerName, rtype: RecordType, now: u32) -> Walk {
        self.walk_through(&[], name, rtype, now).await
    }

    /// As [`Self::walk`], asking for the pinned zones only at the given addresses.
    pub async fn walk_through(&self, pins: &[Pin], name: &OwnerName, rtype: RecordType, now: u32) -> Walk {
        let _place = self.places.acquire().await.expect("nobody closes the semaphore");
        let name = wire_name(name.as_str());
        let mut run = Run::new(self, pins, now);
        let mut end = run.walk(&name, rtype).await;
        if run.leans_on_memory(&end) {
            run.forget();
            end = run.walk(&name, rtype).await;
        }
        run.finish(end)
    }
}
