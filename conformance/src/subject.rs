//! A subject: an account that can be opened through an adapter, its domains, and how far a check may go with them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pdm_registrar::{
    Account, Adapter, Change, Credentials, Custom, Descriptor, DnsHost, DomainName, Endpoint, Error,
    ReadOnly, Registrar, Snapshot, TaskState,
};
use tokio::time::{Instant, sleep};

use crate::act;
use crate::check::Facts;
use crate::sim::Simulator;
use crate::sim::fixtures::{Case, Fixtures};
use crate::sim::world::World;
use crate::vendors::Vendor;

/// For a whole call at a simulator: long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(10);
/// The same where a check waits for it to run out.
pub const SHORT_DEADLINE: Duration = Duration::from_millis(500);
/// How long an accepted change is followed at a real vendor.
const FOLLOWED: Duration = Duration::from_secs(600);

/// Takes the place of a vendor's adapter: how the self-check breaks one.
pub type Disguise = Arc<dyn Fn(Arc<dyn Adapter>, &Stage) -> Arc<dyn Adapter> + Send + Sync>;

/// A simulated vendor in a world of its own.
pub struct Stage {
    /// The world.
    pub world: World,
    /// The vendor in it.
    pub simulator: Simulator,
}

/// What checks are run against.
pub struct Subject {
    vendor: &'static Vendor,
    adapter: Arc<dyn Adapter>,
    disguise: Option<Disguise>,
    /// Its domains and situations.
    pub fixtures: Fixtures,
    place: Place,
}

enum Place {
    Simulated(Stage),
    Real { endpoint: Endpoint, read_only: bool },
}

impl Subject {
    /// A fresh simulator.
    pub async fn simulated(vendor: &'static Vendor, disguise: Option<Disguise>) -> Result<Self> {
        let world = World::new();
        let (simulator, fixtures) = (vendor.start)(world.clone(), 0)
            .await
            .context("the simulator does not start")?;
        let stage = Stage { world, simulator };
        let plain = (vendor.adapter)();
        let adapter = disguise
            .as_ref()
            .map_or(plain.clone(), |disguise| disguise(plain, &stage));
        Ok(Self {
            vendor,
            adapter,
            disguise,
            fixtures,
            place: Place::Simulated(stage),
        })
    }

    /// A real account. `read_only` opens it inside [`ReadOnly`], so that no write can reach the wire.
    pub fn real(vendor: &'static Vendor, endpoint: Endpoint, read_only: bool, fixtures: Fixtures) -> Self {
        Self {
            vendor,
            adapter: (vendor.adapter)(),
            disguise: None,
            fixtures,
            place: Place::Real { endpoint, read_only },
        }
    }

    /// The same vendor and adapter, in a fresh world.
    pub async fn fresh(&self) -> Result<Self> {
        self.stage()?;
        Self::simulated(self.vendor, self.disguise.clone()).await
    }

    /// The simulated world; an error at a real vendor.
    pub fn stage(&self) -> Result<&Stage> {
        match &self.place {
            Place::Simulated(stage) => Ok(stage),
            Place::Real { .. } => bail!("this check needs a simulator"),
        }
    }

    /// The simulated world, if there is one.
    pub fn world(&self) -> Option<&World> {
        self.stage().ok().map(|stage| &stage.world)
    }

