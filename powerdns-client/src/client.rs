//! The connection: base URL, key, deadlines, and how an answer becomes a result.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::stream::{Place, Splitter, StreamError};
use crate::{CanonicalName, Effect, Error, ErrorKind};

/// How to reach one PowerDNS server.
///
/// ```
/// use std::time::Duration;
/// use powerdns_client::{Client, Config};
///
/// let config = Config { deadline: Duration::from_secs(5), ..Config::new("http://127.0.0.1:8081", "test-key".into()) };
/// let client = Client::new(config)?;
/// # Ok::<(), powerdns_client::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the web server listens, without `/api/v1`: `http://127.0.0.1:8081`. With `https`, the platform's
    /// certificate store decides. A path is kept, for a reverse proxy. Each call makes a connection, and so looks up a
    /// host name anew: an address is faster.
    pub base_url: String,
    /// The server's `api-key`.
    pub api_key: SecretString,
    /// The server's name in the API; PowerDNS itself knows `localhost` only.
    pub server_id: String,
    /// From the call to its result, the wait for a free connection included. Default 10 s.
    pub deadline: Duration,
    /// The same for [`Client::for_each_rrset`] and [`Client::for_each_zone`]. Default 60 s.
    pub stream_deadline: Duration,
    /// How many requests may be under way at once; others wait. Default 8: above 4 PowerDNS gets no faster, and it has
    /// one thread per connection.
    pub max_connections: usize,
    /// The largest answer that is read whole, and the largest single element of a streamed one. Default 8 MiB.
    pub max_answer_bytes: usize,
    /// The largest request that is sent. Default 2 MiB, PowerDNS' `webserver-max-bodysize`; above it the server
    /// answers 400 or cuts the connection.
    pub max_request_bytes: usize,
    /// Whether LUA records may be written. They are code that runs in the server. Default no.
    pub allow_lua: bool,
}

impl Config {
    /// The defaults for one server.
    pub fn new(base_url: impl Into<String>, api_key: SecretString) -> Self {
        Self {
            base_url: base_url.into(),
            api_key,
            server_id: "localhost".to_owned(),
            deadline: Duration::from_secs(10),
            stream_deadline: Duration::from_mins(1),
            max_connections: 8,
            max_answer_bytes: 8 << 20,
            max_request_bytes: 2 << 20,
            allow_lua: false,
        }
    }
}

/// A client of one server. Clones share their limit of connections.
///
/// Nothing is ever retried and no redirect is followed: each call is at most one request. Dropping the future of a
/// write leaves its effect unknown.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    /// `…/api/v1/servers/localhost`
    server: String,
    deadline: Duration,
    stream_deadline: Duration,
    max_answer_bytes: usize,
    max_request_bytes: usize,
    allow_lua: bool,
    permits: Semaphore,
}

/// An answer's head, and the right to read on.
struct Head<'a> {
    response: Response,
    _permit: SemaphorePermit<'a>,
}

impl Client {
    /// Prepares a client. Nothing is sent: [`Client::server`] shows whether the server is there and knows the key.
    pub fn new(config: Config) -> Result<Self, Error> {
        let Config {
            base_url,
            api_key,
            server_id,
            deadline,
            stream_deadline,
            max_connections,
            ..
        } = config;
        let wrong = |why: &str| Error::new(ErrorKind::Configuration, Effect::NotApplied).with_message(why);
        let base =
            Url::parse(&base_url).map_err(|error| wrong("base_url is not a URL").with_source(error))?;
        if !matches!(base.scheme(), "http" | "https") || base.query().is_some() || base.fragment().is_some() {
            return Err(wrong(
                "base_url must be http or https, without query and fragment",
            ));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("base_url must not contain a user or password"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if server_id.is_empty() || !server_id.bytes().all(plain) {
            return Err(wrong(
                "server_id must be letters, digits, hyphens and underscores",
            ));
        }
        if max_connections == 0 || max_connections > Semaphore::MAX_PERMITS {
            return Err(wrong("max_connections must be at least 1"));
        }
        let mut key = HeaderValue::from_str(api_key.expose_secret())
            .map_err(|_| wrong("api_key has characters that a header cannot carry"))?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("x-api-key"), key);

        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            // The server closes after each answer.
            .pool_max_idle_per_host(0)
            // Less than the deadline: an address that swallows packets is then known to have received nothing.
            .connect_timeout(deadline / 2);
        if base.scheme() == "http" {
            // Does not look for certificates that nobody needs, and works where there are none.
            http = http.tls_certs_only([]);
        }
        let http = http
            .build()
            .map_err(|error| wrong("TLS cannot be set up").with_source(error.without_url()))?;
        Ok(Self(Arc::new(Inner {
            http,
            server: format!(
                "{}/api/v1/servers/{}",
                base.as_str().trim_end_matches('/'),
                server_id
            ),
            deadline,
            stream_deadline,
            max_answer_bytes: config.max_answer_bytes,
            max_request_bytes: config.max_request_bytes,
            allow_lua: config.allow_lua,
            permits: Semaphore::new(max_connections),
        })))
    }

    pub(crate) fn allows_lua(&self) -> bool {
        self.0.allow_lua
    }

    /// The URL of something of the server.
    pub(crate) fn url(&self, rest: &str) -> String {
        [&self.0.server, rest].concat()
    }

    /// The URL of a zone, and of something of it.
    pub(crate) fn zone_url(&self, zone: &CanonicalName, rest: &str) -> String {
        [&self.0.server, "/zones/", &zone.to_zone_id(), rest].concat()
    }

    /// Asks for something that must be there.
    pub(crate) async fn read<T: DeserializeOwned>(&self, url: String) -> Result<T, Error> {
        self.call(Method::GET, url, None).await
    }

    /// Changes something and reads the answer's content.
    pub(crate) async fn write_and_read<T: DeserializeOwned>(
        &self,
        method: Method,
        url: String,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, Error> {
        self.call(method, url, self.encode(body)?).await
    }

    /// Changes something; the status is all that matters.
    pub(crate) async fn write(
        &self,
        method: Method,
        url: String,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + self.0.deadline;
        self.head(method, url, self.encode(body)?, deadline)
            .await
            .map(drop)
    }

    /// Deletes something and says whether it was there.
    pub(crate) async fn delete(&self, url: String) -> Result<bool, Error> {
        was_there(self.write(Method::DELETE, url, None::<&()>).await)
    }

    /// Reads a large answer; `false` if there is no such thing.
    pub(crate) async fn stream<T: DeserializeOwned>(
        &self,
        url: String,
        place: Place,
        mut f: impl FnMut(T),
    ) -> Result<bool, Error> {
        let deadline = Instant::now() + self.0.stream_deadline;
        let mut head = match self.head(Method::GET, url, None, deadline).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            head => head?,
        };
        let mut splitter = Splitter::new(place, self.0.max_answer_bytes);
        let failed = |error: StreamError| {
            let kind = match error {
                StreamError::ElementTooLarge(_) => ErrorKind::TooLarge,
                _ => ErrorKind::UnexpectedAnswer,
            };
            Error::new(kind, Effect::NotApplied).with_source(error)
        };
        while let Some(chunk) = head.chunk(deadline, Effect::NotApplied).await? {
            splitter.feed(chunk.as_ref(), &mut f).map_err(failed)?;
        }
        splitter.finish().map_err(failed)?;
        Ok(true)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        url: String,
        body: Option<Vec<u8>>,
    ) -> Result<T, Error> {
        // A success has been decided by the server, whatever happens to the rest of its answer.
        let effect = if method == Method::GET {
            Effect::NotApplied
        } else {
            Effect::Applied
        };
        let deadline = Instant::now() + self.0.deadline;
        let mut head = self.head(method, url, body, deadline).await?;
        let body = head.body(deadline, self.0.max_answer_bytes, effect).await?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::new(ErrorKind::UnexpectedAnswer, effect).with_source(error))
    }

