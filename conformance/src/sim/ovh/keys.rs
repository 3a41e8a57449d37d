//! Keys at the registry: OVH takes DNSKEYs and makes the DS itself.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use super::Shared;
use super::answer::{Answer, Done, Refusal};
use super::request::Request;
use super::tasks::Work;
use crate::sim::world::Ds;

/// Algorithms that OVH takes.
const ALGORITHMS: [u8; 7] = [5, 7, 8, 10, 13, 14, 15];
/// Most keys of a domain.
const MOST: usize = 4;

/// A public key of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// 0 until OVH has it.
    pub(super) id: u64,
    pub(super) flags: u16,
    pub(super) algorithm: u8,
    /// What `publicKey` is the base64 of.
    pub(super) bytes: Vec<u8>,
}

impl Key {
    /// A key for a domain to have in a test, always the same: random-looking bytes of the length that algorithm 13 has.
    pub fn of_zone(name: &str) -> Self {
        let half = |word: &str| {
            digest(&SHA256, format!("{word} {name}").as_bytes())
                .as_ref()
                .to_vec()
        };
        Self {
            id: 0,
            flags: 257,
            algorithm: 13,
            bytes: [half("x"), half("y")].concat(),
        }
    }

    fn rdata(&self) -> Vec<u8> {
        let mut rdata = self.flags.to_be_bytes().to_vec();
        rdata.extend([3, self.algorithm]);
        rdata.extend(&self.bytes);
        rdata
    }

    /// RFC 4034 appendix B.
    pub fn tag(&self) -> u16 {
        let sum = self.rdata().chunks(2).fold(0_u32, |sum, pair| {
            let low = pair.get(1).copied().unwrap_or_default();
            sum.wrapping_add(u32::from(u16::from_be_bytes([pair[0], low])))
        });
        let [_, _, high, low] = sum.wrapping_add(sum >> 16).to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// Its DS as a key of `domain`, with SHA-256 (RFC 4509).
    pub fn ds(&self, domain: &str) -> Ds {
        let mut hashed = Vec::new();
        for label in domain.split('.') {
            hashed.push(u8::try_from(label.len()).unwrap_or_default());
            hashed.extend(label.as_bytes());
        }
        hashed.push(0);
        hashed.extend(self.rdata());
        Ds {
            key_tag: self.tag(),
            algorithm: self.algorithm,
            digest_type: 2,
            digest: HEXLOWER.encode(digest(&SHA256, &hashed).as_ref()),
        }
    }

    fn read(value: &Value) -> Result<Self, Refusal> {
        let number = |field: &str| value.get(field).and_then(Value::as_u64);
        let bad =
            |field: &str| Refusal::bad(format!("[{field}] Given data does not belong to the enumeration"));
        let algorithm = number("algorithm")
            .and_then(|number| u8::try_from(number).ok())
            .filter(|number| ALGORITHMS.contains(number))
            .ok_or_else(|| bad("algorithm"))?;
        let flags = number("flags")
            .and_then(|number| u16::try_from(number).ok())
            .filter(|flags| [256, 257].contains(flags))
            .ok_or_else(|| bad("flags"))?;
        let bytes = value
            .get("publicKey")
            .and_then(Value::as_str)
            .and_then(|text| BASE64.decode(text.as_bytes()).ok())
            .filter(|bytes| !bytes.is_empty())
            .ok_or_else(|| Refusal::bad("[publicKey] Invalid public key"))?;
        let key = Self {
            id: 0,
            flags,
            algorithm,
            bytes,
        };
        // Whether OVH checks the tag is not known; a wrong one is a mistake in any case.
        if number("tag") == Some(u64::from(key.tag())) {
            Ok(key)
        } else {
            Err(Refusal::bad("[tag] The tag does not match the public key"))
        }
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "algorithm": self.algorithm,
            "flags": self.flags,
            "publicKey": BASE64.encode(&self.bytes),
            "tag": self.tag(),
            "status": "active",
        })
    }
}

impl Shared {
    /// The keys of a domain that its registry has the DS of. A DS that came without a key cannot be shown.
    fn keys(&self, name: &str) -> Vec<Key> {
        let ds = self
            .shown_domain(name)
            .map(|domain| domain.ds)
            .unwrap_or_default();
        let private = self.private();
        let keys = private.keys.get(name).into_iter().flatten();
        keys.filter(|key| ds.contains(&key.ds(name))).cloned().collect()
    }

    /// `GET /domain/{domain}/dsRecord`.
    pub(super) fn list_keys(&self, name: &str, request: &Request) -> Done {
        let ids: Vec<_> = self
            .keys(name)
            .into_iter()
            .filter(|key| {
                request
                    .query("flags")
                    .is_none_or(|flags| flags == key.flags.to_string())
            })
            .filter(|_| request.query("status").is_none_or(|status| status == "active"))
            .map(|key| key.id)
            .collect();
        json!(ids).into()
    }

    /// `GET /domain/{domain}/dsRecord/{id}`.
    pub(super) fn get_key(&self, name: &str, id: &str) -> Answer {
        let keys = self.keys(name);
        let key = keys.iter().find(|key| key.id.to_string() == id);
        key.map(|key| key.json().into())
            .ok_or_else(|| Refusal::no_object("id", id))
    }

    /// `POST /domain/{domain}/dsRecord`: the keys become all that the domain has.
    pub(super) fn replace_keys(&self, name: &str, request: &Request) -> Answer {
        let domain = self.writable(name)?;
        if domain.hosted || self.facts(name).keys_refused {
            return Err(Refusal::backend(
                403,
                "Client::Forbidden::DomDoaForbidden",
                "DNSSEC records of this domain cannot be managed",
            ));
        }
        let body = request.object(&["keys"], &["keys"])?;
        let Some(keys) = body["keys"].as_array() else {
            return Err(Refusal::bad("[keys] Invalid list"));
        };
        if keys.len() > MOST {
            return Err(Refusal::bad(format!("[keys] At most {MOST} keys are allowed")));
        }
        let mut keys = keys.iter().map(Key::read).collect::<Result<Vec<_>, _>>()?;
        self.nothing_pending(name, "DomainDsUpdate")?;
        let known = self.keys(name);
        for key in &mut keys {
            let same = known
                .iter()
                .find(|known| known.bytes == key.bytes && known.flags == key.flags);
            key.id = match same {
                Some(known) => known.id,
                None => self.world.state().next_id(),
            };
        }
        Ok(self
            .accept(request, name, "DomainDsUpdate", Work::Keys(keys))
            .into())
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::Key;

    /// The example of RFC 4509 section 2.3.
    #[test]
    fn a_key_has_the_tag_and_the_ds_of_the_rfc() {
        let text = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvx\
                    egXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
        let key = Key {
            id: 0,
            flags: 256,
            algorithm: 5,
            bytes: BASE64.decode(text.as_bytes()).expect("base64"),
        };
        assert_eq!(key.tag(), 60485);
        let ds = key.ds("dskey.example.com");
        assert_eq!(
            ds.digest,
            "d4b7d520e7bb5f0f67674a0cceb1e3e0614b93c4f9e99b8383f6a1e4469da50a"
        );
    }
}
