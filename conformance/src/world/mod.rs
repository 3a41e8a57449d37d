//! A DNS tree of real servers: root, top-level domains, pools, tenants, each zone signed and each delegation with its DS
//! record, and a validating resolver on top.
//!
//! | server | zones | addresses in the network |
//! |---|---|---|
//! | `root` | `.` | 1, 101 |
//! | `tlds` | `com io net org test uk works` | 2, 102 |
//! | `pools` | `omani.works openova.io`, and the name servers' own names in `openova-dns.net openova-dns.org` | 3, 103 |
//! | `tenants` | the tenants' zones | 4, 104 |
//! | `tenants2` | the same, from the same PostgreSQL database | 5, 105 |
//! | `old_hosts` (the lab starts it) | customers' own domains before they come to us | 6, 106 |
//!
//! Every server has two addresses, because a zone has two name servers. All servers have one port, because BIND as a
//! resolver asks only one.

mod names;
mod zones;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use conformance_servers::{Backend, Network, Postgres, PowerDns, Resolver, TrustAnchor};

pub use names::{OLD_HOSTS, POOL_NAMESERVERS, POOLS, TENANT_NAMESERVERS};

/// Which server has the pools' zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Another one than the tenants' zones.
    Separate,
    /// The one with the tenants' zones: parent and child on the same server.
    Same,
}

/// Where databases are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// One SQLite file for each server.
    Sqlite,
    /// A private PostgreSQL: one database for two servers of the tenants' zones, one for the control plane.
    Postgres,
}

/// What world to start.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// Where everything is kept; a world that was there before comes back as it was.
    pub directory: PathBuf,
    /// The addresses of the servers.
    pub network: Network,
    /// The port of all name servers and of the resolver.
    pub port: u16,
    /// Which server has the pools' zones.
    pub layout: Layout,
    /// Where databases are kept.
    pub store: Store,
}

/// A running world. It ends with this value.
#[derive(Debug)]
pub struct World {
    /// The server of the root zone.
    pub root: PowerDns,
    /// The server of the top-level domains.
    pub tlds: PowerDns,
    /// The server of the pools' zones; `None` in the layout [`Layout::Same`].
    pub pools: Option<PowerDns>,
    /// The servers of the tenants' zones; with [`Store::Postgres`] two on one database.
    pub tenants: Vec<PowerDns>,
    /// BIND, validating, on 127.0.0.1 and the common port.
    pub resolver: Resolver,
    /// The root zone's key.
    pub trust_anchor: TrustAnchor,
    /// A file with the root zone's DNSKEY record, as `dig . DNSKEY` prints it.
    pub trust_anchor_file: PathBuf,
    /// With [`Store::Postgres`].
    pub postgres: Option<Postgres>,
}

impl World {
    /// Starts all servers, makes the zones that are missing, and waits until the resolver finds the pools secure.
    pub async fn start(options: &WorldOptions) -> Result<Self> {
        let postgres = match options.store {
            Store::Sqlite => None,
            Store::Postgres => Some(
                Postgres::start(options.directory.join("postgres"))
                    .await
                    .context("starting PostgreSQL")?,
            ),
        };
        let tenants_backend = match &postgres {
            None => Backend::Sqlite,
            Some(postgres) => Backend::Postgres(postgres.create_database("powerdns").await?),
        };
        let server = |name: &str, host: u8, backend: Backend| {
            let (first, second) = (options.network.host(host), options.network.host(host + 100));
            PowerDns::builder(name)
                .address(first)
                .setting("local-address", &format!("{first}, {second}"))
                .port(options.port)
                .directory(options.directory.join(name))
                .backend(backend)
                .start()
        };
        let start_pools = async {
            match options.layout {
                Layout::Same => Ok(None),
                Layout::Separate => server("pools", 3, Backend::Sqlite).await.map(Some),
            }
        };
        let start_tenants = async {
            let mut tenants = vec![server("tenants", 4, tenants_backend.clone()).await?];
            if postgres.is_some() {
                tenants.push(server("tenants2", 5, tenants_backend.clone()).await?);
            }
            Ok(tenants)
        };
        let (root, tlds, pools, tenants) = tokio::try_join!(
            server("root", 1, Backend::Sqlite),
            server("tlds", 2, Backend::Sqlite),
            start_pools,
            start_tenants
        )?;

        let tree = names::tree(options);
        let trust_anchor = zones::build(&tree, &root, &tlds, pools.as_ref().unwrap_or(&tenants[0])).await?;
        let trust_anchor_file = options.directory.join("trust-anchor");
        std::fs::write(&trust_anchor_file, trust_anchor.line() + "\n")?;

        let resolver = Resolver::bind(options.port, trust_anchor.clone())
            .root(names::ROOT_NAMESERVERS[0], options.network.host(1))
            .root(names::ROOT_NAMESERVERS[1], options.network.host(101))
            .directory(options.directory.join("resolver"))
            .start()
            .await?;
        let world = Self {
            root,
            tlds,
            pools,
            tenants,
            resolver,
            trust_anchor,
            trust_anchor_file,
            postgres,
        };
        world.check().await?;
        Ok(world)
    }

    /// All PowerDNS servers, from the root down.
    pub fn servers(&self) -> impl Iterator<Item = &PowerDns> {
        [&self.root, &self.tlds]
            .into_iter()
            .chain(&self.pools)
            .chain(&self.tenants)
    }

    /// The server of the pools' zones, in either layout.
    pub fn pool_server(&self) -> &PowerDns {
        self.pools.as_ref().unwrap_or(&self.tenants[0])
    }

    /// Ends all servers in order.
    pub async fn stop(&self) {
        self.resolver.stop().await;
        for server in self.servers() {
            server.stop().await;
        }
        if let Some(postgres) = &self.postgres {
            postgres.stop().await;
        }
    }

    /// Every pool, and the host names that they and the tenants need, must have a chain of trust.
    async fn check(&self) -> Result<()> {
        use conformance_servers::Verdict;

        let hosts = POOL_NAMESERVERS
            .iter()
            .chain(&TENANT_NAMESERVERS)
            .map(|host| (host, "A"));
        for (name, kind) in POOLS.iter().map(|pool| (pool, "NS")).chain(hosts) {
            let answer = self
                .resolver
                .ask(name, kind)
                .await
                .with_context(|| format!("asking for {name}"))?;
            let good = answer.verdict() == Verdict::Secure && !answer.data(kind).is_empty();
            ensure!(good, "{name} {kind} is not secure: {answer:?}");
        }
        Ok(())
    }
}
