//! Tenants and API keys.

use super::tx::{execute, fetch_all, fetch_optional};
use super::{Page, StoreError, Tx, parse};
use crate::clock::DbTime;
use crate::domain::ids::{KeyId, TenantId};

const T: &str = "api_keys";

/// A tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, unique.
    pub name: String,
    /// When it was added.
    pub created_at: DbTime,
}

/// An API key without its secret part.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id, which is also the public part of the key's text.
    pub id: KeyId,
    /// Whose it is; `None` is an operator's.
    pub tenant: Option<TenantId>,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the secret part, hexadecimal.
    pub hash: String,
    /// When it was made.
    pub created_at: DbTime,
    /// When it ends.
    pub expires_at: Option<DbTime>,
    /// When it was revoked.
    pub revoked_at: Option<DbTime>,
    /// When it was used last, to the minute.
    pub used_at: Option<DbTime>,
}

/// A key to write.
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is; `None` is an operator's.
    pub tenant: Option<TenantId>,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the secret part, hexadecimal.
    pub hash: String,
    /// When it ends.
    pub expires_at: Option<DbTime>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    tenant: Option<String>,
    name: String,
    hash: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    used_at: Option<i64>,
}

impl KeyRow {
    fn key(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            id: parse(self.id.parse().ok(), T, "id", &self.id)?,
            tenant: self
                .tenant
                .map(|t| parse(t.parse().ok(), T, "tenant", &self.id))
                .transpose()?,
            name: self.name,
            hash: self.hash,
            created_at: DbTime::from_store(self.created_at),
            expires_at: self.expires_at.map(DbTime::from_store),
            revoked_at: self.revoked_at.map(DbTime::from_store),
            used_at: self.used_at.map(DbTime::from_store),
        })
    }
}

impl Tx<'_> {
    /// Adds a tenant; [`StoreError::Duplicate`] when the name is in use.
    pub async fn insert_tenant(&mut self, name: &str) -> Result<Tenant, StoreError> {
        let tenant = Tenant {
            id: TenantId::new(),
            name: name.to_owned(),
            created_at: self.now().await?,
        };
        execute!(
            self,
            "INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)",
            tenant.id.to_string(),
            tenant.name.clone(),
            tenant.created_at.micros(),
        )?;
        Ok(tenant)
    }

    /// A page of tenants.
    pub async fn list_tenants(&mut self, page: &Page) -> Result<Vec<Tenant>, StoreError> {
        let rows = fetch_all!(
            self,
            (String, String, i64),
            "SELECT id, name, created_at FROM tenants WHERE ($1 IS NULL OR id > $1) ORDER BY id LIMIT $2",
            page.after.clone(),
            page.limit,
        )?;
        rows.into_iter()
            .map(|(id, name, created_at)| {
                Ok(Tenant {
                    id: parse(id.parse().ok(), "tenants", "id", &id)?,
                    name,
                    created_at: DbTime::from_store(created_at),
                })
            })
            .collect()
    }

    /// Whether there is such a tenant.
    pub async fn tenant_exists(&mut self, tenant: TenantId) -> Result<bool, StoreError> {
        let row = fetch_optional!(
            self,
            (String,),
            "SELECT id FROM tenants WHERE id = $1",
            tenant.to_string()
        )?;
        Ok(row.is_some())
    }

    /// Adds a key.
    pub async fn insert_key(&mut self, new: &NewKey) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO api_keys (id, tenant, name, hash, created_at, expires_at)
             SELECT $1, $2, $3, $4, now, $5 FROM db_time",
            new.id.to_string(),
            new.tenant.map(|t| t.to_string()),
            new.name.clone(),
            new.hash.clone(),
            new.expires_at.map(DbTime::micros),
        )?;
        Ok(())
    }

    /// A key by id, whatever its state.
    pub async fn key(&mut self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        fetch_optional!(
            self,
            KeyRow,
            "SELECT id, tenant, name, hash, created_at, expires_at, revoked_at, used_at FROM api_keys WHERE id = $1",
            id.to_string(),
        )?
        .map(KeyRow::key)
        .transpose()
    }

    /// A page of keys.
    pub async fn list_keys(&mut self, page: &Page) -> Result<Vec<ApiKey>, StoreError> {
        fetch_all!(
            self,
            KeyRow,
            "SELECT id, tenant, name, hash, created_at, expires_at, revoked_at, used_at FROM api_keys
              WHERE ($1 IS NULL OR id > $1) ORDER BY id LIMIT $2",
            page.after.clone(),
            page.limit,
        )?
        .into_iter()
        .map(KeyRow::key)
        .collect()
    }

    /// How many operator keys are good.
    pub async fn count_operator_keys(&mut self) -> Result<i64, StoreError> {
        let row = fetch_optional!(
            self,
            (i64,),
            "SELECT count(*) FROM api_keys WHERE tenant IS NULL AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > (SELECT now FROM db_time))",
        )?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// Revokes a key; false when there is none that is not revoked yet.
    pub async fn revoke_key(&mut self, id: KeyId) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE api_keys SET revoked_at = (SELECT now FROM db_time) WHERE id = $1 AND revoked_at IS NULL",
            id.to_string(),
        )?;
        Ok(changed == 1)
    }

    /// Notes that a key was used.
    pub async fn touch_key(&mut self, id: KeyId) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE api_keys SET used_at = (SELECT now FROM db_time) WHERE id = $1",
            id.to_string(),
        )?;
        Ok(())
    }
}
