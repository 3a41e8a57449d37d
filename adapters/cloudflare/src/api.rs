//! Cloudflare's calls, one function each.

use pdm_registrar::http::reqwest::{Method, RequestBuilder};
use pdm_registrar::http::{Effect, Http};
use pdm_registrar::{DomainName, Error, ErrorKind, Secret};
use serde::de::DeserializeOwned;

use crate::errors::{Failure, failure};
use crate::wire::{Batch, Dnssec, Envelope, Record, ResultInfo, TokenState, Zone};

/// Records on a page: with the longest TXT, half of what an answer may have.
const PAGE: usize = 200;
/// Most pages of a list; a zone has at most some 200 000 records.
const PAGES: u64 = 1000;

/// The calls, with one token.
pub(crate) struct Api {
    http: Http,
    token: Secret,
}

/// Which records of a zone.
#[derive(Clone, Copy)]
pub(crate) enum Which<'a> {
    /// All.
    All,
    /// At exactly this name.
    At(&'a str),
    /// Below this name.
    Below(&'a str),
}

impl Api {
    pub(crate) fn new(http: Http, token: Secret) -> Self {
        Self { http, token }
    }

    pub(crate) fn token(&self) -> &Secret {
        &self.token
    }

    /// Zones of this name that the token may see, at most 50, and whether that is all.
    pub(crate) async fn zones(&self, name: &DomainName) -> Result<(Vec<Zone>, bool), Failure> {
        let query = [("name", name.as_str()), ("per_page", "50")];
        let request = self.request(Method::GET, "/zones").query(&query);
        let (zones, info): (Vec<Zone>, _) = self.send(Effect::Read, request).await?;
        Ok((zones, info.total_pages.is_none_or(|pages| pages <= 1)))
    }

    /// The state of a token of a user.
    pub(crate) async fn verify_user_token(&self) -> Result<TokenState, Failure> {
        self.get("/user/tokens/verify").await
    }

    /// The state of a token of an account.
    pub(crate) async fn verify_account_token(&self, account: &str) -> Result<TokenState, Failure> {
        self.get(&format!("/accounts/{account}/tokens/verify")).await
    }

    /// DNSSEC of a zone.
    pub(crate) async fn dnssec(&self, zone: &Zone) -> Result<Dnssec, Failure> {
        self.get(&format!("/zones/{}/dnssec", zone.id)).await
    }

    /// Whether records of a zone may be read.
    pub(crate) async fn first_record(&self, zone: &Zone) -> Result<(), Failure> {
        let request = self
            .request(Method::GET, &records_path(zone))
            .query(&[("per_page", "1")]);
        let _: (Vec<Record>, _) = self.send(Effect::Read, request).await?;
        Ok(())
    }

    /// Asks for a change of nothing in a record that does not exist.
    pub(crate) async fn change_no_record(&self, zone: &Zone) -> Result<(), Failure> {
        let nobody = uuid::Uuid::new_v4().simple();
        let request = self
            .request(Method::PATCH, &format!("{}/{nobody}", records_path(zone)))
            .json(&serde_json::json!({}));
        let _: (serde_json::Value, _) = self.send(Effect::Write, request).await?;
        Ok(())
    }

    /// Records of a zone.
    pub(crate) async fn records(&self, zone: &Zone, which: Which<'_>) -> Result<Vec<Record>, Error> {
        let mut records: Vec<Record> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for page in 1..=PAGES {
            let numbers = [("page", page.to_string()), ("per_page", PAGE.to_string())];
            let mut request = self.request(Method::GET, &records_path(zone)).query(&numbers);
            match which {
                Which::All => {}
                Which::At(name) => request = request.query(&[("name.exact", name)]),
                Which::Below(name) => request = request.query(&[("name.endswith", format!(".{name}"))]),
            }
            let (part, info): (Vec<Record>, ResultInfo) = self.send(Effect::Read, request).await?;
            let got = part.len();
            records.extend(part.into_iter().filter(|record| seen.insert(record.id.clone())));
            let last = match info.total_pages {
                Some(pages) => page >= pages,
                None => got < PAGE,
            };
            if last {
                // Pages are counted anew for each call: a change between two of them moves records over their edge.
                if info
                    .total_count
                    .is_some_and(|count| count != records.len() as u64)
                {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        "the zone was changed while its records were read: nothing was sent, try again",
                    ));
                }
                records.retain(|record| which.holds(&owner(&record.name)));
                return Ok(records);
            }
        }
        Err(Error::new(
            ErrorKind::Unexpected,
            "the list of records has no end",
        ))
    }

    /// Changes records of a zone, all of them or none.
    pub(crate) async fn batch(&self, zone: &Zone, batch: &Batch) -> Result<(), Failure> {
        let request = self
            .request(Method::POST, &format!("{}/batch", records_path(zone)))
            .json(batch);
        let _: (serde_json::Value, _) = self.send(Effect::Write, request).await?;
        Ok(())
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let (result, _) = self.send(Effect::Read, self.request(Method::GET, path)).await?;
        Ok(result)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, &format!("/client/v4{path}"));
        self.token.expose(|token| request.bearer_auth(token))
    }

    async fn send<T: DeserializeOwned>(
        &self,
        effect: Effect,
        request: RequestBuilder,
    ) -> Result<(T, ResultInfo), Failure> {
        let answer = self.http.send(effect, request).await?;
        let envelope: Option<Envelope> = serde_json::from_slice(&answer.body).ok();
        match envelope {
            Some(envelope) if envelope.success && answer.status.is_success() => {
                let info = envelope.result_info.unwrap_or_default();
                match serde_json::from_value(envelope.result) {
                    Ok(result) => Ok((result, info)),
                    Err(_) => Err(strange(effect).into()),
                }
            }
            other => Err(failure(&self.http, effect, &answer, other.as_ref())),
        }
    }
}

impl Which<'_> {
    fn holds(self, owner: &str) -> bool {
        match self {
            Self::All => true,
            Self::At(name) => owner == name,
            Self::Below(name) => owner.strip_suffix(name).is_some_and(|left| left.ends_with('.')),
        }
    }
}

/// A name of Cloudflare's in the form in which ours are.
pub(crate) fn owner(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn records_path(zone: &Zone) -> String {
    format!("/zones/{}/dns_records", zone.id)
}

fn strange(effect: Effect) -> Error {
    let error = Error::new(
        ErrorKind::Unexpected,
        "Cloudflare's answer lacks something that it always has",
    );
    match effect {
        Effect::Read => error,
        Effect::Write => error.maybe_applied(),
    }
}
