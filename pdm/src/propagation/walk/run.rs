//! One walk: questions, referrals, aliases, budgets.

use std::collections::VecDeque;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin as Boxed;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

use super::super::ask::{Answer, Over, text, wire_name};
use super::judge::{Found, dname_above, judge};
use super::zone::{Reply, Servers, Trust, Zone, addresses_of, read_reply};
use super::{Outcome, Pin, Question, Verdict, Walk, Walker};

/// Aliases that are followed.
const MAX_ALIASES: usize = 8;
/// How deep the search for a name server's address may need the address of another one.
const MAX_DEPTH: usize = 3;

/// Why a walk ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Bogus {
        reason: String,
        zone: String,
        server: SocketAddr,
    },
    Indeterminate(String),
}

/// A walk that has come to its end.
#[derive(Debug)]
pub(super) struct End {
    rcode: ResponseCode,
    answers: Vec<Record>,
    ttl: Option<u32>,
    insecure: Option<String>,
    /// One of the zones that answered comes from the memory.
    remembered: bool,
}

pub(super) struct Run<'w> {
    walker: &'w Walker,
    pub(super) now: u32,
    pins: Vec<(Name, IpAddr)>,
    pub(super) zones: Vec<Zone>,
    log: Vec<Question>,
    waited: Duration,
    may_recall: bool,
}

impl<'w> Run<'w> {
    pub(super) fn new(walker: &'w Walker, pins: &[Pin], now: u32) -> Self {
        let pins = pins
            .iter()
            .map(|pin| (wire_name(pin.zone.as_str()), pin.server))
            .collect();
        Self {
            walker,
            now,
            pins,
            zones: Vec::new(),
            log: Vec::new(),
            waited: Duration::ZERO,
            may_recall: true,
        }
    }

    /// Takes zones above a name from the memory of the walker.
    fn recall(&mut self, name: &Name) {
        let (Some(age), true) = (self.walker.settings.upper_zone_memory, self.may_recall) else {
            return;
        };
        for zone in self.walker.memory.above(name, age) {
            // A walk must pass through a pinned zone, not start below it.
            let passes = self.pins.iter().all(|(pinned, _)| !pinned.zone_of(&zone.apex));
            if passes && !self.zones.iter().any(|known| known.apex == zone.apex) {
                self.zones.push(zone);
            }
        }
    }

    /// Whether an end is one that the memory must have no part in.
    pub(super) fn leans_on_memory(&self, end: &Result<End, Stop>) -> bool {
        self.zones.iter().any(|zone| zone.remembered) && end.as_ref().map_or(true, |end| end.remembered)
    }

    /// Starts again with nothing known, and nothing taken from the memory.
    pub(super) fn forget(&mut self) {
        self.zones.clear();
        self.may_recall = false;
    }

    pub(super) fn finish(mut self, end: Result<End, Stop>) -> Walk {
        let log = std::mem::take(&mut self.log);
        match end {
            Ok(End {
                rcode,
                answers,
                ttl,
                insecure,
                ..
            }) => {
                if let Some(age) = self.walker.settings.upper_zone_memory {
                    // That a zone is unsigned is a negative answer, and is not kept.
                    let keep = |zone: &Zone| {
                        zone.led_on
                            && !zone.remembered
                            && !matches!(zone.trust, Trust::Insecure(_))
                            && self.pins.iter().all(|(pinned, _)| !pinned.zone_of(&zone.apex))
                    };
                    self.walker
                        .memory
                        .keep(self.zones.iter().filter(|zone| keep(zone)), age);
                }
                let verdict = insecure.map_or(Verdict::Secure, |reason| Verdict::Insecure { reason });
                Walk {
                    verdict,
                    rcode: Some(rcode),
                    answers,
                    ttl,
                    log,
                }
            }
            Err(stop) => {
                let verdict = match stop {
                    Stop::Bogus { reason, zone, server } => Verdict::Bogus { reason, zone, server },
                    Stop::Indeterminate(reason) => Verdict::Indeterminate { reason },
                };
                Walk {
                    verdict,
                    rcode: None,
                    answers: Vec::new(),
                    ttl: None,
                    log,
                }
            }
        }
    }

