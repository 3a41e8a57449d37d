//! Keys at the registry. OVH takes DNSKEYs and makes the DS of them.

use std::collections::BTreeSet;

use pdm_registrar::{
    Applied, Change, DigestType, Dnskey, DomainName, DsRecord, Error, ErrorKind, Mode, WantedDs,
};

use crate::account::OvhAccount;
use crate::errors::{Meaning, if_in_account, if_there};
use crate::rules;
use crate::tasks::{Awaited, KEYS};

/// Most keys of a domain, as OVH's own Terraform provider has it.
const MOST: usize = 4;
/// Algorithms OVH takes (schema, `dnssec.KeyAlgorithmEnum`).
const ALGORITHMS: [u8; 7] = [5, 7, 8, 10, 13, 14, 15];

/// The keys OVH shows for a domain, with the SHA-256 DS of each.
pub(crate) struct Keys(Vec<Shown>);

struct Shown {
    key: Dnskey,
    ds: DsRecord,
    /// The registry is told of it; a key that is only generated is on its way at most.
    live: bool,
}

impl Keys {
    /// DS the registry is told of.
    pub(crate) fn live(&self) -> BTreeSet<DsRecord> {
        self.0
            .iter()
            .filter(|shown| shown.live)
            .map(|shown| shown.ds.clone())
            .collect()
    }

    /// The keys of those.
    pub(crate) fn live_keys(&self) -> Vec<Dnskey> {
        self.0
            .iter()
            .filter(|shown| shown.live)
            .map(|shown| shown.key.clone())
            .collect()
    }

    /// With those on their way.
    fn all(&self) -> BTreeSet<DsRecord> {
        self.0.iter().map(|shown| shown.ds.clone()).collect()
    }
}

impl OvhAccount {
    /// Reads the keys. Those that are removed or revoked are history.
    pub(crate) async fn ds_of(&self, domain: &DomainName) -> Result<Keys, Error> {
        let mut keys = Vec::new();
        for id in self.client.ds_ids(domain).await? {
            let Some(key) = if_there(self.client.ds_key(domain, id).await)? else {
                continue;
            };
            let status = key.status.as_deref().unwrap_or("active");
            if matches!(status, "removed" | "revoked") {
                continue;
            }
            let live = status != "generated";
            let key = Dnskey::new(key.flags, key.algorithm, &key.public_key).map_err(|error| {
                Error::new(
                    ErrorKind::Unexpected,
                    format!("OVHcloud shows a key that is none: {error}"),
                )
            })?;
            let ds = sha256(&key, domain)?;
            keys.push(Shown { key, ds, live });
        }
        Ok(Keys(keys))
    }

    /// Makes `wanted` the DS of the domain.
    pub(crate) async fn change_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error> {
        let keys = keys_for(domain, wanted)?;
        let seen = self.look_at(domain).await?;
        let shown = self.ds_of(domain).await?;
        let signed_here = seen.mode() != Mode::External;
        if signed_here && wanted.is_empty() && (seen.signed_by_vendor() || !shown.all().is_empty()) {
            if let Some(error) = seen.barred() {
                return Err(error);
            }
            let change = self.sign_zone(domain, false).await?;
            if change != Change::Unchanged {
                return Ok(change);
            }
            // What is left are keys that OVH's own signing has nothing to do with.
        }
        let same = shown.live() == *wanted.ds() && shown.all() == *wanted.ds();
        if let Some(task) = self.open_task(domain, KEYS).await? {
            return if shown.all() == *wanted.ds() {
                self.follow(domain, &awaited(task, wanted)).await
            } else {
                Err(Error::new(
                    ErrorKind::Conflict,
                    format!("OVHcloud is still at another change of this domain's keys (task {task})"),
                ))
            };
        }
        if same {
            return Ok(Change::Unchanged);
        }
        if let Some(error) = seen.barred() {
            return Err(error);
        }
        if signed_here && !wanted.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "while OVHcloud serves the domain it takes no keys of others; change the name servers first",
            ));
        }
        if !wanted.is_empty() && !seen.dnssec_possible() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "OVHcloud does not offer DNSSEC for this domain's registry",
            ));
        }
        self.demand(&rules::change_ds(domain)).await?;
        let task = match self.client.update_ds(domain, &keys).await {
            Ok(task) => task.map(|task| task.id).unwrap_or_default(),
            Err(failure) => {
                let shown = match failure.error.applied {
                    Applied::No => None,
                    Applied::Yes | Applied::Unknown => self.ds_of(domain).await.ok(),
                };
                if shown.is_none_or(|shown| shown.all() != *wanted.ds()) {
                    return Err(failure.error);
                }
                0
            }
        };
        self.follow(domain, &awaited(self.numbered(domain, KEYS, task).await, wanted))
            .await
    }

    /// Has OVH sign its zone of the domain, or not. Without a zone here, there is nothing that signs.
    pub(crate) async fn sign_zone(&self, zone: &DomainName, on: bool) -> Result<Change, Error> {
        let awaited = Awaited::ZoneSigned {
            zone: zone.clone(),
            on,
        };
        let status = if_in_account(self.client.zone_dnssec(zone).await)?.map(|dnssec| dnssec.status);
        match (status.as_deref(), on) {
            (None | Some("disabled"), false) | (Some("enabled"), true) => {
                return Ok(Change::Unchanged);
            }
            (Some("disableInProgress"), false) | (Some("enableInProgress"), true) => {
                return self.follow(zone, &awaited).await;
            }
            (None, true) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "OVHcloud has no zone of this domain to sign",
                ));
            }
            (Some("enabled"), false) | (Some("disabled"), true) => {}
            (Some(_), _) => {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "OVHcloud is still at another change of the zone's DNSSEC",
                ));
            }
        }
        self.demand(&rules::sign_zone(zone, on)).await?;
        match self.client.set_zone_dnssec(zone, on).await {
            // "Dnssec seems not activated": it is off.
            Err(failure) if !on && failure.meaning == Meaning::NoObject => self.follow(zone, &awaited).await,
            Err(failure) if failure.error.applied == Applied::No => Err(failure.error),
            Err(failure) => match self.follow(zone, &awaited).await {
                Ok(Change::Applied) => Ok(Change::Applied),
                _ => Err(failure.error),
            },
            Ok(()) => self.follow(zone, &awaited).await,
        }
    }
}

