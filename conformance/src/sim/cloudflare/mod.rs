//! Cloudflare: zones and their records, and as much of its registrar as shows that name servers cannot be set there.
//!
//! What it does not check or play: the Global API Key (every one is unknown here), requests for what a zone is besides its records (settings,
//! plans, creation, deletion, import and export), types that are not in `content`, custom and foundation name servers, multi-provider
//! DNS (NS at the apex are always ignored), CNAME flattening, the limit of 200 calls a second and address, the order of lists, the
//! length of comments, `Content-Type`. Nothing is served in the DNS by it. A batch is applied at once everywhere. Codes in chains that
//! are above 9900 are our own: the documents do not name them.

mod answer;
pub mod auth;
mod content;
mod draft;
pub mod fixtures;
mod form;
mod records;
mod registrations;
mod request;
mod rules;
pub mod settings;
mod shadow;
mod zones;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;

use super::Simulator;
use super::controls::Controls;
use super::faults::Faults;
use super::fixtures::Fixtures;
use super::journal::Journal;
use super::stale::Stale;
use super::world::{Record, World};
use answer::{Answer, Refusal};
use content::Extra;
use request::Request;
use settings::Settings;

/// The hosts that zones are assigned.
pub const NAMESERVERS: [&str; 2] = ["alice.ns.cloudflare.com", "tom.ns.cloudflare.com"];

const VENDOR: &str = "cloudflare";
const PREFIX: &str = "/client/v4";

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
    let fixtures = fixtures::put(world, controls, &journal);
    let faults = Faults::default();
    let shared = Shared {
        world: world.clone(),
        faults: faults.clone(),
        controls: controls.clone(),
        stale: Stale::default(),
        extras: Mutex::default(),
        windows: Mutex::default(),
        writing: Mutex::default(),
    };
    let routes = Router::new().fallback(serve).with_state(Arc::new(shared));
    let simulator = Simulator::start(port, routes, form::Cloudflare, faults, journal).await?;
    Ok((simulator, fixtures))
}

/// What all calls share.
struct Shared {
    world: World,
    faults: Faults,
    controls: Controls<Settings>,
    /// Records that reads still show, by zone id.
    stale: Stale<Vec<Record>>,
    extras: Mutex<BTreeMap<u64, Extra>>,
    /// By token: when its window began, and the calls in it.
    windows: Mutex<BTreeMap<String, (u64, u32)>>,
    writing: Mutex<()>,
}

impl Shared {
    fn extras(&self) -> MutexGuard<'_, BTreeMap<u64, Extra>> {
        self.extras.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<String, (u64, u32)>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Answer {
        let path: Vec<_> = request.path.split('/').skip(1).collect();
        let verifying = path.ends_with(&["tokens", "verify"]);
        let token = self.token(&request.headers, verifying)?;
        if token.down {
            return Err(Refusal::new(503, 0, "Service Unavailable"));
        }
        let no_route = || Err(Refusal::no_route(404, &request.path));
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["user", "tokens", "verify"]) => self.verify(&token, None),
            ("GET", ["accounts", account, "tokens", "verify"]) => self.verify(&token, Some(account)),
            ("GET", ["accounts"]) => Self::list_accounts(&token),
            ("GET", ["accounts", account, "registrar", "registrations"]) => {
                self.registrations(&token, account, None, request)
            }
            ("GET" | "PATCH", ["accounts", account, "registrar", "registrations", domain]) => {
                self.registrations(&token, account, Some(domain), request)
            }
            // Reached its end of life; which status it has since is not known.
            (_, ["accounts", _, "registrar", "domains", ..]) => {
                Err(Refusal::new(410, 10410, "This endpoint is no longer available."))
            }
            ("GET", ["zones"]) => self.list_zones(&token, request),
            ("GET", ["zones", id]) => self.get_zone(&token, id, &request.path),
            ("PATCH", ["zones", id]) => self.change_zone(&token, id, request),
            ("GET" | "PATCH", ["zones", id, "dnssec"]) => self.dnssec(&token, id, request),
            ("GET", ["zones", id, "dns_records"]) => self.list_records(&token, id, request),
            ("POST", ["zones", id, "dns_records"]) => self.create_record(&token, id, request),
            ("POST", ["zones", id, "dns_records", "batch"]) => self.batch(&token, id, request),
            ("GET", ["zones", id, "dns_records", record]) => self.get_record(&token, id, record, request),
            ("PUT" | "PATCH", ["zones", id, "dns_records", record]) => {
                self.change_record(&token, id, record, request)
            }
            ("DELETE", ["zones", id, "dns_records", record]) => {
                self.delete_record(&token, id, record, request)
            }
            _ => no_route(),
        }
    }
}

async fn serve(State(shared): State<Arc<Shared>>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    // The layer in front has read it already.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let request = Request::new(parts.method.as_str(), &parts.uri, parts.headers, body);
    let (as_200, bare) = shared
        .controls
        .with(|settings| (settings.errors_as_200, settings.bare_validation_errors));
    let mut response = match shared.answer(&request) {
        Ok(done) => done.into_response(),
        Err(refusal) if refusal.status == 503 => {
            (axum::http::StatusCode::SERVICE_UNAVAILABLE, AWAY).into_response()
        }
        Err(refusal) => {
            let refusal = if bare && refusal.code == 1004 {
                refusal.bare()
            } else {
                refusal
            };
            let mut response = refusal.response();
            if as_200 {
                *response.status_mut() = axum::http::StatusCode::OK;
            }
            response
        }
    };
    let (calls, seconds) = shared.left(&request.headers);
    let quota = shared.controls.with(|settings| settings.calls);
    let headers = response.headers_mut();
    for (name, text) in [
        ("ratelimit", format!("\"default\";r={calls};t={seconds}")),
        (
            "ratelimit-policy",
            format!("\"default\";q={quota};w={}", auth::WINDOW),
        ),
    ] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    response
}

/// What Cloudflare's edge says when what is behind it does not answer.
const AWAY: axum::response::Html<&str> = axum::response::Html(
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily \
     Unavailable</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n",
);

/// The id of an account, by its name in the world.
pub fn account_id(name: &str) -> String {
    hex_id(&["account", name])
}

/// An id of 32 hexadecimal digits that is always the same for the same words.
fn hex_id(words: &[&str]) -> String {
    HEXLOWER.encode(&digest(&SHA256, words.join("\0").as_bytes()).as_ref()[..16])
}
