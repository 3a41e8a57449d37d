//! An adapter that keeps to the contract except in one way.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use conformance::act;
use conformance::sim::journal::Journal;
use conformance::sim::world::World;
use pdm_registrar::{
    Ability, Account, Adapter, Applied, Change, Credentials, Descriptor, DnsHost, DomainName, Endpoint,
    Error, ErrorKind, HostedDelegation, NameserverSet, OwnerName, Probe, Registrar, Registration, Snapshot,
    TaskId, TaskState, WantedDs, ZoneExport,
};

use crate::sabotage::Sabotage;

/// What a crooked adapter knows of its surroundings.
#[derive(Clone)]
pub struct Around {
    pub how: Sabotage,
    pub world: World,
    pub journal: Journal,
    /// The secret values of the ordinary account.
    pub secrets: Arc<Vec<String>>,
}

pub struct Crooked {
    pub inner: Arc<dyn Adapter>,
    pub around: Around,
}

impl Adapter for Crooked {
    fn descriptor(&self) -> &'static Descriptor {
        let mut descriptor = *self.inner.descriptor();
        match &self.around.how {
            Sabotage::Describes(change) => change(&mut descriptor),
            Sabotage::HelpRepeatsSecrets => {
                let mut fields = descriptor.fields.to_vec();
                for field in &mut fields {
                    field.help = Box::leak(self.around.secrets.join(" ").into_boxed_str());
                }
                descriptor.fields = Box::leak(fields.into_boxed_slice());
            }
            _ => return self.inner.descriptor(),
        }
        // As many as the self-check makes, and no more.
        Box::leak(Box::new(descriptor))
    }

    fn open(&self, at: &Endpoint, with: &Credentials) -> Result<Box<dyn Account>, Error> {
        let base = match at {
            Endpoint::Custom(custom) => custom.base().to_owned(),
            _ => String::new(),
        };
        if matches!(self.around.how, Sabotage::SendsWhenOpened) {
            knock(&base);
        }
        Ok(Box::new(Bent {
            inner: self.inner.open(at, with)?,
            around: self.around.clone(),
            base,
            given: AtomicUsize::new(0),
        }))
    }
}

/// One request, without waiting for anything else.
fn knock(base: &str) {
    let address = base.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("the simulator listens");
    stream
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .expect("the simulator reads");
    let mut answer = Vec::new();
    // Whatever it says.
    let _read = stream.read_to_end(&mut answer);
}

struct Bent {
    inner: Box<dyn Account>,
    around: Around,
    base: String,
    /// Tasks that this account began.
    given: AtomicUsize,
}

impl Bent {
    fn how(&self) -> &Sabotage {
        &self.around.how
    }

    fn registrar(&self) -> &dyn Registrar {
        self.inner.registrar().expect("offered only when there is one")
    }

    fn host(&self) -> &dyn DnsHost {
        self.inner.dns_host().expect("offered only when there is one")
    }

    /// A record of somebody is lost, and a setting of somebody else's is changed.
    fn harm(&self) {
        let mut state = self.around.world.state();
        if let Some(zone) = state.zones.values_mut().find(|zone| !zone.records.is_empty()) {
            zone.records.remove(0);
        }
        if let Some(domain) = state.domains.values_mut().next() {
            domain.transfer_locked = !domain.transfer_locked;
        }
    }

