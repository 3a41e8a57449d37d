//! Secrets that are derived from the server's key, and how secrets are compared.

use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::HEXLOWER;

use crate::domain::ids::{ClaimId, KeyId};

/// Fewest bytes of a server key.
pub const MIN_SERVER_KEY: usize = 32;

/// The server's key: what is derived from it need not be stored to be shown again. Replicas share it.
pub struct ServerKey(hmac::Key);

/// A server key has fewer than [`MIN_SERVER_KEY`] bytes.
#[derive(Debug, thiserror::Error)]
#[error("the server key needs at least {MIN_SERVER_KEY} bytes")]
pub struct TooShort;

/// How a reservation token is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// `rsv_` and 43 characters.
    Own,
    /// A UUID, which the clients of the replaced system expect.
    Uuid,
}

impl ServerKey {
    /// Takes the bytes of the key file.
    pub fn new(bytes: &[u8]) -> Result<Self, TooShort> {
        if bytes.len() < MIN_SERVER_KEY {
            return Err(TooShort);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The reservation token of a claim. A claim has one epoch, so its id alone says everything.
    pub fn reservation_token(&self, claim: ClaimId, form: TokenForm) -> String {
        match form {
            TokenForm::Own => {
                let tag = self.derive("reservation", &[claim.to_string().as_bytes()]);
                format!("rsv_{}", URL_SAFE_NO_PAD.encode(tag))
            }
            TokenForm::Uuid => {
                let tag = self.derive("compat reservation", &[claim.to_string().as_bytes()]);
                let bytes = std::array::from_fn(|at| tag[at]);
                uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
            }
        }
    }

    /// The secret part of an API key, from random `salt`: without the salt the server key does not give it away.
    pub fn api_key_secret(&self, key: KeyId, salt: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.derive("api key", &[key.to_string().as_bytes(), salt]))
    }

    /// A fingerprint of a request, hexadecimal.
    pub fn fingerprint(&self, parts: &[&[u8]]) -> String {
        HEXLOWER.encode(&self.derive("request", parts))
    }

    /// HMAC of a purpose and parts, each with its length before it, so that no two lists of parts look alike.
    fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        std::array::from_fn(|at| tag.as_ref()[at])
    }
}

/// SHA-256 in lower-case hexadecimal: the form in which secrets are stored.
pub fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Whether `secret` is the one of which `hash` is kept, in time that does not depend on where they differ.
pub(crate) fn is_secret_of(secret: &str, hash: &str) -> bool {
    let given = sha256_hex(secret.as_bytes());
    constant_time::verify_slices_are_equal(given.as_bytes(), hash.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ServerKey {
        ServerKey::new(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_token_is_of_its_claim_and_of_its_server_and_comes_again() {
        let (one, other) = (ClaimId::new(), ClaimId::new());
        let token = key(1).reservation_token(one, TokenForm::Own);
        assert!(token.starts_with("rsv_") && token.len() == 4 + 43);
        assert_eq!(token, key(1).reservation_token(one, TokenForm::Own));
        assert_ne!(token, key(1).reservation_token(other, TokenForm::Own));
        assert_ne!(token, key(2).reservation_token(one, TokenForm::Own));
        let uuid = key(1).reservation_token(one, TokenForm::Uuid);
        assert_eq!(uuid::Uuid::parse_str(&uuid).unwrap().get_version_num(), 8);
        assert!(is_secret_of(&uuid, &sha256_hex(uuid.as_bytes())) && !is_secret_of(&uuid, &sha256_hex(b"")));
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(
            key(1).fingerprint(&[b"ab", b"c"]),
            key(1).fingerprint(&[b"a", b"bc"])
        );
        assert!(ServerKey::new(&[0; 31]).is_err());
    }
}
