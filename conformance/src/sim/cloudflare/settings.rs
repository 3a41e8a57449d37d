//! What can be set at the simulated Cloudflare: tokens, what zones are like, and where the documents leave the behaviour open.

use std::collections::BTreeMap;

/// Everything that can be set.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Settings {
    /// Tokens that exist.
    pub tokens: Vec<Token>,
    /// What is special about zones, by name. All others are active, full, unsigned, on the free plan.
    pub zones: BTreeMap<String, ZoneFacts>,
    /// Zones of a name that exists in another account too. They hold no records.
    pub duplicates: Vec<Duplicate>,
    /// Calls that a token may make in [`WINDOW`](super::auth::WINDOW) seconds.
    pub calls: u32,
    /// Errors come with HTTP 200, and only `success` tells.
    pub errors_as_200: bool,
    /// Validation errors come alone instead of in the chain of 1004.
    pub bare_validation_errors: bool,
    /// Hosts are shown with their final dot.
    pub final_dots: bool,
    /// A token for single zones may list them only by name, as it used to be.
    pub list_needs_name: bool,
    /// The last NS of a name may go before its DS. The documents do not say.
    pub ds_may_outlive_ns: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            zones: BTreeMap::new(),
            duplicates: Vec::new(),
            calls: 1200,
            errors_as_200: false,
            bare_validation_errors: false,
            final_dots: false,
            list_needs_name: false,
            ds_may_outlive_ns: false,
        }
    }
}

/// An API token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself: 40 characters, or with a prefix `cfut_` or `cfat_`.
    pub secret: String,
    /// Whose it is.
    pub owner: Owner,
    /// Its state, as it was last set.
    pub state: State,
    /// What it may do, and on which zones.
    pub grants: Vec<Permission>,
    /// The zones it may do this on.
    pub scope: Scope,
    /// Whether it may be used only from addresses among which the caller's is not.
    pub filtered: bool,
    /// Before this time it is not yet valid. Seconds since 1970.
    pub not_before: Option<u64>,
    /// From this time on it is expired. Seconds since 1970.
    pub expires_on: Option<u64>,
    /// Cloudflare is away for whoever uses it.
    pub down: bool,
}

impl Token {
    /// A user's active token for all zones of `account`.
    pub fn user(secret: &str, account: &str, grants: &[Permission]) -> Self {
        Self {
            secret: secret.to_owned(),
            owner: Owner::User,
            state: State::Active,
            grants: grants.to_vec(),
            scope: Scope::Account(account.to_owned()),
            filtered: false,
            not_before: None,
            expires_on: None,
            down: false,
        }
    }
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A user's, verified at `/user/tokens/verify`.
    User,
    /// An account's own, verified at `/accounts/{id}/tokens/verify`.
    Account(String),
}

/// How a token was last set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Active,
    /// Somebody switched it off.
    Disabled,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Zone / Zone / Read.
    ZoneRead,
    /// Zone / Zone / Edit.
    ZoneEdit,
    /// Zone / DNS / Read.
    DnsRead,
    /// Zone / DNS / Edit, which reads too.
    DnsEdit,
    /// Read registrations of the account.
    RegistrarRead,
    /// Change them.
    RegistrarEdit,
}

/// On which zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All zones of an account.
    Account(String),
    /// All zones of these accounts.
    Accounts(Vec<String>),
    /// Single zones, by name.
    Zones(Vec<String>),
}

/// What is special about a zone.
#[derive(Clone, Debug)]
pub struct ZoneFacts {
    /// `initializing`, `pending`, `active`, `moved`.
    pub status: String,
    /// `full`, `partial`, `secondary`, `internal`.
    pub kind: String,
    /// Whether Cloudflare only serves its DNS.
    pub paused: bool,
    /// The hosts it was assigned; `None` leaves the field out.
    pub name_servers: Option<Vec<String>>,
    /// `active`, `pending`, `disabled`, `pending-disabled`, `error`.
    pub dnssec: String,
    /// Whether it is on a paid plan, which raises the limits.
    pub paid: bool,
}

impl Default for ZoneFacts {
    fn default() -> Self {
        Self {
            status: "active".to_owned(),
            kind: "full".to_owned(),
            paused: false,
            name_servers: Some(super::NAMESERVERS.map(str::to_owned).into()),
            dnssec: "disabled".to_owned(),
            paid: false,
        }
    }
}

/// A second zone of the same name.
#[derive(Clone, Debug)]
pub struct Duplicate {
    /// Its name.
    pub name: String,
    /// The account that holds it.
    pub account: String,
    /// What it is like.
    pub facts: ZoneFacts,
}
