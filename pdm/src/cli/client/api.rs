//! Requests to the server: one place that sends, repeats what may be repeated, and turns refusals into failures.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, Url, redirect, retry};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::connection::Connection;
use super::failure::Failure;
use super::problem::Problem;

/// The longest `Prefer: wait` of the API.
pub const MAX_PREFER_WAIT: Duration = Duration::from_mins(1);

/// More than any answer of the API; what is larger is not from pdm.
const MAX_ANSWER: usize = 32 << 20;

/// How patient the client is. Tests are less so.
#[derive(Clone, Debug)]
pub struct Patience {
    /// The pauses before a request is sent again: as many repeats as entries.
    pub repeats: Vec<Duration>,
    /// The longest `Retry-After` that is waited for; a longer one is told to the user at once.
    pub retry_after: Duration,
    /// The longest time until a connection stands.
    pub connect: Duration,
    /// The longest time from request to answer, beside a `Prefer: wait`.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            repeats: [300, 1_000, 3_000].map(Duration::from_millis).to_vec(),
            retry_after: Duration::from_secs(30),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(40),
        }
    }
}

/// The server's API.
pub struct Api {
    http: Client,
    base: Url,
    patience: Patience,
}

/// One request. Not printable: its body may hold a token.
#[derive(Clone)]
pub struct Request {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    idempotency_key: Option<String>,
    wait: Option<Duration>,
}

impl Request {
    fn new<S: Into<String>>(method: Method, path: impl IntoIterator<Item = S>) -> Self {
        let path = path.into_iter().map(Into::into).collect();
        Self {
            method,
            path,
            query: Vec::new(),
            body: None,
            idempotency_key: None,
            wait: None,
        }
    }

    /// Reads what is at the path `/v1/…` of these segments.
    pub fn get<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Starts something. It carries an Idempotency-Key of its own, so that a repeat of this very request starts
    /// nothing twice.
    pub fn post<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::POST, path).keyed(Uuid::now_v7().to_string())
    }

    /// Makes something what the body says. Not repeated: somebody else may have changed it meanwhile.
    pub fn put<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// Deletes something. Not repeated, for the same reason.
    pub fn delete<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Adds a query parameter, when there is a value.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|v| (name, v.to_string())));
        self
    }

    /// Gives it a body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Gives it this Idempotency-Key.
    #[must_use]
    pub fn keyed(mut self, key: String) -> Self {
        self.idempotency_key = Some(key);
        self
    }

    /// Asks for the answer when the work has ended, at most after `wait` (RFC 7240, section 4.3).
    #[must_use]
    pub fn prefer_wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait.min(MAX_PREFER_WAIT)).filter(|w| w.as_secs() > 0);
        self
    }

    /// Whether it may be sent again when nobody knows what became of it.
    fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.idempotency_key.is_some()
    }
}

/// A successful answer.
#[derive(Clone)]
pub struct Answer {
    /// The body as the server wrote it.
    pub text: String,
}

impl fmt::Debug for Answer {
    /// The body may hold a token or a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes)", self.text.len())
    }
}

impl Answer {
    /// Reads the body.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.text).map_err(|error| Failure::Unexpected {
            line: error.line(),
            column: error.column(),
        })
    }
}

/// An attempt without success.
struct Miss {
    failure: Failure,
    again: Again,
}

/// Whether another attempt makes sense.
enum Again {
    Never,
    After(Option<Duration>),
}

