//! What a refusal means.
//!
//! OVH has two shapes: the gateway's `{"errorCode", "httpCode", "message"}` and the backend's `{"class", "message"}`. HTML pages and
//! empty bodies occur too, and then nobody of the vendor's own service has spoken.

use pdm_registrar::ErrorKind::{
    self, AllowList, Conflict, CredentialsRejected, DomainExpired, DomainLocked, DomainNotInAccount,
    InvalidRequest, RateLimited, ScopeMissing, Unavailable, Unexpected, Unsupported,
};
use pdm_registrar::http::{Answer, Effect, Http};
use pdm_registrar::{Applied, Error};

use crate::wire;

/// A call that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) meaning: Meaning,
}

/// What a caller may do about a failure, beside what its kind says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// The domain or zone is not in the account.
    NoService,
    /// The domain or zone is, but not the record, task or key in it.
    NoObject,
    /// The timestamp was too far from the vendor's clock; the call was not looked at.
    OutOfTime,
    /// Nothing special.
    Plain,
}

/// A refusal by the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its kind.
    pub kind: ErrorKind,
    /// What to do about it.
    pub meaning: Meaning,
    /// What it means, for people.
    pub ours: &'static str,
    /// The vendor's code and message.
    pub theirs: String,
    /// Whether the vendor's own service said it, so that a write is known not to be done.
    pub certain: bool,
}

/// A row applies when the status is one of the row's range, the code begins with `code` and the message holds `says`, whatever its case.
struct Row {
    status: (u16, u16),
    code: &'static str,
    says: &'static str,
    kind: ErrorKind,
    meaning: Meaning,
    ours: &'static str,
}

const fn row(
    status: (u16, u16),
    (code, says): (&'static str, &'static str),
    kind: ErrorKind,
    meaning: Meaning,
    ours: &'static str,
) -> Row {
    Row {
        status,
        code,
        says,
        kind,
        meaning,
        ours,
    }
}

const ANY: (u16, u16) = (300, 499);
const fn only(status: u16) -> (u16, u16) {
    (status, status)
}

/// Refusals of the vendor's own service. The first row that applies counts.
#[rustfmt::skip]
static SPOKEN: &[Row] = {
    use Meaning::{NoObject, NoService, OutOfTime, Plain};
    &[
        row(ANY, ("QUERY_TIME_OUT", ""), Unavailable, OutOfTime, "OVHcloud found the call out of time, also by its own clock"),
        row(ANY, ("INVALID_SIGNATURE", ""), CredentialsRejected, Plain, "application secret or consumer key are wrong"),
        row(ANY, ("INVALID_KEY", ""), CredentialsRejected, Plain, "the application key is unknown in this region"),
        row(ANY, ("NOT_CREDENTIAL", ""), CredentialsRejected, Plain, "the consumer key is unknown or was revoked"),
        row(ANY, ("INVALID_CREDENTIAL", ""), CredentialsRejected, Plain, "the consumer key has ended, was refused, or was not confirmed yet"),
        row(only(401), ("", ""), CredentialsRejected, Plain, "the credentials are not accepted"),
        row(ANY, ("NOT_GRANTED_CALL", ""), ScopeMissing, Plain, "the consumer key has no access rule for this call"),
        row(only(403), ("", "not been granted"), ScopeMissing, Plain, "the consumer key has no access rule for this call"),
        row(only(403), ("", "not granted"), ScopeMissing, Plain, "the user of these keys may not do this (IAM policy)"),
        row(only(403), ("", "ip address"), AllowList, Plain, "the consumer key is restricted to other addresses than ours"),
        row(only(403), ("", "your ip"), AllowList, Plain, "the consumer key is restricted to other addresses than ours"),
        row(ANY, ("Client::Forbidden::DomDoaForbidden", ""), Unsupported, Plain, "the DS of this domain cannot be changed by API"),
        row(only(403), ("", "expired"), DomainExpired, Plain, "the domain's registration has ended"),
        row(only(403), ("", ""), DomainLocked, Plain, "the domain's present state forbids it"),
        row(only(404), ("", "service does not exist"), DomainNotInAccount, NoService, "the domain or zone is not in this account"),
        row(only(404), ("Client::NotFound", ""), Conflict, NoObject, "it is not there (any more)"),
        row(only(404), ("", "not activated"), Conflict, NoObject, "it is not there (any more)"),
        row(only(404), ("", "does not exist"), Conflict, NoObject, "it is not there (any more)"),
        row(only(400), ("", ""), InvalidRequest, Plain, "OVHcloud refuses the request"),
        row(only(422), ("", ""), InvalidRequest, Plain, "OVHcloud refuses the request"),
    ]
};

