//! The records of a zone that a snapshot kept, put back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use pdm_registrar::{Change, DomainName, Error, Retry};

use super::not_yet;
use crate::account::Opened;
use crate::api::Write;
use crate::records::{delete, owner};
use crate::task::LOOKS;
use crate::wire::Record;

/// Types that v1 takes for certain.
const V1_TYPES: [&str; 7] = ["A", "AAAA", "CNAME", "MX", "NS", "SRV", "TXT"];

/// The records of one type at one name, without what may differ after they were put back.
type Sets = BTreeMap<(String, String), BTreeSet<Record>>;

impl Opened {
    /// Makes each set of records that the snapshot has what it was, and leaves sets that it does not have.
    ///
    /// `anew`: the domain comes back just now, and whatever differs is GoDaddy's. Otherwise it may be the customer's work since, and only
    /// what is missing or parked is written.
    pub(super) async fn put_back_records(
        &self,
        zone: &DomainName,
        kept: &[Record],
        anew: bool,
    ) -> Result<Change, Error> {
        let wanted = sets(zone, kept);
        let records = match self.api.records(zone).await {
            Ok(records) => records,
            Err(failure) if failure.is_absent() => {
                return Err(not_yet("GoDaddy does not host the zone again yet"));
            }
            Err(failure) => return Err(failure.error),
        };
        let now = sets(zone, &records);
        let mut written = Vec::new();
        // One set that is not taken does not keep the others away.
        let mut refused: Option<Error> = None;
        for (key, set) in wanted {
            let back = match now.get(&key) {
                None => true,
                Some(there) => *there != set && (anew || there.iter().any(is_parked)),
            };
            if !back {
                continue;
            }
            let done = self.put_back_set(zone, &key, kept, &records).await;
            let (kind, name) = &key;
            match done {
                Ok(()) => written.push((key, set)),
                Err(mut error) => {
                    error.detail = format!("the {kind} records of `{name}` are not back: {}", error.detail);
                    if error.retry != Retry::Never {
                        return Err(if written.is_empty() {
                            error
                        } else {
                            error.maybe_applied()
                        });
                    }
                    match &mut refused {
                        Some(first) => first.detail = format!("{}; {}", first.detail, error.detail),
                        None => refused = Some(error),
                    }
                }
            }
        }
        if let Some(error) = refused {
            return Err(if written.is_empty() {
                error
            } else {
                error.maybe_applied()
            });
        }
        if written.is_empty() {
            return Ok(Change::Unchanged);
        }
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            let shown = self
                .api
                .records(zone)
                .await
                .map_err(|failure| failure.error.maybe_applied())?;
            let shown = sets(zone, &shown);
            if written.iter().all(|(key, set)| shown.get(key) == Some(set)) {
                return Ok(Change::Applied);
            }
        }
        Err(not_yet("GoDaddy took the old records and does not show them yet").maybe_applied())
    }

    /// Writes one set: at once by v1, or where v1 does not take the type and there is a token, record by record.
    async fn put_back_set(
        &self,
        zone: &DomainName,
        key: &(String, String),
        kept: &[Record],
        there: &[Record],
    ) -> Result<(), Error> {
        let (kind, name) = key;
        let of_set = |all: &[Record]| -> Vec<Record> {
            all.iter()
                .filter(|record| set_of(record) == *key)
                .cloned()
                .collect()
        };
        let records = of_set(kept);
        if V1_TYPES.contains(&kind.as_str()) || !self.api.login().has_token() {
            let (kind, name) = (kind.clone(), name.clone());
            return Ok(self.api.write(zone, &Write::Set { kind, name, records }).await?);
        }
        let old = of_set(there);
        if !old.is_empty() {
            self.api
                .write(zone, &delete(old.into_iter().map(|record| record.id))?)
                .await?;
        }
        let added = self.api.write(zone, &Write::Add(records)).await;
        added.map_err(|failure| failure.error.maybe_applied())
    }
}

/// An address that only GoDaddy understands, of a zone that it made itself.
fn is_parked(record: &Record) -> bool {
    record.kind == "A" && record.data.parse::<Ipv4Addr>().is_err()
}

/// Whether a record is neither SOA nor an NS of the apex, which are GoDaddy's.
pub(super) fn is_customers(zone: &DomainName, record: &Record) -> bool {
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
