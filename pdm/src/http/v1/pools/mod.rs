//! Domains that names are given out of.

pub mod admin;
pub mod check;
pub mod list;
