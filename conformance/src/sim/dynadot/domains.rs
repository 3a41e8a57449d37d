//! What API3 shows of domains and of the account.

use serde_json::{Map, Value, json};

use super::answer::{Content, Refusal};
use super::api3::{Call, Outcome};
use super::{VENDOR, zone};
use crate::sim::world::Domain;

/// Domains on a page of a list.
const PAGE: usize = 100;

impl Call<'_> {
    pub(super) fn list_domains(&self) -> Outcome {
        let number = |name, otherwise| -> Result<usize, Refusal> {
            match self.get(name) {
                Some(text) => text.parse().map_err(|_| Refusal::new(format!("invalid {name}"))),
                None => Ok(otherwise),
            }
        };
        let per_page = number("count_per_page", PAGE)?.clamp(1, PAGE);
        let page = number("page_index", 1)?.max(1);
        let names: Vec<_> = {
            let state = self.vendor.world.state();
            let ours = |domain: &Domain| domain.vendor == VENDOR && domain.account == self.account.name;
            let ours = state.domains.iter().filter(|(_, domain)| ours(domain));
            ours.map(|(name, _)| name.clone()).collect()
        };
        let shown = names.into_iter().skip((page - 1) * per_page).take(per_page);
        let domains = shown
            .filter_map(|name| {
                let domain = self.vendor.world.domain(&name)?;
                Some(self.details(&name, &domain))
            })
            .collect();
        Ok(Content::of("MainDomains", self.list(domains)))
    }

    pub(super) fn domain_info(&self) -> Outcome {
        let (name, domain) = self.vendor.held(self.account, self.required("domain")?)?;
        // The vendor leaves the word "success" out here.
        let mut content = Content::of("DomainInfo", self.details(&name, &domain));
        content.with_status = false;
        Ok(content)
    }

    pub(super) fn account_balance() -> Content {
        let balance = json!({"BalanceList": [{"Currency": "USD", "Amount": "0.00"}]});
        Content::of("BalanceInfo", balance)
    }

    pub(super) fn is_processing() -> Content {
        Content::of("ResponseMsg", json!("no"))
    }

    /// A list, as the vendor shows it.
    pub(super) fn list(&self, mut many: Vec<Value>) -> Value {
        if many.len() == 1 && self.vendor.settings().single_as_object {
            return many.remove(0);
        }
        Value::Array(many)
    }

    fn details(&self, name: &str, domain: &Domain) -> Value {
        // Far ahead, or a day ago. In milliseconds.
        let ends = if domain.expired {
            self.vendor.world.now() - 86_400
        } else {
            self.vendor.world.now() + 300 * 86_400
        };
        let yes_no = |yes| if yes { "yes" } else { "no" };
        json!({
            "Name": name,
            "Expiration": (ends * 1000).to_string(),
            "Registration": "1577836800000",
            "NameServerSettings": self.settings(name, domain),
            "Locked": yes_no(domain.transfer_locked),
            "Disabled": "no",
            "UdrpLocked": yes_no(domain.locked),
            "RegistrantUnverified": "no",
            "Hold": "no",
            "Privacy": "full",
            "IsForSale": "no",
            "RenewOption": "no renew option",
            "Note": "",
            "Folder": {"FolderId": "-1", "FolderName": ""},
            "Status": if domain.expired { "expired" } else { "active" },
        })
    }

    /// `NameServerSettings`, whose content depends on its `Type`.
    pub(super) fn settings(&self, name: &str, domain: &Domain) -> Value {
        let zone = self.vendor.world.state().zone(VENDOR, name).cloned();
        match (domain.hosted, zone) {
            (false, _) => {
                let mut servers: Vec<_> = self
                    .vendor
                    .numbered_hosts(self.account.name, &domain.nameservers)
                    .into_iter()
                    .map(|(id, host)| json!({"ServerId": id.to_string(), "ServerName": self.vendor.shown_host(&host)}))
                    .collect();
                // Slots that are not used may be there too.
                servers.push(json!({"ServerId": "", "ServerName": ""}));
                json!({"Type": "Name Servers", "WithAds": "No", "NameServers": servers})
            }
            (true, None) => json!({"Type": "Dynadot Parking", "WithAds": "Yes"}),
            (true, Some(zone)) => {
                let (main, sub) = zone::halves(&zone.records);
                let main = main
                    .into_iter()
                    .map(|record| zone::shown(record, None))
                    .collect::<Vec<_>>();
                let sub: Vec<_> = sub
                    .into_iter()
                    .map(|record| zone::shown(record, Some(&record.name)))
                    .collect();
                let mut settings = Map::new();
                settings.insert("Type".to_owned(), json!("Dynadot DNS"));
                settings.insert("WithAds".to_owned(), json!("No"));
                // Empty lists are not there at all.
                if !main.is_empty() {
                    settings.insert("MainDomains".to_owned(), self.list(main));
                }
                if !sub.is_empty() {
                    settings.insert("SubDomains".to_owned(), self.list(sub));
                }
                let ttl = zone::ttl(&zone, &self.vendor.settings());
                settings.insert("TTL".to_owned(), json!(ttl.to_string()));
                Value::Object(settings)
            }
        }
    }
}
