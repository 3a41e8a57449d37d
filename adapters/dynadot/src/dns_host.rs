//! Names below a zone at Dynadot DNS.
//!
//! With the secret, single records are added and removed by REST. Without it, a TXT is appended, and removed by writing the whole zone
//! without it, unless the zone holds something that would not survive that.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pdm_registrar::{
    Applied, Change, DnsHost, DomainName, Error, ErrorKind, HostedDelegation, Mode, NameserverSet, OwnerName,
    WantedDs, ZoneExport,
};

use crate::account::DynadotAccount;
use crate::awaited::{Awaited, LOOKS};
use crate::errors::in_the_middle;
use crate::export;
use crate::zone::{Plan, Row, Seen, Zone, host_of, listed, outside};

/// Why names are not delegated without the secret.
pub(crate) const NEEDS_SECRET: &str = "NS records in a zone at Dynadot DNS can be written only by the REST API: give the field `api_secret` too; nothing was sent";
const NO_DS: &str = "Dynadot's zones have no DS records, so that the name cannot be delegated with DNSSEC; nothing was sent. Ask for a \
                     delegation without DS, or move the zone to a host that has them";

/// The TTL of a zone that has no records yet: the vendor's own default, in seconds.
const FIRST_TTL: u32 = 300;

/// The refusal of work in a zone that is not served: any write there would take the domain away from the hosts it is on.
pub(crate) fn not_hosted(zone: &DomainName, mode: &Mode) -> Error {
    let on = match mode {
        Mode::External => "name servers of the customer's",
        Mode::Hosted | Mode::Other(_) => "another of Dynadot's settings",
    };
    Error::new(
        ErrorKind::Unsupported,
        format!("{zone} is on {on}, not on Dynadot DNS: its records are not here; nothing was sent"),
    )
}

#[async_trait]
impl DnsHost for DynadotAccount {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        let host = below(zone, name)?;
        let held = self.hosted_zone(zone, false).await?;
        let (ns, others): (Vec<_>, Vec<_>) = held.at(&host).partition(|row| row.rtype == "ns");
        Ok(HostedDelegation {
            nameservers: ns.into_iter().filter_map(Row::nameserver).collect(),
            ds: None,
            other_types: others
                .into_iter()
                .map(|row| row.rtype.to_ascii_uppercase())
                .collect(),
        })
    }

    async fn delegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        nameservers: &NameserverSet,
        ds: &WantedDs,
    ) -> Result<Change, Error> {
        let host = below(zone, name)?;
        if !ds.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, NO_DS));
        }
        let held = self.hosted_zone(zone, true).await?;
        let (ns, others): (Vec<_>, Vec<_>) = held.at(&host).cloned().partition(|row| row.rtype == "ns");
        // A name that is delegated already hides what is below it.
        let hidden = if ns.is_empty() {
            held.below(&host)
        } else {
            BTreeSet::new()
        };
        let in_the_way = others
            .iter()
            .map(|row| format!("{host} {}", row.rtype.to_ascii_uppercase()));
        refuse_to_hide(name, &in_the_way.chain(hidden).collect())?;
        let there = |wanted: &&DomainName| ns.iter().any(|row| row.nameserver().as_ref() == Some(*wanted));
        let stays = |row: &Row| row.nameserver().is_some_and(|host| nameservers.contains(&host));
        let plan = Plan {
            add: nameservers
                .iter()
                .filter(|wanted| !there(wanted))
                .map(|wanted| Row::new(&host, "ns", wanted.as_str()))
                .collect(),
            remove: ns.iter().filter(|row| !stays(row)).cloned().collect(),
        };
        self.with_secret(zone, &held, plan).await
    }

    async fn undelegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        ours: Option<&NameserverSet>,
    ) -> Result<Change, Error> {
        let host = below(zone, name)?;
        let held = self.hosted_zone(zone, true).await?;
        let ns: Vec<_> = held.at(&host).filter(|row| row.rtype == "ns").cloned().collect();
        let strange = |row: &&Row| match (ours, row.nameserver()) {
            (Some(ours), Some(host)) => !ours.contains(&host),
            (Some(_), None) => true,
            (None, _) => false,
        };
        let strangers: BTreeSet<_> = ns.iter().filter(strange).map(|row| row.value.clone()).collect();
        if !strangers.is_empty() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "{name} is delegated to others by now ({}): nothing was sent",
                    listed(&strangers)
                ),
            ));
        }
        self.with_secret(
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
        let host = host_of(zone, name)?;
        if value.is_empty() || value.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "Dynadot takes TXT values of visible characters only; nothing was sent",
            ));
        }
        let held = self.hosted_zone(zone, true).await?;
        if held.at(&host).any(|row| row.is_txt(value)) {
            return Ok(Change::Unchanged);
        }
        let plan = Plan {
            add: vec![Row::new(&host, "txt", value)],
            remove: Vec::new(),
        };
        self.carry_out(zone, &held, plan).await
    }

    async fn remove_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        let host = host_of(zone, name)?;
        let held = self.hosted_zone(zone, true).await?;
        let remove = held.at(&host).filter(|row| row.is_txt(value)).cloned().collect();
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
        let held = self.hosted_zone(zone, false).await?;
        Ok(export::export(zone, &held, self.api.has_rest()))
    }
}