    /// Follows aliases until there is an answer.
    pub(super) async fn walk(&mut self, name: &Name, rtype: RecordType) -> Result<End, Stop> {
        let mut end = End {
            rcode: ResponseCode::NoError,
            answers: Vec::new(),
            ttl: None,
            insecure: None,
            remembered: false,
        };
        let mut names = vec![name.clone()];
        loop {
            let name = names[names.len() - 1].clone();
            let (zone, answer) = self.answer_to(&name, rtype).await?;
            let judged = judge(&self.zones[zone], &name, rtype, &answer, self.now)?;
            end.remembered |= self.zones[zone].remembered;
            end.ttl = end.ttl.into_iter().chain(judged.ttl).min();
            end.insecure = end.insecure.or(judged.insecure);
            let (rcode, wanted) = match judged.found {
                Found::Rrset => (ResponseCode::NoError, Some(rtype)),
                Found::Alias(_) => (ResponseCode::NoError, Some(RecordType::CNAME)),
                Found::Nothing => (answer.rcode(), None),
            };
            if let Some(wanted) = wanted {
                let records = answer.into_answers().into_iter();
                end.answers
                    .extend(records.filter(|record| record.name == name && record.record_type() == wanted));
            }
            let Found::Alias(target) = judged.found else {
                end.rcode = rcode;
                return Ok(end);
            };
            if names.contains(&target) {
                return Err(Stop::Indeterminate(format!("{target} is an alias of itself")));
            }
            if names.len() > MAX_ALIASES {
                return Err(Stop::Indeterminate(format!("more than {MAX_ALIASES} aliases")));
            }
            names.push(target);
        }
    }

    /// Follows referrals until a server answers with authority: the zone that answers, and the answer.
    async fn answer_to(&mut self, name: &Name, rtype: RecordType) -> Result<(usize, Answer), Stop> {
        self.recall(name);
        let mut zone = match self.validated_above(name, rtype) {
            Some(zone) => zone,
            None => self.root().await?,
        };
        loop {
            let (reply, answer) = self.ask(zone, name, rtype, 0).await?;
            let Reply::Referral(cut) = reply else {
                if let Some(dname) = dname_above(name, &answer) {
                    return Err(Stop::Indeterminate(format!("there is a DNAME at {dname}")));
                }
                // The server may host zones below this one, and then answers from the lowest.
                while let Some(below) = self.hosted_below(zone, name, rtype, &answer).await? {
                    zone = below;
                }
                return Ok((zone, answer));
            };
            zone = self.follow(zone, cut, &answer).await?;
        }
    }

    /// The deepest zone on the validated path to a name. DS belongs to the zone above the name.
    fn validated_above(&self, name: &Name, rtype: RecordType) -> Option<usize> {
        self.deepest(|zone| {
            !matches!(zone.trust, Trust::Unchecked)
                && zone.apex.zone_of(name)
                && (rtype != RecordType::DS || zone.apex != *name || name.is_root())
        })
    }

    fn deepest(&self, fits: impl Fn(&Zone) -> bool) -> Option<usize> {
        let fitting = self.zones.iter().enumerate().filter(|(_, zone)| fits(zone));
        fitting
            .max_by_key(|(_, zone)| zone.apex.num_labels())
            .map(|(index, _)| index)
    }

    /// Adds a zone, at the pinned address if there is one.
    pub(super) fn add(&mut self, apex: Name, trust: Trust, servers: Servers) -> usize {
        let pin = self.pins.iter().find(|(pinned, _)| *pinned == apex);
        let servers = pin.map_or(servers, |(_, address)| Servers {
            addresses: vec![*address],
            hosts: VecDeque::new(),
        });
        self.zones.push(Zone {
            apex,
            trust,
            servers,
            remembered: false,
            led_on: false,
        });
        self.zones.len() - 1
    }

    pub(super) fn root_servers(&self) -> Servers {
        Servers {
            addresses: self.walker.settings.roots.clone(),
            hosts: VecDeque::new(),
        }
    }

