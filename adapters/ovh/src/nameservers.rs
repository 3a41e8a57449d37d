//! Changes of a domain's name servers.

use std::collections::{BTreeMap, BTreeSet};

use pdm_registrar::{Applied, Change, DomainName, Error, ErrorKind, Mode};

use crate::NAMESERVERS;
use crate::account::OvhAccount;
use crate::errors::{if_there, in_the_middle};
use crate::rules;
use crate::state::{EXTERNAL, HOSTED, Seen};
use crate::tasks::{Awaited, SERVERS};

impl OvhAccount {
    /// Makes `wanted` the name servers; `addresses` are for hosts that need theirs with the delegation, beside those OVH shows already.
    pub(crate) async fn change_servers(
        &self,
        domain: &DomainName,
        wanted: &BTreeSet<DomainName>,
        addresses: &BTreeMap<DomainName, String>,
    ) -> Result<Change, Error> {
        let (fewest, most) = NAMESERVERS;
        if !(fewest..=most).contains(&wanted.len()) {
            let detail = format!(
                "a domain at OVHcloud has {fewest} to {most} name servers, not {}",
                wanted.len()
            );
            return Err(Error::new(ErrorKind::InvalidRequest, detail));
        }
        let seen = self.look_at(domain).await?;
        let leave = seen.mode() != Mode::External;
        let planned = !leave && seen.planned() == *wanted;
        if let Some(task) = self.under_way(domain, &seen).await? {
            return if planned {
                self.follow(domain, &awaited(task, wanted)).await
            } else {
                Err(busy(task))
            };
        }
        if planned && seen.is_exactly(wanted) {
            return Ok(Change::Unchanged);
        }
        refuse_to_change(domain, &seen)?;
        self.demand(&rules::change_nameservers(domain, leave)).await?;
        let mut all_addresses = seen.addresses();
        all_addresses.extend(addresses.clone());
        self.need_glue(domain, &seen, wanted, &all_addresses).await?;
        if leave {
            self.set_mode(domain, EXTERNAL).await?;
        }
        let task = match self
            .client
            .update_name_servers(domain, wanted, &all_addresses)
            .await
        {
            Ok(task) => task.map(|task| task.id).unwrap_or_default(),
            Err(failure) => {
                let error = in_the_middle(failure.error, leave);
                if error.applied == Applied::No || !self.is_planned(domain, wanted).await {
                    return Err(error);
                }
                0
            }
        };
        self.follow(
            domain,
            &awaited(self.numbered(domain, SERVERS, task).await, wanted),
        )
        .await
    }

    /// Puts the domain back on OVH's own name servers.
    pub(crate) async fn return_to_hosting(&self, domain: &DomainName) -> Result<Change, Error> {
        let seen = self.look_at(domain).await?;
        if let Some(task) = self.under_way(domain, &seen).await? {
            let planned = seen.mode() == Mode::Hosted;
            return if planned {
                self.follow(domain, &Awaited::Hosted).await
            } else {
                Err(busy(task))
            };
        }
        if seen.mode() == Mode::Hosted && seen.live() == seen.planned() {
            return Ok(Change::Unchanged);
        }
        refuse_to_change(domain, &seen)?;
        self.demand(&rules::return_to_hosting(domain)).await?;
        self.set_mode(domain, HOSTED).await?;
        self.follow(domain, &Awaited::Hosted).await
    }

    /// A change of name servers that is not over. Another request would not replace it: it would follow it, or be overwritten by it.
    /// A failed task counts while its servers are still shown as planned, for OVH tries it again.
    async fn under_way(&self, domain: &DomainName, seen: &Seen) -> Result<Option<u64>, Error> {
        match self.open_task(domain, SERVERS).await? {
            None if seen.live() != seen.planned() => self.stuck_task(domain, SERVERS).await,
            open => Ok(open),
        }
    }

    /// A vendor's answer with the number 0, or none, is looked up in the list.
    pub(crate) async fn numbered(&self, domain: &DomainName, function: &str, task: u64) -> u64 {
        match task {
            0 => self
                .open_task(domain, function)
                .await
                .ok()
                .flatten()
                .unwrap_or_default(),
            task => task,
        }
    }

    /// A host below the domain itself is only found when the registry has its address.
    async fn need_glue(
        &self,
        domain: &DomainName,
        seen: &Seen,
        wanted: &BTreeSet<DomainName>,
        addresses: &BTreeMap<DomainName, String>,
    ) -> Result<(), Error> {
        let live = seen.live();
        for host in wanted.iter().filter(|host| host.is_at_or_below(domain)) {
            if live.contains(host) || addresses.contains_key(host) {
                continue;
            }
            let known = seen.info.host_supported != Some(false)
                && if_there(self.client.glue(domain, host).await)?.is_some();
            if !known {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!(
                        "{host} is below {domain} itself, and the registry has no address of it: make a glue record first"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Sets who serves the domain. When the answer is lost, what the vendor shows decides.
    async fn set_mode(&self, domain: &DomainName, word: &str) -> Result<(), Error> {
        let Err(failure) = self.client.set_name_server_type(domain, word).await else {
            return Ok(());
        };
        let shown = match failure.error.applied {
            Applied::No => None,
            Applied::Yes | Applied::Unknown => self.client.domain(domain).await.ok(),
        };
        match shown {
            Some(info) if info.name_server_type == word => Ok(()),
            _ => Err(failure.error),
        }
    }

    async fn is_planned(&self, domain: &DomainName, wanted: &BTreeSet<DomainName>) -> bool {
        let seen = self.look_at(domain).await;
        seen.is_ok_and(|seen| seen.mode() == Mode::External && seen.planned() == *wanted)
    }
}

fn refuse_to_change(domain: &DomainName, seen: &Seen) -> Result<(), Error> {
    if let Some(error) = seen.barred() {
        return Err(error);
    }
    if seen.signed_by_vendor() {
        return Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "OVHcloud signs {domain}: on other name servers it would fail validation, and OVHcloud holds such a change \
                 back for days. Remove its DS first, and wait until they are gone from the caches",
            ),
        ));
    }
    Ok(())
}

fn busy(task: u64) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "OVHcloud is still at another change of this domain's name servers (task {task}); wait, or cancel it in the panel"
        ),
    )
}

fn awaited(task: u64, hosts: &BTreeSet<DomainName>) -> Awaited {
    Awaited::Nameservers {
        task,
        hosts: hosts.clone(),
    }
}
