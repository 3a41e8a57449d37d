//! Answers of calls that change something, before and after they are kept under a key.

use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::problem;
use crate::domain::ids::{ClaimId, KeyId, OperationId};
use crate::domain::operation::{Operation, OperationState};
use crate::service::{ServerKey, TokenForm, Work};
use crate::view::{ClaimView, OperationView};

/// What stands in a body in the place of a secret that is derived again each time the body is shown. Bodies are
/// kept in this form.
const DERIVED: &str = "{derived}";
/// The same for an API key, with the salt it is derived from.
const DERIVED_FROM: &str = "{derived from ";

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, with placeholders for secrets.
    pub body: String,
    /// `Location`.
    pub location: Option<String>,
    /// `ETag`, without quotes.
    pub tag: Option<String>,
    /// The operation that was started or joined.
    pub operation: Option<OperationId>,
    /// Whether that operation goes on by itself, so that waiting for it makes sense.
    pub goes_on: bool,
    /// Whether it is a kept answer.
    pub replayed: bool,
    /// How long the caller preferred to wait, seconds.
    pub waited: Option<u64>,
}

/// The body of a call that starts or joins an operation.
#[derive(Serialize, ToSchema)]
#[schema(as = Work)]
pub struct WorkBody {
    /// The operation.
    pub operation: OperationView,
    /// Its claim.
    pub claim: ClaimView,
}

impl Answer {
    /// An answer with this body.
    pub fn new(status: StatusCode, body: &impl Serialize) -> Self {
        Self::text(status.as_u16(), serde_json::to_string(body).unwrap_or_default())
    }

    /// An answer with a body that is written already.
    pub const fn text(status: u16, body: String) -> Self {
        Self {
            status,
            body,
            location: None,
            tag: None,
            operation: None,
            goes_on: false,
            replayed: false,
            waited: None,
        }
    }

    /// What is said of work: 200 when it has ended, else 202.
    pub fn work(work: &Work) -> Self {
        let ended = work.operation.state.is_final();
        let body = WorkBody {
            operation: OperationView::from(&work.operation),
            claim: ClaimView::from(&work.claim),
        };
        Self {
            location: Some(format!("/v1/operations/{}", work.operation.id)),
            operation: Some(work.operation.id),
            goes_on: goes_on(&work.operation),
            ..Self::new(
                if ended {
                    StatusCode::OK
                } else {
                    StatusCode::ACCEPTED
                },
                &body,
            )
        }
    }

    /// The same with the status of a call whose wait has ended because somebody is needed.
    #[must_use]
    pub const fn after_wait(mut self) -> Self {
        if !self.goes_on {
            self.status = 200;
        }
        self
    }

    /// Says where the thing is.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    /// Says which version it is.
    #[must_use]
    pub fn tagged(mut self, tag: impl std::fmt::Display) -> Self {
        self.tag = Some(tag.to_string());
        self
    }

    /// The response, with secrets in their places.
    pub fn response(self, key: &ServerKey) -> Response {
        let is_problem = self.status >= 400;
        let retry_after = if is_problem { retry_after(&self.body) } else { None };
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, reveal(self.body, key)).into_response();
        let headers = response.headers_mut();
        let media_type = if is_problem {
            problem::MEDIA_TYPE
        } else {
            "application/json"
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let texts = [
            (LOCATION, self.location),
            (ETAG, self.tag.map(|tag| format!("\"{tag}\""))),
            (RETRY_AFTER, retry_after.map(|seconds| seconds.to_string())),
        ];
        for (name, text) in texts {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        }
        if self.replayed {
            headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        if let Some(value) = self
            .waited
            .and_then(|n| HeaderValue::try_from(format!("wait={n}")).ok())
        {
            headers.insert("preference-applied", value);
        }
        response
    }
}

/// Whether an operation goes on by itself. A wait with an end, such as the drain of a release, does.
pub fn goes_on(operation: &Operation) -> bool {
    !operation.state.is_final()
        && !matches!(
            operation.state,
            OperationState::Blocked | OperationState::NeedsCredential
        )
}

fn retry_after(problem: &str) -> Option<u64> {
    serde_json::from_str::<Value>(problem)
        .ok()?
        .get("retry_after_seconds")?
        .as_u64()
}

/// The placeholder of a reservation token.
pub fn token_placeholder() -> String {
    DERIVED.to_owned()
}

/// The placeholder of an API key that is derived from this salt.
pub fn key_placeholder(salt: &[u8]) -> String {
    format!("{DERIVED_FROM}{}}}", data_encoding::HEXLOWER.encode(salt))
}

/// Puts secrets in the places of their placeholders. A quotation mark inside a value is escaped in JSON, so what a
/// caller wrote is never taken for one.
fn reveal(body: String, key: &ServerKey) -> String {
    let token = format!("\"reservation_token\":\"{DERIVED}\"");
    if body.contains(&token) {
        let Some(claim) = id_in::<ClaimId>(&body, "/claim/id") else {
            return body;
        };
        let secret = key.reservation_token(claim, TokenForm::Own);
        return body.replace(&token, &format!("\"reservation_token\":\"{secret}\""));
    }
    let start = format!("\"key\":\"{DERIVED_FROM}");
    let Some((before, rest)) = body.split_once(&start) else {
        return body;
    };
    let Some((salt, after)) = rest.split_once("}\"") else {
        return body;
    };
    let (Some(id), Ok(salt)) = (
        id_in::<KeyId>(&body, "/id"),
        data_encoding::HEXLOWER.decode(salt.as_bytes()),
    ) else {
        return body;
    };
    let text = crate::service::keys::key_text(id, &key.api_key_secret(id, &salt));
    format!("{before}\"key\":\"{text}\"{after}")
}

fn id_in<I: std::str::FromStr>(body: &str, pointer: &str) -> Option<I> {
    serde_json::from_str::<Value>(body)
        .ok()?
        .pointer(pointer)?
        .as_str()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_take_the_places_of_their_placeholders_only() {
        let key = ServerKey::new(&[1; 32]).unwrap();
        let claim = ClaimId::new();
        let body = serde_json::json!({"claim": {"id": claim.to_string(), "label": "\"reservation_token\":\"{derived}\""},
            "reservation_token": token_placeholder()});
        let shown: Value = serde_json::from_str(&reveal(body.to_string(), &key)).unwrap();
        assert_eq!(
            shown["reservation_token"],
            key.reservation_token(claim, TokenForm::Own)
        );
        assert_eq!(shown["claim"], body["claim"]);
        let id = KeyId::new();
        let body =
            serde_json::json!({"id": id.to_string(), "name": "a", "key": key_placeholder(b"salt"), "z": 1});
        let shown: Value = serde_json::from_str(&reveal(body.to_string(), &key)).unwrap();
        assert_eq!(
            shown["key"],
            crate::service::keys::key_text(id, &key.api_key_secret(id, b"salt"))
        );
        assert_eq!(shown["z"], 1);
        assert_eq!(reveal("{}".to_owned(), &key), "{}");
    }
}
