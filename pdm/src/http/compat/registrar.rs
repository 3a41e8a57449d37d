//! `POST /api/v1/registrar/{r}/validate`: whether a token opens an account that holds a domain.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Request, State};
use pdm_registrar::{Descriptor, DomainName};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Compat, Old, read};
use crate::http::extract::Segment;
use crate::http::idempotency::decide_plain;
use crate::http::v1::registrars::validate::look;
use crate::service::{self, Code, Refusal};

#[derive(Deserialize)]
struct ValidateBody {
    #[serde(default)]
    domain: String,
    token: SecretString,
}

/// Answers 200 whenever the registrar could be asked; `valid` says the rest.
pub(super) async fn validate(
    State(compat): State<Compat>,
    Segment(id): Segment<String>,
    request: Request,
) -> Result<Json<Value>, Old> {
    let context = compat.context(&request);
    let body: ValidateBody = read(request).await?;
    let domain = DomainName::parse(body.domain.trim())
        .map_err(|error| Refusal::invalid("/domain", format!("this is no domain name: {error}")))?;
    let credentials = match compat.app.registrars.descriptor(&id) {
        Some(descriptor) => credentials(descriptor, &body.token)?,
        // Refused below, as for every other caller.
        None => BTreeMap::new(),
    };
    let account = Some((id.clone(), credentials));
    let report = look(&compat.app, &context.caller.actor, &domain, account).await?;
    let noted = (domain.clone(), report.clone());
    decide_plain(context, move |tx, cx| {
        let (domain, report) = noted.clone();
        Box::pin(async move { Ok(service::validated(tx, cx.asked(), &domain, &report).await?) })
    })
    .await?;
    let valid = report
        .account()
        .is_some_and(crate::inspect::AccountSeen::is_usable);
    let mut answer = json!({ "valid": valid, "registrar": id, "domain": domain.as_str() });
    if let Some(problem) = report
        .problems()
        .iter()
        .find(|problem| problem.code.starts_with("registrar."))
    {
        answer["reason"] = problem.code.clone().into();
        answer["detail"] = problem.detail.clone().into();
    }
    Ok(Json(answer))
}

/// The old form has one text for all of an account: the value of the one field that is enough, or a JSON object of fields.
fn credentials(
    descriptor: &Descriptor,
    token: &SecretString,
) -> Result<BTreeMap<String, SecretString>, Refusal> {
    if let Ok(fields) = serde_json::from_str(token.expose_secret()) {
        return Ok(fields);
    }
    let alone = descriptor.needs.iter().find(|needed| needed.len() == 1);
    let Some(field) = alone.and_then(|needed| needed.first()) else {
        return Err(Refusal::new(
            Code::RequestInvalid,
            format!(
                "{} needs more than one value: give the token as a JSON object of its fields",
                descriptor.display_name
            ),
        ));
    };
    Ok(BTreeMap::from([((*field).to_owned(), token.clone())]))
}
