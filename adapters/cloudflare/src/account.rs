//! An opened account: which zone is meant, and what the token can do.

use async_trait::async_trait;
use pdm_registrar::{Ability, Account, DnsHost, DomainName, Error, ErrorKind, Probe, Registrar};

use crate::api::{Api, owner};
use crate::credentials::looks_account_owned;
use crate::errors::{AUTHENTICATION, Failure, RECORD_GONE};
use crate::registrar::{DS_ARE_FIXED, NAMESERVERS_ARE_FIXED};
use crate::wire::{TokenState, Zone};

/// An account, or as much of one as the token shows.
pub(crate) struct Opened {
    pub(crate) api: Api,
}

#[async_trait]
impl Account for Opened {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        let zone = self.zone(domain).await?;
        self.token_is_active(&zone).await?;
        let export_zone = match self.api.first_record(&zone).await {
            Ok(()) => Ability::Yes,
            Err(failure) if failure.error.kind == ErrorKind::ScopeMissing => Ability::from(&failure.error),
            Err(failure) => return Err(failure.error),
        };
        let delegate_subdomain = match writable(&zone) {
            Err(refusal) => Ability::from(&refusal),
            // Nothing that was written could be read back.
            Ok(()) if export_zone != Ability::Yes => export_zone.clone(),
            Ok(()) => self.may_write(&zone).await?,
        };
        let read_ns = match crate::registrar::shown_nameservers(&zone) {
            Ok(_) => Ability::Yes,
            Err(refusal) => Ability::from(&refusal),
        };
        Ok(Probe {
            account: zone.account.and_then(|account| account.name.or(account.id)),
            domain_in_account: true,
            locked: None,
            read_ns,
            change_ns: Ability::no(ErrorKind::Unsupported, NAMESERVERS_ARE_FIXED),
            change_ds: Ability::no(ErrorKind::Unsupported, DS_ARE_FIXED),
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
    /// The zone of this name.
    ///
    /// Several accounts may have one; then the only active one is meant, and two of those are too many to choose from.
    pub(crate) async fn zone(&self, domain: &DomainName) -> Result<Zone, Error> {
        let (zones, complete) = match self.api.zones(domain).await {
            Ok(found) => found,
            Err(failure) if failure.code == Some(AUTHENTICATION) => return Err(self.judge(failure).await),
            Err(failure) => return Err(failure.error),
        };
        let mut zones: Vec<_> = zones
            .into_iter()
            .filter(|zone| owner(&zone.name) == domain.as_str())
            .collect();
        if zones.is_empty() {
            return Err(Error::new(
                ErrorKind::DomainNotInAccount,
                format!(
                    "the token sees no zone {domain}: the zone is in another account, is not among the zones of the token, or is not \
                     at Cloudflare"
                ),
            ));
        }
        if zones.len() > 1 {
            zones.retain(|zone| zone.status == "active");
        }
        match (zones.pop(), zones.is_empty(), complete) {
            (Some(zone), true, true) => Ok(zone),
            _ => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "the token sees several zones {domain} in different accounts, and it is not clear which is meant: use a token for \
                     the one zone"
                ),
            )),
        }
    }

    /// The zone of this name, if its records can be written.
    pub(crate) async fn writable_zone(&self, domain: &DomainName) -> Result<Zone, Error> {
        let zone = self.zone(domain).await?;
        writable(&zone)?;
        Ok(zone)
    }

    /// "Authentication error" is said to dead tokens and to those without the right alike: the token's own state tells them apart.
    async fn judge(&self, failure: Failure) -> Error {
        let dead = |detail| Error::new(ErrorKind::CredentialsRejected, detail);
        match self.api.verify_user_token().await {
            Ok(state) if state.status == "active" => failure.error,
            Ok(state) => dead(ended(&state)),
            Err(asked)
                if asked.error.kind == ErrorKind::CredentialsRejected
                    || asked.code == Some(AUTHENTICATION) =>
            {
                // A token of an account is refused there too, and its account is not known before a zone is.
                if looks_account_owned(self.api.token()) {
                    dead("the token is not valid any more, or it is a token of an account that lacks Zone Read".to_owned())
                } else {
                    dead("Cloudflare does not know this token, or it was revoked".to_owned())
                }
            }
            Err(asked) => asked.error,
        }
    }

    /// Asks for the token's state where it belongs: each of the two places calls a good token of the other kind invalid.
    async fn token_is_active(&self, zone: &Zone) -> Result<(), Error> {
        let account = zone.account.as_ref().and_then(|account| account.id.as_deref());
        let of_account = async || match account {
            Some(account) => self.api.verify_account_token(account).await.ok(),
            None => None,
        };
        let of_user = async || self.api.verify_user_token().await.ok();
        let state = if looks_account_owned(self.api.token()) {
            match of_account().await {
                None => of_user().await,
                found => found,
            }
        } else {
            match of_user().await {
                None => of_account().await,
                found => found,
            }
        };
        // It has just listed a zone: when neither place tells, that is what counts.
        match state {
            Some(state) if ["disabled", "expired"].contains(&state.status.as_str()) => {
                Err(Error::new(ErrorKind::CredentialsRejected, ended(&state)))
            }
            _ => Ok(()),
        }
    }

    /// Finds out whether records may be changed, with a change that changes nothing.
    async fn may_write(&self, zone: &Zone) -> Result<Ability, Error> {
        let Err(failure) = self.api.change_no_record(zone).await else {
            return Ok(Ability::unknown(
                "Cloudflare changed a record that does not exist, which tells nothing",
            ));
        };
        if failure.code == Some(RECORD_GONE) {
            return Ok(match zone.status.as_str() {
                "active" => Ability::Yes,
                other => Ability::unknown(format!(
                    "the token may write, but the zone is `{other}`: the registry does not name Cloudflare's servers, and nobody sees \
                     its records"
                )),
            });
        }
        match failure.error.kind {
            ErrorKind::ScopeMissing | ErrorKind::AllowList => Ok(Ability::from(&failure.error)),
            ErrorKind::RateLimited => Err(failure.error),
            _ => Ok(Ability::unknown(
                "the token needs DNS Edit for this zone; Cloudflare did not say whether it has it",
            )),
        }
    }
}

/// Whether records of the zone are made here: others come by transfer, or are not what the world sees.
fn writable(zone: &Zone) -> Result<(), Error> {
    let why = match zone.kind.as_str() {
        "full" => return Ok(()),
        "partial" => "its DNS is hosted elsewhere (CNAME setup): delegate there",
        "secondary" => "it is a copy of a zone elsewhere: delegate there",
        _ => "only zones of the type `full` can be written",
    };
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("the zone {} is of the type `{}`: {why}", zone.name, zone.kind),
    ))
}

fn ended(state: &TokenState) -> String {
    match state.status.as_str() {
        "expired" => "the token has expired: make a new one".to_owned(),
        _ => "the token is disabled: enable it or make a new one".to_owned(),
    }
}
