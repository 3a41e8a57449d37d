//! A domain put back as it was: name servers, the records of a zone that GoDaddy hosted, and DS.

mod records;

use pdm_registrar::{Change, DomainName, Error, ErrorKind, Mode, NameserverSet, Retry, Snapshot, WantedDs};
use serde::{Deserialize, Serialize};

use crate::DESCRIPTOR;
use crate::account::Opened;
use crate::ds::to_wire;
use crate::wire::Record;
use records::is_customers;

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
        let mut refused = None;
        if records_follow {
            match self.put_back_records(domain, &kept.records, servers_differ).await {
                Ok(step) => last = step_done(&step, last, "the old records are being written")?,
                // What is not taken now never is: that does not keep the DS away.
                Err(error) if error.retry == Retry::Never => refused = Some(error),
                Err(error) => return Err(after(&last, error)),
            }
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
        if let Some(error) = refused {
            return Err(after(&last, error));
        }
        Ok(last)
    }
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
