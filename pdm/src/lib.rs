//! pool-domain-manager: gives a Sovereign its name.

pub mod clock;
pub mod config;
pub mod domain;
pub mod store;

pub use pdm_registrar as registrar;
