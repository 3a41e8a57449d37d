//! What handlers take from a request; what does not fit is a problem.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::auth;
use super::edge::RequestId;
use super::problem::Problem;
use super::state::AppState;
use crate::domain::actor::Actor;
use crate::service::{Asked, Code, Expected, Refusal};

/// Largest body that is read, octets.
const MAX_BODY: usize = 64 * 1024;
/// Most octets of a body that is too large which are read all the same, and thrown away.
const MAX_DISCARDED: usize = 4 << 20;
/// Deepest nesting of JSON.
const MAX_DEPTH: usize = 32;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Longest wait that `Prefer` can ask for.
const MAX_WAIT: u64 = 60;
/// Longest idempotency key.
const MAX_KEY: usize = 255;

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// From which address.
    pub source: String,
    /// The id of the request.
    pub request_id: String,
}

impl Caller {
    /// The caller, as the verbs want it.
    pub fn asked<'a>(&'a self, app: &'a AppState) -> Asked<'a> {
        Asked {
            actor: &self.actor,
            source: &self.source,
            config: &app.config,
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>().cloned();
        let source = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            actor: actor.ok_or_else(|| Problem::new(Code::AuthMissing, "a key is needed"))?,
            source: source.map_or_else(|| "unknown".to_owned(), |ConnectInfo(peer)| peer.ip().to_string()),
            request_id: parts
                .extensions
                .get::<RequestId>()
                .map_or_else(String::new, |id| id.0.clone()),
        })
    }
}

/// Passes callers who run the service, and nobody else.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

impl FromRequestParts<AppState> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.actor.is_operator() {
            return Ok(Self);
        }
        auth::audit_refusal(app, &caller, Code::AuthScope).await;
        Err(Problem::new(Code::AuthScope, "this is for operators"))
    }
}

/// Wishes in headers.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// `Prefer: wait`.
    pub wait: Option<Duration>,
    /// `If-Match`.
    pub expected: Expected,
}

/// The headers of calls that change something, for the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct PostHeaders {
    /// The same key with the same body gives the same answer again.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        required = false
    )]
    key: Option<String>,
    /// `wait=N`: the answer comes when the operation has ended or needs somebody, at most after N seconds (60 at most).
    #[param(rename = "Prefer", required = false, example = "wait=30")]
    prefer: Option<String>,
}

/// The headers of calls that change one thing in place, for the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct PutHeaders {
    /// The `ETag` that the caller saw: 412 when there is a newer version.
    #[param(rename = "If-Match", required = false)]
    if_match: Option<String>,
    /// `wait=N`: the answer comes when the operation has ended or needs somebody, at most after N seconds (60 at most).
    #[param(rename = "Prefer", required = false, example = "wait=30")]
    prefer: Option<String>,
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");

impl Wishes {
    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let key = match headers.get(IDEMPOTENCY_KEY) {
            None => None,
            Some(value) => {
                let text = value.to_str().unwrap_or_default();
                if text.is_empty()
                    || text.len() > MAX_KEY
                    || !text.bytes().all(|byte| byte.is_ascii_graphic())
                {
                    let detail = "an Idempotency-Key has 1 to 255 visible ASCII characters";
                    return Err(Problem::new(Code::RequestMalformed, detail));
                }
                Some(text.to_owned())
            }
        };
        Ok(Self {
            key,
            wait: preferred_wait(headers),
            expected: expected(headers),
        })
    }
}

/// RFC 7240 section 4.3. What is not understood is ignored, as its section 2 wants.
fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|text| text.split([',', ';']))
        .find_map(|preference| {
            let (name, value) = preference.split_once('=')?;
            let seconds: u64 = value.trim().trim_matches('"').parse().ok()?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| Duration::from_secs(seconds.min(MAX_WAIT)))
        })
}

/// RFC 9110 section 13.1.1; a weak tag matches nothing there.
fn expected(headers: &HeaderMap) -> Expected {
    let values: Vec<&str> = headers
        .get_all(IF_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let tags = values.iter().flat_map(|text| text.split(',')).map(str::trim);
    if values.is_empty() || tags.clone().any(|tag| tag == "*") {
        return Expected::Anything;
    }
    Expected::OneOf(
        tags.filter_map(|tag| tag.strip_prefix('"')?.strip_suffix('"').map(str::to_owned))
            .collect(),
    )
}

/// A call that may change something: who, with which wishes, on what, and its body.
pub struct Call {
    /// Handlers' state.
    pub app: AppState,
    /// Who calls.
    pub caller: Caller,
    /// Wishes in headers.
    pub wishes: Wishes,
    /// The path, which has the parameters of the route.
    pub path: String,
    /// The body as it arrived; well-formed JSON, or nothing.
    bytes: Bytes,
    /// The same, read.
    pub body: Value,
}

impl FromRequest<AppState> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let bytes = read_body(&parts.headers, body).await?;
        let wishes = Wishes::read(&parts.headers)?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            if !is_json(&parts.headers) {
                return Err(Problem::new(
                    Code::BodyUnsupported,
                    "send a body as application/json",
                ));
            }
            parse(&bytes)?
        };
        Ok(Self {
            app: app.clone(),
            caller,
            wishes,
            path: parts.uri.path().to_owned(),
            bytes,
            body,
        })
    }
}

impl Call {
    /// Reads the body as a `T` whose unknown fields are refused, and makes of it what the verb wants.
    pub fn decode<T: DeserializeOwned, V>(
        &self,
        make: impl FnOnce(T) -> Result<V, Refusal>,
    ) -> Result<V, Refusal> {
        if self.bytes.is_empty() {
            return Err(Refusal::invalid("", "a JSON object is needed as the body"));
        }
        make(typed(&self.bytes)?)
    }

