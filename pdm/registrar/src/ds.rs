//! DS records (RFC 4034 section 5): the parent's pointer to a key of the child.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};

/// The data of a DS record, with a digest of the length its type has.
///
/// PowerDNS and some registrars store a truncated digest without complaint, and the domain then fails
/// validation everywhere; such a record cannot be made here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct DsRecord {
    key_tag: u16,
    algorithm: u8,
    digest_type: DigestType,
    digest: Box<[u8]>,
}

impl DsRecord {
    /// Checks and takes the four fields as they are on the wire.
    pub fn new(
        key_tag: u16,
        algorithm: u8,
        digest_type: u8,
        digest: impl Into<Box<[u8]>>,
    ) -> Result<Self, DsError> {
        if algorithm == 0 {
            return Err(DsError::NoAlgorithm);
        }
        let digest_type = DigestType::try_from(digest_type)?;
        let digest = digest.into();
        if digest.len() != digest_type.digest_len() {
            return Err(DsError::DigestLength {
                digest_type,
                found: digest.len(),
            });
        }
        Ok(Self {
            key_tag,
            algorithm,
            digest_type,
            digest,
        })
    }

    /// Reads the presentation form `TAG ALGORITHM TYPE DIGEST` (RFC 4034 section 5.3): three decimal numbers
    /// and hexadecimal digits in either case, between which white space may stand.
    pub fn parse(text: &str) -> Result<Self, DsError> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || {
            let word = words.next()?;
            // `u16::from_str` would also take a plus sign.
            if word.bytes().all(|byte| byte.is_ascii_digit()) {
                word.parse::<u16>().ok()
            } else {
                None
            }
        };
        let (Some(key_tag), Some(algorithm), Some(digest_type)) = (number(), number(), number()) else {
            return Err(DsError::Syntax);
        };
        let algorithm = u8::try_from(algorithm).map_err(|_| DsError::Syntax)?;
        let digest_type = u8::try_from(digest_type).map_err(|_| DsError::Syntax)?;
        let hex: String = words.collect();
        Self::new(key_tag, algorithm, digest_type, bytes(&hex)?)
    }

    /// The key tag (RFC 4034 appendix B): a hint, not an identity; two keys may share one.
    pub fn key_tag(&self) -> u16 {
        self.key_tag
    }

    /// The algorithm number of the key (IANA, DNS Security Algorithm Numbers); never 0.
    pub fn algorithm(&self) -> u8 {
        self.algorithm
    }

    /// Which digest it is.
    pub fn digest_type(&self) -> DigestType {
        self.digest_type
    }

    /// The digest.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The digest in lower-case hexadecimal.
    pub fn digest_hex(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }
}

/// The digest types in use (IANA, DS RR Type Digest Algorithms). The GOST and SM3 types are left out: few
/// validators implement them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum DigestType {
    /// SHA-1, 20 octets (RFC 4034 section 5.1.4); still read, not to be made any more (RFC 8624
    /// section 3.3).
    Sha1 = 1,
    /// SHA-256, 32 octets (RFC 4509).
    Sha256 = 2,
    /// SHA-384, 48 octets (RFC 6605 section 2).
    Sha384 = 4,
}

impl DigestType {
    /// Its number in the registry and on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// How long its digests are, in octets.
    pub fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

impl TryFrom<u8> for DigestType {
    type Error = DsError;

    fn try_from(number: u8) -> Result<Self, DsError> {
        match number {
            1 => Ok(Self::Sha1),
            2 => Ok(Self::Sha256),
            4 => Ok(Self::Sha384),
            other => Err(DsError::DigestType(other)),
        }
    }
}

/// Why something is not a usable DS record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsError {
    /// The text is not three numbers in range followed by hexadecimal digits.
    #[error("a DS record is a key tag, an algorithm, a digest type and a digest in hexadecimal digits")]
    Syntax,
    /// Algorithm 0, which in a CDS record asks the parent to remove the DS (RFC 8078 section 4) and is none.
    #[error("0 is not the algorithm of a key")]
    NoAlgorithm,
    /// A digest type that is not in [`DigestType`].
    #[error("digest type {0} is not in use: use 2 (SHA-256) or 4 (SHA-384)")]
    DigestType(u8),
    /// The digest is too short or too long for its type.
    #[error(
        "a digest of type {} has {} hexadecimal digits, not {}",
        digest_type.number(), digest_type.digest_len() * 2, found * 2
    )]
    DigestLength {
        /// The type of the digest.
        digest_type: DigestType,
        /// The length given, in octets.
        found: usize,
    },
}

fn bytes(hex: &str) -> Result<Vec<u8>, DsError> {
    HEXLOWER_PERMISSIVE
        .decode(hex.as_bytes())
        .map_err(|_| DsError::Syntax)
}

/// The presentation form, with the digest in lower case and in one piece.
impl fmt::Display for DsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key_tag,
            algorithm,
            digest_type,
            ..
        } = self;
        write!(
            f,
            "{key_tag} {algorithm} {} {}",
            digest_type.number(),
            self.digest_hex()
        )
    }
}

