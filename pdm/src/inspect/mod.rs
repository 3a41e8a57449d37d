//! A look at a customer's domain, with or without an account at its registrar. Nothing is written anywhere.

mod account;
mod delegation;

use std::collections::BTreeMap;

use pdm_registrar::DomainName;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

pub use account::AccountSeen;
pub use delegation::DelegationSeen;

use crate::clock::DbTime;
use crate::operations::World;
use crate::registrars::Registrars;

/// What was seen. Fields of what this version does not look at are null.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Report {
    /// The domain, in canonical form.
    #[schema(example = "acme.com")]
    domain: String,
    /// The part of it that is registered.
    registrable_domain: Option<String>,
    /// Whether its parent knows it; null when no server of the parent could be asked.
    exists: Option<bool>,
    /// Who it is delegated to, asked at every server of its parent.
    delegation: Option<DelegationSeen>,
    /// Who hosts its zone.
    #[schema(value_type = Option<Object>)]
    dns_host: Option<()>,
    /// How it receives mail.
    #[schema(value_type = Option<Object>)]
    mail: Option<()>,
    /// Who may issue certificates.
    #[schema(value_type = Option<Object>)]
    caa: Option<()>,
    /// What the account at the registrar can do; null when none was named.
    registrar: Option<AccountSeen>,
    /// What would change.
    #[schema(value_type = Option<Object>)]
    plan: Option<()>,
    /// Whether it can be done.
    #[schema(value_type = Option<String>)]
    feasibility: Option<()>,
    /// What is wrong.
    problems: Vec<Finding>,
}

impl Report {
    /// Whether the registrar has taken the credentials, in the word of the report; for the audit trail.
    pub fn credentials(&self) -> Option<&'static str> {
        self.registrar.as_ref().map(AccountSeen::credentials)
    }

    /// What is wrong.
    pub fn problems(&self) -> &[Finding] {
        &self.problems
    }

    /// What the account can do.
    pub fn account(&self) -> Option<&AccountSeen> {
        self.registrar.as_ref()
    }
}

/// Something that is wrong with the domain or with the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// A problem code, or the word of a finding.
    pub code: String,
    /// What it means and what to do, for people.
    pub detail: String,
}

impl Finding {
    fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}

/// An account at a registrar, as a request names it. `None`: without credentials.
pub type AccountGiven = (String, BTreeMap<String, SecretString>);

/// Looks at a domain. Without a world, nobody is asked how it is delegated. `None` when the request names a registrar that is not
/// known here.
pub async fn look(
    world: Option<&World>,
    registrars: &Registrars,
    domain: &DomainName,
    account: Option<AccountGiven>,
    now: DbTime,
) -> Option<Report> {
    let looking_at_account = async {
        match account {
            None => Some(None),
            Some((id, credentials)) => account::look(registrars, domain, &id, credentials)
                .await
                .map(Some),
        }
    };
    let looking_at_delegation = async {
        match world {
            None => Err("this process does not ask name servers".to_owned()),
            Some(world) => delegation::look(world, domain, now).await,
        }
    };
    let (delegation, account) = tokio::join!(looking_at_delegation, looking_at_account);
    let account = account?;
    let mut problems = Vec::new();
    let (exists, delegation) = match delegation {
        Ok((exists, seen)) => {
            problems.extend(seen.iter().flat_map(DelegationSeen::findings));
            (Some(exists), seen)
        }
        Err(why) => {
            problems.push(Finding::new("delegation.unknown", why));
            (None, None)
        }
    };
    problems.extend(account.as_ref().and_then(AccountSeen::finding));
    Some(Report {
        domain: domain.to_string(),
        registrable_domain: None,
        exists,
        delegation,
        dns_host: None,
        mail: None,
        caa: None,
        registrar: account,
        plan: None,
        feasibility: None,
        problems,
    })
}
