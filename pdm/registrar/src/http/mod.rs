//! The one way adapters send requests: deadlines, a size cap, no redirects, TLS outside stand-ins, one budget per account, and no
//! secret in any error.

mod budget;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, StatusCode};

pub use budget::Budgets;
pub use reqwest;

use crate::descriptor::Descriptor;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::secret::{Redactor, Secret};
use budget::Shared;

/// For the connection alone.
const CONNECT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Longest piece of a vendor's text that an error repeats, in characters.
const QUOTED: usize = 300;
/// Waits between tries of a call that only reads.
const READ_AGAIN: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(900)];

/// Sends requests for one opened account.
pub struct Http {
    client: Client,
    base: String,
    deadline: Duration,
    budget: Arc<Shared>,
    redactor: Redactor,
    vendor: &'static str,
}

/// An answer that was read to its end.
#[derive(Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Body, at most a MiB.
    pub body: Vec<u8>,
}

impl Answer {
    /// What `Retry-After` says, when it says a number of seconds (RFC 9110 section 10.2.3), at most an hour.
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self
            .headers
            .get(RETRY_AFTER)?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds.clamp(1, 3600)))
    }
}

/// Whether a request changes something, which decides what a failure means and whether it may be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// It only reads: sent again after a failure of the way or the vendor.
    Read,
    /// It writes: sent once.
    Write,
}

impl Http {
    /// A sender for the account that `key` opens.
    ///
    /// `production` and `sandbox` are hosts; `redactor` knows all secrets of the account.
    pub fn new(
        descriptor: &'static Descriptor,
        budgets: &Budgets,
        at: &Endpoint,
        (production, sandbox): (&str, Option<&str>),
        key: &Secret,
        redactor: Redactor,
    ) -> Result<Self, Error> {
        let base = at.base(production, sandbox)?;
        let (stand_in, deadline) = match at {
            Endpoint::Custom(custom) => (true, custom.deadline),
            Endpoint::Production | Endpoint::Sandbox => (false, crate::CALL_DEADLINE),
        };
        let client = client(&base, deadline, None)?;
        Ok(Self {
            budget: budgets.of(descriptor.budget, &base, stand_in, key),
            client,
            base,
            deadline,
            redactor,
            vendor: descriptor.display_name,
        })
    }

    /// The same sender, from IPv4 addresses only: for vendors whose lists of allowed addresses have no others.
    pub fn over_ipv4(self) -> Result<Self, Error> {
        let client = client(&self.base, self.deadline, Some(Ipv4Addr::UNSPECIFIED.into()))?;
        Ok(Self { client, ..self })
    }

    /// Scheme and host of the vendor, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Begins a request for a path of the vendor, which starts with a slash.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Sends a request within its deadline and the account's budget, and reads the answer. Any status is an answer; what it means
    /// the adapter decides.
    ///
    /// An error is of kind [`ErrorKind::Unavailable`]; for a write it says whether the vendor may have got the request.
    pub async fn send(&self, effect: Effect, request: RequestBuilder) -> Result<Answer, Error> {
        let mut waits = READ_AGAIN.into_iter();
        let mut request = request;
        loop {
            let next = request.try_clone();
            let outcome = self.once(effect, request).await;
            let failed = match &outcome {
                Ok(answer) => answer.status.is_server_error(),
                Err(_) => true,
            };
            match (failed && effect == Effect::Read, next, waits.next()) {
                (true, Some(next), Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    request = next;
                }
                _ => return outcome,
            }
        }
    }

    async fn once(&self, effect: Effect, request: RequestBuilder) -> Result<Answer, Error> {
        let _turn = self.budget.turn().await;
        let exchange = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut body = Vec::new();
            let mut parts = response.bytes_stream();
            while let Some(part) = parts.next().await {
                body.extend_from_slice(&part?);
                if body.len() > LARGEST {
                    return Ok(None);
                }
            }
            Ok::<_, reqwest::Error>(Some(Answer {
                status,
                headers,
                body,
            }))
        };
        // The error's own text holds the URL, and with some vendors that holds the key.
        match tokio::time::timeout(self.deadline, exchange).await {
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Ok(None)) => Err(self.away(effect, "sent an answer larger than a MiB")),
            Ok(Err(error)) if error.is_connect() => {
                let error = if error.is_timeout() {
                    "did not take a connection"
                } else {
                    "cannot be reached"
                };
                Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("{} {error}", self.vendor),
                ))
            }
            Ok(Err(error)) if error.is_builder() => Err(Error::new(
                ErrorKind::InvalidRequest,
                "the request cannot be written: a credential or name holds a character that HTTP does not carry",
            )),
            Ok(Err(_)) => Err(self.away(effect, "cut the connection before its answer was complete")),
            Err(_) => Err(self.away(effect, "did not answer in time")),
        }
    }

    fn away(&self, effect: Effect, what: &str) -> Error {
        let error = Error::new(ErrorKind::Unavailable, format!("{} {what}", self.vendor));
        match effect {
            Effect::Read => error,
            Effect::Write => error.maybe_applied(),
        }
    }

    /// An error that repeats a vendor's own text: without secrets, without control characters, and cut.
    pub fn error(&self, kind: ErrorKind, ours: &str, theirs: &str) -> Error {
        let theirs: String = self
            .clean(theirs)
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(QUOTED)
            .collect();
        let theirs = theirs.trim();
        if theirs.is_empty() {
            Error::new(kind, ours)
        } else {
            Error::new(
                kind,
                format!("{ours}: {} says \u{201c}{theirs}\u{201d}", self.vendor),
            )
        }
    }

    /// `text` without the account's secrets.
    pub fn clean(&self, text: &str) -> String {
        self.redactor.clean(text)
    }
}

fn client(base: &str, deadline: Duration, from: Option<IpAddr>) -> Result<Client, Error> {
    Client::builder()
        .connect_timeout(CONNECT.min(deadline))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .https_only(base.starts_with("https://"))
        .local_address(from)
        .user_agent(concat!("pool-domain-manager/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| {
            Error::new(
                ErrorKind::Unexpected,
                "the HTTP client cannot be set up on this machine",
            )
        })
}
