//! Namecheap's documents: what is in a `CommandResponse`, by command.
//!
//! Each function takes the element `CommandResponse` and answers `None` when something is missing that the vendor always sends. What is
//! about another domain than was asked for is the caller's to refuse: each answer names its own.

use std::collections::BTreeSet;

use crate::xml::Element;
use crate::zone::Row;

/// `DomainGetInfoResult`.
#[derive(Clone, Debug)]
pub struct DomainInfo {
    /// The domain.
    pub name: String,
    /// `Ok`, `Locked` or `Expired`.
    pub status: String,
    /// The account that owns it.
    pub owner: Option<String>,
    /// Whether that is the account that is acted on.
    pub is_owner: bool,
    /// What the account may do with it.
    pub rights: Rights,
}

/// `Modificationrights`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Everything.
    All,
    /// These, in lower case.
    Some(BTreeSet<String>),
}

impl Rights {
    /// Whether this right is among them.
    pub fn has(&self, right: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(rights) => rights.contains(right),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Some(rights) if rights.is_empty())
    }
}

/// `DomainDNSGetListResult`.
#[derive(Clone, Debug)]
pub struct Servers {
    /// The domain.
    pub domain: String,
    /// Whether those are the vendor's own.
    pub is_using_our_dns: bool,
    /// Whether they are those of the paid service.
    pub is_premium_dns: bool,
    /// Whether they are those for domains registered elsewhere.
    pub is_using_free_dns: bool,
    /// Hosts, as written.
    pub hosts: Vec<String>,
}

/// `DomainDNSGetHostsResult`.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// The domain.
    pub domain: String,
    /// Whether the records are served.
    pub is_using_our_dns: bool,
    /// How mail is handled; has to be sent back with every write.
    pub email_type: Option<String>,
    /// Records.
    pub rows: Vec<Row>,
}

/// An answer to a write: about which domain, and whether it says that it was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// The domain.
    pub domain: String,
    /// The result's own flag; the envelope may say OK without it.
    pub done: bool,
}

/// Reads the answer to `namecheap.domains.getInfo`.
pub fn domain_info(response: &Element) -> Option<DomainInfo> {
    let result = response.child("DomainGetInfoResult")?;
    let granted = |right: &&Element| right.text.trim().eq_ignore_ascii_case("ok");
    let rights = match result.child("Modificationrights") {
        Some(rights) if rights.flag("All") == Some(true) => Rights::All,
        Some(rights) => Rights::Some(
            rights
                .all("Rights")
                .filter(granted)
                .filter_map(|right| right.attribute("Type"))
                .map(str::to_ascii_lowercase)
                .collect(),
        ),
        None => Rights::Some(BTreeSet::new()),
    };
    Some(DomainInfo {
        name: result.attribute("DomainName")?.to_owned(),
        status: result.attribute("Status")?.to_owned(),
        owner: result
            .attribute("OwnerName")
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        is_owner: result.flag("IsOwner")?,
        rights,
    })
}

/// Reads the answer to `namecheap.domains.getRegistrarLock`.
pub fn registrar_lock(response: &Element) -> Option<bool> {
    response
        .child("DomainGetRegistrarLockResult")?
        .flag("RegistrarLockStatus")
}

/// Reads the answer to `namecheap.domains.dns.getList`.
pub fn servers(response: &Element) -> Option<Servers> {
    let result = response.child("DomainDNSGetListResult")?;
    Some(Servers {
        domain: result.attribute("Domain")?.to_owned(),
        is_using_our_dns: result.flag("IsUsingOurDNS")?,
        is_premium_dns: result.flag("IsPremiumDNS").unwrap_or(false),
        is_using_free_dns: result.flag("IsUsingFreeDNS").unwrap_or(false),
        hosts: result
            .all("Nameserver")
            .map(|host| host.text.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect(),
    })
}

/// Reads the answer to `namecheap.domains.dns.getHosts`. One host that cannot be read spoils the whole: it would be lost in the next
/// write.
pub fn hosts(response: &Element) -> Option<Hosts> {
    let result = response.child("DomainDNSGetHostsResult")?;
    let rows: Option<Vec<_>> = result.all("host").map(row).collect();
    Some(Hosts {
        domain: result.attribute("Domain")?.to_owned(),
        is_using_our_dns: result.flag("IsUsingOurDNS")?,
        email_type: result
            .attribute("EmailType")
            .filter(|kind| !kind.is_empty())
            .map(str::to_owned),
        rows: rows?,
    })
}

fn row(host: &Element) -> Option<Row> {
    let rtype = host.attribute("Type")?.trim().to_ascii_uppercase();
    // Every record has a preference; it means something for MX only.
    let preference = match rtype.as_str() {
        "MX" => Some(host.attribute("MXPref")?.trim().parse().ok()?),
        _ => None,
    };
    Some(Row {
        id: host.attribute("HostId").unwrap_or_default().to_owned(),
        name: host.attribute("Name")?.trim().to_ascii_lowercase(),
        address: host.attribute("Address")?.to_owned(),
        ttl: host.attribute("TTL")?.trim().parse().ok()?,
        active: host.flag("IsActive").unwrap_or(true),
        dynamic: host.flag("IsDDNSEnabled").unwrap_or(false),
        app: host
            .attribute("AssociatedAppTitle")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        preference,
        rtype,
    })
}

/// Reads the answer to `namecheap.domains.dns.setCustom`. Older documents spell the flag `Update`.
pub fn set_custom(response: &Element) -> Option<Done> {
    done(response, "DomainDNSSetCustomResult", &["Updated", "Update"])
}

/// Reads the answer to `namecheap.domains.dns.setDefault`.
pub fn set_default(response: &Element) -> Option<Done> {
    done(response, "DomainDNSSetDefaultResult", &["Updated", "Update"])
}

/// Reads the answer to `namecheap.domains.dns.setHosts`.
pub fn set_hosts(response: &Element) -> Option<Done> {
    done(response, "DomainDNSSetHostsResult", &["IsSuccess"])
}

fn done(response: &Element, result: &str, flags: &[&str]) -> Option<Done> {
    let result = response.child(result)?;
    Some(Done {
        domain: result.attribute("Domain")?.to_owned(),
        done: flags.iter().find_map(|flag| result.flag(flag))?,
    })
}

/// The address in the answer to `namecheap.domains.ns.getInfo`.
pub fn glue(response: &Element) -> Option<String> {
    let result = response.child("DomainNSInfoResult")?;
    result
        .attribute("IP")
        .filter(|ip| !ip.is_empty())
        .map(str::to_owned)
}
