//! OVH's JSON, as far as it is read. Words are kept as text: the vendor adds new ones to its enumerations.
//!
//! Source: the API's schema (`/1.0/domain.json`, `/1.0/auth.json`), as of 2026.

use serde::{Deserialize, Serialize};

/// `GET /auth/currentCredential`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// `validated`, `pendingValidation`, `refused`, `expired`.
    pub status: String,
    /// What may be called; missing for credentials of another kind.
    #[serde(default)]
    pub rules: Option<Vec<AccessRule>>,
}

/// One right of a consumer key.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct AccessRule {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// A path behind the tree, in which `*` stands for anything.
    pub path: String,
}

/// `GET /domain/{domain}`: a registration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Domain {
    /// Who serves it: `hosted`, `external` and others.
    pub name_server_type: String,
    /// `disabled`, `enabled`, `not_supported`.
    #[serde(default)]
    pub dnssec_state: Option<String>,
    /// Whether DNSSEC is possible.
    #[serde(default)]
    pub dnssec_supported: Option<bool>,
    /// Whether the registry knows hosts as objects of their own, with glue of their own.
    #[serde(default)]
    pub host_supported: Option<bool>,
    /// `ok`, `expired`, `pending_delete` and others.
    #[serde(default)]
    pub state: Option<String>,
    /// `not_suspended`, `suspended`.
    #[serde(default)]
    pub suspension_state: Option<String>,
    /// `locked`, `locking`, `unlocked`, `unlocking`, `unavailable`.
    #[serde(default)]
    pub transfer_lock_status: Option<String>,
}

/// `GET /domain/{domain}/nameServer/{id}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameServer {
    /// Its name.
    pub host: String,
    /// Its address where the registry wants it with the delegation.
    #[serde(default)]
    pub ip: Option<String>,
    /// The registry is told of it.
    pub is_used: bool,
    /// It is on its way out.
    #[serde(default)]
    pub to_delete: bool,
}

/// `GET /domain/{domain}/task/{id}`, and the answer to changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its number; has been 0 in answers to changes.
    pub id: u64,
    /// `DomainDnsUpdate`, `DomainDsUpdate` and others.
    pub function: String,
    /// `todo`, `doing`, `done`, `error`, `cancelled`, `problem`.
    pub status: String,
    /// What is to be said about it.
    #[serde(default)]
    pub comment: Option<String>,
    /// In `error`: whether the customer has to act. If not, OVH tries again by itself.
    #[serde(default)]
    pub can_relaunch: bool,
}

/// `GET /domain/{domain}/dsRecord/{id}`: a key the registry was told of.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// DNSSEC algorithm.
    pub algorithm: u8,
    /// 256 or 257.
    pub flags: u16,
    /// Base64.
    pub public_key: String,
    /// `active`, `generated`, `published`, `retired`, `removed`, `revoked`.
    #[serde(default)]
    pub status: Option<String>,
}

/// `GET /domain/zone/{zone}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// OVH's servers for it.
    #[serde(default)]
    pub name_servers: Vec<String>,
}

/// `GET /domain/zone/{zone}/dnssec`.
#[derive(Clone, Debug, Deserialize)]
pub struct ZoneDnssec {
    /// `enabled`, `disabled`, `enableInProgress`, `disableInProgress`.
    pub status: String,
}

/// `GET /domain/zone/{zone}/status`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZoneStatus {
    /// What is stored is what is served.
    pub is_deployed: bool,
    /// Why it is not.
    #[serde(default)]
    pub errors: Option<Vec<String>>,
}

/// `GET /domain/zone/{zone}/record/{id}`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its number; changes when the zone is imported or edited as text.
    pub id: u64,
    /// Its owner below the zone; empty or null at the apex.
    #[serde(default)]
    pub sub_domain: Option<String>,
    /// Its type; `SPF`, `DKIM` and `DMARC` are TXT.
    pub field_type: String,
    /// Its data; names without a final dot are relative to the zone.
    pub target: String,
    /// Seconds; 0 or null for the zone's default.
    #[serde(default)]
    pub ttl: Option<u32>,
}

/// Body of `POST /domain/zone/{zone}/record`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewRecord {
    /// Its type.
    pub field_type: &'static str,
    /// Its owner below the zone.
    pub sub_domain: String,
    /// Its data.
    pub target: String,
    /// Seconds, 60 or more.
    pub ttl: u32,
}

/// A refusal, in either of the two shapes.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The gateway's: `INVALID_SIGNATURE` and others.
    #[serde(default)]
    pub error_code: Option<String>,
    /// The backend's: `Client::NotFound` and others.
    #[serde(default)]
    pub class: Option<String>,
    /// For people.
    #[serde(default)]
    pub message: Option<String>,
}
