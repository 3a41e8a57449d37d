//! TSIG keys, which sign transfers and dynamic updates ([RFC 8945](https://www.rfc-editor.org/rfc/rfc8945)).

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::client::optional;
use crate::{CanonicalName, Client, Error};

/// A key with its secret.
#[derive(Clone, Debug, Deserialize)]
pub struct TsigKey {
    /// Its name, which goes over the wire with each signature.
    pub name: CanonicalName,
    /// What it is called in the API and in
    /// [`master_tsig_key_ids`](crate::ZoneProperties::master_tsig_key_ids).
    pub id: String,
    /// `hmac-sha256` and the like.
    pub algorithm: String,
    /// The secret, in base64.
    pub key: SecretString,
}

/// A key in a listing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TsigKeySummary {
    /// Its name.
    pub name: CanonicalName,
    /// What it is called in the API.
    pub id: String,
    /// `hmac-sha256` and the like.
    pub algorithm: String,
}

impl Client {
    /// Makes a key, with a secret of the server's making when none is given.
    ///
    /// Keys outlive zones: a zone that is created again must get a new key.
    pub async fn create_tsigkey(
        &self,
        name: &CanonicalName,
        algorithm: &str,
        secret: Option<&SecretString>,
    ) -> Result<TsigKey, Error> {
        #[derive(Serialize)]
        struct NewKey<'a> {
            name: &'a CanonicalName,
            algorithm: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            key: Option<&'a str>,
        }
        let body = NewKey {
            name,
            algorithm,
            key: secret.map(ExposeSecret::expose_secret),
        };
        self.write_and_read(Method::POST, self.url("/tsigkeys"), Some(&body))
            .await
    }

    /// A key with its secret; `None` if it does not exist.
    pub async fn tsigkey(&self, name: &CanonicalName) -> Result<Option<TsigKey>, Error> {
        optional(self.read(self.tsigkey_url(name)).await)
    }

    /// All keys of the server.
    pub async fn tsigkeys(&self) -> Result<Vec<TsigKeySummary>, Error> {
        self.read(self.url("/tsigkeys")).await
    }

    /// Deletes a key and says whether it was there.
    pub async fn delete_tsigkey(&self, name: &CanonicalName) -> Result<bool, Error> {
        self.delete(self.tsigkey_url(name)).await
    }

    fn tsigkey_url(&self, name: &CanonicalName) -> String {
        self.url(&format!("/tsigkeys/{}", name.to_zone_id()))
    }
}
