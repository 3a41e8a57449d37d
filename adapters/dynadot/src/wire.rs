//! Dynadot's documents as they are: the JSON of API3 and of REST v2.
//!
//! Numbers come as numbers or as texts, a list of one as its element, an empty list as nothing, and names in more than one spelling.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// `DomainInfo` of `domain_info`.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DomainInfo {
    /// The domain.
    #[serde(deserialize_with = "text")]
    pub name: Option<String>,
    /// Milliseconds since 1970.
    #[serde(deserialize_with = "text")]
    pub expiration: Option<String>,
    /// `active`, `expired`, `deleted grace` …
    #[serde(deserialize_with = "text")]
    pub status: Option<String>,
    /// Locked against transfers: `yes` or `no`.
    #[serde(deserialize_with = "text")]
    pub locked: Option<String>,
    /// Disabled by the vendor.
    #[serde(deserialize_with = "text")]
    pub disabled: Option<String>,
    /// Locked because of a dispute about the name.
    #[serde(deserialize_with = "text")]
    pub udrp_locked: Option<String>,
    /// Who serves the domain.
    pub name_server_settings: Option<Settings>,
}

/// `NameServerSettings`; what is in it depends on `Type`.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct Settings {
    /// `Name Servers`, `Dynadot DNS`, `Dynadot Parking` …
    #[serde(rename = "Type", deserialize_with = "text")]
    pub kind: Option<String>,
    /// Of `Name Servers`. Slots may be empty.
    #[serde(deserialize_with = "list")]
    pub name_servers: Vec<Server>,
    /// Of `Dynadot DNS`: records at the apex.
    #[serde(deserialize_with = "list")]
    pub main_domains: Vec<Record>,
    /// Of `Dynadot DNS`: records below it.
    #[serde(deserialize_with = "list")]
    pub sub_domains: Vec<Record>,
    /// Of `Dynadot DNS`: seconds, one value for the zone.
    #[serde(rename = "TTL", alias = "Ttl", deserialize_with = "text")]
    pub ttl: Option<String>,
    /// Of `Dynadot Parking`: `Yes` or `No`.
    #[serde(deserialize_with = "text")]
    pub with_ads: Option<String>,
}

/// A host that the account knows.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct Server {
    /// Its name; empty in unused slots.
    #[serde(deserialize_with = "text")]
    pub server_name: Option<String>,
}

/// A record of `Dynadot DNS` in API3.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct Record {
    /// Owner below the zone; missing at the apex.
    #[serde(deserialize_with = "text")]
    pub subhost: Option<String>,
    /// Type, in any case.
    #[serde(deserialize_with = "text")]
    pub record_type: Option<String>,
    /// Data.
    #[serde(deserialize_with = "verbatim")]
    pub value: Option<String>,
    /// Second datum, such as the distance of an MX.
    #[serde(deserialize_with = "text")]
    pub value2: Option<String>,
}

/// An entry of `DnssecInfo`.
#[derive(Deserialize, Default, Debug)]
#[serde(rename_all = "PascalCase", default)]
pub struct DnssecInfo {
    /// Key tag.
    #[serde(deserialize_with = "text")]
    pub key_tag: Option<String>,
    /// A word with the number in parentheses, or the number.
    #[serde(deserialize_with = "text")]
    pub algorithm: Option<String>,
    /// The same.
    #[serde(deserialize_with = "text")]
    pub digest_type: Option<String>,
    /// Hexadecimal, in any case.
    #[serde(deserialize_with = "text")]
    pub digest: Option<String>,
}

/// `glue_info` of REST's records.
#[derive(Deserialize, Default, Debug)]
#[serde(default)]
pub struct GlueInfo {
    /// Records at the apex.
    #[serde(deserialize_with = "list")]
    pub dns_main_list: Vec<RestRecord>,
    /// Records below it.
    #[serde(deserialize_with = "list")]
    pub dns_sub_list: Vec<RestRecord>,
    /// Seconds.
    #[serde(deserialize_with = "text")]
    pub ttl: Option<String>,
}

/// A record in REST, read and written.
#[derive(Deserialize, Serialize, Clone, Default, Debug)]
#[serde(default)]
pub struct RestRecord {
    /// Owner below the zone; missing at the apex.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub sub_host: Option<String>,
    /// Type; written in lower case.
    #[serde(deserialize_with = "text")]
    pub record_type: Option<String>,
    /// Data.
    #[serde(alias = "value1", deserialize_with = "verbatim")]
    pub record_value1: Option<String>,
    /// Second datum.
    #[serde(
        alias = "value2",
        deserialize_with = "text",
        skip_serializing_if = "Option::is_none"
    )]
    pub record_value2: Option<String>,
}

/// What is sent to add or remove records. Fields that the vendor does not know it ignores and says yes.
#[derive(Serialize, Default, Debug)]
pub(crate) struct RestRecords {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dns_main_list: Vec<RestRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dns_sub_list: Vec<RestRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<u32>,
    /// `false` replaces the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) add_dns_to_current_setting: Option<bool>,
}

/// The hosts in `NsContent`: `Host0`, `Host1` …, or one list.
pub fn hosts(content: &Map<String, Value>) -> Vec<String> {
    let of_key = |key: &str| key.to_ascii_lowercase().starts_with("host");
    let values = content
        .iter()
        .filter(|(key, _)| of_key(key))
        .map(|(_, value)| value);
    values
        .flat_map(|value| match value {
            Value::Array(values) => values.iter().collect(),
            value => vec![value],
        })
        .filter_map(scalar)
        .filter(|host| !host.is_empty())
        .collect()
}

/// The number in what reads `ECDSA Curve P-256 with SHA-256 (13)`, or is one.
pub fn number(text: &str) -> Option<u16> {
    let text = text.trim();
    let inner = match text.strip_suffix(')') {
        Some(rest) => rest.rsplit_once('(')?.1,
        None => text,
    };
    inner.trim().parse().ok()
}

/// A text, number or truth value as text without white space around it; nothing when it is empty or something else.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Array(_) | Value::Object(_) => Err(D::Error::custom("a text was expected")),
        value => Ok(scalar(&value)),
    }
}

/// The same with its white space, which in data may mean something.
fn verbatim<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(Some(text)),
        Value::Array(_) | Value::Object(_) => Err(D::Error::custom("a text was expected")),
        value => Ok(scalar(&value)),
    }
}

fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    one_or_many(Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A list, its only element, or nothing.
pub(crate) fn one_or_many<T: DeserializeOwned>(value: Value) -> Result<Vec<T>, serde_json::Error> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Vec::new()),
        Value::Array(values) => values.into_iter().map(serde_json::from_value).collect(),
        value => Ok(vec![serde_json::from_value(value)?]),
    }
}
