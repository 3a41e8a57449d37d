//! The zone of a name on our servers.

use std::collections::{BTreeMap, BTreeSet};

use pdm_registrar::{DomainName, DsRecord};
use powerdns_client::{
    CanonicalName, Ds, Error, KeyType, NewCryptoKey, NewZone, RecordType, Rrset, RrsetChange, Zone,
};

use super::content::comparable;
use super::servers::ServerSet;
use super::{canonical, owner};
use crate::domain::zone_plan::{ZonePlan, ZoneTtls};

/// What is on the servers under a name.
pub enum ZoneSeen {
    /// Nothing.
    Absent,
    /// A zone without our marker.
    Foreign {
        /// What stands where our marker would.
        account: String,
    },
    /// A zone with our marker.
    Ours(Box<OwnZone>),
}

/// A zone of ours as the API shows it.
pub struct OwnZone {
    /// The serial that is served.
    pub serial: u32,
    /// Whether signing is on.
    pub dnssec: bool,
    zone: Zone,
}

/// How a zone differs from its plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Owner and type of sets that are missing or hold something else.
    pub wrong: Vec<String>,
    /// Owner and type of sets that should not be there.
    pub extra: Vec<String>,
}

impl Difference {
    /// Whether there is none.
    pub const fn is_none(&self) -> bool {
        self.wrong.is_empty() && self.extra.is_empty()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |sets: &[String]| sets.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        match (self.wrong.len(), self.extra.len()) {
            (0, 0) => f.write_str("as planned"),
            (wrong, 0) => write!(f, "{wrong} record sets differ: {}", list(&self.wrong)),
            (0, extra) => write!(f, "{extra} record sets too many: {}", list(&self.extra)),
            (wrong, extra) => write!(f, "{wrong} record sets differ and {extra} are too many"),
        }
    }
}

/// Access to the zones of names.
#[derive(Clone)]
pub struct Zones {
    servers: ServerSet,
    ttls: ZoneTtls,
}

impl Zones {
    /// Zones on these servers.
    pub const fn new(servers: ServerSet, ttls: ZoneTtls) -> Self {
        Self { servers, ttls }
    }

    /// The servers.
    pub const fn servers(&self) -> &ServerSet {
        &self.servers
    }

    /// Creates the zone complete, signed and marked, in one request, and answers what the server then read from its
    /// database.
    pub async fn create(&self, plan: &ZonePlan, marker: &str) -> Result<OwnZone, Error> {
        let name = canonical(plan.apex.as_str());
        let mut zone = NewZone::new(name.clone());
        marker.clone_into(&mut zone.account);
        zone.rrsets = vec![self.soa(&name, plan)];
        zone.rrsets
            .extend(plan.sets.keys().map(|key| planned_rrset(plan, key)));
        let created = self
            .servers
            .change(&name, |client| {
                let zone = &zone;
                async move { client.create_and_read_zone(zone).await }
            })
            .await?;
        Ok(created.into())
    }

    /// What is there under the name.
    pub async fn look(&self, name: &DomainName, marker: &str) -> Result<ZoneSeen, Error> {
        let name = canonical(name.as_str());
        let zone = self
            .servers
            .first(|client| {
                let name = &name;
                async move { client.zone(name).await }
            })
            .await?;
        Ok(match zone {
            None => ZoneSeen::Absent,
            Some(zone) if zone.properties.account != marker => ZoneSeen::Foreign {
                account: zone.properties.account,
            },
            Some(zone) => ZoneSeen::Ours(Box::new(zone.into())),
        })
    }

    /// The same without the records: cheaper, for a look before the zone is removed.
    pub async fn marker_of(&self, name: &DomainName) -> Result<Option<String>, Error> {
        let name = canonical(name.as_str());
        let seen = self
            .servers
            .first(|client| {
                let name = &name;
                async move { client.zone_properties(name).await }
            })
            .await?;
        Ok(seen.map(|properties| properties.account))
    }

    /// The SHA-256 DS of every key that signs and is published.
    pub async fn ds(&self, name: &DomainName) -> Result<Vec<DsRecord>, Error> {
        let name = canonical(name.as_str());
        let keys = self
            .servers
            .first(|client| {
                let name = &name;
                async move { client.cryptokeys(name).await }
            })
            .await?;
        Ok(keys
            .iter()
            .filter(|key| key.active && key.published)
            .filter_map(|key| key.ds_of_type(Ds::SHA256))
            .filter_map(|ds| DsRecord::new(ds.key_tag(), ds.algorithm(), ds.digest_type(), ds.digest()).ok())
            .collect())
    }

    /// Makes the zone hold exactly its plan: one PATCH with what differs, or nothing.
    pub async fn apply(&self, plan: &ZonePlan, zone: &OwnZone) -> Result<(), Error> {
        let changes = zone.changes(plan);
        if changes.is_empty() {
            return Ok(());
        }
        let name = canonical(plan.apex.as_str());
        self.servers
            .change(&name, |client| {
                let (name, changes) = (&name, &changes);
                async move { client.patch_rrsets(name, changes).await }
            })
            .await
    }

