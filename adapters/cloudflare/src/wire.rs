//! Cloudflare's documents as they are. Whatever is not needed is not read, and what may be missing is optional.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Around every answer.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    /// Decides together with the status: `false` comes with 200 too.
    pub success: bool,
    #[serde(default)]
    pub errors: Option<Vec<Problem>>,
    /// `null`, `{}` or missing with an error.
    #[serde(default)]
    pub result: Value,
    #[serde(default)]
    pub result_info: Option<ResultInfo>,
}

/// An error, and in its chain the one that says what is wrong.
#[derive(Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub code: i64,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub error_chain: Option<Vec<Problem>>,
}

impl Problem {
    /// This one and those in its chain, from outside in.
    pub(crate) fn chain(&self) -> Vec<&Self> {
        let mut chain = vec![self];
        let mut inner = self;
        while let Some(next) = inner.error_chain.as_ref().and_then(|chain| chain.first()) {
            chain.push(next);
            inner = next;
        }
        chain
    }
}

/// Where a page of a list is.
#[derive(Deserialize, Default, Clone, Copy)]
pub(crate) struct ResultInfo {
    pub total_pages: Option<u64>,
    pub total_count: Option<u64>,
}

/// A zone.
#[derive(Deserialize, Clone)]
pub(crate) struct Zone {
    pub id: String,
    pub name: String,
    /// `initializing`, `pending`, `active`, `moved`.
    #[serde(default)]
    pub status: String,
    /// `full`, `partial`, `secondary`, `internal`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// The servers that Cloudflare assigned; not what the registry has.
    #[serde(default)]
    pub name_servers: Option<Vec<String>>,
    #[serde(default)]
    pub account: Option<ZoneAccount>,
}

/// The account that holds a zone.
#[derive(Deserialize, Clone)]
pub(crate) struct ZoneAccount {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

/// What a token's verification says.
#[derive(Deserialize)]
pub(crate) struct TokenState {
    /// `active`, `disabled`, `expired`.
    pub status: String,
}

/// DNSSEC of a zone that Cloudflare signs.
#[derive(Deserialize)]
pub(crate) struct Dnssec {
    /// `active` when its DS was seen at the registry; `pending`, `disabled`, `pending-disabled`, `error`.
    #[serde(default)]
    pub status: Option<String>,
    /// The DS as a line of a zone file.
    #[serde(default)]
    pub ds: Option<String>,
}

/// A record.
#[derive(Deserialize, Clone)]
pub(crate) struct Record {
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub content: Option<String>,
    /// The parts of types that are written in parts (DS, SRV, CAA ...).
    #[serde(default)]
    pub data: Option<Value>,
    #[serde(default)]
    pub priority: Option<u16>,
    /// 1 stands for automatic.
    #[serde(default)]
    pub ttl: u32,
    #[serde(default)]
    pub proxied: Option<bool>,
}

/// Changes that are done together or not at all, deletions first.
#[derive(Serialize, Default)]
pub(crate) struct Batch {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deletes: Vec<Deletion>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<NewRecord>,
}

/// The record that goes.
#[derive(Serialize)]
pub(crate) struct Deletion {
    pub id: String,
}

/// A record that comes. `proxied` is never sent: the types written here cannot be.
#[derive(Serialize)]
pub(crate) struct NewRecord {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: String,
    pub ttl: u32,
    #[serde(flatten)]
    pub value: NewValue,
}

/// Its data: as text, or in parts where Cloudflare takes only those.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NewValue {
    Content(String),
    Data(DsData),
}

/// The parts of a DS.
#[derive(Serialize)]
pub(crate) struct DsData {
    pub key_tag: u16,
    pub algorithm: u8,
    pub digest_type: u8,
    pub digest: String,
}
