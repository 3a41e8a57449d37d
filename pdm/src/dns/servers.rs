//! The PowerDNS servers of one role.
//!
//! They share a database: the first that can be reached is written to, the others are told to forget what they
//! have cached. No call is repeated here; what a failure means is for the caller to find out by reading back.

use std::future::Future;
use std::path::Path;

use pdm_registrar::DomainName;
use powerdns_client::{CanonicalName, Client, Config as ClientConfig, Effect, Error, ErrorKind, FoundRecord};

use super::canonical;
use crate::config::{Config, PowerDnsServer, ServerRole};

/// Most records that a look below a name asks for.
const MAX_BELOW: usize = 1_000;

/// One server.
#[derive(Clone)]
pub struct Server {
    /// Its address, for people; contains no secret.
    pub url: String,
    /// Its client.
    pub client: Client,
}

/// The servers of one role, in order of preference.
#[derive(Clone)]
pub struct ServerSet {
    servers: Vec<Server>,
}

/// Why servers cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The key file cannot be read.
    #[error("the API key file {path} of {url} cannot be read: {error}")]
    KeyFile {
        /// The file.
        path: String,
        /// The server.
        url: String,
        /// What the system says.
        error: std::io::ErrorKind,
    },
    /// The URL or another setting is not usable.
    #[error("{url}: {error}")]
    Client {
        /// The server.
        url: String,
        /// What is wrong.
        error: Error,
    },
}

/// Every server of the settings, grouped by role. A server with the role `both` is one client in both sets, so
/// its limit of connections holds for all of its work.
pub struct Servers {
    /// Hosts of pools' parent zones.
    pub pools: ServerSet,
    /// Hosts of names' zones.
    pub tenants: ServerSet,
}

impl Servers {
    /// Prepares clients; nothing is sent.
    pub fn new(config: &Config) -> Result<Self, SetupError> {
        let (mut pools, mut tenants) = (Vec::new(), Vec::new());
        for server in &config.powerdns.servers {
            let built = Server {
                url: server.url.clone(),
                client: client(config, server)?,
            };
            if server.role != ServerRole::Tenant {
                pools.push(built.clone());
            }
            if server.role != ServerRole::Pool {
                tenants.push(built);
            }
        }
        Ok(Self {
            pools: ServerSet { servers: pools },
            tenants: ServerSet { servers: tenants },
        })
    }

    /// Every server once.
    pub fn all(&self) -> Vec<&Server> {
        let mut all: Vec<&Server> = self.pools.servers.iter().collect();
        all.extend(
            self.tenants
                .servers
                .iter()
                .filter(|t| !self.pools.servers.iter().any(|p| p.url == t.url)),
        );
        all
    }
}

fn client(config: &Config, server: &PowerDnsServer) -> Result<Client, SetupError> {
    let key = read_key(&server.api_key_file).map_err(|error| SetupError::KeyFile {
        path: server.api_key_file.display().to_string(),
        url: server.url.clone(),
        error: error.kind(),
    })?;
    let mut settings = ClientConfig::new(server.url.clone(), key.trim().into());
    settings.deadline = config.timing.powerdns_deadline;
    settings.max_connections = config.powerdns.max_connections;
    Client::new(settings).map_err(|error| SetupError::Client {
        url: server.url.clone(),
        error,
    })
}

fn read_key(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

impl ServerSet {
    /// The servers.
    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter()
    }

    /// The address of the server that is written to first, as a name of the set for people.
    pub fn first_url(&self) -> &str {
        self.servers.first().map_or("", |server| &server.url)
    }

    /// Calls the first server that can be reached. Another one is tried only when nothing was sent to the one
    /// before, so one call of this is at most one request that a server acts on.
    pub async fn first<T, F>(&self, call: impl Fn(Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut last = None;
        for server in &self.servers {
            match call(server.client.clone()).await {
                Err(error)
                    if error.kind() == ErrorKind::Unreachable && error.effect() == Effect::NotApplied =>
                {
                    last = Some(error);
                }
                result => return result,
            }
        }
        Err(last.expect("a set of servers is never empty: the settings are checked"))
    }

    /// The same for a change at `name`, of which the others have to hear: the first flushed what it wrote.
    pub async fn change<T, F>(&self, name: &CanonicalName, call: impl Fn(Client) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let changed = self.first(call).await?;
        if self.servers.len() > 1 {
            self.flush(name).await;
        }
        Ok(changed)
    }

    /// One record that stands below a name: in its parent zone `parent` if that is asked for, or in a zone that is below
    /// the name itself. What stands in the name's own zone is looked at there. Reads all records of the servers.
    pub async fn find_below(
        &self,
        name: &DomainName,
        parent: Option<&DomainName>,
    ) -> Result<Option<FoundRecord>, Error> {
        let (name, parent) = (
            canonical(name.as_str()),
            parent.map(|zone| canonical(zone.as_str())),
        );
        let found = self
            .first(|client| {
                let name = &name;
                async move { client.records_below(name, MAX_BELOW).await }
            })
            .await?;
        Ok(found.into_iter().find(|record| {
            parent.as_ref() == Some(&record.zone) || (record.zone != name && record.zone.is_within(&name))
        }))
    }

    /// Tells every server to forget what it has cached at `name`. A server that is away forgets by itself when
    /// it comes back.
    pub async fn flush(&self, name: &CanonicalName) {
        let calls = self.servers.iter().map(|server| server.client.flush_cache(name));
        for (server, result) in self
            .servers
            .iter()
            .zip(futures_util::future::join_all(calls).await)
        {
            if let Err(error) = result {
                tracing::debug!(server = server.url, %error, "cache not flushed");
            }
        }
    }
}
