//! A domain: its state, its mode, its hosts with addresses.

use serde_json::{Value, json};

use super::answer::{Answer, Done, Refusal};
use super::request::Request;
use super::settings::{Credential, DomainFacts};
use super::tasks::Work;
use super::{Shared, VENDOR, time};
use crate::sim::world::Domain;

impl Shared {
    /// What is special about a domain.
    pub(super) fn facts(&self, name: &str) -> DomainFacts {
        self.controls
            .with(|settings| settings.domains.get(name).cloned().unwrap_or_default())
    }

    /// Refuses a domain that is not in the account of a credential.
    pub(super) fn own_domain(&self, credential: &Credential, name: &str) -> Result<(), Refusal> {
        let found = self.world.domain(name);
        let own = found.is_some_and(|domain| domain.vendor == VENDOR && domain.account == credential.account);
        if own { Ok(()) } else { Err(Refusal::no_service()) }
    }

    /// A domain as a read sees it.
    pub(super) fn shown_domain(&self, name: &str) -> Option<Domain> {
        self.stale_domains.shown(name).or_else(|| self.world.domain(name))
    }

    /// A domain that may be changed: neither expired nor locked.
    pub(super) fn writable(&self, name: &str) -> Result<Domain, Refusal> {
        let domain = self.world.domain(name).ok_or_else(Refusal::no_service)?;
        let state = state(&domain, &self.facts(name));
        if state == "expired" {
            return Err(Refusal::Message {
                status: 460,
                message: "This Service is expired".to_owned(),
            });
        }
        if state != "ok" {
            // The class and the words are not known.
            return Err(Refusal::backend(
                403,
                "Client::Forbidden::DomainState",
                format!("The state of this domain ({state}) does not allow this operation"),
            ));
        }
        Ok(domain)
    }

    /// The mode of a domain.
    pub(super) fn mode(&self, name: &str, domain: &Domain) -> String {
        let plain = if domain.hosted { "hosted" } else { "external" };
        self.facts(name)
            .name_server_type
            .unwrap_or_else(|| plain.to_owned())
    }

    /// `GET /domain`.
    pub(super) fn list_domains(&self, credential: &Credential) -> Done {
        let state = self.world.state();
        let own = state
            .domains
            .iter()
            .filter(|(_, domain)| domain.vendor == VENDOR && domain.account == credential.account);
        json!(own.map(|(name, _)| name).collect::<Vec<_>>()).into()
    }

    /// `GET /domain/{domain}`.
    pub(super) fn get_domain(&self, name: &str) -> Answer {
        let domain = self.shown_domain(name).ok_or_else(Refusal::no_service)?;
        let facts = self.facts(name);
        let mode = self.mode(name, &domain);
        let servers: Vec<_> = self
            .servers(name, &domain)
            .iter()
            .filter(|server| !server.to_delete)
            .map(|server| {
                json!({
                    "id": server.id,
                    "nameServer": server.host,
                    "nameServerType": mode,
                    "ipv4": server.ip.as_ref().filter(|ip| !ip.contains(':')),
                    "ipv6": server.ip.as_ref().filter(|ip| ip.contains(':')),
                })
            })
            .collect();
        Ok(json!({
            "domain": name,
            "nameServerType": mode,
            "nameServers": servers,
            "dnssecState": if domain.ds.is_empty() { "disabled" } else { "enabled" },
            "dnssecSupported": true,
            "hostSupported": facts.host_supported,
            "glueRecordIpv6Supported": true,
            "glueRecordMultiIpSupported": true,
            "state": state(&domain, &facts),
            "suspensionState": "not_suspended",
            "renewalState": "automatic_renew",
            "transferLockStatus": if domain.transfer_locked { "locked" } else { "unlocked" },
            "expirationDate": self.expiration(&domain),
            "lastUpdate": "2026-01-02T03:04:05+01:00",
            "offer": "gold",
            "owoSupported": true,
            "whoisOwner": "123456",
            "parentService": null,
            "serviceId": 1,
            "contactOwner": {"id": "123456"},
            "iam": null,
        })
        .into())
    }

    /// `GET /domain/{domain}/serviceInfos`.
    pub(super) fn service_infos(&self, name: &str) -> Answer {
        let domain = self.world.domain(name).ok_or_else(Refusal::no_service)?;
        Ok(json!({
            "serviceId": 1,
            "domain": name,
            "status": if domain.expired { "expired" } else { "ok" },
            "creation": "2025-01-02",
            "expiration": self.expiration(&domain).get(..10),
            "engagedUpTo": null,
            "contactAdmin": "xx0000-ovh",
            "contactTech": "xx0000-ovh",
            "contactBilling": "xx0000-ovh",
            "canDeleteAtExpiration": false,
            "renew": {"automatic": true, "deleteAtExpiration": false, "forced": false, "manualPayment": false, "period": 12},
            "renewalType": "automaticV2016",
            "possibleRenewPeriod": [12],
        })
        .into())
    }

