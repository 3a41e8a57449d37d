//! A request, read as far as every call needs it.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde_json::{Map, Value};

use super::answer::Refusal;

pub(super) struct Request {
    pub(super) method: String,
    /// Path and query as they were sent.
    pub(super) target: String,
    /// Below the version; empty when there is none.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// As faults and the journal name it.
    pub(super) kind: String,
    query: Vec<(String, String)>,
}

impl Request {
    pub(super) fn new(parts: Parts, body: Bytes) -> Self {
        let path = parts.uri.path();
        Self {
            method: parts.method.as_str().to_owned(),
            target: parts
                .uri
                .path_and_query()
                .map_or(path, |target| target.as_str())
                .to_owned(),
            path: super::form::below(path).unwrap_or_default().to_owned(),
            kind: super::form::kind(parts.method.as_str(), path),
            query: Query::try_from_uri(&parts.uri)
                .map(|Query(pairs)| pairs)
                .unwrap_or_default(),
            headers: parts.headers,
            body,
        }
    }

    /// A header as text; empty when it is missing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// A parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, which is one JSON object with no other fields than `known`, and with all of `needed`.
    pub(super) fn object(&self, known: &[&str], needed: &[&str]) -> Result<Map<String, Value>, Refusal> {
        let Ok(Value::Object(object)) = serde_json::from_slice(&self.body) else {
            return Err(Refusal::bad("Invalid JSON received"));
        };
        let strange: Vec<_> = object
            .keys()
            .filter(|key| !known.contains(&key.as_str()))
            .cloned()
            .collect();
        if !strange.is_empty() {
            return Err(Refusal::bad(format!(
                "[{}] Received not described parameters: ({}) when calling {} {}",
                strange.join(", "),
                strange.join(", "),
                self.method,
                self.path
            )));
        }
        let missing: Vec<_> = needed
            .iter()
            .filter(|key| !object.contains_key(**key))
            .copied()
            .collect();
        if missing.is_empty() {
            Ok(object)
        } else {
            Err(Refusal::bad(format!(
                "Missing parameter(s): {}",
                missing.join(", ")
            )))
        }
    }
}
