//! A change of the name servers.
//!
//! `set_ns` takes only hosts that the account knows, so that each is made known first. It replaces the whole list, and takes the domain
//! away from Dynadot DNS.

use std::collections::BTreeSet;

use pdm_registrar::{Applied, Change, DomainName, Error, ErrorKind};

use crate::NAMESERVERS;
use crate::account::DynadotAccount;
use crate::awaited::Awaited;
use crate::errors::Meaning;

impl DynadotAccount {
    /// Makes `wanted` the hosts of the domain.
    pub(crate) async fn change_servers(
        &self,
        domain: &DomainName,
        wanted: &BTreeSet<DomainName>,
    ) -> Result<Change, Error> {
        let state = self.look_at(domain).await?;
        if state.is_exactly(wanted) {
            return Ok(Change::Unchanged);
        }
        let most = NAMESERVERS.1;
        if wanted.is_empty() || wanted.len() > most {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!("Dynadot takes at most {most} name servers, and at least one"),
            ));
        }
        if let Some(error) = state.barred() {
            return Err(error);
        }
        self.has_addresses(domain, wanted).await?;
        for host in wanted.difference(&state.hosts) {
            self.make_known(host).await?;
        }
        let sent = match self.api.set_ns(domain, wanted.iter()).await {
            Err(failure) if failure.error.applied == Applied::No => return Err(failure.error),
            sent => sent.map_err(Error::from),
        };
        self.confirm(domain, Awaited::Nameservers(wanted.clone()), sent)
            .await
    }

    /// Refuses hosts below the domain itself that have no address at the registry: only the customer knows it.
    async fn has_addresses(&self, domain: &DomainName, wanted: &BTreeSet<DomainName>) -> Result<(), Error> {
        let inside: Vec<_> = wanted.iter().filter(|host| host.is_at_or_below(domain)).collect();
        if inside.is_empty() {
            return Ok(());
        }
        let known = self.api.server_list().await?;
        let known: BTreeSet<_> = known
            .into_iter()
            .filter_map(|server| DomainName::parse(&server.server_name?).ok())
            .collect();
        match inside.into_iter().find(|host| !known.contains(host)) {
            None => Ok(()),
            Some(host) => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "{host} is below {domain} itself, so that the registry needs its address: register it under My Info > Name Servers \
                     at Dynadot first; nothing was sent"
                ),
            )),
        }
    }

    /// Makes a host known to the account. The domain is not touched by it, whatever comes of it.
    async fn make_known(&self, host: &DomainName) -> Result<(), Error> {
        match self.api.add_ns(host).await {
            Ok(()) => Ok(()),
            Err(failure) if failure.meaning == Meaning::AlreadyThere => Ok(()),
            Err(failure) => Err(Error {
                applied: Applied::No,
                ..failure.error
            }),
        }
    }
}
