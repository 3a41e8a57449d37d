//! The vendors that are held to the contract: one line each, an adapter and the simulator it is tried against.

use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use pdm_registrar::{Adapter, ErrorKind};

use crate::act::Act;
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
    pub start: fn(World, u16) -> BoxFuture<'static, io::Result<(Simulator, Fixtures)>>,
    /// Kinds of failure that the vendor's own answers do not tell apart: any of them is right for each.
    pub indistinct: &'static [ErrorKind],
    /// Writes that the vendor can, but not with these credentials.
    pub lacks: &'static [Act],
    /// Whether changes of name servers are done at once with these credentials, although the vendor has others.
    pub at_once: bool,
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
        at_once: false,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_dynadot::Dynadot),
        start: |world, port| Box::pin(async move { sim::dynadot::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        at_once: false,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_godaddy::Godaddy),
        start: |world, port| Box::pin(async move { sim::godaddy::start(&world, port).await }),
        indistinct: INDISTINCT_403,
        lacks: &[Act::Undelegate],
        at_once: true,
    },
    Vendor {
        with: Some("token"),
        adapter: || Arc::new(pdm_adapter_godaddy::Godaddy),
        start: |world, port| Box::pin(godaddy_by_token(world, port)),
        indistinct: INDISTINCT_403,
        lacks: &[Act::SetDs, Act::ClearDs],
        at_once: false,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_namecheap::Namecheap),
        start: |world, port| Box::pin(async move { sim::namecheap::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        at_once: false,
    },
    Vendor {
        with: None,
        adapter: || Arc::new(pdm_adapter_ovh::Ovh),
        start: |world, port| Box::pin(async move { sim::ovh::start(&world, port).await }),
        indistinct: &[],
        lacks: &[],
        at_once: false,
    },
];

/// GoDaddy answers all of them with 403 and one code.
const INDISTINCT_403: &[ErrorKind] =
    &[ErrorKind::ScopeMissing, ErrorKind::AccountTier, ErrorKind::DomainNotInAccount];

/// GoDaddy's newest API, which takes tokens and no keys: another transport, with changes that take their time.
async fn godaddy_by_token(world: World, port: u16) -> io::Result<(Simulator, Fixtures)> {
    let (simulator, mut fixtures) = sim::godaddy::start(&world, port).await?;
    let keys = fixtures.ordinary.credentials.clone();
    let cases = [&mut fixtures.hosted, &mut fixtures.signed].into_iter().flatten();
    for case in cases.chain([&mut fixtures.ordinary]).chain(fixtures.cases.values_mut()) {
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
