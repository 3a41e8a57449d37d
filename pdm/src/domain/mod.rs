//! What is true: the vocabulary and the rules, without I/O and without a clock.
//!
//! Start with [`claim`]: a claim is a tenant's right to a name, and its states are the product. An
//! [`operation`] is journalled work on one claim; a [`zone_plan`] is what the zone of a name must hold.
//! Nothing here asks the world or the database; everything that depends on time takes it as an argument.

pub mod actor;
pub mod claim;
pub mod condition;
pub mod event;
pub mod ids;
pub mod label;
pub mod operation;
pub mod pool;
pub mod record_values;
pub mod records;
pub mod reserved;
pub mod targets;
pub mod zone_plan;
