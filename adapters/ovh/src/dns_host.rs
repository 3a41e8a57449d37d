//! Single names in a zone that OVH hosts.
//!
//! Records are stored first and served after a refresh of the zone. Each edit is: read, refuse, store, refresh, wait until it is
//! deployed, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pdm_registrar::{
    Applied, Change, DnsHost, DomainName, Error, ErrorKind, HostedDelegation, NameserverSet, OwnerName,
    WantedDs, ZoneExport,
};

use crate::account::OvhAccount;
use crate::errors::{Meaning, if_there, in_the_middle};
use crate::records::{absolute, is_at, quote, real_type, sub_domain, unquote};
use crate::rules;
use crate::state::name;
use crate::tasks::Awaited;
use crate::wire::{NewRecord, Record};

/// TTL of a delegation, in seconds.
const DELEGATION_TTL: u32 = 3600;
/// TTL of texts, which are proofs that come and go: the least OVH takes, in seconds.
const TXT_TTL: u32 = 60;
/// How often a listed record is looked for that is not there: OVH's reads lag behind.
const READ_AGAIN: u32 = 10;
/// How often a written state is looked for that is not shown.
const CONFIRM: u32 = 4;
/// How often a refresh is sent that OVH does not take: it works on one at a time.
const REFRESHES: u32 = 4;

/// What is to be stored and removed, and what shall then be seen at the name.
struct Edit<'a> {
    zone: &'a DomainName,
    sub: String,
    create: Vec<NewRecord>,
    delete: Vec<Record>,
    /// What the records at the name shall be.
    wanted: Wanted,
}

enum Wanted {
    Nameservers(BTreeSet<DomainName>),
    Text { text: String, there: bool },
}

impl Wanted {
    fn holds(&self, zone: &DomainName, records: &[Record]) -> Result<bool, Error> {
        Ok(match self {
            Self::Nameservers(hosts) => nameservers(zone, records)?.keys().eq(hosts),
            Self::Text { text, there } => texts(records).any(|record| is_text(record, text)) == *there,
        })
    }
}

#[async_trait]
impl DnsHost for OvhAccount {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        let records = self.records_at(zone, &below(zone, name)?, None).await?;
        Ok(HostedDelegation {
            nameservers: nameservers(zone, &records)?.into_keys().collect(),
            ds: None,
            other_types: other_types(&records, "NS"),
        })
    }

    async fn delegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        wanted: &NameserverSet,
        ds: &WantedDs,
    ) -> Result<Change, Error> {
        let sub = below(zone, name)?;
        if !ds.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "OVHcloud's zones have no DS records; a delegation there can only be unsigned",
            ));
        }
        let records = self.records_at(zone, &sub, None).await?;
        refuse_others(name, &other_types(&records, "NS"))?;
        let present = nameservers(zone, &records)?;
        let create = wanted.iter().filter(|host| !present.contains_key(*host));
        let create = create.map(|host| NewRecord {
            field_type: "NS",
            sub_domain: sub.clone(),
            target: format!("{host}."),
            ttl: DELEGATION_TTL,
        });
        let edit = Edit {
            zone,
            create: create.collect(),
            delete: present
                .iter()
                .filter(|(host, _)| !wanted.contains(host))
                .flat_map(|(_, records)| records.iter().cloned())
                .collect(),
            sub: sub.clone(),
            wanted: Wanted::Nameservers(wanted.iter().cloned().collect()),
        };
        self.make(edit).await
    }

    async fn undelegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        ours: Option<&NameserverSet>,
    ) -> Result<Change, Error> {
        let sub = below(zone, name)?;
        let records = self.records_at(zone, &sub, None).await?;
        let present = nameservers(zone, &records)?;
        // A part of ours is what an earlier removal left that was cut in the middle.
        if let Some(foreign) = ours.and_then(|ours| present.keys().find(|host| !ours.contains(host))) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{name} is delegated to {foreign}, which is not ours; nothing was removed"),
            ));
        }
        let edit = Edit {
            zone,
            sub,
            create: Vec::new(),
            delete: present.into_values().flatten().collect(),
            wanted: Wanted::Nameservers(BTreeSet::new()),
        };
        self.make(edit).await
    }

    async fn put_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        let sub = sub_domain(zone, name.as_str())?;
        printable(value)?;
        let records = self.text_records_at(zone, &sub).await?;
        if records
            .iter()
            .any(|record| real_type(&record.field_type) == "CNAME")
        {
            return Err(Error::new(
                ErrorKind::WouldLoseData,
                format!("{name} is an alias (CNAME), beside which no other record may stand"),
            ));
        }
        let there = texts(&records).any(|record| is_text(record, value));
        let create = (!there).then(|| NewRecord {
            field_type: "TXT",
            sub_domain: sub.clone(),
            target: quote(value),
            ttl: TXT_TTL,
        });
        let edit = Edit {
            zone,
            create: create.into_iter().collect(),
            delete: Vec::new(),
            sub: sub.clone(),
            wanted: Wanted::Text {
                text: value.to_owned(),
                there: true,
            },
        };
        self.make(edit).await
    }

    async fn remove_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        let sub = sub_domain(zone, name.as_str())?;
        let records = self.text_records_at(zone, &sub).await?;
        let edit = Edit {
            zone,
            sub,
            create: Vec::new(),
            delete: texts(&records)
                .filter(|record| is_text(record, value))
                .cloned()
                .collect(),
            wanted: Wanted::Text {
                text: value.to_owned(),
                there: false,
            },
        };
        self.make(edit).await
    }

    async fn export(&self, zone: &DomainName) -> Result<ZoneExport, Error> {
        self.all_records(zone).await
    }
}

