//! The registry side: the contract on one side, the vendor's calls on the other.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pdm_registrar::{
    Change, DomainName, Error, ErrorKind, Mode, NameserverSet, Registrar, Registration, Snapshot, TaskId,
    TaskState, WantedDs,
};

use crate::ID;
use crate::account::DynadotAccount;
use crate::restore::Kept;
use crate::state::{Ds, State};

#[async_trait]
impl Registrar for DynadotAccount {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        let state = self.look_at(domain).await?;
        let ds = self.ds_of(domain).await?;
        let nameservers = self.hosts_of(domain, &state).await?;
        Ok(Registration {
            nameservers,
            ds: ds.shown().cloned(),
            mode: state.mode,
            locked: Some(state.locked),
            transfer_locked: state.transfer_locked,
            expired: state.expired,
            pending: None,
        })
    }

    async fn set_nameservers(&self, domain: &DomainName, wanted: &NameserverSet) -> Result<Change, Error> {
        self.change_servers(domain, &wanted.iter().cloned().collect())
            .await
    }

    async fn set_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error> {
        self.change_ds(domain, wanted.ds()).await
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        self.task_state(domain, task).await
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        let state = self.look_at(domain).await?;
        let ds = match self.ds_of(domain).await? {
            Ds::Strange => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the domain has a DS of a kind that cannot be put back: look at it in the panel first",
                ));
            }
            ds => ds.shown().cloned(),
        };
        let kept = Kept::of(self, domain, &state).await?;
        Ok(Snapshot {
            registrar: ID.to_owned(),
            domain: domain.clone(),
            nameservers: self.hosts_of(domain, &state).await?,
            mode: state.mode,
            ds,
            keys: Vec::new(),
            vendor: kept.to_json(),
        })
    }

    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        self.put_back(domain, snapshot).await
    }
}

impl DynadotAccount {
    async fn hosts_of(&self, domain: &DomainName, state: &State) -> Result<BTreeSet<DomainName>, Error> {
        match state.mode {
            Mode::External => Ok(state.hosts.clone()),
            Mode::Hosted | Mode::Other(_) => self.own_hosts(domain).await,
        }
    }
}
