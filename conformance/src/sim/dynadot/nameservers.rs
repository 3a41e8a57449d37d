//! Name servers of a domain, and the hosts that an account may use as such.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::PoisonError;

use serde_json::{Map, json};

use super::account::Account;
use super::answer::{Content, Refusal};
use super::api3::{Call, Outcome};
use super::{VENDOR, Vendor};

/// Most name servers of a domain.
const MOST: usize = 13;

impl Call<'_> {
    pub(super) fn nameservers(&self) -> Outcome {
        let (_, domain) = self.vendor.held(self.account, self.required("domain")?)?;
        let mut content = Map::new();
        for (number, host) in domain.nameservers.iter().enumerate() {
            content.insert(format!("Host{number}"), json!(self.vendor.shown_host(host)));
        }
        content.insert("NsName".to_owned(), json!(""));
        Ok(Content::of("NsContent", content.into()))
    }

    pub(super) fn set_nameservers(&self) -> Outcome {
        let hosts = self.numbered("ns", MOST - 1)?.into_iter();
        let hosts: Vec<_> = hosts.map(|(_, host)| host.to_ascii_lowercase()).collect();
        let names = self.domains()?;
        for name in &names {
            self.vendor.changeable(self.account, name)?;
        }
        self.vendor.usable(self.account, &hosts)?;
        for name in names {
            self.vendor.delegate(self.command, &name, hosts.clone());
        }
        Ok(Content::empty())
    }

    pub(super) fn add_host(&self) -> Outcome {
        let host = host(self.required("host")?)?;
        let id = self.vendor.add_outside_host(self.account, &host)?;
        let server = json!({"Server": {"Host": host, "ServerId": id.to_string()}});
        Ok(Content::of("AddNsContent", server))
    }

    pub(super) fn register_host(&self) -> Outcome {
        let host = host(self.required("host")?)?;
        let id = self
            .vendor
            .register(self.account, &host, &[self.required("ip")?])?;
        let server = json!({"Server": {"Host": host, "ServerId": id.to_string()}});
        Ok(Content::of("RegisterNsContent", server))
    }

    pub(super) fn set_host_addresses(&self) -> Outcome {
        let id = self.required("server_id")?;
        let addresses = self.numbered("ip", 8)?.into_iter();
        let addresses: Vec<_> = addresses.map(|(_, address)| address).collect();
        let host = {
            let hosts = self.vendor.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let known = hosts.get(self.account.name).into_iter().flatten();
            let mut found = known.filter(|(_, number)| number.to_string() == id);
            found.next().map(|(host, _)| host.clone())
        };
        let host = host.ok_or_else(|| Refusal::new("could not find server in your account"))?;
        self.vendor.set_addresses(self.account, &host, &addresses)?;
        Ok(Content::empty())
    }

    pub(super) fn list_hosts(&self) -> Content {
        let hosts = self.vendor.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts.get(self.account.name).into_iter().flatten();
        let shown = known.map(|(host, id)| json!({"ServerId": id.to_string(), "ServerName": host}));
        Content::of("ServerList", self.list(shown.collect()))
    }
}

/// A host's name in lower case.
pub(super) fn host(text: &str) -> Result<String, Refusal> {
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let fits =
        text.contains('.') && !text.starts_with('.') && !text.ends_with('.') && text.bytes().all(usable);
    if fits && text.parse::<IpAddr>().is_err() {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Refusal::new(format!("'{text}' is not a valid name server")))
    }
}

impl Vendor {
    /// At the start an account knows the hosts that its domains are delegated to.
    pub(super) fn know_present_hosts(&self) {
        let present: Vec<_> = {
            let state = self.world.state();
            let ours = state
                .domains
                .values()
                .filter(|domain| domain.vendor == VENDOR && !domain.hosted);
            ours.map(|domain| (domain.account.clone(), domain.nameservers.clone()))
                .collect()
        };
        for (account, hosts) in present {
            self.numbered_hosts(&account, &hosts);
        }
    }

    /// The account's numbers of `hosts`; one that it does not know gets one.
    pub(super) fn numbered_hosts(&self, account: &str, hosts: &[String]) -> Vec<(u64, String)> {
        let mut known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known: &mut BTreeMap<String, u64> = known.entry(account.to_owned()).or_default();
        let mut number = |host: &String| {
            let id = known
                .entry(host.clone())
                .or_insert_with(|| self.world.state().next_id());
            (*id, host.clone())
        };
        hosts.iter().map(&mut number).collect()
    }

