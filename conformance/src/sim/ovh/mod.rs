//! OVHcloud: domains with their name servers, keys and tasks, and zones with their records.
//!
//! What it does not check or play: OAuth2 and IAM (only application and consumer keys), addresses that a consumer key is limited to,
//! `/v2`, orders, contacts, transfers, the import, reset, history and end of zones, redirections and dynamic hosts, which records may
//! stand beside which (OVH refuses some only when it serves them), limits on the number of calls, the exact words of refusals that the
//! sources do not quote. Nothing is served in the DNS by it. In the shared world a zone is what OVH serves; what is stored and not
//! refreshed is known here only. Keys are known here only, too: after a restart a DS in the world whose key came by a call is not shown.

mod answer;
mod auth;
mod domain;
pub mod fixtures;
mod form;
pub mod keys;
mod nameservers;
mod records;
mod request;
pub mod settings;
mod tasks;
mod zone;
mod zone_file;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Simulator;
use super::controls::Controls;
use super::faults::Faults;
use super::fixtures::Fixtures;
use super::journal::Journal;
use super::stale::Stale;
use super::world::{Domain, Record, World};
use answer::{Answer, Refusal};
use keys::Key;
use request::Request;
use settings::{Credential, Settings};
use tasks::Task;

/// The hosts that zones are served from.
pub const NAMESERVERS: [&str; 2] = ["dns16.ovh.net", "ns16.ovh.net"];

const VENDOR: &str = "ovh";
/// How often tasks are looked at while nobody asks.
const TICK: Duration = Duration::from_millis(50);

/// Starts the simulator with its fixtures in `world`.
pub async fn start(world: &World, port: u16) -> io::Result<(Simulator, Fixtures)> {
    start_with(world, port, &Controls::default()).await
}

/// The same with settings that can be changed from outside.
pub async fn start_with(
    world: &World,
    port: u16,
    controls: &Controls<Settings>,
) -> io::Result<(Simulator, Fixtures)> {
    let journal = Journal::default();
    journal.reads(&form::READS);
    let (fixtures, keys) = fixtures::put(world, controls, &journal);
    let faults = Faults::default();
    let shared = Arc::new(Shared {
        world: world.clone(),
        faults: faults.clone(),
        journal: journal.clone(),
        controls: controls.clone(),
        stale_domains: Stale::default(),
        stale_records: Stale::default(),
        private: Mutex::new(Private {
            keys,
            ..Private::default()
        }),
        serving: Mutex::default(),
    });
    let ticking = Arc::downgrade(&shared);
    let routes = Router::new().fallback(serve).with_state(shared);
    let simulator = Simulator::start(port, routes, form::Ovh, faults, journal).await?;
    tokio::spawn(async move {
        // Ends with the simulator, which holds what is shared.
        while let Some(shared) = ticking.upgrade() {
            {
                let _one_at_a_time = shared.serving();
                shared.settle();
            }
            drop(shared);
            tokio::time::sleep(TICK).await;
        }
    });
    Ok((simulator, fixtures))
}

/// What all calls share.
struct Shared {
    world: World,
    faults: Faults,
    journal: Journal,
    controls: Controls<Settings>,
    stale_domains: Stale<Domain>,
    stale_records: Stale<Vec<Record>>,
    private: Mutex<Private>,
    serving: Mutex<()>,
}

/// What OVH knows and the registry does not.
#[derive(Default)]
struct Private {
    tasks: Vec<Task>,
    /// By domain.
    keys: BTreeMap<String, Vec<Key>>,
    /// By domain and host.
    server_ids: BTreeMap<(String, String), u64>,
    /// Records that are stored and not yet served, by zone.
    drafts: BTreeMap<String, Vec<Record>>,
    /// When a refresh is done, by zone.
    refreshing: BTreeMap<String, Duration>,
}

