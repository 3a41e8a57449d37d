//! GoDaddy's calls, one function each: of domains, of their DS, and of records.

mod dnssec;
mod domains;
mod records;

use pdm_registrar::http::reqwest::RequestBuilder;
use pdm_registrar::http::{Answer, Effect, Http};
use pdm_registrar::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

pub(crate) use dnssec::DsChange;
pub(crate) use records::Write;

use crate::credentials::Login;
use crate::errors::{self, Failure};
use crate::wire::{Link, Problem};

/// Most pages of a list that are read.
const PAGES: u32 = 200;

/// The calls of one account.
pub(crate) struct Api {
    http: Http,
    login: Login,
    /// The customer's id once it was looked up.
    customer: OnceCell<String>,
}

impl Api {
    pub(crate) fn new(http: Http, login: Login) -> Self {
        Self {
            http,
            login,
            customer: OnceCell::new(),
        }
    }

    /// What the account was opened with.
    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    /// What became of a change that was accepted: `ours`, unless the problem's code means something of its own.
    pub(crate) fn later(&self, ours: &str, problem: Option<&Problem>) -> Error {
        errors::later(&self.http, ours, problem)
    }

    /// Sends a request of v1 or v2. Any status of success counts, and so does an empty body.
    async fn old(&self, effect: Effect, request: RequestBuilder) -> Result<Answer, Failure> {
        self.send(effect, self.login.sign_old(request), !self.login.has_key())
            .await
    }

    /// Sends a request of v3.
    async fn new_api(&self, effect: Effect, request: RequestBuilder) -> Result<Answer, Failure> {
        self.send(effect, self.login.sign_new(request), true).await
    }

    async fn send(&self, effect: Effect, request: RequestBuilder, scoped: bool) -> Result<Answer, Failure> {
        let request = request.header("Accept", "application/json");
        let answer = self.http.send(effect, request).await?;
        if !answer.status.is_success() {
            return Err(errors::failure(&self.http, effect, &answer, scoped));
        }
        // A page of something in front of the API.
        if effect == Effect::Write && answer.body.first() == Some(&b'<') {
            return Err(no_answer().maybe_applied().into());
        }
        Ok(answer)
    }
}

/// Reads the body of a success.
fn body<T: DeserializeOwned>(answer: &Answer) -> Result<T, Failure> {
    serde_json::from_slice(&answer.body).map_err(|_| no_answer().into())
}

fn no_answer() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "GoDaddy answered with nothing of the form it has",
    )
}

/// Where the next page is.
fn next(links: Option<&[Link]>) -> Option<&str> {
    let link = links?
        .iter()
        .find(|link| link.rel == "next" && !link.href.is_empty())?;
    Some(&link.href)
}

/// The path of a link of v3. Its host is not looked at: only the account's own is ever asked.
fn own_path(href: &str) -> Option<String> {
    let path = match href.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => href,
    };
    (path.starts_with("/v3/domains/") && !path.contains("..")).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_nowhere_but_into_the_api() {
        let operation = "/v3/domains/operations/9f1c";
        assert_eq!(own_path(operation).as_deref(), Some(operation));
        assert_eq!(
            own_path("https://api.godaddy.com/v3/domains/operations/9f1c").as_deref(),
            Some(operation)
        );
        for foreign in [
            "https://other.example",
            "/v1/domains/example.com",
            "/v3/domains/../../v1",
            "",
            "x",
        ] {
            assert_eq!(own_path(foreign), None, "{foreign}");
        }
    }
}
