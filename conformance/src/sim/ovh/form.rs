//! What the faults and the journal have to know of the vendor's form.

use axum::response::{IntoResponse, Response};

use super::answer::Refusal;
use crate::sim::faults::{Form, Parts};

/// Calls that only read.
pub(super) const READS: [&str; 1] = ["GET "];

pub(super) struct Ovh;

impl Form for Ovh {
    fn call(&self, request: &Parts<'_>) -> String {
        kind(request.method, request.path)
    }

    /// The form of a 429 is not known.
    fn too_many(&self, _call: &str, retry_after: Option<u64>) -> Response {
        let refusal = Refusal::Message {
            status: 429,
            message: "Too many requests".to_owned(),
        };
        let mut response = refusal.into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        response
    }

    fn server_error(&self, _call: &str) -> Response {
        Refusal::backend(500, "Server::InternalServerError", "Internal server error").into_response()
    }

    fn maintenance(&self, _call: &str) -> Response {
        Refusal::backend(503, "Server::ServiceUnavailable", "The API is under maintenance").into_response()
    }
}

/// The kind of a call: its method, and its path below the version.
pub(super) fn kind(method: &str, path: &str) -> String {
    format!("{method} {}", below(path).unwrap_or(path))
}

/// A path below `/1.0` or its other name.
pub(super) fn below(path: &str) -> Option<&str> {
    ["/1.0", "/v1"]
        .into_iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .filter(|path| path.starts_with('/'))
}
