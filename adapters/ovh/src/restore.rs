//! A domain is put back as a snapshot shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pdm_registrar::{Change, DomainName, DsRecord, Error, ErrorKind, Mode, Snapshot, WantedDs};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::OvhAccount;
use crate::ds::{Keys, keys_for};
use crate::errors::if_in_account;
use crate::state::Seen;
use crate::{ID, NAMESERVERS};

/// When to ask again for a restoration of which a part is on its way.
const AGAIN: Duration = Duration::from_secs(60);

/// The part of a snapshot that only this adapter reads.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Addresses of hosts that the registry wants with the delegation.
    #[serde(default)]
    addresses: BTreeMap<DomainName, String>,
    /// OVH signed the domain with its own keys.
    #[serde(default)]
    signed_by_vendor: bool,
}

impl Kept {
    pub(crate) fn of(seen: &Seen) -> Self {
        Self {
            addresses: seen.addresses(),
            signed_by_vendor: seen.signed_by_vendor(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        // Names, texts and a flag: always JSON.
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

/// Who shall serve the domain.
enum Target {
    /// OVH, and whether it signs the domain too.
    Vendor { signs: bool },
    /// Others.
    Others,
}

/// What stands now and what shall.
struct Plan {
    target: Target,
    wanted: WantedDs,
    servers_stay: bool,
    /// DS that are in the way of other servers.
    ds_must_go: bool,
    /// DS that stand when the servers are changed.
    standing: BTreeSet<DsRecord>,
}

impl Plan {
    fn new(snapshot: &Snapshot, kept: &Kept, seen: &Seen, keys: &Keys) -> Self {
        let target = match snapshot.mode {
            Mode::Hosted => Target::Vendor {
                signs: kept.signed_by_vendor,
            },
            Mode::External | Mode::Other(_) => Target::Others,
        };
        let wanted = match &snapshot.ds {
            Some(ds) => WantedDs::new(ds.clone(), snapshot.keys.clone()),
            // They were not shown, and are left alone.
            None => WantedDs::new(keys.live(), keys.live_keys()),
        };
        let servers_stay = seen.mode() == snapshot.mode
            && match target {
                Target::Vendor { .. } => seen.live() == seen.planned(),
                Target::Others => seen.is_exactly(&snapshot.nameservers),
            };
        let mut standing = keys.live();
        let same_ds =
            matches!(target, Target::Others) && !seen.signed_by_vendor() && standing == *wanted.ds();
        let ds_must_go = !servers_stay && !same_ds && (!standing.is_empty() || seen.signed_by_vendor());
        if ds_must_go {
            standing.clear();
        }
        Self {
            target,
            wanted,
            servers_stay,
            ds_must_go,
            standing,
        }
    }

    /// Whether nothing is left to do when the servers are changed.
    fn servers_are_last(&self) -> bool {
        match self.target {
            Target::Vendor { signs } => !signs,
            Target::Others => self.standing == *self.wanted.ds(),
        }
    }
}

impl OvhAccount {
    /// Removes DS that the servers of the snapshot do not match, then changes the servers, then sets its DS.
    ///
    /// Each step waits for the one before. When one takes longer than a call may, the answer is an error that says so, of kind
    /// [`ErrorKind::Conflict`]; asked again, what is done is found done and the next step follows.
    pub(crate) async fn put_back(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        if snapshot.registrar != ID || snapshot.domain != *domain {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot is of another domain or registrar",
            ));
        }
        let kept = Kept::read(&snapshot.vendor)?;
        let seen = self.look_at(domain).await?;
        let keys = self.ds_of(domain).await?;
        let plan = Plan::new(snapshot, &kept, &seen, &keys);
        self.refuse_what_cannot_be_put_back(domain, snapshot, &plan)
            .await?;

        let mut changed = false;
        if plan.ds_must_go {
            changed |= finished(
                self.change_ds(domain, &WantedDs::none()).await,
                changed,
                "the removal of the DS",
            )?;
        }
        if !plan.servers_stay {
            let change = match plan.target {
                Target::Vendor { .. } => self.return_to_hosting(domain).await,
                Target::Others => {
                    self.change_servers(domain, &snapshot.nameservers, &kept.addresses)
                        .await
                }
            };
            if plan.servers_are_last() {
                return Ok(told(change?, changed));
            }
            changed |= finished(change, changed, "the change of the name servers")?;
        }
        let last = match plan.target {
            Target::Vendor { signs: true } => self.sign_zone(domain, true).await,
            Target::Vendor { signs: false } | Target::Others => self.change_ds(domain, &plan.wanted).await,
        };
        match last {
            Ok(change) => Ok(told(change, changed)),
            Err(error) if changed => Err(error.maybe_applied()),
            Err(error) => Err(error),
        }
    }

    async fn refuse_what_cannot_be_put_back(
        &self,
        domain: &DomainName,
        snapshot: &Snapshot,
        plan: &Plan,
    ) -> Result<(), Error> {
        let unsupported = |detail: String| Err(Error::new(ErrorKind::Unsupported, detail));
        if !plan.servers_stay {
            let (fewest, most) = NAMESERVERS;
            match &snapshot.mode {
                Mode::Hosted if if_in_account(self.client.zone(domain).await)?.is_none() => {
                    return unsupported(format!(
                        "{domain} has no zone at OVHcloud any more, so that its hosting cannot be resumed"
                    ));
                }
                Mode::External if !(fewest..=most).contains(&snapshot.nameservers.len()) => {
                    return unsupported(format!(
                        "OVHcloud sets {fewest} to {most} name servers, and the snapshot has {}",
                        snapshot.nameservers.len()
                    ));
                }
                Mode::Other(word) => {
                    return unsupported(format!(
                        "OVHcloud's mode `{}` is set in its panel only",
                        self.client.shown(word)
                    ));
                }
                Mode::Hosted | Mode::External => {}
            }
        }
        if plan.standing == *plan.wanted.ds() {
            return Ok(());
        }
        match plan.target {
            // OVH's keys come with its signing.
            Target::Vendor { signs: true } => {}
            Target::Vendor { signs: false } if plan.wanted.is_empty() => {}
            Target::Vendor { signs: false } => {
                return unsupported(
                    "OVHcloud takes no keys of others for a domain that it serves".to_owned(),
                );
            }
            Target::Others => {
                keys_for(domain, &plan.wanted)
                    .map_err(|error| Error::new(ErrorKind::Unsupported, error.detail))?;
            }
        }
        Ok(())
    }
}

/// Whether a step changed something, when it is over and the next one may follow.
fn finished(step: Result<Change, Error>, changed_before: bool, what: &str) -> Result<bool, Error> {
    match step {
        Ok(Change::Unchanged) => Ok(false),
        Ok(Change::Applied) => Ok(true),
        Ok(Change::Accepted(_)) => Err(Error::new(
            ErrorKind::Conflict,
            format!("{what} is on its way at OVHcloud; ask again, and the rest follows when it is done"),
        )
        .retry_after(AGAIN)
        .maybe_applied()),
        Err(error) if changed_before => Err(error.maybe_applied()),
        Err(error) => Err(error),
    }
}

/// The last step's outcome, as that of all.
fn told(last: Change, changed_before: bool) -> Change {
    match last {
        Change::Unchanged if changed_before => Change::Applied,
        last => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_and_what_others_kept_is_refused() {
        let kept = Kept {
            addresses: [(
                DomainName::parse("ns1.example.eu").unwrap(),
                "192.0.2.1".to_owned(),
            )]
            .into(),
            signed_by_vendor: true,
        };
        let read = Kept::read(&kept.to_json()).unwrap();
        assert_eq!((read.addresses, read.signed_by_vendor), (kept.addresses, true));
        assert!(Kept::read(&Value::Null).is_ok());
        assert!(Kept::read(&Value::from("text")).is_err());
    }
}