impl DynadotAccount {
    /// The records that Dynadot keeps of the domain, whether it serves them or not.
    pub(crate) async fn zone(&self, domain: &DomainName) -> Result<Zone, Error> {
        Ok(if self.api.has_rest() {
            self.api.records(domain).await?
        } else {
            self.api.get_dns(domain).await?
        })
    }

    /// The zone, if Dynadot serves it; for a write, if the domain may be changed too.
    async fn hosted_zone(&self, domain: &DomainName, to_write: bool) -> Result<Zone, Error> {
        let state = self.look_at(domain).await?;
        if let (true, Some(error)) = (to_write, state.barred()) {
            return Err(error);
        }
        if state.mode != Mode::Hosted {
            return Err(not_hosted(domain, &state.mode));
        }
        self.zone(domain).await
    }

    /// Carries out a plan about NS, which only REST writes.
    async fn with_secret(&self, domain: &DomainName, held: &Zone, plan: Plan) -> Result<Change, Error> {
        if plan != Plan::default() && !self.api.has_rest() {
            return Err(Error::new(ErrorKind::Unsupported, NEEDS_SECRET));
        }
        self.carry_out(domain, held, plan).await
    }

    /// Makes the zone, which was read as `held`, what is planned.
    async fn carry_out(&self, domain: &DomainName, held: &Zone, plan: Plan) -> Result<Change, Error> {
        if plan == Plan::default() {
            return Ok(Change::Unchanged);
        }
        held.after(&plan).fits()?;
        let ttl = match held.ttl {
            Some(ttl) => ttl,
            None if held.rows.is_empty() => FIRST_TTL,
            None => {
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    "Dynadot does not show the zone's TTL, which a write would change; nothing was sent",
                ));
            }
        };
        let mut added = false;
        if !plan.add.is_empty() {
            let records = Zone {
                ttl: Some(ttl),
                rows: plan.add.clone(),
            };
            let sent = if self.api.has_rest() {
                self.api.post_records(domain, &records, true).await
            } else {
                self.api.set_dns2(domain, &records, true).await
            };
            let sent = certain(sent.map_err(Error::from))?;
            let first = Plan {
                add: plan.add.clone(),
                remove: Vec::new(),
            };
            match self.confirm_records(domain, held, first, sent).await? {
                Change::Accepted(_) if !plan.remove.is_empty() => {
                    let error = Error::new(
                        ErrorKind::Conflict,
                        "Dynadot took the new records and does not show them yet: the old ones stay until the next try",
                    );
                    return Err(error.maybe_applied());
                }
                change if plan.remove.is_empty() => return Ok(change),
                _ => added = true,
            }
        }
        let sent = if self.api.has_rest() {
            self.api
                .delete_records(domain, &plan.remove)
                .await
                .map_err(Error::from)
        } else {
            self.replace(domain, held, &plan, ttl).await
        };
        let sent = certain(sent).map_err(|error| in_the_middle(error, added))?;
        self.confirm_records(domain, held, plan, sent).await
    }

    /// Writes the whole zone by API3, if all of it survives that.
    async fn replace(&self, domain: &DomainName, held: &Zone, plan: &Plan, ttl: u32) -> Result<(), Error> {
        let after = Zone {
            ttl: Some(ttl),
            ..held.after(plan)
        };
        let lost = after.not_writable(false);
        if !lost.is_empty() {
            return Err(Error::new(
                ErrorKind::WouldLoseData,
                format!(
                    "without the field `api_secret` the whole zone has to be written anew, and these records cannot be: {}; nothing was \
                     sent",
                    listed(&lost)
                ),
            ));
        }
        if after.rows.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "without the field `api_secret` the last record of a zone cannot be removed; nothing was sent",
            ));
        }
        // The second look is to find others at work, whose change a write of the whole would undo.
        if !self.api.get_dns(domain).await?.same_as(held) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the zone is being changed by somebody else: nothing was sent",
            ));
        }
        Ok(self.api.set_dns2(domain, &after, false).await?)
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
            let Ok(zone) = self.zone(domain).await else {
                continue;
            };
            match zone.compare(before, &plan) {
                Seen::Done => return Ok(Change::Applied),
                Seen::NotYet => {}
                Seen::Lost(lost) => {
                    return Err(Error {
                        applied: Applied::Yes,
                        ..Error::new(
                            ErrorKind::Conflict,
                            format!(
                                "it was done, but these records of the zone are gone since it was read: {}. Somebody else may have \
                                 removed them; look at them in the panel",
                                listed(&lost)
                            ),
                        )
                    });
                }
            }
        }
        sent.map(|()| Change::Accepted(Awaited::Records(plan).task()))
    }
}

/// Ends with a refusal of which it is certain that nothing was done.
fn certain(sent: Result<(), Error>) -> Result<Result<(), Error>, Error> {
    match sent {
        Err(error) if error.applied == Applied::No => Err(error),
        sent => Ok(sent),
    }
}

fn below(zone: &DomainName, name: &DomainName) -> Result<String, Error> {
    if name.is_below(zone) {
        host_of(zone, &name.clone().into())
    } else {
        Err(outside(zone, name.as_str()))
    }
}

fn refuse_to_hide(name: &DomainName, in_the_way: &BTreeSet<String>) -> Result<(), Error> {
    if in_the_way.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::WouldLoseData,
        format!(
            "a delegation of {name} would hide these records: {}. Remove them first; nothing was sent",
            listed(in_the_way)
        ),
    ))
}