    /// Adds a signing key to a zone that has none.
    pub async fn add_key(&self, name: &DomainName) -> Result<(), Error> {
        let name = canonical(name.as_str());
        let key = NewCryptoKey {
            keytype: KeyType::Csk,
            active: true,
            published: true,
            algorithm: "ECDSAP256SHA256".to_owned(),
        };
        self.servers
            .first(|client| {
                let (name, key) = (&name, &key);
                async move { client.create_cryptokey(name, key).await }
            })
            .await?;
        // Its own caches, too: they hold the keys that a zone had.
        self.servers.flush(&name).await;
        Ok(())
    }

    /// Removes the zone with its keys; false when there was none.
    pub async fn delete(&self, name: &DomainName) -> Result<bool, Error> {
        let name = canonical(name.as_str());
        self.servers
            .change(&name, |client| {
                let name = &name;
                async move { client.delete_zone(name).await }
            })
            .await
    }

    fn soa(&self, name: &CanonicalName, plan: &ZonePlan) -> Rrset {
        let ns = canonical(NsKey::of(plan).next().expect("a plan has name servers"));
        let (ttl, minimum) = (self.ttls.soa, self.ttls.soa_minimum);
        let content = format!(
            "{} hostmaster.{} 1 10800 3600 604800 {minimum}",
            ns.as_str(),
            name.as_str()
        );
        Rrset::new(name.clone(), RecordType::SOA, ttl, [content])
    }
}

/// The hosts of a plan's apex NS, without final dots.
struct NsKey;

impl NsKey {
    fn of(plan: &ZonePlan) -> impl Iterator<Item = &str> {
        let apex = plan.apex.as_str();
        plan.sets
            .iter()
            .filter(move |((owner, rtype), _)| {
                owner.as_str() == apex && *rtype == crate::domain::records::RecordType::Ns
            })
            .flat_map(|(_, set)| set.values.iter().map(|host| host.trim_end_matches('.')))
    }
}

fn planned_rrset(plan: &ZonePlan, key: &crate::domain::zone_plan::SetKey) -> Rrset {
    let set = &plan.sets[key];
    let rtype: RecordType = key.1.as_str().parse().expect("our types are types of PowerDNS");
    Rrset::new(
        canonical(key.0.as_str()),
        rtype,
        set.ttl,
        set.values.iter().cloned(),
    )
}

impl From<Zone> for OwnZone {
    fn from(zone: Zone) -> Self {
        Self {
            serial: zone.properties.edited_serial,
            dnssec: zone.properties.dnssec,
            zone,
        }
    }
}

impl OwnZone {
    /// The TTL of the apex NS as the zone has it.
    pub fn ns_ttl(&self) -> Option<u32> {
        let apex = &self.zone.properties.name;
        self.zone
            .rrsets
            .iter()
            .find(|set| set.name == *apex && set.rtype == RecordType::NS)
            .map(|set| set.ttl)
    }

    /// Whether the zone has the records that PowerDNS needs to answer at all.
    pub fn has_soa(&self) -> bool {
        self.zone.rrsets.iter().any(|set| set.rtype == RecordType::SOA)
    }

    /// How it differs from its plan.
    pub fn difference(&self, plan: &ZonePlan) -> Difference {
        let mut difference = Difference::default();
        let have = self.by_key();
        for ((owner, rtype), set) in &plan.sets {
            let same = have
                .get(&(owner.as_str().to_owned(), rtype.as_str().to_owned()))
                .is_some_and(|rrset| {
                    let seen: BTreeSet<String> = rrset
                        .contents()
                        .map(|content| comparable(rtype.as_str(), content))
                        .collect();
                    let want: BTreeSet<String> = set
                        .values
                        .iter()
                        .map(|value| comparable(rtype.as_str(), value))
                        .collect();
                    rrset.ttl == set.ttl && seen == want
                });
            if !same {
                difference.wrong.push(format!("{owner} {rtype}"));
            }
        }
        for (owner, rtype) in have.keys() {
            let planned = plan
                .sets
                .keys()
                .any(|(o, t)| o.as_str() == owner && t.as_str() == rtype);
            if !planned {
                difference.extra.push(format!("{owner} {rtype}"));
            }
        }
        difference
    }

    /// Record sets by owner and type, without SOA.
    fn by_key(&self) -> BTreeMap<(String, String), &Rrset> {
        self.zone
            .rrsets
            .iter()
            .filter(|set| set.rtype != RecordType::SOA)
            .map(|set| {
                let name = owner(&set.name)
                    .map_or_else(|| set.name.as_str().to_owned(), |owner| owner.as_str().to_owned());
                ((name, set.rtype.as_str().to_owned()), set)
            })
            .collect()
    }

    fn changes(&self, plan: &ZonePlan) -> Vec<RrsetChange> {
        let difference = self.difference(plan);
        let mut changes = Vec::new();
        for key in plan.sets.keys() {
            if difference.wrong.contains(&format!("{} {}", key.0, key.1)) {
                changes.push(RrsetChange::Replace(planned_rrset(plan, key)));
            }
        }
        for ((owner, rtype), set) in self.by_key() {
            if difference.extra.contains(&format!("{owner} {rtype}")) {
                changes.push(RrsetChange::Delete {
                    name: set.name.clone(),
                    rtype: set.rtype.clone(),
                });
            }
        }
        changes
    }
}
