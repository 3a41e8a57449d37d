//! An opened account: what its credentials can do, and what a refusal means.

use async_trait::async_trait;
use pdm_registrar::{Ability, Account, DnsHost, DomainName, Error, ErrorKind, Probe, Registrar};

use crate::DS_NEEDS_CUSTOMER;
use crate::api::Api;
use crate::errors::{Failure, SCOPE, TIER};
use crate::state::{State, protected};
use crate::wire::{Domain, Record};

/// An account at GoDaddy.
pub(crate) struct Opened {
    pub(crate) api: Api,
}

#[async_trait]
impl Account for Opened {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        let shown = match self.shown(domain).await {
            Ok(shown) => Ok(State::new(shown, None)?),
            Err(failure) => Err(self.judge(domain, failure).await),
        };
        let export_zone = readable(domain, self.api.read_apex(domain).await)?;
        let state = match shown {
            Ok(state) => Ok(state),
            // Some accounts may not read the domain and may read its records.
            Err(error) if export_zone == Ability::Yes && is_answer(&error) => Err(error),
            Err(error) => return Err(error),
        };
        let delegate_subdomain = match &state {
            _ if export_zone != Ability::Yes => export_zone.clone(),
            Ok(state) if state.is_protected() => Ability::from(&protected()),
            _ => self.may_write_records(domain).await?,
        };
        Ok(Probe {
            account: None,
            domain_in_account: true,
            locked: state.as_ref().ok().and_then(State::locked),
            read_ns: state.as_ref().map_or_else(Ability::from, |_| Ability::Yes),
            change_ns: match &state {
                Ok(state) => self.may_change(
                    state,
                    "the token needs the scope domains.nameserver:update, and GoDaddy does not show scopes",
                ),
                Err(error) => Ability::from(error),
            },
            change_ds: self.may_change_ds(domain, state.as_ref()).await?,
            delegate_subdomain,
            export_zone,
        })
    }

    fn registrar(&self) -> Option<&dyn Registrar> {
        Some(self)
    }

    fn dns_host(&self) -> Option<&dyn DnsHost> {
        Some(self)
    }
}

impl Opened {
    /// The domain, with its DS where there is a customer number.
    pub(crate) async fn state(&self, domain: &DomainName) -> Result<State, Error> {
        let shown = match self.shown(domain).await {
            Ok(shown) => shown,
            Err(failure) => return Err(self.judge(domain, failure).await),
        };
        State::new(shown, self.api.customer_domain(domain).await?)
    }

    /// The domain, with its protection where that can be seen.
    async fn shown(&self, domain: &DomainName) -> Result<Domain, Failure> {
        let mut shown = self.api.domain(domain).await?;
        if !self.api.login().has_key() {
            shown.transfer_protected = self.api.protection(domain).await;
        }
        Ok(shown)
    }

    /// The records of the hosted zone.
    pub(crate) async fn records(&self, zone: &DomainName) -> Result<Vec<Record>, Error> {
        match self.api.records(zone).await {
            Ok(records) => Ok(records),
            Err(failure) if failure.is_absent() => Err(unreadable(zone)),
            Err(failure) => Err(self.judge(zone, failure).await),
        }
    }

    /// A refusal of a read says one thing to accounts that may not use the API, to tokens that lack a scope, and for domains of others:
    /// the account's list tells them apart.
    async fn judge(&self, domain: &DomainName, failure: Failure) -> Error {
        if !matches!(failure.status, Some(401 | 403)) || failure.names_tier {
            return failure.error;
        }
        match self.api.is_listed(domain).await {
            Ok(true) if self.api.login().has_key() => Error::new(ErrorKind::AccountTier, TIER),
            Ok(true) => Error::new(ErrorKind::ScopeMissing, SCOPE),
            Ok(false) => Error::new(
                ErrorKind::DomainNotInAccount,
                format!("these credentials are good, and {domain} is not in their account"),
            ),
            Err(_) => failure.error,
        }
    }

    async fn may_write_records(&self, zone: &DomainName) -> Result<Ability, Error> {
        let login = self.api.login();
        if !login.has_token() {
            return Ok(Ability::Yes);
        }
        Ok(match self.api.delete_no_record(zone).await {
            Err(failure) if failure.is_absent() => Ability::Yes,
            Err(failure) if matches!(failure.status, Some(401 | 403)) => {
                Ability::no(ErrorKind::ScopeMissing, SCOPE)
            }
            Err(failure) if failure.error.kind == ErrorKind::RateLimited => return Err(failure.error),
            _ => Ability::unknown(
                "the token needs the scope domains.dns:update; GoDaddy did not say whether it has it",
            ),
        })
    }

    fn may_change(&self, state: &State, open: &str) -> Ability {
        match state.changeable() {
            Err(error) => Ability::from(&error),
            Ok(()) if self.api.login().has_token() => Ability::unknown(open),
            Ok(()) => Ability::Yes,
        }
    }

    async fn may_change_ds(
        &self,
        domain: &DomainName,
        state: Result<&State, &Error>,
    ) -> Result<Ability, Error> {
        let state = match state {
            Ok(state) => state,
            Err(error) => return Ok(Ability::from(error)),
        };
        match self.api.customer_domain(domain).await {
            Ok(None) => Ok(Ability::no(ErrorKind::Unsupported, DS_NEEDS_CUSTOMER)),
            Ok(Some(_)) => Ok(self.may_change(state, "GoDaddy does not say whether a token may change DS")),
            Err(failure) if is_answer(&failure.error) => Ok(Ability::from(&failure.error)),
            Err(failure) => Err(failure.error),
        }
    }
}

/// What a look at the zone's apex tells of reading its records.
fn readable(zone: &DomainName, looked: Result<(), Failure>) -> Result<Ability, Error> {
    match looked {
        Ok(()) => Ok(Ability::Yes),
        // No refusal: the domain is served from elsewhere.
        Err(failure) if failure.is_absent() => Ok(Ability::no(ErrorKind::Unsupported, not_hosted(zone))),
        Err(failure) if is_answer(&failure.error) => Ok(Ability::from(&failure.error)),
        Err(failure) => Err(failure.error),
    }
}

/// Whether GoDaddy has answered the question, if only with no.
fn is_answer(error: &Error) -> bool {
    !matches!(error.kind, ErrorKind::Unavailable | ErrorKind::RateLimited)
}

fn unreadable(zone: &DomainName) -> Error {
    Error::new(ErrorKind::DomainNotInAccount, not_hosted(zone))
}

fn not_hosted(zone: &DomainName) -> String {
    format!("GoDaddy hosts no zone {zone} in this account: the domain's DNS is elsewhere, change it there")
}
