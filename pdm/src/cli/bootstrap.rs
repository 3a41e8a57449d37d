//! The first operator key, made directly in the store while no server runs.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::args::Output;
use crate::config::Config;
use crate::domain::ids::KeyId;
use crate::service::keys::key_text;
use crate::service::{ServerKey, sha256_hex};
use crate::store::{NewKey, Store, StoreError};

/// Makes the key and prints it, once. Refused when there is an operator key already: that one makes further ones.
pub(super) async fn first_key(config: Option<&Path>, name: &str, output: Output) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let store = Store::open(&config.store.url).await?;
    let id = KeyId::new();
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).context("the system gives no random bytes")?;
    // The key of this moment only gives the secret its form.
    let secret = ServerKey::new(&random)?.api_key_secret(id, &[]);
    let (text, hash) = (key_text(id, &secret), sha256_hex(secret.as_bytes()));
    let new = NewKey {
        id,
        tenant: None,
        name: name.to_owned(),
        hash,
        expires_at: None,
    };
    let made = store
        .write(move |tx| {
            Box::pin(async move {
                if tx.count_operator_keys().await? > 0 {
                    return Ok(false);
                }
                tx.insert_key(&new).await?;
                Ok::<_, StoreError>(true)
            })
        })
        .await?;
    if !made {
        bail!("there is an operator key already; make further ones with it: pdm key create");
    }
    match output {
        Output::Json => {
            println!(
                "{}",
                serde_json::json!({ "id": id, "key": text, "name": name, "scope": "operator" })
            );
        }
        Output::Table => println!("Operator key (shown this once): {text}"),
    }
    Ok(())
}
