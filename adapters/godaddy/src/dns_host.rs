//! Names below a zone that GoDaddy hosts.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use pdm_registrar::{
    Applied, Change, DnsHost, DomainName, Error, ErrorKind, HostedDelegation, NameserverSet, OwnerName,
    WantedDs, ZoneExport,
};

use crate::account::Opened;
use crate::api::Write;
use crate::records::{Standing, owner, plan, reached};
use crate::state::protected;
use crate::task::{Goal, Task};
use crate::wire::Record;
use crate::{NO_DS_RECORDS, export};

/// Waits before each further try while GoDaddy is at another change of the zone.
const BUSY: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_millis(3000),
];

#[async_trait]
impl DnsHost for Opened {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        below(zone, name)?;
        let standing = Standing::of(&self.records(zone).await?, zone, name);
        Ok(HostedDelegation {
            nameservers: standing.nameservers(),
            ds: None,
            other_types: standing.others,
        })
    }

    async fn delegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        nameservers: &NameserverSet,
        ds: &WantedDs,
    ) -> Result<Change, Error> {
        below(zone, name)?;
        if !ds.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, NO_DS_RECORDS));
        }
        let goal = Goal::Delegation {
            name: name.clone(),
            nameservers: nameservers.iter().cloned().collect(),
        };
        self.reach(zone, &goal, |records| {
            nothing_lost(zone, name, nameservers, records)
        })
        .await
    }

    async fn undelegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        ours: Option<&NameserverSet>,
    ) -> Result<Change, Error> {
        below(zone, name)?;
        let goal = Goal::Delegation {
            name: name.clone(),
            nameservers: BTreeSet::new(),
        };
        self.reach(zone, &goal, |records| {
            let stand = Standing::of(records, zone, name).nameservers();
            match ours {
                Some(ours) if stand.iter().any(|host| !ours.contains(host)) => Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "{name} is delegated to others by now ({}): nothing was removed",
                        listed(&stand)
                    ),
                )),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn put_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        self.txt(zone, name, value, true).await
    }

    async fn remove_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        self.txt(zone, name, value, false).await
    }

    async fn export(&self, zone: &DomainName) -> Result<ZoneExport, Error> {
        Ok(export::export(zone, &self.records(zone).await?))
    }
}

impl Opened {
    async fn txt(
        &self,
        zone: &DomainName,
        name: &OwnerName,
        value: &str,
        present: bool,
    ) -> Result<Change, Error> {
        if !name.is_at_or_below(zone) {
            return Err(outside(zone, name.as_str()));
        }
        let goal = Goal::Txt {
            name: name.clone(),
            value: value.to_owned(),
            present,
        };
        self.reach(zone, &goal, |_| Ok(())).await
    }

    /// Sends what is missing and looks for it. `guard` sees the records before anything is sent, each time.
    async fn reach(
        &self,
        zone: &DomainName,
        goal: &Goal,
        guard: impl Fn(&[Record]) -> Result<(), Error> + Sync,
    ) -> Result<Change, Error> {
        let mut waits = BUSY.into_iter();
        let mut tried = false;
        loop {
            let records = self.records(zone).await?;
            guard(&records)?;
            if reached(goal, zone, &records)? {
                return Ok(if tried { Change::Applied } else { Change::Unchanged });
            }
            let write = plan(goal, zone, &records, self.api.login().has_token())?;
            if !tried {
                self.not_protected(zone).await?;
            }
            let sent = self.api.write(zone, &write).await;
            match (&sent, waits.next()) {
                // Nothing was done: the records may be others by the time the zone is free.
                (Err(failure), Some(wait))
                    if failure.is_busy() && !failure.duplicate && failure.error.applied == Applied::No =>
                {
                    tried = true;
                    tokio::time::sleep(wait).await;
                }
                _ => {
                    let change = self.outcome(sent, &Task::plain(zone, goal.clone())).await?;
                    self.still_there(zone, &write).await?;
                    return Ok(change);
                }
            }
        }
    }

    /// Refuses before the write what a protected domain would make of it. Only v1 shows the protection, and not to everyone: what is
    /// read back afterwards decides in any case.
    async fn not_protected(&self, zone: &DomainName) -> Result<(), Error> {
        match self.api.protection(zone).await {
            Some(true) => Err(protected()),
            Some(false) | None => Ok(()),
        }
    }

    /// Looks after a replacement whether the values that were to stay are there with their data.
    async fn still_there(&self, zone: &DomainName, write: &Write) -> Result<(), Error> {
        let Write::Set {
            kind, records: kept, ..
        } = write
        else {
            return Ok(());
        };
        if kind == "NS" {
            return Ok(());
        }
        let shown = self.records(zone).await.map_err(Error::maybe_applied)?;
        let is_there = |kept: &Record| {
            let same = |shown: &&Record| {
                shown.kind == kept.kind && shown.name == kept.name && shown.data == kept.data
            };
            shown.iter().any(|shown| same(&shown))
        };
        if kept.iter().all(is_there) {
            return Ok(());
        }
        let error = Error::new(
            ErrorKind::Unexpected,
            format!(
                "the value is gone, and other {kind} values of the same name are not shown any more: look at them in the web interface"
            ),
        );
        Err(Error {
            applied: Applied::Yes,
            ..error
        })
    }
}

/// Refuses a delegation above or beside records of the customer: they would be gone for the world.
fn nothing_lost(
    zone: &DomainName,
    name: &DomainName,
    nameservers: &NameserverSet,
    records: &[Record],
) -> Result<(), Error> {
    let standing = Standing::of(records, zone, name);
    let lost: BTreeSet<String> = if standing.others.is_empty() && standing.ns.is_empty() {
        // Addresses of the new servers are glue.
        let glue = |record: &Record, at: &str| {
            ["A", "AAAA"].contains(&record.kind.as_str())
                && DomainName::parse(at).is_ok_and(|host| nameservers.contains(&host))
        };
        let hidden = records
            .iter()
            .map(|record| (record, owner(zone, record)))
            .filter(|(record, at)| {
                at.strip_suffix(name.as_str())
                    .is_some_and(|left| left.ends_with('.'))
                    && !glue(record, at)
            });
        hidden
            .map(|(record, at)| format!("{at} {}", record.kind))
            .collect()
    } else {
        standing
            .others
            .iter()
            .map(|kind| format!("{name} {kind}"))
            .collect()
    };
    if lost.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::WouldLoseData,
        format!(
            "a delegation of {name} would hide other records: {}. Remove them first",
            listed(&lost)
        ),
    ))
}

fn below(zone: &DomainName, name: &DomainName) -> Result<(), Error> {
    if name.is_below(zone) {
        Ok(())
    } else {
        Err(outside(zone, name.as_str()))
    }
}

fn outside(zone: &DomainName, name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("{name} is not below the zone {zone}"),
    )
}

/// A few of them, for people.
fn listed(all: &BTreeSet<impl std::fmt::Display>) -> String {
    const SHOWN: usize = 10;
    let mut shown: Vec<_> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    if all.len() > SHOWN {
        shown.push(format!("and {} more", all.len() - SHOWN));
    }
    shown.join(", ")
}
