//! What an accepted change is known by later: the state that is wanted, and GoDaddy's own word for the change where it has one.

use std::collections::BTreeSet;
use std::time::Duration;

use pdm_registrar::{Applied, Change, DomainName, DsRecord, Error, ErrorKind, OwnerName, TaskId, TaskState};
use serde::{Deserialize, Serialize};

use crate::account::Opened;
use crate::errors::Failure;

/// Waits before each look for a change that was taken.
pub(crate) const LOOKS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_millis(3000),
];

const FAILED: &str = "GoDaddy took the change and then did not make it";
const AWAITING: &str = "GoDaddy waits for somebody to act in its web interface";

/// How far a change is.
pub(crate) enum Progress {
    /// The wanted state is shown.
    Done,
    /// On its way, in GoDaddy's word.
    Pending(String),
    /// Somebody has to act at GoDaddy.
    NeedsPerson(String),
    /// It will not be done.
    Failed(Error),
}

/// The state that is wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Name servers of the domain.
    Nameservers { hosts: BTreeSet<DomainName> },
    /// DS of the domain.
    Ds { ds: BTreeSet<DsRecord> },
    /// NS of a name in the hosted zone; without any, no delegation.
    Delegation {
        name: DomainName,
        nameservers: BTreeSet<DomainName>,
    },
    /// A TXT value in the hosted zone that is there or is not.
    Txt {
        name: OwnerName,
        value: String,
        present: bool,
    },
    /// That a change of somebody else's has ended.
    End,
}

/// An accepted change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The domain, or the hosted zone.
    pub domain: DomainName,
    #[serde(flatten)]
    pub goal: Goal,
    /// The path of an operation of v3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// An action of v2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionOf>,
}

/// An action of v2. They are asked for by type, so an older one of the same type has to be told apart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ActionOf {
    pub kind: String,
    /// The mark of the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Task {
    /// A change that only its result tells of.
    pub(crate) fn plain(domain: &DomainName, goal: Goal) -> Self {
        Self {
            domain: domain.clone(),
            goal,
            operation: None,
            action: None,
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> TaskId {
        // Names, numbers and text: nothing that JSON cannot hold.
        TaskId(serde_json::to_string(self).unwrap_or_default())
    }

    /// The change of this name.
    pub(crate) fn of(domain: &DomainName, id: &TaskId) -> Result<Self, Error> {
        serde_json::from_str(&id.0)
            .ok()
            .filter(|task: &Self| task.domain == *domain)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidRequest,
                    "this is not a task of this domain at GoDaddy",
                )
            })
    }
}

impl Opened {
    /// Whether the wanted state is shown.
    pub(crate) async fn is_reached(&self, domain: &DomainName, goal: &Goal) -> Result<bool, Error> {
        Ok(match goal {
            Goal::Nameservers { hosts } => self.shown_nameservers(domain).await? == *hosts,
            Goal::Ds { ds } => self.shown_ds(domain).await? == Some(ds.clone()),
            Goal::Delegation { .. } | Goal::Txt { .. } => {
                crate::records::reached(goal, domain, &self.records(domain).await?)?
            }
            Goal::End => false,
        })
    }

    /// How far a change is: what is shown decides, then what GoDaddy says of it.
    pub(crate) async fn follow(&self, task: &Task) -> Result<Progress, Error> {
        if self.is_reached(&task.domain, &task.goal).await? {
            return Ok(Progress::Done);
        }
        if let Some(path) = &task.operation
            && let Some(operation) = self.api.operation(path).await?
        {
            return Ok(match operation.status.as_str() {
                "FAILED" => Progress::Failed(self.api.later(FAILED, operation.error.as_ref())),
                other => Progress::Pending(other.to_owned()),
            });
        }
        if let Some(of) = &task.action {
            let action = self.api.action(&task.domain, &of.kind).await?;
            return Ok(match action.filter(|action| Some(action.mark()) != of.after) {
                None => Progress::Pending("not begun".to_owned()),
                Some(action) => match action.status.as_str() {
                    "FAILED" | "CANCELLED" => {
                        Progress::Failed(self.api.later(FAILED, action.reason.as_ref()))
                    }
                    "AWAITING" => {
                        Progress::NeedsPerson(self.api.later(AWAITING, action.reason.as_ref()).detail)
                    }
                    "SUCCESS" if task.goal == Goal::End => Progress::Done,
                    other => Progress::Pending(other.to_owned()),
                },
            });
        }
        Ok(Progress::Pending("not shown yet".to_owned()))
    }

    /// Looks for some seconds whether a change that was sent is there.
    pub(crate) async fn confirm(&self, task: &Task) -> Result<Change, Error> {
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            match self.follow(task).await.map_err(Error::maybe_applied)? {
                Progress::Done => return Ok(Change::Applied),
                Progress::Failed(error) => return Err(error),
                Progress::Pending(_) | Progress::NeedsPerson(_) => {}
            }
        }
        Ok(Change::Accepted(task.id()))
    }

    /// What a write comes to whose call ended so.
    pub(crate) async fn outcome(&self, sent: Result<(), Failure>, task: &Task) -> Result<Change, Error> {
        match sent {
            Ok(()) => self.confirm(task).await,
            // Lost answers, and records that are there already: what is shown decides.
            Err(failure) if failure.duplicate || failure.error.applied == Applied::Unknown => {
                match self.confirm(task).await {
                    Ok(Change::Applied) => Ok(Change::Applied),
                    Err(error) if error.kind == ErrorKind::DomainLocked => Err(error),
                    _ => Err(failure.error),
                }
            }
            Err(failure) => Err(failure.error),
        }
    }
}

impl From<Progress> for TaskState {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Done => Self::Done,
            Progress::Pending(word) => Self::Pending {
                detail: format!("GoDaddy took the change; it is {}", word.to_ascii_lowercase()),
            },
            Progress::NeedsPerson(detail) => Self::NeedsPerson { detail },
            Progress::Failed(error) => Self::Failed { detail: error.detail },
        }
    }
}