    fn expiration(&self, domain: &Domain) -> String {
        let now = self.world.now();
        let day = 86_400;
        time(if domain.expired {
            now.saturating_sub(day)
        } else {
            now + 200 * day
        })
    }

    /// `PUT /domain/{domain}`: mode and transfer lock. To `external` at once, with the servers it has; to `hosted` later.
    pub(super) fn change_domain(&self, name: &str, request: &Request) -> Answer {
        let domain = self.writable(name)?;
        let body = request.object(&["nameServerType", "transferLockStatus"], &[])?;
        match body.get("transferLockStatus").map(Value::as_str) {
            None => {}
            Some(Some(wanted @ ("locked" | "unlocked"))) => {
                self.world
                    .change_domain(name, |domain| domain.transfer_locked = wanted == "locked");
            }
            Some(_) => return Err(Refusal::bad("[transferLockStatus] Given data is not valid")),
        }
        let mode = self.mode(name, &domain);
        match body.get("nameServerType").map(Value::as_str) {
            None => {}
            Some(Some(wanted)) if wanted == mode => {}
            Some(Some("external")) => {
                self.controls.with(|settings| {
                    if let Some(facts) = settings.domains.get_mut(name) {
                        facts.name_server_type = None;
                    }
                });
                self.world.change_domain(name, |domain| domain.hosted = false);
            }
            Some(Some("hosted")) => {
                let zone = self.world.state().zone(VENDOR, name).is_some();
                if !zone {
                    return Err(Refusal::bad("This domain has no DNS zone at OVHcloud"));
                }
                self.nothing_pending(name, "DomainDnsUpdate")?;
                let hosts = super::NAMESERVERS.map(str::to_owned).into();
                self.accept(request, name, "DomainDnsUpdate", Work::Hosted(hosts));
            }
            Some(_) => return Err(Refusal::bad("[nameServerType] Given data is not valid")),
        }
        Ok(Value::Null.into())
    }

    /// `/domain/{domain}/glueRecord[/{host}[/update]]`.
    pub(super) fn glue(&self, name: &str, rest: &[&str], request: &Request) -> Answer {
        let domain = self.shown_domain(name).ok_or_else(Refusal::no_service)?;
        let known = |host: &str| {
            let ips = domain.glue.get(host);
            ips.cloned().ok_or_else(|| Refusal::no_object("host", host))
        };
        let write = |function, host: &str, ips| {
            self.writable(name)?;
            if !self.facts(name).host_supported {
                return Err(Refusal::bad("Glue records are not supported for this domain"));
            }
            Ok(Done::Json(self.accept(
                request,
                name,
                function,
                Work::Glue(host.to_owned(), ips),
            )))
        };
        match (request.method.as_str(), rest) {
            ("GET", []) => Ok(json!(domain.glue.keys().collect::<Vec<_>>()).into()),
            ("GET", [host]) => Ok(json!({"host": host, "ips": known(host)?}).into()),
            ("DELETE", [host]) => {
                known(host)?;
                write("DomainHostDelete", host, None)
            }
            ("POST", []) => {
                let body = request.object(&["host", "ips"], &["host", "ips"])?;
                let host = body["host"].as_str().unwrap_or_default();
                if !host.ends_with(&format!(".{name}")) {
                    return Err(Refusal::bad("[host] The host is not below the domain"));
                }
                write("DomainHostCreate", host, Some(addresses(&body["ips"])?))
            }
            ("POST", [host, "update"]) => {
                known(host)?;
                let body = request.object(&["host", "ips"], &["ips"])?;
                write("DomainHostUpdate", host, Some(addresses(&body["ips"])?))
            }
            _ => Err(Refusal::no_url()),
        }
    }
}

fn state(domain: &Domain, facts: &DomainFacts) -> String {
    let plain = if domain.expired {
        "expired"
    } else if domain.locked {
        "dispute"
    } else {
        "ok"
    };
    facts.state.clone().unwrap_or_else(|| plain.to_owned())
}

fn addresses(value: &Value) -> Result<Vec<String>, Refusal> {
    let address = |ip: &Value| {
        ip.as_str()?
            .parse::<std::net::IpAddr>()
            .ok()
            .map(|ip| ip.to_string())
    };
    value
        .as_array()
        .filter(|ips| !ips.is_empty())
        .and_then(|ips| ips.iter().map(address).collect())
        .ok_or_else(|| Refusal::bad("[ips] Given data is not valid"))
}