    fn read<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if matches!(self.how(), Sabotage::ReadsHarm) {
            self.harm();
        }
        self.failed(answer)
    }

    fn failed<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        answer.map_err(|mut error| {
            match self.how() {
                Sabotage::Errors(change) => change(&mut error),
                Sabotage::ErrorsRepeatSecrets => {
                    for secret in self.around.secrets.iter() {
                        error.detail += &data_encoding::BASE64.encode(format!("x{secret}").as_bytes());
                    }
                }
                _ => {}
            }
            error
        })
    }

    /// Bends what becomes of a write.
    async fn write(&self, work: impl Future<Output = Result<Change, Error>>) -> Result<Change, Error> {
        let how = self.how();
        if matches!(how, Sabotage::SwallowsWrites) {
            return Ok(Change::Applied);
        }
        let before = {
            let state = self.around.world.state();
            (state.domains.clone(), state.zones.clone())
        };
        let mut answer = work.await;
        if self.lies(&answer) {
            return Ok(Change::Applied);
        }
        match (how, &mut answer) {
            (Sabotage::ReadsNothingBack, Ok(Change::Applied))
                if self
                    .around
                    .journal
                    .entries()
                    .iter()
                    .any(|entry| entry.write && entry.status >= 500) =>
            {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "the vendor said that it failed",
                ));
            }
            (Sabotage::UndoesWrites, Ok(Change::Applied)) => {
                let mut state = self.around.world.state();
                (state.domains, state.zones) = before;
            }
            (Sabotage::WritesHarm, Ok(_)) | (Sabotage::RefusalsHarm, Err(_)) => self.harm(),
            (Sabotage::ConflictsAreAccepted, Err(error)) if error.kind == ErrorKind::Conflict => {
                return Ok(Change::Accepted(TaskId("another".to_owned())));
            }
            (_, Ok(Change::Accepted(task))) => {
                let number = self.given.fetch_add(1, Ordering::SeqCst);
                if matches!(how, Sabotage::NamesTasksAnew) {
                    task.0 += &number.to_string();
                }
            }
            _ => {}
        }
        self.failed(answer)
    }

    /// Whether what was answered is called done.
    fn lies(&self, answer: &Result<Change, Error>) -> bool {
        match (self.how(), answer) {
            (Sabotage::NeverUnchanged, Ok(Change::Unchanged))
            | (Sabotage::RefusalsAreSuccess, Err(_))
            | (Sabotage::BelievesTheVendor, Ok(Change::Accepted(_))) => true,
            (Sabotage::BelievesTheVendor, Err(error)) => error.applied != Applied::No,
            _ => false,
        }
    }
}

#[async_trait]
impl Account for Bent {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        match self.how() {
            Sabotage::ProbesNothing => {
                return Ok(Probe {
                    account: None,
                    domain_in_account: true,
                    locked: None,
                    read_ns: Ability::Yes,
                    change_ns: Ability::Yes,
                    change_ds: Ability::Yes,
                    delegate_subdomain: Ability::Yes,
                    export_zone: Ability::Yes,
                });
            }
            Sabotage::FollowsRedirects => {
                let _answer = reqwest::get(format!("{}/", self.base)).await;
            }
            Sabotage::SendsSecretsAbout => {
                for secret in self.around.secrets.iter() {
                    let hex = data_encoding::HEXLOWER.encode(secret.as_bytes());
                    let _answer = reqwest::get(format!("{}/?trace={hex}", self.base)).await;
                }
            }
            Sabotage::LogsSecrets => tracing::trace!(secrets = ?self.around.secrets, "asking"),
            _ => {}
        }
        let answer = self.inner.probe(domain).await;
        if matches!(self.how(), Sabotage::ProbesHarm) {
            self.harm();
        }
        let failed = |entry: &conformance::sim::journal::Entry| entry.status >= 500;
        if matches!(self.how(), Sabotage::GivesUpAtOnce) && self.around.journal.entries().iter().any(failed) {
            return Err(Error::new(ErrorKind::Unavailable, "one call failed"));
        }
        let mut probe = self.read(answer)?;
        if let Sabotage::Probes(change) = self.how() {
            change(&mut probe);
        }
        Ok(probe)
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        self.inner.registrar().map(|_| self as &dyn Registrar)
    }

    fn dns_host(&self) -> Option<&dyn DnsHost> {
        self.inner.dns_host().map(|_| self as &dyn DnsHost)
    }
}

