//! An opened account: what its key can do.

use async_trait::async_trait;
use pdm_registrar::{Ability, Account, DnsHost, DomainName, Error, ErrorKind, Probe, Registrar};

use crate::NO_DS_AT_REGISTRY;
use crate::api::Api;
use crate::dns_host::{not_hosted, refuse_to_spoil};
use crate::state::{HOSTS_RIGHT, NAMESERVERS_RIGHT, barred, locked};
use crate::wire::DomainInfo;

/// One key at work.
pub(crate) struct NamecheapAccount {
    pub(crate) api: Api,
}

#[async_trait]
impl Account for NamecheapAccount {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        let info = self.info_if_allowed(domain).await?;
        let zone = self.served_zone(domain).await?;
        if info.is_none() && zone.is_none() {
            return Err(Error::new(
                ErrorKind::ScopeMissing,
                format!("this account may see neither the registration of {domain} nor records of it"),
            ));
        }
        let (read_ns, change_ns) = match &info {
            Some(info) => (Ability::Yes, ability(info, NAMESERVERS_RIGHT)),
            None => {
                let hosts_only = || {
                    Ability::no(
                        ErrorKind::ScopeMissing,
                        "this account may not see the registration, at most the records of the zone",
                    )
                };
                (hosts_only(), hosts_only())
            }
        };
        let (delegate_subdomain, export_zone) = match zone {
            None => {
                let refusal = not_hosted(domain);
                (Ability::from(&refusal), Ability::from(&refusal))
            }
            Some(zone) => {
                let rights = info
                    .as_ref()
                    .map_or(Ability::Yes, |info| ability(info, HOSTS_RIGHT));
                let delegate = match (rights, refuse_to_spoil(&zone)) {
                    (Ability::Yes, Err(refusal)) => Ability::from(&refusal),
                    (rights, _) => rights,
                };
                (delegate, Ability::Yes)
            }
        };
        Ok(Probe {
            account: info.as_ref().and_then(|info| info.owner.clone()),
            domain_in_account: true,
            locked: info.as_ref().map(locked),
            read_ns,
            change_ns,
            change_ds: Ability::no(ErrorKind::Unsupported, NO_DS_AT_REGISTRY),
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

fn ability(info: &DomainInfo, right: &str) -> Ability {
    barred(info, right).map_or(Ability::Yes, |error| Ability::from(&error))
}