    pub(super) fn anchors(&self) -> &'w super::Anchors {
        &self.walker.settings.anchors
    }

    /// Asks the servers of a zone until one gives a usable reply.
    pub(super) async fn ask(
        &mut self,
        zone: usize,
        name: &Name,
        rtype: RecordType,
        depth: usize,
    ) -> Result<(Reply, Answer), Stop> {
        let mut failures = Vec::new();
        for tried in 0.. {
            let Some(address) = self.server(zone, tried, depth).await else {
                break;
            };
            let server = SocketAddr::new(address, self.walker.settings.port);
            let settings = &self.walker.settings;
            if self.log.len() >= settings.questions {
                return Err(Stop::Indeterminate(format!(
                    "more than {} questions",
                    settings.questions
                )));
            }
            let left = settings.time.saturating_sub(self.waited);
            if left.is_zero() {
                return Err(Stop::Indeterminate(format!(
                    "no answer within {:?}",
                    settings.time
                )));
            }
            let (took, reply) = self
                .walker
                .asker
                .ask_timed(server, Over::UdpThenTcp, name, rtype, left)
                .await;
            let outcome = match &reply {
                Ok(a) => Outcome::Answered {
                    transport: a.transport,
                    rcode: a.rcode(),
                    aa: a.aa(),
                },
                Err(error) => Outcome::Failed(error.clone()),
            };
            self.log.push(Question {
                server,
                name: name.clone(),
                rtype,
                outcome,
                at: self.waited,
            });
            self.waited += took;
            let zone = &mut self.zones[zone];
            let usable = match reply {
                Ok(answer) => read_reply(&zone.apex, name, rtype, &answer).map(|read| (read, answer)),
                Err(error) => Err(error.to_string()),
            };
            match usable {
                Ok(usable) => {
                    // The next question goes first to the server that answered this one.
                    zone.servers.addresses.swap(0, tried);
                    return Ok(usable);
                }
                Err(failure) => failures.push(format!("{server}: {failure}")),
            }
        }
        let failures = if failures.is_empty() {
            "it has no known server".to_owned()
        } else {
            failures.join(", ")
        };
        let apex = &self.zones[zone].apex;
        Err(Stop::Indeterminate(format!(
            "no server of {apex} tells {rtype} of {name} ({failures})"
        )))
    }

    /// The `n`th address of a zone; looks for addresses of its hosts only when the known ones are used up.
    async fn server(&mut self, zone: usize, n: usize, depth: usize) -> Option<IpAddr> {
        loop {
            let servers = &mut self.zones[zone].servers;
            if let Some(address) = servers.addresses.get(n) {
                return Some(*address);
            }
            if depth >= MAX_DEPTH {
                return None;
            }
            let (host, rtype) = servers.hosts.pop_front()?;
            let found = self.addresses(&host, rtype, depth + 1).await;
            self.zones[zone].servers.add(&found);
        }
    }

    /// Finds addresses of a name server, without validation: a wrong address leads to a server whose answers will not validate.
    fn addresses<'a>(
        &'a mut self,
        host: &'a Name,
        rtype: RecordType,
        depth: usize,
    ) -> Boxed<Box<dyn Future<Output = Vec<IpAddr>> + Send + 'a>> {
        Box::pin(async move {
            self.recall(host);
            let Some(mut zone) = self.deepest(|zone| zone.apex.zone_of(host)) else {
                return Vec::new();
            };
            loop {
                match self.ask(zone, host, rtype, depth).await {
                    Ok((Reply::Referral(cut), referral)) => {
                        let servers = Servers::of_referral(&self.zones[zone].apex, &cut, &referral);
                        zone = self.add(cut, Trust::Unchecked, servers);
                    }
                    Ok((Reply::Authoritative, answer)) => {
                        self.zones[zone].led_on = true;
                        return addresses_of(host, answer.answers());
                    }
                    Err(_) => return Vec::new(),
                }
            }
        })
    }
}

impl Stop {
    /// The keys of `zone` do not fit the answer.
    pub(super) fn bogus(reason: String, zone: &Name, answer: &Answer) -> Self {
        Self::Bogus {
            reason,
            zone: text(zone),
            server: answer.server,
        }
    }
}
