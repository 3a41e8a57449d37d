//! A domain is put back as a snapshot shows it.

use std::collections::BTreeSet;
use std::time::Duration;

use pdm_registrar::{Applied, Change, DomainName, Error, ErrorKind, Mode, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::DynadotAccount;
use crate::awaited::Awaited;
use crate::errors::in_the_middle;
use crate::state::{PARKING, State};
use crate::zone::{Plan, Zone, listed};
use crate::{ID, NAMESERVERS};

/// When to ask again for a restoration of which a part is not shown yet.
const AGAIN: Duration = Duration::from_secs(60);

/// The part of a snapshot that only this adapter reads.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The zone at Dynadot DNS, which is gone when the domain leaves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
    /// Whether the parking page had advertisements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    with_ads: Option<bool>,
}

impl Kept {
    pub(crate) async fn of(
        account: &DynadotAccount,
        domain: &DomainName,
        state: &State,
    ) -> Result<Self, Error> {
        let zone = match state.mode {
            Mode::Hosted => Some(account.zone(domain).await?),
            Mode::External | Mode::Other(_) => None,
        };
        let parked = state.mode == Mode::Other(PARKING.to_owned());
        Ok(Self {
            zone,
            with_ads: state.with_ads.filter(|_| parked),
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        // Texts, numbers and a flag: always JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    fn read(value: &Value) -> Result<Self, Error> {
        if value.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(value).map_err(|_| {
            Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot was not taken by this adapter",
            )
        })
    }
}

/// How the domain is put back to where it was served.
enum Way {
    /// It is there.
    Stays,
    /// On hosts of the customer's.
    Hosts(BTreeSet<DomainName>),
    /// On Dynadot DNS with this zone.
    Zone(Zone),
    /// Parked.
    Parking { with_ads: bool },
}

impl DynadotAccount {
    /// Removes DS that the servers of the snapshot do not match, then changes the servers, then sets its DS.
    ///
    /// When a step is not shown in time, the answer is an error of kind [`ErrorKind::Conflict`]; asked again, what is done is found
    /// done and the next step follows.
    pub(crate) async fn put_back(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        if snapshot.registrar != ID || snapshot.domain != *domain {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot is of another domain or registrar",
            ));
        }
        let kept = Kept::read(&snapshot.vendor)?;
        let state = self.look_at(domain).await?;
        let there = self.ds_of(domain).await?.shown().cloned();
        // What was not shown then is left alone.
        let wanted = snapshot.ds.clone().or_else(|| there.clone()).unwrap_or_default();
        let same_ds = there.clone().unwrap_or_default() == wanted;
        let way = self.way_back(&state, snapshot, kept)?;
        if matches!(way, Way::Stays) && same_ds {
            return Ok(Change::Unchanged);
        }
        if let Some(error) = state.barred() {
            return Err(error);
        }
        if !wanted.is_empty() && snapshot.mode != Mode::External && !same_ds {
            return unsupported(
                "the snapshot has a DS for a domain that Dynadot serves, which cannot be set by API",
            );
        }
        if there.is_none() && !same_ds {
            return unsupported(
                "the DS of the snapshot cannot be set: Dynadot does not show the domain's DS",
            );
        }

