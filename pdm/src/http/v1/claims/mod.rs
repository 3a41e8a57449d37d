//! Rights to names.

pub mod commit;
pub mod get;
pub mod list;
pub mod propagation;
pub mod records;
pub mod release;
pub mod renew;
pub mod reserve;
pub mod targets;
