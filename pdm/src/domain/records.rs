//! Record sets a tenant may keep in the zone of his name.

use std::fmt;
use std::str::FromStr;

use pdm_registrar::{DomainName, OwnerName};
use serde::{Deserialize, Serialize};

/// Lowest TTL of a tenant's record set, seconds.
pub const MIN_TTL: u32 = 60;
/// Highest TTL of a tenant's record set, seconds.
pub const MAX_TTL: u32 = 86_400;
/// Most values of one set: the answer must fit a DNS message with room for its signature.
pub const MAX_VALUES: usize = 32;

macro_rules! record_types {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        /// Types a tenant may write. SOA, DNSKEY, CDS, RRSIG, NSEC and LUA are not among them: the first five
        /// are the server's business, the last is code execution.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum RecordType {
            $(#[doc = $text] #[serde(rename = $text)] $variant),+
        }
        impl RecordType {
            /// The type's mnemonic.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl FromStr for RecordType {
            type Err = RecordError;
            fn from_str(text: &str) -> Result<Self, RecordError> {
                $(if text.eq_ignore_ascii_case($text) { return Ok(Self::$variant); })+
                Err(RecordError::TypeNotAllowed)
            }
        }
    };
}

record_types! {
    A = "A", Aaaa = "AAAA", Caa = "CAA", Cname = "CNAME", Ds = "DS", Https = "HTTPS", Mx = "MX", Ns = "NS",
    Srv = "SRV", Sshfp = "SSHFP", Svcb = "SVCB", Tlsa = "TLSA", Txt = "TXT",
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record set as the tenant keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Owner name in full.
    pub owner: OwnerName,
    /// Record type.
    pub r#type: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Values in presentation format, sorted, without twins.
    pub values: Vec<String>,
}

/// Why a record set cannot be kept. Sentences are for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The type is outside the closed list.
    #[error(
        "this record type cannot be set here; allowed are A AAAA CAA CNAME HTTPS MX NS DS SRV SSHFP SVCB TLSA TXT"
    )]
    TypeNotAllowed,
    /// The owner is not at or below the name.
    #[error("the record's name must be {0} or end in .{0}")]
    OutOfZone(DomainName),
    /// TTL outside the range.
    #[error("the TTL must be {MIN_TTL} to {MAX_TTL} seconds")]
    Ttl,
    /// No value, or too many.
    #[error("give 1 to {MAX_VALUES} values")]
    ValueCount,
    /// NS and DS would change who serves the name itself.
    #[error("NS and DS can be set below the name only; at the name itself they belong to the service")]
    ApexDelegation,
    /// A wildcard cannot be a delegation (RFC 4592 section 4.2).
    #[error("NS and DS cannot be set at a wildcard")]
    WildcardDelegation,
    /// A delegation would take hosts away that the service keeps.
    #[error("NS and DS here would take away hosts that every name has")]
    HidesManaged,
    /// A CNAME next to the apex records is not possible (RFC 1034 section 3.6.2).
    #[error("a CNAME cannot stand at the name itself")]
    ApexCname,
    /// The set belongs to the targets of the name.
    #[error("these addresses follow the targets of the name; change them with PUT …/targets")]
    Managed,
    /// The set belongs to the template of the pool.
    #[error("this record set is given by the pool")]
    GivenByPool,
    /// A CNAME beside another set of the same owner.
    #[error("a CNAME cannot stand beside other records of the same name")]
    CnameBesideOther,
    /// One value is malformed.
    #[error("value {0:?} is not valid for this type: {1}")]
    Value(String, String),
}

/// Checks what holds for every set, whatever its values: owner, type at that place, TTL, number of values.
pub fn check_shape(
    apex: &DomainName,
    owner: &OwnerName,
    r#type: RecordType,
    ttl: u32,
    values: usize,
) -> Result<(), RecordError> {
    if !owner.is_at_or_below(apex) {
        return Err(RecordError::OutOfZone(apex.clone()));
    }
    if owner.as_str() == apex.as_str() {
        match r#type {
            RecordType::Ns | RecordType::Ds => return Err(RecordError::ApexDelegation),
            RecordType::Cname => return Err(RecordError::ApexCname),
            _ => {}
        }
    }
    if owner.is_wildcard() && matches!(r#type, RecordType::Ns | RecordType::Ds) {
        return Err(RecordError::WildcardDelegation);
    }
    if !(MIN_TTL..=MAX_TTL).contains(&ttl) {
        return Err(RecordError::Ttl);
    }
    if values == 0 || values > MAX_VALUES {
        return Err(RecordError::ValueCount);
    }
    Ok(())
}
