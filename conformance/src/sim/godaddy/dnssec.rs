//! DS at the registry, by words instead of numbers.

use serde_json::{Value, json};

use super::account::{NAMESERVERS, UPDATE};
use super::answer::{Failure, Field, empty};
use super::request::{Asked, Outcome};
use super::tasks::Wanted;
use crate::sim::world::Ds;

const ALGORITHMS: [(&str, u8); 6] = [
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
];
const DIGESTS: [(&str, u8, usize); 4] = [
    ("SHA1", 1, 40),
    ("SHA256", 2, 64),
    ("GOST", 3, 64),
    ("SHA384", 4, 96),
];

impl Asked<'_> {
    /// Adds DS, or removes those that are exactly as sent.
    pub(super) fn change_ds(&self, name: &str, add: bool) -> Outcome {
        let by_nameservers = self.vendor.settings().tokens_change_ds;
        self.caller
            .may(if by_nameservers { NAMESERVERS } else { UPDATE })?;
        let (name, held) = self.vendor.held(&self.caller.account, name)?;
        let sent = self.array("body")?;
        if sent.is_empty() {
            return Err(Failure::body(Field::new("TOO_FEW_ITEMS", "has no items", "body")));
        }
        let sent = sent
            .iter()
            .enumerate()
            .map(|(at, one)| read(one, at))
            .collect::<Result<Vec<_>, _>>()?;
        if held.locked || self.status(&name, &held) != "ACTIVE" {
            return Err(Failure::inactive());
        }
        let wanted = Wanted {
            call: self.call,
            account: self.caller.account.name,
            domain: &name,
            kind: if add { "DNSSEC_CREATE" } else { "DNSSEC_DELETE" },
            idempotency_key: None,
            // The registry neither adds what is there nor removes what is not.
            doomed: sent.iter().any(|ds| held.ds.contains(ds) == add),
        };
        let (world, of) = (self.vendor.world.clone(), name.clone());
        self.vendor.begin(wanted, move || {
            world.change_domain(&of, |domain| {
                domain.ds.retain(|ds| !sent.contains(ds));
                if add {
                    domain.ds.extend(sent);
                }
            });
        })?;
        Ok(empty(202))
    }
}

/// A DS as the vendor shows it.
pub(super) fn shown(ds: &Ds) -> Value {
    let algorithm = ALGORITHMS.iter().find(|(_, number)| *number == ds.algorithm);
    let digest = DIGESTS.iter().find(|(_, number, _)| *number == ds.digest_type);
    json!({
        "algorithm": algorithm.map_or("UNKNOWN", |(word, _)| word),
        "keyTag": ds.key_tag,
        "digestType": digest.map_or("UNKNOWN", |(word, ..)| word),
        "digest": ds.digest.to_ascii_uppercase(),
    })
}

fn read(sent: &Value, at: usize) -> Result<Ds, Failure> {
    let wrong = |field: &str| {
        let path = format!("body[{at}].{field}");
        Failure::body(Field::new("INVALID_VALUE", "is not a known value", path))
    };
    let word = |field: &str| sent[field].as_str().ok_or_else(|| wrong(field));
    let algorithm = word("algorithm")?;
    let algorithm = ALGORITHMS.iter().find(|(known, _)| *known == algorithm);
    let digest_type = word("digestType")?;
    let digest_type = DIGESTS.iter().find(|(known, ..)| *known == digest_type);
    let (_, digest_type, length) = digest_type.ok_or_else(|| wrong("digestType"))?;
    let digest = word("digest")?.to_ascii_lowercase();
    if digest.len() != *length || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong("digest"));
    }
    let key_tag = sent["keyTag"].as_u64().and_then(|tag| u16::try_from(tag).ok());
    Ok(Ds {
        key_tag: key_tag.ok_or_else(|| wrong("keyTag"))?,
        algorithm: algorithm.ok_or_else(|| wrong("algorithm"))?.1,
        digest_type: *digest_type,
        digest,
    })
}
