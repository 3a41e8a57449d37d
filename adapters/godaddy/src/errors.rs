//! What GoDaddy's codes mean.
//!
//! The status alone decides for 429 and 5xx. Otherwise the code does, and where it has no entry, the status. Texts are shown and, but for
//! one, not matched.

use std::time::Duration;

use pdm_registrar::http::{Answer, Effect, Http};
use pdm_registrar::{Error, ErrorKind, Retry};

use crate::wire::Problem;

/// The wait of a call that is one too many, when the answer does not say: the limit is per minute.
const MINUTE: Duration = Duration::from_secs(60);

const TABLE: &[(&str, ErrorKind, &str)] = &[
    ("UNABLE_TO_AUTHENTICATE", ErrorKind::CredentialsRejected, REJECTED),
    ("MALFORMED_CREDENTIALS", ErrorKind::CredentialsRejected, REJECTED),
    (NOT_ELIGIBLE, ErrorKind::AccountTier, TIER),
    (
        "UNKNOWN_DOMAIN",
        ErrorKind::DomainNotInAccount,
        "the domain, or a zone of its name, is not in this account",
    ),
    (
        "NOT_FOUND",
        ErrorKind::DomainNotInAccount,
        "the domain is not in this account",
    ),
    (
        "INACTIVE_DOMAIN",
        ErrorKind::DomainLocked,
        "the domain's status or protection forbids the change: look at it in the web interface",
    ),
    (
        "dns_record_not_mutable",
        ErrorKind::Unsupported,
        "GoDaddy does not let its API change this record: change it in the web interface",
    ),
    (
        "FAILED_NAME_SERVER_VALIDATION",
        ErrorKind::InvalidRequest,
        "the registry refuses the name servers; one below the domain itself has to be entered as a host in the web interface first",
    ),
    (
        "MISSING_NAME_SERVER",
        ErrorKind::InvalidRequest,
        "at least two name servers are needed",
    ),
    (DUPLICATE, ErrorKind::Conflict, "the record is there already"),
];

const REJECTED: &str = "GoDaddy does not know these credentials; those of its test environment are others than those of production";
/// What 403 means to somebody whose credentials have no scopes.
pub(crate) const TIER: &str = "this account may not use this part of GoDaddy's API: it has to hold a domain, and earlier rules asked for \
    ten or for a plan";
/// What 403 means to a token.
pub(crate) const SCOPE: &str = "the token lacks a scope: it needs domains.domain:read, and domains.nameserver:update or domains.dns:update \
    for changes; or the account may not use this part of the API";

const NOT_ELIGIBLE: &str = "ACCOUNT_NOT_ELIGIBLE";
const DUPLICATE: &str = "DUPLICATE_RECORD";

/// A refused call.
pub(crate) struct Failure {
    /// For the caller.
    pub error: Error,
    /// The answer's status; `None` when there was no answer.
    pub status: Option<u16>,
    /// That the record exists already, whatever the code is called.
    pub duplicate: bool,
    /// That it is said in so many words that the account may not use the API.
    pub names_tier: bool,
}

impl Failure {
    /// Whether there is no such thing, or none for this account.
    pub(crate) fn is_absent(&self) -> bool {
        self.status == Some(404)
    }

    /// Whether something else is at work there, and nothing was done.
    pub(crate) fn is_busy(&self) -> bool {
        self.status == Some(409) && self.error.kind == ErrorKind::Conflict
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            status: None,
            duplicate: false,
            names_tier: false,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// What an answer means that is not a success. `scoped`: the credentials are a token, which has scopes.
pub(crate) fn failure(http: &Http, effect: Effect, answer: &Answer, scoped: bool) -> Failure {
    let status = answer.status;
    let problem: Option<Problem> = serde_json::from_slice(&answer.body).ok();
    let known = problem.is_some();
    let problem = problem.unwrap_or_default();
    let text = problem.text();
    let code = problem.code().unwrap_or_default();
    if status.as_u16() == 429 || code == "QUOTA_EXCEEDED" {
        return Failure {
            error: too_many(http, answer, &problem),
            status: Some(status.as_u16()),
            duplicate: false,
            names_tier: false,
        };
    }
    let error = if status.is_client_error() {
        let (kind, ours) = meaning(status.as_u16(), code, scoped);
        http.error(kind, ours, &text)
    } else if known && !text.is_empty() {
        http.error(ErrorKind::Unavailable, "GoDaddy cannot do it now", &text)
    } else {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "GoDaddy answered with status {} and nothing of the form it has",
                status.as_u16()
            ),
        )
    };
    let error = match effect {
        Effect::Write if !status.is_client_error() => error.maybe_applied(),
        Effect::Read | Effect::Write => error,
    };
    Failure {
        error,
        status: Some(status.as_u16()),
        // The name of the code is not documented; the text is what clients have seen.
        duplicate: code == DUPLICATE
            || text
                .to_ascii_lowercase()
                .contains("same attributes already exist"),
        names_tier: code == NOT_ELIGIBLE,
    }
}

/// What became of a change that was accepted: `ours`, unless the problem's code means something of its own.
pub(crate) fn later(http: &Http, ours: &str, problem: Option<&Problem>) -> Error {
    let problem = problem.cloned().unwrap_or_default();
    let (kind, ours) = entry(problem.code().unwrap_or_default()).unwrap_or((ErrorKind::Unexpected, ours));
    http.error(kind, ours, &problem.text())
}

fn too_many(http: &Http, answer: &Answer, problem: &Problem) -> Error {
    let ours = "GoDaddy takes no more calls of this kind for now";
    let error = http.error(ErrorKind::RateLimited, ours, &problem.text());
    if problem.code() == Some("QUOTA_EXCEEDED") {
        // The account's calls of the month are used up.
        return Error {
            retry: Retry::Never,
            ..error
        };
    }
    let said = problem
        .retry_after_sec
        .map(|seconds| Duration::from_secs(seconds.clamp(1, 3600)));
    error.retry_after(answer.retry_after().or(said).unwrap_or(MINUTE))
}

fn meaning(status: u16, code: &str, scoped: bool) -> (ErrorKind, &'static str) {
    if let Some(found) = entry(code) {
        return found;
    }
    match status {
        401 => (ErrorKind::CredentialsRejected, REJECTED),
        403 if scoped => (ErrorKind::ScopeMissing, SCOPE),
        403 => (ErrorKind::AccountTier, TIER),
        404 => (ErrorKind::DomainNotInAccount, "this is not in this account"),
        409 => (ErrorKind::Conflict, "GoDaddy is at another change there"),
        400 | 422 => (ErrorKind::InvalidRequest, "GoDaddy refuses the request"),
        _ => (ErrorKind::Unexpected, "GoDaddy refuses it"),
    }
}

fn entry(code: &str) -> Option<(ErrorKind, &'static str)> {
    let (_, kind, ours) = TABLE
        .iter()
        .find(|(known, ..)| known.eq_ignore_ascii_case(code))?;
    Some((*kind, ours))
}
