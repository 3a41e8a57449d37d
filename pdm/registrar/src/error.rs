//! What can go wrong at a registrar, in words that are the same for all of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A call that did not do what was asked.
///
/// The text is for people; it never holds a secret, nor a URL with one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// When the same call may be tried again.
    pub retry: Retry,
    /// Whether the vendor did what was asked in spite of the failure.
    pub applied: Applied,
    /// What happened, what is safe, and what to do next, for people.
    pub detail: String,
}

impl Error {
    /// A failure before anything was done. Whether to try again follows from the kind.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            retry: kind.retry(),
            applied: Applied::No,
            detail: detail.into(),
        }
    }

    /// The same failure, of a write that may have been done.
    #[must_use]
    pub fn maybe_applied(mut self) -> Self {
        self.applied = Applied::Unknown;
        self
    }

    /// The same failure, with the time after which the vendor wants to be asked again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After(wait);
        self
    }
}

/// The kinds of failure. The words in JSON are part of the API.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The vendor does not know these credentials, or they have ended.
    CredentialsRejected,
    /// Known credentials that do not allow this call.
    ScopeMissing,
    /// The vendor takes calls only from addresses that the customer listed, and ours is not among them.
    AllowList,
    /// The customer's account is of a kind that may not use this API.
    AccountTier,
    /// Known credentials, of an account that does not hold the domain.
    DomainNotInAccount,
    /// The domain is locked against changes.
    DomainLocked,
    /// The domain's registration has ended.
    DomainExpired,
    /// The vendor, or we before asking it, refuse the request as such.
    InvalidRequest,
    /// Something else is at work on the domain, or it changed since it was read.
    Conflict,
    /// The vendor could do it only by destroying records of the customer.
    WouldLoseData,
    /// Too many calls.
    RateLimited,
    /// The vendor is down, unreachable, or answered with something that is no answer.
    Unavailable,
    /// This vendor cannot do it by API at all.
    Unsupported,
    /// An answer that fits none of the others.
    Unexpected,
}

impl ErrorKind {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialsRejected => "credentials_rejected",
            Self::ScopeMissing => "scope_missing",
            Self::AllowList => "allow_list",
            Self::AccountTier => "account_tier",
            Self::DomainNotInAccount => "domain_not_in_account",
            Self::DomainLocked => "domain_locked",
            Self::DomainExpired => "domain_expired",
            Self::InvalidRequest => "invalid_request",
            Self::Conflict => "conflict",
            Self::WouldLoseData => "would_lose_data",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Unexpected => "unexpected",
        }
    }

    /// When a call that failed so may be tried again, unless the vendor says it more exactly.
    fn retry(self) -> Retry {
        match self {
            Self::Unavailable => Retry::Now,
            Self::RateLimited => Retry::After(Duration::from_secs(60)),
            Self::Conflict => Retry::After(Duration::from_secs(30)),
            _ => Retry::Never,
        }
    }
}

/// When a failed call may be tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Not without a person who changes something.
    Never,
    /// With the caller's own back-off.
    Now,
    /// Not before this time has passed.
    After(Duration),
}

/// Whether a write that failed was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Applied {
    /// It was done.
    Yes,
    /// It was not done, and will not be.
    No,
    /// It may have been done, or be done yet: read before anything else is written, and wait the adapter's
    /// [`settle`](crate::Descriptor::settle) time before something different is.
    Unknown,
}

impl Serialize for Error {
    /// `{"kind", "retry": "never|now|after", "retry_after_seconds", "applied", "detail"}`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("Error", 5)?;
        object.serialize_field("kind", &self.kind)?;
        let (word, seconds) = match self.retry {
            Retry::Never => ("never", None),
            Retry::Now => ("now", None),
            Retry::After(wait) => ("after", Some(wait.as_secs().max(1))),
        };
        object.serialize_field("retry", word)?;
        object.serialize_field("retry_after_seconds", &seconds)?;
        object.serialize_field("applied", &self.applied)?;
        object.serialize_field("detail", &self.detail)?;
        object.end()
    }
}
