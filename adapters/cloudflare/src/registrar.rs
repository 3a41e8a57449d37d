//! The registry side: what Cloudflare shows of it, and nothing to change.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pdm_registrar::{
    Change, DomainName, DsRecord, Error, ErrorKind, Mode, NameserverSet, Registrar, Registration, Snapshot,
    TaskId, TaskState, WantedDs,
};

use crate::DESCRIPTOR;
use crate::account::Opened;
use crate::api::Which;
use crate::goal::Goal;
use crate::wire::Zone;

/// Why name servers cannot be set, and what to do.
pub(crate) const NAMESERVERS_ARE_FIXED: &str = "Cloudflare cannot point a domain at other name servers by API. Delegate a name below the \
    domain instead, or transfer the domain to another registrar. If the domain is registered elsewhere, use that registrar's \
    credentials.";

/// Why DS cannot be set, and what to do.
pub(crate) const DS_ARE_FIXED: &str = "Cloudflare keeps no DS for a domain but those of its own signing. Delegate a name below the domain \
    with a DS instead. If the domain is registered elsewhere, use that registrar's credentials.";

#[async_trait]
impl Registrar for Opened {
    async fn registration(&self, domain: &DomainName) -> Result<Registration, Error> {
        let zone = self.zone(domain).await?;
        Ok(Registration {
            nameservers: shown_nameservers(&zone)?,
            ds: self.shown_ds(&zone).await?,
            mode: Mode::Hosted,
            locked: None,
            transfer_locked: None,
            expired: false,
            pending: None,
        })
    }

    async fn set_nameservers(&self, _: &DomainName, _: &NameserverSet) -> Result<Change, Error> {
        Err(Error::new(ErrorKind::Unsupported, NAMESERVERS_ARE_FIXED))
    }

    async fn set_ds(&self, _: &DomainName, _: &WantedDs) -> Result<Change, Error> {
        Err(Error::new(ErrorKind::Unsupported, DS_ARE_FIXED))
    }

    async fn task(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        let goal = Goal::of_task(task)?;
        if goal.zone() != domain {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the task is of another zone",
            ));
        }
        let zone = self.zone(domain).await?;
        let records = self.api.records(&zone, Which::At(goal.name())).await?;
        Ok(if goal.reached(&records) {
            TaskState::Done
        } else {
            TaskState::Pending {
                detail: "Cloudflare took the change and does not show it yet".to_owned(),
            }
        })
    }

    async fn snapshot(&self, domain: &DomainName) -> Result<Snapshot, Error> {
        let now = self.registration(domain).await?;
        Ok(Snapshot {
            registrar: DESCRIPTOR.id.to_owned(),
            domain: domain.clone(),
            mode: now.mode,
            nameservers: now.nameservers,
            ds: now.ds,
            keys: Vec::new(),
            vendor: serde_json::Value::Null,
        })
    }

    async fn restore(&self, domain: &DomainName, snapshot: &Snapshot) -> Result<Change, Error> {
        if snapshot.registrar != DESCRIPTOR.id || snapshot.domain != *domain {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "the snapshot is of another domain or another registrar",
            ));
        }
        let now = self.registration(domain).await?;
        if now.nameservers != snapshot.nameservers || now.mode != snapshot.mode {
            return Err(Error::new(ErrorKind::Unsupported, NAMESERVERS_ARE_FIXED));
        }
        if snapshot.ds.is_some() && now.ds != snapshot.ds {
            return Err(Error::new(ErrorKind::Unsupported, DS_ARE_FIXED));
        }
        Ok(Change::Unchanged)
    }
}

impl Opened {
    /// The DS of Cloudflare's own signing, once it has seen them at the registry. What stands there otherwise it does not tell.
    async fn shown_ds(&self, zone: &Zone) -> Result<Option<BTreeSet<DsRecord>>, Error> {
        match self.api.dnssec(zone).await {
            Ok(dnssec) if dnssec.status.as_deref() == Some("active") => {
                let line = dnssec.ds.unwrap_or_default();
                let data = line.split_once(" DS ").map_or(line.as_str(), |(_, data)| data);
                Ok(DsRecord::parse(data).ok().map(|ds| BTreeSet::from([ds])))
            }
            Ok(_) => Ok(None),
            Err(failure) if failure.error.kind == ErrorKind::ScopeMissing => Ok(None),
            Err(failure) => Err(failure.error),
        }
    }
}

/// The servers Cloudflare assigned, while it finds them named by the registry: that is what an active zone is.
pub(crate) fn shown_nameservers(zone: &Zone) -> Result<BTreeSet<DomainName>, Error> {
    let assigned = zone.name_servers.as_deref().unwrap_or_default();
    if zone.kind != "full" || zone.status != "active" || assigned.is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "Cloudflare does not show what the registry has: the zone is `{}` of the type `{}`. Ask the servers of the top-level \
                 domain",
                zone.status, zone.kind
            ),
        ));
    }
    let hosts: Result<_, _> = assigned.iter().map(|host| DomainName::parse(host)).collect();
    hosts.map_err(|_| {
        Error::new(
            ErrorKind::Unexpected,
            "Cloudflare names servers that are no host names",
        )
    })
}
