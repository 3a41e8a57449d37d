//! What can be set at the simulated OVHcloud: keys, what domains are like, how tasks go, and where the documents leave the behaviour
//! open.

use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Applications that exist in this region.
    pub applications: Vec<Application>,
    /// Consumer keys that exist.
    pub credentials: Vec<Credential>,
    /// What is special about domains, by name.
    pub domains: BTreeMap<String, DomainFacts>,
    /// Zones that OVH signs: `enabled`, `enableInProgress`, `disableInProgress`. All others are `disabled`.
    pub signed_zones: BTreeMap<String, String>,
    /// How long a task takes, half of it as `todo`, half as `doing`.
    pub task: Duration,
    /// How the next tasks go, the first one first; all others go as they should.
    pub scripts: Vec<Script>,
    /// How far OVH's clock is ahead of the world's, in seconds.
    pub skew: i64,
    /// How far a timestamp may be off OVH's clock, in seconds. The real value is not published.
    pub window: u64,
    /// How long a zone takes to be served after a refresh.
    pub refresh: Duration,
    /// A refresh is answered with 200 and `null`, as it used to be, instead of 204.
    pub refresh_says_200: bool,
    /// A call that no rule grants is refused by the backend instead of the gateway.
    pub not_granted_by_backend: bool,
    /// How many records that are made next say that their id is 0, though it is not.
    pub zero_ids: u32,
    /// The update of name servers is also taken in a mode other than external. The documents do not say.
    pub update_in_any_mode: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            applications: Vec::new(),
            credentials: Vec::new(),
            domains: BTreeMap::new(),
            signed_zones: BTreeMap::new(),
            task: Duration::from_secs(1),
            scripts: Vec::new(),
            skew: 0,
            window: 60,
            refresh: Duration::ZERO,
            refresh_says_200: false,
            not_granted_by_backend: false,
            zero_ids: 0,
            update_in_any_mode: false,
        }
    }
}

/// An application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its key: 16 characters.
    pub key: String,
    /// Its secret: 32 characters.
    pub secret: String,
}

/// A user's grant to an application.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The consumer key: 32 characters.
    pub consumer_key: String,
    /// The application it is for, by key.
    pub application: String,
    /// The account of the user, by its name in the world.
    pub account: String,
    /// `validated`, `pendingValidation`, `refused`, `expired`.
    pub status: String,
    /// From this time on it is expired. Seconds since 1970.
    pub expiration: Option<u64>,
    /// Method and path of what it grants; `*` in a path is anything.
    pub rules: Vec<(String, String)>,
    /// Blocks of addresses it may be used from. What OVH says to others is not known, and nobody is refused here.
    pub allowed_ips: Option<Vec<String>>,
    /// OVH is away for whoever uses it.
    pub down: bool,
}

/// What is special about a domain.
#[derive(Clone, Debug)]
pub struct DomainFacts {
    /// Its state, where it is not `ok`, `expired` or, of a locked domain, `dispute`.
    pub state: Option<String>,
    /// Its mode, where it is neither `hosted` nor `external`.
    pub name_server_type: Option<String>,
    /// Whether its registry knows hosts on their own; otherwise addresses stand beside name servers.
    pub host_supported: bool,
    /// Whether its keys cannot be managed.
    pub keys_refused: bool,
    /// Fewest and most name servers.
    pub nameservers: (usize, usize),
}

impl Default for DomainFacts {
    fn default() -> Self {
        Self {
            state: None,
            name_server_type: None,
            host_supported: true,
            keys_refused: false,
            nameservers: (2, 8),
        }
    }
}

/// How a task goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// `todo`, `doing`, `done`.
    Normal,
    /// It stays in `todo`.
    Stuck,
    /// It ends in `error`, and the customer has to act.
    Failed,
    /// It ends in `error`, and OVH tries again itself, with success.
    ErrorThenDone,
    /// OVH cancels it.
    Cancelled,
    /// It ends in `problem`.
    Problem,
    /// It is done, and its id is forgotten.
    Vanishes,
}
