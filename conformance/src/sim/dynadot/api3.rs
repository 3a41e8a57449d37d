//! The older API: one GET per command, the key in the query.

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::VENDOR;
use super::Vendor;
use super::account::{Account, pairs};
use super::answer::{Content, Format, Refusal};
use crate::sim::world::Domain;

/// What a command comes to.
pub(super) type Outcome = Result<Content, Refusal>;

/// One command as its handler sees it.
pub(super) struct Call<'a> {
    pub(super) vendor: &'a Vendor,
    pub(super) account: &'a Account,
    pub(super) command: &'a str,
    parameters: &'a [(String, String)],
}

pub(super) async fn json(State(vendor): State<Vendor>, RawQuery(query): RawQuery) -> Response {
    answer(&vendor, query, Format::Json).await
}

pub(super) async fn xml(State(vendor): State<Vendor>, RawQuery(query): RawQuery) -> Response {
    answer(&vendor, query, Format::Xml).await
}

async fn answer(vendor: &Vendor, query: Option<String>, format: Format) -> Response {
    let parameters = pairs(&query.unwrap_or_default());
    let command = value(&parameters, "command").unwrap_or_default().to_owned();
    match run(vendor, &command, &parameters).await {
        Ok(content) => content.render(&command, format, &vendor.settings()),
        Err(refusal) => refusal.render(&command, format, &vendor.settings()),
    }
}

/// Key first, then rate, then turn, then the command.
async fn run(vendor: &Vendor, command: &str, parameters: &[(String, String)]) -> Outcome {
    let key = value(parameters, "key").unwrap_or_default();
    let account = vendor.account(key)?;
    if !vendor.within_quota(key) {
        return Err(Refusal::general("over quota"));
    }
    let Some(_turn) = vendor.turn(key) else {
        return Err(Refusal::general(
            "currently processing another request from this account",
        ));
    };
    tokio::time::sleep(vendor.settings().takes).await;
    Call {
        vendor,
        account: &account,
        command,
        parameters,
    }
    .run()
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = parameters.iter().find(|(other, _)| other == name);
    found
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
}

impl Call<'_> {
    fn run(&self) -> Outcome {
        match self.command {
            "list_domain" => self.list_domains(),
            "domain_info" => self.domain_info(),
            "get_account_balance" => Ok(Self::account_balance()),
            "is_processing" => Ok(Self::is_processing()),
            "get_ns" => self.nameservers(),
            "set_ns" => self.set_nameservers(),
            "add_ns" => self.add_host(),
            "register_ns" => self.register_host(),
            "set_ns_ip" => self.set_host_addresses(),
            "server_list" => Ok(self.list_hosts()),
            "get_dnssec" => self.dnssec(),
            "set_dnssec" => self.set_dnssec(),
            "clear_dnssec" => self.clear_dnssec(),
            "get_dns" => self.dns(),
            "set_dns2" => self.set_dns(),
            _ => Err(Refusal::general("incorrect command name")),
        }
    }

    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        value(self.parameters, name)
    }

    /// A parameter that has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    /// Parameters `prefix0`, `prefix1` … up to `last`, with their numbers. One beyond is an error.
    pub(super) fn numbered(&self, prefix: &str, last: usize) -> Result<Vec<(usize, &str)>, Refusal> {
        let mut found = Vec::new();
        for (name, value) in self.parameters {
            let number = name
                .strip_prefix(prefix)
                .and_then(|number| number.parse::<usize>().ok());
            let value = value.trim();
            match number {
                Some(number) if number > last => return Err(Refusal::new(format!("too many {prefix}"))),
                Some(number) if !value.is_empty() => found.push((number, value)),
                _ => {}
            }
        }
        found.sort_unstable_by_key(|&(number, _)| number);
        Ok(found)
    }

    /// Domains of a parameter, which may be a list, all of them in the account.
    pub(super) fn domains(&self) -> Result<Vec<String>, Refusal> {
        let names: Vec<_> = self.required("domain")?.split(',').map(str::trim).collect();
        if names.len() > 100 {
            return Err(Refusal::new("too many domains"));
        }
        names
            .into_iter()
            .map(|name| self.vendor.held(self.account, name).map(|(name, _)| name))
            .collect()
    }
}

impl Vendor {
    /// A domain of the account, by its name in lower case, and what the registry has.
    pub(super) fn held(&self, account: &Account, name: &str) -> Result<(String, Domain), Refusal> {
        if !name.is_ascii() {
            return Err(Refusal::new("domain must be in ascii"));
        }
        let name = name.to_ascii_lowercase();
        self.late.read(&name);
        let domain = self.world.domain(&name).filter(|domain| {
            let ours = domain.vendor == VENDOR;
            ours && domain.account == account.name
        });
        domain.map(|domain| (name, domain)).ok_or_else(Refusal::not_held)
    }

    /// The same, for a change: what is locked or has ended is refused.
    pub(super) fn changeable(&self, account: &Account, name: &str) -> Result<(String, Domain), Refusal> {
        let (name, domain) = self.held(account, name)?;
        if domain.locked {
            return Err(Refusal::new("Please unlock your domain firstly."));
        }
        if domain.expired {
            return Err(Refusal::new(format!("{name} was expired")));
        }
        Ok((name, domain))
    }
}
