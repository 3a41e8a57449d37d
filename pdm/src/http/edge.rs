//! What surrounds every request: its id, its place among those in progress, the last resort for panics, the body of
//! errors, and its line in the log.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::problem::Problem;
use super::state::AppState;
use crate::service::{Code, Refusal};

/// Longest request target, octets.
const MAX_URI: usize = 2048;

/// The id of a request, made here; none is taken over from outside.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The header with the id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The form in which a listener tells problems: made of the problem and the id of the request.
pub type Form = fn(&Problem, &str) -> Response;

/// The outermost layer. Whatever refuses a request below or in it, the answer has the form of the listener.
pub async fn edge(State((app, form)): State<(AppState, Form)>, mut request: Request, next: Next) -> Response {
    let id = format!("req_{}", uuid::Uuid::now_v7().simple());
    request.extensions_mut().insert(RequestId(id.clone()));
    let began = Instant::now();
    let method = request.method().clone();
    // The pattern, never the path itself: that has as many values as there are callers.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let response = guarded(&app, request, next).await;
    let mut response = match response.extensions().get::<Problem>().cloned() {
        Some(problem) => with_headers_of(&response, form(&problem, &id)),
        None => response,
    };
    let status = response.status().as_u16();
    let seconds = began.elapsed().as_secs_f64();
    metrics::histogram!("pdm_http_request_seconds", "method" => known(&method), "route" => route.clone(),
        "status" => status.to_string())
    .record(seconds);
    tracing::info!(request_id = id, %method, route, status, seconds, "request");
    let headers = response.headers_mut();
    headers.insert(
        REQUEST_ID,
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("req")),
    );
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// Methods are labels of metrics too: only those that exist.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// Keeps what routing has said in headers (`Allow`) beside the body of an error.
fn with_headers_of(bare: &Response, mut full: Response) -> Response {
    for (name, value) in bare.headers() {
        if !full.headers().contains_key(name) && *name != axum::http::header::CONTENT_LENGTH {
            full.headers_mut().insert(name.clone(), value.clone());
        }
    }
    full
}

async fn guarded(app: &AppState, request: Request, next: Next) -> Response {
    let is_probe = matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics");
    let soon = |code, why: &str| Problem(Refusal::new(code, why).retry_after(Duration::from_secs(1)));
    if app.is_stopping() && !is_probe {
        return soon(Code::ShuttingDown, "this replica is being stopped").into_response();
    }
    let place = app.places.try_acquire();
    if place.is_err() && !is_probe {
        return soon(
            Code::Overloaded,
            "more requests are in progress than are worked on at a time",
        )
        .into_response();
    }
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            metrics::counter!("pdm_panics_total").increment(1);
            tracing::error!("a request panicked");
            Problem::failed().into_response()
        }
    }
}

/// After authentication: refuses what is too long, and callers who accept no form that the answer could have.
pub async fn negotiate(request: Request, next: Next) -> Response {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > MAX_URI {
        return Problem::new(Code::RequestMalformed, "the request target is longer than 2 KiB")
            .into_response();
    }
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let (forms, word): (&[&str], _) = if route.ends_with("/events") {
        (&["text/event-stream", "text/*", "*/*"], "text/event-stream")
    } else if route == "/metrics" {
        (&["text/plain", "text/*", "*/*"], "text/plain")
    } else {
        (&["application/json", "application/*", "*/*"], "application/json")
    };
    if !accepts(request.headers(), forms) {
        return Problem::new(Code::AcceptUnsupported, format!("the answer is {word}")).into_response();
    }
    next.run(request).await
}

/// Whether one of the forms is accepted with a weight above zero (RFC 9110 section 12.5.1).
fn accepts(headers: &HeaderMap, forms: &[&str]) -> bool {
    let mut any = false;
    for header in headers.get_all(ACCEPT) {
        let Ok(header) = header.to_str() else { continue };
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let Some(range) = parts.next().filter(|range| !range.is_empty()) else {
                continue;
            };
            any = true;
            let refused = parts.any(|part| {
                part.split_once('=').is_some_and(|(name, weight)| {
                    name.trim().eq_ignore_ascii_case("q")
                        && weight.trim().parse::<f32>().is_ok_and(|q| q <= 0.0)
                })
            });
            if !refused && forms.iter().any(|form| form.eq_ignore_ascii_case(range)) {
                return true;
            }
        }
    }
    !any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_read_with_weights() {
        let json = &["application/json", "application/*", "*/*"];
        let accepts = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, value.parse().unwrap());
            super::accepts(&headers, json)
        };
        assert!(super::accepts(&HeaderMap::new(), json));
        for good in [
            "*/*",
            "text/html, application/json;q=0.1",
            "application/*",
            "APPLICATION/JSON",
            "",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in ["text/html", "application/json;q=0", "text/*, image/png"] {
            assert!(!accepts(bad), "{bad}");
        }
    }
}
