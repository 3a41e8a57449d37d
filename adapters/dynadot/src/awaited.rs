//! Changes that Dynadot took and does not show at once. It has no tasks: what is awaited is a state, and a task names it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pdm_registrar::{Change, DomainName, DsRecord, Error, ErrorKind, Mode, TaskId, TaskState};
use serde::{Deserialize, Serialize};

use crate::SETTLE;
use crate::account::DynadotAccount;
use crate::zone::Plan;

/// Waits before each look at a change that was just made.
pub(crate) const LOOKS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_millis(2500),
];

/// The state that a change leads to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Awaited {
    /// Exactly these hosts.
    Nameservers(BTreeSet<DomainName>),
    /// Exactly these DS.
    Ds(BTreeSet<DsRecord>),
    /// Something of the vendor's.
    Mode(Mode),
    /// Records that are there, and others that are not.
    Records(Plan),
    /// Dynadot DNS with these records.
    Hosted(Plan),
}

/// What a [`TaskId`] of this adapter holds.
#[derive(Serialize, Deserialize)]
struct Task {
    /// When the change was made, in seconds since 1970.
    since: u64,
    awaits: Awaited,
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

impl Awaited {
    pub(crate) fn task(self) -> TaskId {
        let task = Task {
            since: now(),
            awaits: self,
        };
        // Names, numbers and texts: nothing that JSON cannot hold.
        TaskId(serde_json::to_string(&task).unwrap_or_default())
    }
}

impl DynadotAccount {
    /// Looks for a change that was sent. What is shown decides, not what the vendor answered; `sent` is the error of a write of which
    /// nobody knows whether it was done.
    pub(crate) async fn confirm(
        &self,
        domain: &DomainName,
        awaited: Awaited,
        sent: Result<(), Error>,
    ) -> Result<Change, Error> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            // A look that fails takes nothing back.
            if self.is_shown(domain, &awaited).await.unwrap_or(false) {
                return Ok(Change::Applied);
            }
        }
        sent.map(|()| Change::Accepted(awaited.task()))
    }

    /// How far a change is that was accepted.
    pub(crate) async fn task_state(&self, domain: &DomainName, task: &TaskId) -> Result<TaskState, Error> {
        let Task { since, awaits } = serde_json::from_str(&task.0).map_err(|_| {
            Error::new(
                ErrorKind::InvalidRequest,
                "this is no task of a change at Dynadot",
            )
        })?;
        if self.is_shown(domain, &awaits).await? {
            return Ok(TaskState::Done);
        }
        let waited = now().saturating_sub(since);
        Ok(if waited < SETTLE.as_secs() {
            TaskState::Pending {
                detail: format!("Dynadot took the change {waited} s ago and does not show it yet"),
            }
        } else {
            TaskState::Failed {
                detail: "Dynadot took the change and does not show it".to_owned(),
            }
        })
    }

    async fn is_shown(&self, domain: &DomainName, awaited: &Awaited) -> Result<bool, Error> {
        Ok(match awaited {
            Awaited::Nameservers(hosts) => self.look_at(domain).await?.is_exactly(hosts),
            Awaited::Ds(ds) => self.ds_of(domain).await?.shown() == Some(ds),
            Awaited::Mode(mode) => self.look_at(domain).await?.mode == *mode,
            Awaited::Records(plan) => self.zone(domain).await?.has_reached(plan),
            Awaited::Hosted(plan) => {
                self.look_at(domain).await?.mode == Mode::Hosted && self.zone(domain).await?.has_reached(plan)
            }
        })
    }
}
