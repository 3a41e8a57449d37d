//! Name servers of a domain: those that the registry has, and those that are on their way.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::Shared;
use super::answer::{Answer, Refusal};
use super::request::Request;
use super::tasks::{Host, Work};
use crate::sim::world::Domain;

/// A name server as OVH shows it.
pub(super) struct Server {
    pub(super) id: u64,
    pub(super) host: String,
    pub(super) ip: Option<String>,
    /// The registry has it.
    pub(super) used: bool,
    /// It goes when the pending task is done.
    pub(super) to_delete: bool,
}

impl Shared {
    /// The name servers of a domain, with what the pending task does to them.
    pub(super) fn servers(&self, name: &str, domain: &Domain) -> Vec<Server> {
        let now = self.world.time();
        let takes = self.controls.with(|settings| settings.task);
        let mut private = self.private();
        let wanted: Option<Vec<Host>> =
            private
                .pending(name, "DomainDnsUpdate", now, takes)
                .map(|task| match &task.work {
                    Work::Nameservers(hosts) => hosts.clone(),
                    Work::Hosted(hosts) => hosts.iter().map(|host| (host.clone(), None)).collect(),
                    _ => Vec::new(),
                });
        let live = domain.nameservers.iter().map(|host| (host.clone(), None, true));
        let coming = wanted
            .iter()
            .flatten()
            .filter(|(host, _)| !domain.nameservers.contains(host))
            .map(|(host, ip)| (host.clone(), ip.clone(), false));
        let mut servers = Vec::new();
        for (host, ip, used) in live.chain(coming) {
            let key = (name.to_owned(), host.clone());
            let id = *private
                .server_ids
                .entry(key)
                .or_insert_with(|| self.world.state().next_id());
            let wanted = wanted.as_ref();
            servers.push(Server {
                id,
                ip: ip.or_else(|| domain.glue.get(&host).and_then(|ips| ips.first().cloned())),
                used,
                to_delete: wanted.is_some_and(|wanted| !wanted.iter().any(|(one, _)| *one == host)),
                host,
            });
        }
        // A host that comes back later is another one.
        private
            .server_ids
            .retain(|(of, host), _| of != name || servers.iter().any(|server| server.host == *host));
        servers
    }

    /// `GET /domain/{domain}/nameServer`.
    pub(super) fn list_servers(&self, name: &str) -> Answer {
        let domain = self.shown_domain(name).ok_or_else(Refusal::no_service)?;
        let ids: Vec<_> = self
            .servers(name, &domain)
            .iter()
            .map(|server| server.id)
            .collect();
        Ok(json!(ids).into())
    }

    /// `GET /domain/{domain}/nameServer/{id}[/status]`.
    pub(super) fn get_server(&self, name: &str, id: &str, status: bool) -> Answer {
        let domain = self.shown_domain(name).ok_or_else(Refusal::no_service)?;
        let server = self.server(name, &domain, id)?;
        if status {
            return Ok(json!({
                "state": if server.used { "ok" } else { "ko" },
                "type": self.mode(name, &domain),
                "usedSince": server.used.then_some("2026-01-02T03:04:05+01:00"),
            })
            .into());
        }
        Ok(json!({
            "id": server.id,
            "host": server.host,
            "ip": server.ip,
            "isUsed": server.used,
            "toDelete": server.to_delete,
        })
        .into())
    }

    fn server(&self, name: &str, domain: &Domain, id: &str) -> Result<Server, Refusal> {
        self.servers(name, domain)
            .into_iter()
            .find(|server| server.id.to_string() == id)
            .ok_or_else(|| Refusal::no_object("id", id))
    }

    /// `POST /domain/{domain}/nameServers/update`: replaces the set.
    pub(super) fn update_servers(&self, name: &str, request: &Request) -> Answer {
        let domain = self.changeable(name)?;
        let body = request.object(&["nameServers"], &["nameServers"])?;
        let hosts = self.hosts(name, &domain, &body["nameServers"])?;
        self.set(name, hosts, request)
    }