    /// The vendor.
    pub fn vendor(&self) -> &'static Vendor {
        self.vendor
    }

    /// The adapter under test.
    pub fn adapter(&self) -> &dyn Adapter {
        &*self.adapter
    }

    /// What it says of its vendor.
    pub fn descriptor(&self) -> &'static Descriptor {
        self.adapter.descriptor()
    }

    /// What decides which checks apply.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            descriptor: self.descriptor(),
            fixtures: &self.fixtures,
            vendor: self.vendor,
        }
    }

    /// Opens the account of a case.
    pub fn open(&self, case: &Case) -> Result<Box<dyn Account>, Error> {
        self.open_within(case, DEADLINE)
    }

    /// The same with another deadline for calls at a simulator.
    pub fn open_within(&self, case: &Case, deadline: Duration) -> Result<Box<dyn Account>, Error> {
        let credentials = self.credentials(case)?;
        match &self.place {
            Place::Simulated(stage) => {
                let mut custom = Custom::new(&stage.simulator.base_url())?;
                custom.deadline = deadline;
                self.adapter.open(&Endpoint::Custom(custom), &credentials)
            }
            Place::Real { endpoint, read_only } => {
                let account = self.adapter.open(endpoint, &credentials)?;
                Ok(if *read_only {
                    Box::new(ReadOnly::new(account))
                } else {
                    account
                })
            }
        }
    }

    /// The credentials of a case, read as the control plane reads them.
    pub fn credentials(&self, case: &Case) -> Result<Credentials, Error> {
        Credentials::from_json(self.descriptor(), case.credentials.to_string().as_bytes())
    }

    /// The ordinary account, opened.
    pub fn account(&self) -> Result<Box<dyn Account>, Error> {
        self.open(&self.fixtures.ordinary)
    }

    /// The ordinary domain.
    pub fn domain(&self) -> Result<DomainName> {
        name(&self.fixtures.ordinary.domain)
    }

    /// The domain whose zone the vendor hosts.
    pub fn zone(&self) -> Result<DomainName> {
        name(
            &self
                .fixtures
                .hosted
                .as_ref()
                .context("there is no hosted zone")?
                .domain,
        )
    }

    /// The domain with a DS.
    pub fn signed(&self) -> Result<DomainName> {
        name(
            &self
                .fixtures
                .signed
                .as_ref()
                .context("there is no signed domain")?
                .domain,
        )
    }

    /// Writes that the simulator has seen; 0 at a real vendor, where nobody can count them.
    pub fn writes(&self) -> usize {
        self.stage().map_or(0, |stage| stage.simulator.journal.writes())
    }

    /// Waits until a change is done. At a simulator the world's clock is moved.
    pub async fn finish(&self, account: &dyn Account, domain: &DomainName, change: &Change) -> Result<()> {
        let Change::Accepted(task) = change else {
            return Ok(());
        };
        let end = Instant::now() + FOLLOWED;
        for round in 0_u32.. {
            match registrar(account)?.task(domain, task).await? {
                TaskState::Done => return Ok(()),
                TaskState::Failed { detail } => bail!("the accepted change failed: {detail}"),
                TaskState::NeedsPerson { detail } => {
                    bail!("the accepted change waits for a person: {detail}")
                }
                TaskState::Pending { detail } => match self.world() {
                    Some(world) => {
                        ensure!(round < 100, "the accepted change does not end: {detail}");
                        world.move_clock(Duration::from_secs(60));
                    }
                    None => {
                        ensure!(Instant::now() < end, "the accepted change does not end: {detail}");
                        sleep(Duration::from_secs(10)).await;
                    }
                },
            }
        }
        Ok(())
    }
}

/// The registry side of an account that must have one.
pub fn registrar(account: &dyn Account) -> Result<&dyn Registrar> {
    account.registrar().context("the account offers no registry side")
}

/// The hosting side of an account that must have one.
pub fn dns_host(account: &dyn Account) -> Result<&dyn DnsHost> {
    account.dns_host().context("the account offers no hosted zones")
}

/// A domain name of the fixtures.
pub fn name(text: &str) -> Result<DomainName> {
    DomainName::parse(text).with_context(|| format!("`{text}` is no domain name"))
}

/// What a sandbox account looked like before a check.
pub struct Before {
    snapshots: Vec<Snapshot>,
}

impl Subject {
    /// Notes what a check may change at a real account.
    pub async fn before(&self) -> Result<Before> {
        let account = self.account()?;
        let mut snapshots = Vec::new();
        if let Some(registrar) = account.registrar() {
            let hosted = self.fixtures.hosted.as_ref().map(|hosted| &hosted.domain);
            for domain in [Some(&self.fixtures.ordinary.domain), hosted]
                .into_iter()
                .flatten()
            {
                snapshots.push(registrar.snapshot(&name(domain)?).await?);
            }
        }
        Ok(Before { snapshots })
    }

    /// Puts a real account back: registrations as they were, and nothing of ours in the hosted zone.
    pub async fn put_back(&self, before: &Before) -> Result<()> {
        let account = self.account()?;
        for snapshot in &before.snapshots {
            let change = registrar(&*account)?.restore(&snapshot.domain, snapshot).await;
            let change = change.with_context(|| format!("{} is not as it was before", snapshot.domain))?;
            self.finish(&*account, &snapshot.domain, &change).await?;
        }
        let (Some(host), Some(_)) = (account.dns_host(), &self.fixtures.hosted) else {
            return Ok(());
        };
        let zone = self.zone()?;
        let can = self.descriptor().capabilities;
        if !can.delegate_subdomain.is_no() {
            let child = act::child(&zone)?;
            for name in [
                child.clone(),
                DomainName::parse(&format!("{}.{child}", act::DEEP))?,
            ] {
                host.undelegate(&zone, &name, None)
                    .await
                    .with_context(|| format!("{name} is still delegated"))?;
            }
        }
        if !can.txt.is_no() {
            for value in act::VALUES {
                host.remove_txt(&zone, &act::txt_name(&zone)?, value)
                    .await
                    .context("a TXT value is still there")?;
            }
        }
        Ok(())
    }
}
