//! Who asks.

use super::ids::{KeyId, TenantId};

/// What an authenticated caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Runs the service: sees every tenant, administers pools, keys and tenants.
    Operator,
    /// One tenant, and only what belongs to it.
    Tenant(TenantId),
}

/// An authenticated caller.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The key that was shown; absent for the old clients' listener, which has none.
    pub key: Option<KeyId>,
    /// What it may do.
    pub scope: Scope,
}

impl Actor {
    /// The tenant whose objects this caller sees; `None` sees all.
    pub const fn tenant(&self) -> Option<TenantId> {
        match self.scope {
            Scope::Operator => None,
            Scope::Tenant(tenant) => Some(tenant),
        }
    }

    /// Whether the caller runs the service.
    pub const fn is_operator(&self) -> bool {
        matches!(self.scope, Scope::Operator)
    }

    /// How the audit trail names the caller.
    pub fn audit_name(&self) -> String {
        match (self.key, self.scope) {
            (Some(key), _) => key.to_string(),
            (None, Scope::Tenant(tenant)) => format!("compat:{tenant}"),
            (None, Scope::Operator) => "local".to_owned(),
        }
    }
}
