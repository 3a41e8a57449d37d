//! Answers, and the two forms of errors: the gateway's and the backend's.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

/// What a call is answered with.
pub(super) type Answer = Result<Done, Refusal>;

/// What was asked for.
pub(super) enum Done {
    Json(Value),
    Nothing,
}

impl From<Value> for Done {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

/// An error of the vendor's.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// Of the gateway, which knows keys, signatures and rules.
    Gateway {
        status: u16,
        code: &'static str,
        message: String,
    },
    /// Of what is behind it.
    Backend {
        status: u16,
        class: &'static str,
        message: String,
    },
    /// A message and nothing else.
    Message { status: u16, message: String },
    /// OVH is away.
    Away,
}

impl Refusal {
    pub(super) fn gateway(status: u16, code: &'static str, message: &str) -> Self {
        Self::Gateway {
            status,
            code,
            message: message.to_owned(),
        }
    }

    pub(super) fn backend(status: u16, class: &'static str, message: impl Into<String>) -> Self {
        Self::Backend {
            status,
            class,
            message: message.into(),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::backend(400, "Client::BadRequest", message)
    }

    pub(super) fn no_service() -> Self {
        Self::backend(404, "Client::NotFound", "This service does not exist")
    }

    pub(super) fn no_object(what: &str, id: &str) -> Self {
        Self::backend(
            404,
            "Client::NotFound",
            format!("The requested object ({what} = {id}) does not exist"),
        )
    }

    pub(super) fn no_url() -> Self {
        Self::Message {
            status: 404,
            message: "Got an invalid (or empty) URL".to_owned(),
        }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) => axum::Json(value).into_response(),
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status_of = |status| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (status, body) = match self {
            Self::Gateway {
                status,
                code,
                message,
            } => {
                let words = status_of(status).canonical_reason().unwrap_or_default();
                let http_code = format!("{status} {words}");
                (
                    status,
                    json!({"errorCode": code, "httpCode": http_code, "message": message}),
                )
            }
            Self::Backend {
                status,
                class,
                message,
            } => (status, json!({"class": class, "message": message})),
            Self::Message { status, message } => (status, json!({"message": message})),
            Self::Away => {
                let page = Html(
                    "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
                );
                return (StatusCode::SERVICE_UNAVAILABLE, page).into_response();
            }
        };
        (status_of(status), axum::Json(body)).into_response()
    }
}

/// Adds the id that support asks for.
pub(super) fn with_query_id(mut response: Response, number: u64) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("EU.ext-1.{number:08x}")) {
        response.headers_mut().insert("x-ovh-queryid", value);
    }
    response
}
