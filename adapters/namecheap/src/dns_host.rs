//! Names below a zone at Namecheap. Every write is one of the whole zone: read, change, look whether it is still the same, write, and
//! read again.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pdm_registrar::{
    Applied, Change, DnsHost, DomainName, Error, ErrorKind, HostedDelegation, NameserverSet, OwnerName,
    WantedDs, ZoneExport,
};

use crate::account::NamecheapAccount;
use crate::awaited::{Awaited, LOOKS};
use crate::errors::{certain, conflict};
use crate::state::{HOSTS_RIGHT, barred};
use crate::zone::{Plan, Row, Seen, Zone, listed, name_in, outside};
use crate::{NO_DS_IN_ZONE, export};

/// The refusal of work in a zone that is not served.
pub(crate) fn not_hosted(zone: &DomainName) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("{zone} is not on Namecheap's own name servers: its records are not here; nothing was sent"),
    )
}

/// Refuses to write a zone that would not survive it.
pub(crate) fn refuse_to_spoil(zone: &Zone) -> Result<(), Error> {
    let spoiled = zone.spoiled_by_writing();
    if spoiled.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::WouldLoseData,
        format!(
            "Namecheap's API can only write the whole zone, which would harm: {}. Enter the records in the panel; nothing was sent",
            listed(&spoiled)
        ),
    ))
}

#[async_trait]
impl DnsHost for NamecheapAccount {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        let at = below(zone, name)?;
        let held = self.zone(zone).await?;
        let (ns, others): (Vec<_>, Vec<_>) = held.at(&at).partition(|row| row.rtype == "NS");
        Ok(HostedDelegation {
            nameservers: ns.into_iter().filter_map(Row::nameserver).collect(),
            ds: None,
            other_types: others.into_iter().map(|row| row.rtype.clone()).collect(),
        })
    }

    async fn delegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        nameservers: &NameserverSet,
        ds: &WantedDs,
    ) -> Result<Change, Error> {
        let at = below(zone, name)?;
        if !ds.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{NO_DS_IN_ZONE}; nothing was sent. Ask for a delegation without DS, or move the zone"
                ),
            ));
        }
        let held = self.zone_to_write(zone).await?;
        let (ns, others): (Vec<_>, Vec<_>) = held.at(&at).cloned().partition(|row| row.rtype == "NS");
        // A name that is delegated already hides what is below it.
        let hidden = if ns.is_empty() {
            held.below(&at)
        } else {
            BTreeSet::new()
        };
        let in_the_way: BTreeSet<_> = others.iter().map(Row::named).chain(hidden).collect();
        if !in_the_way.is_empty() {
            return Err(Error::new(
                ErrorKind::WouldLoseData,
                format!(
                    "a delegation of {name} would hide these records: {}. Remove them first; nothing was sent",
                    listed(&in_the_way)
                ),
            ));
        }
        let there = |wanted: &&DomainName| ns.iter().any(|row| row.nameserver().as_ref() == Some(*wanted));
        let stays = |row: &Row| row.nameserver().is_some_and(|host| nameservers.contains(&host));
        let plan = Plan {
            add: nameservers
                .iter()
                .filter(|wanted| !there(wanted))
                .map(|wanted| Row::new(&at, "NS", &format!("{wanted}.")))
                .collect(),
            remove: ns.iter().filter(|row| !stays(row)).cloned().collect(),
        };
        self.carry_out(zone, &held, plan).await
    }

    async fn undelegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        ours: Option<&NameserverSet>,
    ) -> Result<Change, Error> {
        let at = below(zone, name)?;
        let held = self.zone_to_write(zone).await?;
        let ns: Vec<_> = held.at(&at).filter(|row| row.rtype == "NS").cloned().collect();
        let ours =
            |row: &Row| ours.is_none_or(|ours| row.nameserver().is_some_and(|host| ours.contains(&host)));
        let strangers: BTreeSet<_> = ns
            .iter()
            .filter(|row| !ours(row))
            .map(|row| row.address.clone())
            .collect();
        if !strangers.is_empty() {
            return Err(conflict(&format!(
                "{name} is delegated to others by now ({}): nothing was sent",
                listed(&strangers)
            )));
        }
        self.carry_out(
            zone,
            &held,
            Plan {
                add: Vec::new(),
                remove: ns,
            },
        )
        .await
    }

    async fn put_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        let at = name_in(zone, name)?;
        if value.is_empty() || value.contains('"') || value.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "Namecheap takes TXT values of visible characters, without quotes; nothing was sent",
            ));
        }
        let held = self.zone_to_write(zone).await?;
        if held.at(&at).any(|row| row.is_txt(value)) {
            return Ok(Change::Unchanged);
        }
        let plan = Plan {
            add: vec![Row::new(&at, "TXT", value)],
            remove: Vec::new(),
        };
        self.carry_out(zone, &held, plan).await
    }

    async fn remove_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        let at = name_in(zone, name)?;
        let held = self.zone_to_write(zone).await?;
        let remove = held.at(&at).filter(|row| row.is_txt(value)).cloned().collect();
        self.carry_out(
            zone,
            &held,
            Plan {
                add: Vec::new(),
                remove,
            },
        )
        .await
    }

    async fn export(&self, zone: &DomainName) -> Result<ZoneExport, Error> {
        Ok(export::export(zone, &self.zone(zone).await?))
    }
}

