//! The vendors that are held to the contract: one line each, an adapter and the simulator it is tried against.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use pdm_registrar::{Adapter, ErrorKind};

use crate::act::Act;
use crate::sim::controls::Controls;
use crate::sim::fixtures::Fixtures;
use crate::sim::world::World;
use crate::sim::{self, Simulator};

/// One vendor, with one kind of credentials.
pub struct Vendor {
    /// The credentials, where the vendor has several kinds that can different things; `None` for the ordinary ones.
    pub with: Option<&'static str>,
    /// Its adapter.
    pub adapter: fn() -> Arc<dyn Adapter>,
    /// Starts its simulator on a port (0: any free one) over a world, into which it puts its fixtures.
    pub start: fn(World, u16) -> BoxFuture<'static, Started>,
    /// Kinds of failure that the vendor's own answers do not tell apart: any of them is right for each.
    pub indistinct: &'static [ErrorKind],
    /// Writes that the vendor can, but not with these credentials.
    pub lacks: &'static [Act],
    /// How a change of name servers goes with these credentials.
    pub changes: Changes,
}

/// A simulator that runs, and what is in its world.
pub type Started = io::Result<(Simulator, Fixtures)>;

/// How a change of name servers goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changes {
    /// Done when it is answered.
    AtOnce,
    /// Accepted, done later, and shown as on its way to whoever looks at the domain.
    Shown,
    /// Accepted, done later, and known only to whoever has its task.
    Hidden,
}

impl Vendor {
    /// What targets of it are called before the `@`.
    pub fn label(&self) -> String {
        match self.with {
            None => self.id().to_owned(),
            Some(with) => format!("{}+{with}", self.id()),
        }
    }

    /// The id that the adapter gives itself.
    pub fn id(&self) -> &'static str {
        (self.adapter)().descriptor().id
    }

    /// The kinds that are right where `kind` is.
    pub fn kinds(&self, kind: ErrorKind) -> Vec<ErrorKind> {
        if self.indistinct.contains(&kind) {
            self.indistinct.to_vec()
        } else {
            vec![kind]
        }
    }
}

/// All of them, in the order of their names.
pub static VENDORS: &[Vendor] = &[
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_cloudflare::Cloudflare),
        start: |world, port| Box::pin(async move { sim::cloudflare::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        changes: Changes::AtOnce,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_dynadot::Dynadot),
        start: |world, port| Box::pin(async move { sim::dynadot::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        changes: Changes::AtOnce,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_godaddy::Godaddy),
        start: |world, port| Box::pin(async move { sim::godaddy::start(&world, port).await }),
        indistinct: INDISTINCT_403,
        lacks: &[Act::Undelegate],
        changes: Changes::AtOnce,
    },
    Vendor {
        with: Some("token"),
        adapter: || Arc::new(pdm_adapter_godaddy::Godaddy),
        start: |world, port| Box::pin(godaddy_by_token(world, port)),
        indistinct: INDISTINCT_403,
        lacks: &[Act::SetDs, Act::ClearDs],
        changes: Changes::Hidden,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_namecheap::Namecheap),
        start: |world, port| Box::pin(async move { sim::namecheap::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        changes: Changes::AtOnce,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_ovh::Ovh),
        start: |world, port| Box::pin(async move { sim::ovh::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        changes: Changes::Shown,
    },
];

/// GoDaddy answers all of them with 403 and one code.
const INDISTINCT_403: &[ErrorKind] = &[
    ErrorKind::ScopeMissing,
    ErrorKind::AccountTier,
    ErrorKind::DomainNotInAccount,
];

/// GoDaddy's newest API, which takes tokens and no keys: another transport, with changes that take their time.
///
/// What is not known of that API is set to the kinder answer, so that both ways of the adapter are gone.
async fn godaddy_by_token(world: World, port: u16) -> Started {
    let settings = sim::godaddy::Settings {
        ns_by_v3: true,
        caa_by_v1: true,
        ..Default::default()
    };
    let controls = Controls::new(settings);
    let (simulator, mut fixtures) = sim::godaddy::start_with(&world, port, &controls).await?;
    let keys = fixtures.ordinary.credentials.clone();
    let cases = [&mut fixtures.hosted, &mut fixtures.signed].into_iter().flatten();
    for case in cases
        .chain([&mut fixtures.ordinary])
        .chain(fixtures.cases.values_mut())
    {
        if case.credentials == keys {
            case.credentials = serde_json::json!({"access_token": sim::godaddy::ACCESS_TOKEN});
        }
    }
    Ok((simulator, fixtures))
}

/// The vendor of this id, with its ordinary credentials.
pub fn vendor(id: &str) -> Option<&'static Vendor> {
    each().find(|vendor| vendor.id() == id)
}

/// Each vendor once.
pub fn each() -> impl Iterator<Item = &'static Vendor> {
    VENDORS.iter().filter(|vendor| vendor.with.is_none())
}
