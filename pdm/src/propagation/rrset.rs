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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::dnssec::crypto::EcdsaSigningKey;
    use hickory_proto::dnssec::rdata::{DNSSECRData, sig::SigInput};
    use hickory_proto::dnssec::{Algorithm, SigningKey, TBS};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{DNSClass, RData};

    use super::*;

    const NOW: u32 = 1_000_000;

    struct Signer {
        key: EcdsaSigningKey,
        dnskey: DNSKEY,
    }

    impl Signer {
        fn new(flags: u16) -> Self {
            let algorithm = Algorithm::ECDSAP256SHA256;
            let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm).expect("a key");
            let key = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm).expect("a key");
            let dnskey = DNSKEY::with_flags(flags, key.to_public_key().expect("a public key"));
            Self { key, dnskey }
        }

        /// Adds a signature over the A records of a name, valid for a minute before and after `NOW`.
        fn sign(&self, section: &mut Vec<Record>, owner: &Name, change: impl FnOnce(&mut SigInput)) {
            let mut input = SigInput {
                type_covered: RecordType::A,
                algorithm: Algorithm::ECDSAP256SHA256,
                num_labels: owner.num_labels(),
                original_ttl: 300,
                sig_expiration: SerialNumber::new(NOW + 60),
                sig_inception: SerialNumber::new(NOW - 60),
                key_tag: self.dnskey.calculate_key_tag().expect("a tag"),
                signer_name: zone(),
            };
            change(&mut input);
            let tbs = TBS::from_input(owner, DNSClass::IN, &input, section.iter()).expect("an RRset");
            let signature = RRSIG::from_sig(input, self.key.sign(&tbs).expect("a signature"));
            section.push(Record::from_rdata(
                owner.clone(),
                300,
                RData::DNSSEC(DNSSECRData::RRSIG(signature)),
            ));
        }

        fn keys(&self) -> ZoneKeys {
            ZoneKeys::new(zone(), [&self.dnskey])
        }
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn zone() -> Name {
        name("zone.")
    }

    fn addresses(owner: &Name) -> Vec<Record> {
        let record =
            |n, ttl| Record::from_rdata(owner.clone(), ttl, RData::A(A(Ipv4Addr::new(192, 0, 2, n))));
        vec![record(2, 200), record(1, 250)]
    }

    fn check(signer: &Signer, section: &[Record], owner: &Name, now: u32) -> Result<Checked, String> {
        signer.keys().check(owner, RecordType::A, section, now)
    }

    #[test]
    fn a_good_signature_tells_labels_and_how_long_to_keep() {
        let (signer, www) = (Signer::new(256), name("www.zone."));
        let mut section = addresses(&www);
        signer.sign(&mut section, &www, |_| {});
        assert_eq!(
            check(&signer, &section, &www, NOW),
            Ok(Checked { ttl: 60, labels: 2 })
        );
        assert_eq!(
            check(&signer, &section, &name("WWW.zone."), NOW - 60),
            Ok(Checked { ttl: 120, labels: 2 })
        );
        signer.sign(&mut section, &www, |input| {
            input.sig_expiration = SerialNumber::new(NOW + 9999);
        });
        section.remove(2);
        assert_eq!(
            check(&signer, &section, &www, NOW),
            Ok(Checked { ttl: 200, labels: 2 })
        );
        // Signed as *.zone.
        let mut section = addresses(&www);
        signer.sign(&mut section, &www, |input| input.num_labels = 1);
        assert_eq!(
            check(&signer, &section, &www, NOW).map(|checked| checked.labels),
            Ok(1)
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let (signer, www) = (Signer::new(256), name("www.zone."));
        let refused = |signer: &Signer, section: &[Record], now, reason: &str| {
            let flaw = check(signer, section, &www, now).expect_err(reason);
            assert!(flaw.contains(reason), "{flaw}");
        };
        let mut good = addresses(&www);
        signer.sign(&mut good, &www, |_| {});
        refused(&signer, &good[..2], NOW, "no signature by zone.");
        refused(&signer, &good[2..], NOW, "no such RRset");
        refused(&signer, &good[1..], NOW, "is wrong");
        refused(&signer, &good, NOW + 61, "is valid from");
        refused(&signer, &good, NOW - 61, "is valid from");
        refused(&Signer::new(256), &good, NOW, "not a trusted key");
        let mut other_zone = addresses(&www);
        signer.sign(&mut other_zone, &www, |input| input.signer_name = Name::root());
        refused(&signer, &other_zone, NOW, "no signature by zone.");
        let mut many = addresses(&www);
        for n in 0..20 {
            signer.sign(&mut many, &www, |input| input.original_ttl = n);
        }
        many.remove(0);
        refused(&signer, &many, NOW, "too many signatures");
    }

    #[test]
    fn keys_that_may_not_sign_zones_do_not_count() {
        let www = name("www.zone.");
        // No zone flag; revoked.
        for flags in [0x0000, 0x0001, 0x0180, 0x0181] {
            let signer = Signer::new(flags);
            let mut section = addresses(&www);
            signer.sign(&mut section, &www, |_| {});
            assert!(signer.keys().is_empty());
            check(&signer, &section, &www, NOW).expect_err("no key is usable");
        }
    }
}