    /// `POST /domain/{domain}/nameServer`: adds to the set.
    pub(super) fn add_servers(&self, name: &str, request: &Request) -> Answer {
        let domain = self.changeable(name)?;
        let body = request.object(&["nameServer"], &["nameServer"])?;
        let mut hosts = present(&domain);
        hosts.extend(self.hosts(name, &domain, &body["nameServer"])?);
        self.set(name, hosts, request)
    }

    /// `DELETE /domain/{domain}/nameServer/{id}`.
    pub(super) fn remove_server(&self, name: &str, id: &str, request: &Request) -> Answer {
        let domain = self.changeable(name)?;
        let server = self.server(name, &domain, id)?;
        let mut hosts = present(&domain);
        hosts.retain(|(host, _)| *host != server.host);
        self.set(name, hosts, request)
    }

    fn set(&self, name: &str, hosts: Vec<Host>, request: &Request) -> Answer {
        let (fewest, most) = self.facts(name).nameservers;
        let mut distinct: Vec<_> = hosts.iter().map(|(host, _)| host).collect();
        distinct.sort();
        distinct.dedup();
        if distinct.len() != hosts.len() {
            return Err(Refusal::bad("[nameServers] The name servers must be different"));
        }
        if !(fewest..=most).contains(&hosts.len()) {
            return Err(Refusal::bad(format!(
                "[nameServers] The number of name servers must be between {fewest} and {most}"
            )));
        }
        self.nothing_pending(name, "DomainDnsUpdate")?;
        Ok(self
            .accept(request, name, "DomainDnsUpdate", Work::Nameservers(hosts))
            .into())
    }

    /// A domain whose name servers may be changed. In which words OVH refuses another mode is not known.
    fn changeable(&self, name: &str) -> Result<Domain, Refusal> {
        let domain = self.writable(name)?;
        let any = self.controls.with(|settings| settings.update_in_any_mode);
        let mode = self.mode(name, &domain);
        if any || mode == "external" {
            return Ok(domain);
        }
        Err(Refusal::backend(
            403,
            "Client::Forbidden",
            format!("The name servers cannot be changed while the name server type is {mode}"),
        ))
    }

    fn hosts(&self, name: &str, domain: &Domain, list: &Value) -> Result<Vec<Host>, Refusal> {
        let bad = || Refusal::bad("[nameServers] Invalid name server");
        let supported = self.facts(name).host_supported;
        let mut hosts = Vec::new();
        for one in list.as_array().ok_or_else(bad)? {
            let one = one.as_object().ok_or_else(bad)?;
            if one.keys().any(|key| key != "host" && key != "ip") {
                return Err(bad());
            }
            let host = one.get("host").and_then(Value::as_str).unwrap_or_default();
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            // A final dot makes an empty label.
            if !host.contains('.') || !host.split('.').all(label) {
                return Err(Refusal::bad(format!("[host] Invalid host name: {host}")));
            }
            let ip = match one.get("ip") {
                None | Some(Value::Null) => None,
                Some(ip) => Some(
                    ip.as_str()
                        .and_then(|ip| ip.parse::<IpAddr>().ok())
                        .ok_or_else(|| Refusal::bad("[ip] Given data is not valid"))?
                        .to_string(),
                ),
            };
            let host = host.to_ascii_lowercase();
            let own = host.ends_with(&format!(".{name}"));
            if own && supported && !domain.glue.contains_key(&host) {
                return Err(Refusal::bad(format!("The host {host} has no glue record")));
            }
            if own && !supported && ip.is_none() {
                return Err(Refusal::bad(format!("The host {host} needs an IP address")));
            }
            hosts.push((host, ip));
        }
        Ok(hosts)
    }
}

fn present(domain: &Domain) -> Vec<Host> {
    domain
        .nameservers
        .iter()
        .map(|host| (host.clone(), None))
        .collect()
}
