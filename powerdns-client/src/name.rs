//! Names as PowerDNS writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An absolute domain name in the one spelling that PowerDNS' API uses: lower case, with the final dot.
///
/// Two equal names have equal text, so comparison is a comparison of bytes. Bytes outside printable ASCII, dots
/// inside a label and backslashes are written as escapes ([RFC 1035](https://www.rfc-editor.org/rfc/rfc1035)
/// section 5.1), and an escape that is not needed is resolved: `b\097nk.test.` *is* `bank.test.`
///
/// At most 255 octets on the wire and 63 in a label (RFC 1035 section 2.3.4). `Ord` is the order of the text, not the
/// canonical order of DNSSEC.
///
/// ```
/// use powerdns_client::CanonicalName;
///
/// let zone: CanonicalName = "Acme.Example.NET".parse()?;
/// assert_eq!(zone.as_str(), "acme.example.net.");
/// assert!(zone.child("www")?.is_within(&zone));
/// # Ok::<(), powerdns_client::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalName(Box<str>);

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty; the root is `.`
    #[error("a name cannot be empty; the root is \".\"")]
    Empty,
    /// Two dots in a row, or one at the start.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label of more than 63 octets.
    #[error("a label is longer than 63 octets")]
    LabelTooLong,
    /// More than 255 octets on the wire.
    #[error("the name is longer than 255 octets")]
    TooLong,
    /// A byte that has to be escaped: a space, a control character, or anything outside ASCII.
    #[error("byte {0:#04x} must be escaped in a name")]
    Unescaped(u8),
    /// A backslash without three digits up to 255 or a printable character behind it.
    #[error("an escape is incomplete or above 255")]
    BadEscape,
}

impl CanonicalName {
    /// The root of the DNS, `.`
    pub fn root() -> Self {
        Self(".".into())
    }

    /// Reads a name. A missing final dot is added: no name here is relative to another.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text == "." {
            return Ok(Self::root());
        }
        let mut out = String::with_capacity(text.len() + 1);
        let mut wire = 1; // the root label
        let mut label = 0;
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            let octet = match byte {
                b'.' if label == 0 => return Err(NameError::EmptyLabel),
                b'.' => {
                    out.push('.');
                    wire += label + 1;
                    label = 0;
                    continue;
                }
                b'\\' => escaped(&mut bytes)?,
                b'!'..=b'~' => byte,
                other => return Err(NameError::Unescaped(other)),
            };
            label += 1;
            if label > 63 {
                return Err(NameError::LabelTooLong);
            }
            push(&mut out, octet.to_ascii_lowercase());
        }
        if label > 0 {
            out.push('.');
            wire += label + 1;
        }
        match (out.is_empty(), wire > 255) {
            (true, _) => Err(NameError::Empty),
            (_, true) => Err(NameError::TooLong),
            _ => Ok(Self(out.into_boxed_str())),
        }
    }

    /// The text, always with its final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        &*self.0 == "."
    }

    /// Whether this name is `zone` or below it.
    pub fn is_within(&self, zone: &Self) -> bool {
        if zone.is_root() {
            return true;
        }
        let Some(above) = self.0.strip_suffix(&*zone.0) else {
            return false;
        };
        // What is left must end in a dot that separates labels, not in `\.`
        match above.strip_suffix('.') {
            None => above.is_empty(),
            Some(label) => label.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 0,
        }
    }

    /// The name without its first label; none above the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        match &self.0[first_label_end(&self.0) + 1..] {
            "" => Some(Self::root()),
            rest => Some(Self(rest.into())),
        }
    }

    /// The name of one or more labels (`www`, `_acme-challenge.www`) below this one.
    pub fn child(&self, labels: &str) -> Result<Self, NameError> {
        if labels.is_empty() || labels.ends_with('.') {
            return Err(NameError::EmptyLabel);
        }
        if self.is_root() {
            Self::parse(labels)
        } else {
            Self::parse(&format!("{labels}.{self}"))
        }
    }

    /// The labels from the left, as text with escapes; none for the root.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let mut rest = if self.is_root() { "" } else { &*self.0 };
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (label, tail) = rest.split_at(first_label_end(rest));
            rest = &tail[1..];
            Some(label)
        })
    }

    /// Whether the first label is `*` ([RFC 4592](https://www.rfc-editor.org/rfc/rfc4592)).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// How PowerDNS names the zone in URLs: letters, digits, `.` and `-` as they are, all else as `=XX`; the root is
    /// `=2E` because a lone dot means "this folder" in a path.
    ///
    /// ```
    /// # use powerdns_client::CanonicalName;
    /// let classless = CanonicalName::parse("0/25.2.0.192.in-addr.arpa.")?;
    /// assert_eq!(classless.to_zone_id(), "0=2F25.2.0.192.in-addr.arpa.");
    /// assert_eq!(CanonicalName::root().to_zone_id(), "=2E");
    /// # Ok::<(), powerdns_client::NameError>(())
    /// ```
    pub fn to_zone_id(&self) -> String {
        if self.is_root() {
            "=2E".to_owned()
        } else {
            encode(&self.0, '=')
        }
    }

    /// The name as a value in a URL's query.
    pub(crate) fn to_query(&self) -> String {
        encode(&self.0, '%')
    }
}

/// Reads what follows a backslash.
fn escaped(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    match first {
        b'0'..=b'9' => {
            let mut value = u16::from(first - b'0');
            for _ in 0..2 {
                let digit = bytes
                    .next()
                    .filter(u8::is_ascii_digit)
                    .ok_or(NameError::BadEscape)?;
                value = value * 10 + u16::from(digit - b'0');
            }
            u8::try_from(value).map_err(|_| NameError::BadEscape)
        }
        b'!'..=b'~' => Ok(first),
        _ => Err(NameError::BadEscape),
    }
}

/// Writes one octet of a label the way PowerDNS does.
fn push(out: &mut String, octet: u8) {
    match octet {
        b'.' | b'\\' => out.extend(['\\', char::from(octet)]),
        b'!'..=b'~' => out.push(char::from(octet)),
        other => {
            let digits = [other / 100, other / 10 % 10, other % 10];
            out.push('\\');
            out.extend(digits.map(|digit| char::from(b'0' + digit)));
        }
    }
}

/// Where the dot behind the first label is. Canonical text always has one.
fn first_label_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes[at] != b'.' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

fn encode(text: &str, mark: char) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len() + 4);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-' {
            out.push(char::from(byte));
        } else {
            out.extend([
                mark,
                char::from(HEX[usize::from(byte >> 4)]),
                char::from(HEX[usize::from(byte & 15)]),
            ]);
        }
    }
    out
}

impl FromStr for CanonicalName {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for CanonicalName {
    type Error = NameError;
    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl AsRef<str> for CanonicalName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for CanonicalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for CanonicalName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CanonicalName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = CanonicalName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a domain name")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<CanonicalName, E> {
                CanonicalName::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}
