//! Why a request is not granted, in the words of the API.

use std::time::Duration;

use crate::domain::claim::{ClaimState, Refused};
use crate::domain::ids::{ClaimId, OperationId};
use crate::domain::label::LabelError;
use crate::domain::records::RecordError;
use crate::domain::targets::TargetsError;

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal),+ $(,)?) => {
        /// The problem codes of the API. They are only ever added to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])+ $variant),+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word of the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

codes! {
    /// The request is no well-formed HTTP or JSON.
    RequestMalformed = "request.malformed",
    /// A header that this call needs is missing.
    RequestMissingHeader = "request.missing_header",
    /// There is no usable credential.
    AuthMissing = "auth.missing",
    /// The credential is not known, or was revoked.
    AuthInvalid = "auth.invalid",
    /// The credential has ended.
    AuthExpired = "auth.expired",
    /// The credential does not reach so far.
    AuthScope = "auth.scope",
    /// The reservation token is not this claim's.
    TokenMismatch = "token.mismatch",
    /// No such claim among the caller's.
    ClaimNotFound = "claim.not_found",
    /// No such operation among the caller's.
    OperationNotFound = "operation.not_found",
    /// No such pool.
    PoolNotFound = "pool.not_found",
    /// No such record set.
    RecordNotFound = "record.not_found",
    /// No such tenant.
    TenantNotFound = "tenant.not_found",
    /// No such key.
    KeyNotFound = "key.not_found",
    /// No such registrar.
    RegistrarUnknown = "registrar.unknown",
    /// No such path.
    RouteNotFound = "route.not_found",
    /// The path knows other methods.
    MethodNotAllowed = "method.not_allowed",
    /// The answer has no form that the caller accepts.
    AcceptUnsupported = "accept.unsupported",
    /// The body is larger than is read.
    BodyTooLarge = "body.too_large",
    /// The body is not JSON.
    BodyUnsupported = "body.unsupported",
    /// The name is not available.
    NameTaken = "name.taken",
    /// The name is held, and not yet taken for good.
    NameHeld = "name.held",
    /// Something above or below the name is in the way.
    NameConflict = "name.conflict",
    /// Nobody may have the name.
    NameProtected = "name.protected",
    /// Other work on the name is running.
    OperationInProgress = "operation.in_progress",
    /// The first request under this key is not decided yet.
    IdempotencyInProgress = "idempotency.in_progress",
    /// The key was used for another request.
    IdempotencyMismatch = "idempotency.mismatch",
    /// The verb does not apply in this state.
    ClaimState = "claim.state",
    /// Something that is not ours is there.
    ZoneForeign = "zone.foreign",
    /// The hold has ended.
    ClaimExpired = "claim.expired",
    /// There is a newer version.
    VersionStale = "version.stale",
    /// The request says something that cannot be.
    RequestInvalid = "request.invalid",
    /// The label breaks a rule.
    LabelInvalid = "label.invalid",
    /// The label is a reserved word.
    LabelReserved = "label.reserved",
    /// The addresses cannot be targets.
    TargetsInvalid = "targets.invalid",
    /// The record set cannot be kept.
    RecordsInvalid = "records.invalid",
    /// The registrar does not take the credentials.
    RegistrarCredentialsRejected = "registrar.credentials_rejected",
    /// The registrar's account does not hold the domain.
    RegistrarDomainNotInAccount = "registrar.domain_not_in_account",
    /// The registrar refuses: account tier, lock, allow-list.
    RegistrarRefused = "registrar.refused",
    /// The registrar cannot do it by its API.
    RegistrarUnsupported = "registrar.unsupported",
    /// The registrar is away, or asks for patience.
    RegistrarUnavailable = "registrar.unavailable",
    /// Too many requests in a short time.
    RateLimited = "rate.limited",
    /// A quota is used up.
    QuotaExhausted = "quota.exhausted",
    /// A defect of the service.
    RequestFailed = "request.failed",
    /// The database cannot be reached, or did not confirm.
    StoreUnavailable = "store.unavailable",
    /// The name servers' API cannot be reached.
    DnsUnavailable = "dns.unavailable",
    /// The service is being stopped.
    ShuttingDown = "shutting_down",
    /// More requests are in progress than are worked on at a time.
    Overloaded = "overloaded",
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field.
    pub pointer: String,
    /// A problem code.
    pub code: String,
    /// What is wrong, for people.
    pub detail: String,
}

/// A request that is not granted. Holds only what its sender may know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, for programs.
    pub code: Code,
    /// Why, for people.
    pub detail: String,
    /// Which fields are wrong.
    pub errors: Vec<FieldError>,
    /// When asking again may help.
    pub retry_after: Option<Duration>,
    /// The caller's own operation that is in the way.
    pub operation: Option<OperationId>,
    /// The caller's own claim that is in the way.
    pub claim: Option<ClaimId>,
}

