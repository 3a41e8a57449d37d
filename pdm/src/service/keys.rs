//! API keys: `pdm_<id>_<secret>`. Only the SHA-256 of the secret part is stored.

use super::trail;
use super::{Asked, Code, Decided, Refusal, ServerKey, secrets, sha256_hex, tenants};
use crate::clock::DbTime;
use crate::domain::ids::{KeyId, TenantId};
use crate::store::{ApiKey, NewKey, StoreError, Tx};

/// What is asked.
#[derive(Clone)]
pub struct CreateKey {
    /// What it is called.
    pub name: String,
    /// Whose it is; `None` is an operator's.
    pub tenant: Option<TenantId>,
    /// When it ends.
    pub expires_at: Option<DbTime>,
}

/// The text of a key, which its owner sends.
pub fn key_text(id: KeyId, secret: &str) -> String {
    format!("pdm_{}_{secret}", id.uuid().simple())
}

/// Splits the text of a key into its id and its secret part.
pub fn split_key(text: &str) -> Option<(KeyId, &str)> {
    let (id, secret) = text.strip_prefix("pdm_")?.split_once('_')?;
    let id = format!("key_{id}").parse().ok()?;
    (secret.len() >= 43).then_some((id, secret))
}

/// Whether `secret` is the secret part of `key`, in constant time.
pub fn is_secret_of(secret: &str, key: &ApiKey) -> bool {
    secrets::is_secret_of(secret, &key.hash)
}

/// Makes a key whose secret part follows from `salt`; its text comes from [`ServerKey::api_key_secret`].
pub async fn create_key(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    server: &ServerKey,
    salt: &[u8],
    new: &CreateKey,
) -> Decided<ApiKey> {
    tenants::check_name(&new.name)?;
    if let Some(tenant) = new.tenant
        && !tx.tenant_exists(tenant).await?
    {
        return Err(Refusal::field(Code::TenantNotFound, "/tenant", "there is no such tenant").into());
    }
    let now = tx.now().await?;
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::invalid("/expires_at", "this moment is past").into());
    }
    let id = KeyId::new();
    let secret = server.api_key_secret(id, salt);
    tx.insert_key(&NewKey {
        id,
        tenant: new.tenant,
        name: new.name.clone(),
        hash: sha256_hex(secret.as_bytes()),
        expires_at: new.expires_at,
    })
    .await?;
    trail::administered(tx, asked, new.tenant, "key.create", format!("{id} {}", new.name)).await?;
    let key = tx.key(id).await?;
    Ok(key.ok_or(StoreError::Inconsistent {
        table: "api_keys",
        column: "id",
        id: id.to_string(),
    })?)
}

/// Ends a key. One that was revoked before stays so.
pub async fn revoke_key(tx: &mut Tx<'_>, asked: Asked<'_>, id: KeyId) -> Decided<()> {
    let key = tx.key(id).await?.ok_or_else(no_key)?;
    if tx.revoke_key(id).await? {
        trail::administered(tx, asked, key.tenant, "key.revoke", id.to_string()).await?;
    }
    Ok(())
}

/// There is no such key.
pub fn no_key() -> Refusal {
    Refusal::new(Code::KeyNotFound, "there is no such key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_key_comes_apart_again() {
        let server = ServerKey::new(&[7; 32]).unwrap();
        let id = KeyId::new();
        let secret = server.api_key_secret(id, b"salt");
        assert_eq!(split_key(&key_text(id, &secret)), Some((id, secret.as_str())));
        for text in [
            "",
            "pdm_",
            "pdm_x_y",
            &format!("pdm_{}_short", id.uuid().simple()),
        ] {
            assert_eq!(split_key(text), None, "{text}");
        }
    }
}
