//! Trust anchors: the keys of the root that a walk starts from.

use std::str::FromStr;

use data_encoding::{BASE64, HEXUPPER_PERMISSIVE};
use hickory_proto::dnssec::rdata::{DNSKEY, DS};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKey as _, PublicKeyBuf};
use hickory_proto::rr::Name;

/// The trusted keys of the root, by themselves or by digest. At least one.
#[derive(Debug, Clone)]
pub struct Anchors {
    keys: Vec<DNSKEY>,
    digests: Vec<DS>,
}

/// Why a text is not a list of trust anchors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// There is no anchor in it.
    #[error("there is no DNSKEY or DS record")]
    None,
    /// A line is not a DNSKEY or DS record of the root.
    #[error("line {line}: {problem}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Anchors {
    /// Whether a key of the root is one of them.
    pub(super) fn trust(&self, key: &DNSKEY) -> bool {
        self.keys.contains(key)
            || self.digests.iter().any(|digest| {
                digest.algorithm() == key.public_key().algorithm()
                    && digest.covers(&Name::root(), key).unwrap_or(false)
            })
    }
}

impl FromStr for Anchors {
    type Err = AnchorError;

    /// Reads DNSKEY and DS records, one a line as `dig` prints them: owner, TTL, class, type, data. TTL and class may be
    /// missing. What follows a semicolon is a comment. Records of other names than the root are errors: a walk always starts
    /// there.
    fn from_str(text: &str) -> Result<Self, AnchorError> {
        let mut anchors = Self {
            keys: Vec::new(),
            digests: Vec::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let content = line.split(';').next().unwrap_or_default();
            let mut words = content.split_ascii_whitespace();
            let Some(owner) = words.next() else { continue };
            let at = |problem| AnchorError::Line {
                line: number + 1,
                problem,
            };
            if owner != "." {
                return Err(at("only anchors of the root are used"));
            }
            match words
                .find(|word| !(word.eq_ignore_ascii_case("IN") || word.bytes().all(|b| b.is_ascii_digit())))
            {
                Some("DNSKEY") => anchors
                    .keys
                    .push(dnskey(words).ok_or(at("not a DNSKEY that can be used"))?),
                Some("DS") => anchors
                    .digests
                    .push(ds(words).ok_or(at("not a DS that can be used"))?),
                _ => return Err(at("neither DNSKEY nor DS")),
            }
        }
        if anchors.keys.is_empty() && anchors.digests.is_empty() {
            Err(AnchorError::None)
        } else {
            Ok(anchors)
        }
    }
}

/// RFC 4034 section 2.2.
fn dnskey<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<DNSKEY> {
    let flags = words.next()?.parse().ok()?;
    let protocol = words.next()?;
    let algorithm = Algorithm::from_u8(words.next()?.parse().ok()?);
    let key = BASE64.decode(words.collect::<String>().as_bytes()).ok()?;
    let key = DNSKEY::with_flags(flags, PublicKeyBuf::new(key, algorithm));
    (protocol == "3" && algorithm.is_supported() && key.zone_key() && !key.revoke()).then_some(key)
}

/// RFC 4034 section 5.3.
fn ds<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<DS> {
    let tag = words.next()?.parse().ok()?;
    let algorithm = Algorithm::from_u8(words.next()?.parse().ok()?);
    let digest_type = DigestType::from(words.next()?.parse::<u8>().ok()?);
    let digest = HEXUPPER_PERMISSIVE
        .decode(words.collect::<String>().as_bytes())
        .ok()?;
    let length = match digest_type {
        DigestType::SHA256 => 32,
        DigestType::SHA384 => 48,
        _ => return None,
    };
    (algorithm.is_supported() && digest.len() == length).then(|| DS::new(tag, algorithm, digest_type, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published by IANA in <https://data.iana.org/root-anchors/root-anchors.xml> (KSK-2024).
    const DS_LINE: &str =
        ". 86400 IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C48 3AF444A4C0FB2B16";

    fn problem(text: &str) -> AnchorError {
        text.parse::<Anchors>().expect_err("not a list of anchors")
    }

    #[test]
    fn lines_as_dig_and_unbound_print_them_are_read() {
        let key = ".\t172800\tIN\tDNSKEY\t257 3 13 AAAA AAAA ; KSK; alg = ECDSAP256SHA256 ; key id = 1";
        let text = format!("; comment\n\n{key}\n{DS_LINE}\n. DS {}\n", &DS_LINE[14..]);
        let anchors: Anchors = text.parse().expect("anchors");
        assert_eq!((anchors.keys.len(), anchors.digests.len()), (1, 2));
        assert!(anchors.trust(&anchors.keys[0]));
        assert!(!anchors.trust(&dnskey("257 3 13 AAAB".split(' ')).expect("a key")));
    }

    #[test]
    fn what_is_no_anchor_of_the_root_is_refused_with_its_line() {
        assert_eq!(problem("; nothing\n"), AnchorError::None);
        let line = |line, problem| AnchorError::Line { line, problem };
        assert_eq!(
            problem("\ncorp. DS 1 13 2 00"),
            line(2, "only anchors of the root are used")
        );
        assert_eq!(problem(". IN A 192.0.2.1"), line(1, "neither DNSKEY nor DS"));
        for short in [
            ". DS 1 13 2 00",
            ". DS 1 13 1 0000000000000000000000000000000000000000",
            ". DS 1 13",
        ] {
            assert_eq!(problem(short), line(1, "not a DS that can be used"));
        }
        for key in [
            ". DNSKEY 257 3 13 A",
            ". DNSKEY 257 2 13 AAAA",
            ". DNSKEY 385 3 13 AAAA",
            ". DNSKEY 0 3 13 AAAA",
        ] {
            assert_eq!(problem(key), line(1, "not a DNSKEY that can be used"));
        }
    }
}
