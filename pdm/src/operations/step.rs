//! What a step can find and how it can fail.

use std::time::Duration;

use crate::clock::DbTime;
use crate::domain::operation::StepName;

/// What a look at the world found.
#[derive(Debug)]
pub enum Look {
    /// The step is done; what was seen, for people.
    Done(String),
    /// It is not done (yet); what is missing, for people.
    NotYet(String),
    /// Nothing to do until that time.
    Wait(DbTime, String),
    /// What an earlier step did is gone again: back to that one.
    Again(StepName, String),
    /// The zone that was to be changed does not exist any more: the name has to be made again.
    Rebuild(String),
}

/// Why a step cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Something is away, slow or busy: tried again with back-off, for as long as it takes.
    #[error("{detail}")]
    Retry {
        /// Whom it waits for and what was said.
        detail: String,
        /// The least wait the other side asked for.
        after: Option<Duration>,
        /// Whether a write may have been applied all the same, or may be later.
        unknown: bool,
    },
    /// Something that is not ours is in the way. An incident: nothing is changed, a person decides.
    #[error("{detail}")]
    Foreign {
        /// What was found where.
        detail: String,
        /// What to do.
        action: String,
    },
    /// It can never be done as asked.
    #[error("{detail}")]
    Impossible {
        /// Problem code.
        code: &'static str,
        /// Why.
        detail: String,
    },
}

impl StepError {
    /// Tried again with back-off.
    pub fn retry(detail: impl Into<String>) -> Self {
        Self::Retry {
            detail: detail.into(),
            after: None,
            unknown: false,
        }
    }

    /// A write that failed. What the server says of its content does not change by asking again.
    pub fn of_write(error: powerdns_client::Error) -> Self {
        use powerdns_client::ErrorKind as K;
        match error.kind() {
            K::Invalid | K::Refused | K::Malformed | K::TooLarge => Self::Impossible {
                code: "request.invalid",
                detail: format!(
                    "PowerDNS refuses the content: {}",
                    error.message().unwrap_or("no reason given")
                ),
            },
            _ => Self::from(error),
        }
    }
}

/// A read that failed, which says nothing about what is to be written; or a write that may go through later.
impl From<powerdns_client::Error> for StepError {
    fn from(error: powerdns_client::Error) -> Self {
        Self::Retry {
            detail: format!("waiting for PowerDNS: {error}"),
            after: None,
            unknown: error.effect() == powerdns_client::Effect::Unknown,
        }
    }
}

impl From<crate::store::StoreError> for StepError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::retry(error.to_string())
    }
}
