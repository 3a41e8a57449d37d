//! The world of the control plane on one machine: real name servers from the root down to the tenants' zones, a validating
//! resolver, a database, and the control plane itself.
//!
//! [`world`] is the DNS part, for tests that bring a control plane of their own; [`lab`] is what `make run` starts.

pub mod lab;
pub mod world;
