//! What a refusal means.
//!
//! API3 refuses with HTTP 200: the body decides, under whatever name its one object has. Success is a code that is there and zero.
//! REST repeats its code in the body, also with HTTP 200. Texts are matched as whole phrases: words such as "key" or "limit" occur in
//! too many of them.

use std::time::Duration;

use pdm_registrar::ErrorKind::{
    self, Conflict, CredentialsRejected, DomainExpired, DomainLocked, DomainNotInAccount, InvalidRequest,
    RateLimited, Unavailable, Unexpected, Unsupported, WouldLoseData,
};
use pdm_registrar::http::{Effect, Http};
use pdm_registrar::{Applied, Error};
use serde_json::{Map, Value};

use crate::wire::scalar;

/// What a caller may do about a refusal, beside what its kind says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// What was to be added is there.
    AlreadyThere,
    /// Dynadot has no DNSSEC for this top-level domain.
    NoDnssec,
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
    /// The vendor's text.
    pub theirs: String,
    /// Whether a write that was refused so is known not to be done.
    pub certain: bool,
    /// Seconds to wait, where the vendor wants a time of its own.
    pub wait: Option<u64>,
}

/// A row applies when the vendor's text holds `says`, whatever its case.
struct Row {
    says: &'static str,
    kind: ErrorKind,
    meaning: Meaning,
    ours: &'static str,
    certain: bool,
    wait: Option<u64>,
}

const fn row(says: &'static str, kind: ErrorKind, ours: &'static str) -> Row {
    Row {
        says,
        kind,
        meaning: Meaning::Plain,
        ours,
        certain: true,
        wait: None,
    }
}

const BUSY: &str = "Dynadot is busy or under maintenance, which can last for hours";

/// The first row that applies counts.
#[rustfmt::skip]
static TEXTS: &[Row] = &[
    row("invalid key", CredentialsRejected, "the API key is wrong, of the other environment, made less than ten minutes ago, or not allowed from our address"),
    row("the provided api key is invalid", CredentialsRejected, "the API key is wrong, of the other environment, or made less than ten minutes ago"),
    row("authorization header not entered", CredentialsRejected, "no API key arrived"),
    row("invalid signature", CredentialsRejected, "the API secret is wrong, or does not belong to the key"),
    row("requires x-signature", CredentialsRejected, "the API secret is wrong, or does not belong to the key"),
    row("could not find domain in your account", DomainNotInAccount, "the domain is not in this account; a new registration appears after up to half an hour"),
    row("can not find the domain in the account", DomainNotInAccount, "the domain is not in this account; a new registration appears after up to half an hour"),
    Row { wait: Some(5), ..row("currently processing another request from this account", RateLimited, "the account is at work on another call") },
    Row { certain: false, ..row("system_busy", Unavailable, BUSY) },
    Row { certain: false, ..row("problem with connection to main server", Unavailable, BUSY) },
    Row { certain: false, ..row("connection to main server is busy", Unavailable, BUSY) },
    Row { certain: false, ..row("connection to main server is offline", Unavailable, BUSY) },
    Row { wait: Some(60), ..row("over quota", RateLimited, "too many calls from this account") },
    Row { wait: Some(60), ..row("over_quota", RateLimited, "too many calls from this account") },
    Row { wait: Some(60), ..row("too many requests", RateLimited, "too many calls from this account") },
    Row { wait: Some(60), ..row("maximum allowed requests within the concurrent limit", RateLimited, "the account is at work on other calls") },
    row("the dns settings reached the upper limit", InvalidRequest, "the zone is full"),
    row("incorrect command name", Unexpected, "Dynadot does not know the command"),
    row("domain must be in ascii", InvalidRequest, "Dynadot does not take the name"),
    row("unsupported domain type", Unsupported, "Dynadot does not do this for the domain's top-level domain"),
    Row { meaning: Meaning::NoDnssec, ..row("doesn't support dnssec", Unsupported, "Dynadot has no DNSSEC for the domain's top-level domain") },
    Row { meaning: Meaning::NoDnssec, ..row("does not support dnssec", Unsupported, "Dynadot has no DNSSEC for the domain's top-level domain") },
    row("needs to be registered with an ip address", InvalidRequest, "a name server is unknown to the registry: register it with its address under its own domain first"),
    row("please unlock your domain firstly", DomainLocked, "the domain is locked: unlock it in the panel"),
    row("udrp locked", DomainLocked, "the domain is locked because of a dispute about its name"),
    row("was expired", DomainExpired, "the domain's registration has ended: renew it"),
    row("existing \"email settings\"", WouldLoseData, "the domain has e-mail settings, which DNS settings would replace: disable them in the panel, or keep them and change the zone there"),
    row("the domain doesn't have main dns", InvalidRequest, "Dynadot adds records below a zone only when the zone has one at its apex: add one in the panel first"),
    Row { meaning: Meaning::AlreadyThere, ..row("already exists", Conflict, "it is there already") },
];

const REFUSES: &str = "Dynadot refuses for a reason this adapter does not know";
const NO_ANSWER: &str = "Dynadot's answer is not of the form it has";

