//! An account that cannot write, whatever is asked of it.

use async_trait::async_trait;

use crate::adapter::{Account, Probe};
use crate::dns_host::{DnsHost, HostedDelegation, ZoneExport};
use crate::error::{Error, ErrorKind};
use crate::registrar::{Change, Registrar, Registration, Snapshot, TaskId, TaskState, WantedDs};
use crate::{DomainName, NameserverSet, OwnerName};

/// An opened account whose writes are refused before the adapter hears of them.
pub struct ReadOnly(Box<dyn Account>);

impl ReadOnly {
    /// Takes the writes away from `account`.
    pub fn new(account: Box<dyn Account>) -> Self {
        Self(account)
    }
}

fn refused<T>() -> Result<T, Error> {
    Err(Error::new(
        ErrorKind::Unsupported,
        "this account was opened for reading only; nothing was sent",
    ))
}

/// The side that this wrapper only offers when the account has it.
fn offered<T>(side: Option<T>) -> Result<T, Error> {
    side.ok_or_else(|| Error::new(ErrorKind::Unsupported, "this vendor does not offer it"))
}

#[async_trait]
impl Account for ReadOnly {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        self.0.probe(domain).await
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        self.0.registrar().map(|_| self as &dyn Registrar)
    }

    fn dns_host(&self) -> Option<&dyn DnsHost> {
        self.0.dns_host().map(|_| self as &dyn DnsHost)
    }
}

#[async_trait]
impl Registrar for ReadOnly {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        offered(self.0.registrar())?.registration(domain).await
    }

    async fn set_nameservers(&self, _: &DomainName, _: &NameserverSet) -> Result<Change, Error> {
        refused()
    }

    async fn set_ds(&self, _: &DomainName, _: &WantedDs) -> Result<Change, Error> {
        refused()
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        offered(self.0.registrar())?.task(domain, task).await
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        offered(self.0.registrar())?.snapshot(domain).await
    }

    async fn restore(&self, _: &DomainName, _: &Snapshot) -> Result<Change, Error> {
        refused()
    }
}

#[async_trait]
impl DnsHost for ReadOnly {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        offered(self.0.dns_host())?.delegation(zone, name).await
    }

    async fn delegate(
        &self,
        _: &DomainName,
        _: &DomainName,
        _: &NameserverSet,
        _: &WantedDs,
    ) -> Result<Change, Error> {
        refused()
    }

    async fn undelegate(
        &self,
        _: &DomainName,
        _: &DomainName,
        _: Option<&NameserverSet>,
    ) -> Result<Change, Error> {
        refused()
    }

    async fn put_txt(&self, _: &DomainName, _: &OwnerName, _: &str) -> Result<Change, Error> {
        refused()
    }

    async fn remove_txt(&self, _: &DomainName, _: &OwnerName, _: &str) -> Result<Change, Error> {
        refused()
    }

    async fn export(&self, zone: &DomainName) -> Result<ZoneExport, Error> {
        offered(self.0.dns_host())?.export(zone).await
    }
}
