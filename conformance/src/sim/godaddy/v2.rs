//! Version 2: domains below a customer, changed by actions.

use serde_json::{Value, json};

use super::account::{NAMESERVERS, READ};
use super::answer::{Failure, empty, with};
use super::dnssec;
use super::domain;
use super::request::{Asked, Outcome};
use super::tasks::{Progress, Task, Wanted};

impl Asked<'_> {
    pub(super) fn v2(&self, method: &str, customer: &str, domain: &str, rest: &[&str]) -> Outcome {
        if self.caller.account.customer != customer {
            return Err(Failure::denied());
        }
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        match (method, rest) {
            ("GET", []) => self.details_v2(domain),
            ("PUT", ["nameServers"]) => self.set_nameservers_v2(domain),
            ("PATCH", ["dnssecRecords"]) => self.change_ds(domain, true),
            ("DELETE", ["dnssecRecords"]) => self.change_ds(domain, false),
            ("GET", ["actions"]) => self.actions(domain, None),
            ("GET", ["actions", kind]) => self.actions(domain, Some(kind)),
            _ => Err(Failure::not_found()),
        }
    }

    fn details_v2(&self, name: &str) -> Outcome {
        self.caller.may(READ)?;
        let (name, domain) = self.vendor.held(&self.caller.account, name)?;
        let mut shown = json!({
            "domainId": "1234567",
            "domain": name,
            "status": self.status(&name, &domain),
            "nameServers": domain.nameservers,
            "authCode": "test-auth-code",
            "createdAt": "2019-03-01T10:00:00.000Z",
            "expiresAt": if domain.expired { "2020-03-01T23:59:59.000Z" } else { "2099-03-01T23:59:59.000Z" },
            "expirationProtected": domain.locked,
            "transferProtected": domain.locked,
            "locked": domain.transfer_locked,
            "renewAuto": true,
            "privacy": false,
        });
        if self.names("includes", "dnssecRecords") {
            shown["dnssecRecords"] = domain.ds.iter().map(dnssec::shown).collect();
        }
        if self.names("includes", "actions") {
            shown["actions"] = self.vendor.tasks.of(&name).iter().map(shown_action).collect();
        }
        if self.names("includes", "registryStatusCodes") {
            shown["registryStatusCodes"] = if domain.transfer_locked {
                json!(["CLIENT_TRANSFER_PROHIBITED"])
            } else {
                json!([])
            };
        }
        Ok(with(200, shown))
    }

    fn set_nameservers_v2(&self, name: &str) -> Outcome {
        self.caller.may(NAMESERVERS)?;
        let (name, held) = self.vendor.held(&self.caller.account, name)?;
        let hosts = self.hosts(&name, &held, &self.json()?["nameServers"], "nameServers")?;
        let wanted = Wanted {
            call: self.call,
            account: self.caller.account.name,
            domain: &name,
            kind: "DOMAIN_UPDATE_NAME_SERVERS",
            idempotency_key: None,
            doomed: false,
        };
        let (world, of, settings) = (self.vendor.world.clone(), name.clone(), self.vendor.settings());
        self.vendor
            .begin(wanted, move || domain::delegate(&world, &of, hosts, &settings))?;
        Ok(empty(202))
    }

    fn actions(&self, name: &str, kind: Option<&str>) -> Outcome {
        self.caller.may(READ)?;
        let (name, _) = self.vendor.held(&self.caller.account, name)?;
        match kind {
            None => Ok(with(
                200,
                self.vendor.tasks.of(&name).iter().map(shown_action).collect(),
            )),
            Some(kind) => {
                let task = self
                    .vendor
                    .tasks
                    .last(|task| task.domain == name && task.kind == kind);
                let task = task.ok_or_else(Failure::not_found)?;
                Ok(with(200, shown_action(&task)))
            }
        }
    }
}

fn shown_action(task: &Task) -> Value {
    let mut shown = json!({
        "type": task.kind,
        "origination": "USER",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "status": match task.progress() {
            Progress::OnItsWay => "PENDING",
            Progress::Done => "SUCCESS",
            Progress::Failed => "FAILED",
        },
        "requestId": task.id,
    });
    if task.progress() == Progress::Failed {
        shown["reason"] =
            json!({"code": "REGISTRY_REFUSED", "message": "The registry refused the change", "fields": []});
    }
    shown
}
