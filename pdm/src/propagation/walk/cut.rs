//! From one zone into the next: what the parent has signed of the child, and the child's keys.

use std::sync::Arc;

use hickory_proto::dnssec::rdata::{DNSKEY, DS};
use hickory_proto::dnssec::{DigestType, PublicKey as _};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordData, RecordType};

use super::super::ask::Answer;
use super::super::denial::{NoDs, Proofs, depth};
use super::super::rrset::ZoneKeys;
use super::run::{Run, Stop};
use super::zone::{Reply, Servers, Trust, Zone};

/// What a parent says of a name, signed.
enum Cut {
    /// It is delegated to whoever has one of these keys.
    Signed(Vec<DS>),
    /// It is, or may be, delegated unsigned: why.
    Unsigned(&'static str),
    /// It is not delegated.
    None,
}

impl Run<'_> {
    /// The root, under the trust anchors.
    pub(super) async fn root(&mut self) -> Result<usize, Stop> {
        let apex = Name::root();
        let root = self.add(apex.clone(), Trust::Unchecked, self.root_servers());
        let anchors = self.anchors();
        let keys = self
            .keys_of(root, |key| anchors.trust(key), "no key is a trust anchor")
            .await?;
        self.zones[root].trust = Trust::Keys(Arc::new(keys));
        Ok(root)
    }

    /// When `zone` is signed, and its server has answered without its signature, the server hosts a zone below that is on the
    /// way to `name`: that zone, proven by `zone`. `None`: the answer is this zone's own.
    pub(super) async fn hosted_below(
        &mut self,
        zone: usize,
        name: &Name,
        rtype: RecordType,
        answer: &Answer,
    ) -> Result<Option<usize>, Stop> {
        let Zone {
            apex,
            trust: Trust::Keys(keys),
            ..
        } = &self.zones[zone]
        else {
            return Ok(None);
        };
        if speaks_for_itself(keys, name, rtype, answer) {
            return Ok(None);
        }
        // DS of the name itself would be this zone's own data.
        let deepest = depth(name).saturating_sub(usize::from(rtype == RecordType::DS));
        let apex = apex.clone();
        for labels in depth(&apex) + 1..=deepest {
            let label = name.trim_to(labels);
            let (cut, _) = self.cut_at(zone, &label).await?;
            if !matches!(cut, Cut::None) {
                let servers = self.zones[zone].servers.clone();
                return self.open(zone, label, cut, servers).await.map(Some);
            }
        }
        Ok(None)
    }

    /// Crosses the cut that a server of `parent` has referred to.
    pub(super) async fn follow(
        &mut self,
        parent: usize,
        cut: Name,
        referral: &Answer,
    ) -> Result<usize, Stop> {
        let servers = Servers::of_referral(&self.zones[parent].apex, &cut, referral);
        let Zone { apex, trust, .. } = &self.zones[parent];
        let keys = match trust {
            Trust::Keys(keys) => keys,
            unsigned => {
                let trust = unsigned.clone();
                return Ok(self.add(cut, trust, servers));
            }
        };
        let (above, keys) = (depth(apex), Arc::clone(keys));
        // Names between that the zone denies would make resolvers that ask label by label (RFC 9156) stop there.
        for labels in above + 1..depth(&cut) {
            let between = cut.trim_to(labels);
            let (found, reply) = self.cut_at(parent, &between).await?;
            match found {
                Cut::None => {}
                Cut::Unsigned(_) => return self.open(parent, cut, found, servers).await,
                Cut::Signed(_) => {
                    let reason = format!("there is a delegation of {cut} below the one of {between}");
                    return Err(Stop::bogus(reason, &keys.apex, &reply));
                }
            }
        }
        // A referral usually brings the DS along, signed as well as if it had been asked for.
        if has(referral.authorities(), &cut, RecordType::DS) {
            keys.check(&cut, RecordType::DS, referral.authorities(), self.now)
                .map_err(|reason| Stop::bogus(reason, &keys.apex, referral))?;
            let found = Cut::Signed(read(referral.authorities(), &cut));
            return self.open(parent, cut, found, servers).await;
        }
        let (found, reply) = self.cut_at(parent, &cut).await?;
        if matches!(found, Cut::None) {
            let reason = format!("there is a referral to {cut}, and it is proven to be no delegation");
            return Err(Stop::bogus(reason, &keys.apex, &reply));
        }
        self.open(parent, cut, found, servers).await
    }

