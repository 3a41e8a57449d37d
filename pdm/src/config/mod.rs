//! Settings: a TOML file, each key also as `PDM_SECTION__KEY`; every key is documented here once.

mod registrars;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use pdm_registrar::DomainName;
use serde::{Deserialize, Serialize};

pub use registrars::{RegistrarConfig, RegistrarsConfig};

use crate::domain::ids::TenantId;
use crate::domain::zone_plan::ZoneTtls;

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the API.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// File with at least 32 random bytes. Reservation tokens are derived from it, so replicas share it and it is
    /// kept as long as the database. `pdm serve` makes one beside a SQLite store when it is missing.
    pub server_key_file: PathBuf,
    /// Hosts that serve the zones of names, as they stand in NS records; a pool may have its own.
    pub nameservers: Vec<DomainName>,
    /// The database.
    pub store: StoreConfig,
    /// The name servers we write to.
    pub powerdns: PowerDnsConfig,
    /// How the DNS is asked.
    pub dns: DnsConfig,
    /// What targets may be.
    #[serde(default)]
    pub targets: TargetsConfig,
    /// Where accounts at registrars are.
    #[serde(default)]
    pub registrars: RegistrarsConfig,
    /// TTLs of what is created.
    #[serde(default)]
    pub zones: ZoneTtls,
    /// Durations.
    #[serde(default)]
    pub timing: Timing,
    /// Limits per tenant and of the service.
    #[serde(default)]
    pub limits: Limits,
    /// The listener for clients of the system this one replaces.
    #[serde(default)]
    pub compat: CompatConfig,
    /// Logs and metrics.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
}

fn default_listen() -> SocketAddr {
    ([127, 0, 0, 1], 8080).into()
}

/// `[store]`
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
}

impl std::fmt::Debug for StoreConfig {
    /// The address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreConfig").finish_non_exhaustive()
    }
}

/// `[powerdns]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerDnsConfig {
    /// The servers. Those of one role share a database: the first that answers is written to, the others get the
    /// cache flush.
    pub servers: Vec<PowerDnsServer>,
    /// Calls to one server at a time; above 8 nothing gets faster.
    #[serde(default = "eight")]
    pub max_connections: usize,
    /// How long edits of one parent zone wait for others to share their PATCH. A lone edit does not wait.
    #[serde(default = "linger", deserialize_with = "duration")]
    pub batch_linger: Duration,
}

const fn eight() -> usize {
    8
}
const fn linger() -> Duration {
    Duration::from_millis(50)
}

/// `[[powerdns.servers]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerDnsServer {
    /// Base URL of its API, `http://10.0.0.5:8081`.
    pub url: String,
    /// File with its API key.
    pub api_key_file: PathBuf,
    /// What it hosts.
    pub role: ServerRole,
}

/// What a server hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerRole {
    /// The pools' parent zones.
    Pool,
    /// The zones of names.
    Tenant,
    /// Both.
    Both,
}

/// `[dns]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// Port of authoritative servers.
    #[serde(default = "fifty_three")]
    pub port: u16,
    /// Addresses of root servers.
    pub roots: Vec<IpAddr>,
    /// File with the trust anchor of the root: DNSKEY or DS records in presentation format.
    pub trust_anchor: PathBuf,
    /// Whether servers at addresses that are not globally reachable may be asked. For the lab and closed sites.
    #[serde(default)]
    pub allow_non_global: bool,
}

const fn fifty_three() -> u16 {
    53
}

/// `[targets]`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TargetsConfig {
    /// Whether targets may be any unicast address, documentation ranges included.
    pub allow_non_global: bool,
}

/// `[compat]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompatConfig {
    /// Address of the listener; off when absent.
    pub listen: Option<SocketAddr>,
    /// The tenant it acts as.
    pub tenant: Option<TenantId>,
    /// Whether `listen` may be other than loopback. The old wire format has no authentication.
    pub allow_remote: bool,
}

