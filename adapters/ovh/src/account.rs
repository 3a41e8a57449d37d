//! An opened account: what its credentials can do.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use pdm_registrar::{Ability, Account, DnsHost, DomainName, Error, ErrorKind, Probe, Registrar};
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::errors::if_in_account;
use crate::rules::{self, Call};
use crate::state::Seen;
use crate::wire::AccessRule;

/// One consumer key at work.
pub(crate) struct OvhAccount {
    pub(crate) client: Client,
    /// The rules of a consumer key are fixed when it is made. `None` inside when the key may not read them.
    rights: OnceCell<Option<Vec<AccessRule>>>,
    /// Zones in which something is stored of which it is not known that it is served.
    pub(crate) unserved: Mutex<BTreeSet<DomainName>>,
}

impl OvhAccount {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            rights: OnceCell::new(),
            unserved: Mutex::default(),
        }
    }

    /// The access rules, if the consumer key may read them.
    pub(crate) async fn rights(&self) -> Result<Option<&[AccessRule]>, Error> {
        let rights = self
            .rights
            .get_or_try_init(|| async {
                let credential = match self.client.current_credential().await {
                    Ok(credential) => credential,
                    Err(failure) if failure.error.kind == ErrorKind::ScopeMissing => return Ok(None),
                    Err(failure) => return Err(failure.error),
                };
                if credential.status != "validated" {
                    return Err(Error::new(
                        ErrorKind::CredentialsRejected,
                        format!(
                            "the consumer key is in state `{}`",
                            self.client.shown(&credential.status)
                        ),
                    ));
                }
                Ok(credential.rules)
            })
            .await?;
        Ok(rights.as_deref())
    }

    /// Refuses work in the middle of which a right would be found missing. Where the rules cannot be read, the vendor decides.
    pub(crate) async fn demand(&self, calls: &[Call]) -> Result<(), Error> {
        let Some(rights) = self.rights().await? else {
            return Ok(());
        };
        match rules::missing(rights, calls) {
            missing if missing.is_empty() => Ok(()),
            missing => Err(lacking(&missing)),
        }
    }

    async fn ability(&self, calls: &[Call]) -> Result<Ability, Error> {
        let Some(rights) = self.rights().await? else {
            return Ok(Ability::unknown(
                "the consumer key may not read its own access rules (GET /auth/currentCredential); without it only a try shows",
            ));
        };
        Ok(match rules::missing(rights, calls) {
            missing if missing.is_empty() => Ability::Yes,
            missing => Ability::from(&lacking(&missing)),
        })
    }

    async fn export_ability(&self, domain: &DomainName) -> Result<Ability, Error> {
        match self.ability(&rules::export(domain)).await? {
            Ability::No { .. } => self.ability(&rules::export_by_record(domain)).await,
            other => Ok(other),
        }
    }

    /// What reading `what` shows: it is there, it is not in the account, or it may not be read.
    async fn registration_for_probe(
        &self,
        domain: &DomainName,
    ) -> Result<Result<Option<Seen>, Error>, Error> {
        allowed(match if_in_account(self.client.domain(domain).await) {
            Ok(None) => Ok(None),
            Ok(Some(_)) => self.look_at(domain).await.map(Some),
            Err(error) => Err(error),
        })
    }
}

/// Puts a missing right, which a probe reports, apart from failures that end it.
fn allowed<T>(outcome: Result<T, Error>) -> Result<Result<T, Error>, Error> {
    match outcome {
        Err(error) if error.kind != ErrorKind::ScopeMissing => Err(error),
        outcome => Ok(outcome),
    }
}

fn lacking(missing: &[String]) -> Error {
    Error::new(
        ErrorKind::ScopeMissing,
        format!("the consumer key lacks access rules: {}", missing.join(", ")),
    )
}

#[async_trait]
impl Account for OvhAccount {
    async fn probe(&self, domain: &DomainName) -> Result<Probe, Error> {
        self.rights().await?;
        let registration = self.registration_for_probe(domain).await?;
        let zone = allowed(if_in_account(self.client.zone(domain).await))?;
        let in_account = matches!(registration, Ok(Some(_))) || matches!(zone, Ok(Some(_)));
        if !in_account {
            registration?;
            zone?;
            return Err(Error::new(
                ErrorKind::DomainNotInAccount,
                format!("this account has neither a registration nor a zone {domain}"),
            ));
        }
        let (read_ns, change_ns, change_ds, locked) = match &registration {
            Ok(Some(seen)) => self.registry_abilities(domain, seen).await?,
            Ok(None) => {
                let elsewhere = || {
                    Ability::no(
                        ErrorKind::Unsupported,
                        "the domain is not registered in this account; only its zone is here",
                    )
                };
                (elsewhere(), elsewhere(), elsewhere(), None)
            }
            Err(error) => (error.into(), error.into(), error.into(), None),
        };
        let (delegate_subdomain, export_zone) = match &zone {
            Ok(Some(_)) => (
                self.ability(&rules::change_records(domain)).await?,
                self.export_ability(domain).await?,
            ),
            Ok(None) => {
                let elsewhere =
                    || Ability::no(ErrorKind::Unsupported, "the domain has no zone in this account");
                (elsewhere(), elsewhere())
            }
            Err(error) => (error.into(), error.into()),
        };
        Ok(Probe {
            account: None,
            domain_in_account: true,
            locked,
            read_ns,
            change_ns,
            change_ds,
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

impl OvhAccount {
    async fn registry_abilities(
        &self,
        domain: &DomainName,
        seen: &Seen,
    ) -> Result<(Ability, Ability, Ability, Option<bool>), Error> {
        let leave = seen.mode() != pdm_registrar::Mode::External;
        let mut ds_calls = rules::change_ds(domain);
        if seen.signed_by_vendor() {
            ds_calls.extend(rules::sign_zone(domain, false));
        }
        let read_ns = match self.ability(&rules::read_registration(domain)).await? {
            // It was read just now.
            Ability::Unknown { .. } => Ability::Yes,
            other => other,
        };
        let (change_ns, change_ds) = match seen.barred() {
            Some(error) => (Ability::from(&error), Ability::from(&error)),
            None => (
                self.ability(&rules::change_nameservers(domain, leave)).await?,
                self.ability(&ds_calls).await?,
            ),
        };
        let change_ds = if seen.dnssec_possible() {
            change_ds
        } else {
            Ability::no(
                ErrorKind::Unsupported,
                "OVHcloud does not offer DNSSEC for this domain's registry",
            )
        };
        Ok((read_ns, change_ns, change_ds, Some(seen.locked())))
    }
}
