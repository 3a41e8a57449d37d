//! A domain put back as it was: name servers, the records of a zone that GoDaddy hosted, and DS.

use std::collections::{BTreeMap, BTreeSet};

use pdm_registrar::{Change, DomainName, Error, ErrorKind, Mode, NameserverSet, Snapshot, WantedDs};
use serde::{Deserialize, Serialize};

use crate::DESCRIPTOR;
use crate::account::Opened;
use crate::api::Write;
use crate::ds::to_wire;
use crate::records::owner;
use crate::task::LOOKS;
use crate::wire::Record;

/// What only this adapter reads in a snapshot.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Records of the hosted zone, without SOA and the NS of the apex. Whether GoDaddy keeps them when the domain leaves is not known.
    #[serde(default)]
    records: Vec<Record>,
}

impl Kept {
    /// As a part of the snapshot.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        if self.records.is_empty() {
            return serde_json::Value::Null;
        }
        serde_json::to_value(self).unwrap_or_default()
    }

    fn of(snapshot: &Snapshot) -> Result<Self, Error> {
        if snapshot.vendor.is_null() {
            return Ok(Self::default());
        }
        serde_json::from_value(snapshot.vendor.clone()).map_err(|_| {
            Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot was not made by this adapter",
            )
        })
    }
}

/// The records of one type at one name, without what may differ after they were put back.
type Sets = BTreeMap<(String, String), BTreeSet<Record>>;

impl Opened {
    /// The records that a snapshot keeps.
    pub(crate) async fn keep(&self, domain: &DomainName) -> Result<Kept, Error> {
        let records = match self.api.records(domain).await {
            Ok(records) => records,
            // On GoDaddy's servers, but parked or forwarded: there is no zone to keep.
            Err(failure) if failure.is_absent() => Vec::new(),
            Err(failure) => return Err(failure.error),
        };
        Ok(Kept {
            records: records
                .into_iter()
                .filter(|record| is_customers(domain, record))
                .collect(),
        })
    }

