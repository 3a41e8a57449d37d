//! Domains by version 1.

use serde_json::{Value, json};

use super::account::{NAMESERVERS, READ};
use super::answer::{Failure, Field, empty, with};
use super::request::{Asked, Outcome};
use super::{VENDOR, domain};
use crate::sim::world::Domain;

/// Most domains of one answer.
const MOST: usize = 1000;
/// What can be changed of a domain besides its name servers. Nothing of it is kept.
const OTHER_FIELDS: [&str; 5] = ["locked", "renewAuto", "subaccountId", "exposeWhois", "consent"];

impl Asked<'_> {
    pub(super) fn details(&self, name: &str) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        self.caller.may(READ)?;
        let (name, domain) = self.vendor.held(&self.caller.account, name)?;
        let status = if self.vendor.settings().partial { 203 } else { 200 };
        Ok(with(status, self.shown_v1(&name, &domain)))
    }

    /// In order of names, from the one after `marker`. Name servers are there only when they are asked for.
    pub(super) fn list(&self) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        self.caller.may(READ)?;
        let limit = self.number("limit", MOST, (1, MOST))?;
        let marker = self.get("marker").unwrap_or_default();
        let all = self.owned();
        let shown = all
            .iter()
            .filter(|(name, _)| name.as_str() > marker)
            .filter(|(name, domain)| {
                self.get("statuses").is_none() || self.names("statuses", &self.status(name, domain))
            })
            .take(limit)
            .map(|(name, domain)| {
                let mut shown = self.shown_v1(name, domain);
                if let Some(fields) = shown.as_object_mut() {
                    fields.retain(|field, _| !field.starts_with("contact"));
                }
                if !self.names("includes", "nameServers") {
                    shown["nameServers"] = Value::Null;
                }
                shown
            });
        Ok(with(200, shown.collect()))
    }

    /// All domains of the account.
    pub(super) fn owned(&self) -> Vec<(String, Domain)> {
        let state = self.vendor.world.state();
        let ours = |domain: &Domain| domain.vendor == VENDOR && domain.account == self.caller.account.name;
        let all = state.domains.iter().filter(|(_, domain)| ours(domain));
        all.map(|(name, domain)| (name.clone(), domain.clone())).collect()
    }

    /// Other name servers. Success has no body.
    pub(super) fn update(&self, name: &str) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        self.caller.may(NAMESERVERS)?;
        let sent = self.json()?;
        let Some(fields) = sent.as_object() else {
            return Err(Failure::body(Field::new(
                "UNEXPECTED_TYPE",
                "is not a object",
                "body",
            )));
        };
        let unknown = |field: &&String| *field != "nameServers" && !OTHER_FIELDS.contains(&field.as_str());
        if let Some(unknown) = fields.keys().find(unknown) {
            return Err(Failure::body(Field::new(
                "UNKNOWN_FIELD",
                "is not a known field",
                unknown,
            )));
        }
        let (name, held) = self.vendor.held(&self.caller.account, name)?;
        if let Some(hosts) = fields.get("nameServers") {
            let hosts = self.hosts(&name, &held, hosts, "nameServers")?;
            let (world, of, settings) = (self.vendor.world.clone(), name.clone(), self.vendor.settings());
            self.vendor
                .late
                .accept(&self.vendor.faults, self.call, &name, move || {
                    domain::delegate(&world, &of, hosts, &settings);
                });
        }
        Ok(empty(if self.vendor.settings().no_content {
            204
        } else {
            200
        }))
    }

    /// The id of version 2 for the number that the customer knows.
    pub(super) fn shopper(&self, shopper: &str) -> Outcome {
        let account = &self.caller.account;
        if account.shopper != shopper {
            return Err(Failure::denied());
        }
        let mut shown = json!({
            "shopperId": shopper,
            "email": "customer@mail-host.example",
            "nameFirst": "Test",
            "nameLast": "Customer",
        });
        if self.names("includes", "customerId") {
            shown["customerId"] = json!(account.customer);
        }
        Ok(with(200, shown))
    }
}
