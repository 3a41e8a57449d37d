//! Namecheap: the XML API, version 2.
//!
//! Not checked: whether records of a zone go together (CNAME beside others), whether name servers exist, prices and everything
//! that costs money. The source address of a call is always a loopback address, so that an allow-list either has that or not. Which
//! error an unknown command gives is not documented: here that of a missing one. DS and DNSKEY are in no command, as at the vendor.

mod account;
mod answer;
mod command;
mod domains;
mod fixtures;
mod glue;
mod hosts;
mod nameservers;
mod records;
mod settings;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::Response;
use axum::routing::get;

pub use settings::{MissingEmailType, Settings};

use super::Simulator;
use super::controls::Controls;
use super::faults::{Faults, Form, Parts};
use super::fixtures::Fixtures;
use super::journal::Journal;
use super::late::Late;
use super::world::World;
use account::Account;
use answer::Refusal;

/// The vendor's id in the world.
const VENDOR: &str = "namecheap";
/// The vendor's own name servers.
const OWN_HOSTS: [&str; 2] = ["dns1.registrar-servers.com", "dns2.registrar-servers.com"];

/// The vendor, as its commands see it.
#[derive(Clone)]
struct Vendor(Arc<Inner>);

struct Inner {
    world: World,
    faults: Faults,
    late: Late,
    settings: Controls<Settings>,
    accounts: Vec<Account>,
    /// By domain: what mail is set to. Without an entry it follows from the records.
    email_types: Mutex<BTreeMap<String, String>>,
    /// By domain: reads that still find the zone not ready.
    not_ready: Mutex<BTreeMap<String, u32>>,
    /// By account: when it was used within the last day.
    used: Mutex<BTreeMap<&'static str, VecDeque<u64>>>,
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
        journal.mask(account.key);
    }
    journal.reads(&[
        "namecheap.domains.getInfo",
        "namecheap.domains.getList",
        "namecheap.domains.getRegistrarLock",
        "namecheap.domains.dns.get",
        "namecheap.domains.ns.getInfo",
        "namecheap.users.getBalances",
    ]);
    let vendor = Vendor(Arc::new(Inner {
        world: world.clone(),
        faults: faults.clone(),
        late: Late::default(),
        settings: settings.clone(),
        accounts,
        email_types: Mutex::default(),
        not_ready: Mutex::default(),
        used: Mutex::default(),
    }));
    let routes = Router::new()
        .route("/xml.response", get(command::call).post(command::call))
        .with_state(vendor);
    let simulator = Simulator::start(port, routes, Shape, faults, journal).await?;
    Ok((simulator, found))
}

/// The vendor's form of what every vendor says.
struct Shape;

impl Form for Shape {
    /// The command as the documents spell it, such as `namecheap.domains.dns.setCustom`.
    fn call(&self, request: &Parts<'_>) -> String {
        let parameters = command::Parameters::read(request.query, request.body);
        let sent = parameters.get("Command").unwrap_or("no command");
        command::spelling(sent).map_or_else(|| sent.to_owned(), str::to_owned)
    }

    /// Status 405, and no time to wait whatever was asked for.
    fn too_many(&self, _call: &str, _retry_after: Option<u64>) -> Response {
        answer::too_many()
    }

    /// An error within an answer of status 200, as all errors.
    fn server_error(&self, call: &str) -> Response {
        answer::refused(&[Refusal::new(5_050_900, "Unhandled exceptions")], call)
    }

    fn maintenance(&self, _call: &str) -> Response {
        answer::away()
    }
}
