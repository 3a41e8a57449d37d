//! The envelope around everything, and the vendor's own words for what goes wrong.

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What a call is answered with.
pub(super) type Answer = Result<Done, Refusal>;

/// What was asked for.
pub(super) struct Done {
    pub(super) result: Value,
    pub(super) messages: Value,
    pub(super) info: Option<Value>,
}

impl Done {
    pub(super) fn new(result: Value) -> Self {
        Self {
            result,
            messages: json!([]),
            info: None,
        }
    }
}

/// An error of the vendor's.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
    /// What is in `error_chain`.
    pub(super) chain: Option<(u32, String)>,
    /// A second element of `errors`.
    pub(super) also: Option<(u32, String)>,
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            chain: None,
            also: None,
            retry_after: None,
        }
    }

    /// A refused record: 1004 outside, the reason in its chain.
    pub(super) fn validation(code: u32, message: impl Into<String>) -> Self {
        Self {
            chain: Some((code, message.into())),
            ..Self::new(400, 1004, "DNS Validation Error")
        }
    }

    /// A permission that the token lacks, or a zone it does not include.
    pub(super) fn authentication() -> Self {
        Self::new(403, 10000, "Authentication error")
    }

    /// A path that leads nowhere.
    pub(super) fn no_route(status: u16, path: &str) -> Self {
        Self {
            also: Some((7000, "No route for that URI".to_owned())),
            ..Self::new(
                status,
                7003,
                format!("Could not route to {path}, perhaps your object identifier is invalid?"),
            )
        }
    }

    pub(super) fn too_many(calls: u32, retry_after: Option<u64>) -> Self {
        Self {
            retry_after,
            ..Self::new(
                429,
                10100,
                format!(
                    "More than {calls} requests per {} seconds reached. Please wait and consider throttling your request speed",
                    super::auth::WINDOW
                ),
            )
        }
    }

    /// The same without its chain: the reason comes alone.
    pub(super) fn bare(mut self) -> Self {
        if let Some((code, message)) = self.chain.take() {
            self.code = code;
            self.message = message;
        }
        self
    }

    pub(super) fn response(&self) -> Response {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some((code, message)) = &self.chain {
            error["error_chain"] = json!([{"code": code, "message": message}]);
        }
        let mut errors = vec![error];
        if let Some((code, message)) = &self.also {
            errors.push(json!({"code": code, "message": message}));
        }
        let body = json!({"success": false, "errors": errors, "messages": [], "result": null});
        let mut response = with_status(self.status, &body);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert("retry-after", HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut body = json!({
            "result": self.result,
            "success": true,
            "errors": [],
            "messages": self.messages,
        });
        if let Some(info) = self.info {
            body["result_info"] = info;
        }
        with_status(200, &body)
    }
}

fn with_status(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

/// One page of a list. `page` counts from 1.
pub(super) fn page(all: Vec<Value>, page: usize, per_page: usize) -> Done {
    let total = all.len();
    let shown: Vec<_> = all
        .into_iter()
        .skip((page - 1).saturating_mul(per_page))
        .take(per_page)
        .collect();
    let info = json!({
        "page": page,
        "per_page": per_page,
        "count": shown.len(),
        "total_count": total,
        "total_pages": total.div_ceil(per_page),
    });
    Done {
        info: Some(info),
        ..Done::new(Value::Array(shown))
    }
}
