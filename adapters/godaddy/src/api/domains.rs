//! Calls of domains: v1 with a key, v3 with a token.

use std::collections::BTreeSet;

use pdm_registrar::http::Effect;
use pdm_registrar::http::reqwest::Method;
use pdm_registrar::http::reqwest::header::LOCATION;
use pdm_registrar::{DomainName, Error, ErrorKind};

use super::{Api, PAGES, body, next, own_path};
use crate::errors::Failure;
use crate::wire::{Domain, DomainPage, ListedDomain, Operation};

/// Domains on a page.
const PAGE: usize = 500;

impl Api {
    /// A domain.
    pub(crate) async fn domain(&self, domain: &DomainName) -> Result<Domain, Failure> {
        let answer = if self.login.has_key() {
            let request = self.http.request(Method::GET, &format!("/v1/domains/{domain}"));
            self.old(Effect::Read, request).await?
        } else {
            let request = self
                .http
                .request(Method::GET, &format!("/v3/domains/domain-names/{domain}"));
            self.new_api(Effect::Read, request).await?
        };
        let shown: Domain = body(&answer)?;
        if DomainName::parse(&shown.name).as_ref() != Ok(domain) {
            return Err(Error::new(ErrorKind::Unexpected, "GoDaddy's answer is about another domain").into());
        }
        Ok(shown)
    }

    /// Whether Domain Protection is on, which v1 alone shows. A token may not be taken there: then it is not known.
    pub(crate) async fn protection(&self, domain: &DomainName) -> Option<bool> {
        let request = self.http.request(Method::GET, &format!("/v1/domains/{domain}"));
        let answer = self.old(Effect::Read, request).await.ok()?;
        Some(body::<Domain>(&answer).ok()?.is_protected())
    }

    /// Whether the account's list has the domain.
    pub(crate) async fn is_listed(&self, domain: &DomainName) -> Result<bool, Failure> {
        if self.login.has_key() {
            self.is_listed_by_v1(domain).await
        } else {
            self.is_listed_by_v3(domain).await
        }
    }

    async fn is_listed_by_v1(&self, domain: &DomainName) -> Result<bool, Failure> {
        let mut marker: Option<String> = None;
        for _ in 0..PAGES {
            let mut request = self
                .http
                .request(Method::GET, "/v1/domains")
                .query(&[("limit", PAGE.to_string())]);
            if let Some(marker) = &marker {
                request = request.query(&[("marker", marker)]);
            }
            let page: Vec<ListedDomain> = body(&self.old(Effect::Read, request).await?)?;
            if has(&page, domain) {
                return Ok(true);
            }
            match page.last() {
                Some(last) if page.len() >= PAGE => marker = Some(last.domain.clone()),
                _ => break,
            }
        }
        Ok(false)
    }

    async fn is_listed_by_v3(&self, domain: &DomainName) -> Result<bool, Failure> {
        let mut path = "/v3/domains/domain-names?pageSize=200".to_owned();
        for _ in 0..PAGES {
            let answer = self
                .new_api(Effect::Read, self.http.request(Method::GET, &path))
                .await?;
            let page: DomainPage = body(&answer)?;
            if has(page.items.as_deref().unwrap_or_default(), domain) {
                return Ok(true);
            }
            match next(page.links.as_deref()).and_then(own_path) {
                Some(next) => path = next,
                None => break,
            }
        }
        Ok(false)
    }

    /// Gives the domain these name servers. With a token the answer names the operation that does it.
    pub(crate) async fn set_nameservers(
        &self,
        domain: &DomainName,
        hosts: &BTreeSet<DomainName>,
    ) -> Result<Option<String>, Failure> {
        if !self.login.has_token() {
            // Nothing but this field: others would be changed too.
            let request = self
                .http
                .request(Method::PATCH, &format!("/v1/domains/{domain}"))
                .json(&serde_json::json!({"nameServers": hosts}));
            self.old(Effect::Write, request).await?;
            return Ok(None);
        }
        let request = self
            .http
            .request(
                Method::PUT,
                &format!("/v3/domains/domain-names/{domain}/nameservers"),
            )
            .header("Idempotency-Key", uuid::Uuid::new_v4().to_string())
            .json(hosts);
        let answer = self.new_api(Effect::Write, request).await?;
        let location = answer
            .headers
            .get(LOCATION)
            .and_then(|at| at.to_str().ok())
            .and_then(own_path);
        let linked = || {
            let operation: Operation = serde_json::from_slice(&answer.body).ok()?;
            let links = operation.links?;
            own_path(&links.iter().find(|link| link.rel == "self")?.href)
        };
        Ok(location.or_else(linked))
    }

    /// How far an operation is. `path` is as [`set_nameservers`](Self::set_nameservers) gave it.
    pub(crate) async fn operation(&self, path: &str) -> Result<Option<Operation>, Failure> {
        let Some(path) = own_path(path) else {
            return Ok(None);
        };
        match self
            .new_api(Effect::Read, self.http.request(Method::GET, &path))
            .await
        {
            Ok(answer) => body(&answer).map(Some),
            Err(failure) if failure.is_absent() => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

fn has(listed: &[ListedDomain], domain: &DomainName) -> bool {
    listed
        .iter()
        .any(|listed| listed.domain.eq_ignore_ascii_case(domain.as_str()))
}
