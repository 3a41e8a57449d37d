//! Changes that take their time: what is awaited, and how far it is.
//!
//! OVH works on `todo` within a minute and is usually done in ten; with DNSSEC active a change may wait for days. A task in `error`
//! that the customer cannot relaunch is tried again by OVH itself and may be `done` later.

use std::collections::BTreeSet;
use std::time::Duration;

use pdm_registrar::{Change, DomainName, DsRecord, Error, ErrorKind, TaskId, TaskState};
use serde::{Deserialize, Serialize};

use crate::account::OvhAccount;
use crate::errors::{if_in_account, if_there};
use crate::state::HOSTED;
use crate::wire;

/// Waits between looks at a change that was just accepted.
const LOOKS: [Duration; 7] = [
    Duration::from_millis(300),
    Duration::from_millis(700),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(3),
    Duration::from_secs(4),
    Duration::from_secs(5),
];

/// How many looks a task of the registry gets: it takes minutes, and what it refuses at once shows at once.
const FEW: usize = 3;

/// How many looks in a row a task may be over without its effect being shown.
const PATIENCE: usize = 4;

/// Tasks that change name servers.
pub(crate) const SERVERS: &str = "DomainDnsUpdate";
/// Tasks that change keys at the registry.
pub(crate) const KEYS: &str = "DomainDsUpdate";

/// What a [`TaskId`] holds: the vendor's task, if it has a number, and the state that it leads to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Awaited {
    /// These name servers.
    Nameservers { task: u64, hosts: BTreeSet<DomainName> },
    /// These DS.
    Ds { task: u64, ds: BTreeSet<DsRecord> },
    /// OVH's hosting.
    Hosted,
    /// OVH signs the zone, or does not.
    ZoneSigned { zone: DomainName, on: bool },
    /// The stored records of the zone are served.
    Deployed { zone: DomainName },
    /// The end of a task of which only the number is known.
    End { task: u64 },
}

/// How far a change is.
#[derive(Debug)]
enum Progress {
    /// As the vendor's task says.
    Is(TaskState),
    /// The task is over, and something else is shown; it may be shown late.
    Differs(&'static str),
}

fn pending(detail: impl Into<String>) -> Progress {
    Progress::Is(TaskState::Pending {
        detail: detail.into(),
    })
}

impl Awaited {
    pub(crate) fn id(&self) -> TaskId {
        // Names, numbers and digests: always JSON.
        TaskId(serde_json::to_string(self).unwrap_or_default())
    }

    fn parse(id: &TaskId) -> Result<Self, Error> {
        serde_json::from_str(&id.0).map_err(|_| {
            Error::new(
                ErrorKind::InvalidRequest,
                "this is no task of a change at OVHcloud",
            )
        })
    }
}

impl OvhAccount {
    /// How far the change is that `id` names.
    pub(crate) async fn task_state(&self, domain: &DomainName, id: &TaskId) -> Result<TaskState, Error> {
        let awaited = Awaited::parse(id)?;
        for wait in &LOOKS[..PATIENCE] {
            match self.progress(domain, &awaited).await? {
                Progress::Is(state) => return Ok(state),
                Progress::Differs(_) => tokio::time::sleep(*wait).await,
            }
        }
        match self.progress(domain, &awaited).await? {
            Progress::Is(state) => Ok(state),
            Progress::Differs(detail) => Ok(TaskState::Failed {
                detail: detail.to_owned(),
            }),
        }
    }

