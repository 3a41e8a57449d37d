//! The one credential: an API token.

use pdm_registrar::{Credentials, Error, ErrorKind, Secret};

/// The field's name.
pub(crate) const API_TOKEN: &str = "api_token";

/// Length of a Global API Key, which is hexadecimal.
const GLOBAL_KEY: usize = 37;

/// Takes the token, and refuses the key that has all rights over the account.
pub(crate) fn token(with: &Credentials) -> Result<Secret, Error> {
    let given = with.required(API_TOKEN)?;
    let global =
        given.expose(|text| text.len() == GLOBAL_KEY && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if global {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            "this looks like the Global API Key, which may do everything in your account: make an API token for the one zone instead",
        ));
    }
    Ok(given.expose(Secret::new))
}

/// Whether the token belongs to an account rather than to a user. A hint only: older tokens have no prefix.
pub(crate) fn looks_account_owned(token: &Secret) -> bool {
    token.expose(|text| text.starts_with("cfat_"))
}
