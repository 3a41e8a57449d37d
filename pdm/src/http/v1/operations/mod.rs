//! Work on names.

pub mod cancel;
pub mod events;
pub mod get;
pub mod list;
pub mod retry;