impl Api {
    /// An API on this connection.
    pub fn new(connection: Connection, patience: Patience) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, connection.authorization);
        let mut builder = Client::builder()
            .user_agent(concat!("pdm/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(patience.connect)
            // The key goes to the named server and to nobody that it names.
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        if connection.base.scheme() == "http" {
            // A proxy would read the key; and without TLS no certificates are needed, which a small image lacks.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| {
            Failure::Usage(format!(
                "no connection can be made from this machine: {}",
                cause(&error)
            ))
        })?;
        Ok(Self {
            http,
            base: connection.base,
            patience,
        })
    }

    /// Sends a request, again where that is safe, and gives its successful answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let mut pauses = self.patience.repeats.iter();
        let mut may_have_taken_effect = false;
        loop {
            let miss = match self.attempt(request).await {
                Ok(answer) => return Ok(answer),
                Err(miss) => miss,
            };
            let failure = match miss.failure {
                // An earlier attempt may have arrived even if the last one did not.
                Failure::Unreachable {
                    reason,
                    may_have_taken_effect: now,
                } => {
                    may_have_taken_effect |= now;
                    Failure::Unreachable {
                        reason,
                        may_have_taken_effect,
                    }
                }
                other => other,
            };
            let pause = match (miss.again, pauses.next()) {
                (Again::After(asked), Some(&planned)) if request.is_repeatable() => {
                    asked.unwrap_or_default().max(planned)
                }
                _ => return Err(failure),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a request once: for callers that come back by themselves.
    pub async fn send_once(&self, request: &Request) -> Result<Answer, Failure> {
        self.attempt(request).await.map_err(|miss| miss.failure)
    }

    /// Opens the event stream at this path, after the event of `last_id`.
    pub async fn stream(&self, path: &[&str], last_id: Option<&str>) -> Result<Response, Failure> {
        let mut request = self
            .http
            .get(self.url(&Request::get(path.iter().copied())))
            .header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let opened = tokio::time::timeout(self.patience.answer, request.send()).await;
        let response = opened
            .map_err(|_| self.unreachable("no answer in time", false))?
            .map_err(|error| self.unreachable(&cause(&error), false))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refused(response).await.failure)
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer, Miss> {
        let mut builder = self
            .http
            .request(request.method.clone(), self.url(request))
            .timeout(self.patience.answer + request.wait.unwrap_or_default())
            .header(
                ACCEPT,
                HeaderValue::from_static("application/json, application/problem+json"),
            );
        if let Some(key) = &request.idempotency_key {
            builder = builder.header("Idempotency-Key", key);
        }
        if let Some(wait) = request.wait {
            builder = builder.header("Prefer", format!("wait={}", wait.as_secs()));
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let lost = |error: &reqwest::Error| Miss {
            failure: self.unreachable(
                &cause(error),
                request.method != Method::GET && !error.is_connect(),
            ),
            // What did not answer in time is left alone: it is too busy, or too far away.
            again: if error.is_timeout() {
                Again::Never
            } else {
                Again::After(None)
            },
        };
        let response = builder.send().await.map_err(|error| lost(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let text = body(response).await.map_err(|error| match error {
            BodyError::Cut(error) => lost(&error),
            BodyError::Foreign => Miss {
                failure: self.unreachable("the answer is not one of pdm's", request.method != Method::GET),
                again: Again::Never,
            },
        })?;
        Ok(Answer { text })
    }

    async fn refused(&self, response: Response) -> Miss {
        let status = response.status().as_u16();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|v| v.to_str().ok())
                .map(str::to_owned)
        };
        let request_id = header("X-Request-Id");
        // A number of seconds; pdm never sends the other form, a date.
        let asked = header(RETRY_AFTER.as_str()).and_then(|v| v.parse().ok());
        let text = body(response).await.unwrap_or_default();
        let mut problem = Problem::read(status, request_id.as_deref(), &text);
        problem.retry_after_seconds = problem.retry_after_seconds.or(asked);
        let pause = problem.retry_after_seconds.map(Duration::from_secs);
        let again = match pause {
            Some(pause) if status == 503 && pause <= self.patience.retry_after => Again::After(Some(pause)),
            // Our own first attempt, whose answer was lost, is still at work.
            _ if problem.code.as_deref() == Some("idempotency.in_progress") => Again::After(pause),
            _ => Again::Never,
        };
        Miss {
            failure: problem.into(),
            again,
        }
    }

    fn unreachable(&self, reason: &str, may_have_taken_effect: bool) -> Failure {
        Failure::Unreachable {
            reason: format!("{} is not reachable: {reason}", self.base),
            may_have_taken_effect,
        }
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("http and https addresses have a path")
            .pop_if_empty()
            .push("v1")
            .extend(&request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }
}

enum BodyError {
    Cut(reqwest::Error),
    Foreign,
}

/// Reads a body of bounded size.
async fn body(response: Response) -> Result<String, BodyError> {
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk.map_err(BodyError::Cut)?);
        if bytes.len() > MAX_ANSWER {
            return Err(BodyError::Foreign);
        }
    }
    String::from_utf8(bytes).map_err(|_| BodyError::Foreign)
}

/// The innermost cause, which names what happened; the outer ones repeat the URL.
pub fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.source().is_none() {
        "the connection broke".into()
    } else {
        innermost.to_string()
    }
}
