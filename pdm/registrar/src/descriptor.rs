//! How an adapter describes its vendor. The API and the wizard show this and know nothing else of a vendor.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;

/// What a vendor needs and can do.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Descriptor {
    /// The vendor's name in requests, settings and files: lower-case ASCII.
    pub id: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// What a customer enters.
    #[serde(rename = "credentials")]
    pub fields: &'static [CredentialField],
    /// Which sets of fields open an account; any one is enough. A field in none of them is optional.
    pub needs: &'static [&'static [&'static str]],
    /// The smallest rights the credentials need, and how to make such credentials.
    pub least_scope: &'static str,
    /// What can be done.
    pub capabilities: Capabilities,
    /// How the customer lets our addresses in, where the vendor takes calls from listed addresses only.
    pub needs_allow_list: Option<&'static str>,
    /// Whether a change may be accepted long before it is done.
    pub asynchronous: bool,
    /// How long a write with an unknown end may still land. Nothing different is written before.
    #[serde(rename = "settle_seconds", serialize_with = "seconds")]
    pub settle: Duration,
    /// How many calls the vendor takes.
    pub budget: Budget,
    /// Hosts that are asked, by kind of endpoint. No other host is.
    pub hosts: Hosts,
    /// Fewest and most name servers a domain may have at this vendor.
    pub nameservers: (usize, usize),
}

/// One thing a customer enters.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CredentialField {
    /// Its name in requests and files.
    pub name: &'static str,
    /// Its name for people, as the vendor's pages call it.
    pub label: &'static str,
    /// Whether it is hidden while it is typed.
    pub secret: bool,
    /// Where to find it and what it looks like.
    pub help: &'static str,
    /// A regular expression that the whole value matches, in the syntax that JavaScript and Rust share.
    pub pattern: &'static str,
}

impl CredentialField {
    /// Whether `value` looks as it should.
    pub fn accepts(&self, value: &str) -> bool {
        let whole = format!("^(?:{})$", self.pattern);
        regex_lite::Regex::new(&whole).is_ok_and(|pattern| pattern.is_match(value))
    }
}

/// What can be done at a vendor.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Capabilities {
    /// Read what the registry is told of name servers.
    pub read_nameservers: Support,
    /// Change the name servers of a domain.
    pub change_nameservers: Support,
    /// Read the DS of a domain.
    pub read_ds: Support,
    /// Change the DS of a domain.
    pub change_ds: Support,
    /// Put a domain back on the vendor's own name servers.
    pub restore_mode: Support,
    /// Delegate a name below a zone that the vendor hosts, by NS.
    pub delegate_subdomain: Support,
    /// Give such a delegation a DS.
    pub delegate_signed: Support,
    /// Put and remove a TXT record.
    pub txt: Support,
    /// Read all records of a hosted zone.
    pub export_zone: Support,
    /// Tell from the credentials alone, without a write, whether they may write.
    pub read_write_rights: Support,
}

impl Capabilities {
    /// All of them with their names, as the matrix shows them.
    pub fn each(&self) -> [(&'static str, Support); 10] {
        [
            ("read_nameservers", self.read_nameservers),
            ("change_nameservers", self.change_nameservers),
            ("read_ds", self.read_ds),
            ("change_ds", self.change_ds),
            ("restore_mode", self.restore_mode),
            ("delegate_subdomain", self.delegate_subdomain),
            ("delegate_signed", self.delegate_signed),
            ("txt", self.txt),
            ("export_zone", self.export_zone),
            ("read_write_rights", self.read_write_rights),
        ]
    }
}

/// Whether something can be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "support", content = "because", rename_all = "snake_case")]
pub enum Support {
    /// Yes, for every account and domain.
    Yes,
    /// Only for some accounts or domains; which.
    Sometimes(&'static str),
    /// No; why, and what to do instead.
    No(&'static str),
}

impl Support {
    /// Whether it can never be done.
    pub fn is_no(self) -> bool {
        matches!(self, Self::No(_))
    }
}

/// How many calls a vendor takes from one account.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Budget {
    /// Calls per minute.
    pub per_minute: NonZeroU32,
    /// Calls at once before the pace per minute applies.
    pub burst: NonZeroU32,
    /// Calls in flight at a time.
    pub in_flight: usize,
}

impl Budget {
    /// A budget of numbers that are not zero.
    ///
    /// # Panics
    /// On a zero, which for a constant is when it is compiled.
    pub const fn new(per_minute: u32, burst: u32, in_flight: usize) -> Self {
        let (Some(per_minute), Some(burst)) = (NonZeroU32::new(per_minute), NonZeroU32::new(burst)) else {
            panic!("a budget of zero calls is none");
        };
        assert!(in_flight > 0, "a budget of zero calls is none");
        Self {
            per_minute,
            burst,
            in_flight,
        }
    }
}

/// Hosts of a vendor's API.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Hosts {
    /// Of real accounts.
    pub production: &'static [&'static str],
    /// Of the vendor's own test environment; empty where there is none.
    pub sandbox: &'static [&'static str],
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}
