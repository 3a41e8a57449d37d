//! What can be asked of an account, and what each verb needs.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use pdm_registrar::{
    Account, Change, DnsHost, Dnskey, DomainName, DsRecord, Error, ErrorKind, NameserverSet, OwnerName,
    Registrar, Snapshot, TaskId, TaskState, WantedDs,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::CallArgs;

/// How long a call follows the vendor.
const FOLLOWED: Duration = Duration::from_secs(60);
/// Between two looks at a task.
const PAUSE: Duration = Duration::from_secs(2);

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Verb {
    /// Look at what the credentials can do for the domain
    Probe,
    /// Read the registration: name servers, DS, mode, locks
    Nameservers,
    /// Make --nameservers the name servers
    SetNameservers,
    /// Read the DS
    Ds,
    /// Make the given --ds the DS; none removes all
    SetDs,
    /// Read all that is needed to put the domain back
    Snapshot,
    /// Put the domain back to --snapshot
    Restore,
    /// Look how far an accepted change is
    Task,
    /// Delegate --name to --nameservers, with --ds
    Delegate,
    /// Remove the delegation of --name; with --nameservers only if it is to those
    Undelegate,
    /// Add --value to the TXT at --name
    PutTxt,
    /// Remove --value from the TXT at --name
    RemoveTxt,
    /// Read all records of the zone
    Export,
}

impl Verb {
    fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Probe | Self::Nameservers | Self::Ds | Self::SetDs | Self::Snapshot | Self::Export => &[],
            Self::SetNameservers => &["nameservers"],
            Self::Restore => &["snapshot"],
            Self::Task => &["task"],
            Self::Delegate => &["name", "nameservers"],
            Self::Undelegate => &["name"],
            Self::PutTxt | Self::RemoveTxt => &["name", "value"],
        }
    }
}

/// A call as it was written, complete, its values not yet looked at.
pub(super) struct Request {
    verb: Verb,
    domain: String,
    zone: Option<String>,
    name: Option<String>,
    nameservers: Vec<String>,
    ds: Vec<String>,
    dnskey: Vec<String>,
    value: String,
    snapshot: Option<Vec<u8>>,
    task: String,
}

impl Request {
    /// Takes the arguments; an error when one is missing that the verb needs, or a file cannot be read.
    pub(super) fn read(args: &CallArgs) -> Result<Self> {
        let given = |what: &str| match what {
            "nameservers" => !args.nameservers.is_empty(),
            "snapshot" => args.snapshot.is_some(),
            "task" => args.task.is_some(),
            "name" => args.name.is_some(),
            _ => args.value.is_some(),
        };
        for needed in args.verb.needs() {
            ensure!(given(needed), "this needs --{needed}");
        }
        let snapshot = match &args.snapshot {
            Some(path) => {
                Some(std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?)
            }
            None => None,
        };
        Ok(Self {
            verb: args.verb,
            domain: args.domain.clone(),
            zone: args.zone.clone(),
            name: args.name.clone(),
            nameservers: args.nameservers.clone(),
            ds: args.ds.clone(),
            dnskey: args.dnskey.clone(),
            value: args.value.clone().unwrap_or_default(),
            snapshot,
            task: args.task.clone().unwrap_or_default(),
        })
    }

