//! Is an RRset signed by the keys of a zone?

use hickory_proto::dnssec::rdata::{DNSKEY, RRSIG};
use hickory_proto::dnssec::{PublicKey as _, Verifier as _};
use hickory_proto::rr::{Name, Record, RecordData as _, RecordType, SerialNumber};

/// How many signatures of one RRset are tried at most. Zones have one or two that fit; many that fit by key tag alone would
/// be an attack on our processor (CVE-2023-50387).
const MAX_TRIES: usize = 8;

/// Keys that may sign for a zone. Each was trusted before it came here.
#[derive(Debug, Clone)]
pub(super) struct ZoneKeys {
    pub(super) apex: Name,
    /// With their key tags: computing one for every signature would be slow.
    keys: Vec<(u16, DNSKEY)>,
}

/// What is known of an RRset whose signature is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    /// How long it may be kept (RFC 4035 section 5.3.3), in seconds.
    pub(super) ttl: u32,
    /// Labels of the owner that was signed, without `*`. Fewer than the owner has: the RRset comes from a wildcard.
    pub(super) labels: u8,
}

impl ZoneKeys {
    /// Takes the keys that may sign zone data: with the zone flag (RFC 4034 section 2.1.1), not revoked (RFC 5011).
    pub(super) fn new<'a>(apex: Name, keys: impl IntoIterator<Item = &'a DNSKEY>) -> Self {
        let usable = keys.into_iter().filter(|key| key.zone_key() && !key.revoke());
        let keys = usable
            .filter_map(|key| Some((key.calculate_key_tag().ok()?, key.clone())))
            .collect();
        Self { apex, keys }
    }

    /// Whether there is no key that may sign.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Checks one RRset of a section at the time `now` (UNIX seconds). An error says what is wrong, for people.
    pub(super) fn check(
        &self,
        name: &Name,
        rtype: RecordType,
        section: &[Record],
        now: u32,
    ) -> Result<Checked, String> {
        let set = || {
            section
                .iter()
                .filter(|record| record.record_type() == rtype && record.name == *name)
        };
        let first = set()
            .next()
            .ok_or_else(|| format!("{name} {rtype}: there is no such RRset"))?;
        let (time, mut tries, mut flaw) = (SerialNumber::new(now), 0, None);
        for (record, signature) in signatures(section, name, rtype) {
            let input = signature.input();
            if input.signer_name != self.apex || input.num_labels > name.num_labels() {
                continue;
            }
            let (from, until, tag) = (input.sig_inception, input.sig_expiration, input.key_tag);
            if time < from || time > until {
                let valid = format!("from {} to {}, and it is {now}", from.get(), until.get());
                flaw = Some(format!("the signature by key {tag} is valid {valid}"));
                continue;
            }
            let fitting = self
                .keys
                .iter()
                .filter(|(t, key)| *t == tag && key.public_key().algorithm() == input.algorithm);
            for (_, key) in fitting {
                tries += 1;
                if tries > MAX_TRIES {
                    return Err(format!("{name} {rtype}: too many signatures"));
                }
                if key.verify_rrsig(name, record.dns_class, signature, set()).is_ok() {
                    let ttl = set()
                        .map(|record| record.ttl)
                        .min()
                        .unwrap_or(first.ttl)
                        .min(record.ttl);
                    let ttl = ttl.min(input.original_ttl).min(until.get().wrapping_sub(now));
                    return Ok(Checked {
                        ttl,
                        labels: input.num_labels,
                    });
                }
                flaw = Some(format!("the signature by key {tag} is wrong"));
            }
            flaw.get_or_insert_with(|| {
                format!(
                    "the signature is by key {tag}, which is not a trusted key of {}",
                    self.apex
                )
            });
        }
        let flaw = flaw.unwrap_or_else(|| format!("there is no signature by {}", self.apex));
        Err(format!("{name} {rtype}: {flaw}"))
    }

    /// Whether the zone claims to have signed the RRset.
    pub(super) fn claims(&self, name: &Name, rtype: RecordType, section: &[Record]) -> bool {
        signatures(section, name, rtype).any(|(_, signature)| signature.input().signer_name == self.apex)
    }
}

fn signatures<'a>(
    section: &'a [Record],
    name: &'a Name,
    rtype: RecordType,
) -> impl Iterator<Item = (&'a Record, &'a RRSIG)> {
    let at_name = section.iter().filter(move |record| record.name == *name);
    let signatures = at_name.filter_map(|record| Some((record, RRSIG::try_borrow(&record.data)?)));
    signatures.filter(move |(_, signature)| signature.input().type_covered == rtype)
}
