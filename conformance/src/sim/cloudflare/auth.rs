//! Who asks, and what they may do.

use axum::http::HeaderMap;
use serde_json::json;

use super::answer::{Answer, Done, Refusal};
use super::settings::{Owner, Permission, Scope, State, Token};
use super::zones::ZoneView;
use super::{Shared, account_id, hex_id};

/// How long a window of the rate limit is, in seconds.
pub const WINDOW: u64 = 300;

/// The address that every caller of a simulator has.
const CALLER: &str = "127.0.0.1";

impl Shared {
    /// The token a request carries, if it is one that works.
    ///
    /// `verifying` is the endpoint that tells the state of a token and therefore answers for one that is dead.
    pub(super) fn token(&self, headers: &HeaderMap, verifying: bool) -> Result<Token, Refusal> {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let Some(authorization) = header("authorization") else {
            return Err(
                if header("x-auth-key").is_some() && header("x-auth-email").is_some() {
                    Refusal::new(403, 9103, "Unknown X-Auth-Key or X-Auth-Email")
                } else {
                    Refusal::new(
                        400,
                        9106,
                        "Missing X-Auth-Key, X-Auth-Email or Authorization headers",
                    )
                },
            );
        };
        let secret = authorization.strip_prefix("Bearer ").unwrap_or_default();
        if !well_formed(secret) {
            return Err(Refusal {
                chain: Some((6111, "Invalid format for Authorization header".to_owned())),
                ..Refusal::new(400, 6003, "Invalid request headers")
            });
        }
        let found = self.controls.with(|settings| {
            settings
                .tokens
                .iter()
                .find(|token| token.secret == secret)
                .cloned()
        });
        let Some(token) = found else {
            return Err(if verifying {
                Refusal::new(401, 1000, "Invalid API Token")
            } else {
                Refusal::new(403, 9109, "Invalid access token")
            });
        };
        if token.filtered {
            return Err(Refusal::new(
                403,
                9109,
                format!("Cannot use the access token from location: {CALLER}"),
            ));
        }
        if !verifying && self.status_of(&token) != "active" {
            return Err(Refusal::new(403, 9109, "Invalid access token"));
        }
        self.count(secret)?;
        Ok(token)
    }

    fn status_of(&self, token: &Token) -> &'static str {
        let now = self.world.now();
        match token.state {
            State::Disabled => "disabled",
            State::Active if token.expires_on.is_some_and(|end| end <= now) => "expired",
            State::Active if token.not_before.is_some_and(|begin| begin > now) => "disabled",
            State::Active => "active",
        }
    }

    /// Counts a call, unless there were too many.
    fn count(&self, secret: &str) -> Result<(), Refusal> {
        let now = self.world.now();
        let calls = self.controls.with(|settings| settings.calls);
        let mut windows = self.windows();
        let (begin, count) = windows.entry(secret.to_owned()).or_insert((now, 0));
        if now >= *begin + WINDOW {
            (*begin, *count) = (now, 0);
        }
        *count += 1;
        if *count > calls {
            return Err(Refusal::too_many(calls, Some(*begin + WINDOW - now)));
        }
        Ok(())
    }

    /// What is left of a token's window: calls, and seconds until the next.
    pub(super) fn left(&self, headers: &HeaderMap) -> (u32, u64) {
        let calls = self.controls.with(|settings| settings.calls);
        let windows = self.windows();
        let secret = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        match secret.and_then(|secret| windows.get(secret)) {
            Some((begin, count)) => (
                calls.saturating_sub(*count),
                (begin + WINDOW).saturating_sub(self.world.now()),
            ),
            None => (calls, WINDOW),
        }
    }

    /// `/user/tokens/verify`, and with `account` the same of an account.
    pub(super) fn verify(&self, token: &Token, account: Option<&str>) -> Answer {
        let at_home = match (&token.owner, account) {
            (Owner::User, None) => true,
            (Owner::Account(own), Some(asked)) => account_id(own) == asked,
            _ => false,
        };
        if !at_home {
            return Err(Refusal::new(401, 1000, "Invalid API Token"));
        }
        let status = self.status_of(token);
        let mut done = Done::new(json!({"id": hex_id(&["token", &token.secret]), "status": status}));
        if status == "active" {
            done.messages =
                json!([{"code": 10000, "message": "This API Token is valid and active", "type": null}]);
        }
        Ok(done)
    }
}

impl Token {
    /// Whether it includes a zone, whatever it may do there.
    pub(super) fn includes(&self, zone: &ZoneView) -> bool {
        match &self.scope {
            Scope::Account(account) => *account == zone.account,
            Scope::Accounts(accounts) => accounts.contains(&zone.account),
            Scope::Zones(names) => names.contains(&zone.name),
        }
    }

    /// Whether it may do one of these.
    pub(super) fn may(&self, any_of: &[Permission]) -> bool {
        any_of.iter().any(|permission| self.grants.contains(permission))
    }
}

/// Whether something looks like a token at all. A Global API Key has 37 hexadecimal digits and does not.
fn well_formed(secret: &str) -> bool {
    let body = secret
        .strip_prefix("cfut_")
        .or_else(|| secret.strip_prefix("cfat_"));
    let long_enough = body.map_or(secret.len() == 40, |body| body.len() >= 40);
    long_enough
        && secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
