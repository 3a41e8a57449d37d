//! `POST /v1/validate`: a look at a domain, with or without an account at its registrar. Writes nothing anywhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use pdm_registrar::DomainName;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::answer::Answer;
use crate::http::extract::{Call, PostHeaders};
use crate::http::limits::Bucket;
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::inspect::{self, AccountGiven, Report};
use crate::service::{self, Code, Refusal};

/// What is looked at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateBody {
    /// The domain.
    #[schema(example = "acme.com")]
    domain: String,
    /// An account at its registrar.
    registrar: Option<AccountBody>,
    /// The claim whose plan is wanted. This version makes no plans.
    claim_id: Option<String>,
}

/// An account at a registrar. The credentials are used for this look and not kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountBody {
    /// The registrar.
    #[schema(example = "ovh")]
    id: String,
    /// Values by name of the registrar's credential fields.
    #[schema(value_type = BTreeMap<String, String>)]
    credentials: BTreeMap<String, SecretString>,
}

/// Looks at a domain without writing anything
#[utoipa::path(post, path = "/v1/validate", tag = "registrars", operation_id = "validate", params(PostHeaders),
    request_body = ValidateBody,
    responses((status = 200, description = "What was seen", body = Report), Refusals))]
pub async fn validate(call: Call) -> Result<Response, Problem> {
    const ROUTE: &str = "POST /v1/validate";
    let (domain, account) = call.decode(read)?;
    if let Some(kept) = call.replay(ROUTE).await? {
        return Ok(kept);
    }
    let report = look(&call.app, &call.caller.actor, &domain, account).await?;
    let report = Arc::new(report);
    call.decide(ROUTE, None, Duration::ZERO, move |tx, cx| {
        let (domain, report) = (domain.clone(), Arc::clone(&report));
        Box::pin(async move {
            service::validated(tx, cx.asked(), &domain, &report).await?;
            Ok(Answer::new(StatusCode::OK, &*report))
        })
    })
    .await
}

fn read(body: ValidateBody) -> Result<(DomainName, Option<AccountGiven>), Refusal> {
    let domain = DomainName::parse(body.domain.trim())
        .map_err(|error| Refusal::invalid("/domain", format!("this is no domain name: {error}")))?;
    if body.claim_id.is_some() {
        return Err(Refusal::invalid(
            "/claim_id",
            "claims on customers' own domains are not offered by this version",
        ));
    }
    Ok((
        domain,
        body.registrar.map(|account| (account.id, account.credentials)),
    ))
}

/// The look behind this route and its older twin, within the limits of the caller.
pub(in crate::http) async fn look(
    app: &AppState,
    actor: &crate::domain::actor::Actor,
    domain: &DomainName,
    account: Option<AccountGiven>,
) -> Result<Report, Problem> {
    if let Some((id, _)) = &account {
        if app.registrars.descriptor(id).is_none() {
            return Err(unknown(id));
        }
        app.limiters.count_validation(actor, domain)?;
    } else {
        app.limiters.count(Bucket::Verify, actor)?;
    }
    let now = app.store.now().await?;
    let id = account.as_ref().map(|(id, _)| id.clone()).unwrap_or_default();
    inspect::look(app.world.as_deref(), &app.registrars, domain, account, now)
        .await
        .ok_or_else(|| unknown(&id))
}

fn unknown(id: &str) -> Problem {
    let id: String = id.chars().take(40).collect();
    Problem::new(
        Code::RegistrarUnknown,
        format!("there is no registrar {id:?} here; GET /v1/registrars lists those there are"),
    )
}