    /// A host as the vendor shows it.
    pub(super) fn shown_host(&self, host: &str) -> String {
        if self.settings().decorated_hosts {
            format!("{}.", host.to_ascii_uppercase())
        } else {
            host.to_owned()
        }
    }

    /// Whether the account may use these hosts for a domain.
    pub(super) fn usable(&self, account: &Account, hosts: &[String]) -> Result<(), Refusal> {
        if !(2..=MOST).contains(&hosts.len()) {
            return Err(Refusal::new("a domain needs 2 to 13 name servers"));
        }
        for (at, name) in hosts.iter().enumerate() {
            host(name)?;
            if hosts[..at].contains(name) {
                return Err(Refusal::new(format!("'{name}' is there twice")));
            }
            let known = {
                let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
                hosts
                    .get(account.name)
                    .is_some_and(|known| known.contains_key(name))
            };
            if !known || self.lacks_glue(name) {
                return Err(Refusal::new(format!(
                    "'{name}' needs to be registered with an ip address before it can be used."
                )));
            }
        }
        Ok(())
    }

    /// Delegates `name` to `hosts`, and ends what the vendor served for it.
    pub(super) fn delegate(&self, call: &str, name: &str, hosts: Vec<String>) {
        let (world, of) = (self.world.clone(), name.to_owned());
        self.late.accept(&self.faults, call, name, move || {
            world.state().zones.remove(&(VENDOR.to_owned(), of.clone()));
            world.change_domain(&of, |domain| {
                domain.nameservers = hosts;
                domain.hosted = false;
            });
        });
    }

    pub(super) fn add_outside_host(&self, account: &Account, host: &str) -> Result<u64, Refusal> {
        {
            let known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            if known
                .get(account.name)
                .is_some_and(|known| known.contains_key(host))
            {
                return Err(Refusal::new(format!("{host} already exists")));
            }
        }
        Ok(self.numbered_hosts(account.name, &[host.to_owned()])[0].0)
    }

    /// Registers a host below a domain of the account.
    pub(super) fn register(&self, account: &Account, host: &str, addresses: &[&str]) -> Result<u64, Refusal> {
        let (domain, held) = self.parent(account, host)?;
        if held.glue.contains_key(host) {
            return Err(Refusal::new(format!("{host} already exists")));
        }
        self.set_glue(&domain, host, addresses)?;
        Ok(self.numbered_hosts(account.name, &[host.to_owned()])[0].0)
    }

    /// Changes the addresses of a host that is registered below a domain of the account.
    pub(super) fn set_addresses(
        &self,
        account: &Account,
        host: &str,
        addresses: &[&str],
    ) -> Result<(), Refusal> {
        let (domain, held) = self.parent(account, host)?;
        if !held.glue.contains_key(host) {
            return Err(Refusal::new(format!(
                "'{host}' needs to be registered with an ip address before it can be used."
            )));
        }
        self.set_glue(&domain, host, addresses)
    }

    fn set_glue(&self, domain: &str, host: &str, addresses: &[&str]) -> Result<(), Refusal> {
        if addresses.is_empty() || addresses.iter().any(|address| address.parse::<IpAddr>().is_err()) {
            return Err(Refusal::new("invalid ip address"));
        }
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        self.world.change_domain(domain, |domain| {
            domain.glue.insert(host.to_owned(), addresses);
        });
        Ok(())
    }

    /// The domain that `host` is below, in the account.
    fn parent(&self, account: &Account, host: &str) -> Result<(String, crate::sim::world::Domain), Refusal> {
        let mut below = host;
        while let Some((_, parent)) = below.split_once('.') {
            if let Ok(held) = self.held(account, parent) {
                return Ok(held);
            }
            below = parent;
        }
        Err(Refusal::new(format!(
            "{host} is not below a domain in your account"
        )))
    }

    /// Whether `host` is below a domain of this world whose registry knows no address of it.
    fn lacks_glue(&self, host: &str) -> bool {
        let state = self.world.state();
        let mut below = host;
        while let Some((_, parent)) = below.split_once('.') {
            if let Some(domain) = state.domains.get(parent) {
                return !domain.glue.contains_key(host);
            }
            below = parent;
        }
        false
    }
}
