//! The addresses of name-server hosts, as the DNS tells them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::rr::{RData, RecordType};
use pdm_registrar::{DomainName, OwnerName};
use tokio::time::Instant;

use crate::propagation::{Verdict, Walker};

/// Finds and remembers addresses of hosts.
pub struct Addresses {
    walker: Arc<Walker>,
    port: u16,
    memory: Duration,
    known: Mutex<HashMap<DomainName, (Instant, Vec<IpAddr>)>>,
}

impl Addresses {
    /// Asks through `walker`; an answer is good for `memory`.
    pub fn new(walker: Arc<Walker>, port: u16, memory: Duration) -> Self {
        Self {
            walker,
            port,
            memory,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// Every address of every host, at the port of authoritative servers, without twins. A host whose address
    /// cannot be found is an error: a server that was not asked must not count as agreeing.
    pub async fn of(&self, hosts: &[DomainName], now: u32) -> Result<Vec<SocketAddr>, String> {
        let mut all = Vec::new();
        for host in hosts {
            for address in self.of_host(host, now).await? {
                let server = SocketAddr::new(address, self.port);
                if !all.contains(&server) {
                    all.push(server);
                }
            }
        }
        Ok(all)
    }

    async fn of_host(&self, host: &DomainName, now: u32) -> Result<Vec<IpAddr>, String> {
        let remembered = self
            .known
            .lock()
            .expect("nobody panics with it")
            .get(host)
            .cloned();
        if let Some((until, addresses)) = remembered
            && until > Instant::now()
        {
            return Ok(addresses);
        }
        let owner = OwnerName::from(host.clone());
        let (v4, v6) = tokio::join!(
            self.walker.walk(&owner, RecordType::A, now),
            self.walker.walk(&owner, RecordType::AAAA, now)
        );
        // A family of which nothing is known is not the same as a family without addresses.
        for walk in [&v4, &v6] {
            if let Verdict::Bogus { reason, .. } | Verdict::Indeterminate { reason } = &walk.verdict {
                return Err(format!(
                    "the addresses of the name server {host} are not known: {reason}"
                ));
            }
        }
        let mut addresses = Vec::new();
        for record in v4.answers.iter().chain(&v6.answers) {
            match &record.data {
                RData::A(a) => addresses.push(IpAddr::V4(a.0)),
                RData::AAAA(a) => addresses.push(IpAddr::V6(a.0)),
                _ => {}
            }
        }
        if addresses.is_empty() {
            return Err(format!("the address of the name server {host} cannot be found"));
        }
        let mut known = self.known.lock().expect("nobody panics with it");
        known.insert(host.clone(), (Instant::now() + self.memory, addresses.clone()));
        Ok(addresses)
    }
}
