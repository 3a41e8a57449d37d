//! The one body of errors (RFC 9457), and the status of each problem code.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::{Code, FieldError, Refusal, ServiceError};
use crate::store::StoreError;

/// Media type of errors.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Where the codes are explained.
const TYPES: &str = "https://pdm.openova.io/problems/";

/// The status and the title of each code.
pub const fn status_and_title(code: Code) -> (u16, &'static str) {
    match code {
        Code::RequestMalformed => (400, "The request is not well-formed"),
        Code::RequestMissingHeader => (400, "A header is missing"),
        Code::AuthMissing => (401, "A key is needed"),
        Code::AuthInvalid => (401, "The key is not valid"),
        Code::AuthExpired => (401, "The key has ended"),
        Code::AuthScope => (403, "The key does not reach so far"),
        Code::TokenMismatch => (403, "The reservation token is another one"),
        Code::ClaimNotFound => (404, "No such claim"),
        Code::OperationNotFound => (404, "No such operation"),
        Code::PoolNotFound => (404, "No such pool"),
        Code::RecordNotFound => (404, "No such record set"),
        Code::TenantNotFound => (404, "No such tenant"),
        Code::KeyNotFound => (404, "No such key"),
        Code::RegistrarUnknown => (404, "No such registrar"),
        Code::RouteNotFound => (404, "No such path"),
        Code::MethodNotAllowed => (405, "The path has no such method"),
        Code::AcceptUnsupported => (406, "No acceptable form of the answer"),
        Code::NameTaken => (409, "The name is taken"),
        Code::NameHeld => (409, "The name is held"),
        Code::NameConflict => (409, "The name collides with another"),
        Code::OperationInProgress => (409, "Other work is in progress"),
        Code::IdempotencyInProgress => (409, "The first request is in progress"),
        Code::ClaimState => (409, "Not possible in this state"),
        Code::ZoneForeign => (409, "Something else is there"),
        Code::ClaimExpired => (410, "The hold has ended"),
        Code::VersionStale => (412, "There is a newer version"),
        Code::BodyTooLarge => (413, "The body is too large"),
        Code::BodyUnsupported => (415, "The body is not JSON"),
        Code::NameProtected => (422, "The name is protected"),
        Code::IdempotencyMismatch => (422, "The key was used for another request"),
        Code::RequestInvalid => (422, "The request cannot be granted as it is"),
        Code::LabelInvalid => (422, "The name breaks a rule"),
        Code::LabelReserved => (422, "The name is reserved"),
        Code::TargetsInvalid => (422, "The addresses cannot be used"),
        Code::RecordsInvalid => (422, "The record set cannot be kept"),
        Code::RegistrarCredentialsRejected => (422, "The registrar does not take the credentials"),
        Code::RegistrarDomainNotInAccount => (422, "The account does not hold the domain"),
        Code::RegistrarRefused => (422, "The registrar refuses"),
        Code::RegistrarUnsupported => (422, "The registrar cannot do it by its API"),
        Code::RegistrarUnavailable => (502, "The registrar is not available"),
        Code::RateLimited => (429, "Too many requests"),
        Code::QuotaExhausted => (429, "The quota is used up"),
        Code::RequestFailed => (500, "The request failed"),
        Code::StoreUnavailable => (503, "The database is not available"),
        Code::DnsUnavailable => (503, "The name servers are not available"),
        Code::ShuttingDown => (503, "The service is being stopped"),
        Code::Overloaded => (503, "The service is overloaded"),
    }
}

/// A request that was not granted, on its way to its sender.
#[derive(Clone, Debug)]
pub struct Problem(pub Refusal);

/// The body of an error.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// A URI that names the kind of problem.
    r#type: String,
    /// The kind of problem, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// The kind of problem, for programs.
    code: &'static str,
    /// This very problem, for people.
    detail: &'a str,
    /// What the log calls this request.
    request_id: &'a str,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: &'a [FieldError],
    /// When asking again may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after_seconds: Option<u64>,
    /// The caller's own operation that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    operation_id: Option<String>,
    /// The caller's own claim that is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    claim_id: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Refusal::new(code, detail))
    }

    /// Its HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(status_and_title(self.0.code).0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Its body.
    pub fn render(&self, request_id: &str) -> String {
        let Self(refusal) = self;
        let (status, title) = status_and_title(refusal.code);
        let code = refusal.code.as_str();
        let body = ProblemBody {
            r#type: format!("{TYPES}{code}"),
            title,
            status,
            code,
            detail: &refusal.detail,
            request_id,
            errors: &refusal.errors,
            retry_after_seconds: self.retry_after_seconds(),
            operation_id: refusal.operation.map(|id| id.to_string()),
            claim_id: refusal.claim.map(|id| id.to_string()),
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// Whole seconds, rounded up: who comes back then does not come too early.
    pub(super) fn retry_after_seconds(&self) -> Option<u64> {
        self.0
            .retry_after
            .map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
            .map(|s| s.max(1))
    }

    /// The whole answer.
    pub fn response(&self, request_id: &str) -> Response {
        let mut response = (self.status(), self.render(request_id)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// The outermost layer writes the body, because it knows the id of the request.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Refused(refusal) => Self(*refusal),
            ServiceError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    /// The text of the error goes to the log only.
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(%error, "the store failed a request");
            let detail = "the database did not answer or did not confirm: make the same request again";
            return Self(Refusal::new(Code::StoreUnavailable, detail).retry_after(Duration::from_secs(1)));
        }
        tracing::error!(%error, "a request failed");
        Self::failed()
    }
}

impl Problem {
    /// A defect of the service.
    pub fn failed() -> Self {
        Self::new(
            Code::RequestFailed,
            "the service made a mistake; it has been logged under the id of this request",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status_and_is_in_its_body() {
        for code in Code::ALL {
            let problem = Problem::new(*code, "why");
            let body: serde_json::Value = serde_json::from_str(&problem.render("req_1")).unwrap();
            assert!(problem.status().as_u16() >= 400, "{code:?}");
            assert_eq!(body["status"], problem.status().as_u16());
            assert_eq!(body["code"], code.as_str());
            assert_eq!(body["type"], format!("{TYPES}{}", code.as_str()));
            assert_eq!(body["request_id"], "req_1");
        }
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let seconds = |millis| {
            let refusal = Refusal::new(Code::NameHeld, "held").retry_after(Duration::from_millis(millis));
            Problem(refusal).retry_after_seconds()
        };
        assert_eq!(
            (seconds(0), seconds(1_001), seconds(2_000)),
            (Some(1), Some(2), Some(2))
        );
    }
}