impl Shared {
    /// Never held across another lock but that of the world.
    fn private(&self) -> MutexGuard<'_, Private> {
        self.private.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held by whatever reads and then writes.
    fn serving(&self) -> MutexGuard<'_, ()> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Answer {
        let _one_at_a_time = self.serving();
        self.settle();
        let path: Vec<_> = request.path.split('/').skip(1).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["auth", "time"]) => return Ok(json!(self.clock()).into()),
            ("POST", ["auth", "credential"]) => return self.ask_for_credential(request),
            (_, []) => return Err(Refusal::no_url()),
            _ => {}
        }
        let credential = self.credential(request)?;
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["auth", "currentCredential"]) => Ok(self.current_credential(&credential)),
            ("GET", ["me"]) => {
                Ok(json!({"nichandle": credential.account, "country": "FR", "state": "complete"}).into())
            }
            ("GET", ["domain"]) => Ok(self.list_domains(&credential)),
            ("GET", ["domain", "zone"]) => Ok(self.list_zones(&credential)),
            ("GET", ["domain", "extensions", _, "registryConfigurations"]) => {
                Ok(json!({"dns": {"minNumber": 2, "maxNumber": 8}}).into())
            }
            (_, ["domain", "zone", zone, rest @ ..]) => {
                self.own_zone(&credential, zone)?;
                self.zone_call(zone, rest, request)
            }
            (_, ["domain", domain, rest @ ..]) => self.domain_call(&credential, domain, rest, request),
            _ => Err(Refusal::no_url()),
        }
    }

    fn zone_call(&self, zone: &str, rest: &[&str], request: &Request) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Self::get_zone(zone).into()),
            ("GET", ["status"]) => Ok(self.zone_status(zone)),
            ("GET", ["export"]) => Ok(json!(self.zone_file(zone)).into()),
            ("POST", ["refresh"]) => self.refresh(zone, request),
            (_, ["dnssec"]) => self.zone_dnssec(zone, request),
            ("GET", ["record"]) => Ok(self.list_records(zone, request)),
            ("POST", ["record"]) => self.create_record(zone, request),
            ("GET", ["record", id]) => self.get_record(zone, id),
            ("PUT", ["record", id]) => self.change_record(zone, id, request),
            ("DELETE", ["record", id]) => self.delete_record(zone, id, request),
            _ => Err(Refusal::no_url()),
        }
    }

    fn domain_call(&self, credential: &Credential, domain: &str, rest: &[&str], request: &Request) -> Answer {
        self.own_domain(credential, domain)?;
        match (request.method.as_str(), rest) {
            ("GET", []) => self.get_domain(domain),
            ("PUT", []) => self.change_domain(domain, request),
            ("GET", ["serviceInfos"]) => self.service_infos(domain),
            ("GET", ["nameServer"]) => self.list_servers(domain),
            ("POST", ["nameServer"]) => self.add_servers(domain, request),
            ("GET", ["nameServer", id]) => self.get_server(domain, id, false),
            ("GET", ["nameServer", id, "status"]) => self.get_server(domain, id, true),
            ("DELETE", ["nameServer", id]) => self.remove_server(domain, id, request),
            ("POST", ["nameServers", "update"]) => self.update_servers(domain, request),
            ("GET", ["dsRecord"]) => Ok(self.list_keys(domain, request)),
            ("POST", ["dsRecord"]) => self.replace_keys(domain, request),
            ("GET", ["dsRecord", id]) => self.get_key(domain, id),
            ("GET", ["task"]) => Ok(self.list_tasks(domain, request)),
            ("GET", ["task", id]) => self.get_task(domain, id),
            ("POST", ["task", id, verb @ ("cancel" | "relaunch" | "accelerate")]) => {
                self.change_task(domain, id, verb)
            }
            (_, ["glueRecord", rest @ ..]) => self.glue(domain, rest, request),
            _ => Err(Refusal::no_url()),
        }
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    // The layer in front has read it already.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let answer = shared.answer(&Request::new(parts, body));
    let number = shared.world.state().next_id();
    answer::with_query_id(answer.into_response(), number)
}

/// SQL's LIKE: `%` is any text, `_` any character.
fn like(pattern: &str, text: &str, any_case: bool) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => (0..=text.len()).any(|at| {
            text.get(at..)
                .is_some_and(|text| like(rest.as_str(), text, any_case))
        }),
        Some(wanted) => {
            let mut chars = text.chars();
            let same = |found: char| {
                wanted == '_' || wanted == found || (any_case && wanted.eq_ignore_ascii_case(&found))
            };
            chars.next().is_some_and(same) && like(rest.as_str(), chars.as_str(), any_case)
        }
    }
}

/// A time as OVH writes it.
fn time(seconds: u64) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
