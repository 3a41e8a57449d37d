//! pool-domain-manager: gives a Sovereign its name.
//!
//! From pure to dirty; a module may use those above it, never those below:
//!
//! * [`domain`]: what is true, without I/O and without a clock of its own;
//! * [`store`]: what is remembered;
//! * [`propagation`]: what the world sees; [`dns`]: the zones we host; [`delegation`]: who points at us;
//! * [`adapters`], [`registrars`]: the registrars we can talk to;
//! * [`view`]: how the API shows things; [`verify`]: is it live yet?;
//! * [`operations`]: things that happen once and survive any crash;
//! * [`reconcile`]: things that must stay equal;
//! * [`inspect`]: a look at a customer's domain and account;
//! * [`service`], [`http`], [`cli`]: how programs and people talk to it.

pub mod adapters;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delegation;
pub mod dns;
pub mod domain;
pub mod http;
pub mod inspect;
pub mod operations;
pub mod propagation;
pub mod reconcile;
pub mod registrars;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod verify;
pub mod view;
pub mod world;

pub use pdm_registrar as registrar;
