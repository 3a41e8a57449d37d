//! An opened account: what its key can do.

use async_trait::async_trait;
use pdm_registrar::{Ability, Account, DnsHost, DomainName, Error, ErrorKind, Mode, Probe, Registrar};

use crate::api::Api;
use crate::dns_host::{NEEDS_SECRET, not_hosted};
use crate::ds::{NOT_OFFERED, SERVED_UNSIGNED};
use crate::state::{Ds, State};

/// One key at work.
pub(crate) struct DynadotAccount {
    pub(crate) api: Api,
}

#[async_trait]
impl Account for DynadotAccount {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        let state = self.look_at(domain).await?;
        let change_ds = match self.ds_of(domain).await? {
            Ds::NotOffered => Ability::no(ErrorKind::Unsupported, NOT_OFFERED),
            Ds::Shown(_) | Ds::Strange if state.mode != Mode::External => {
                Ability::no(ErrorKind::Unsupported, SERVED_UNSIGNED)
            }
            Ds::Shown(_) | Ds::Strange => Ability::Yes,
        };
        let (delegate_subdomain, export_zone) = self.hosting(domain, &state).await?;
        let unless_barred = |ability: Ability| match (&ability, state.barred()) {
            (Ability::Yes, Some(error)) => Ability::from(&error),
            _ => ability,
        };
        Ok(Probe {
            // The call that names the account answers with its owner's address, which nobody here needs.
            account: None,
            domain_in_account: true,
            locked: Some(state.locked),
            read_ns: Ability::Yes,
            change_ns: unless_barred(Ability::Yes),
            change_ds: unless_barred(change_ds),
            delegate_subdomain: unless_barred(delegate_subdomain),
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

impl DynadotAccount {
    /// What can be done in the zone: delegate, export.
    async fn hosting(&self, domain: &DomainName, state: &State) -> Result<(Ability, Ability), Error> {
        if state.mode != Mode::Hosted {
            let refusal = not_hosted(domain, &state.mode);
            return Ok((Ability::from(&refusal), Ability::from(&refusal)));
        }
        if !self.api.has_rest() {
            return Ok((Ability::no(ErrorKind::Unsupported, NEEDS_SECRET), Ability::Yes));
        }
        // Whether the secret is good shows only where it is used.
        match self.api.records(domain).await {
            Ok(_) => Ok((Ability::Yes, Ability::Yes)),
            Err(failure) if failure.error.kind == ErrorKind::CredentialsRejected => {
                Ok((Ability::from(&failure.error), Ability::from(&failure.error)))
            }
            Err(failure) => Err(failure.error),
        }
    }
}
