//! Calls of DS: v2, below a customer's id.

use pdm_registrar::http::Effect;
use pdm_registrar::http::reqwest::{Method, RequestBuilder};
use pdm_registrar::{DomainName, Error, ErrorKind};

use super::{Api, body};
use crate::errors::Failure;
use crate::wire::{Action, CustomerDomain, Dnssec, Shopper};

/// Adding or removing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DsChange {
    Add,
    Remove,
}

impl DsChange {
    /// The type of the action that does it.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Add => "DNSSEC_CREATE",
            Self::Remove => "DNSSEC_DELETE",
        }
    }
}

impl Api {
    /// The domain's DS and the changes on their way; `None` without a customer number.
    pub(crate) async fn customer_domain(
        &self,
        domain: &DomainName,
    ) -> Result<Option<CustomerDomain>, Failure> {
        if self.login.customer.is_none() {
            return Ok(None);
        }
        let request = self
            .customer_request(Method::GET, domain, "")
            .await?
            .query(&[("includes", "dnssecRecords,actions")]);
        match self.old(Effect::Read, request).await {
            Ok(answer) => body(&answer).map(Some),
            Err(mut failure) => {
                if failure
                    .status
                    .is_some_and(|status| [401, 403, 404].contains(&status))
                {
                    failure.error.detail +=
                        ". The customer number may be wrong: without it all but DS can be done";
                }
                Err(failure)
            }
        }
    }

    /// The last change of a type.
    pub(crate) async fn action(&self, domain: &DomainName, kind: &str) -> Result<Option<Action>, Failure> {
        let request = self
            .customer_request(Method::GET, domain, &format!("/actions/{kind}"))
            .await?;
        match self.old(Effect::Read, request).await {
            Ok(answer) => body(&answer).map(Some),
            Err(failure) if failure.is_absent() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Adds or removes DS of the domain, and leaves others.
    pub(crate) async fn change_ds(
        &self,
        domain: &DomainName,
        change: DsChange,
        records: &[Dnssec],
    ) -> Result<(), Failure> {
        let method = match change {
            DsChange::Add => Method::PATCH,
            DsChange::Remove => Method::DELETE,
        };
        let request = self
            .customer_request(method, domain, "/dnssecRecords")
            .await?
            .json(records);
        self.old(Effect::Write, request).await?;
        Ok(())
    }

    async fn customer_request(
        &self,
        method: Method,
        domain: &DomainName,
        rest: &str,
    ) -> Result<RequestBuilder, Failure> {
        let customer = self.customer.get_or_try_init(|| self.find_customer()).await?;
        Ok(self
            .http
            .request(
                method,
                &format!("/v2/customers/{customer}/domains/{domain}{rest}"),
            )
            .header("X-Request-Id", uuid::Uuid::new_v4().to_string()))
    }

    /// People know their number as a shopper; v2 wants the customer's UUID.
    async fn find_customer(&self) -> Result<String, Failure> {
        let given = self.login.customer.as_ref().map(|id| id.expose(str::to_owned));
        let given = given.ok_or_else(|| Error::new(ErrorKind::Unsupported, crate::DS_NEEDS_CUSTOMER))?;
        if given.contains(|character: char| !character.is_ascii_digit()) {
            return Ok(given);
        }
        let request = self
            .http
            .request(Method::GET, &format!("/v1/shoppers/{given}"))
            .query(&[("includes", "customerId")]);
        let shopper: Shopper = body(&self.old(Effect::Read, request).await?)?;
        let found = shopper
            .customer_id
            .filter(|id| !id.is_empty() && !id.contains(['/', '?', '#', '.']));
        found.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidRequest,
                "GoDaddy knows no customer of this number",
            )
            .into()
        })
    }
}
