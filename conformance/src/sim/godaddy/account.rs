//! Who calls, and what the credential allows.

use std::collections::VecDeque;
use std::sync::PoisonError;

use super::answer::Failure;
use super::request::Generation;
use super::{VENDOR, Vendor};
use crate::sim::world::Domain;

/// Reads domains and their records.
pub(super) const READ: &str = "domains.domain:read";
/// Changes settings of domains.
pub(super) const UPDATE: &str = "domains.domain:update";
/// Changes name servers.
pub(super) const NAMESERVERS: &str = "domains.nameserver:update";
/// Changes records.
pub(super) const RECORDS: &str = "domains.dns:update";

/// An account, with a key that may do everything.
#[derive(Clone, Copy)]
pub(super) struct Account {
    /// Its name in the world.
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    pub(super) secret: &'static str,
    /// The number that the customer knows.
    pub(super) shopper: &'static str,
    /// The id in paths of version 2.
    pub(super) customer: &'static str,
    /// Whether it may use these APIs.
    pub(super) eligible: bool,
    /// Whether the vendor is away for it.
    pub(super) away: bool,
}

/// A personal access token.
#[derive(Clone, Copy)]
pub(super) struct Token {
    pub(super) text: &'static str,
    /// The account's name in the world.
    pub(super) account: &'static str,
    pub(super) scopes: &'static [&'static str],
    pub(super) expired: bool,
}

/// An account and what it may do with the credential it came with.
pub(super) struct Caller {
    pub(super) account: Account,
    /// `None`: everything.
    scopes: Option<&'static [&'static str]>,
}

impl Caller {
    /// An error unless the credential has the scope.
    pub(super) fn may(&self, scope: &str) -> Result<(), Failure> {
        match self.scopes {
            Some(scopes) if !scopes.contains(&scope) => Err(Failure::denied()),
            _ => Ok(()),
        }
    }
}

impl Vendor {
    /// Version 3 knows tokens only; the others know keys as well.
    pub(super) fn caller(&self, authorization: &str, generation: Generation) -> Result<Caller, Failure> {
        let caller = if let Some(token) = authorization.strip_prefix("Bearer ") {
            let token = self
                .tokens
                .iter()
                .find(|known| known.text == token && !known.expired);
            let token = token.ok_or_else(Failure::unauthenticated)?;
            let account = self.accounts.iter().find(|account| account.name == token.account);
            Caller {
                account: *account.ok_or_else(Failure::unauthenticated)?,
                scopes: Some(token.scopes),
            }
        } else if let Some(pair) = authorization.strip_prefix("sso-key ") {
            if pair.starts_with("gd_pat_") || generation == Generation::Three {
                return Err(Failure::unauthenticated());
            }
            let malformed = || Failure::new(400, "MALFORMED_CREDENTIALS", "Malformed credentials");
            let (key, secret) = pair.split_once(':').ok_or_else(malformed)?;
            let account = self
                .accounts
                .iter()
                .find(|account| account.key == key && account.secret == secret);
            Caller {
                account: *account.ok_or_else(Failure::unauthenticated)?,
                scopes: None,
            }
        } else {
            return Err(Failure::unauthenticated());
        };
        if caller.account.away {
            return Err(Failure::away());
        }
        Ok(caller)
    }

    /// Whether the account may use an endpoint again within this minute.
    pub(super) fn within_quota(&self, account: &Account, endpoint: &str) -> Result<(), Failure> {
        let now = self.world.now();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.name.to_owned(), endpoint.to_owned());
        let used: &mut VecDeque<u64> = used.entry(key).or_default();
        while used.front().is_some_and(|&at| at + 60 <= now) {
            used.pop_front();
        }
        let settings = self.settings();
        if used.len() >= settings.per_minute {
            return Err(Failure::too_many(Some(60), settings.too_many));
        }
        used.push_back(now);
        Ok(())
    }

    /// Refuses an account below the tier.
    pub(super) fn eligible(
        &self,
        account: &Account,
        generation: Generation,
        records: bool,
    ) -> Result<(), Failure> {
        let settings = self.settings();
        let refuses = if records {
            settings.tier_refuses_records
        } else {
            settings.tier_refuses_details
        };
        match (account.eligible || !refuses, generation) {
            (true, _) => Ok(()),
            (false, Generation::Three) => Err(Failure::new(
                403,
                "ACCOUNT_NOT_ELIGIBLE",
                "The account is not eligible to use this API",
            )),
            (false, _) => Err(Failure::denied()),
        }
    }

    /// A domain of the account, by its name in lower case, and what the registry has.
    pub(super) fn held(&self, account: &Account, name: &str) -> Result<(String, Domain), Failure> {
        let name = name.to_ascii_lowercase();
        self.late.read(&name);
        let domain = self.world.domain(&name).filter(|domain| {
            let ours = domain.vendor == VENDOR;
            ours && domain.account == account.name
        });
        domain
            .map(|domain| (name, domain))
            .ok_or_else(|| match self.settings().foreign_status {
                401 => Failure::unauthenticated(),
                403 => Failure::denied(),
                _ => Failure::not_found(),
            })
    }

    /// The same, with a zone at the vendor.
    pub(super) fn zone_held(&self, account: &Account, name: &str) -> Result<(String, Domain), Failure> {
        let (name, domain) = self.held(account, name).map_err(|_| Failure::no_zone())?;
        let zone = self.world.state().zone(VENDOR, &name).is_some();
        if domain.hosted && zone {
            Ok((name, domain))
        } else {
            Err(Failure::no_zone())
        }
    }
}
