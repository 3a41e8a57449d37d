//! Dynadot: the older API ("API3", JSON and XML) and version 2 of the REST API.
//!
//! Not checked: whether records of a zone go together (CNAME beside others), prices and everything that costs money, folders,
//! contacts, transfers. Of REST only what concerns records, name servers and hosts is served: the shapes of its DNSSEC and of its
//! details of a domain are not known well enough. Lists in XML are written by one general rule. `ns` records below a zone are taken
//! by REST alone, as the vendor's text has it; that nobody has been seen doing it. What setting name servers leaves of a zone at the
//! vendor is not documented: here nothing, since a domain has one setting.

mod account;
mod answer;
mod api3;
mod dnssec;
mod domains;
mod fixtures;
mod nameservers;
mod records;
mod rest;
mod settings;
mod signature;
mod zone;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;

pub use settings::Settings;
pub use signature::signature;

use super::Simulator;
use super::controls::Controls;
use super::faults::{Faults, Form, Parts};
use super::fixtures::Fixtures;
use super::journal::Journal;
use super::late::Late;
use super::world::World;
use account::Account;
use answer::{Format, Refusal};

/// The vendor's id in the world.
const VENDOR: &str = "dynadot";
/// The vendor's own name servers.
const OWN_HOSTS: [&str; 2] = ["ns1.dyna-ns.net", "ns2.dyna-ns.net"];

/// The vendor, as its routes see it.
#[derive(Clone)]
struct Vendor(Arc<Inner>);

struct Inner {
    world: World,
    faults: Faults,
    late: Late,
    settings: Controls<Settings>,
    accounts: Vec<Account>,
    /// By account: hosts that it may use as name servers, with their numbers.
    hosts: Mutex<BTreeMap<String, BTreeMap<String, u64>>>,
    /// By key: when it was used within the last minute.
    used: Mutex<BTreeMap<String, VecDeque<u64>>>,
    /// Keys of calls that are not answered yet. Only kept when calls take time.
    busy: Mutex<Vec<String>>,
}

impl std::ops::Deref for Vendor {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Vendor {
    /// The settings as they are now.
    fn settings(&self) -> Settings {
        self.settings.with(|settings| settings.clone())
    }
}

/// Serves the vendor on `port` of the loopback address, with the fixtures put into the world.
pub async fn start(world: &World, port: u16) -> io::Result<(Simulator, Fixtures)> {
    start_with(world, port, &Controls::default()).await
}

/// The same with settings of the caller's, who may change them while it runs.
pub async fn start_with(
    world: &World,
    port: u16,
    settings: &Controls<Settings>,
) -> io::Result<(Simulator, Fixtures)> {
    let found = fixtures::put(world);
    let (faults, journal) = (Faults::default(), Journal::default());
    let accounts = fixtures::accounts();
    for account in &accounts {
        journal.mask(&account.key);
        journal.mask(&account.secret);
    }
    journal.reads(&[
        "list_domain",
        "domain_info",
        "get_",
        "server_list",
        "account_info",
        "is_processing",
        "GET ",
    ]);
    let vendor = Vendor(Arc::new(Inner {
        world: world.clone(),
        faults: faults.clone(),
        late: Late::default(),
        settings: settings.clone(),
        accounts,
        hosts: Mutex::default(),
        used: Mutex::default(),
        busy: Mutex::default(),
    }));
    vendor.know_present_hosts();
    let routes = Router::new()
        .route("/api3.json", get(api3::json))
        .route("/api3.xml", get(api3::xml))
        .route("/restful/v2/{*path}", any(rest::call))
        .with_state(vendor);
    let simulator = Simulator::start(port, routes, Shape, faults, journal).await?;
    Ok((simulator, found))
}

/// The vendor's form of what every vendor says.
struct Shape;

impl Form for Shape {
    /// API3: the command, such as `set_ns`. REST: method and path, such as `PUT /restful/v2/domains/example.com/nameservers`.
    fn call(&self, request: &Parts<'_>) -> String {
        if request.path.starts_with("/api3.") {
            let command = account::pairs(request.query)
                .into_iter()
                .find_map(|(name, value)| (name == "command").then_some(value));
            return command.unwrap_or_else(|| "no command".to_owned());
        }
        format!("{} {}", request.method, request.path)
    }

    fn too_many(&self, call: &str, retry_after: Option<u64>) -> Response {
        if is_rest(call) {
            return rest::too_many(retry_after);
        }
        Refusal::general("over quota").render(call, Format::Json, &Settings::default())
    }

    /// Of API3 the answer is "busy", which may come before or after the work.
    fn server_error(&self, call: &str) -> Response {
        if is_rest(call) {
            let body = json!({"code": 500, "message": "Internal Server Error", "error": {"description": "Internal error."}});
            return (axum::http::StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response();
        }
        Refusal::busy().render(call, Format::Json, &Settings::default())
    }

    fn maintenance(&self, call: &str) -> Response {
        if is_rest(call) {
            let body = json!({"code": 503, "message": "Service Unavailable", "error": {"description": "Under maintenance."}});
            return (axum::http::StatusCode::SERVICE_UNAVAILABLE, axum::Json(body)).into_response();
        }
        Refusal::general(account::MAINTENANCE).render(call, Format::Json, &Settings::default())
    }
}

fn is_rest(call: &str) -> bool {
    call.contains(" /")
}