#[async_trait]
impl Registrar for Bent {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        let mut registration = self.read(self.registrar().registration(domain).await)?;
        if let Sabotage::Registrations(change) = self.how() {
            change(&mut registration);
        }
        Ok(registration)
    }

    async fn set_nameservers(&self, domain: &DomainName, wanted: &NameserverSet) -> Result<Change, Error> {
        let mut hosts: BTreeSet<_> = wanted.iter().cloned().collect();
        if matches!(self.how(), Sabotage::AddsOnly) {
            hosts.extend(self.registrar().registration(domain).await?.nameservers);
        }
        let wanted = NameserverSet::new(hosts).expect("not more than thirteen");
        self.write(self.registrar().set_nameservers(domain, &wanted))
            .await
    }

    async fn set_ds(&self, domain: &DomainName, wanted: &WantedDs) -> Result<Change, Error> {
        let mut ds = wanted.ds().clone();
        match self.how() {
            Sabotage::AddsOnly => ds.extend(
                self.registrar()
                    .registration(domain)
                    .await?
                    .ds
                    .unwrap_or_default(),
            ),
            Sabotage::KeepsOneDs => ds = ds.into_iter().take(1).collect(),
            _ => return self.write(self.registrar().set_ds(domain, wanted)).await,
        }
        // The keys of the suite are numbered.
        let wanted = WantedDs::new(ds, (1..=9).map(act::key));
        self.write(self.registrar().set_ds(domain, &wanted)).await
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        match self.how() {
            Sabotage::TasksAreDone => Ok(TaskState::Done),
            Sabotage::TasksAreForgotten if self.given.load(Ordering::SeqCst) == 0 => Ok(TaskState::Failed {
                detail: "no such task".to_owned(),
            }),
            _ => self.read(self.registrar().task(domain, task).await),
        }
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        let mut snapshot = self.read(self.registrar().snapshot(domain).await)?;
        match self.how() {
            Sabotage::Snapshots(change) => change(&mut snapshot),
            Sabotage::SnapshotsHoldSecrets => snapshot.vendor = self.around.secrets.join(" ").into(),
            _ => {}
        }
        Ok(snapshot)
    }

    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        let mut snapshot = snapshot.clone();
        match self.how() {
            Sabotage::RestoresAnything => {
                snapshot.domain = domain.clone();
                snapshot.registrar = self.registrar().snapshot(domain).await?.registrar;
            }
            Sabotage::RestoresNoDs => snapshot.ds = snapshot.ds.map(|_| BTreeSet::new()),
            Sabotage::SwallowsRestores => return Ok(Change::Applied),
            _ => {}
        }
        self.write(self.registrar().restore(domain, &snapshot)).await
    }
}

#[async_trait]
impl DnsHost for Bent {
    async fn delegation(&self, zone: &DomainName, name: &DomainName) -> Result<HostedDelegation, Error> {
        let mut delegation = self.read(self.host().delegation(zone, name).await)?;
        if let Sabotage::Delegations(change) = self.how() {
            change(&mut delegation);
        }
        Ok(delegation)
    }

    async fn delegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        nameservers: &NameserverSet,
        ds: &WantedDs,
    ) -> Result<Change, Error> {
        let mut hosts: BTreeSet<_> = nameservers.iter().cloned().collect();
        if matches!(self.how(), Sabotage::AddsOnly) {
            hosts.extend(self.host().delegation(zone, name).await?.nameservers);
        }
        let wanted = NameserverSet::new(hosts).expect("not more than thirteen");
        let none = WantedDs::none();
        let ds = if matches!(self.how(), Sabotage::DropsDs) {
            &none
        } else {
            ds
        };
        self.write(self.host().delegate(zone, name, &wanted, ds)).await
    }

    async fn undelegate(
        &self,
        zone: &DomainName,
        name: &DomainName,
        ours: Option<&NameserverSet>,
    ) -> Result<Change, Error> {
        self.write(self.host().undelegate(zone, name, ours)).await
    }

    async fn put_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        if matches!(self.how(), Sabotage::OneTxtOnly) {
            for other in act::VALUES.into_iter().filter(|other| *other != value) {
                self.host().remove_txt(zone, name, other).await?;
            }
        }
        let mangled = value.replace('"', "").replace("two words", "two");
        let value = if matches!(self.how(), Sabotage::MangledTxt) {
            &mangled
        } else {
            value
        };
        self.write(self.host().put_txt(zone, name, value)).await
    }

    async fn remove_txt(&self, zone: &DomainName, name: &OwnerName, value: &str) -> Result<Change, Error> {
        if matches!(self.how(), Sabotage::OneTxtOnly) {
            for other in act::VALUES.into_iter().filter(|other| *other != value) {
                self.host().remove_txt(zone, name, other).await?;
            }
        }
        self.write(self.host().remove_txt(zone, name, value)).await
    }

    async fn export(&self, zone: &DomainName) -> Result<ZoneExport, Error> {
        let mut export = self.read(self.host().export(zone).await)?;
        if let Sabotage::Exports(change) = self.how() {
            change(&mut export);
        }
        Ok(export)
    }
}
