//! The key, and the secret that signs calls of the REST API.

use pdm_registrar::{Credentials, Error, ErrorKind, Secret};

/// The key's field.
pub(crate) const API_KEY: &str = "api_key";
/// The secret's field.
pub(crate) const API_SECRET: &str = "api_secret";

/// What opens an account.
pub(crate) struct Keys {
    /// The account's one key.
    pub(crate) key: Secret,
    /// Needed for REST only.
    pub(crate) secret: Option<Secret>,
}

impl Keys {
    /// Takes the fields, and refuses the same value in both, which is a mistake made when copying.
    pub(crate) fn new(with: &Credentials) -> Result<Self, Error> {
        let key = with.required(API_KEY)?;
        let secret = with.get(API_SECRET);
        let same = secret.is_some_and(|secret| secret.expose(|secret| key.expose(|key| secret == key)));
        if same {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "`api_key` and `api_secret` are the same: Dynadot shows two different values, a production key and a secret key",
            ));
        }
        Ok(Self {
            key: key.expose(Secret::new),
            secret: secret.map(|secret| secret.expose(Secret::new)),
        })
    }
}
