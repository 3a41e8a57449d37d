//! Changes that Namecheap took and does not show at once. It has no tasks: what is awaited is a state, and a task names it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pdm_registrar::{Change, DomainName, Error, ErrorKind, TaskId, TaskState};
use serde::{Deserialize, Serialize};

use crate::SETTLE;
use crate::account::NamecheapAccount;
use crate::errors::Meaning;
use crate::zone::{Plan, Zone};

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
    /// Namecheap's own hosts, and records that can be read again.
    Hosted {
        /// Whether the customer had records of his own there.
        records: bool,
    },
    /// Records that are there, and others that are not.
    Records(Plan),
}

/// What a [`TaskId`] of this adapter holds.
#[derive(Serialize, Deserialize)]
struct Task {
    /// When the change was made, in seconds since 1970.
    since: u64,
    awaits: Awaited,
}

fn now() -> u64 {
    // A machine whose clock is before 1970 has other troubles.
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

impl NamecheapAccount {
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
                "this is no task of a change at Namecheap",
            )
        })?;
        if awaits == (Awaited::Hosted { records: true })
            && self
                .served_zone(domain)
                .await?
                .is_some_and(|zone| zone.is_untouched())
        {
            return Ok(TaskState::Failed {
                detail: "the domain is on Namecheap's name servers again, and its records are not: restore it again to write them".to_owned(),
            });
        }
        if self.is_shown(domain, &awaits).await? {
            return Ok(TaskState::Done);
        }
        let waited = now().saturating_sub(since);
        Ok(if waited < SETTLE.as_secs() {
            TaskState::Pending {
                detail: format!("Namecheap took the change {waited} s ago and does not show it yet"),
            }
        } else {
            TaskState::Failed {
                detail: "Namecheap took the change and does not show it".to_owned(),
            }
        })
    }

    async fn is_shown(&self, domain: &DomainName, awaited: &Awaited) -> Result<bool, Error> {
        Ok(match awaited {
            Awaited::Nameservers(hosts) => self.delegation_of(domain).await?.is_exactly(hosts),
            Awaited::Hosted { .. } => self.served_zone(domain).await?.is_some(),
            Awaited::Records(plan) => self
                .served_zone(domain)
                .await?
                .is_some_and(|zone| zone.has_reached(plan)),
        })
    }

    /// The records of a domain, unless they are served elsewhere, or Namecheap does not know yet that it serves them again.
    pub(crate) async fn served_zone(&self, domain: &DomainName) -> Result<Option<Zone>, Error> {
        match self.api.hosts(domain).await {
            Ok(hosts) => Ok(hosts.is_using_our_dns.then(|| Zone::of(hosts))),
            Err(failure) if failure.meaning == Meaning::NotOurDns => Ok(None),
            Err(failure) => Err(failure.error),
        }
    }
}
