//! Calls of records: read by v3 with a token, else by v1; written by whichever of them can.

use std::collections::BTreeSet;

use pdm_registrar::http::Effect;
use pdm_registrar::http::reqwest::Method;
use pdm_registrar::{DomainName, Error, ErrorKind};
use serde_json::Value;

use super::{Api, PAGES, body, next};
use crate::errors::Failure;
use crate::wire::{Record, RecordPage};

/// Most records on a page of v1.
const V1_PAGE: usize = 500;
/// Most records on a page of v3.
const V3_PAGE: usize = 100;

/// A change of records. Never of a whole type and never of a whole zone, which v1 would replace as readily.
#[derive(Debug)]
pub(crate) enum Write {
    /// Adds records beside those that are there.
    Add(Vec<Record>),
    /// Makes the records of one type at one name exactly these.
    Set {
        kind: String,
        name: String,
        records: Vec<Record>,
    },
    /// Removes all records of one type at one name; v1 refuses NS.
    Clear { kind: &'static str, name: String },
    /// Removes records by id, with a token.
    Delete(Vec<String>),
}

impl Api {
    /// All records of a zone.
    pub(crate) async fn records(&self, zone: &DomainName) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        let mut seen = BTreeSet::new();
        for page in 1..=PAGES {
            let (part, last) = if self.login.has_token() {
                self.page_of_v3(zone, page).await?
            } else {
                self.page_of_v1(zone, page).await?
            };
            // Pages that overlap were counted from different zones.
            if part.iter().any(|record| seen.contains(record)) {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "the zone was changed while its records were read: nothing was sent, try again",
                )
                .into());
            }
            seen.extend(part.iter().cloned());
            records.extend(part);
            if last {
                return Ok(records);
            }
        }
        Err(Error::new(ErrorKind::Unexpected, "the list of records has no end").into())
    }

    /// `offset` counts pages, whatever its name and the documentation say; behind the last there is nothing, or a refusal.
    async fn page_of_v1(&self, zone: &DomainName, page: u32) -> Result<(Vec<Record>, bool), Failure> {
        let numbers = [("limit", V1_PAGE.to_string()), ("offset", page.to_string())];
        let request = self
            .http
            .request(Method::GET, &format!("/v1/domains/{zone}/records"))
            .query(&numbers);
        let part: Vec<Record> = match self.old(Effect::Read, request).await {
            Ok(answer) => body(&answer)?,
            Err(failure) if page > 1 && failure.status == Some(422) => Vec::new(),
            Err(failure) => return Err(failure),
        };
        let last = part.len() < V1_PAGE;
        Ok((part, last))
    }

    async fn page_of_v3(&self, zone: &DomainName, page: u32) -> Result<(Vec<Record>, bool), Failure> {
        let numbers = [
            ("page", page.to_string()),
            ("pageSize", V3_PAGE.to_string()),
            ("totalRequired", "true".to_owned()),
        ];
        let request = self.http.request(Method::GET, &v3_path(zone)).query(&numbers);
        let part: RecordPage = body(&self.new_api(Effect::Read, request).await?)?;
        let records = part.items.unwrap_or_default();
        let more = next(part.links.as_deref()).is_some()
            || part.total_pages.is_some_and(|pages| u64::from(page) < pages);
        let last = records.is_empty() || !more;
        Ok((records, last))
    }

    /// Whether the zone is hosted here and may be read.
    pub(crate) async fn read_apex(&self, zone: &DomainName) -> Result<(), Failure> {
        if self.login.has_token() {
            let query = [("type", "NS"), ("name", "@")];
            let request = self.http.request(Method::GET, &v3_path(zone)).query(&query);
            self.new_api(Effect::Read, request).await?;
        } else {
            let request = self
                .http
                .request(Method::GET, &format!("/v1/domains/{zone}/records/NS/@"));
            self.old(Effect::Read, request).await?;
        }
        Ok(())
    }

    /// Asks for the removal of a record that does not exist.
    pub(crate) async fn delete_no_record(&self, zone: &DomainName) -> Result<(), Failure> {
        let nobody = uuid::Uuid::new_v4().simple();
        let request = self
            .http
            .request(Method::DELETE, &format!("{}/{nobody}", v3_path(zone)));
        self.new_api(Effect::Write, request).await?;
        Ok(())
    }

    /// Does a change. One of several calls that fails leaves those before it done.
    pub(crate) async fn write(&self, zone: &DomainName, write: &Write) -> Result<(), Failure> {
        match write {
            // The document of v3 calls NS read-only.
            Write::Add(records)
                if self.login.has_token() && records.iter().all(|record| record.kind != "NS") =>
            {
                for (at, record) in records.iter().enumerate() {
                    let request = self.http.request(Method::POST, &v3_path(zone)).json(record);
                    let done = self.new_api(Effect::Write, request).await;
                    done.map_err(|failure| in_row(at, failure))?;
                }
            }
            Write::Add(records) => {
                let request = self
                    .http
                    .request(Method::PATCH, &format!("/v1/domains/{zone}/records"))
                    .json(records);
                self.old(Effect::Write, request).await?;
            }
            Write::Set { kind, name, records } => {
                let values: Vec<Value> = records.iter().map(without_place).collect();
                let request = self
                    .http
                    .request(Method::PUT, &v1_path(zone, kind, name))
                    .json(&values);
                self.old(Effect::Write, request).await?;
            }
            Write::Clear { kind, name } => {
                let request = self.http.request(Method::DELETE, &v1_path(zone, kind, name));
                match self.old(Effect::Write, request).await {
                    Err(failure) if !failure.is_absent() => return Err(failure),
                    _ => {}
                }
            }
            Write::Delete(ids) => {
                for (at, id) in ids.iter().enumerate() {
                    let request = self
                        .http
                        .request(Method::DELETE, &format!("{}/{id}", v3_path(zone)));
                    match self.new_api(Effect::Write, request).await {
                        Err(failure) if !failure.is_absent() => return Err(in_row(at, failure)),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

fn v1_path(zone: &DomainName, kind: &str, name: &str) -> String {
    format!("/v1/domains/{zone}/records/{kind}/{name}")
}

fn v3_path(zone: &DomainName) -> String {
    format!("/v3/domains/zones/{zone}/dns-records")
}

/// Behind others of the same change that were done.
fn in_row(at: usize, failure: Failure) -> Failure {
    if at == 0 {
        return failure;
    }
    Failure {
        error: failure.error.maybe_applied(),
        ..failure
    }
}

/// A record without the type and name that the path has.
fn without_place(record: &Record) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    if let Some(parts) = value.as_object_mut() {
        parts.remove("type");
        parts.remove("name");
    }
    value
}
