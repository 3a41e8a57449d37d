//! DNSKEY records (RFC 4034 section 2), for registries that take keys instead of digests.

use aws_lc_rs::digest::{SHA256, SHA384, digest};
use data_encoding::{BASE64, BASE64_NOPAD};
use serde::{Deserialize, Serialize};

use crate::{DigestType, DomainName, DsRecord};

/// A public key of a zone that signs its key set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dnskey {
    flags: u16,
    algorithm: u8,
    public_key: Vec<u8>,
}

impl Dnskey {
    /// Takes flags (256 or 257), algorithm and the key in base64.
    pub fn new(flags: u16, algorithm: u8, public_key: &str) -> Result<Self, DnskeyError> {
        if ![256, 257].contains(&flags) {
            return Err(DnskeyError::Flags(flags));
        }
        if algorithm == 0 {
            return Err(DnskeyError::Algorithm);
        }
        let text: String = public_key.split_ascii_whitespace().collect();
        let public_key = BASE64
            .decode(text.as_bytes())
            .or_else(|_| BASE64_NOPAD.decode(text.as_bytes()))
            .map_err(|_| DnskeyError::Base64)?;
        if public_key.is_empty() {
            return Err(DnskeyError::Base64);
        }
        Ok(Self {
            flags,
            algorithm,
            public_key,
        })
    }

    /// Reads the presentation form `FLAGS 3 ALGORITHM KEY` (RFC 4034 section 2.2).
    pub fn parse(text: &str) -> Result<Self, DnskeyError> {
        let mut words = text.split_ascii_whitespace();
        let mut number = || words.next().and_then(|word| word.parse::<u16>().ok());
        let (Some(flags), Some(3), Some(algorithm)) = (number(), number(), number()) else {
            return Err(DnskeyError::Form);
        };
        let algorithm = u8::try_from(algorithm).map_err(|_| DnskeyError::Algorithm)?;
        Self::new(flags, algorithm, &words.collect::<String>())
    }

    /// 257 for a key signing key, 256 for another.
    pub fn flags(&self) -> u16 {
        self.flags
    }

    /// Its algorithm's number in the IANA registry.
    pub fn algorithm(&self) -> u8 {
        self.algorithm
    }

    /// The key in base64.
    pub fn public_key(&self) -> String {
        BASE64.encode(&self.public_key)
    }

    /// Its tag (RFC 4034 appendix B).
    pub fn key_tag(&self) -> u16 {
        let sum: u32 = self
            .rdata()
            .iter()
            .enumerate()
            .map(|(at, byte)| u32::from(*byte) << if at % 2 == 0 { 8 } else { 0 })
            .sum();
        // The sum of at most 64 KiB of bytes fits; its upper half is folded in once, as the RFC does.
        u16::try_from((sum + (sum >> 16)) & 0xFFFF).unwrap_or_default()
    }

    /// Its DS as the key of `domain`; `None` for a digest type we do not make (SHA-1).
    pub fn ds(&self, domain: &DomainName, digest_type: DigestType) -> Option<DsRecord> {
        let algorithm = match digest_type.number() {
            2 => &SHA256,
            4 => &SHA384,
            _ => return None,
        };
        let mut hashed = Vec::new();
        for label in domain.labels() {
            hashed.push(u8::try_from(label.len()).ok()?);
            hashed.extend_from_slice(label.as_bytes());
        }
        hashed.push(0);
        hashed.extend_from_slice(&self.rdata());
        DsRecord::new(
            self.key_tag(),
            self.algorithm,
            digest_type.number(),
            digest(algorithm, &hashed).as_ref(),
        )
        .ok()
    }

    fn rdata(&self) -> Vec<u8> {
        let mut rdata = self.flags.to_be_bytes().to_vec();
        rdata.extend_from_slice(&[3, self.algorithm]);
        rdata.extend_from_slice(&self.public_key);
        rdata
    }
}

impl std::fmt::Display for Dnskey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} 3 {} {}", self.flags, self.algorithm, self.public_key())
    }
}

impl From<Dnskey> for String {
    fn from(key: Dnskey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for Dnskey {
    type Error = DnskeyError;

    fn try_from(text: String) -> Result<Self, DnskeyError> {
        Self::parse(&text)
    }
}

/// Why something is no [`Dnskey`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DnskeyError {
    /// Not four fields, or a protocol other than 3.
    #[error("a DNSKEY reads `FLAGS 3 ALGORITHM KEY`")]
    Form,
    /// Flags of no zone key.
    #[error("the flags of a zone's key are 256 or 257, not {0}")]
    Flags(u16),
    /// Algorithm zero, or over 255.
    #[error("an algorithm is a number from 1 to 255")]
    Algorithm,
    /// The key is not base64, or empty.
    #[error("the public key is not base64")]
    Base64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 4034 section 5.4 has SHA-1 only; this is the SHA-256 one of RFC 4509 section 2.3, of the same key.
    #[test]
    fn a_key_has_the_ds_of_the_rfc() {
        let key = Dnskey::parse(
            "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvx\
             egXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
        )
        .unwrap();
        assert_eq!(key.key_tag(), 60485);
        let domain = DomainName::parse("dskey.example.com").unwrap();
        let expected =
            DsRecord::parse("60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A")
                .unwrap();
        assert_eq!(key.ds(&domain, expected.digest_type()), Some(expected));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(Dnskey::parse("257 3 13"), Err(DnskeyError::Base64));
        assert_eq!(Dnskey::parse("257 2 13 AAAA"), Err(DnskeyError::Form));
        assert_eq!(Dnskey::parse("1 3 13 AAAA"), Err(DnskeyError::Flags(1)));
        assert_eq!(Dnskey::parse("257 3 0 AAAA"), Err(DnskeyError::Algorithm));
        assert_eq!(Dnskey::parse("257 3 13 !!"), Err(DnskeyError::Base64));
    }
}
