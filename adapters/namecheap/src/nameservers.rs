//! A change of the name servers. It replaces the whole list and takes the domain away from Namecheap's own DNS.

use std::collections::BTreeSet;

use pdm_registrar::{Change, DomainName, Error, ErrorKind};

use crate::NAMESERVERS;
use crate::account::NamecheapAccount;
use crate::awaited::Awaited;
use crate::errors::certain;
use crate::state::{NAMESERVERS_RIGHT, barred};

/// Longest list of name servers, in characters.
const LONGEST: usize = 1200;

impl NamecheapAccount {
    /// Makes `wanted` the hosts of the domain.
    pub(crate) async fn change_servers(
        &self,
        domain: &DomainName,
        wanted: &BTreeSet<DomainName>,
    ) -> Result<Change, Error> {
        let info = self.info(domain).await?;
        if self.delegation_of(domain).await?.is_exactly(wanted) {
            return Ok(Change::Unchanged);
        }
        let (fewest, most) = NAMESERVERS;
        let hosts: Vec<_> = wanted.iter().map(DomainName::as_str).collect();
        let hosts = hosts.join(",");
        if !(fewest..=most).contains(&wanted.len()) || hosts.len() > LONGEST {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "Namecheap takes {fewest} to {most} name servers, of together at most {LONGEST} characters; nothing was sent"
                ),
            ));
        }
        if let Some(error) = barred(&info, NAMESERVERS_RIGHT) {
            return Err(error);
        }
        self.have_addresses(domain, wanted).await?;
        let sent = certain(self.api.set_custom(domain, &hosts).await)?;
        self.confirm(domain, Awaited::Nameservers(wanted.clone()), sent)
            .await
    }

    /// Refuses hosts below the domain itself that have no address at the registry: only the customer knows it.
    async fn have_addresses(&self, domain: &DomainName, wanted: &BTreeSet<DomainName>) -> Result<(), Error> {
        for host in wanted.iter().filter(|host| host.is_at_or_below(domain)) {
            let address = match self.api.glue(domain, host).await {
                Ok(address) => address,
                Err(failure)
                    if matches!(
                        failure.error.kind,
                        ErrorKind::Unavailable | ErrorKind::RateLimited
                    ) =>
                {
                    return Err(failure.error);
                }
                // A host that the registry does not know is a refusal without a number of its own.
                Err(_) => None,
            };
            if address.is_none() {
                return Err(Error::new(
                    ErrorKind::InvalidRequest,
                    format!(
                        "{host} is below {domain} itself, so that the registry needs its address: enter it under Domain List > Manage > \
                         Advanced DNS > Personal DNS Server at Namecheap first; nothing was sent"
                    ),
                ));
            }
        }
        Ok(())
    }
}
