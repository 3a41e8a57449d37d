//! What opens an account: a key with its secret, an access token, or both.

use pdm_registrar::http::reqwest::RequestBuilder;
use pdm_registrar::http::reqwest::header::{AUTHORIZATION, HeaderValue};
use pdm_registrar::{Credentials, Error, ErrorKind, Secret};

pub(crate) const API_KEY: &str = "api_key";
pub(crate) const API_SECRET: &str = "api_secret";
pub(crate) const ACCESS_TOKEN: &str = "access_token";
pub(crate) const CUSTOMER_ID: &str = "customer_id";

/// How access tokens begin.
const TOKEN_PREFIX: &str = "gd_pat_";

/// The header values of an account's calls.
pub(crate) struct Login {
    /// For v1 and v2: `sso-key KEY:SECRET` where there is a key, else as v3.
    old: Secret,
    has_key: bool,
    /// For v3, which takes nothing else: `Bearer TOKEN`.
    token: Option<Secret>,
    /// For DS.
    pub(crate) customer: Option<Secret>,
}

impl Login {
    /// Takes what was entered, and names the common mistakes.
    pub(crate) fn new(with: &Credentials) -> Result<Self, Error> {
        let bearer = || {
            with.get(ACCESS_TOKEN)
                .map(|token| token.expose(|token| Secret::new(&format!("Bearer {token}"))))
        };
        let (old, has_key) = match (with.get(API_KEY), with.get(API_SECRET)) {
            (Some(key), _) if key.expose(|key| key.starts_with(TOKEN_PREFIX)) => {
                return Err(wrong(
                    "`api_key` is a Personal Access Token: enter it as `access_token`",
                ));
            }
            (Some(key), Some(secret)) => {
                let pair =
                    key.expose(|key| secret.expose(|secret| Secret::new(&format!("sso-key {key}:{secret}"))));
                (Some(pair), true)
            }
            (None, None) => (bearer(), false),
            _ => return Err(wrong("`api_key` and `api_secret` belong together: enter both")),
        };
        Ok(Self {
            old: old.ok_or_else(|| wrong("`api_key` and `api_secret`, or `access_token`, are needed"))?,
            has_key,
            token: bearer(),
            customer: with.get(CUSTOMER_ID).map(|id| id.expose(Secret::new)),
        })
    }

    /// What tells this account from others.
    pub(crate) fn account(&self) -> &Secret {
        &self.old
    }

    /// Whether there is a key.
    pub(crate) fn has_key(&self) -> bool {
        self.has_key
    }

    /// Whether v3 can be asked.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Signs a request for v1 or v2.
    pub(crate) fn sign_old(&self, request: RequestBuilder) -> RequestBuilder {
        signed(request, &self.old)
    }

    /// Signs a request for v3.
    pub(crate) fn sign_new(&self, request: RequestBuilder) -> RequestBuilder {
        signed(request, self.token.as_ref().unwrap_or(&self.old))
    }
}

fn signed(request: RequestBuilder, with: &Secret) -> RequestBuilder {
    match with.expose(HeaderValue::from_str) {
        Ok(mut value) => {
            value.set_sensitive(true);
            request.header(AUTHORIZATION, value)
        }
        // The patterns of the fields refuse such a value before; without credentials the answer is 401.
        Err(_) => request,
    }
}

fn wrong(detail: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, detail)
}
