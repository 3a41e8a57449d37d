//! GoDaddy's documents as they are. Whatever is not needed is not read: a domain's document of v1 and v2 holds the secret for a
//! transfer (`authCode`) and people's addresses, and neither enters this program's memory as a value.

use serde::{Deserialize, Serialize};

/// A domain, of v1 and v3.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Domain {
    #[serde(rename = "domain")]
    pub name: String,
    /// `ACTIVE`, and many others, not all of them documented.
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub name_servers: Option<Vec<String>>,
    /// v1: against transfers.
    #[serde(default)]
    pub locked: Option<bool>,
    /// v3: against transfers.
    #[serde(default)]
    pub transfer_lock: Option<bool>,
    /// v1: Domain Protection.
    #[serde(default)]
    pub transfer_protected: Option<bool>,
    /// v1: Domain Protection.
    #[serde(default)]
    pub expiration_protected: Option<bool>,
}

impl Domain {
    /// Whether Domain Protection is on, as far as it is shown.
    pub(crate) fn is_protected(&self) -> bool {
        self.transfer_protected == Some(true) || self.expiration_protected == Some(true)
    }
}

/// A page of domains of v3.
#[derive(Deserialize)]
pub(crate) struct DomainPage {
    #[serde(default)]
    pub items: Option<Vec<ListedDomain>>,
    #[serde(default)]
    pub links: Option<Vec<Link>>,
}

/// A domain in a list.
#[derive(Deserialize)]
pub(crate) struct ListedDomain {
    pub domain: String,
}

/// A link to somewhere in the API.
#[derive(Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    pub rel: String,
    #[serde(default)]
    pub href: String,
}

/// A domain of v2, with what was asked to be included.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerDomain {
    #[serde(default)]
    pub dnssec_records: Option<Vec<Dnssec>>,
    #[serde(default)]
    pub actions: Option<Vec<Action>>,
}

/// A DS in GoDaddy's words. It is sent back as it came when it is removed.
#[derive(Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dnssec {
    #[serde(default)]
    pub algorithm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_tag: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_signature_life: Option<u64>,
}

/// A change of v2 on its way, or the last one of its type.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Action {
    #[serde(default, rename = "type")]
    pub kind: String,
    /// `ACCEPTED`, `PENDING`, `AWAITING` (a person), `SUCCESS`, `FAILED`, `CANCELLED`.
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub created_at: Option<String>,
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    pub reason: Option<Problem>,
}

impl Action {
    /// Whether it has not ended.
    pub(crate) fn is_open(&self) -> bool {
        ["ACCEPTED", "PENDING", "AWAITING"].contains(&self.status.as_str())
    }

    /// What tells it from an earlier one of its type.
    pub(crate) fn mark(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("{} {}", part(&self.created_at), part(&self.request_id))
    }
}

/// A change of v3 on its way. Its type is not documented and not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    /// `CONFIRMED`, `EXECUTING`, `COMPLETED`, `FAILED`.
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub links: Option<Vec<Link>>,
    #[serde(default)]
    pub error: Option<Problem>,
}

/// A record of v1 and v3. `name` is relative to the zone, `@` is the zone itself.
#[derive(Deserialize, Serialize, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// v3 only.
    #[serde(default, skip_serializing, rename = "recordId")]
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    #[serde(default)]
    pub data: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A page of records of v3.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordPage {
    /// `null` when there are none.
    #[serde(default)]
    pub items: Option<Vec<Record>>,
    #[serde(default)]
    pub links: Option<Vec<Link>>,
    /// Missing when there are none.
    #[serde(default)]
    pub total_pages: Option<u64>,
}

/// The customer of a shopper.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shopper {
    #[serde(default)]
    pub customer_id: Option<String>,
}

/// An error, in both forms: `code`, `fields` of v1 and v2; `name`, `details` of v3.
#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub fields: Option<Vec<Detail>>,
    #[serde(default)]
    pub details: Option<Vec<Detail>>,
    #[serde(default)]
    pub retry_after_sec: Option<u64>,
}

impl Problem {
    /// Code or name.
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.as_deref().or(self.name.as_deref())
    }

    /// What it says, with the fields it means.
    pub(crate) fn text(&self) -> String {
        let details = self
            .fields
            .iter()
            .chain(&self.details)
            .flatten()
            .map(Detail::text);
        let all = self.message.clone().into_iter().chain(details);
        all.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }
}

/// What is wrong with one field.
#[derive(Deserialize, Clone)]
pub(crate) struct Detail {
    #[serde(default)]
    pub path: Option<String>,
    #[serde(default)]
    pub field: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub issue: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

impl Detail {
    fn text(&self) -> String {
        let place = self.path.as_deref().or(self.field.as_deref());
        let what = self
            .message
            .as_deref()
            .or(self.description.as_deref())
            .or(self.issue.as_deref());
        place.into_iter().chain(what).collect::<Vec<_>>().join(": ")
    }
}
