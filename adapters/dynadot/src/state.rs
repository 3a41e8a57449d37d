//! A domain as it was read, in the words of the contract.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use pdm_registrar::{DomainName, DsRecord, Error, ErrorKind, Mode};

use crate::account::DynadotAccount;
use crate::errors::Meaning;
use crate::wire::{self, DnssecInfo, DomainInfo};

/// The vendor's word for a domain on hosts that the customer named.
const NAME_SERVERS: &str = "Name Servers";
/// The same for a domain with a zone at the vendor.
const DYNADOT_DNS: &str = "Dynadot DNS";
/// The same for a domain that shows a page of the vendor's.
pub(crate) const PARKING: &str = "Dynadot Parking";

/// What `domain_info` shows.
pub(crate) struct State {
    /// Who serves the domain.
    pub(crate) mode: Mode,
    /// Hosts the registry is told of, in [`Mode::External`].
    pub(crate) hosts: BTreeSet<DomainName>,
    /// Whether a host could not be read, so that `hosts` are not all.
    pub(crate) more_hosts: bool,
    /// Locked against every change.
    pub(crate) locked: bool,
    /// Locked against transfers.
    pub(crate) transfer_locked: Option<bool>,
    /// The registration has ended.
    pub(crate) expired: bool,
    /// Whether the parking page has advertisements.
    pub(crate) with_ads: Option<bool>,
}

impl State {
    fn of(info: DomainInfo) -> Self {
        let settings = info.name_server_settings.unwrap_or_default();
        let mode = match settings.kind.as_deref() {
            Some(kind) if kind.eq_ignore_ascii_case(NAME_SERVERS) => Mode::External,
            Some(kind) if kind.eq_ignore_ascii_case(DYNADOT_DNS) => Mode::Hosted,
            Some(kind) if kind.eq_ignore_ascii_case(PARKING) => Mode::Other(PARKING.to_owned()),
            Some(kind) => Mode::Other(kind.to_owned()),
            None => Mode::Other("unknown".to_owned()),
        };
        let named = settings
            .name_servers
            .into_iter()
            .filter_map(|server| server.server_name);
        let (hosts, more_hosts) = readable(named);
        let status = info.status.unwrap_or_default().to_ascii_lowercase();
        let yes = |word: &Option<String>| word.as_deref().map(|word| word.eq_ignore_ascii_case("yes"));
        Self {
            expired: status.contains("expired")
                || status.starts_with("deleted")
                || ended(info.expiration.as_deref()),
            locked: yes(&info.udrp_locked) == Some(true) || yes(&info.disabled) == Some(true),
            transfer_locked: yes(&info.locked),
            with_ads: yes(&settings.with_ads),
            mode,
            hosts,
            more_hosts,
        }
    }

    /// Whether the domain is on exactly these hosts.
    pub(crate) fn is_exactly(&self, hosts: &BTreeSet<DomainName>) -> bool {
        self.mode == Mode::External && !self.more_hosts && self.hosts == *hosts
    }

    /// What forbids every change.
    pub(crate) fn barred(&self) -> Option<Error> {
        if self.expired {
            Some(Error::new(
                ErrorKind::DomainExpired,
                "the domain's registration has ended: renew it at Dynadot first",
            ))
        } else if self.locked {
            Some(Error::new(
                ErrorKind::DomainLocked,
                "Dynadot has disabled the domain or locked it because of a dispute: its support can tell why",
            ))
        } else {
            None
        }
    }
}

/// Names of hosts, and whether there were others that are no names of hosts.
fn readable(names: impl Iterator<Item = String>) -> (BTreeSet<DomainName>, bool) {
    let mut more = false;
    let hosts = names
        .filter_map(|name| {
            let host = DomainName::parse(&name);
            more |= host.is_err();
            host.ok()
        })
        .collect();
    (hosts, more)
}

fn ended(expiration: Option<&str>) -> bool {
    let end = expiration.and_then(|text| text.parse::<u128>().ok());
    // A machine whose clock is before 1970 has other troubles.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    end.is_some_and(|end| end > 0 && end < now)
}

/// The DS of a domain, as the vendor shows them.
pub(crate) enum Ds {
    /// All of them.
    Shown(BTreeSet<DsRecord>),
    /// The vendor has no DNSSEC for the top-level domain.
    NotOffered,
    /// One is of a kind that is not known here.
    Strange,
}

impl Ds {
    pub(crate) fn shown(&self) -> Option<&BTreeSet<DsRecord>> {
        match self {
            Self::Shown(ds) => Some(ds),
            Self::NotOffered | Self::Strange => None,
        }
    }
}

/// The DS in an entry of `DnssecInfo`.
fn ds(info: &DnssecInfo) -> Option<DsRecord> {
    let number = |text: &Option<String>| text.as_deref().and_then(wire::number);
    let text = format!(
        "{} {} {} {}",
        number(&info.key_tag)?,
        number(&info.algorithm)?,
        number(&info.digest_type)?,
        info.digest.as_deref()?
    );
    DsRecord::parse(&text).ok()
}

impl DynadotAccount {
    /// Reads a domain.
    pub(crate) async fn look_at(&self, domain: &DomainName) -> Result<State, Error> {
        let info = self.api.domain_info(domain).await?;
        // An answer about another domain is none, and one without a name is not of the vendor's form.
        let name = info.name.as_deref().and_then(|name| DomainName::parse(name).ok());
        if name.as_ref() != Some(domain) {
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!("Dynadot was asked for {domain} and answered about something else"),
            ));
        }
        let mut state = State::of(info);
        if state.mode == Mode::External && state.hosts.is_empty() && !state.more_hosts {
            (state.hosts, state.more_hosts) = readable(self.api.get_ns(domain).await?.into_iter());
        }
        Ok(state)
    }

    /// Hosts of a domain that is not on hosts of the customer's. Dynadot need not show any.
    pub(crate) async fn own_hosts(&self, domain: &DomainName) -> Result<BTreeSet<DomainName>, Error> {
        match self.api.get_ns(domain).await {
            Ok(hosts) => Ok(readable(hosts.into_iter()).0),
            Err(failure) if failure.error.kind == ErrorKind::Unexpected => Ok(BTreeSet::new()),
            Err(failure) => Err(failure.error),
        }
    }

    /// Reads the DS of a domain.
    pub(crate) async fn ds_of(&self, domain: &DomainName) -> Result<Ds, Error> {
        let entries = match self.api.get_dnssec(domain).await {
            Ok(entries) => entries,
            Err(failure) if failure.meaning == Meaning::NoDnssec => return Ok(Ds::NotOffered),
            Err(failure) => return Err(failure.error),
        };
        let all: Option<BTreeSet<_>> = entries.iter().map(ds).collect();
        Ok(all.map_or(Ds::Strange, Ds::Shown))
    }
}
