//! DS at the registry, by API3.

use aws_lc_rs::digest;
use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};
use serde_json::json;

use super::answer::{Content, Refusal};
use super::api3::{Call, Outcome};
use crate::sim::world::Ds;

impl Call<'_> {
    /// Algorithm and digest type are words with the number behind them; keys never come back.
    pub(super) fn dnssec(&self) -> Outcome {
        let (_, domain) = self.vendor.held(self.account, self.required("domain_name")?)?;
        if domain.ds.is_empty() {
            return Ok(Content::empty());
        }
        let shown = domain.ds.iter().map(|ds| {
            json!({
                "KeyTag": ds.key_tag,
                "Algorithm": format!("{}({})", algorithm_word(ds.algorithm), ds.algorithm),
                "DigestType": format!("{}({})", digest_word(ds.digest_type), ds.digest_type),
                "Digest": ds.digest.to_ascii_uppercase(),
            })
        });
        Ok(Content::of("DnssecInfo", self.list(shown.collect())))
    }

    pub(super) fn set_dnssec(&self) -> Outcome {
        let (name, _) = self
            .vendor
            .changeable(self.account, self.required("domain_name")?)?;
        if self
            .vendor
            .settings()
            .without_dnssec
            .iter()
            .any(|ending| name.ends_with(ending))
        {
            return Err(Refusal::new("This domain doesn't support DNSSEC."));
        }
        let ds = self.sent_ds(&name)?;
        let (world, of, replaces) = (
            self.vendor.world.clone(),
            name.clone(),
            self.vendor.settings().ds_replaces,
        );
        self.vendor
            .late
            .accept(&self.vendor.faults, self.command, &name, move || {
                world.change_domain(&of, |domain| {
                    if replaces {
                        domain.ds.clear();
                    }
                    if !domain.ds.contains(&ds) {
                        domain.ds.push(ds);
                    }
                });
            });
        Ok(Content::empty())
    }

    pub(super) fn clear_dnssec(&self) -> Outcome {
        let (name, _) = self
            .vendor
            .changeable(self.account, self.required("domain_name")?)?;
        let (world, of) = (self.vendor.world.clone(), name.clone());
        self.vendor
            .late
            .accept(&self.vendor.faults, self.command, &name, move || {
                world.change_domain(&of, |domain| domain.ds.clear());
            });
        Ok(Content::empty())
    }

    fn sent_ds(&self, name: &str) -> Result<Ds, Refusal> {
        let algorithm = self.number("algorithm")?;
        if self.get("public_key").is_some() || self.get("flags").is_some() {
            let flags: u16 = self.number("flags")?;
            let key = BASE64
                .decode(self.required("public_key")?.as_bytes())
                .map_err(|_| Refusal::new("invalid public_key"))?;
            if !matches!(flags, 256 | 257) || key.is_empty() {
                return Err(Refusal::new("invalid flags or public_key"));
            }
            return Ok(ds_of_key(name, flags, algorithm, &key));
        }
        let (key_tag, digest_type) = (self.number("key_tag")?, self.number("digest_type")?);
        let bytes = HEXLOWER_PERMISSIVE
            .decode(self.required("digest")?.as_bytes())
            .map_err(|_| Refusal::new("invalid digest"))?;
        let length = match digest_type {
            1 => 20,
            2 | 3 => 32,
            4 => 48,
            _ => return Err(Refusal::new("invalid digest_type")),
        };
        if bytes.len() != length {
            return Err(Refusal::new("invalid digest"));
        }
        Ok(Ds {
            key_tag,
            algorithm,
            digest_type,
            digest: HEXLOWER.encode(&bytes),
        })
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.required(name)?;
        text.parse().map_err(|_| Refusal::new(format!("invalid {name}")))
    }
}

/// The SHA-256 DS of a key (RFC 4034 section 5.1.4, key tag after appendix B).
fn ds_of_key(name: &str, flags: u16, algorithm: u8, key: &[u8]) -> Ds {
    let mut rdata = flags.to_be_bytes().to_vec();
    rdata.extend([3, algorithm]);
    rdata.extend(key);
    let sum: u32 = rdata
        .iter()
        .enumerate()
        .map(|(at, &byte)| {
            if at % 2 == 0 {
                u32::from(byte) << 8
            } else {
                u32::from(byte)
            }
        })
        .sum();
    let folded = (sum + (sum >> 16)) & 0xffff;
    let mut input = Vec::new();
    for label in name.split('.') {
        // Labels of a domain name have at most 63 bytes.
        input.push(u8::try_from(label.len()).unwrap_or_default());
        input.extend(label.as_bytes());
    }
    input.push(0);
    input.extend(&rdata);
    Ds {
        key_tag: u16::try_from(folded).unwrap_or_default(),
        algorithm,
        digest_type: 2,
        digest: HEXUPPER
            .encode(digest::digest(&digest::SHA256, &input).as_ref())
            .to_ascii_lowercase(),
    }
}

fn algorithm_word(number: u8) -> &'static str {
    match number {
        8 => "RSA/SHA-256",
        10 => "RSA/SHA-512",
        13 => "ECDSA Curve P-256 with SHA-256",
        14 => "ECDSA Curve P-384 with SHA-384",
        15 => "Ed25519",
        16 => "Ed448",
        // The vendor's other words have a number within them too.
        5 => "RSA/SHA-1",
        7 => "RSASHA1-NSEC3-SHA1",
        _ => "Unknown",
    }
}

fn digest_word(number: u8) -> &'static str {
    match number {
        1 => "SHA-1",
        2 => "SHA-256",
        3 => "GOST R 34.11-94",
        _ => "SHA-384",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 4034 section 5.4 has SHA-1; its key tag holds for every digest, and the SHA-256 digest of the same key is
    /// the example of RFC 4509 section 2.3.
    #[test]
    fn a_key_becomes_the_ds_of_the_standard() {
        let key = BASE64
            .decode(
                b"AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
            )
            .expect("base64");
        let ds = ds_of_key("dskey.example.com", 256, 5, &key);
        assert_eq!(ds.key_tag, 60485);
        assert_eq!(
            ds.digest,
            "d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"
        );
    }
}
