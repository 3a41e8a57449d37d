//! The registry side: the contract on one side, the vendor's calls on the other.

use async_trait::async_trait;
use pdm_registrar::{
    Change, DomainName, Error, ErrorKind, NameserverSet, Registrar, Registration, Snapshot, TaskId,
    TaskState, WantedDs,
};

use crate::account::NamecheapAccount;
use crate::restore::Kept;
use crate::state::{expired, locked};
use crate::{ID, NO_DS_AT_REGISTRY};

#[async_trait]
impl Registrar for NamecheapAccount {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        let info = self.info(domain).await?;
        let delegation = self.delegation_of(domain).await?;
        // It hinders nobody here: without it the registration is still worth showing.
        let transfer_locked = self.api.registrar_lock(domain).await.ok();
        Ok(Registration {
            nameservers: delegation.hosts,
            ds: None,
            mode: delegation.mode,
            locked: Some(locked(&info)),
            transfer_locked,
            expired: expired(&info),
            pending: None,
        })
    }

    async fn set_nameservers(&self, domain: &DomainName, wanted: &NameserverSet) -> Result<Change, Error> {
        self.change_servers(domain, &wanted.iter().cloned().collect())
            .await
    }

    async fn set_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error> {
        let what = if wanted.is_empty() {
            format!("remove all DS of {domain}")
        } else {
            let ds: Vec<_> = wanted.ds().iter().map(ToString::to_string).collect();
            format!("the DS of {domain} have to be {}", ds.join("; "))
        };
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("{NO_DS_AT_REGISTRY}: {what}"),
        ))
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        self.task_state(domain, task).await
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        self.info(domain).await?;
        let delegation = self.delegation_of(domain).await?;
        let kept = Kept::of(self, domain, &delegation).await?;
        Ok(Snapshot {
            registrar: ID.to_owned(),
            domain: domain.clone(),
            nameservers: delegation.hosts,
            mode: delegation.mode,
            ds: None,
            keys: Vec::new(),
            vendor: kept.to_json(),
        })
    }

    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        self.put_back(domain, snapshot).await
    }
}