impl Refusal {
    /// A refusal for this reason.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            operation: None,
            claim: None,
        }
    }

    /// A refusal because of one field.
    pub fn field(code: Code, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = FieldError {
            pointer: pointer.into(),
            code: code.as_str().to_owned(),
            detail: detail.clone(),
        };
        Self {
            errors: vec![error],
            ..Self::new(code, detail)
        }
    }

    /// A field that cannot be as it is.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::field(Code::RequestInvalid, pointer, detail)
    }

    /// The claim does not exist, or is somebody else's: nobody can tell which.
    pub fn no_claim() -> Self {
        Self::new(Code::ClaimNotFound, "there is no such claim")
    }

    /// The operation does not exist, or is somebody else's.
    pub fn no_operation() -> Self {
        Self::new(Code::OperationNotFound, "there is no such operation")
    }

    /// There is no such pool.
    pub fn no_pool() -> Self {
        Self::new(Code::PoolNotFound, "there is no such pool")
    }

    /// Other work on the name is running.
    pub fn in_progress(operation: Option<OperationId>) -> Self {
        Self {
            operation,
            ..Self::new(
                Code::OperationInProgress,
                "other work on this name is running: wait for its end",
            )
        }
    }

    /// The same, with the moment from which asking again may help.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TokenMismatch => {
                Self::new(Code::TokenMismatch, "this is not the token of this reservation")
            }
            Refused::Expired => Self::new(
                Code::ClaimExpired,
                "the hold on the name ended before it was used: reserve it again",
            ),
            Refused::State(state) => Self::new(Code::ClaimState, not_in(state)),
            Refused::InProgress(operation) => Self::in_progress(operation),
            Refused::HoldTooLong { max } => Self::invalid(
                "/hold_seconds",
                format!("names are held at most {} seconds at a time", max.as_secs()),
            ),
            Refused::HoldUsedUp { until } => Self::new(
                Code::QuotaExhausted,
                format!("this name cannot be held longer than until {until} without a commit"),
            ),
        }
    }
}

fn not_in(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Reserved => "the name is only reserved: commit it first",
        ClaimState::Activating => "the name is being set up: wait for the end of its operation",
        ClaimState::Active => "the name is active: change its addresses with PUT …/targets, or release it",
        ClaimState::Releasing => "the name is being given back",
        ClaimState::Released => "the name was given back",
        ClaimState::Expired => "the hold on the name ended",
    }
}

impl From<LabelError> for Refusal {
    fn from(error: LabelError) -> Self {
        let code = match &error {
            LabelError::Invalid { .. } => Code::LabelInvalid,
            LabelError::Reserved { .. } => Code::LabelReserved,
        };
        Self::field(code, "/label", error.to_string())
    }
}

impl From<TargetsError> for Refusal {
    fn from(error: TargetsError) -> Self {
        Self::new(Code::TargetsInvalid, error.to_string())
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        Self::new(Code::RecordsInvalid, error.to_string())
    }
}
