//! A domain as the vendor shows it, and other name servers for it.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::answer::{Failure, Field};
use super::request::Asked;
use super::settings::Settings;
use super::{OWN_HOSTS, VENDOR};
use crate::sim::world::{Domain, Record, World, Zone};

/// Most name servers of a domain.
const MOST: usize = 13;

impl Asked<'_> {
    /// The vendor's word for the state of a domain.
    pub(super) fn status(&self, name: &str, domain: &Domain) -> String {
        let own = self.vendor.settings().statuses.get(name).cloned();
        own.unwrap_or_else(|| if domain.expired { "EXPIRED" } else { "ACTIVE" }.to_owned())
    }

    /// As version 1 shows a domain. The code for transfers is in it, which is a secret.
    pub(super) fn shown_v1(&self, name: &str, domain: &Domain) -> Value {
        let ends = if domain.expired {
            "2020-03-01T23:59:59.000Z"
        } else {
            "2099-03-01T23:59:59.000Z"
        };
        json!({
            "domainId": 1_234_567,
            "domain": name,
            "status": self.status(name, domain),
            "expires": ends,
            "createdAt": "2019-03-01T10:00:00.000Z",
            "expirationProtected": domain.locked,
            "holdRegistrar": false,
            "locked": domain.transfer_locked,
            "privacy": false,
            "renewAuto": true,
            "renewDeadline": ends,
            "renewable": true,
            "transferProtected": domain.locked,
            "nameServers": domain.nameservers,
            "authCode": "test-auth-code",
            "contactRegistrant": {"nameFirst": "Test", "nameLast": "Customer", "email": "customer@mail-host.example"},
            "contactAdmin": {},
            "contactBilling": {},
            "contactTech": {},
        })
    }

    /// As version 3 shows a domain.
    pub(super) fn shown_v3(&self, name: &str, domain: &Domain) -> Value {
        let ends = if domain.expired {
            "2020-03-01T23:59:59Z"
        } else {
            "2099-03-01T23:59:59Z"
        };
        json!({
            "domain": name,
            "status": self.status(name, domain),
            "nameServers": domain.nameservers,
            "autoRenew": true,
            "privacy": false,
            "transferLock": domain.transfer_locked,
            "createdAt": "2019-03-01T10:00:00Z",
            "expiresAt": ends,
            "renewBy": ends,
            "updatedAt": "2019-03-01T10:00:00Z",
            "links": [{"rel": "self", "href": format!("/v3/domains/domain-names/{name}")}],
        })
    }

    /// Name servers that were sent for a domain, if it may have them.
    pub(super) fn hosts(
        &self,
        name: &str,
        domain: &Domain,
        sent: &Value,
        path: &str,
    ) -> Result<Vec<String>, Failure> {
        let all = sent
            .as_array()
            .ok_or_else(|| Failure::body(Field::new("UNEXPECTED_TYPE", "is not a array", path)))?;
        let hosts: Option<Vec<_>> = all
            .iter()
            .map(|host| host.as_str().map(str::to_ascii_lowercase))
            .collect();
        let hosts =
            hosts.ok_or_else(|| Failure::body(Field::new("UNEXPECTED_TYPE", "is not a string", path)))?;
        if domain.locked || self.status(name, domain) != "ACTIVE" {
            return Err(Failure::inactive());
        }
        if hosts.len() < 2 {
            return Err(Failure::new(
                422,
                "MISSING_NAME_SERVER",
                "At least two name servers are needed",
            ));
        }
        if hosts.len() > MOST {
            return Err(Failure::body(Field::new(
                "TOO_MANY_ITEMS",
                "has more than 13 items",
                path,
            )));
        }
        for (at, host) in hosts.iter().enumerate() {
            if !self.usable(host) || hosts[..at].contains(host) {
                return Err(Failure::new(
                    422,
                    "FAILED_NAME_SERVER_VALIDATION",
                    format!("The name server {host} cannot be used"),
                ));
            }
        }
        Ok(hosts)
    }

    /// A host's name without a final dot, which the registry knows where it is below a domain of this world.
    fn usable(&self, host: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        let name =
            host.contains('.') && !host.starts_with('.') && !host.ends_with('.') && host.bytes().all(plain);
        if !name || host.parse::<IpAddr>().is_ok() {
            return false;
        }
        let state = self.vendor.world.state();
        let mut below = host;
        while let Some((_, parent)) = below.split_once('.') {
            if let Some(domain) = state.domains.get(parent) {
                return domain.glue.contains_key(host);
            }
            below = parent;
        }
        true
    }
}

/// Delegates a domain, and makes or ends the vendor's zone of it.
pub(super) fn delegate(world: &World, name: &str, hosts: Vec<String>, settings: &Settings) {
    let own = hosts.iter().all(|host| host.ends_with(".domaincontrol.com"));
    {
        let mut state = world.state();
        let key = (VENDOR.to_owned(), name.to_owned());
        if !own && !settings.zones_survive {
            state.zones.remove(&key);
        }
        if own && !state.zones.contains_key(&key) {
            let account = state
                .domains
                .get(name)
                .map(|domain| domain.account.clone())
                .unwrap_or_default();
            let mut record = |owner: &str, rtype: &str, value: &str, ttl| Record {
                id: state.next_id(),
                name: owner.to_owned(),
                rtype: rtype.to_owned(),
                value: value.to_owned(),
                ttl,
                priority: None,
            };
            let records = vec![
                // A word of the vendor's in place of an address.
                record("", "A", "Parked", 600),
                record("", "NS", OWN_HOSTS[0], 3600),
                record("", "NS", OWN_HOSTS[1], 3600),
                record("www", "CNAME", "@", 3600),
            ];
            state.zones.insert(key, Zone { account, records });
        }
    }
    world.change_domain(name, |domain| {
        domain.nameservers = hosts;
        domain.hosted = own;
    });
}