    /// The call without its idempotency key: PUT, PATCH and DELETE say what shall be, so they need none.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.wishes.key = None;
        self
    }

    /// Refuses a body where none is wanted; an empty object is none.
    pub fn no_body(&self) -> Result<(), Refusal> {
        match &self.body {
            Value::Null => Ok(()),
            Value::Object(fields) if fields.is_empty() => Ok(()),
            _ => Err(Refusal::invalid("", "this call has no body")),
        }
    }
}

pub(super) async fn read_body(headers: &HeaderMap, mut body: axum::body::Body) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::BodyTooLarge, "a body has at most 64 KiB");
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let reading = async {
        if announced.is_none_or(|length| length <= MAX_BODY as u64) {
            match Limited::new(&mut body, MAX_BODY).collect().await {
                Ok(collected) => return Ok(collected.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => {}
                Err(_) => return Err(Problem::new(Code::RequestMalformed, "the body broke off")),
            }
        }
        discard(body).await;
        Err(too_large())
    };
    tokio::time::timeout(BODY_TIME, reading)
        .await
        .unwrap_or_else(|_| {
            Err(Problem::new(
                Code::RequestMalformed,
                "the body did not arrive within 30 seconds",
            ))
        })
}

/// Lets a sender finish, within bounds: one who is cut off while he sends often does not see the answer.
async fn discard(mut body: axum::body::Body) {
    let mut left = MAX_DISCARDED;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        if length >= left {
            return;
        }
        left -= length;
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

pub(super) fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed = |detail: String| Problem::new(Code::RequestMalformed, detail);
    if depth(bytes) > MAX_DEPTH {
        return Err(malformed(format!("JSON is nested at most {MAX_DEPTH} deep here")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        malformed(format!(
            "the body is not JSON: line {}, column {}",
            error.line(),
            error.column()
        ))
    })
}

/// How deep brackets nest outside strings, in well-formed JSON.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Reads well-formed JSON as a `T`. What is said of a misfit never repeats a value, which may be a secret.
pub(super) fn typed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            use serde_path_to_error::Segment;
            match segment {
                Segment::Seq { index } => {
                    let _ = write!(pointer, "/{index}");
                }
                Segment::Map { key } => {
                    let _ = write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"));
                }
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        Refusal::invalid(pointer, misfit(&error.into_inner().to_string()))
    })
}

/// What a reader's message says, without the value that it is about.
fn misfit(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or_default();
    let known = [
        "unknown field ",
        "missing field ",
        "duplicate field ",
        "unknown variant ",
    ];
    if known.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    match message.split_once("expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if message.starts_with("invalid type") || message.starts_with("invalid value") => {
            "the value has another type".to_owned()
        }
        None => message.to_owned(),
    }
}

/// Parameters of the query; unknown ones are refused.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(params)| Self(params)).map_err(|rejection| {
            let text = rejection.body_text();
            let detail = text.split_once(": ").map_or(text.as_str(), |(_, detail)| detail);
            Problem(Refusal::new(Code::RequestInvalid, format!("the query: {detail}")))
        })
    }
}

/// Parameters of the path.
#[derive(FromRequestParts)]
#[from_request(via(Path), rejection(Problem))]
pub struct Segment<T>(pub T);

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::new(Code::RouteNotFound, "there is no such path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(depth(br#"{"a":[{"b":"[[[[\"{{"}]}"#), 3);
        let deep = "[".repeat(33) + &"]".repeat(33);
        assert!(parse(deep.as_bytes()).is_err());
        assert!(parse(&deep.as_bytes()[1..65]).is_ok());
    }

    #[test]
    fn a_misfit_is_told_with_its_place_and_without_its_value() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Inner {
            n: Option<u32>,
        }
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Outer {
            list: Vec<Inner>,
        }
        let read = |text: &str| typed::<Outer>(text.as_bytes()).unwrap_err();
        let refusal = read(r#"{"list":[{"n":1},{"n":"hunter2"}]}"#);
        assert_eq!(refusal.errors[0].pointer, "/list/1/n");
        assert_eq!(refusal.detail, "expected u32");
        let refusal = read(r#"{"list":[],"x":1}"#);
        assert_eq!(refusal.errors[0].pointer, "/x");
        assert!(
            refusal.detail.starts_with("unknown field `x`"),
            "{}",
            refusal.detail
        );
        assert!(read("{}").detail.contains("missing field `list`"));
    }

    #[test]
    fn preferences_and_tags_are_read() {
        let headers = |name: HeaderName, value: &str| HeaderMap::from_iter([(name, value.parse().unwrap())]);
        let wait = |value| preferred_wait(&headers(PREFER, value)).map(|w| w.as_secs());
        assert_eq!(wait("wait=10"), Some(10));
        assert_eq!(wait("respond-async, Wait = 600"), Some(60));
        assert_eq!(wait("return=minimal"), None);
        assert_eq!(wait("wait=-1"), None);
        let tags = |value| expected(&headers(IF_MATCH, value));
        assert_eq!(tags("*"), Expected::Anything);
        assert_eq!(tags("\"7\", W/\"8\""), Expected::OneOf(vec!["7".to_owned()]));
        assert_eq!(tags("nonsense"), Expected::OneOf(vec![]));
        assert_eq!(expected(&HeaderMap::new()), Expected::Anything);
    }
}
