//! Names below a zone at Cloudflare. Every write is one batch, which is done as a whole or not at all.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use pdm_registrar::{
    Applied, Change, DnsHost, DomainName, Error, ErrorKind, HostedDelegation, NameserverSet, OwnerName,
    WantedDs, ZoneExport,
};

use crate::DESCRIPTOR;
use crate::account::Opened;
use crate::api::{Which, owner};
use crate::export;
use crate::goal::Goal;
use crate::standing::Standing;
use crate::wire::{Record, Zone};

/// Waits before each look for a change that was taken: reads may lag for some seconds.
const LOOKS: [Duration; 6] = waits([0, 250, 500, 1000, 1500, 1750]);
/// Waits before each try of a batch that was refused because of what stands, or stood a moment ago, at the name.
const TRIES: [Duration; 4] = waits([0, 500, 1500, 3000]);

const fn waits<const N: usize>(milliseconds: [u64; N]) -> [Duration; N] {
    let mut waits = [Duration::ZERO; N];
    let mut at = 0;
    while at < N {
        waits[at] = Duration::from_millis(milliseconds[at]);
        at += 1;
    }
    waits
}

#[async_trait]
impl DnsHost for Opened {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        below(zone, name)?;
        let zone = self.zone(zone).await?;
        let standing = Standing::of(&self.api.records(&zone, Which::At(name.as_str())).await?);
        Ok(HostedDelegation {
            nameservers: standing.nameservers(),
            ds: Some(standing.ds_set()),
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
        if nameservers.iter().len() > DESCRIPTOR.nameservers.1 {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "Cloudflare takes at most {} name servers for one name",
                    DESCRIPTOR.nameservers.1
                ),
            ));
        }
        let goal = Goal::Delegation {
            zone: zone.clone(),
            name: name.clone(),
            nameservers: nameservers.iter().cloned().collect(),
            ds: ds.ds().clone(),
        };
        let zone = self.writable_zone(zone).await?;
        let own = |host: &DomainName| {
            zone.name_servers
                .iter()
                .flatten()
                .any(|own| owner(own) == host.as_str())
        };
        if nameservers.iter().any(own) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "Cloudflare does not delegate a name to the servers of the zone it is in",
            ));
        }
        let records = self.api.records(&zone, Which::At(name.as_str())).await?;
        // A name that is delegated already hides what is below it.
        if Standing::of(&records).ns.is_empty() {
            self.nothing_to_hide(&zone, name, nameservers).await?;
        }
        self.reach(&zone, records, &goal, |records| {
            let others = Standing::of(records).others;
            if others.is_empty() {
                return Ok(());
            }
            Err(Error::new(
                ErrorKind::WouldLoseData,
                format!(
                    "{name} has other records, which a delegation excludes: {}. Remove them first",
                    listed(&others)
                ),
            ))
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
            zone: zone.clone(),
            name: name.clone(),
            nameservers: BTreeSet::new(),
            ds: BTreeSet::new(),
        };
        let zone = self.writable_zone(zone).await?;
        let records = self.api.records(&zone, Which::At(name.as_str())).await?;
        self.reach(&zone, records, &goal, |records| {
            let stand = Standing::of(records).nameservers();
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
        let found = self.zone(zone).await?;
        let records = self.api.records(&found, Which::All).await?;
        Ok(export::export(zone, &found, &records))
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
            zone: zone.clone(),
            name: name.clone(),
            value: value.to_owned(),
            present,
        };
        let zone = self.writable_zone(zone).await?;
        let records = self.api.records(&zone, Which::At(name.as_str())).await?;
        self.reach(&zone, records, &goal, |_| Ok(())).await
    }

    /// Sends what is missing until `goal` is reached. `guard` sees the records before anything is sent, each time.
    async fn reach(
        &self,
        zone: &Zone,
        first: Vec<Record>,
        goal: &Goal,
        guard: impl Fn(&[Record]) -> Result<(), Error> + Sync,
    ) -> Result<Change, Error> {
        let mut records = first;
        let mut refused = None;
        for wait in TRIES {
            if refused.is_some() {
                tokio::time::sleep(wait).await;
                records = self.api.records(zone, Which::At(goal.name())).await?;
            }
            guard(&records)?;
            if goal.reached(&records) {
                return Ok(if refused.is_some() {
                    Change::Applied
                } else {
                    Change::Unchanged
                });
            }
            match self.api.batch(zone, &goal.plan(&records)).await {
                Ok(()) => return self.confirm(zone, goal).await.map_err(Error::maybe_applied),
                // The first answer may have been lost, or somebody was faster: what the records are now decides.
                Err(failure) if failure.look_again() => refused = Some(failure.error),
                Err(failure) if failure.error.applied == Applied::Unknown => {
                    return match self.confirm(zone, goal).await {
                        Ok(Change::Applied) => Ok(Change::Applied),
                        _ => Err(failure.error),
                    };
                }
                Err(failure) => return Err(failure.error),
            }
        }
        Err(refused.unwrap_or_else(|| {
            Error::new(
                ErrorKind::Conflict,
                "the records change faster than they can be read",
            )
        }))
    }

    /// Looks whether a change that was sent is there.
    async fn confirm(&self, zone: &Zone, goal: &Goal) -> Result<Change, Error> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            if goal.reached(&self.api.records(zone, Which::At(goal.name())).await?) {
                return Ok(Change::Applied);
            }
        }
        Ok(Change::Accepted(goal.task()))
    }

    /// Cloudflare takes a delegation above existing records without a word, and they are gone for the world.
    async fn nothing_to_hide(
        &self,
        zone: &Zone,
        name: &DomainName,
        nameservers: &NameserverSet,
    ) -> Result<(), Error> {
        let below = self.api.records(zone, Which::Below(name.as_str())).await?;
        // Addresses of the new servers are glue.
        let glue = |record: &Record| {
            ["A", "AAAA"].contains(&record.kind.as_str())
                && DomainName::parse(&record.name).is_ok_and(|host| nameservers.contains(&host))
        };
        let hidden: BTreeSet<_> = below
            .iter()
            .filter(|record| !glue(record))
            .map(|record| format!("{} {}", owner(&record.name), record.kind))
            .collect();
        if hidden.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::WouldLoseData,
            format!(
                "a delegation of {name} would hide records below it: {}. Remove them first",
                listed(&hidden)
            ),
        ))
    }
}

/// The apex cannot be delegated: Cloudflare takes NS records there and ignores them.
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