    /// Asks a signed zone for the DS of a name inside it.
    async fn cut_at(&mut self, zone: usize, name: &Name) -> Result<(Cut, Answer), Stop> {
        let (reply, answer) = self.ask(zone, name, RecordType::DS, 0).await?;
        let Zone { apex, trust, .. } = &self.zones[zone];
        let Trust::Keys(keys) = trust else {
            unreachable!("only signed zones are asked for DS")
        };
        let bogus = |reason| Stop::bogus(reason, apex, &answer);
        if let Reply::Referral(other) = reply {
            return Err(bogus(format!(
                "asked for the DS of {name}, the server refers to {other}"
            )));
        }
        if has(answer.answers(), name, RecordType::DS) {
            keys.check(name, RecordType::DS, answer.answers(), self.now)
                .map_err(bogus)?;
            return Ok((Cut::Signed(read(answer.answers(), name)), answer));
        }
        if has(answer.answers(), name, RecordType::CNAME) {
            keys.check(name, RecordType::CNAME, answer.answers(), self.now)
                .map_err(bogus)?;
            return Ok((Cut::None, answer));
        }
        let proofs = Proofs::read(keys, answer.authorities(), self.now).map_err(bogus)?;
        if answer.rcode() == ResponseCode::NXDomain {
            return Err(bogus(format!(
                "there is an answer from below {name}, and {name} does not exist"
            )));
        }
        let cut = match proofs.no_ds(name).map_err(bogus)? {
            NoDs::Unsigned(why) => Cut::Unsigned(why),
            NoDs::NotACut => Cut::None,
        };
        Ok((cut, answer))
    }

    /// Adds the zone at a proven cut; where the parent has DS, under the keys that they name.
    async fn open(&mut self, parent: usize, apex: Name, cut: Cut, servers: Servers) -> Result<usize, Stop> {
        self.zones[parent].led_on = true;
        let digests = match cut {
            Cut::Signed(digests) => digests,
            Cut::Unsigned(why) => {
                let reason = format!("{apex}: {why}");
                return Ok(self.add(apex, Trust::Insecure(reason), servers));
            }
            Cut::None => unreachable!("callers have found a cut"),
        };
        let digests = strongest(digests);
        if digests.is_empty() {
            let reason = format!("{apex}: its DS records have no algorithm and digest that we know");
            return Ok(self.add(apex, Trust::Insecure(reason), servers));
        }
        let zone = self.add(apex.clone(), Trust::Unchecked, servers);
        let named = |key: &DNSKEY| {
            let tag = key.calculate_key_tag().ok();
            digests.iter().any(|ds| {
                Some(ds.key_tag()) == tag
                    && ds.algorithm() == key.public_key().algorithm()
                    && ds.covers(&apex, key).unwrap_or(false)
            })
        };
        let keys = self
            .keys_of(zone, named, "no key fits the DS records of the parent")
            .await?;
        self.zones[zone].trust = Trust::Keys(Arc::new(keys));
        Ok(zone)
    }

    /// The keys at the apex of a zone, signed by those among them that are trusted already.
    async fn keys_of(
        &mut self,
        zone: usize,
        trusted: impl Fn(&DNSKEY) -> bool,
        otherwise: &str,
    ) -> Result<ZoneKeys, Stop> {
        let apex = self.zones[zone].apex.clone();
        let (_, answer) = self.ask(zone, &apex, RecordType::DNSKEY, 0).await?;
        let all: Vec<DNSKEY> = read(answer.answers(), &apex);
        let signers = ZoneKeys::new(apex.clone(), all.iter().filter(|key| trusted(key)));
        if signers.is_empty() {
            return Err(Stop::bogus(format!("{apex}: {otherwise}"), &apex, &answer));
        }
        signers
            .check(&apex, RecordType::DNSKEY, answer.answers(), self.now)
            .map_err(|reason| Stop::bogus(reason, &apex, &answer))?;
        Ok(ZoneKeys::new(apex, &all))
    }
}

/// Whether an answer is the zone's own: it has signed it, or names itself in the SOA of a denial.
fn speaks_for_itself(keys: &ZoneKeys, name: &Name, rtype: RecordType, answer: &Answer) -> bool {
    let positive = [rtype, RecordType::CNAME]
        .into_iter()
        .find(|wanted| has(answer.answers(), name, *wanted));
    match positive {
        Some(present) => keys.claims(name, present, answer.answers()),
        None => answer
            .authorities()
            .iter()
            .filter(|record| record.record_type() == RecordType::SOA)
            .all(|soa| soa.name == keys.apex),
    }
}

fn has(section: &[Record], name: &Name, rtype: RecordType) -> bool {
    section
        .iter()
        .any(|record| record.record_type() == rtype && record.name == *name)
}

/// The data of an RRset.
fn read<T: RecordData + Clone>(section: &[Record], name: &Name) -> Vec<T> {
    let at_name = section.iter().filter(|record| record.name == *name);
    at_name
        .filter_map(|record| T::try_borrow(&record.data).cloned())
        .collect()
}

/// The DS records that we can use; SHA-1 digests only where there is nothing better (RFC 4509 section 3).
fn strongest(mut digests: Vec<DS>) -> Vec<DS> {
    digests.retain(|ds| ds.algorithm().is_supported() && ds.digest_type().is_supported());
    if digests.iter().any(|ds| ds.digest_type() != DigestType::SHA1) {
        digests.retain(|ds| ds.digest_type() != DigestType::SHA1);
    }
    digests
}