/// Takes the object out of an answer of API3, or says what it refuses.
pub fn read_api3(status: u16, body: &[u8]) -> Result<Map<String, Value>, Refused> {
    let Some(answer) = only_object(body) else {
        return Err(unreadable(status));
    };
    let word = |field: &str| answer.get(field).and_then(scalar).unwrap_or_default();
    let (code, said, error) = (word("ResponseCode"), word("Status"), word("Error"));
    let success =
        code == "0" && (said.is_empty() || said.eq_ignore_ascii_case("success")) && error.is_empty();
    if success && (200..300).contains(&status) {
        return Ok(answer);
    }
    let theirs = if error.is_empty() || said.eq_ignore_ascii_case("error") || said.is_empty() {
        error
    } else {
        format!("{said}: {error}")
    };
    let theirs = if theirs.is_empty() { said } else { theirs };
    Err(match in_table(&theirs) {
        Some(refused) => refused,
        None if code == "5" => from(BUSY, Unavailable, theirs, false),
        None if status >= 500 => from(BUSY, Unavailable, theirs, false),
        None if status == 429 => Refused {
            wait: Some(60),
            ..from("too many calls from this account", RateLimited, theirs, true)
        },
        // A code that says no. Without one, nobody knows what was done.
        None if !code.is_empty() && code != "0" => from(REFUSES, Unexpected, theirs, true),
        None => from(NO_ANSWER, Unexpected, theirs, false),
    })
}

/// The object under the one name at the top; `None` when the answer is not of this form.
fn only_object(body: &[u8]) -> Option<Map<String, Value>> {
    let Ok(Value::Object(top)) = serde_json::from_slice(body) else {
        return None;
    };
    let mut values = top.into_iter().map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(Value::Object(answer)), None) => Some(answer),
        _ => None,
    }
}

/// Takes `data` out of an answer of REST, or says what it refuses.
pub fn read_rest(status: u16, body: &[u8]) -> Result<Value, Refused> {
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return Err(unreadable(status));
    };
    // Some errors have their code and message one level below.
    let head = answer.get("status").and_then(Value::as_object).unwrap_or(&answer);
    let word = |of: &Map<String, Value>, field: &str| of.get(field).and_then(scalar).unwrap_or_default();
    let code = word(head, "code");
    let error = answer.get("error");
    if code == "200" && error.is_none_or(Value::is_null) && (200..300).contains(&status) && status != 249 {
        return Ok(answer.get("data").cloned().unwrap_or_default());
    }
    let described = match error {
        Some(Value::Object(error)) => word(error, "description"),
        Some(error) => scalar(error).unwrap_or_default(),
        None => String::new(),
    };
    let theirs = if described.is_empty() {
        word(head, "message")
    } else {
        described
    };
    if let Some(refused) = in_table(&theirs) {
        return Err(refused);
    }
    // With HTTP 200 the code in the body is the one that counts.
    let number = code.parse().ok().filter(|code| *code != 200).unwrap_or(status);
    let (kind, ours, certain) = match number {
        400 => (InvalidRequest, "Dynadot refuses the request", true),
        401 => (CredentialsRejected, "the API key or secret is wrong", true),
        404 => (
            DomainNotInAccount,
            "Dynadot does not find it in this account",
            true,
        ),
        409 => (Conflict, "the domain's present state forbids it", true),
        249 | 429 => (RateLimited, "too many calls from this account", true),
        403 | 405..=499 => (Unexpected, REFUSES, true),
        500.. => (Unavailable, BUSY, false),
        _ => (Unexpected, NO_ANSWER, false),
    };
    let wait = (kind == RateLimited).then_some(60);
    Err(Refused {
        wait,
        ..from(ours, kind, theirs, certain)
    })
}

fn in_table(theirs: &str) -> Option<Refused> {
    let low = theirs.to_lowercase().replace('\u{2019}', "'");
    let row = TEXTS.iter().find(|row| low.contains(row.says))?;
    Some(Refused {
        kind: row.kind,
        meaning: row.meaning,
        ours: row.ours,
        theirs: theirs.to_owned(),
        certain: row.certain,
        wait: row.wait,
    })
}

fn from(ours: &'static str, kind: ErrorKind, theirs: String, certain: bool) -> Refused {
    Refused {
        kind,
        meaning: Meaning::Plain,
        ours,
        theirs,
        certain,
        wait: None,
    }
}

/// No JSON of the vendor's form: HTML, XML, a part of an answer. Nobody of the vendor's own service has spoken.
fn unreadable(status: u16) -> Refused {
    match status {
        429 => Refused {
            wait: Some(60),
            ..from(
                "too many calls from this account",
                RateLimited,
                String::new(),
                true,
            )
        },
        500.. => from(BUSY, Unavailable, String::new(), false),
        _ => from(NO_ANSWER, Unavailable, String::new(), false),
    }
}

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) meaning: Meaning,
}

impl Failure {
    pub(crate) fn new(http: &Http, effect: Effect, refused: &Refused) -> Self {
        let mut error = http.error(refused.kind, refused.ours, &refused.theirs);
        if effect == Effect::Write && !refused.certain {
            error = error.maybe_applied();
        }
        if let Some(seconds) = refused.wait {
            error = error.retry_after(Duration::from_secs(seconds));
        }
        Self {
            error,
            meaning: refused.meaning,
        }
    }
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

/// The failure of a write that is one of several, of which some were done before.
pub(crate) fn in_the_middle(error: Error, done_before: bool) -> Error {
    if done_before && error.applied == Applied::No {
        error.maybe_applied()
    } else {
        error
    }
}
