//! What can go wrong, and what it says about the server's state.

use std::error::Error as StdError;
use std::fmt;

use reqwest::StatusCode;

/// A call that did not succeed.
///
/// Decide by [`kind`](Error::kind), and after a write by [`effect`](Error::effect); show
/// [`message`](Error::message) to people. Contains neither the API key nor a URL.
pub struct Error {
    kind: ErrorKind,
    effect: Effect,
    message: Option<Box<str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The [`Config`](crate::Config) cannot be used.
    Configuration,
    /// This client did not send the request, because it would harm the zone ([`rules`](crate::rules)).
    Refused,
    /// The API key is missing or wrong, or our address is not allowed (401, 403).
    Unauthorized,
    /// There is no such zone, key or server (404). PowerDNS does not say which of them.
    NotFound,
    /// It exists already (409).
    Conflict,
    /// PowerDNS refused the content (422); [`Error::message`] has its words.
    Invalid,
    /// PowerDNS could not read the request (400).
    Malformed,
    /// PowerDNS failed: a locked or unreachable database, usually (5xx).
    ServerFailure,
    /// The deadline passed.
    Timeout,
    /// No connection could be made.
    Unreachable,
    /// The connection broke before the answer was complete.
    Interrupted,
    /// The request or the answer is larger than the configured limit.
    TooLarge,
    /// The answer is not what the API promises.
    UnexpectedAnswer,
}

/// Whether a failed write took effect all the same. Failed reads are always [`NotApplied`](Effect::NotApplied).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The server has done it, but not with the result that was asked for, or the answer's body was lost.
    Applied,
    /// The server has not done it and will not.
    NotApplied,
    /// Nothing is known: done, not done, done in part, or still to be done. Read the state back.
    Unknown,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, effect: Effect) -> Self {
        Self {
            kind,
            effect,
            message: None,
            source: None,
        }
    }

    pub(crate) fn refused(why: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, Effect::NotApplied).with_message(why)
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into().into_boxed_str());
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// From an answer that is not a success.
    pub(crate) fn from_status(status: StatusCode, body: &[u8], writes: bool) -> Self {
        use Effect::{NotApplied, Unknown};
        let (kind, effect) = match status.as_u16() {
            400 => (ErrorKind::Malformed, NotApplied),
            401 | 403 => (ErrorKind::Unauthorized, NotApplied),
            404 => (ErrorKind::NotFound, NotApplied),
            // Somebody made it, and after a lost reply that may have been us.
            409 => (ErrorKind::Conflict, Unknown),
            413 => (ErrorKind::TooLarge, NotApplied),
            422 => (ErrorKind::Invalid, NotApplied),
            // SQLite answers 500 to a write that it may or may not have made.
            500..=599 => (ErrorKind::ServerFailure, Unknown),
            _ => (ErrorKind::UnexpectedAnswer, Unknown),
        };
        let error = Self::new(kind, if writes { effect } else { NotApplied });
        match words(body) {
            Some(message) => error.with_message(message),
            None if kind == ErrorKind::UnexpectedAnswer => error.with_message(format!("status {status}")),
            None => error,
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the write took effect.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// PowerDNS' own words, or this client's reason for a refusal. For people: the words change between versions.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Whether the same call may succeed later without anything else being changed.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::ServerFailure | ErrorKind::Timeout | ErrorKind::Unreachable | ErrorKind::Interrupted
        )
    }
}

/// The `error` of a JSON answer; PowerDNS sends JSON with 422 and plain text otherwise.
fn words(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        error: String,
    }
    serde_json::from_slice::<Answer>(body)
        .ok()
        .map(|answer| answer.error)
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "the configuration cannot be used",
            Self::Refused => "not sent, because it would harm the zone",
            Self::Unauthorized => "PowerDNS does not accept the API key",
            Self::NotFound => "PowerDNS does not have it",
            Self::Conflict => "it exists already",
            Self::Invalid => "PowerDNS refused the content",
            Self::Malformed => "PowerDNS could not read the request",
            Self::ServerFailure => "PowerDNS failed",
            Self::Timeout => "the deadline passed",
            Self::Unreachable => "PowerDNS cannot be reached",
            Self::Interrupted => "the connection broke before the answer was complete",
            Self::TooLarge => "larger than the configured limit",
            Self::UnexpectedAnswer => "the answer is not what the API promises",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("effect", &self.effect)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
