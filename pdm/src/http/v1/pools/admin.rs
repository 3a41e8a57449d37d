//! `POST /v1/pools`, `PATCH /v1/pools/{domain}`

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use pdm_registrar::DomainName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::list::PoolView;
use crate::domain::pool::{RelativeOwner, Template, TemplateRecord};
use crate::http::answer::Answer;
use crate::http::extract::{Call, Operator, PostHeaders, PutHeaders, Segment};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::service::pools::{self, PoolTerms};
use crate::service::{Refusal, ServiceError};

const ADD: &str = "POST /v1/pools";

/// What each name of a pool has.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Template)]
pub struct TemplateBody {
    /// Owner names relative to the name (`@` is the name itself) that get the addresses of the targets.
    #[schema(example = json!(["@", "*", "console"]))]
    hosts: Vec<String>,
    /// Record sets that every name gets.
    #[serde(default)]
    records: Vec<TemplateRecordBody>,
}

/// A record set that every name of a pool gets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateRecord)]
pub struct TemplateRecordBody {
    /// Owner name relative to the name.
    owner: String,
    /// Record type.
    r#type: String,
    /// Seconds.
    #[schema(minimum = 60, maximum = 86400)]
    ttl: u32,
    /// Values in presentation format.
    values: Vec<String>,
}

impl From<&Template> for TemplateBody {
    fn from(template: &Template) -> Self {
        let record = |record: &TemplateRecord| TemplateRecordBody {
            owner: record.owner.0.clone(),
            r#type: record.r#type.to_string(),
            ttl: record.ttl,
            values: record.values.clone(),
        };
        Self {
            hosts: template.hosts.iter().map(|host| host.0.clone()).collect(),
            records: template.records.iter().map(record).collect(),
        }
    }
}

impl TemplateBody {
    fn read(self) -> Result<Template, Refusal> {
        let record = |(place, record): (usize, TemplateRecordBody)| {
            let at = format!("/template/records/{place}");
            let r#type = record.r#type.parse();
            Ok(TemplateRecord {
                owner: RelativeOwner(record.owner),
                r#type: r#type.map_err(|error: crate::domain::records::RecordError| {
                    Refusal::invalid(format!("{at}/type"), error.to_string())
                })?,
                ttl: record.ttl,
                values: record.values,
            })
        };
        Ok(Template {
            hosts: self.hosts.into_iter().map(RelativeOwner).collect(),
            records: self
                .records
                .into_iter()
                .enumerate()
                .map(record)
                .collect::<Result<_, Refusal>>()?,
        })
    }
}

/// A pool to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolBody {
    /// Its domain.
    #[schema(example = "omani.works")]
    domain: String,
    /// Whether its zone is made when it is missing.
    #[serde(default)]
    create: bool,
    /// Hosts that serve the names; those of the settings when absent.
    nameservers: Option<Vec<String>>,
    /// How long a name is held when nobody says.
    hold_seconds: Option<u64>,
    /// The most that one reserve or renew may ask for.
    max_hold_seconds: Option<u64>,
    /// The most from the first reserve on.
    max_total_hold_seconds: Option<u64>,
    /// Whether it takes new names.
    open: Option<bool>,
    /// Whether targets may be any unicast address.
    allow_non_global: Option<bool>,
    /// What each name has; the canonical set when absent.
    template: Option<TemplateBody>,
}

/// Terms of a pool to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolChange {
    /// Hosts that serve names reserved from now on.
    nameservers: Option<Vec<String>>,
    /// How long a name is held when nobody says.
    hold_seconds: Option<u64>,
    /// The most that one reserve or renew may ask for.
    max_hold_seconds: Option<u64>,
    /// The most from the first reserve on.
    max_total_hold_seconds: Option<u64>,
    /// Whether it takes new names.
    open: Option<bool>,
    /// Whether targets may be any unicast address.
    allow_non_global: Option<bool>,
    /// What each name has.
    template: Option<TemplateBody>,
}

