//! The registry side.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use pdm_registrar::{
    Change, DomainName, DsRecord, Error, NameserverSet, Registrar, Registration, Snapshot, TaskId, TaskState,
    WantedDs,
};

use crate::ID;
use crate::account::OvhAccount;
use crate::ds::Keys;
use crate::restore::Kept;
use crate::state::Seen;
use crate::tasks::{Awaited, KEYS, SERVERS};

#[async_trait]
impl Registrar for OvhAccount {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        let seen = self.look_at(domain).await?;
        let keys = self.ds_of(domain).await?;
        let task = match self.open_task(domain, SERVERS).await? {
            Some(task) => Some(Awaited::Nameservers {
                task,
                hosts: seen.planned(),
            }),
            None => self
                .open_task(domain, KEYS)
                .await?
                .map(|task| Awaited::End { task }),
        };
        Ok(Registration {
            nameservers: seen.live(),
            ds: shown_ds(&seen, &keys),
            mode: seen.mode(),
            locked: Some(seen.locked()),
            transfer_locked: seen.transfer_locked(),
            expired: seen.expired(),
            pending: task.map(|task| task.id()),
        })
    }

    async fn set_nameservers(&self, domain: &DomainName, wanted: &NameserverSet) -> Result<Change, Error> {
        let wanted = wanted.iter().cloned().collect();
        self.change_servers(domain, &wanted, &BTreeMap::new()).await
    }

    async fn set_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error> {
        self.change_ds(domain, wanted).await
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        self.task_state(domain, task).await
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        let seen = self.look_at(domain).await?;
        let keys = self.ds_of(domain).await?;
        Ok(Snapshot {
            registrar: ID.to_owned(),
            domain: domain.clone(),
            mode: seen.mode(),
            nameservers: seen.live(),
            ds: shown_ds(&seen, &keys),
            keys: keys.live_keys(),
            vendor: Kept::of(&seen).to_json(),
        })
    }

    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        self.put_back(domain, snapshot).await
    }
}

/// A domain that OVH signs has DS; where none are listed, the list does not show them.
fn shown_ds(seen: &Seen, keys: &Keys) -> Option<BTreeSet<DsRecord>> {
    let ds = keys.live();
    (!ds.is_empty() || !seen.signed_by_vendor()).then_some(ds)
}
