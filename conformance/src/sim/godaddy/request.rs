//! A request, from its credential to the part of the API that it is for.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use reqwest::Url;
use serde_json::Value;

use super::Vendor;
use super::account::Caller;
use super::answer::{Failure, Field};

/// What a call comes to.
pub(super) type Outcome = Result<Response, Failure>;

/// Version of the API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    One,
    Two,
    Three,
}

impl Generation {
    pub(super) fn of(path: &str) -> Self {
        match path.get(..3) {
            Some("/v3") => Self::Three,
            Some("/v2") => Self::Two,
            _ => Self::One,
        }
    }
}

/// A request as its handler sees it.
pub(super) struct Asked<'a> {
    pub(super) vendor: &'a Vendor,
    pub(super) caller: &'a Caller,
    pub(super) generation: Generation,
    /// Method and path, as faults know it.
    pub(super) call: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: &'a [(String, String)],
    body: &'a [u8],
}

pub(super) async fn call(
    State(vendor): State<Vendor>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let generation = Generation::of(uri.path());
    let call = format!("{method} {}", uri.path());
    let url = Url::parse(&format!("http://localhost/?{}", query.unwrap_or_default()));
    let query: Vec<_> = url
        .map(|url| url.query_pairs().into_owned().collect())
        .unwrap_or_default();
    run(&vendor, generation, &call, &headers, &query, &body)
        .unwrap_or_else(|failure| failure.render(generation, &vendor.settings()))
}

fn run(
    vendor: &Vendor,
    generation: Generation,
    call: &str,
    headers: &HeaderMap,
    query: &[(String, String)],
    body: &[u8],
) -> Outcome {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let caller = vendor.caller(authorization.unwrap_or_default(), generation)?;
    let (method, path) = call.split_once(' ').unwrap_or((call, ""));
    let path: Vec<_> = path.split('/').skip(1).collect();
    // Limits are per endpoint: the method, and what stands before the name of a domain.
    let endpoint = format!("{method} {}", path.get(..2).unwrap_or_default().join("/"));
    vendor.within_quota(&caller.account, &endpoint)?;
    let asked = Asked {
        vendor,
        caller: &caller,
        generation,
        call,
        headers,
        query,
        body,
    };
    match (method, path.as_slice()) {
        ("GET", ["v1", "domains"]) => asked.list(),
        ("GET", ["v1", "domains", domain]) => asked.details(domain),
        ("PATCH", ["v1", "domains", domain]) => asked.update(domain),
        ("GET", ["v1", "shoppers", shopper]) => asked.shopper(shopper),
        (_, ["v1", "domains", domain, "records", scope @ ..]) => asked.records(method, domain, scope),
        (_, ["v2", "customers", customer, "domains", domain, rest @ ..]) => {
            asked.v2(method, customer, domain, rest)
        }
        ("GET", ["v3", "domains", "domain-names"]) => asked.list_v3(),
        ("GET", ["v3", "domains", "domain-names", domain]) => asked.details_v3(domain),
        ("PUT", ["v3", "domains", "domain-names", domain, "nameservers"]) => asked.set_nameservers_v3(domain),
        ("GET", ["v3", "domains", "operations", id]) => asked.operation(id),
        (_, ["v3", "domains", "zones", zone, "dns-records", id @ ..]) => asked.records_v3(method, zone, id),
        _ => Err(Failure::not_found()),
    }
}

impl Asked<'_> {
    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(self.body)
            .map_err(|_| Failure::new(400, "INVALID_BODY", "The request body is not valid JSON"))
    }

    /// The body as an array, which most bodies have to be.
    pub(super) fn array(&self, name: &str) -> Result<Vec<Value>, Failure> {
        match self.json()? {
            Value::Array(all) => Ok(all),
            _ => Err(Failure::body(Field::new(
                "UNEXPECTED_TYPE",
                "is not a array",
                name,
            ))),
        }
    }

    /// A parameter of the query.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a list in the query names something.
    pub(super) fn names(&self, list: &str, what: &str) -> bool {
        let lists = self.query.iter().filter(|(name, _)| name == list);
        lists
            .flat_map(|(_, value)| value.split(','))
            .any(|one| one == what)
    }

    /// A number of the query within a range.
    pub(super) fn number(
        &self,
        name: &str,
        otherwise: usize,
        within: (usize, usize),
    ) -> Result<usize, Failure> {
        let Some(text) = self.get(name) else {
            return Ok(otherwise);
        };
        text.parse()
            .ok()
            .filter(|number| (within.0..=within.1).contains(number))
            .ok_or_else(|| Failure::new(422, "INVALID_QUERY", format!("`{name}` is not within its range")))
    }
}
