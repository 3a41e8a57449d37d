//! A request, read as far as every call needs it.

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Uri};
use serde_json::{Map, Value};

use super::answer::Refusal;

pub(super) struct Request {
    pub(super) method: String,
    /// Below `/client/v4`.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// As faults and the journal name it.
    pub(super) kind: String,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl Request {
    pub(super) fn new(method: &str, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            method: method.to_owned(),
            path: uri
                .path()
                .strip_prefix(super::PREFIX)
                .unwrap_or_default()
                .to_owned(),
            kind: super::form::kind(method, uri.path(), &body),
            headers,
            query: Query::try_from_uri(uri)
                .map(|Query(pairs)| pairs)
                .unwrap_or_default(),
            body,
        }
    }

    /// The first value of a parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that is a number from 1.
    pub(super) fn number(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        match self.query(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| Refusal::new(400, 1001, format!("Invalid value for {name}"))),
        }
    }

    /// The body, which is one JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(Refusal::new(400, 9207, "Request body is invalid.")),
        }
    }
}
