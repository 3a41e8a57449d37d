//! What an account at a registrar can do for a domain.

use std::collections::BTreeMap;

use pdm_registrar::{Ability, DomainName, Error, ErrorKind, Probe};
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use super::Finding;
use crate::registrars::Registrars;

/// What an account at a registrar can do for a domain.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountSeen {
    /// The registrar.
    #[schema(example = "ovh")]
    id: String,
    /// `accepted`, `rejected`, or `unclear` when the registrar could not be asked.
    credentials: &'static str,
    /// Whether the account holds the domain; null when that could not be learned.
    domain_in_account: Option<bool>,
    /// What can be done now.
    can: Can,
    /// Why some of it cannot: a word of the closed set that registrars' errors have.
    refused_because: Option<&'static str>,
    /// Whether the domain is locked against changes; null when the registrar does not tell.
    locked: Option<bool>,
    /// How the customer lets our addresses in, where the registrar takes calls from listed addresses only.
    egress_allow_list: Option<&'static str>,
    #[serde(skip)]
    finding: Option<Finding>,
}

/// Each null when it cannot be seen without a write.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
struct Can {
    /// Read the name servers that the registry is told.
    read_ns: Option<bool>,
    /// Change them.
    change_ns: Option<bool>,
    /// Change the DS.
    change_ds: Option<bool>,
    /// Delegate a name below the zone that the registrar hosts.
    delegate_subdomain: Option<bool>,
    /// Read all records of that zone.
    export_zone: Option<bool>,
}

impl AccountSeen {
    /// Whether the credentials were taken, as a word.
    pub fn credentials(&self) -> &'static str {
        self.credentials
    }

    /// Whether the credentials are good and the account holds the domain.
    pub fn is_usable(&self) -> bool {
        self.credentials == "accepted" && self.domain_in_account == Some(true)
    }

    pub(super) fn finding(&self) -> Option<Finding> {
        self.finding.clone()
    }
}

/// Asks the registrar. `None` when it is not known here.
pub(super) async fn look(
    registrars: &Registrars,
    domain: &DomainName,
    id: &str,
    credentials: BTreeMap<String, SecretString>,
) -> Option<AccountSeen> {
    let descriptor = registrars.descriptor(id)?;
    let probed = match registrars.open(id, credentials)? {
        Ok(account) => account.probe(domain).await,
        // What cannot be credentials is rejected before anything is sent.
        Err(error) => Err(Error {
            kind: ErrorKind::CredentialsRejected,
            ..error
        }),
    };
    let seen = match probed {
        Ok(probe) => of_probe(id, &probe),
        Err(error) => of_error(id, &error),
    };
    Some(AccountSeen {
        egress_allow_list: descriptor.needs_allow_list,
        ..seen
    })
}

fn of_probe(id: &str, probe: &Probe) -> AccountSeen {
    let refused = probe.refused_because();
    let why = refused.and_then(|kind| detail_of(probe, kind).map(|detail| finding(kind, detail)));
    AccountSeen {
        id: id.to_owned(),
        credentials: "accepted",
        domain_in_account: Some(probe.domain_in_account),
        can: Can {
            read_ns: probe.read_ns.as_bool(),
            change_ns: probe.change_ns.as_bool(),
            change_ds: probe.change_ds.as_bool(),
            delegate_subdomain: probe.delegate_subdomain.as_bool(),
            export_zone: probe.export_zone.as_bool(),
        },
        refused_because: refused.map(ErrorKind::as_str),
        locked: probe.locked,
        egress_allow_list: None,
        finding: why,
    }
}

fn detail_of(probe: &Probe, kind: ErrorKind) -> Option<&str> {
    let abilities = [
        &probe.read_ns,
        &probe.change_ns,
        &probe.change_ds,
        &probe.delegate_subdomain,
        &probe.export_zone,
    ];
    abilities.into_iter().find_map(|ability| match ability {
        Ability::No { because, detail } if *because == kind => Some(detail.as_str()),
        _ => None,
    })
}

fn of_error(id: &str, error: &Error) -> AccountSeen {
    use ErrorKind as K;
    let (credentials, domain_in_account) = match error.kind {
        K::CredentialsRejected => ("rejected", None),
        K::ScopeMissing | K::AccountTier => ("accepted", None),
        K::DomainNotInAccount => ("accepted", Some(false)),
        K::DomainLocked | K::DomainExpired => ("accepted", Some(true)),
        _ => ("unclear", None),
    };
    AccountSeen {
        id: id.to_owned(),
        credentials,
        domain_in_account,
        can: Can::default(),
        refused_because: Some(error.kind.as_str()),
        locked: (error.kind == K::DomainLocked).then_some(true),
        egress_allow_list: None,
        finding: Some(finding(error.kind, &error.detail)),
    }
}

fn finding(kind: ErrorKind, detail: &str) -> Finding {
    use ErrorKind as K;
    let code = match kind {
        K::CredentialsRejected => "registrar.credentials_rejected",
        K::DomainNotInAccount => "registrar.domain_not_in_account",
        K::Unsupported => "registrar.unsupported",
        K::RateLimited | K::Unavailable | K::Unexpected => "registrar.unavailable",
        _ => "registrar.refused",
    };
    Finding::new(code, detail)
}
