//! Dynadot's calls, one function each.

use std::time::Duration;

use pdm_registrar::http::reqwest::header::{ACCEPT, CONTENT_TYPE};
use pdm_registrar::http::reqwest::{Method, RequestBuilder};
use pdm_registrar::http::{Effect, Http};
use pdm_registrar::{DomainName, DsRecord, Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::credentials::Keys;
use crate::errors::{Failure, Refused, read_api3, read_rest};
use crate::signature::signature;
use crate::wire::{DnssecInfo, DomainInfo, GlueInfo, RestRecords, Server, Settings, hosts, one_or_many};
use crate::zone::{Row, Zone};

/// API3 in JSON. Its calls are all GET, and the key is in the query: a URL is never shown.
const API3: &str = "/api3.json";
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

    /// Whether the REST API can be used.
    pub(crate) fn has_rest(&self) -> bool {
        self.keys.secret.is_some()
    }

    /// A vendor's text without secrets.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.http.clean(text)
    }

    /// What the account holds of `domain`.
    pub(crate) async fn domain_info(&self, domain: &DomainName) -> Result<DomainInfo, Failure> {
        let mut answer = self.read("domain_info", &[("domain", domain.as_str())]).await?;
        part(answer.remove("DomainInfo"))
    }

    /// Hosts of `domain` by the call that names them in every mode.
    pub(crate) async fn get_ns(&self, domain: &DomainName) -> Result<Vec<String>, Failure> {
        let answer = self.read("get_ns", &[("domain", domain.as_str())]).await?;
        let content = answer.get("NsContent").or_else(|| answer.get("nsContent"));
        Ok(content.and_then(Value::as_object).map(hosts).unwrap_or_default())
    }

    /// Hosts that the account knows.
    pub(crate) async fn server_list(&self) -> Result<Vec<Server>, Failure> {
        let mut answer = self.read("server_list", &[]).await?;
        one_or_many(answer.remove("ServerList").unwrap_or_default()).map_err(|_| strange())
    }

    /// Makes a host known to the account.
    pub(crate) async fn add_ns(&self, host: &DomainName) -> Result<(), Failure> {
        self.write("add_ns", &[("host", host.as_str())]).await
    }

    /// Makes these the hosts of `domain`, instead of all that are there.
    pub(crate) async fn set_ns(
        &self,
        domain: &DomainName,
        hosts: impl Iterator<Item = &DomainName>,
    ) -> Result<(), Failure> {
        let numbered: Vec<_> = hosts
            .enumerate()
            .map(|(at, host)| (format!("ns{at}"), host.as_str()))
            .collect();
        let mut parameters = vec![("domain", domain.as_str())];
        parameters.extend(numbered.iter().map(|(name, host)| (name.as_str(), *host)));
        self.write("set_ns", &parameters).await
    }

    /// Parks `domain`.
    pub(crate) async fn set_parking(&self, domain: &DomainName, with_ads: bool) -> Result<(), Failure> {
        let with_ads = if with_ads { "yes" } else { "no" };
        self.write(
            "set_parking",
            &[("domain", domain.as_str()), ("with_ads", with_ads)],
        )
        .await
    }

    /// DS of `domain`.
    pub(crate) async fn get_dnssec(&self, domain: &DomainName) -> Result<Vec<DnssecInfo>, Failure> {
        let mut answer = self
            .read("get_dnssec", &[("domain_name", domain.as_str())])
            .await?;
        one_or_many(answer.remove("DnssecInfo").unwrap_or_default()).map_err(|_| strange())
    }

    /// Adds a DS to `domain`.
    pub(crate) async fn set_dnssec(&self, domain: &DomainName, ds: &DsRecord) -> Result<(), Failure> {
        let digest = ds.digest_hex().to_ascii_uppercase();
        let number = |number: u16| number.to_string();
        let parameters = [
            ("domain_name", domain.as_str()),
            ("key_tag", &number(ds.key_tag())),
            ("algorithm", &number(ds.algorithm().into())),
            ("digest_type", &number(ds.digest_type().number().into())),
            ("digest", &digest),
        ];
        self.write("set_dnssec", &parameters).await
    }

    /// Removes all DS of `domain`.
    pub(crate) async fn clear_dnssec(&self, domain: &DomainName) -> Result<(), Failure> {
        self.write("clear_dnssec", &[("domain_name", domain.as_str())])
            .await
    }

    /// The zone at Dynadot DNS.
    pub(crate) async fn get_dns(&self, domain: &DomainName) -> Result<Zone, Failure> {
        let mut answer = self.read("get_dns", &[("domain", domain.as_str())]).await?;
        let mut inner: Map<String, Value> = part(answer.remove("GetDns"))?;
        let settings: Settings = part(inner.remove("NameServerSettings"))?;
        Ok(Zone::of_settings(settings))
    }

    /// Adds a record to the zone, or replaces the whole zone.
    ///
    /// Only exactly `1` adds. Anything else, also a word that means yes, replaces.
    pub(crate) async fn set_dns2(&self, domain: &DomainName, zone: &Zone, add: bool) -> Result<(), Failure> {
        let mut parameters = zone.parameters();
        parameters.push(("domain".to_owned(), domain.as_str().to_owned()));
        if add {
            parameters.push(("add_dns_to_current_setting".to_owned(), "1".to_owned()));
        }
        let parameters: Vec<_> = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.write("set_dns2", &parameters).await
    }

    /// The zone at Dynadot DNS by REST, which shows records that API3 may not.
    pub(crate) async fn records(&self, domain: &DomainName) -> Result<Zone, Failure> {
        let data = self.rest(Effect::Read, Method::GET, domain, None).await?;
        let glue = match data {
            Value::Object(mut data) => data.remove("glue_info"),
            _ => None,
        };
        let glue: GlueInfo = part(glue)?;
        Ok(Zone::of_rest(glue))
    }

    /// Adds records to the zone by REST, or replaces the whole zone.
    pub(crate) async fn post_records(
        &self,
        domain: &DomainName,
        zone: &Zone,
        add: bool,
    ) -> Result<(), Failure> {
        let body = RestRecords {
            ttl: zone.ttl,
            add_dns_to_current_setting: Some(add),
            ..rest_records(&zone.rows)
        };
        self.rest(Effect::Write, Method::POST, domain, Some(&body))
            .await
            .map(drop)
    }

    /// Removes records from the zone by REST; each is named in full.
    pub(crate) async fn delete_records(&self, domain: &DomainName, rows: &[Row]) -> Result<(), Failure> {
        let body = rest_records(rows);
        self.rest(Effect::Write, Method::DELETE, domain, Some(&body))
            .await
            .map(drop)
    }

    async fn read(&self, command: &str, parameters: &[(&str, &str)]) -> Result<Map<String, Value>, Failure> {
        self.api3(Effect::Read, command, parameters).await
    }

    async fn write(&self, command: &str, parameters: &[(&str, &str)]) -> Result<(), Failure> {
        self.api3(Effect::Write, command, parameters).await.map(drop)
    }

    async fn api3(
        &self,
        effect: Effect,
        command: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Map<String, Value>, Failure> {
        let request = self.http.request(Method::GET, API3);
        let request = self
            .keys
            .key
            .expose(|key| request.query(&[("key", key), ("command", command)]));
        self.exchange(effect, request.query(parameters), read_api3).await
    }

    async fn rest(
        &self,
        effect: Effect,
        method: Method,
        domain: &DomainName,
        body: Option<&RestRecords>,
    ) -> Result<Value, Failure> {
        let Some(secret) = &self.keys.secret else {
            return Err(Error::new(ErrorKind::Unsupported, "this needs the field `api_secret`").into());
        };
        let path = format!("/restful/v2/domains/{domain}/records");
        let body = match body {
            Some(body) => serde_json::to_string(body).map_err(|_| strange())?,
            None => String::new(),
        };
        let signed = signature(&self.keys.key, secret, &path, &body);
        let request = self.http.request(method, &path);
        let request = self.keys.key.expose(|key| request.bearer_auth(key));
        let request = request
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header("X-Signature", signed);
        let request = if body.is_empty() {
            request
        } else {
            request.body(body)
        };
        self.exchange(effect, request, read_rest).await
    }

    async fn exchange<T>(
        &self,
        effect: Effect,
        request: RequestBuilder,
        read: fn(u16, &[u8]) -> Result<T, Refused>,
    ) -> Result<T, Failure> {
        let mut again = request.try_clone().filter(|_| effect == Effect::Read);
        let mut request = request;
        loop {
            let answer = self.http.send(effect, request).await?;
            let refused = match read(answer.status.as_u16(), &answer.body) {
                Ok(part) => return Ok(part),
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
}

/// A part that a successful answer must have.
fn part<T: DeserializeOwned>(part: Option<Value>) -> Result<T, Failure> {
    part.and_then(|part| serde_json::from_value(part).ok())
        .ok_or_else(strange)
}

/// Of reads only: to a write nothing but its success is looked for.
fn strange() -> Failure {
    Error::new(
        ErrorKind::Unexpected,
        "Dynadot's answer lacks something that it always has",
    )
    .into()
}

fn rest_records(rows: &[Row]) -> RestRecords {
    let (main, sub): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.host.is_empty());
    RestRecords {
        dns_main_list: main.into_iter().map(Row::to_rest).collect(),
        dns_sub_list: sub.into_iter().map(Row::to_rest).collect(),
        ..RestRecords::default()
    }
}