    /// Reads the values; what is no name, set, DS or snapshot is an invalid request.
    pub(super) fn checked(&self) -> Result<Checked, Error> {
        let domain = DomainName::parse(&self.domain).map_err(|error| invalid("--domain", error))?;
        let zone = self.zone.as_deref().map(DomainName::parse).transpose();
        let zone = zone
            .map_err(|error| invalid("--zone", error))?
            .unwrap_or_else(|| domain.clone());
        let nameservers = || {
            let hosts: Result<Vec<_>, _> = self
                .nameservers
                .iter()
                .map(|host| DomainName::parse(host))
                .collect();
            let hosts = hosts.map_err(|error| invalid("--nameservers", error))?;
            NameserverSet::new(hosts).map_err(|error| invalid("--nameservers", error))
        };
        let wanted_ds = || {
            let ds: Result<Vec<_>, _> = self.ds.iter().map(|ds| DsRecord::parse(ds)).collect();
            let keys: Result<Vec<_>, _> = self.dnskey.iter().map(|key| Dnskey::parse(key)).collect();
            let ds = ds.map_err(|error| invalid("--ds", error))?;
            Ok::<_, Error>(WantedDs::new(
                ds,
                keys.map_err(|error| invalid("--dnskey", error))?,
            ))
        };
        let text = self.name.as_deref().unwrap_or_default();
        let name = || DomainName::parse(text).map_err(|error| invalid("--name", error));
        let owner = || OwnerName::parse(text).map_err(|error| invalid("--name", error));
        Ok(match self.verb {
            Verb::Probe => Checked::Probe(domain),
            Verb::Nameservers => Checked::Nameservers(domain),
            Verb::Ds => Checked::Ds(domain),
            Verb::Snapshot => Checked::Snapshot(domain),
            Verb::Task => Checked::Task(domain, TaskId(self.task.clone())),
            Verb::Export => Checked::Export(zone),
            Verb::SetNameservers => Checked::Write(domain, Write::Nameservers(nameservers()?)),
            Verb::SetDs => Checked::Write(domain, Write::Ds(wanted_ds()?)),
            Verb::Restore => {
                let snapshot = serde_json::from_slice(self.snapshot.as_deref().unwrap_or_default());
                let snapshot: Snapshot = snapshot.map_err(|error| invalid("--snapshot", error))?;
                Checked::Write(domain, Write::Restore(Box::new(snapshot)))
            }
            Verb::Delegate => Checked::Write(zone, Write::Delegate(name()?, nameservers()?, wanted_ds()?)),
            Verb::Undelegate => {
                let ours = if self.nameservers.is_empty() {
                    None
                } else {
                    Some(nameservers()?)
                };
                Checked::Write(zone, Write::Undelegate(name()?, ours))
            }
            Verb::PutTxt => Checked::Write(zone, Write::PutTxt(owner()?, self.value.clone())),
            Verb::RemoveTxt => Checked::Write(zone, Write::RemoveTxt(owner()?, self.value.clone())),
        })
    }
}

/// A call whose values are good.
pub(super) enum Checked {
    Probe(DomainName),
    Nameservers(DomainName),
    Ds(DomainName),
    Snapshot(DomainName),
    Task(DomainName, TaskId),
    Export(DomainName),
    Write(DomainName, Write),
}

/// What a write wants.
pub(super) enum Write {
    Nameservers(NameserverSet),
    Ds(WantedDs),
    Restore(Box<Snapshot>),
    Delegate(DomainName, NameserverSet, WantedDs),
    Undelegate(DomainName, Option<NameserverSet>),
    PutTxt(OwnerName, String),
    RemoveTxt(OwnerName, String),
}

impl Checked {
    /// Asks the account. A write without `apply` reads only, and says what it would do.
    pub(super) async fn run(&self, account: &dyn Account, apply: bool) -> Result<Value, Error> {
        match self {
            Self::Probe(domain) => {
                let probe = account.probe(domain).await?;
                let mut shown = shown(&probe)?;
                shown["refused_because"] = json!(probe.refused_because());
                Ok(shown)
            }
            Self::Nameservers(domain) => shown(&registrar(account)?.registration(domain).await?),
            Self::Ds(domain) => match registrar(account)?.registration(domain).await?.ds {
                Some(ds) => Ok(json!({ "ds": ds })),
                None => Err(unsupported("this vendor's API does not show the DS")),
            },
            Self::Snapshot(domain) => shown(&registrar(account)?.snapshot(domain).await?),
            Self::Task(domain, task) => shown(&registrar(account)?.task(domain, task).await?),
            Self::Export(zone) => shown(&host(account)?.export(zone).await?),
            Self::Write(at, write) if apply => {
                let begun = Instant::now();
                let change = write.perform(account, at).await?;
                followed(account, at, change, begun).await
            }
            Self::Write(at, write) => write.planned(account, at).await,
        }
    }
}

impl Write {
    async fn perform(&self, account: &dyn Account, at: &DomainName) -> Result<Change, Error> {
        match self {
            Self::Nameservers(wanted) => registrar(account)?.set_nameservers(at, wanted).await,
            Self::Ds(wanted) => registrar(account)?.set_ds(at, wanted).await,
            Self::Restore(snapshot) => registrar(account)?.restore(at, snapshot).await,
            Self::Delegate(name, wanted, ds) => host(account)?.delegate(at, name, wanted, ds).await,
            Self::Undelegate(name, ours) => host(account)?.undelegate(at, name, ours.as_ref()).await,
            Self::PutTxt(name, value) => host(account)?.put_txt(at, name, value).await,
            Self::RemoveTxt(name, value) => host(account)?.remove_txt(at, name, value).await,
        }
    }

