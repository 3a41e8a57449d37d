//! Tenants.

use super::trail;
use super::{Asked, Code, Decided, Refusal};
use crate::store::{StoreError, Tenant, Tx};

/// Longest name of a tenant or a key, characters.
pub(super) const MAX_NAME: usize = 100;

/// Adds a tenant.
pub async fn add_tenant(tx: &mut Tx<'_>, asked: Asked<'_>, name: &str) -> Decided<Tenant> {
    check_name(name)?;
    match tx.insert_tenant(name).await {
        Err(StoreError::Duplicate) => {
            Err(Refusal::field(Code::NameTaken, "/name", "there is a tenant of this name already").into())
        }
        Err(error) => Err(error.into()),
        Ok(tenant) => {
            trail::administered(tx, asked, Some(tenant.id), "tenant.create", name.to_owned()).await?;
            Ok(tenant)
        }
    }
}

/// What people call something: one line, not empty.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        let detail = format!("a name has 1 to {MAX_NAME} characters and no control characters");
        return Err(Refusal::invalid("/name", detail));
    }
    Ok(())
}
