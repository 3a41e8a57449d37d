//! The routes below `/v1`, one file for each.

pub mod admin;
pub mod claims;
pub mod operations;
pub mod pools;
pub mod registrars;
