//! Administration, for operators.

pub mod audit;
pub mod keys;
pub mod orphans;
pub mod tenants;