/// The keys that `wanted` were made from, or why OVH cannot be told so.
pub(crate) fn keys_for<'a>(domain: &DomainName, wanted: &'a WantedDs) -> Result<Vec<&'a Dnskey>, Error> {
    let refuse = |kind, detail: String| Err(Error::new(kind, detail));
    if wanted.ds().len() > MOST {
        let detail = format!(
            "a domain at OVHcloud has at most {MOST} keys, not {}",
            wanted.ds().len()
        );
        return refuse(ErrorKind::InvalidRequest, detail);
    }
    let mut keys = Vec::new();
    for ds in wanted.ds() {
        if ds.digest_type() != DigestType::Sha256 {
            let detail = format!(
                "OVHcloud makes the digests itself, and not of type {}",
                ds.digest_type().number()
            );
            return refuse(ErrorKind::Unsupported, detail);
        }
        if !ALGORITHMS.contains(&ds.algorithm()) {
            let detail = format!("OVHcloud does not take keys of algorithm {}", ds.algorithm());
            return refuse(ErrorKind::Unsupported, detail);
        }
        let Some(key) = wanted.key_of(domain, ds) else {
            let detail = format!(
                "OVHcloud takes keys instead of DS: the DNSKEY of the DS with tag {} is missing",
                ds.key_tag()
            );
            return refuse(ErrorKind::InvalidRequest, detail);
        };
        keys.push(key);
    }
    Ok(keys)
}

fn sha256(key: &Dnskey, domain: &DomainName) -> Result<DsRecord, Error> {
    key.ds(domain, DigestType::Sha256)
        .ok_or_else(|| Error::new(ErrorKind::Unexpected, "OVHcloud shows a key that has no DS"))
}

fn awaited(task: u64, wanted: &WantedDs) -> Awaited {
    Awaited::Ds {
        task,
        ds: wanted.ds().clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> DomainName {
        DomainName::parse("example.com").unwrap()
    }

    fn key(algorithm: u8, seed: &str) -> Dnskey {
        Dnskey::new(257, algorithm, seed).unwrap()
    }

    fn refusal(ds: &[DsRecord], keys: &[Dnskey]) -> ErrorKind {
        let wanted = WantedDs::new(ds.iter().cloned(), keys.iter().cloned());
        keys_for(&domain(), &wanted).unwrap_err().kind
    }

    #[test]
    fn a_ds_is_sent_as_the_key_it_was_made_of() {
        let (ours, other) = (key(13, "AAAA"), key(13, "BBBB"));
        let ds = sha256(&ours, &domain()).unwrap();
        let wanted = WantedDs::new([ds], [other, ours.clone()]);
        assert_eq!(keys_for(&domain(), &wanted).unwrap(), [&ours]);
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let ours = key(13, "AAAA");
        let ds = sha256(&ours, &domain()).unwrap();
        assert_eq!(refusal(&[ds], &[key(13, "BBBB")]), ErrorKind::InvalidRequest);
        let sha384 = ours.ds(&domain(), DigestType::Sha384).unwrap();
        assert_eq!(refusal(&[sha384], &[ours]), ErrorKind::Unsupported);
        let ed448 = key(16, "AAAA");
        assert_eq!(
            refusal(&[sha256(&ed448, &domain()).unwrap()], &[ed448]),
            ErrorKind::Unsupported
        );
        let many: Vec<_> = ["AAAA", "BBBB", "CCCC", "DDDD", "EEEE"]
            .map(|seed| key(13, seed))
            .into();
        let ds: Vec<_> = many.iter().map(|key| sha256(key, &domain()).unwrap()).collect();
        assert_eq!(refusal(&ds, &many), ErrorKind::InvalidRequest);
    }
}
