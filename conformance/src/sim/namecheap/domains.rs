//! What the vendor shows of domains, and which of them a name means.

use super::answer::{Refusal, element};
use super::command::{Call, Outcome};
use super::{OWN_HOSTS, VENDOR};
use crate::sim::world::Domain;

/// A domain that a command is about.
pub(super) struct Held {
    pub(super) name: String,
    pub(super) domain: Domain,
    /// Whether the account owns it. Otherwise it may look at it.
    pub(super) owned: bool,
}

impl Call<'_> {
    /// A domain that the account may look at.
    pub(super) fn visible(&self, name: &str) -> Result<Held, Refusal> {
        let name = name.to_ascii_lowercase();
        self.vendor.late.read(&name);
        let domain = self
            .vendor
            .world
            .domain(&name)
            .filter(|domain| domain.vendor == VENDOR);
        let domain = domain.ok_or_else(Refusal::not_found)?;
        let owned = domain.account == self.account.user;
        if !owned && !self.account.shared.contains(&name.as_str()) {
            return Err(Refusal::not_found());
        }
        Ok(Held { name, domain, owned })
    }

    /// The domain of `SLD` and `TLD`: exactly one label, and all that follows.
    pub(super) fn split(&self) -> Result<Held, Refusal> {
        let (sld, tld) = (self.required("SLD")?, self.required("TLD")?);
        if sld.contains('.') {
            return match sld.rsplit_once('.') {
                Some((_, sld)) if self.vendor.settings().names_below_mean_the_domain => {
                    self.visible(&format!("{sld}.{tld}"))
                }
                _ => Err(Refusal::not_found()),
            };
        }
        self.visible(&format!("{sld}.{tld}"))
    }

    /// The same for a change: of a domain that the account owns, is not locked and has not ended.
    pub(super) fn changeable(&self) -> Result<Held, Refusal> {
        let held = self.split()?;
        if !held.owned || held.domain.locked {
            return Err(Refusal::new(
                2_030_166,
                "Edit permission for domain is not supported",
            ));
        }
        if held.domain.expired {
            return Err(Refusal::new(3_019_510, "The domain has expired"));
        }
        Ok(held)
    }

    pub(super) fn info(&self) -> Outcome {
        let held = self.visible(self.required("DomainName")?)?;
        let domain = &held.domain;
        let status = match (domain.expired, domain.locked) {
            (true, _) => "Expired",
            (false, true) => "Locked",
            (false, false) => "Ok",
        };
        let year = if domain.expired { "2020" } else { "2099" };
        let servers: String = domain
            .nameservers
            .iter()
            .map(|host| format!("<Nameserver>{host}</Nameserver>"))
            .collect();
        let zone = self.vendor.world.state().zone(VENDOR, &held.name).cloned();
        let count = zone
            .filter(|_| domain.hosted)
            .map_or(0, |zone| zone.records.len())
            .to_string();
        let dns = [
            ("ProviderType", if domain.hosted { "FREE" } else { "CUSTOM" }),
            ("IsUsingOurDNS", self.truth(domain.hosted)),
            ("HostCount", &count),
            // Words for people, not those of the command that sets records.
            ("EmailType", "No Email Service"),
            ("DynamicDNSStatus", self.truth(false)),
            ("IsFailover", self.truth(false)),
        ];
        let rights = if held.owned {
            element("Modificationrights", &[("All", self.truth(true))], "")
        } else {
            let none = element("Rights", &[("Type", "nameserver")], "No")
                + &element("Rights", &[("Type", "hosts")], "No");
            element("Modificationrights", &[("All", self.truth(false))], &none)
        };
        let content = format!(
            "<DomainDetails><CreatedDate>02/15/2011</CreatedDate><ExpiredDate>02/15/{year}</ExpiredDate>\
             <NumYears>0</NumYears></DomainDetails><LockDetails /><DatabaseId />\
             <Whoisguard Enabled=\"True\"><ID>1</ID></Whoisguard>{}{rights}",
            element("DnsDetails", &dns, &servers),
        );
        let attributes = [
            ("Status", status),
            ("ID", "57579"),
            ("DomainName", held.name.as_str()),
            ("OwnerName", domain.account.as_str()),
            ("IsOwner", self.truth(held.owned)),
            ("IsPremium", self.truth(false)),
        ];
        Ok(element("DomainGetInfoResult", &attributes, &content))
    }

    /// Domains that the account owns; those it may only look at are not in it.
    pub(super) fn list(&self) -> Outcome {
        let number = |name, otherwise: usize| -> Result<usize, Refusal> {
            match self.parameters.get(name) {
                None => Ok(otherwise),
                Some(text) => text
                    .parse()
                    .map_err(|_| Refusal::new(5_050_169, format!("Parameter {name} is invalid"))),
            }
        };
        let page = number("Page", 1)?.max(1);
        let size = number("PageSize", 20)?.clamp(10, 100);
        let term = self
            .parameters
            .get("SearchTerm")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let kind = self
            .parameters
            .get("ListType")
            .unwrap_or("ALL")
            .to_ascii_uppercase();
        let owned: Vec<_> = {
            let state = self.vendor.world.state();
            let all = state
                .domains
                .iter()
                .map(|(name, domain)| (name.clone(), domain.clone()));
            all.filter(|(name, domain)| {
                let ours = domain.vendor == VENDOR && domain.account == self.account.user;
                let listed = match kind.as_str() {
                    "EXPIRED" => domain.expired,
                    "EXPIRING" => false,
                    _ => true,
                };
                ours && listed && name.contains(&term)
            })
            .collect()
        };
        let shown: String = owned
            .iter()
            .skip((page - 1) * size)
            .take(size)
            .map(|(name, domain)| {
                let attributes = [
                    ("ID", "57579"),
                    ("Name", name.as_str()),
                    ("User", self.account.user),
                    ("Created", "02/15/2011"),
                    (
                        "Expires",
                        if domain.expired {
                            "02/15/2020"
                        } else {
                            "02/15/2099"
                        },
                    ),
                    ("IsExpired", self.truth(domain.expired)),
                    ("IsLocked", self.truth(domain.locked)),
                    ("AutoRenew", self.truth(false)),
                    ("WhoisGuard", "ENABLED"),
                    ("IsPremium", self.truth(false)),
                    ("IsOurDNS", self.truth(domain.hosted)),
                ];
                element("Domain", &attributes, "")
            })
            .collect();
        let total = owned.len();
        Ok(format!(
            "{}<Paging><TotalItems>{total}</TotalItems><CurrentPage>{page}</CurrentPage><PageSize>{size}</PageSize></Paging>",
            element("DomainGetListResult", &[], &shown)
        ))
    }

    /// The lock against transfers, which is another one.
    pub(super) fn registrar_lock(&self) -> Outcome {
        let held = self.visible(self.required("DomainName")?)?;
        let attributes = [
            ("Domain", held.name.as_str()),
            ("RegistrarLockStatus", self.truth(held.domain.transfer_locked)),
        ];
        Ok(element("DomainGetRegistrarLockResult", &attributes, ""))
    }

    pub(super) fn nameservers(&self) -> Outcome {
        let held = self.split()?;
        let hosts = if held.domain.hosted {
            OWN_HOSTS.map(str::to_owned).to_vec()
        } else {
            held.domain.nameservers
        };
        let servers: String = hosts
            .iter()
            .map(|host| format!("<Nameserver>{host}</Nameserver>"))
            .collect();
        let attributes = [
            ("Domain", held.name.as_str()),
            ("IsUsingOurDNS", self.truth(held.domain.hosted)),
            ("IsPremiumDNS", self.truth(false)),
            ("IsUsingFreeDNS", self.truth(false)),
        ];
        Ok(element("DomainDNSGetListResult", &attributes, &servers))
    }
}