impl fmt::Debug for DsRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DsRecord({self})")
    }
}

impl FromStr for DsRecord {
    type Err = DsError;

    fn from_str(text: &str) -> Result<Self, DsError> {
        Self::parse(text)
    }
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    key_tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: String,
}

impl TryFrom<Fields> for DsRecord {
    type Error = DsError;

    fn try_from(fields: Fields) -> Result<Self, DsError> {
        Self::new(
            fields.key_tag,
            fields.algorithm,
            fields.digest_type,
            bytes(&fields.digest)?,
        )
    }
}

impl From<DsRecord> for Fields {
    fn from(record: DsRecord) -> Self {
        Self {
            key_tag: record.key_tag,
            algorithm: record.algorithm,
            digest_type: record.digest_type.number(),
            digest: record.digest_hex(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4034 section 5.4, RFC 4509 section 2.3 and RFC 6605 section 6.2.
    const SHA1: &str = "60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118";
    const SHA256: &str = "60485 5 2 D4B7D520E7BB5F0F67674A0C CEB1E3E0614B93C4F9E99B83 83F6A1E4469DA50A";
    const SHA384: &str = "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8
                          d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6";

    #[test]
    fn the_examples_of_the_rfcs_are_read() {
        for (text, digest_type) in [
            (SHA1, DigestType::Sha1),
            (SHA256, DigestType::Sha256),
            (SHA384, DigestType::Sha384),
        ] {
            let record = DsRecord::parse(text).unwrap();
            assert_eq!(record.digest_type(), digest_type);
            assert_eq!(record.digest().len(), digest_type.digest_len());
            assert_eq!(DigestType::try_from(digest_type.number()), Ok(digest_type));
            assert_eq!(DsRecord::parse(&record.to_string()), Ok(record));
        }
    }

    #[test]
    fn the_case_of_digits_and_white_space_do_not_matter() {
        let record = DsRecord::parse(SHA1).unwrap();
        assert_eq!(
            record.to_string(),
            "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118"
        );
        assert_eq!(DsRecord::parse(&SHA1.to_lowercase()), Ok(record.clone()));
        assert_eq!(
            DsRecord::parse("  60485\t5 1 2bB183Af5f22588179a53b0a98631faD1a292118\n"),
            Ok(record)
        );
    }

    #[test]
    fn a_truncated_or_padded_digest_is_refused() {
        for digest_type in [DigestType::Sha1, DigestType::Sha256, DigestType::Sha384] {
            let right = digest_type.digest_len();
            for found in [0, right - 1, right + 1] {
                assert_eq!(
                    DsRecord::new(1, 13, digest_type.number(), vec![0; found]),
                    Err(DsError::DigestLength { digest_type, found })
                );
            }
        }
        let message = DsRecord::parse("1 13 2 abcd").unwrap_err().to_string();
        assert_eq!(message, "a digest of type 2 has 64 hexadecimal digits, not 4");
    }

    #[test]
    fn other_digest_types_and_algorithm_0_are_refused() {
        for number in [0, 3, 5, 6, 255] {
            assert_eq!(
                DsRecord::new(1, 13, number, vec![0; 32]),
                Err(DsError::DigestType(number))
            );
        }
        assert_eq!(DsRecord::new(1, 0, 2, vec![0; 32]), Err(DsError::NoAlgorithm));
    }

    #[test]
    fn what_is_not_four_fields_is_refused() {
        let hex = "00".repeat(32);
        let bad = [
            String::new(),
            "1 13 2".to_owned() + "x",
            format!("65536 13 2 {hex}"),
            format!("1 256 2 {hex}"),
            format!("1 13 256 {hex}"),
            format!("+1 13 2 {hex}"),
            format!("-1 13 2 {hex}"),
            format!("1 RSASHA256 2 {hex}"),
            format!("1 13 2 {hex}0"),
            format!("1 13 2 {}zz", &hex[2..]),
            format!("1 13 2 {hex} ; comment"),
            format!("example. 3600 IN DS 1 13 2 {hex}"),
        ];
        for text in bad {
            assert_eq!(DsRecord::parse(&text), Err(DsError::Syntax), "{text}");
        }
    }

    #[test]
    fn json_is_an_object_and_is_checked() {
        let record = DsRecord::parse(SHA1).unwrap();
        let json = r#"{"key_tag":60485,"algorithm":5,"digest_type":1,"digest":"2bb183af5f22588179a53b0a98631fad1a292118"}"#;
        assert_eq!(serde_json::to_string(&record).unwrap(), json);
        let capitals = json.replace("2bb183af", "2BB183AF");
        assert_eq!(serde_json::from_str::<DsRecord>(&capitals).unwrap(), record);
        for (from, to) in [
            ("2bb183af", "2bb1"),
            ("2bb183af", "2 b183af"),
            ("}", r#","ttl":1}"#),
        ] {
            assert!(serde_json::from_str::<DsRecord>(&json.replace(from, to)).is_err());
        }
    }
}
