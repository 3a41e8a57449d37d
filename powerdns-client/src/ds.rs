//! DS records: what a parent publishes about a child's key.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Deserializer, de};

/// The data of a DS record ([RFC 4034](https://www.rfc-editor.org/rfc/rfc4034) section 5) whose digest has the length
/// that its type demands.
///
/// PowerDNS accepts a DS with a truncated digest, and the child is bogus from then on. This type does not.
///
/// ```
/// use powerdns_client::Ds;
///
/// let ds: Ds = "36842 13 2 3CD476F25FA3C1C3A688C9DBC86B793C15378EAEFCC8544FEA11DAC89141F963".parse()?;
/// assert_eq!((ds.key_tag(), ds.digest_type(), ds.digest().len()), (36842, Ds::SHA256, 32));
/// assert!("36842 13 2 3cd476f2".parse::<Ds>().is_err());
/// # Ok::<(), powerdns_client::DsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ds {
    key_tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: Box<[u8]>,
}

/// Why a text or a set of values is not the data of a DS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DsError {
    /// Not key tag, algorithm, digest type and hexadecimal digest.
    #[error("a DS is a key tag, an algorithm, a digest type and a digest in hexadecimal")]
    Syntax,
    /// A digest type without a length that could be checked.
    #[error("digest type {0} is not known")]
    UnknownDigestType(u8),
    /// The digest's length does not fit its type.
    #[error("the digest has {found} octets; its type has {expected}")]
    DigestLength {
        /// What the type demands, in octets.
        expected: usize,
        /// What was given, in octets.
        found: usize,
    },
}

impl Ds {
    /// Digest type 1, 20 octets. Listed by PowerDNS, not to be published any more
    /// ([RFC 8624](https://www.rfc-editor.org/rfc/rfc8624) section 3.3).
    pub const SHA1: u8 = 1;
    /// Digest type 2, 32 octets ([RFC 4509](https://www.rfc-editor.org/rfc/rfc4509)): the one to publish.
    pub const SHA256: u8 = 2;
    /// Digest type 4, 48 octets ([RFC 6605](https://www.rfc-editor.org/rfc/rfc6605)).
    pub const SHA384: u8 = 4;

    /// Puts a DS together.
    pub fn new(
        key_tag: u16,
        algorithm: u8,
        digest_type: u8,
        digest: impl Into<Box<[u8]>>,
    ) -> Result<Self, DsError> {
        let digest = digest.into();
        let expected = match digest_type {
            Self::SHA1 => 20,
            Self::SHA256 => 32,
            Self::SHA384 => 48,
            other => return Err(DsError::UnknownDigestType(other)),
        };
        match digest.len() {
            found if found == expected => Ok(Self {
                key_tag,
                algorithm,
                digest_type,
                digest,
            }),
            found => Err(DsError::DigestLength { expected, found }),
        }
    }

    /// Which key is meant (RFC 4034 appendix B).
    pub fn key_tag(&self) -> u16 {
        self.key_tag
    }

    /// The key's algorithm, an [IANA number](https://www.iana.org/assignments/dns-sec-alg-numbers); 13 is
    /// ECDSAP256SHA256.
    pub fn algorithm(&self) -> u8 {
        self.algorithm
    }

    /// [`SHA1`](Self::SHA1), [`SHA256`](Self::SHA256) or [`SHA384`](Self::SHA384).
    pub fn digest_type(&self) -> u8 {
        self.digest_type
    }

    /// The digest over the owner name and the DNSKEY.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

impl FromStr for Ds {
    type Err = DsError;

    /// Reads the presentation format; the digest may be in upper case and in groups.
    fn from_str(text: &str) -> Result<Self, DsError> {
        fn field<T: FromStr>(text: Option<&str>) -> Result<T, DsError> {
            text.and_then(|text| text.parse().ok()).ok_or(DsError::Syntax)
        }
        let mut fields = text.split_ascii_whitespace();
        let (key_tag, algorithm, digest_type) = (
            field(fields.next())?,
            field(fields.next())?,
            field(fields.next())?,
        );
        let hex: String = fields.collect();
        let digest = HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .map_err(|_| DsError::Syntax)?;
        Self::new(key_tag, algorithm, digest_type, digest)
    }
}

impl fmt::Display for Ds {
    /// The presentation format, as PowerDNS writes it: one group of lower-case digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key_tag,
            algorithm,
            digest_type,
            digest,
        } = self;
        write!(
            f,
            "{key_tag} {algorithm} {digest_type} {}",
            HEXLOWER.encode(digest)
        )
    }
}

impl<'de> Deserialize<'de> for Ds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