impl PoolChange {
    fn read(self) -> Result<PoolTerms, Refusal> {
        Ok(PoolTerms {
            nameservers: self.nameservers.map(|hosts| names(&hosts)).transpose()?,
            hold: self.hold_seconds.map(Duration::from_secs),
            max_hold: self.max_hold_seconds.map(Duration::from_secs),
            max_total_hold: self.max_total_hold_seconds.map(Duration::from_secs),
            open: self.open,
            allow_non_global: self.allow_non_global,
            template: self.template.map(TemplateBody::read).transpose()?,
        })
    }
}

fn names(hosts: &[String]) -> Result<Vec<DomainName>, Refusal> {
    let parse = |(place, host): (usize, &String)| {
        DomainName::parse(host)
            .map_err(|error| Refusal::invalid(format!("/nameservers/{place}"), error.to_string()))
    };
    hosts.iter().enumerate().map(parse).collect()
}

/// Adds a pool
///
/// Its zone is checked, or made, on the name servers first. What stands in it already is not given out.
#[utoipa::path(post, path = "/v1/pools", tag = "administration", operation_id = "add_pool", params(PostHeaders),
    request_body = PoolBody, responses((status = 201, description = "The pool", body = PoolView), Refusals))]
pub async fn add(_: Operator, call: Call) -> Result<Response, Problem> {
    if let Some(kept) = call.replay(ADD).await? {
        return Ok(kept);
    }
    let input = call.decode(|body: PoolBody| {
        let domain = DomainName::parse(&body.domain)
            .map_err(|error| Refusal::invalid("/domain", error.to_string()))?;
        let terms = PoolChange {
            nameservers: body.nameservers,
            hold_seconds: body.hold_seconds,
            max_hold_seconds: body.max_hold_seconds,
            max_total_hold_seconds: body.max_total_hold_seconds,
            open: body.open,
            allow_non_global: body.allow_non_global,
            template: body.template,
        };
        let pool = terms.read()?.new_pool(domain, &call.app.config.nameservers)?;
        Ok((pool, body.create))
    });
    let prepared = match input {
        Err(refusal) => Err(refusal),
        Ok((pool, create)) => {
            let prepared = call
                .app
                .pool_zones
                .prepare(&pool.domain, &pool.nameservers, create)
                .await;
            prepared.map(|prepared| (pool, prepared)).map_err(Refusal::from)
        }
    };
    call.decide(ADD, None, Duration::ZERO, move |tx, cx| {
        let prepared = prepared.clone();
        Box::pin(async move {
            let (pool, prepared) = prepared.map_err(ServiceError::from)?;
            let pool = pools::add_pool(tx, cx.asked(), &pool, &prepared).await?;
            let answer = Answer::new(StatusCode::CREATED, &PoolView::from(&pool));
            Ok(answer
                .at(format!("/v1/pools/{}", pool.domain))
                .tagged(pool.version))
        })
    })
    .await
}

/// Changes the terms of a pool
#[utoipa::path(patch, path = "/v1/pools/{domain}", tag = "administration", operation_id = "change_pool",
    params(("domain" = String, Path, description = "The pool's domain"), PutHeaders), request_body = PoolChange,
    responses((status = 200, description = "The pool", body = PoolView), Refusals))]
pub async fn change(_: Operator, Segment(domain): Segment<String>, call: Call) -> Result<Response, Problem> {
    let expected = call.wishes.expected.clone();
    let input = DomainName::parse(&domain)
        .map_err(|_| Refusal::no_pool())
        .and_then(|domain| call.decode(|body: PoolChange| Ok((domain, body.read()?))));
    call.without_key()
        .decide("PATCH /v1/pools/{domain}", None, Duration::ZERO, move |tx, cx| {
            let (input, expected) = (input.clone(), expected.clone());
            Box::pin(async move {
                let (domain, terms) = input?;
                let pool = pools::change_pool(tx, cx.asked(), &domain, &terms, &expected).await?;
                Ok(Answer::new(StatusCode::OK, &PoolView::from(&pool)).tagged(pool.version))
            })
        })
        .await
}
