//! DNSSEC keys and the DS records that go to the parent.

use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{CanonicalName, Client, Ds, DsError, Error};

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// The DNSKEY RRset only.
    Ksk,
    /// All but the DNSKEY RRset.
    Zsk,
    /// Everything.
    Csk,
}

/// A key of a zone, without its private part.
///
/// The private part is never asked for; where PowerDNS sends it unasked (with a new key) it is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CryptoKey {
    /// Its number on this server.
    pub id: u64,
    /// What it signs. PowerDNS calls a KSK `csk` as long as the zone has no ZSK.
    pub keytype: KeyType,
    /// Whether it signs.
    pub active: bool,
    /// Whether it is in the DNSKEY RRset.
    #[serde(default = "yes")]
    pub published: bool,
    /// The algorithm's mnemonic, such as `ECDSAP256SHA256`.
    pub algorithm: String,
    /// 257 with the SEP bit, 256 without ([RFC 4034](https://www.rfc-editor.org/rfc/rfc4034) section 2.1.1).
    pub flags: u16,
    /// The data of the DNSKEY record: flags, protocol, algorithm, public key.
    pub dnskey: String,
    /// One DS per digest type; none for a ZSK. Types without a known length are left out.
    #[serde(default, deserialize_with = "known_ds")]
    pub ds: Vec<Ds>,
}

impl CryptoKey {
    /// The DS of a digest type, usually [`Ds::SHA256`].
    pub fn ds_of_type(&self, digest_type: u8) -> Option<&Ds> {
        self.ds.iter().find(|ds| ds.digest_type() == digest_type)
    }
}

/// A key to be made by the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewCryptoKey {
    /// What it will sign.
    pub keytype: KeyType,
    /// Whether it signs from now on.
    pub active: bool,
    /// Whether it is in the DNSKEY RRset from now on.
    pub published: bool,
    /// The algorithm's mnemonic; `ECDSAP256SHA256` is number 13.
    pub algorithm: String,
}

/// What a key does. Both are always sent: PowerDNS publishes a key when it is not told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct KeyState {
    /// Whether it signs.
    pub active: bool,
    /// Whether it is in the DNSKEY RRset.
    pub published: bool,
}

fn yes() -> bool {
    true
}

fn known_ds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Ds>, D::Error> {
    let mut known = Vec::new();
    for text in Vec::<String>::deserialize(deserializer)? {
        match text.parse() {
            Ok(ds) => known.push(ds),
            Err(DsError::UnknownDigestType(_)) => {}
            Err(error) => return Err(de::Error::custom(error)),
        }
    }
    Ok(known)
}

impl Client {
    /// The keys of a zone; none if it is not signed.
    ///
    /// A missing zone is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub async fn cryptokeys(&self, zone: &CanonicalName) -> Result<Vec<CryptoKey>, Error> {
        self.read(self.zone_url(zone, "/cryptokeys")).await
    }

    /// Makes a key. Not repeatable: after [`Effect::Unknown`](crate::Effect::Unknown) look for a key that was not there
    /// before.
    pub async fn create_cryptokey(
        &self,
        zone: &CanonicalName,
        key: &NewCryptoKey,
    ) -> Result<CryptoKey, Error> {
        self.write_and_read(Method::POST, self.zone_url(zone, "/cryptokeys"), Some(key))
            .await
    }

    /// Activates or deactivates, publishes or withdraws a key.
    pub async fn set_cryptokey_state(
        &self,
        zone: &CanonicalName,
        id: u64,
        state: KeyState,
    ) -> Result<(), Error> {
        self.write(
            Method::PUT,
            self.zone_url(zone, &format!("/cryptokeys/{id}")),
            Some(&state),
        )
        .await
    }

    /// Deletes a key and says whether it was there. A key whose DS is published must not be deleted.
    pub async fn delete_cryptokey(&self, zone: &CanonicalName, id: u64) -> Result<bool, Error> {
        self.delete(self.zone_url(zone, &format!("/cryptokeys/{id}")))
            .await
    }
}