        let moves = !matches!(way, Way::Stays);
        let mut changed = false;
        if moves && !same_ds && there.is_some_and(|there| !there.is_empty()) {
            let removed = self.change_ds(domain, &BTreeSet::new()).await;
            changed |= finished(removed, changed, "the removal of the DS")?;
        }
        if moves {
            let moved = self.go(domain, way).await;
            if same_ds {
                return moved
                    .map_err(|error| in_the_middle(error, changed))
                    .map(|change| told(change, changed));
            }
            changed |= finished(moved, changed, "the change of the name servers")?;
        }
        let last = self.change_ds(domain, &wanted).await;
        last.map_err(|error| in_the_middle(error, changed))
            .map(|change| told(change, changed))
    }

    /// How to go back, or why that cannot be done by API.
    fn way_back(&self, state: &State, snapshot: &Snapshot, kept: Kept) -> Result<Way, Error> {
        let most = NAMESERVERS.1;
        match (&snapshot.mode, kept.zone) {
            (Mode::External, _) if state.is_exactly(&snapshot.nameservers) => Ok(Way::Stays),
            (Mode::External, _) if (1..=most).contains(&snapshot.nameservers.len()) => {
                Ok(Way::Hosts(snapshot.nameservers.clone()))
            }
            (Mode::External, _) => unsupported(&format!(
                "Dynadot sets 1 to {most} name servers, and the snapshot has {}",
                snapshot.nameservers.len()
            )),
            (mode, _) if state.mode == *mode => Ok(Way::Stays),
            (Mode::Hosted, Some(zone)) if !zone.rows.is_empty() => {
                let lost = zone.not_writable(self.api.has_rest());
                if !lost.is_empty() {
                    return unsupported(&format!(
                        "these records of the old zone cannot be written as they were: {}. Choose Dynadot DNS in the panel and enter them \
                         there{}",
                        listed(&lost),
                        if self.api.has_rest() {
                            ""
                        } else {
                            ", or give the API secret, with which more types can be written"
                        }
                    ));
                }
                zone.fits()?;
                Ok(Way::Zone(zone))
            }
            (Mode::Hosted, _) => unsupported(
                "the snapshot has no records, and Dynadot DNS begins with some: choose it in the panel",
            ),
            (Mode::Other(kind), _) if kind == PARKING => Ok(Way::Parking {
                with_ads: kept.with_ads.unwrap_or(true),
            }),
            (Mode::Other(kind), _) => unsupported(&format!(
                "the domain was set to \u{201c}{}\u{201d}, which cannot be put back by API: set it in the panel",
                self.api.clean(kind)
            )),
        }
    }

    async fn go(&self, domain: &DomainName, way: Way) -> Result<Change, Error> {
        let (awaited, sent) = match way {
            Way::Stays => return Ok(Change::Unchanged),
            Way::Hosts(hosts) => return self.change_servers(domain, &hosts).await,
            Way::Zone(zone) => {
                let sent = if self.api.has_rest() {
                    self.api.post_records(domain, &zone, false).await
                } else {
                    self.api.set_dns2(domain, &zone, false).await
                };
                let plan = Plan {
                    add: zone.rows,
                    remove: Vec::new(),
                };
                (Awaited::Hosted(plan), sent)
            }
            Way::Parking { with_ads } => {
                let sent = self.api.set_parking(domain, with_ads).await;
                (Awaited::Mode(Mode::Other(PARKING.to_owned())), sent)
            }
        };
        match sent {
            Err(failure) if failure.error.applied == Applied::No => Err(failure.error),
            sent => self.confirm(domain, awaited, sent.map_err(Error::from)).await,
        }
    }
}

/// Whether a step changed something, once it is shown.
fn finished(change: Result<Change, Error>, changed: bool, step: &str) -> Result<bool, Error> {
    match change {
        Ok(Change::Unchanged) => Ok(false),
        Ok(Change::Applied) => Ok(true),
        Ok(Change::Accepted(_)) => Err(Error::new(
            ErrorKind::Conflict,
            format!("Dynadot took {step} and does not show it yet: ask again to go on"),
        )
        .retry_after(AGAIN)
        .maybe_applied()),
        Err(error) => Err(in_the_middle(error, changed)),
    }
}

/// The answer for the whole, whose last step answered `change`.
fn told(change: Change, changed: bool) -> Change {
    if changed && change == Change::Unchanged {
        Change::Applied
    } else {
        change
    }
}

fn unsupported<T>(detail: &str) -> Result<T, Error> {
    Err(Error::new(ErrorKind::Unsupported, detail))
}
