//! What a part is measured on: servers of its own, so that no part leaves anything to the next.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};
use conformance::world::{Layout, Store, World, WorldOptions};
use conformance_servers::{Verdict, free_network, free_port};
use powerdns_client::CanonicalName;
use tempfile::TempDir;

use crate::contender::{Bare, CALLS, Replaced, ThroughPdm};
use crate::control_plane::{ControlPlane, Variant};
use crate::options::Options;
use crate::zones::{self, Upkeep};

/// Calls at a time for a contender that has no bound of its own: more than any part has in flight.
const UNBOUNDED: usize = 1_000;

/// Servers and the control plane. They end with this value.
#[derive(Debug)]
pub struct Stage {
    /// The control plane.
    pub pdm: ControlPlane,
    /// The servers.
    pub world: World,
    // Dropped last: the servers' files.
    _directory: TempDir,
}

/// Servers without a control plane.
#[derive(Debug)]
pub struct BareStage {
    /// The servers.
    pub world: World,
    layout: Layout,
    directory: TempDir,
}

impl BareStage {
    /// Starts the name servers and the resolver.
    pub async fn start(options: &Options, store: Store, layout: Layout) -> Result<Self> {
        eprintln!("   starting servers …");
        let mut builder = tempfile::Builder::new();
        builder.prefix("pdm-bench-");
        let directory = match &options.directory {
            Some(folder) => builder.tempdir_in(folder)?,
            None => builder.tempdir()?,
        };
        // PostgreSQL runs as another user when root starts it.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711))?;
        let world = World::start(&WorldOptions {
            directory: directory.path().to_owned(),
            network: free_network()?,
            port: free_port()?,
            layout,
            store,
        })
        .await?;
        Ok(Self {
            world,
            layout,
            directory,
        })
    }

    /// Adds the control plane.
    pub async fn with_pdm(self, options: &Options, variant: &Variant) -> Result<Stage> {
        let directory = self.directory.path().join("pdm");
        let pdm = ControlPlane::start(&options.pdm()?, &directory, &self.world, self.layout, variant).await?;
        Ok(Stage {
            pdm,
            world: self.world,
            _directory: self.directory,
        })
    }
}

impl Stage {
    /// Servers and a control plane, as the command line says.
    pub async fn start(options: &Options) -> Result<Self> {
        let servers = BareStage::start(options, options.store(), options.layout()).await?;
        servers.with_pdm(options, &Variant::default()).await
    }

    /// A new pool below `test.`, known to the control plane and with a chain of trust.
    pub async fn pool(&self, domain: &str, delegations: usize) -> Result<(ThroughPdm, CanonicalName)> {
        let apex = zones::make_parent(&self.world, domain, Upkeep::Narrow, delegations).await?;
        zones::delegate_from_tld(&self.world, &apex).await?;
        self.pdm.add_pool(domain).await?;
        Ok((
            ThroughPdm::new(self.pdm.url(), self.pdm.tenant_keys(), domain)?,
            apex,
        ))
    }

    /// The replaced system, on a parent of its own.
    pub async fn replaced(&self, parent: &str, delegations: usize) -> Result<(Replaced, CanonicalName)> {
        let apex = zones::make_parent(&self.world, parent, Upkeep::Rectified, delegations).await?;
        Ok((
            Replaced::new(zones::client(self.world.pool_server(), UNBOUNDED)?, apex.clone()),
            apex,
        ))
    }

    /// Bare calls, on a parent of their own.
    pub async fn bare(&self, parent: &str) -> Result<(Bare, CanonicalName)> {
        let apex = zones::make_parent(&self.world, parent, Upkeep::Narrow, 0).await?;
        Ok((
            Bare::new(zones::client(self.world.pool_server(), CALLS)?, apex.clone()),
            apex,
        ))
    }

    /// Whether a resolver that is not the control plane's finds the name secure and its address right.
    pub async fn check_secure(&self, name: &str) -> Result<()> {
        let answer = self.world.resolver.ask(&format!("console.{name}"), "A").await?;
        let right = answer.verdict() == Verdict::Secure && answer.data("A").contains(&zones::TARGET);
        ensure!(right, "{name} is live, but BIND says {answer:?}");
        Ok(())
    }
}