impl NamecheapAccount {
    async fn zone(&self, domain: &DomainName) -> Result<Zone, Error> {
        self.served_zone(domain).await?.ok_or_else(|| not_hosted(domain))
    }

    /// The zone, if the account may change it.
    async fn zone_to_write(&self, domain: &DomainName) -> Result<Zone, Error> {
        let info = self.info_if_allowed(domain).await?;
        match info.and_then(|info| barred(&info, HOSTS_RIGHT)) {
            Some(error) => Err(error),
            None => self.zone(domain).await,
        }
    }

    /// Makes the zone, which was read as `held`, what is planned.
    async fn carry_out(&self, domain: &DomainName, held: &Zone, plan: Plan) -> Result<Change, Error> {
        if plan == Plan::default() {
            return Ok(Change::Unchanged);
        }
        refuse_to_spoil(held)?;
        let after = held.after(&plan);
        after.fits()?;
        // The second look is to find others at work, whose change a write of the whole would undo.
        if !self.zone(domain).await?.is_still(held) {
            return Err(conflict(
                "the zone is being changed by somebody else: nothing was sent",
            ));
        }
        let sent = certain(self.api.set_hosts(domain, &after).await)?;
        self.confirm_records(domain, held, plan, sent).await
    }

    /// Looks for a plan that was sent, and for records that went with it.
    async fn confirm_records(
        &self,
        domain: &DomainName,
        before: &Zone,
        plan: Plan,
        sent: Result<(), Error>,
    ) -> Result<Change, Error> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            // A look that fails takes nothing back.
            let Ok(Some(zone)) = self.served_zone(domain).await else {
                continue;
            };
            match zone.compare(before, &plan) {
                Seen::Done => return Ok(Change::Applied),
                Seen::NotYet => {}
                Seen::Lost(lost) => {
                    return Err(Error {
                        applied: Applied::Yes,
                        ..conflict(&format!(
                            "it was done, but these are gone or different since the zone was read: {}. Somebody else may have changed \
                             them; look at them in the panel",
                            listed(&lost)
                        ))
                    });
                }
            }
        }
        sent.map(|()| Change::Accepted(Awaited::Records(plan).task()))
    }
}

fn below(zone: &DomainName, name: &DomainName) -> Result<String, Error> {
    if name.is_below(zone) {
        name_in(zone, &name.clone().into())
    } else {
        Err(outside(zone, name.as_str()))
    }
}
