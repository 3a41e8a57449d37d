//! The world of the control plane on one machine: real name servers from the root down to the tenants' zones, a validating
//! resolver, a database, and the control plane itself.
//!
//! [`world`] is the DNS part, for tests that bring a control plane of their own; [`sim`] plays the registrars; [`lab`] is what
//! `make run` starts.
//!
//! And the suite that holds registrar adapters to the contract of `pdm_registrar`: [`checks`], run by [`run`] against the
//! [`target`]s of the [`vendors`].

pub mod act;
pub mod check;
pub mod checks;
pub mod cli;
pub mod lab;
pub mod picture;
pub mod report;
pub mod run;
pub mod sim;
pub mod subject;
pub mod target;
pub mod vendors;
pub mod world;