impl OvhAccount {
    /// The records whose owner is exactly `sub`.
    ///
    /// A record that is listed but not there was just made or just removed. Passing over it could make it twice, so that the list is
    /// read again until both agree.
    async fn records_at(
        &self,
        zone: &DomainName,
        sub: &str,
        rtype: Option<&str>,
    ) -> Result<Vec<Record>, Error> {
        for _ in 0..READ_AGAIN {
            let ids = self.client.record_ids(zone, Some(sub), rtype).await?;
            let mut records = Vec::new();
            for id in &ids {
                let Some(record) = if_there(self.client.record(zone, *id).await)? else {
                    break;
                };
                records.push(record);
            }
            if records.len() == ids.len() {
                records.retain(|record| is_at(record, sub));
                return Ok(records);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "OVHcloud lists records of the zone that it does not show yet",
        ))
    }

    /// At the apex only texts are asked for: an empty filter for the owner may find the whole zone.
    async fn text_records_at(&self, zone: &DomainName, sub: &str) -> Result<Vec<Record>, Error> {
        if !sub.is_empty() {
            return self.records_at(zone, sub, None).await;
        }
        let mut records = Vec::new();
        for rtype in ["TXT", "SPF"] {
            records.extend(self.records_at(zone, sub, Some(rtype)).await?);
        }
        Ok(records)
    }