/// Statuses that say the same whoever sends them and in whatever form.
#[rustfmt::skip]
static SAID_BY_STATUS: &[Row] = &[
    row(only(409), ("", ""), Conflict, Meaning::Plain, "something else is at work on it"),
    row(only(429), ("", ""), RateLimited, Meaning::Plain, "too many calls"),
    row(only(460), ("", ""), DomainExpired, Meaning::Plain, "the service has expired"),
];

/// What an answer with this status and body refuses; `None` for a success.
pub fn read(status: u16, body: &[u8]) -> Option<Refused> {
    if (200..300).contains(&status) {
        return None;
    }
    let spoken: Option<wire::Refusal> = serde_json::from_slice(body).ok();
    let spoken = spoken.filter(|refusal| refusal.message.is_some());
    let said = spoken.clone().unwrap_or_default();
    let code = said.error_code.or(said.class).unwrap_or_default();
    let message = said.message.unwrap_or_default();
    let low = message.to_ascii_lowercase();
    let applies = |row: &&Row| {
        (row.status.0..=row.status.1).contains(&status)
            && code.starts_with(row.code)
            && low.contains(row.says)
    };
    let found = SAID_BY_STATUS.iter().find(applies);
    let found = found.or_else(|| spoken.is_some().then(|| SPOKEN.iter().find(applies)).flatten());
    let (kind, meaning, ours) = match found {
        Some(row) => (row.kind, row.meaning, row.ours),
        None if spoken.is_some() && (400..500).contains(&status) && status != 408 => (
            Unexpected,
            Meaning::Plain,
            "OVHcloud refuses for a reason this adapter does not know",
        ),
        None => (
            Unavailable,
            Meaning::Plain,
            "OVHcloud does not work at the moment",
        ),
    };
    Some(Refused {
        kind,
        meaning,
        ours,
        theirs: match (code.is_empty(), message.is_empty()) {
            (true, _) => message,
            (false, true) => code,
            (false, false) => format!("{code}: {message}"),
        },
        certain: kind != Unavailable || meaning == Meaning::OutOfTime,
    })
}

/// What `answer` refuses; `None` for a success.
pub(crate) fn failure(http: &Http, effect: Effect, answer: &Answer) -> Option<Failure> {
    let refused = read(answer.status.as_u16(), &answer.body)?;
    let mut error = http.error(
        refused.kind,
        &format!(
            "{} (HTTP {}{})",
            refused.ours,
            answer.status.as_u16(),
            query_id(answer)
        ),
        &refused.theirs,
    );
    if effect == Effect::Write && !refused.certain {
        error = error.maybe_applied();
    }
    if let (RateLimited | Unavailable, Some(wait)) = (refused.kind, answer.retry_after()) {
        error = error.retry_after(wait);
    }
    Some(Failure {
        error,
        meaning: refused.meaning,
    })
}

/// The number by which OVH's support finds the call in its logs.
fn query_id(answer: &Answer) -> String {
    answer
        .headers
        .get("X-Ovh-Queryid")
        .and_then(|id| id.to_str().ok())
        .filter(|id| {
            id.len() <= 64
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        })
        .map(|id| format!(", query {id}"))
        .unwrap_or_default()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            meaning: Meaning::Plain,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// `None` for what is not there, in a domain or zone that is.
pub(crate) fn if_there<T>(outcome: Result<T, Failure>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.meaning == Meaning::NoObject => Ok(None),
        Err(failure) => Err(failure.error),
    }
}

/// `None` for a domain or zone that is not in the account.
pub(crate) fn if_in_account<T>(outcome: Result<T, Failure>) -> Result<Option<T>, Error> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.meaning == Meaning::NoService => Ok(None),
        Err(failure) => Err(failure.error),
    }
}

/// The failure of a write that is one of several, of which some were done before.
pub(crate) fn in_the_middle(error: Error, done_before: bool) -> Error {
    if done_before && error.applied == Applied::No {
        error.maybe_applied()
    } else {
        error
    }
}
