//! Registrars: what they need and can do, and what an account at one can do for a domain.

pub mod list;
pub mod validate;