    /// Puts the domain back in steps, each of which has to be shown before the next. One that is not yet ends with
    /// [`ErrorKind::Conflict`]; asked again, what is done is found done and the next step follows.
    pub(crate) async fn put_back(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        if snapshot.registrar != DESCRIPTOR.id || snapshot.domain != *domain {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot is of another domain or another registrar",
            ));
        }
        let kept = Kept::of(snapshot)?;
        let state = self.state(domain).await?;
        let (now, shown_ds) = (state.nameservers.clone(), state.ds());
        let servers_differ = now != snapshot.nameservers;
        if servers_differ {
            NameserverSet::new(snapshot.nameservers.iter().cloned()).map_err(|error| {
                Error::new(
                    ErrorKind::Unsupported,
                    format!("GoDaddy does not take the name servers of the snapshot: {error}"),
                )
            })?;
            state.changeable()?;
            if snapshot.ds.is_none() && state.has_ds() {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    "DS stand, and the snapshot does not know whether the old servers match them: remove them first",
                ));
            }
        }
        let old_ds = snapshot.ds.as_ref();
        if self.api.login().customer.is_none() && old_ds.is_some_and(|ds| !ds.is_empty()) {
            return Err(Error::new(ErrorKind::Unsupported, crate::DS_NEEDS_CUSTOMER));
        }
        for ds in old_ds
            .into_iter()
            .flatten()
            .filter(|ds| !shown_ds.iter().flatten().any(|shown| shown == *ds))
        {
            to_wire(ds).map_err(|error| Error::new(ErrorKind::Unsupported, error.detail))?;
        }
        let old_ds = old_ds.filter(|_| self.api.login().customer.is_some());
        let ds_differ = old_ds.is_some_and(|old| shown_ds.as_ref() != Some(old));
        let records_follow = snapshot.mode == Mode::Hosted && !kept.records.is_empty();

        let mut last = Change::Unchanged;
        if let Some(old) = old_ds
            && servers_differ
            && state.has_ds()
        {
            // None may stand that the old servers do not match.
            let common = shown_ds.iter().flatten().filter(|ds| old.contains(ds)).cloned();
            let step = self.change_ds(domain, &WantedDs::new(common, []), true).await?;
            last = step_done(
                &step,
                last,
                "the DS that do not belong to the old name servers are being removed",
            )?;
        }
        if servers_differ {
            let step = self
                .flip(domain, snapshot.nameservers.clone())
                .await
                .map_err(|error| after(&last, error))?;
            if !records_follow && !ds_differ {
                return Ok(step);
            }
            last = step_done(&step, last, "the old name servers are being set")?;
        }
        if records_follow {
            let step = self.put_back_records(domain, &kept.records).await;
            last = step_done(
                &step.map_err(|error| after(&last, error))?,
                last,
                "the old records are being written",
            )?;
        }
        if let Some(old) = old_ds {
            let step = self
                .change_ds(domain, &WantedDs::new(old.iter().cloned(), []), true)
                .await;
            match step.map_err(|error| after(&last, error))? {
                Change::Unchanged => {}
                step => last = step,
            }
        }
        Ok(last)
    }

    /// Makes each set of records that the snapshot has what it was, and leaves sets that it does not have.
    async fn put_back_records(&self, zone: &DomainName, kept: &[Record]) -> Result<Change, Error> {
        let wanted = sets(zone, kept);
        let now = match self.api.records(zone).await {
            Ok(records) => sets(zone, &records),
            Err(failure) if failure.is_absent() => {
                return Err(not_yet("GoDaddy does not host the zone again yet"));
            }
            Err(failure) => return Err(failure.error),
        };
        let mut change = Change::Unchanged;
        for (key, _) in wanted.iter().filter(|(key, set)| now.get(*key) != Some(set)) {
            let (kind, name) = key;
            let write = Write::Set {
                kind: kind.clone(),
                name: name.clone(),
                records: kept
                    .iter()
                    .filter(|record| set_of(record) == *key)
                    .cloned()
                    .collect(),
            };
            if let Err(failure) = self.api.write(zone, &write).await {
                let mut error = after(&change, failure.error);
                error.detail = format!("the {kind} records of `{name}` are not back: {}", error.detail);
                return Err(error);
            }
            change = Change::Applied;
        }
        if change == Change::Unchanged {
            return Ok(change);
        }
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let shown = self
                .api
                .records(zone)
                .await
                .map_err(|failure| failure.error.maybe_applied())?;
            let shown = sets(zone, &shown);
            if wanted.iter().all(|(key, set)| shown.get(key) == Some(set)) {
                return Ok(Change::Applied);
            }
        }
        Err(not_yet("GoDaddy took the old records and does not show them yet").maybe_applied())
    }
}

fn is_customers(zone: &DomainName, record: &Record) -> bool {
    record.kind != "SOA" && !(record.kind == "NS" && owner(zone, record) == zone.as_str())
}

fn sets(zone: &DomainName, records: &[Record]) -> Sets {
    let mut sets = Sets::new();
    for record in records.iter().filter(|record| is_customers(zone, record)) {
        let plain = Record {
            id: None,
            name: String::new(),
            ttl: None,
            ..record.clone()
        };
        sets.entry(set_of(record)).or_default().insert(plain);
    }
    sets
}

/// What v1 replaces at once. For SRV that is less than an owner: their first two labels are not in the name.
fn set_of(record: &Record) -> (String, String) {
    (record.kind.clone(), record.name.to_ascii_lowercase())
}

/// A step that is on its way and not shown stops those behind it.
fn step_done(step: &Change, last: Change, what: &str) -> Result<Change, Error> {
    match step {
        Change::Unchanged => Ok(last),
        Change::Applied => Ok(Change::Applied),
        Change::Accepted(_) => Err(not_yet(&format!("{what}, and are not shown yet")).maybe_applied()),
    }
}

/// A failure behind steps that were done.
fn after(done: &Change, error: Error) -> Error {
    if *done == Change::Unchanged {
        error
    } else {
        error.maybe_applied()
    }
}

fn not_yet(what: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("{what}: ask again to go on from there"),
    )
}
