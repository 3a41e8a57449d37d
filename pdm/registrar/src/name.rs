//! Domain names: one parser, one canonical form.
//!
//! Canonical means lower-case ASCII (A-labels, RFC 5890 section 2.3.2.1) without a trailing dot. Name servers
//! accept several spellings of one name (capitals, `b\097nk.example`); only the canonical one gets past here,
//! so comparing names is comparing bytes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest label in octets (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// Longest name in characters without the trailing dot: 255 octets on the wire (RFC 1035 section 2.3.4), less
/// the length octet of the first label and the root.
const MAX_NAME: usize = 253;

/// All of ASCII but letters, digits, hyphen, dot and underscore. `true` adds space and the control characters.
const ALL_BUT_LDH_AND_UNDERSCORE: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// The name of a domain or a host, in canonical form.
///
/// Made of one or more labels of 1 to 63 letters, digits and hyphens, at most 253 characters in all. The root
/// is not a `DomainName`, an IPv4 address is not, and labels with an underscore are not: see [`OwnerName`].
/// Cloning does not copy the text. The order is that of the bytes, not the canonical order of DNSSEC.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// Reads a name as people and vendors write it: capitals, U-labels (`müller.example`) and one trailing dot
    /// are accepted and canonicalised. The mapping is UTS 46, non-transitional, with the STD3 rules and the
    /// hyphen checks; there are no escapes.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        canonical(text, AsciiDenyList::STD3, Hyphens::Check).map(|name| Self(name.into()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels from left to right; there is at least one.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// The name without its first label; `None` for a top-level domain, whose parent is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, parent)| Self(parent.into()))
    }

    /// The name one label below this one. `label` is canonicalised as in [`DomainName::parse`] and must be a
    /// single label.
    pub fn child(&self, label: &str) -> Result<Self, NameError> {
        let child = Self::parse(&format!("{label}.{self}"))?;
        if child.labels().count() == self.labels().count() + 1 {
            Ok(child)
        } else {
            Err(NameError::NotOneLabel)
        }
    }

    /// Whether this name is strictly below `other`; no name is below itself.
    pub fn is_below(&self, other: &Self) -> bool {
        below(&self.0, &other.0)
    }

    /// Whether this name is `other` or below it.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        self == other || self.is_below(other)
    }

    /// The name with U-labels, to be shown beside the canonical form. It may look like another name: decide
    /// nothing by it.
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }
}

/// The owner name of a record, in canonical form.
///
/// Every [`DomainName`] is one; beyond that labels may contain underscores (RFC 8552: `_acme-challenge`,
/// `_443._tcp`), the first label may be `*` (RFC 4592), and hyphens may stand in the third and fourth place.
/// It is a type of its own so that such a name cannot become a zone, a host or a claim.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerName(Arc<str>);

impl OwnerName {
    /// Reads an owner name; it is always complete, never relative to a zone. Canonicalised as in
    /// [`DomainName::parse`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", text),
        };
        let rest = canonical(rest, ALL_BUT_LDH_AND_UNDERSCORE, Hyphens::CheckFirstLast)?;
        if wildcard.len() + rest.len() > MAX_NAME {
            return Err(NameError::TooLong);
        }
        Ok(Self(format!("{wildcard}{rest}").into()))
    }

    /// The owner name that `prefix`, one or more labels such as `*` or `_443._tcp`, makes below `base`.
    pub fn below(prefix: &str, base: &DomainName) -> Result<Self, NameError> {
        Self::parse(&format!("{prefix}.{base}"))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels from left to right; there is at least one.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Whether the first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether this name is `zone` or below it, so that its records can be in that zone.
    pub fn is_at_or_below(&self, zone: &DomainName) -> bool {
        self.0 == zone.0 || below(&self.0, &zone.0)
    }
}

impl From<DomainName> for OwnerName {
    fn from(name: DomainName) -> Self {
        Self(name.0)
    }
}

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is no text, or only the root.
    #[error("a domain name is missing")]
    Empty,
    /// Two dots in a row, or a dot at the start.
    #[error("a domain name has no empty parts: check for doubled dots")]
    EmptyLabel,
    /// A label is longer than 63 octets as an A-label.
    #[error("no part of a domain name may be longer than 63 characters")]
    LabelTooLong,
    /// The name is longer than 253 characters as A-labels.
    #[error("a domain name may not be longer than 253 characters")]
    TooLong,
    /// An ASCII character, visible or not, that names do not have.
    #[error("a domain name has only letters, digits, hyphens and dots, not {0:?}")]
    Character(char),
    /// A hyphen at the start or end of a label, or in both its third and fourth place.
    #[error(
        "no part of a domain name may start or end with a hyphen, or have two as third and fourth character"
    )]
    Hyphen,
    /// The last label is a number. No top-level domain is one (RFC 3696 section 2); an IPv4 address ends so.
    #[error("a domain name is needed, not an IP address")]
    Address,
    /// UTS 46 refuses a character outside ASCII, its position, or an A-label.
    #[error("the name is not a valid internationalised domain name")]
    International,
    /// Where one label was asked for there were several.
    #[error("one part of a domain name is needed, without dots")]
    NotOneLabel,
}

/// The one parser. What it returns, it returns unchanged when given it again.
fn canonical(text: &str, deny: AsciiDenyList, hyphens: Hyphens) -> Result<String, NameError> {
    // Lengths are checked below instead, where it is known which of them is wrong.
    let ascii = Uts46::new()
        .to_ascii(text.as_bytes(), deny, hyphens, DnsLength::Ignore)
        .map_err(|_| refusal(text))?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.split('.').any(str::is_empty) {
        return Err(NameError::EmptyLabel);
    }
    if name.split('.').any(|label| label.len() > MAX_LABEL) {
        return Err(NameError::LabelTooLong);
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong);
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NameError::Address);
    }
    Ok(name.to_owned())
}

/// Says what UTS 46 may have refused in `text`; the library itself does not.
fn refusal(text: &str) -> NameError {
    let strange = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.');
    // An IPv6 address is the one common mistake with colons.
    if text.parse::<std::net::IpAddr>().is_ok() {
        NameError::Address
    } else if let Some(c) = text.chars().find(strange) {
        NameError::Character(c)
    } else if text.is_ascii() && text.split('.').any(has_misplaced_hyphen) {
        NameError::Hyphen
    } else {
        NameError::International
    }
}

/// The hyphen rules of UTS 46; an A-label has its own.
fn has_misplaced_hyphen(label: &str) -> bool {
    let a_label = label
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("xn--"));
    label.starts_with('-') || label.ends_with('-') || (!a_label && label.get(2..4) == Some("--"))
}

/// Whether the canonical name `name` is strictly below the canonical name `other`.
fn below(name: &str, other: &str) -> bool {
    name.strip_suffix(other)
        .is_some_and(|prefix| prefix.ends_with('.'))
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DomainName({})", self.0)
    }
}

impl FromStr for DomainName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl Serialize for DomainName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DomainName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerName({})", self.0)
    }
}

impl FromStr for OwnerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl Serialize for OwnerName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OwnerName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
