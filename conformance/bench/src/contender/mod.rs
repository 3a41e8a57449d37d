//! The ways to make a name live. Every one does it below a parent of its own, on the same servers.

mod bare;
mod replaced;
mod through_pdm;

use anyhow::Result;
use async_trait::async_trait;

pub use bare::{Bare, CALLS};
pub use replaced::Replaced;
pub use through_pdm::ThroughPdm;

/// Something that makes names live.
#[async_trait]
pub trait Contender: Send + Sync {
    /// Makes the name of this label below the contender's parent live: nobody has it before; afterwards it is
    /// delegated and its zone has all hosts.
    async fn make_live(&self, label: &str) -> Result<()>;
}