/// `[telemetry]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// What is logged, in the directives of `RUST_LOG`.
    pub log: String,
    /// JSON lines instead of text.
    pub json: bool,
    /// A listener of its own for `/metrics`, without authentication; otherwise operators read it at the API.
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            json: false,
            metrics_listen: None,
        }
    }
}

macro_rules! durations {
    ($($(#[$doc:meta])* $field:ident = $default:expr),+ $(,)?) => {
        /// `[timing]`: every duration. Written as seconds (`30`, `0.5`) or with units (`10 min`, `24h`).
        #[derive(Clone, Debug, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Timing {
            /// Every duration below is multiplied by this after it was read. The lab and the tests use it; nothing
            /// is skipped.
            pub scale: f64,
            /// Admits durations that are weaker than the safety contract. For the lab and the tests.
            pub allow_weak: bool,
            /// After how long another tenant may have a released name; never when absent.
            #[serde(deserialize_with = "optional_duration")]
            pub quarantine: Option<Duration>,
            $($(#[$doc])* #[serde(deserialize_with = "duration")] pub $field: Duration),+
        }

        impl Default for Timing {
            fn default() -> Self {
                Self { scale: 1.0, allow_weak: false, quarantine: None, $($field: $default),+ }
            }
        }

        impl Timing {
            /// What a lease must still last for a call to start: the call's deadline and half of it again.
            pub fn call_cover(&self) -> Duration {
                self.powerdns_deadline.mul_f64(1.5)
            }

            fn scaled(mut self) -> Self {
                $(self.$field = self.$field.mul_f64(self.scale);)+
                self.quarantine = self.quarantine.map(|q| q.mul_f64(self.scale));
                self
            }
        }
    };
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

durations! {
    /// How long a worker has an operation without renewing.
    lease = secs(30),
    /// How often leases are renewed.
    lease_renew = secs(10),
    /// How long one call to PowerDNS may take.
    powerdns_deadline = secs(10),
    /// After an unknown outcome, how long until a different write on the same object: twice the deadline.
    settle = secs(20),
    /// First wait after a failed attempt.
    backoff_min = Duration::from_millis(500),
    /// Longest wait after failed attempts.
    backoff_max = secs(300),
    /// How often something blocked is looked at again.
    blocked_recheck = secs(600),
    /// Smallest margin on waits for caches of our own zones; the margin is a tenth of the wait at least.
    drain_margin = secs(30),
    /// The least hold that a name has after its activation was cancelled.
    cancelled_hold = secs(600),
    /// How long answers are kept under their idempotency key at least.
    idempotency_keep = secs(24 * 3600),
    /// How long they are kept after the end of their operation.
    idempotency_after_end = secs(7 * 24 * 3600),
    /// How long events of ended operations can be replayed.
    events_keep = secs(7 * 24 * 3600),
    /// How often holds that ended are looked for.
    expire_interval = secs(5),
    /// How often zones and delegations are compared with the database.
    reconcile_interval = secs(60),
    /// How long a checked API key is good without asking the database; bounds how late a revocation takes effect.
    key_memory = secs(10),
    /// How long the addresses of name-server hosts are remembered.
    address_memory = secs(60),
    /// How long keys of zones above a pool's names, verified in a walk, are used again by the next walk.
    upper_zone_memory = secs(10),
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The limits per tenant are multiplied by this after they were read. The lab uses it.
    pub scale: u32,
    /// `check` per tenant and minute.
    pub check_per_minute: u32,
    /// `reserve` per tenant and minute.
    pub reserve_per_minute: u32,
    /// `reserve` per tenant and day, counted in the database.
    pub reserve_per_day: u32,
    /// `commit`, `release`, `targets`, `records` together, per tenant and minute.
    pub change_per_minute: u32,
    /// `verify` per tenant and minute.
    pub verify_per_minute: u32,
    /// `validate` with credentials, per tenant and minute: who has a stolen token must not find out what it opens.
    pub validate_per_minute: u32,
    /// `validate` with credentials, per tenant and hour.
    pub validate_per_hour: u32,
    /// `validate` with credentials, per domain and hour, whoever asks.
    pub validate_per_domain_hour: u32,
    /// Event streams of one actor at a time.
    pub streams_per_actor: u32,
    /// Requests in progress; above that 503.
    pub concurrent_requests: usize,
    /// Operations worked on at a time by one process.
    pub concurrent_operations: usize,
    /// Delegations or zones that one reconcile pass may repair or remove without an operator: this many, or a
    /// hundredth of them if that is more.
    pub reconcile_budget: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            scale: 1,
            check_per_minute: 60,
            reserve_per_minute: 10,
            reserve_per_day: 100,
            change_per_minute: 10,
            verify_per_minute: 30,
            validate_per_minute: 5,
            validate_per_hour: 20,
            validate_per_domain_hour: 20,
            streams_per_actor: 5,
            concurrent_requests: 1024,
            concurrent_operations: 64,
            reconcile_budget: 5,
        }
    }
}

impl Limits {
    const fn scaled(mut self) -> Self {
        self.check_per_minute = self.check_per_minute.saturating_mul(self.scale);
        self.reserve_per_minute = self.reserve_per_minute.saturating_mul(self.scale);
        self.reserve_per_day = self.reserve_per_day.saturating_mul(self.scale);
        self.change_per_minute = self.change_per_minute.saturating_mul(self.scale);
        self.verify_per_minute = self.verify_per_minute.saturating_mul(self.scale);
        self.validate_per_minute = self.validate_per_minute.saturating_mul(self.scale);
        self.validate_per_hour = self.validate_per_hour.saturating_mul(self.scale);
        self.validate_per_domain_hour = self.validate_per_domain_hour.saturating_mul(self.scale);
        self.streams_per_actor = self.streams_per_actor.saturating_mul(self.scale);
        self
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key is missing, unknown or malformed.
    #[error("{0}")]
    Unreadable(String),
    /// A value is weaker than the safety contract allows in production.
    #[error(
        "{key} is {value:?}; the least allowed is {least:?} (timing.allow_weak = true admits it in a lab)"
    )]
    TooWeak {
        /// The setting.
        key: &'static str,
        /// What it is.
        value: Duration,
        /// What it must be at least.
        least: Duration,
    },
    /// Values that do not fit each other.
    #[error("{0}")]
    Contradiction(String),
}

impl Config {
    /// Reads settings from a file and the environment, which wins.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::new();
        if let Some(path) = path {
            if !path.exists() {
                return Err(ConfigError::Unreadable(format!(
                    "there is no file {}",
                    path.display()
                )));
            }
            figment = figment.merge(Toml::file(path));
        }
        let unreadable = |error: figment::Error| ConfigError::Unreadable(error.to_string());
        let mut config: Self = figment
            .merge(
                Env::prefixed("PDM_")
                    .ignore(&["url", "api_key", "config", "tokens", "bin"])
                    // Words to the tests, not settings.
                    .filter(|key| !key.starts_with("test_"))
                    .split("__"),
            )
            .extract()
            .map_err(unreadable)?;
        config.timing = config.timing.scaled();
        config.limits = config.limits.scaled();
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let contradiction = |text: &str| Err(ConfigError::Contradiction(text.to_owned()));
        if self.nameservers.is_empty() {
            return contradiction("nameservers needs at least one host");
        }
        for (role, word) in [(ServerRole::Pool, "pool"), (ServerRole::Tenant, "tenant")] {
            if !self
                .powerdns
                .servers
                .iter()
                .any(|s| s.role == role || s.role == ServerRole::Both)
            {
                return Err(ConfigError::Contradiction(format!(
                    "no powerdns server has the role {word} or both"
                )));
            }
        }
        self.registrars.check()?;
        if let Some(listen) = self.compat.listen {
            if self.compat.tenant.is_none() {
                return contradiction("compat.listen needs compat.tenant");
            }
            if !listen.ip().is_loopback() && !self.compat.allow_remote {
                return contradiction(
                    "compat.listen is not a loopback address, and the old wire format has no authentication: \
                     set compat.allow_remote = true only behind something that authenticates",
                );
            }
        }
        if self.timing.lease < self.timing.lease_renew + self.timing.call_cover() {
            return contradiction(
                "timing.lease must be at least timing.lease_renew and one and a half times timing.powerdns_deadline: \
                 otherwise no call may ever start",
            );
        }
        if self.timing.allow_weak {
            return Ok(());
        }
        let least = Timing::default();
        let minima = [
            ("timing.lease", self.timing.lease, least.lease),
            (
                "timing.settle",
                self.timing.settle,
                self.timing.powerdns_deadline * 2,
            ),
            (
                "timing.drain_margin",
                self.timing.drain_margin,
                least.drain_margin,
            ),
            (
                "timing.cancelled_hold",
                self.timing.cancelled_hold,
                least.cancelled_hold,
            ),
            (
                "timing.idempotency_keep",
                self.timing.idempotency_keep,
                least.idempotency_keep,
            ),
            (
                "timing.quarantine",
                self.timing.quarantine.unwrap_or(Duration::MAX),
                secs(200 * 24 * 3600),
            ),
        ];
        if self.timing.key_memory > secs(60) {
            return contradiction(
                "timing.key_memory is above 60 s: a revoked key would be good for longer than that",
            );
        }
        match minima.into_iter().find(|(_, value, least)| value < least) {
            Some((key, value, least)) => Err(ConfigError::TooWeak { key, value, least }),
            None => Ok(()),
        }
    }
}

fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Seconds(f64),
        Friendly(jiff::SignedDuration),
    }
    let wrong =
        |_| serde::de::Error::custom("a duration is a number of seconds, or text like \"30s\" or \"10 min\"");
    match Text::deserialize(deserializer).map_err(wrong)? {
        Text::Seconds(seconds) => Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom),
        Text::Friendly(signed) => Duration::try_from(signed).map_err(serde::de::Error::custom),
    }
}

fn optional_duration<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(extra: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pdm.toml");
        let base = r#"
            server_key_file = "key"
            nameservers = ["ns1.example.net", "ns2.example.org"]
            store.url = "sqlite:pdm.db"
            dns.roots = ["127.0.0.2"]
            dns.trust_anchor = "anchor"
            powerdns.servers = [{ url = "http://127.0.0.1:8081", api_key_file = "k", role = "both" }]
        "#;
        std::fs::write(&path, format!("{base}\n{extra}")).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn durations_in_both_forms_and_scaled() {
        let config =
            load("timing = { allow_weak = true, scale = 0.5, settle = 4, drain_margin = \"10 min\" }")
                .unwrap();
        assert_eq!(config.timing.settle, secs(2));
        assert_eq!(config.timing.drain_margin, secs(300));
        assert_eq!(config.timing.quarantine, None);
    }

    #[test]
    fn production_refuses_what_is_weaker_than_the_contract() {
        assert!(load("").is_ok());
        for weak in [
            "lease_renew = 1\nlease = 20",
            "settle = 1",
            "quarantine = \"720h\"",
            "drain_margin = 1",
        ] {
            assert!(
                matches!(
                    load(&format!("[timing]\n{weak}")),
                    Err(ConfigError::TooWeak { .. })
                ),
                "{weak}"
            );
        }
    }

    #[test]
    fn the_old_listener_stays_on_loopback() {
        let open = |more: &str| {
            load(&format!(
                "[compat]\nlisten = \"0.0.0.0:9000\"\ntenant = \"{}\"\n{more}",
                TenantId::new()
            ))
        };
        assert!(matches!(open(""), Err(ConfigError::Contradiction(_))));
        assert!(open("allow_remote = true").is_ok());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load("[timing]\nleese = 3").unwrap_err().to_string();
        assert!(error.contains("leese"), "{error}");
    }
}