    /// Follows a change that was accepted, for a few seconds. A look that fails takes nothing back: the change stays accepted.
    pub(crate) async fn follow(&self, domain: &DomainName, awaited: &Awaited) -> Result<Change, Error> {
        let looks = match awaited {
            Awaited::ZoneSigned { .. } | Awaited::Deployed { .. } => LOOKS.len(),
            Awaited::Nameservers { .. } | Awaited::Ds { .. } | Awaited::Hosted | Awaited::End { .. } => FEW,
        };
        let mut differs = None;
        for wait in LOOKS.into_iter().take(looks) {
            tokio::time::sleep(wait).await;
            differs = None;
            match self.progress(domain, awaited).await {
                Ok(Progress::Is(TaskState::Done)) => return Ok(Change::Applied),
                Ok(Progress::Is(TaskState::Failed { detail })) => {
                    let error = Error::new(ErrorKind::Conflict, format!("OVHcloud did not do it: {detail}"));
                    // Records stay stored, and the next deployment that succeeds serves them.
                    let stored = matches!(awaited, Awaited::Deployed { .. });
                    return Err(if stored { error.maybe_applied() } else { error });
                }
                Ok(Progress::Is(TaskState::Pending { .. })) => {}
                Ok(Progress::Differs(detail)) => differs = Some(detail),
                Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::RateLimited) => {}
                Ok(Progress::Is(TaskState::NeedsPerson { .. })) | Err(_) => break,
            }
        }
        match differs {
            Some(detail) => Err(Error::new(ErrorKind::Unexpected, detail).maybe_applied()),
            None => Ok(Change::Accepted(awaited.id())),
        }
    }

    async fn progress(&self, domain: &DomainName, awaited: &Awaited) -> Result<Progress, Error> {
        let task = match awaited {
            Awaited::Nameservers { task, .. } | Awaited::Ds { task, .. } | Awaited::End { task } => *task,
            Awaited::Hosted | Awaited::ZoneSigned { .. } | Awaited::Deployed { .. } => 0,
        };
        if let Some(progress) = self.progress_of(domain, task).await? {
            return Ok(progress);
        }
        match awaited {
            Awaited::End { .. } => Ok(Progress::Is(TaskState::Done)),
            Awaited::Nameservers { hosts, .. } => {
                let seen = self.look_at(domain).await?;
                Ok(if seen.is_exactly(hosts) {
                    Progress::Is(TaskState::Done)
                } else if seen.planned() == *hosts {
                    pending("the task is over; the registry's answer is not shown yet")
                } else {
                    Progress::Differs("the task is over, but OVHcloud shows other name servers")
                })
            }
            Awaited::Ds { ds, .. } => Ok(if self.ds_of(domain).await?.live() == *ds {
                Progress::Is(TaskState::Done)
            } else {
                Progress::Differs("the task is over, but OVHcloud shows other keys")
            }),
            Awaited::Hosted => {
                let seen = self.look_at(domain).await?;
                Ok(if seen.info.name_server_type != HOSTED {
                    pending(format!(
                        "the domain is still `{}`",
                        self.client.shown(&seen.info.name_server_type)
                    ))
                } else if seen.live() == seen.planned()
                    && self.nothing_under_way(domain, &seen.live()).await?
                {
                    Progress::Is(TaskState::Done)
                } else {
                    pending("OVHcloud's name servers are on their way to the registry")
                })
            }
            Awaited::ZoneSigned { zone, on } => self.signing(zone, *on).await,
            Awaited::Deployed { zone } => {
                let status = self.client.zone_status(zone).await?;
                let errors = status.errors.unwrap_or_default();
                Ok(if status.is_deployed {
                    Progress::Is(TaskState::Done)
                } else if errors.is_empty() {
                    pending("the zone is being deployed")
                } else {
                    let detail = self.client.shown(&errors.join("; "));
                    Progress::Is(TaskState::Failed { detail })
                })
            }
        }
    }

    /// What the vendor's task says while it is not over; `None` when it is done or gone, so that the state decides.
    async fn progress_of(&self, domain: &DomainName, task: u64) -> Result<Option<Progress>, Error> {
        if task == 0 {
            return Ok(None);
        }
        let Some(task) = if_there(self.client.domain_task(domain, task).await)? else {
            return Ok(None);
        };
        let comment = task.comment.as_deref().map(|comment| self.client.shown(comment));
        let detail = format!(
            "task {} is in state `{}`{}",
            task.id,
            self.client.shown(&task.status),
            comment.map(|comment| format!(": {comment}")).unwrap_or_default()
        );
        Ok(match task.status.as_str() {
            "done" => None,
            "cancelled" => Some(Progress::Is(TaskState::Failed { detail })),
            "problem" => Some(Progress::Is(TaskState::NeedsPerson { detail })),
            "error" if task.can_relaunch => Some(Progress::Is(TaskState::NeedsPerson { detail })),
            "error" => Some(pending(format!("{detail}; OVHcloud tries again by itself"))),
            _ => Some(pending(detail)),
        })
    }

