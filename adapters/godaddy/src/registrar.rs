//! The registry side: name servers by v1 or v3, DS by v2.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pdm_registrar::{
    Change, DomainName, DsRecord, Error, ErrorKind, NameserverSet, Registrar, Registration, Snapshot, TaskId,
    TaskState, WantedDs,
};

use crate::DESCRIPTOR;
use crate::account::Opened;
use crate::restore::Kept;
use crate::task::{ActionOf, Goal, Task};

#[async_trait]
impl Registrar for Opened {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        let state = self.state(domain).await?;
        let pending = state.open_action().map(|action| {
            let of = ActionOf {
                kind: action.kind.clone(),
                after: None,
            };
            let task = Task {
                action: Some(of),
                ..Task::plain(domain, Goal::End)
            };
            task.id()
        });
        Ok(Registration {
            ds: state.ds(),
            mode: state.mode(),
            locked: state.locked(),
            transfer_locked: state.transfer_locked(),
            expired: state.expired(),
            pending,
            nameservers: state.nameservers,
        })
    }

    async fn set_nameservers(&self, domain: &DomainName, wanted: &NameserverSet) -> Result<Change, Error> {
        let hosts: BTreeSet<_> = wanted.iter().cloned().collect();
        let state = self.state(domain).await?;
        if state.nameservers == hosts {
            return Ok(Change::Unchanged);
        }
        state.changeable()?;
        if state.is_hosted() && state.has_ds() {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the domain has DS that belong to the keys of GoDaddy's servers: with other servers nobody who validates could reach it. \
                 Remove the DS first and wait until they are out of caches",
            ));
        }
        self.flip(domain, hosts).await
    }

    async fn set_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error> {
        self.change_ds(domain, wanted, false).await
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        Ok(self.follow(&Task::of(domain, task)?).await?.into())
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        let state = self.state(domain).await?;
        let kept = if state.is_hosted() {
            self.keep(domain).await?
        } else {
            Kept::default()
        };
        Ok(Snapshot {
            registrar: DESCRIPTOR.id.to_owned(),
            domain: domain.clone(),
            mode: state.mode(),
            ds: state.ds(),
            keys: Vec::new(),
            vendor: kept.to_json(),
            nameservers: state.nameservers,
        })
    }

    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        self.put_back(domain, snapshot).await
    }
}

impl Opened {
    /// The name servers that GoDaddy shows.
    pub(crate) async fn shown_nameservers(&self, domain: &DomainName) -> Result<BTreeSet<DomainName>, Error> {
        let shown = self.api.domain(domain).await?;
        Ok(crate::state::State::new(shown, None)?.nameservers)
    }

    /// The DS that GoDaddy shows.
    pub(crate) async fn shown_ds(&self, domain: &DomainName) -> Result<Option<BTreeSet<DsRecord>>, Error> {
        let shown = self.api.customer_domain(domain).await?;
        Ok(shown.and_then(|shown| crate::ds::all_from_wire(&shown)))
    }

    /// Sends other name servers, and looks for them.
    pub(crate) async fn flip(
        &self,
        domain: &DomainName,
        hosts: BTreeSet<DomainName>,
    ) -> Result<Change, Error> {
        let (sent, operation) = match self.api.set_nameservers(domain, &hosts).await {
            Ok(operation) => (Ok(()), operation),
            Err(failure) => (Err(failure), None),
        };
        let task = Task {
            operation,
            ..Task::plain(domain, Goal::Nameservers { hosts })
        };
        self.outcome(sent, &task).await
    }
}
