//! RRsets: the records of one name and type, read and changed as one.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use reqwest::Method;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::stream::Place;
use crate::{CanonicalName, Client, Error, rules};

/// All records of one name and type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rrset {
    /// The owner.
    pub name: CanonicalName,
    /// The type.
    #[serde(rename = "type")]
    pub rtype: RecordType,
    /// Time to live in seconds, 1 to 2^31-1 ([RFC 2181](https://www.rfc-editor.org/rfc/rfc2181) section 8).
    pub ttl: u32,
    /// The records, without order.
    pub records: Vec<Record>,
}

/// One record of an [`Rrset`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The data in presentation format: names with the final dot, TXT in quotes.
    pub content: String,
    /// Kept by the server and not served.
    #[serde(default)]
    pub disabled: bool,
}

/// One change in a PATCH. Both say what is to be true afterwards, so sending one twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RrsetChange {
    /// The RRset is exactly this, whatever was there. At least one record.
    Replace(Rrset),
    /// There is no such RRset.
    Delete {
        /// The owner.
        name: CanonicalName,
        /// The type.
        rtype: RecordType,
    },
}

/// The name of a record type, in upper case: `A`, `NS`, `TYPE65280`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(Cow<'static, str>);

/// Why a text is not a record type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record type is 1 to 16 letters, digits and hyphens")]
pub struct RecordTypeError;

impl Rrset {
    /// An RRset of served records.
    pub fn new<C: Into<String>>(
        name: CanonicalName,
        rtype: RecordType,
        ttl: u32,
        contents: impl IntoIterator<Item = C>,
    ) -> Self {
        let records = contents
            .into_iter()
            .map(|content| Record {
                content: content.into(),
                disabled: false,
            })
            .collect();
        Self {
            name,
            rtype,
            ttl,
            records,
        }
    }

    /// The data of the records that are served.
    pub fn contents(&self) -> impl Iterator<Item = &str> {
        self.records
            .iter()
            .filter(|record| !record.disabled)
            .map(|record| record.content.as_str())
    }
}

impl RrsetChange {
    /// The owner.
    pub fn name(&self) -> &CanonicalName {
        match self {
            Self::Replace(rrset) => &rrset.name,
            Self::Delete { name, .. } => name,
        }
    }

    /// The type.
    pub fn rtype(&self) -> &RecordType {
        match self {
            Self::Replace(rrset) => &rrset.rtype,
            Self::Delete { rtype, .. } => rtype,
        }
    }
}

impl Serialize for RrsetChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("RrsetChange", 5)?;
        out.serialize_field("name", self.name())?;
        out.serialize_field("type", self.rtype())?;
        match self {
            Self::Replace(rrset) => {
                out.serialize_field("changetype", "REPLACE")?;
                out.serialize_field("ttl", &rrset.ttl)?;
                out.serialize_field("records", &rrset.records)?;
            }
            Self::Delete { .. } => out.serialize_field("changetype", "DELETE")?,
        }
        out.end()
    }
}

macro_rules! record_types {
    ($($name:ident)*) => {
        /// The types that have names here; any other is made by parsing its name.
        #[expect(missing_docs, reason = "the name of the constant is the name of the type")]
        impl RecordType {
            $(pub const $name: Self = Self(Cow::Borrowed(stringify!($name)));)*

            fn known(text: &str) -> Option<Self> {
                match text {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

record_types!(
    A AAAA ALIAS CAA CDNSKEY CDS CNAME DNAME DNSKEY DS HTTPS LOC LUA MX NAPTR NS NSEC NSEC3 NSEC3PARAM PTR RRSIG SOA
    SRV SSHFP SVCB TLSA TXT
);

impl RecordType {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordType {
    type Err = RecordTypeError;

    fn from_str(text: &str) -> Result<Self, RecordTypeError> {
        if let Some(known) = Self::known(text) {
            return Ok(known);
        }
        let fits = (1..=16).contains(&text.len());
        if !fits
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(RecordTypeError);
        }
        let upper = text.to_ascii_uppercase();
        Ok(Self::known(&upper).unwrap_or(Self(Cow::Owned(upper))))
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RecordType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RecordType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Cow<'_, str>>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The part that matters of a zone that was asked for with a filter.
#[derive(Deserialize)]
struct Found {
    rrsets: Vec<Rrset>,
}

impl Client {
    /// All RRsets at one name of a zone; empty when there is nothing.
    ///
    /// A missing zone is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub async fn rrsets_at(&self, zone: &CanonicalName, name: &CanonicalName) -> Result<Vec<Rrset>, Error> {
        let url = self.zone_url(zone, &format!("?rrset_name={}", name.to_query()));
        Ok(self.read::<Found>(url).await?.rrsets)
    }

    /// One RRset of a zone, if it is there.
    ///
    /// A missing zone is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub async fn rrset(
        &self,
        zone: &CanonicalName,
        name: &CanonicalName,
        rtype: &RecordType,
    ) -> Result<Option<Rrset>, Error> {
        let url = self.zone_url(
            zone,
            &format!("?rrset_name={}&rrset_type={rtype}", name.to_query()),
        );
        Ok(self.read::<Found>(url).await?.rrsets.pop())
    }

    /// Calls `f` with each RRset of a zone as it arrives, in the server's order, and says whether the zone exists.
    ///
    /// Holds one RRset at a time, so the zone may be larger than
    /// [`max_answer_bytes`](crate::Config::max_answer_bytes). After an error `f` has seen only a part of the zone.
    pub async fn for_each_rrset(&self, zone: &CanonicalName, f: impl FnMut(Rrset)) -> Result<bool, Error> {
        self.stream(self.zone_url(zone, ""), Place::Field("rrsets"), f)
            .await
    }

    /// Makes changes to one zone: all of them or none, and one step of the serial.
    ///
    /// PowerDNS has no compare-and-set, and on PostgreSQL two concurrent PATCHes of one zone both answer success while
    /// one may be lost: have one writer per zone, and read back. Refuses what would harm the zone
    /// ([`rules`]). Without changes nothing is sent.
    pub async fn patch_rrsets(&self, zone: &CanonicalName, changes: &[RrsetChange]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Patch<'a> {
            rrsets: &'a [RrsetChange],
        }
        if changes.is_empty() {
            return Ok(());
        }
        for change in changes {
            rules::check_change(zone, change, self.allows_lua())?;
        }
        self.write(
            Method::PATCH,
            self.zone_url(zone, ""),
            Some(&Patch { rrsets: changes }),
        )
        .await
    }
}
