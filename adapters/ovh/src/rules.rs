//! Rights. A consumer key's access rules are literal paths with `*`, so that holding them against every call of a piece of work
//! proves, without a write, that it may be done.
//!
//! What the rules do not show: a policy of OVH's IAM may forbid a call that a rule grants.

use pdm_registrar::DomainName;

use crate::api::path;
use crate::wire::AccessRule;

/// The smallest set of rules, for people.
pub const LEAST_SCOPE: &str = "\
Open /createToken/ at the region's API (eu.api.ovh.com, ca.api.ovh.com, api.us.ovhcloud.com), choose an unlimited validity, and enter \
these rights, with DOMAIN and ZONE replaced by the domain's name:
GET /auth/currentCredential
GET,PUT /domain/DOMAIN
GET /domain/DOMAIN/nameServer
GET /domain/DOMAIN/nameServer/*
POST /domain/DOMAIN/nameServers/update
GET /domain/DOMAIN/task
GET /domain/DOMAIN/task/*
GET,POST /domain/DOMAIN/dsRecord
GET /domain/DOMAIN/dsRecord/*
GET /domain/DOMAIN/glueRecord/* (only for name servers below the domain itself)
and for a zone at OVHcloud:
GET /domain/zone/ZONE
GET /domain/zone/ZONE/status
GET,POST,DELETE /domain/zone/ZONE/dnssec (only where OVHcloud signs the domain)
GET,POST /domain/zone/ZONE/record
GET,DELETE /domain/zone/ZONE/record/*
POST /domain/zone/ZONE/refresh
GET /domain/zone/ZONE/export (optional: makes the export of a large zone quick)
Not needed, and better not given: a `*` right after the zone's name, which would allow to end the zone.";

/// One kind of call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    method: &'static str,
    path: String,
}

impl Call {
    /// A call of `method` at `path`, which begins behind the tree.
    pub fn new(method: &'static str, path: String) -> Self {
        Self { method, path }
    }
}

/// Whether a rule's path covers `path`; `*` stands for any text, also for none and with slashes.
pub fn covers(pattern: &str, path: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    false
}

/// The calls that no rule covers, as `METHOD PATH`.
pub fn missing(rules: &[AccessRule], calls: &[Call]) -> Vec<String> {
    calls
        .iter()
        .filter(|call| {
            !rules
                .iter()
                .any(|rule| rule.method.eq_ignore_ascii_case(call.method) && covers(&rule.path, &call.path))
        })
        .map(|call| format!("{} {}", call.method, call.path))
        .collect()
}

/// A number that no rule names, for the part of a path that is found out when the call is made.
const SOME: u64 = 0;

/// To read a registration.
pub fn read_registration(domain: &DomainName) -> Vec<Call> {
    vec![
        Call::new("GET", path::domain(domain)),
        Call::new("GET", path::name_servers(domain)),
        Call::new("GET", path::name_server(domain, SOME)),
        Call::new("GET", path::ds_records(domain)),
        Call::new("GET", path::ds_record(domain, SOME)),
        Call::new("GET", path::tasks(domain)),
        Call::new("GET", path::task(domain, SOME)),
    ]
}

/// To change name servers, beside reading; `leave` when the domain is not external yet.
pub fn change_nameservers(domain: &DomainName, leave: bool) -> Vec<Call> {
    let mut calls = vec![Call::new("POST", path::update_name_servers(domain))];
    if leave {
        calls.push(Call::new("PUT", path::domain(domain)));
    }
    calls
}

/// To go back to OVH's hosting, beside reading.
pub fn return_to_hosting(domain: &DomainName) -> Vec<Call> {
    vec![
        Call::new("PUT", path::domain(domain)),
        Call::new("GET", path::zone(domain)),
    ]
}

/// To change the keys at the registry, beside reading.
pub fn change_ds(domain: &DomainName) -> Vec<Call> {
    vec![Call::new("POST", path::ds_records(domain))]
}

/// To have OVH sign the zone or not.
pub fn sign_zone(zone: &DomainName, on: bool) -> Vec<Call> {
    vec![
        Call::new("GET", path::zone_dnssec(zone)),
        Call::new(if on { "POST" } else { "DELETE" }, path::zone_dnssec(zone)),
    ]
}

/// To change records of a zone.
pub fn change_records(zone: &DomainName) -> Vec<Call> {
    vec![
        Call::new("GET", path::records(zone)),
        Call::new("GET", path::record(zone, SOME)),
        Call::new("POST", path::records(zone)),
        Call::new("DELETE", path::record(zone, SOME)),
        Call::new("POST", path::refresh(zone)),
        Call::new("GET", path::zone_status(zone)),
    ]
}

/// To export a zone at once.
pub fn export(zone: &DomainName) -> Vec<Call> {
    vec![
        Call::new("GET", path::zone(zone)),
        Call::new("GET", path::export(zone)),
    ]
}

/// To export a zone record by record.
pub fn export_by_record(zone: &DomainName) -> Vec<Call> {
    vec![
        Call::new("GET", path::zone(zone)),
        Call::new("GET", path::records(zone)),
        Call::new("GET", path::record(zone, SOME)),
    ]
}
