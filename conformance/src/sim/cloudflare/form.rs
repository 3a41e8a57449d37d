//! What the faults and the journal have to know of the vendor's form.

use axum::response::Response;

use super::answer::Refusal;
use crate::sim::faults::{Form, Parts};

/// Calls that only read.
pub(super) const READS: [&str; 2] = ["GET ", "PATCH nothing "];

pub(super) struct Cloudflare;

impl Form for Cloudflare {
    fn call(&self, request: &Parts<'_>) -> String {
        kind(request.method, request.path, request.body)
    }

    fn too_many(&self, _call: &str, retry_after: Option<u64>) -> Response {
        Refusal::too_many(1200, retry_after).response()
    }

    fn server_error(&self, _call: &str) -> Response {
        Refusal::new(500, 1000, "internal server error").response()
    }

    fn maintenance(&self, _call: &str) -> Response {
        Refusal::new(503, 10013, "The service is currently undergoing maintenance.").response()
    }
}

/// The kind of a call: method and path below `/client/v4`. A PATCH of nothing says so, since it changes nothing.
pub(super) fn kind(method: &str, path: &str, body: &[u8]) -> String {
    let path = path.strip_prefix(super::PREFIX).unwrap_or(path);
    let nothing = method == "PATCH" && body.trim_ascii() == b"{}";
    format!("{method} {}{path}", if nothing { "nothing " } else { "" })
}
