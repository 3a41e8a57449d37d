//! What Cloudflare's codes mean.
//!
//! The status alone decides for 429 and 5xx. Otherwise the code does, from the outermost error inwards; the text that is shown is the
//! innermost one, because the outer ones say only "DNS Validation Error".

use std::time::Duration;

use pdm_registrar::http::{Answer, Effect, Http};
use pdm_registrar::{Error, ErrorKind};

use crate::wire::{Envelope, Problem};

/// A token that is not good, or that lacks the right or the zone.
pub(crate) const AUTHENTICATION: i64 = 10000;
/// The record is not there.
pub(crate) const RECORD_GONE: i64 = 81044;
/// The same record, or one that excludes it, is there.
const RECORD_EXISTS: [i64; 6] = [81053, 81054, 81055, 81056, 81057, 81058];

/// How long a whole account is blocked when the answer does not say.
const BLOCKED: Duration = Duration::from_secs(300);

const TABLE: &[(i64, ErrorKind, &str)] = &[
    (
        1000,
        ErrorKind::CredentialsRejected,
        "Cloudflare does not know this token, or it was revoked",
    ),
    (6003, ErrorKind::CredentialsRejected, "this is not an API token"),
    (6103, ErrorKind::CredentialsRejected, "this is not an API token"),
    (6111, ErrorKind::CredentialsRejected, "this is not an API token"),
    (9103, ErrorKind::CredentialsRejected, "this is not an API token"),
    (9106, ErrorKind::CredentialsRejected, "no token arrived"),
    (
        AUTHENTICATION,
        ErrorKind::ScopeMissing,
        "the token does not allow this: it needs Zone Read and DNS Edit for this zone",
    ),
    (
        1001,
        ErrorKind::InvalidRequest,
        "Cloudflare does not take this from a token of an account",
    ),
    (1002, ErrorKind::InvalidRequest, "this is not the id of a record"),
    (1004, ErrorKind::InvalidRequest, "Cloudflare refuses the record"),
    (
        1038,
        ErrorKind::Unsupported,
        "Cloudflare has no API for domains below .cf, .ga, .gq, .ml and .tk: change them in the dashboard",
    ),
    (
        7000,
        ErrorKind::DomainNotInAccount,
        "the zone is not there any more",
    ),
    (
        7003,
        ErrorKind::DomainNotInAccount,
        "the zone is not there any more",
    ),
    (
        9000,
        ErrorKind::InvalidRequest,
        "Cloudflare refuses the name of the record",
    ),
    (10100, ErrorKind::RateLimited, "too many calls for this user"),
    (
        RECORD_GONE,
        ErrorKind::Conflict,
        "the record was removed by somebody else meanwhile",
    ),
    (
        81053,
        ErrorKind::Conflict,
        "an A, AAAA or CNAME record stands at this name",
    ),
    (81054, ErrorKind::Conflict, "a CNAME record stands at this name"),
    (
        81055,
        ErrorKind::Conflict,
        "records of other types stand at this name",
    ),
    (81056, ErrorKind::Conflict, "NS records stand at this name"),
    (
        81057,
        ErrorKind::Conflict,
        "the record is there already, or was removed a moment ago",
    ),
    (
        81058,
        ErrorKind::Conflict,
        "the record is there already, or was removed a moment ago",
    ),
];

/// A refused call.
pub(crate) struct Failure {
    /// For the caller.
    pub error: Error,
    /// Cloudflare's code, where the answer had one.
    pub code: Option<i64>,
}

impl Failure {
    /// Whether a look at the records may show that nothing is left to do, or what else is: the records are not what was read
    /// before, or a deletion has not yet reached the check for duplicates. Nothing of the batch was done.
    pub(crate) fn look_again(&self) -> bool {
        self.code
            .is_some_and(|code| code == RECORD_GONE || RECORD_EXISTS.contains(&code))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, code: None }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// What an answer means that is not a success: `envelope` is `None` when it is not of Cloudflare's form.
pub(crate) fn failure(http: &Http, effect: Effect, answer: &Answer, envelope: Option<&Envelope>) -> Failure {
    let status = answer.status;
    let problem = envelope.and_then(|envelope| envelope.errors.as_ref()?.first());
    let theirs = problem
        .and_then(|problem| problem.chain().pop())
        .map_or("", |inner| &inner.message);
    let code = problem.map(|problem| problem.code);
    if status.as_u16() == 429 || code == Some(10100) {
        let error = http.error(
            ErrorKind::RateLimited,
            "Cloudflare takes no more calls for this user for now",
            theirs,
        );
        return Failure {
            error: error.retry_after(answer.retry_after().unwrap_or(BLOCKED)),
            code,
        };
    }
    let error = match problem {
        Some(problem) if !status.is_server_error() => {
            let (kind, ours) = meaning(status.as_u16(), problem);
            http.error(kind, ours, theirs)
        }
        Some(_) => http.error(ErrorKind::Unavailable, "Cloudflare cannot do it now", theirs),
        None => Error::new(
            ErrorKind::Unavailable,
            format!(
                "Cloudflare answered with status {} and nothing of the form it has",
                status.as_u16()
            ),
        ),
    };
    // A refusal with a code is one. Anything else may have come from in front of a service that did the work.
    let refused = problem.is_some() && !status.is_server_error() || status.is_client_error();
    let error = match effect {
        Effect::Write if !refused => error.maybe_applied(),
        Effect::Read | Effect::Write => error,
    };
    Failure { error, code }
}

fn meaning(status: u16, problem: &Problem) -> (ErrorKind, &'static str) {
    let text = problem.message.to_ascii_lowercase();
    match problem.code {
        9109 if text.contains("location") => (
            ErrorKind::AllowList,
            "the token may be used from listed addresses only: add ours under Client IP Address Filtering of the token",
        ),
        9109 if text.contains("unauthorized") => (ErrorKind::ScopeMissing, "the token does not allow this"),
        9109 => (ErrorKind::CredentialsRejected, "the token is not valid any more"),
        0 if status == 403 => (
            ErrorKind::ScopeMissing,
            "the token may not list the zone: it needs Zone Read for it",
        ),
        _ => problem
            .chain()
            .into_iter()
            .find_map(|problem| TABLE.iter().find(|(code, ..)| *code == problem.code))
            .map_or(
                (ErrorKind::Unexpected, "Cloudflare refuses it"),
                |(_, kind, ours)| (*kind, ours),
            ),
    }
}
