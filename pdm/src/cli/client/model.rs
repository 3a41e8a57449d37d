//! What the client reads of the API's objects. Fields it has no use for are not named here: answers may grow, and
//! what is printed as JSON is the server's own text.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::failure::Status;
use super::text;

/// How far away the stated end of a `waiting` operation may be for the client to stay: a drain, not a person.
const SHORT_WAIT: Duration = Duration::from_mins(15);

/// One page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T = Value> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// A right to a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Claim {
    /// `clm_…`
    pub id: String,
    /// The name.
    pub name: String,
    /// One of the states of the API; a client needs to tell only the final ones.
    pub state: String,
    /// When a reserved claim ends.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// Its addresses.
    #[serde(default)]
    pub targets: Option<Targets>,
    /// The nameservers of its zone.
    #[serde(default)]
    pub nameservers: Vec<String>,
    /// Its latest operation.
    #[serde(default)]
    pub operation_id: Option<String>,
    /// Who must act, if somebody must.
    #[serde(default)]
    pub blocked: Option<Blocked>,
    /// What is known about it.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl Claim {
    /// Whether it has ended and holds its name no more.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "released" | "expired")
    }
}

/// Addresses of a name.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Targets {
    /// IPv4.
    #[serde(default)]
    pub ipv4: Vec<String>,
    /// IPv6.
    #[serde(default)]
    pub ipv6: Vec<String>,
}

/// Who must act before work goes on.
#[derive(Clone, Debug, Deserialize)]
pub struct Blocked {
    /// Whose turn it is.
    pub by: String,
    /// Why.
    pub reason: String,
    /// What to do.
    #[serde(default)]
    pub action: Option<String>,
}

/// One thing known, or not, about a claim.
#[derive(Clone, Debug, Deserialize)]
pub struct Condition {
    /// What about.
    #[serde(rename = "type")]
    pub kind: String,
    /// `true`, `false` or `unknown`.
    pub status: String,
    /// Why, as a word.
    #[serde(default)]
    pub reason: Option<String>,
    /// Why, for people.
    #[serde(default)]
    pub message: Option<String>,
}

/// Journalled work on a claim.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Operation {
    /// `op_…`
    pub id: String,
    /// What kind of work.
    pub kind: String,
    /// The claim it works on.
    pub claim_id: String,
    /// How far it is.
    pub state: OperationState,
    /// Its steps, in their order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// When it tries again.
    #[serde(default)]
    pub next_attempt_at: Option<Timestamp>,
    /// Until when it waits.
    #[serde(default)]
    pub waiting_until: Option<Timestamp>,
    /// What went wrong last.
    #[serde(default)]
    pub error: Option<OperationError>,
}

/// The state of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// At work, or trying again during an outage.
    Running,
    /// Waiting for a time or a party.
    Waiting,
    /// Waiting for a credential of the tenant.
    NeedsCredential,
    /// Somebody must act.
    Blocked,
    /// Ended: done.
    Succeeded,
    /// Ended: impossible, and undone.
    Failed,
    /// Ended: stopped, and undone.
    Cancelled,
    /// A state of a newer server.
    #[serde(other)]
    Unknown,
}

impl OperationState {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::NeedsCredential => "needs_credential",
            Self::Blocked => "blocked",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// One step of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How far it is, as the API words it.
    pub state: String,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// When it began.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// What it did, or whom it waits for.
    #[serde(default)]
    pub detail: Option<String>,
}

/// Why an operation does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OperationError {
    /// A problem code.
    pub code: String,
    /// For people.
    #[serde(default)]
    pub detail: Option<String>,
}

/// What an operation means for somebody who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on by itself; staying is worth it.
    Moving,
    /// Somebody must do something, or its stated wait is longer than anybody stays.
    NeedsSomebody,
    /// It has ended, well or not.
    Ended,
}

impl Operation {
    /// What it means, at `now`, for somebody who waits.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.state {
            OperationState::Running | OperationState::Unknown => Standing::Moving,
            OperationState::Waiting => match self.waiting_until {
                Some(until) if text::between(now, until) <= SHORT_WAIT => Standing::Moving,
                _ => Standing::NeedsSomebody,
            },
            OperationState::NeedsCredential | OperationState::Blocked => Standing::NeedsSomebody,
            OperationState::Succeeded | OperationState::Failed | OperationState::Cancelled => Standing::Ended,
        }
    }

    /// The exit status of a command that stayed for the end of this operation and leaves now.
    pub const fn status(&self) -> Status {
        match self.state {
            OperationState::Succeeded => Status::Done,
            OperationState::Failed | OperationState::Cancelled => Status::Failed,
            OperationState::Running
            | OperationState::Waiting
            | OperationState::NeedsCredential
            | OperationState::Blocked
            | OperationState::Unknown => Status::Waiting,
        }
    }
}

/// Operations for tests.
#[cfg(test)]
pub mod samples {
    use super::*;

    /// An operation in `state`, as the API writes it, with fields this client does not know.
    pub fn operation(state: &str, steps: &Value) -> Value {
        serde_json::json!({
            "id": "op_1", "kind": "activate", "claim_id": "clm_1", "state": state, "steps": steps,
            "next_attempt_at": null, "waiting_until": null, "error": null, "of_a_newer_server": {"a": 1}
        })
    }

    /// The same, read.
    pub fn read(operation: &Value) -> Operation {
        serde_json::from_value(operation.clone()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        "2026-01-02T03:00:00Z".parse().unwrap()
    }

    fn of(state: &str, waiting_until: Option<&str>) -> Operation {
        let mut value = samples::operation(state, &json!([]));
        value["waiting_until"] = json!(waiting_until);
        samples::read(&value)
    }

    #[test]
    fn the_exit_status_says_how_an_operation_stands() {
        for (state, status) in [
            ("succeeded", Status::Done),
            ("failed", Status::Failed),
            ("cancelled", Status::Failed),
            ("blocked", Status::Waiting),
            ("needs_credential", Status::Waiting),
            ("waiting", Status::Waiting),
            ("running", Status::Waiting),
            ("of_a_newer_server", Status::Waiting),
        ] {
            assert_eq!(of(state, None).status(), status, "{state}");
        }
    }

    #[test]
    fn a_short_wait_for_a_time_is_worth_staying_and_a_long_one_is_not() {
        let standing = |until| of("waiting", until).standing(now());
        assert_eq!(standing(Some("2026-01-02T03:10:00Z")), Standing::Moving);
        assert_eq!(standing(Some("2026-01-02T02:59:00Z")), Standing::Moving);
        assert_eq!(standing(Some("2026-02-01T03:00:00Z")), Standing::NeedsSomebody);
        assert_eq!(standing(None), Standing::NeedsSomebody);
    }
}
