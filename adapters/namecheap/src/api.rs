//! Namecheap's calls, one function each. All are POST: the key stays out of URLs, and long zones fit.

use std::time::Duration;

use pdm_registrar::http::reqwest::header::CONTENT_TYPE;
use pdm_registrar::http::reqwest::{Method, Url};
use pdm_registrar::http::{Effect, Http};
use pdm_registrar::{DomainName, Error, ErrorKind};

use crate::credentials::Keys;
use crate::errors::{Failure, read};
use crate::wire::{self, DomainInfo, Done, Hosts, Servers};
use crate::xml::Element;
use crate::zone::Zone;

/// The one path of the API.
const PATH: &str = "/xml.response";
/// Wait before a call that only reads is made again.
const READ_AGAIN: Duration = Duration::from_millis(500);

/// The calls, with the keys of one account.
pub(crate) struct Api {
    http: Http,
    keys: Keys,
}

impl Api {
    pub(crate) fn new(http: Http, keys: Keys) -> Self {
        Self { http, keys }
    }

    /// What the account sees of a domain.
    pub(crate) async fn domain_info(&self, domain: &DomainName) -> Result<DomainInfo, Failure> {
        let response = self
            .read("namecheap.domains.getInfo", &[("DomainName", domain.as_str())])
            .await?;
        let info = wire::domain_info(&response).ok_or_else(strange)?;
        about(domain, &info.name)?;
        Ok(info)
    }

    /// Whether a domain is locked against transfers.
    pub(crate) async fn registrar_lock(&self, domain: &DomainName) -> Result<bool, Failure> {
        let response = self
            .read(
                "namecheap.domains.getRegistrarLock",
                &[("DomainName", domain.as_str())],
            )
            .await?;
        wire::registrar_lock(&response).ok_or_else(strange)
    }

    /// The name servers of a domain, as Namecheap has them.
    pub(crate) async fn servers(&self, domain: &DomainName) -> Result<Servers, Failure> {
        let response = self
            .read("namecheap.domains.dns.getList", &split(domain)?)
            .await?;
        let servers = wire::servers(&response).ok_or_else(strange)?;
        about(domain, &servers.domain)?;
        Ok(servers)
    }

    /// The records of a domain that is on Namecheap's own name servers.
    pub(crate) async fn hosts(&self, domain: &DomainName) -> Result<Hosts, Failure> {
        let response = self
            .read("namecheap.domains.dns.getHosts", &split(domain)?)
            .await?;
        let hosts = wire::hosts(&response).ok_or_else(strange)?;
        about(domain, &hosts.domain)?;
        Ok(hosts)
    }

    /// The address that the registry has of a host below a domain.
    pub(crate) async fn glue(
        &self,
        domain: &DomainName,
        host: &DomainName,
    ) -> Result<Option<String>, Failure> {
        let mut parameters = split(domain)?.to_vec();
        parameters.push(("Nameserver", host.as_str()));
        let response = self.read("namecheap.domains.ns.getInfo", &parameters).await?;
        Ok(wire::glue(&response))
    }

    /// Makes these the name servers of a domain, instead of all that are there. `hosts` are separated by commas.
    pub(crate) async fn set_custom(&self, domain: &DomainName, hosts: &str) -> Result<(), Failure> {
        let mut parameters = split(domain)?.to_vec();
        parameters.push(("Nameservers", hosts));
        self.write(
            domain,
            "namecheap.domains.dns.setCustom",
            &parameters,
            wire::set_custom,
        )
        .await
    }

    /// Puts a domain back on Namecheap's own name servers.
    pub(crate) async fn set_default(&self, domain: &DomainName) -> Result<(), Failure> {
        self.write(
            domain,
            "namecheap.domains.dns.setDefault",
            &split(domain)?,
            wire::set_default,
        )
        .await
    }