    /// What is there, and what would be there instead.
    async fn planned(&self, account: &dyn Account, at: &DomainName) -> Result<Value, Error> {
        let (what, before, after) = match self {
            Self::Nameservers(wanted) => {
                let there = registrar(account)?.registration(at).await?.nameservers;
                ("nameservers", json!(there), json!(wanted))
            }
            Self::Ds(wanted) => (
                "ds",
                json!(registrar(account)?.registration(at).await?.ds),
                json!(wanted.ds()),
            ),
            Self::Restore(snapshot) => {
                let there = registrar(account)?.registration(at).await?;
                let state =
                    |mode, nameservers, ds| json!({"mode": mode, "nameservers": nameservers, "ds": ds});
                let before = state(json!(there.mode), json!(there.nameservers), json!(there.ds));
                let after = state(
                    json!(snapshot.mode),
                    json!(snapshot.nameservers),
                    json!(snapshot.ds),
                );
                ("registration", before, after)
            }
            Self::Delegate(name, wanted, ds) => {
                let there = host(account)?.delegation(at, name).await?;
                let after = json!({"nameservers": wanted, "ds": ds.ds(), "other_types": there.other_types});
                ("delegation", json!(there), after)
            }
            Self::Undelegate(name, _) => {
                let there = host(account)?.delegation(at, name).await?;
                let none = BTreeSet::<DsRecord>::new();
                let after = json!({"nameservers": [], "ds": none, "other_types": there.other_types});
                ("delegation", json!(there), after)
            }
            Self::PutTxt(name, value) => {
                let before = values(account, at, name).await?;
                let mut after = before.clone();
                after.insert(value.clone());
                ("txt", json!(before), json!(after))
            }
            Self::RemoveTxt(name, value) => {
                let before = values(account, at, name).await?;
                let mut after = before.clone();
                after.remove(value);
                ("txt", json!(before), json!(after))
            }
        };
        Ok(json!({"apply": false, "would": {"what": what, "at": at, "before": before, "after": after}}))
    }
}

/// The TXT values at a name.
async fn values(
    account: &dyn Account,
    zone: &DomainName,
    name: &OwnerName,
) -> Result<BTreeSet<String>, Error> {
    let records = host(account)?.export(zone).await?.records;
    let here = records
        .iter()
        .filter(|record| record.owner == *name && record.rtype == "TXT");
    Ok(here
        .map(|record| crate::picture::unquoted(&record.value))
        .collect())
}

/// Waits for an accepted change as long as a call may.
async fn followed(
    account: &dyn Account,
    at: &DomainName,
    change: Change,
    begun: Instant,
) -> Result<Value, Error> {
    let Change::Accepted(task) = &change else {
        return shown(&change);
    };
    while begun.elapsed() + PAUSE < FOLLOWED {
        match registrar(account)?.task(at, task).await {
            Ok(TaskState::Done) => return shown(&Change::Applied),
            Ok(TaskState::Failed { detail }) => return Err(Error::new(ErrorKind::Unexpected, detail)),
            Ok(TaskState::NeedsPerson { detail }) => {
                let mut shown = shown(&change)?;
                shown["detail"] = json!(detail);
                return Ok(shown);
            }
            // It was accepted all the same, and can be asked for later.
            Err(_) => break,
            Ok(TaskState::Pending { .. }) => sleep(PAUSE).await,
        }
    }
    shown(&change)
}

fn registrar(account: &dyn Account) -> Result<&dyn Registrar, Error> {
    account
        .registrar()
        .ok_or_else(|| unsupported("this vendor's API does not reach the registry"))
}

fn host(account: &dyn Account) -> Result<&dyn DnsHost, Error> {
    account
        .dns_host()
        .ok_or_else(|| unsupported("this vendor hosts no zones by API"))
}

fn unsupported(detail: &str) -> Error {
    Error::new(ErrorKind::Unsupported, detail)
}

fn invalid(what: &str, error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("{what}: {error}"))
}

fn shown(value: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value)
        .map_err(|_| Error::new(ErrorKind::Unexpected, "the answer cannot be written as JSON"))
}
