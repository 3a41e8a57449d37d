//! A zone at OVH: what is stored of it, and what is served.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answer, Done, Refusal};
use super::request::Request;
use super::settings::Credential;
use super::tasks::Work;
use super::{NAMESERVERS, Shared, VENDOR};
use crate::sim::faults::Fault;
use crate::sim::world::Record;

impl Shared {
    /// Refuses a zone that is not in the account of a credential.
    pub(super) fn own_zone(&self, credential: &Credential, name: &str) -> Result<(), Refusal> {
        let mut state = self.world.state();
        let own = state
            .zone(VENDOR, name)
            .is_some_and(|zone| zone.account == credential.account);
        if own { Ok(()) } else { Err(Refusal::no_service()) }
    }

    /// What is stored: the world has what is served.
    pub(super) fn stored(&self, name: &str) -> Vec<Record> {
        if let Some(draft) = self.private().drafts.get(name) {
            return draft.clone();
        }
        let mut state = self.world.state();
        state
            .zone(VENDOR, name)
            .map(|zone| zone.records.clone())
            .unwrap_or_default()
    }

    /// `GET /domain/zone`.
    pub(super) fn list_zones(&self, credential: &Credential) -> Done {
        let state = self.world.state();
        let own: Vec<_> = state
            .zones
            .iter()
            .filter(|((vendor, _), zone)| vendor == VENDOR && zone.account == credential.account)
            .map(|((_, name), _)| name)
            .collect();
        json!(own).into()
    }

    /// `GET /domain/zone/{zone}`.
    pub(super) fn get_zone(name: &str) -> Value {
        json!({
            "name": name,
            "nameServers": NAMESERVERS,
            "dnssecSupported": true,
            "hasDnsAnycast": false,
            "lastUpdate": "2026-01-02T03:04:05+01:00",
            "iam": null,
        })
    }

    /// `GET /domain/zone/{zone}/status`.
    pub(super) fn zone_status(&self, name: &str) -> Done {
        let private = self.private();
        let deployed = !private.drafts.contains_key(name) && !private.refreshing.contains_key(name);
        json!({"isDeployed": deployed, "errors": null, "warnings": null}).into()
    }

    /// `POST /domain/zone/{zone}/refresh`: what is stored is served. One at a time; the words of the refusal are not known.
    pub(super) fn refresh(&self, name: &str, request: &Request) -> Answer {
        let (takes, says_200) = self
            .controls
            .with(|settings| (settings.refresh, settings.refresh_says_200));
        let now = self.world.time();
        let nothing = self
            .faults
            .take(&request.kind, |fault| *fault == Fault::NotApplied)
            .is_some();
        {
            let mut private = self.private();
            if private.refreshing.contains_key(name) {
                return Err(Refusal::backend(
                    409,
                    "Client::Conflict",
                    "A refresh of this zone is already in progress",
                ));
            }
            if !nothing {
                private.refreshing.insert(name.to_owned(), now + takes);
            }
        }
        self.serve_refreshed(now);
        Ok(if says_200 {
            Done::Json(Value::Null)
        } else {
            Done::Nothing
        })
    }

    /// Serves the zones whose refresh is due.
    pub(super) fn serve_refreshed(&self, now: Duration) {
        let mut due = Vec::new();
        {
            let mut private = self.private();
            let names: Vec<_> = private
                .refreshing
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(name, _)| name.clone())
                .collect();
            for name in names {
                private.refreshing.remove(&name);
                if let Some(records) = private.drafts.remove(&name) {
                    due.push((name, records));
                }
            }
        }
        for (name, records) in due {
            if let Some(zone) = self.world.state().zone(VENDOR, &name) {
                zone.records = records;
            }
            // The registry's state is the same; whoever publishes the zone is woken all the same.
            self.world.change_domain(&name, |_| {});
        }
    }

    /// `GET`, `POST` and `DELETE /domain/zone/{zone}/dnssec`.
    pub(super) fn zone_dnssec(&self, name: &str, request: &Request) -> Answer {
        let status = self
            .controls
            .with(|settings| settings.signed_zones.get(name).cloned());
        let (on, until) = match (request.method.as_str(), status.as_deref()) {
            ("GET", status) => return Ok(json!({"status": status.unwrap_or("disabled")}).into()),
            ("POST", None) => (true, "enableInProgress"),
            ("POST", Some(_)) => {
                return Err(Refusal::backend(
                    409,
                    "Client::Conflict",
                    "Dnssec is already activated",
                ));
            }
            ("DELETE", Some("enabled")) => (false, "disableInProgress"),
            ("DELETE", Some(_)) => {
                return Err(Refusal::backend(409, "Client::Conflict", "Dnssec is changing"));
            }
            ("DELETE", None) => {
                return Err(Refusal::backend(
                    404,
                    "Client::NotFound",
                    "Dnssec seems not activated",
                ));
            }
            _ => return Err(Refusal::no_url()),
        };
        self.controls
            .with(|settings| settings.signed_zones.insert(name.to_owned(), until.to_owned()));
        let function = if on { "DnssecEnable" } else { "DnssecDisable" };
        self.accept(request, name, function, Work::Dnssec(on));
        Ok(Value::Null.into())
    }
}
