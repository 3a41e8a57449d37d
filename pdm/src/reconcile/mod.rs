//! Things that must stay equal.
//!
//! A task takes no input, does the same work every time, and is safe to run anywhere at any time: it reads what is,
//! compares it with what should be, and repairs what is ours within a budget. What is not ours is reported, never
//! touched. With several replicas a lease says who does a pass.

mod driver;
mod expire;
mod sweep;

pub use driver::Reconciler;
pub use sweep::{Found, sweep};