    async fn make(&self, edit: Edit<'_>) -> Result<Change, Error> {
        let zone = edit.zone;
        if edit.create.is_empty() && edit.delete.is_empty() && self.is_served(zone).await? {
            return Ok(Change::Unchanged);
        }
        self.demand(&rules::change_records(zone)).await?;
        self.store(&edit).await?;
        self.unserved().insert(zone.clone());
        self.serve(zone).await?;
        self.unserved().remove(zone);
        for _ in 0..CONFIRM {
            // What was written stays written when it cannot be read now.
            let shown = match edit.wanted {
                Wanted::Nameservers(_) => self.records_at(zone, &edit.sub, Some("NS")).await,
                Wanted::Text { .. } => self.text_records_at(zone, &edit.sub).await,
            };
            let shown = shown.map_err(Error::maybe_applied)?;
            if edit.wanted.holds(zone, &shown)? {
                return self.follow(zone, &Awaited::Deployed { zone: zone.clone() }).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Err(Error::new(
            ErrorKind::Unexpected,
            "OVHcloud took the change of the zone, but shows other records",
        )
        .maybe_applied())
    }

    /// Stores what is new before it removes what is old: a delegation is never empty in between.
    async fn store(&self, edit: &Edit<'_>) -> Result<(), Error> {
        let zone = edit.zone;
        let mut written = false;
        for record in &edit.create {
            if let Err(failure) = self.client.create_record(zone, record).await {
                let error = in_the_middle(failure.error, written);
                // Sent again it would stand there twice; whether it is there is read.
                if error.applied == Applied::No || !self.is_stored(edit, record).await {
                    return Err(self.half_done(edit, error));
                }
            }
            written = true;
        }
        for record in &edit.delete {
            match self.client.delete_record(zone, record.id).await {
                Err(failure) if failure.meaning != Meaning::NoObject => {
                    let error = in_the_middle(failure.error, written);
                    let gone = error.applied != Applied::No
                        && matches!(if_there(self.client.record(zone, record.id).await), Ok(None));
                    if !gone {
                        return Err(self.half_done(edit, error));
                    }
                }
                _ => {}
            }
            written = true;
        }
        Ok(())
    }

    /// Whatever was stored is not served yet, and the next edit of the zone has to see to it.
    fn half_done(&self, edit: &Edit<'_>, error: Error) -> Error {
        if error.applied != Applied::No {
            self.unserved().insert(edit.zone.clone());
        }
        error
    }

    async fn is_stored(&self, edit: &Edit<'_>, new: &NewRecord) -> bool {
        let records = self.records_at(edit.zone, &edit.sub, Some(new.field_type)).await;
        let same = |record: &Record| match new.field_type {
            "TXT" => unquote(&record.target) == unquote(&new.target),
            _ => absolute(&record.target, edit.zone.as_str()) == new.target,
        };
        records.is_ok_and(|records| records.iter().any(same))
    }

    /// Whether what is stored is served, as far as can be seen.
    async fn is_served(&self, zone: &DomainName) -> Result<bool, Error> {
        if self.unserved().contains(zone) {
            return Ok(false);
        }
        match self.client.zone_status(zone).await {
            // A zone with errors does not become better by another refresh.
            Ok(status) => Ok(status.is_deployed || status.errors.is_some_and(|errors| !errors.is_empty())),
            Err(failure) if failure.error.kind == ErrorKind::ScopeMissing => Ok(true),
            Err(failure) => Err(failure.error),
        }
    }

    /// Has the stored records served. A refresh may be repeated at will.
    async fn serve(&self, zone: &DomainName) -> Result<(), Error> {
        let mut wait = Duration::from_secs(1);
        for attempt in 1.. {
            let Err(failure) = self.client.refresh(zone).await else {
                break;
            };
            let passing = matches!(failure.error.kind, ErrorKind::Unavailable | ErrorKind::Conflict);
            if !passing || attempt == REFRESHES {
                let mut error = failure.error.maybe_applied();
                error.detail = format!(
                    "the records are stored, but not served yet; ask again. {}",
                    error.detail
                );
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(())
    }

    fn unserved(&self) -> MutexGuard<'_, BTreeSet<DomainName>> {
        self.unserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn below(zone: &DomainName, name: &DomainName) -> Result<String, Error> {
    if name == zone {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            "a zone is delegated at its registrar, not in itself",
        ));
    }
    sub_domain(zone, name.as_str())
}

/// The hosts that NS records name, each with its records.
fn nameservers(zone: &DomainName, records: &[Record]) -> Result<BTreeMap<DomainName, Vec<Record>>, Error> {
    let mut hosts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in records
        .iter()
        .filter(|record| real_type(&record.field_type) == "NS")
    {
        let host = name(&absolute(&record.target, zone.as_str()))?;
        hosts.entry(host).or_default().push(record.clone());
    }
    Ok(hosts)
}

fn other_types(records: &[Record], but: &str) -> BTreeSet<String> {
    let types = records.iter().map(|record| real_type(&record.field_type));
    types.filter(|rtype| rtype != but).collect()
}

fn refuse_others(name: &DomainName, others: &BTreeSet<String>) -> Result<(), Error> {
    if others.is_empty() {
        return Ok(());
    }
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    Err(Error::new(
        ErrorKind::WouldLoseData,
        format!(
            "{name} has records that a delegation would hide: {}",
            others.join(", ")
        ),
    ))
}

fn texts(records: &[Record]) -> impl Iterator<Item = &Record> {
    records
        .iter()
        .filter(|record| real_type(&record.field_type) == "TXT")
}

fn is_text(record: &Record, text: &str) -> bool {
    unquote(&record.target) == text.as_bytes()
}

/// How OVH takes other octets is not documented.
fn printable(value: &str) -> Result<(), Error> {
    if value.is_empty() || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            "a text for OVHcloud has one or more printable ASCII characters",
        ));
    }
    Ok(())
}