    /// Whether `live` are the servers of OVH's zone, or at least no task is to change them. Where the domain goes back to OVH's
    /// hosting, the mode changes at once and the servers later.
    async fn nothing_under_way(
        &self,
        domain: &DomainName,
        live: &BTreeSet<DomainName>,
    ) -> Result<bool, Error> {
        let zone = if_in_account(self.client.zone(domain).await)?;
        let own: BTreeSet<DomainName> = zone
            .map(|zone| {
                zone.name_servers
                    .iter()
                    .filter_map(|host| DomainName::parse(host).ok())
                    .collect()
            })
            .unwrap_or_default();
        Ok(own == *live || self.open_task(domain, SERVERS).await?.is_none())
    }

    async fn signing(&self, zone: &DomainName, on: bool) -> Result<Progress, Error> {
        let status = if_in_account(self.client.zone_dnssec(zone).await)?.map(|dnssec| dnssec.status);
        Ok(match (status.as_deref(), on) {
            (Some("enabled"), true) => Progress::Is(TaskState::Done),
            (Some("disabled") | None, false) if self.ds_of(zone).await?.live().is_empty() => {
                Progress::Is(TaskState::Done)
            }
            (Some("disabled") | None, false) => {
                pending("the zone is not signed any more, but its keys are still shown")
            }
            (Some("enabled" | "disabled") | None, _) => {
                Progress::Differs("OVHcloud did not change the signing of the zone")
            }
            (Some(other), _) => pending(format!("the zone's DNSSEC is `{}`", self.client.shown(other))),
        })
    }

    /// A task of this function that waits or is worked on.
    pub(crate) async fn open_task(&self, domain: &DomainName, function: &str) -> Result<Option<u64>, Error> {
        self.task_in(domain, function, &["todo", "doing"]).await
    }

    /// A task of this function that failed and is not given up.
    pub(crate) async fn stuck_task(&self, domain: &DomainName, function: &str) -> Result<Option<u64>, Error> {
        self.task_in(domain, function, &["error", "problem"]).await
    }

    /// The latest such task. The vendor's filters are loose, and a task may move on between the list and the look: what it says itself
    /// counts.
    async fn task_in(
        &self,
        domain: &DomainName,
        function: &str,
        statuses: &[&str],
    ) -> Result<Option<u64>, Error> {
        for status in statuses {
            let mut ids = self.client.task_ids(domain, function, status).await?;
            ids.sort_unstable();
            for id in ids.into_iter().rev() {
                let task: Option<wire::Task> = if_there(self.client.domain_task(domain, id).await)?;
                if task
                    .is_some_and(|task| task.function == function && statuses.contains(&task.status.as_str()))
                {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_from_its_id() {
        let name = |text| DomainName::parse(text).unwrap();
        for awaited in [
            Awaited::Nameservers {
                task: 414_283_126,
                hosts: [name("ns1.example.net"), name("ns2.example.net")].into(),
            },
            Awaited::Ds {
                task: 0,
                ds: [DsRecord::new(1, 13, 2, vec![7; 32]).unwrap()].into(),
            },
            Awaited::Hosted,
            Awaited::ZoneSigned {
                zone: name("example.com"),
                on: false,
            },
            Awaited::Deployed {
                zone: name("example.com"),
            },
            Awaited::End { task: 7 },
        ] {
            assert_eq!(Awaited::parse(&awaited.id()), Ok(awaited));
        }
        let foreign = TaskId("414283126".to_owned());
        assert_eq!(
            Awaited::parse(&foreign).unwrap_err().kind,
            ErrorKind::InvalidRequest
        );
    }
}
