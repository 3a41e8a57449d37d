//! Signs calls, sends them, and tells answers from refusals.

use pdm_registrar::http::reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use pdm_registrar::http::reqwest::{Method, RequestBuilder};
use pdm_registrar::http::{Answer, Effect, Http};
use pdm_registrar::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::clock::Clock;
use crate::credentials::Keys;
use crate::errors::{Failure, Meaning, failure};
use crate::signature::Signed;

/// The tree of the API; `/v1` is the same, `/v2` another.
const TREE: &str = "/1.0";

/// Longest piece of the vendor's text that is shown, in characters.
const SHOWN: usize = 300;

/// Makes calls for one account.
pub(crate) struct Client {
    http: Http,
    keys: Keys,
    clock: Clock,
}

impl Client {
    pub(crate) fn new(http: Http, keys: Keys) -> Self {
        Self {
            http,
            keys,
            clock: Clock::default(),
        }
    }

    /// Reads what is at `path`, which begins behind the tree.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.exchange(Method::GET, path, None).await?;
        parse(&answer.body).ok_or_else(|| self.unreadable(&format!("GET {path}"), &answer.body).into())
    }

    /// Changes something. What the vendor answers to it is returned only if it can be read: some calls answer with nothing, or `null`.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Option<T>, Failure> {
        let body = body.map(|body| body.to_string());
        let answer = self.exchange(method, path, body.as_deref()).await?;
        let is_page = !answer.body.trim_ascii().is_empty() && parse::<Value>(&answer.body).is_none();
        if is_page {
            // Something else spoke in the vendor's place: whether the vendor heard of it is not known.
            return Err(self.unreadable(path, &answer.body).maybe_applied().into());
        }
        Ok(parse(&answer.body))
    }

    /// The vendor's own text, fit to be shown: without secrets and control characters, and cut.
    pub(crate) fn shown(&self, text: &str) -> String {
        self.http
            .clean(text)
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(SHOWN)
            .collect()
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&str>) -> Result<Answer, Failure> {
        let effect = if method == Method::GET {
            Effect::Read
        } else {
            Effect::Write
        };
        let mut refreshed = false;
        loop {
            let now = self.now().await?;
            let request = self.signed(&method, path, body, now)?;
            let answer = self.http.send(effect, request).await?;
            match failure(&self.http, effect, &answer) {
                None => return Ok(answer),
                // The gateway refused it unread, so that it may be sent again even if it writes.
                Some(failure) if failure.meaning == Meaning::OutOfTime && !refreshed => {
                    refreshed = true;
                    self.clock.forget();
                }
                Some(failure) => return Err(failure),
            }
        }
    }

    async fn now(&self) -> Result<i64, Failure> {
        if let Some(now) = self.clock.now() {
            return Ok(now);
        }
        let request = self.http.request(Method::GET, &format!("{TREE}/auth/time"));
        let answer = self.http.send(Effect::Read, request).await?;
        if let Some(failure) = failure(&self.http, Effect::Read, &answer) {
            return Err(failure);
        }
        let now =
            parse::<i64>(&answer.body).ok_or_else(|| self.unreadable("GET /auth/time", &answer.body))?;
        self.clock.set(now);
        Ok(now)
    }

    /// The request with its signature, made of the URL that the request really has.
    fn signed(
        &self,
        method: &Method,
        path: &str,
        body: Option<&str>,
        now: i64,
    ) -> Result<RequestBuilder, Error> {
        let unfit = || {
            Error::new(
                ErrorKind::InvalidRequest,
                "a key or name holds a character that HTTP does not carry",
            )
        };
        let (client, request) = self
            .http
            .request(method.clone(), &format!("{TREE}{path}"))
            .build_split();
        let mut request = request.map_err(|_| unfit())?;
        let signature = Signed {
            method: method.as_str(),
            url: request.url().as_str(),
            body: body.unwrap_or_default(),
            timestamp: now,
        }
        .with(&self.keys.application_secret, &self.keys.consumer_key);
        let header = |text: &str| {
            let mut value = HeaderValue::from_str(text).map_err(|_| unfit())?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        };
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("X-Ovh-Application", self.keys.application_key.expose(header)?);
        headers.insert("X-Ovh-Consumer", self.keys.consumer_key.expose(header)?);
        headers.insert("X-Ovh-Timestamp", HeaderValue::from(now));
        headers.insert("X-Ovh-Signature", header(&signature)?);
        if let Some(body) = body {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/json;charset=utf-8"),
            );
            *request.body_mut() = Some(body.to_owned().into());
        }
        Ok(RequestBuilder::from_parts(client, request))
    }

    /// A success that is not the JSON it should be: nothing that the vendor's own service would send if it is no JSON at all.
    fn unreadable(&self, call: &str, body: &[u8]) -> Error {
        let (kind, what) = match parse::<Value>(body) {
            Some(_) => (ErrorKind::Unexpected, "not in the documented form"),
            None => (ErrorKind::Unavailable, "no JSON"),
        };
        self.http
            .error(kind, &format!("OVHcloud's answer to {call} is {what}"), "")
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