    /// Replaces all records of a domain, and how its mail is handled.
    pub(crate) async fn set_hosts(&self, domain: &DomainName, zone: &Zone) -> Result<(), Failure> {
        let numbered = zone.parameters();
        let mut parameters = split(domain)?.to_vec();
        parameters.extend(
            numbered
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        self.write(
            domain,
            "namecheap.domains.dns.setHosts",
            &parameters,
            wire::set_hosts,
        )
        .await
    }

    async fn read(&self, command: &str, parameters: &[(&str, &str)]) -> Result<Element, Failure> {
        self.send(Effect::Read, command, parameters).await
    }

    /// Sends a write. It is taken for done when the envelope and the result both say so, about this domain; what is shown afterwards
    /// decides.
    async fn write(
        &self,
        domain: &DomainName,
        command: &str,
        parameters: &[(&str, &str)],
        result: fn(&Element) -> Option<Done>,
    ) -> Result<(), Failure> {
        let response = self.send(Effect::Write, command, parameters).await?;
        let uncertain = |detail: &str| Error::new(ErrorKind::Unexpected, detail).maybe_applied().into();
        match result(&response) {
            Some(done) if about(domain, &done.domain).is_err() => Err(uncertain(
                "Namecheap answers that it changed another domain: look at it in the panel",
            )),
            Some(done) if done.done => Ok(()),
            Some(_) => Err(uncertain("Namecheap says OK, and that it did not do it")),
            None => Err(uncertain("Namecheap says OK, and not whether it did it")),
        }
    }

    async fn send(
        &self,
        effect: Effect,
        command: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Element, Failure> {
        let request = self
            .http
            .request(Method::POST, PATH)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(self.form(command, parameters)?);
        let mut again = request.try_clone().filter(|_| effect == Effect::Read);
        let mut request = request;
        loop {
            let answer = self.http.send(effect, request).await?;
            let refused = match read(answer.status.as_u16(), &answer.body) {
                Ok(response) => return Ok(response),
                Err(refused) => refused,
            };
            // Failures of the vendor come as successes of HTTP, so that the sender does not see them.
            match again.take() {
                Some(next) if refused.kind == ErrorKind::Unavailable && answer.status.is_success() => {
                    tokio::time::sleep(READ_AGAIN).await;
                    request = next;
                }
                _ => return Err(Failure::new(&self.http, effect, &refused)),
            }
        }
    }

    /// The body of a call: who calls, what is wanted, and of what.
    fn form(&self, command: &str, parameters: &[(&str, &str)]) -> Result<String, Error> {
        // A URL is what writes a form here; it never leaves this function.
        let mut url = Url::parse("http://form.invalid/")
            .map_err(|_| Error::new(ErrorKind::Unexpected, "the form of a call cannot be written"))?;
        {
            let mut form = url.query_pairs_mut();
            let keys = [
                ("ApiUser", &self.keys.api_user),
                ("ApiKey", &self.keys.api_key),
                ("UserName", &self.keys.user_name),
                ("ClientIp", &self.keys.client_ip),
            ];
            for (name, value) in keys {
                value.expose(|value| {
                    form.append_pair(name, value);
                });
            }
            form.append_pair("Command", command);
            form.extend_pairs(parameters);
        }
        Ok(url.query().unwrap_or_default().to_owned())
    }
}

/// `SLD` and `TLD` of a registered domain: the first label, and all behind it, also where that has a dot of its own.
fn split(domain: &DomainName) -> Result<[(&'static str, &str); 2], Error> {
    match domain.as_str().split_once('.') {
        Some((sld, tld)) => Ok([("SLD", sld), ("TLD", tld)]),
        None => Err(Error::new(
            ErrorKind::InvalidRequest,
            format!("{domain} is a top-level domain, which nobody registers"),
        )),
    }
}

/// Refuses an answer about another domain: names below one have been answered with the domain itself.
fn about(domain: &DomainName, answered: &str) -> Result<(), Error> {
    if DomainName::parse(answered).is_ok_and(|answered| answered == *domain) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DomainNotInAccount,
        format!(
            "Namecheap was asked for {domain} and answered about another domain: it is not a domain of this account"
        ),
    ))
}

fn strange() -> Failure {
    Error::new(
        ErrorKind::Unexpected,
        "Namecheap's answer lacks something that it always has",
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_split_at_its_first_dot() {
        let parts = |name: &str| {
            let name = DomainName::parse(name).expect("a name");
            split(&name).map(|parts| parts.map(|(_, value)| value.to_owned()))
        };
        assert_eq!(parts("example.com"), Ok(["example".to_owned(), "com".to_owned()]));
        assert_eq!(
            parts("example.co.uk"),
            Ok(["example".to_owned(), "co.uk".to_owned()])
        );
        assert!(parts("com").is_err());
    }

    #[test]
    fn an_answer_about_another_domain_is_refused() {
        let zone = DomainName::parse("edge.example.com").expect("a name");
        assert!(about(&zone, "Edge.Example.com").is_ok());
        assert!(about(&zone, "example.com").is_err());
        assert!(about(&zone, "").is_err());
    }
}
