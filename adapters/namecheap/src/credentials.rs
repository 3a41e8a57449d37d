//! The key, whose it is, on whom it acts, and from where.

use pdm_registrar::{Credentials, Error, Redactor, Secret};

/// The account that the key belongs to.
pub(crate) const API_USER: &str = "api_user";
/// The account's one key.
pub(crate) const API_KEY: &str = "api_key";
/// The account that is acted on.
pub(crate) const USER_NAME: &str = "user_name";
/// The address that the account lists.
pub(crate) const CLIENT_IP: &str = "client_ip";

/// What opens an account; goes with every call.
pub(crate) struct Keys {
    pub(crate) api_user: Secret,
    pub(crate) api_key: Secret,
    pub(crate) user_name: Secret,
    pub(crate) client_ip: Secret,
}

impl Keys {
    /// Takes the fields.
    pub(crate) fn new(with: &Credentials) -> Result<Self, Error> {
        let field = |name| with.required(name).map(|value| value.expose(Secret::new));
        Ok(Self {
            api_user: field(API_USER)?,
            api_key: field(API_KEY)?,
            user_name: field(USER_NAME)?,
            client_ip: field(CLIENT_IP)?,
        })
    }

    /// What takes the key and the names out of texts. The address stays: a refusal repeats the one that the vendor saw, and the
    /// customer has to compare the two.
    pub(crate) fn redactor(&self) -> Redactor {
        Redactor::new([&self.api_user, &self.api_key, &self.user_name])
    }
}
