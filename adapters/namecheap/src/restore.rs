//! A domain is put back as a snapshot shows it.

use pdm_registrar::{Change, DomainName, Error, ErrorKind, Mode, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::account::NamecheapAccount;
use crate::awaited::Awaited;
use crate::errors::{certain, in_the_middle};
use crate::state::{Delegation, HOSTS_RIGHT, NAMESERVERS_RIGHT, Service, barred};
use crate::zone::{Plan, Zone, listed};
use crate::{ID, NAMESERVERS, NO_DS_AT_REGISTRY};

/// The part of a snapshot that only this adapter reads.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The zone at Namecheap, which need not be there when the domain comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
    /// Whether it was served by the vendor's own name servers that every domain may use.
    #[serde(default)]
    basic: bool,
}

impl Kept {
    pub(crate) async fn of(
        account: &NamecheapAccount,
        domain: &DomainName,
        delegation: &Delegation,
    ) -> Result<Self, Error> {
        let hosted = delegation.mode == Mode::Hosted;
        Ok(Self {
            zone: if hosted {
                account.served_zone(domain).await?
            } else {
                None
            },
            basic: hosted && delegation.service == Service::Basic,
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        // Texts, numbers and flags: always JSON.
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

impl NamecheapAccount {
    /// Puts the name servers back; and where those are Namecheap's own, the records too, if they are gone.
    ///
    /// Whether they are gone shows only some time after the return; until then the answer is [`Change::Accepted`], and if they are the
    /// task fails and says so. Asked again, the records are written.
    pub(crate) async fn put_back(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        if snapshot.registrar != ID || snapshot.domain != *domain {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot is of another domain or registrar",
            ));
        }
        let kept = Kept::read(&snapshot.vendor)?;
        if snapshot.ds.is_some() {
            return unsupported(NO_DS_AT_REGISTRY);
        }
        match &snapshot.mode {
            Mode::Hosted => self.host_again(domain, kept).await,
            Mode::External => self.back_to_hosts(domain, snapshot).await,
            Mode::Other(_) => unsupported("the snapshot is of a state that Namecheap does not have"),
        }
    }

    async fn back_to_hosts(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        let (fewest, most) = NAMESERVERS;
        let possible = (fewest..=most).contains(&snapshot.nameservers.len());
        if !possible
            && !self
                .delegation_of(domain)
                .await?
                .is_exactly(&snapshot.nameservers)
        {
            return unsupported(&format!(
                "Namecheap sets {fewest} to {most} name servers, and the snapshot has {}",
                snapshot.nameservers.len()
            ));
        }
        self.change_servers(domain, &snapshot.nameservers).await
    }

    async fn host_again(&self, domain: &DomainName, kept: Kept) -> Result<Change, Error> {
        let info = self.info(domain).await?;
        let delegation = self.delegation_of(domain).await?;
        let there = delegation.mode == Mode::Hosted;
        if !there {
            if !kept.basic {
                return unsupported(
                    "the domain was on PremiumDNS or FreeDNS, to which the API does not lead back: choose it in the panel under Domain \
                     List > Manage > Nameservers",
                );
            }
            if let Some(error) = barred(&info, NAMESERVERS_RIGHT) {
                return Err(error);
            }
            if let Some(zone) = &kept.zone {
                restorable(zone)?;
            }
            let sent = certain(self.api.set_default(domain).await)?;
            let change = self.confirm(domain, awaited(kept.zone.as_ref()), sent).await?;
            if matches!(change, Change::Accepted(_)) {
                return Ok(change);
            }
        }
        let records = self
            .records_again(domain, kept.zone.as_ref(), barred(&info, HOSTS_RIGHT))
            .await;
        match records {
            Ok(Change::Unchanged) if !there => Ok(Change::Applied),
            Ok(change) => Ok(change),
            Err(error) => Err(in_the_middle(error, !there)),
        }
    }

    /// Writes the old records if the zone has only what Namecheap gives a new one. What somebody entered since is left alone.
    async fn records_again(
        &self,
        domain: &DomainName,
        kept: Option<&Zone>,
        barred: Option<Error>,
    ) -> Result<Change, Error> {
        let Some(old) = kept else {
            return Ok(Change::Unchanged);
        };
        let Some(zone) = self.served_zone(domain).await? else {
            return Ok(Change::Accepted(awaited(kept).task()));
        };
        if zone.same_as(old) || !zone.is_untouched() || old.is_untouched() {
            return Ok(Change::Unchanged);
        }
        restorable(old)?;
        if let Some(error) = barred {
            return Err(error);
        }
        let plan = Plan {
            add: old.rows.clone(),
            remove: zone.rows.into_iter().filter(|row| !old.has(row)).collect(),
        };
        let sent = certain(self.api.set_hosts(domain, old).await)?;
        self.confirm(domain, Awaited::Records(plan), sent).await
    }
}

/// After a return to its own name servers Namecheap takes some ten minutes until the records can be read.
fn awaited(kept: Option<&Zone>) -> Awaited {
    Awaited::Hosted {
        records: kept.is_some_and(|zone| !zone.is_untouched()),
    }
}

fn restorable(zone: &Zone) -> Result<(), Error> {
    let spoiled = zone.spoiled_by_writing();
    if spoiled.is_empty() || zone.is_untouched() {
        return zone.fits();
    }
    unsupported(&format!(
        "these records of the old zone cannot be written as they were: {}. Choose Namecheap BasicDNS in the panel and enter them there",
        listed(&spoiled)
    ))
}

fn unsupported<T>(detail: &str) -> Result<T, Error> {
    Err(Error::new(ErrorKind::Unsupported, detail))
}
