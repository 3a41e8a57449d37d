//! GoDaddy: versions 1, 2 and 3 of the Domains API.
//!
//! Not checked: whether records of a zone go together (CNAME beside others), whether name servers exist, contacts, prices and
//! everything that costs money, `X-Shopper-Id` of resellers, the format of `X-Request-Id`. Keys of the test environment are not
//! known here and refused as any unknown key. Which scope a token needs for DS is not documented: here that for changing domains,
//! unless it is set otherwise. An error of version 3 has the same word in `name` that version 1 has in `code`.

mod account;
mod answer;
mod dnssec;
mod domain;
mod domains;
mod fixtures;
mod operations;
mod record;
mod records;
mod records_v3;
mod request;
mod settings;
mod tasks;
mod v2;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::Response;
use axum::routing::any;

pub use fixtures::{ACCESS_TOKEN, ACCESS_TOKEN_READ_ONLY, SHOPPER_ID};
pub use settings::{ErrorForm, Settings, TooMany};

use super::Simulator;
use super::controls::Controls;
use super::faults::{Faults, Form, Parts};
use super::fixtures::Fixtures;
use super::journal::Journal;
use super::late::Late;
use super::world::World;
use account::{Account, Token};
use answer::Failure;
use request::Generation;
use tasks::Tasks;

/// The vendor's id in the world.
const VENDOR: &str = "godaddy";
/// The vendor's own name servers.
const OWN_HOSTS: [&str; 2] = ["ns01.domaincontrol.com", "ns02.domaincontrol.com"];

/// The vendor, as its routes see it.
#[derive(Clone)]
struct Vendor(Arc<Inner>);

struct Inner {
    world: World,
    faults: Faults,
    late: Late,
    settings: Controls<Settings>,
    accounts: Vec<Account>,
    tokens: Vec<Token>,
    tasks: Tasks,
    /// By account and endpoint: when it was used within the last minute.
    used: Mutex<BTreeMap<(String, String), VecDeque<u64>>>,
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
    let (accounts, tokens) = (fixtures::accounts(), fixtures::tokens());
    for account in &accounts {
        journal.mask(account.key);
        journal.mask(account.secret);
    }
    for token in &tokens {
        journal.mask(token.text);
    }
    journal.reads(&["GET "]);
    let vendor = Vendor(Arc::new(Inner {
        world: world.clone(),
        faults: faults.clone(),
        late: Late::default(),
        settings: settings.clone(),
        accounts,
        tokens,
        tasks: Tasks::default(),
        used: Mutex::default(),
    }));
    let routes = Router::new()
        .route("/v1/{*path}", any(request::call))
        .route("/v2/{*path}", any(request::call))
        .route("/v3/{*path}", any(request::call))
        .with_state(vendor);
    let form = Shape {
        settings: settings.clone(),
    };
    let simulator = Simulator::start(port, routes, form, faults, journal).await?;
    Ok((simulator, found))
}

/// The vendor's form of what every vendor says.
struct Shape {
    settings: Controls<Settings>,
}

impl Shape {
    fn say(&self, call: &str, failure: Failure) -> Response {
        let generation = Generation::of(call.split_once(' ').map_or(call, |(_, path)| path));
        failure.render(generation, &self.settings.with(|settings| settings.clone()))
    }
}

impl Form for Shape {
    /// Method and path, such as `PATCH /v1/domains/example.com`.
    fn call(&self, request: &Parts<'_>) -> String {
        format!("{} {}", request.method, request.path)
    }

    fn too_many(&self, call: &str, retry_after: Option<u64>) -> Response {
        let form = self.settings.with(|settings| settings.too_many);
        self.say(call, Failure::too_many(retry_after, form))
    }

    fn server_error(&self, call: &str) -> Response {
        self.say(call, Failure::new(500, "INTERNAL_ERROR", "Internal server error"))
    }

    fn maintenance(&self, call: &str) -> Response {
        self.say(call, Failure::away())
    }
}
