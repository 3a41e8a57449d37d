//! Answers, and the two forms of errors.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::request::Generation;
use super::settings::{ErrorForm, Settings, TooMany};

/// An error.
pub(super) struct Failure {
    status: u16,
    code: &'static str,
    message: String,
    fields: Vec<Field>,
    /// Seconds to wait, in the header and in the body.
    wait: (Option<u64>, Option<u64>),
}

/// What is wrong with one field of a body.
pub(super) struct Field {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Such as `records[0].ttl`.
    pub(super) path: String,
}

impl Field {
    pub(super) fn new(code: &'static str, message: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: path.into(),
        }
    }
}

impl Failure {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Vec::new(),
            wait: (None, None),
        }
    }

    /// The body is not what the schema wants.
    pub(super) fn body(field: Field) -> Self {
        let mut failure = Self::new(
            422,
            "INVALID_BODY",
            "Request body doesn't fulfill schema, see details in `fields`",
        );
        failure.fields.push(field);
        failure
    }

    /// The tier of the account, a scope of the token, or the owner of the domain.
    pub(super) fn denied() -> Self {
        Self::new(403, "ACCESS_DENIED", "Authenticated user is not allowed access")
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(
            401,
            "UNABLE_TO_AUTHENTICATE",
            "Unauthorized : Could not authenticate API key/secret",
        )
    }

    /// The vendor has no zone of this domain.
    pub(super) fn no_zone() -> Self {
        Self::new(
            404,
            "UNKNOWN_DOMAIN",
            "The given domain is not registered, or does not have a zone file",
        )
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource was not found")
    }

    /// A protected domain, or one that is not active.
    pub(super) fn inactive() -> Self {
        Self::new(
            409,
            "INACTIVE_DOMAIN",
            "The given domain is not eligible to have its nameservers changed",
        )
    }

    pub(super) fn away() -> Self {
        Self::new(
            503,
            "SERVICE_UNAVAILABLE",
            "The service is temporarily unavailable",
        )
    }

    pub(super) fn too_many(wait: Option<u64>, form: TooMany) -> Self {
        if form == TooMany::Quota {
            return Self::new(429, "QUOTA_EXCEEDED", "The quota of this endpoint is used up");
        }
        let mut failure = Self::new(
            429,
            "TOO_MANY_REQUESTS",
            "Too many requests received within interval",
        );
        failure.wait = (
            wait.filter(|_| form != TooMany::Body),
            wait.filter(|_| form != TooMany::Header),
        );
        failure
    }

    pub(super) fn render(self, generation: Generation, settings: &Settings) -> Response {
        let new = generation == Generation::Three && settings.v3_errors == ErrorForm::Specified;
        let mut body = if new { self.specified() } else { self.plain() };
        if let Some(wait) = self.wait.1 {
            body["retryAfterSec"] = json!(wait);
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = self.wait.0 {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response
    }

    fn plain(&self) -> Value {
        let mut body = json!({"code": self.code, "message": self.message});
        if !self.fields.is_empty() {
            let field =
                |field: &Field| json!({"code": field.code, "message": field.message, "path": field.path});
            body["fields"] = self.fields.iter().map(field).collect();
        }
        body
    }

    fn specified(&self) -> Value {
        let detail = |field: &Field| {
            json!({
                "field": field.path,
                "value": "",
                "location": "body",
                "issue": field.code,
                "description": field.message,
            })
        };
        json!({
            "name": self.code,
            "correlationId": "00000000-0000-4000-8000-00000000c0de",
            "message": self.message,
            "informationLink": "",
            "details": self.fields.iter().map(detail).collect::<Vec<_>>(),
            "links": [],
        })
    }
}

/// A status without a body.
pub(super) fn empty(status: u16) -> Response {
    StatusCode::from_u16(status)
        .unwrap_or(StatusCode::OK)
        .into_response()
}

/// A status and a body.
pub(super) fn with(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), Json(body)).into_response()
}
