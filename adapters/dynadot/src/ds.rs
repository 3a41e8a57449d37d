//! A change of the DS.
//!
//! Dynadot adds one DS at a time and removes only all of them. Where one has to go, the domain has no DS for as long as the calls take:
//! resolvers that ask then take it for unsigned, which it may be, and not for forged.

use std::collections::BTreeSet;

use pdm_registrar::{Applied, Change, DomainName, DsRecord, Error, ErrorKind, Mode};

use crate::account::DynadotAccount;
use crate::awaited::Awaited;
use crate::errors::in_the_middle;
use crate::state::Ds;

/// Why there is no DS for some domains.
pub(crate) const NOT_OFFERED: &str = "Dynadot has no DNSSEC for the domain's top-level domain";
/// Why there is none while the vendor serves the domain.
pub(crate) const SERVED_UNSIGNED: &str = "the domain is served by Dynadot itself, which does not sign: a DS would make it unreachable. Change the name servers first";

impl DynadotAccount {
    /// Makes `wanted` the DS of the domain.
    pub(crate) async fn change_ds(
        &self,
        domain: &DomainName,
        wanted: &BTreeSet<DsRecord>,
    ) -> Result<Change, Error> {
        let state = self.look_at(domain).await?;
        let there = match self.ds_of(domain).await? {
            Ds::Shown(there) => there,
            Ds::NotOffered => return Err(Error::new(ErrorKind::Unsupported, NOT_OFFERED)),
            Ds::Strange => {
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    "the domain has a DS that cannot be read, and would be lost: look at it in the panel; nothing was sent",
                ));
            }
        };
        if there == *wanted {
            return Ok(Change::Unchanged);
        }
        if let Some(error) = state.barred() {
            return Err(error);
        }
        if state.mode != Mode::External && !wanted.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, SERVED_UNSIGNED));
        }
        let sent = self.send_ds(domain, &there, wanted).await;
        match sent {
            Err(error) if error.applied == Applied::No => Err(error),
            sent => self.confirm(domain, Awaited::Ds(wanted.clone()), sent).await,
        }
    }

    /// Removes all if one has to go, then adds what is missing; those that stood before first, so that the chain of trust is back soon.
    async fn send_ds(
        &self,
        domain: &DomainName,
        there: &BTreeSet<DsRecord>,
        wanted: &BTreeSet<DsRecord>,
    ) -> Result<(), Error> {
        let clear = !there.is_subset(wanted);
        if clear {
            self.api.clear_dnssec(domain).await?;
        }
        let again = wanted.intersection(there).filter(|_| clear);
        for (at, ds) in again.chain(wanted.difference(there)).enumerate() {
            let added = self.api.set_dnssec(domain, ds).await;
            added.map_err(|failure| unfinished(failure.error, clear || at > 0))?;
        }
        Ok(())
    }
}

fn unfinished(error: Error, begun: bool) -> Error {
    let mut error = in_the_middle(error, begun);
    if begun {
        error
            .detail
            .push_str(". Some of the DS may be missing by now; asked again, the change is completed");
    }
    error
}