    /// Sends a request and waits for the status. All that is not a success is an error.
    async fn head(
        &self,
        method: Method,
        url: String,
        body: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<Head<'_>, Error> {
        let writes = method != Method::GET;
        let unknown = if writes {
            Effect::Unknown
        } else {
            Effect::NotApplied
        };
        let timeout = |effect| move |_| Error::new(ErrorKind::Timeout, effect);

        let permit = timeout_at(deadline, self.0.permits.acquire())
            .await
            .map_err(timeout(Effect::NotApplied))?
            .expect("the semaphore is never closed");
        let mut request = self.0.http.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = timeout_at(deadline, request.send())
            .await
            .map_err(timeout(unknown))?
            .map_err(|error| {
                let (kind, effect) = match () {
                    () if error.is_builder() => (ErrorKind::Configuration, Effect::NotApplied),
                    () if error.is_connect() => (ErrorKind::Unreachable, Effect::NotApplied),
                    () => (ErrorKind::Interrupted, unknown),
                };
                Error::new(kind, effect).with_source(error.without_url())
            })?;
        let mut head = Head {
            response,
            _permit: permit,
        };
        let status = head.response.status();
        if matches!(status.as_u16(), 200 | 201 | 204) {
            return Ok(head);
        }
        // The status decides; the words are a courtesy.
        let words = head.body(deadline, 64 << 10, unknown).await.unwrap_or_default();
        Err(Error::from_status(status, &words, writes))
    }

    fn encode(&self, body: Option<&impl Serialize>) -> Result<Option<Vec<u8>>, Error> {
        let Some(body) = body else { return Ok(None) };
        // Fails for `ZoneKind::Other` only: known when read, and nothing that can be asked for.
        let bytes = serde_json::to_vec(body).map_err(|error| Error::refused(error.to_string()))?;
        if bytes.len() > self.0.max_request_bytes {
            let why = format!("the request has {} bytes", bytes.len());
            return Err(Error::new(ErrorKind::TooLarge, Effect::NotApplied).with_message(why));
        }
        Ok(Some(bytes))
    }
}

/// Turns "not found" into `false`.
pub(crate) fn was_there(result: Result<(), Error>) -> Result<bool, Error> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Turns "not found" into `None`.
pub(crate) fn optional<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Head<'_> {
    async fn chunk(
        &mut self,
        deadline: Instant,
        effect: Effect,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, Error> {
        timeout_at(deadline, self.response.chunk())
            .await
            .map_err(|_| Error::new(ErrorKind::Timeout, effect))?
            .map_err(|error| Error::new(ErrorKind::Interrupted, effect).with_source(error.without_url()))
    }

    async fn body(&mut self, deadline: Instant, limit: usize, effect: Effect) -> Result<Vec<u8>, Error> {
        let expected = self
            .response
            .content_length()
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0);
        let mut body = Vec::with_capacity(expected.min(limit));
        while let Some(chunk) = self.chunk(deadline, effect).await? {
            let chunk = chunk.as_ref();
            if body.len() + chunk.len() > limit {
                return Err(Error::new(ErrorKind::TooLarge, effect)
                    .with_message(format!("the answer has more than {limit} bytes")));
            }
            body.extend_from_slice(chunk);
        }
        Ok(body)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.0.server)
            .finish_non_exhaustive()
    }
}
