//! Customers' own domains: `pdm registrars`, `pdm validate`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{all, cell, table};
use crate::cli::args::ValidateArgs;
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::credentials::{self, Field};
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::model::Page;
use crate::cli::client::problem::Problem;
use crate::cli::client::table::Facts;

/// `pdm registrars`
pub async fn list(session: &mut Session) -> Result<Status, Failure> {
    let answer = session.api.send(&Request::get(["registrars"])).await?;
    let Page { items, .. } = answer.read::<Page>()?;
    session.print(&answer, || Ok(table(&items, &COLUMNS)))?;
    Ok(Status::Done)
}

const COLUMNS: [(&str, &str); 6] = [
    ("id", "/id"),
    ("name", "/display_name"),
    ("change NS", "/capabilities/change_nameservers/support"),
    ("change DS", "/capabilities/change_ds/support"),
    ("delegate below", "/capabilities/delegate_subdomain/support"),
    ("allow-list", "/needs_allow_list"),
];

#[derive(Deserialize)]
struct Registrar {
    id: String,
    credential_fields: Vec<Field>,
}

/// `pdm validate`: exit status 1 when something is wrong, so that a script can ask.
pub async fn validate(session: &mut Session, args: ValidateArgs) -> Result<Status, Failure> {
    let mut body = json!({ "domain": args.domain });
    if let Some(id) = args.registrar {
        let credentials = match &args.credentials {
            Some(from) => credentials::read(from)?,
            None => credentials::ask(&fields_of(session, &id).await?)?,
        };
        body["registrar"] = json!({ "id": id, "credentials": credentials });
    }
    let answer = session.api.send(&Request::post(["validate"]).body(body)).await?;
    let report: Value = answer.read()?;
    let problems = report["problems"].as_array().cloned().unwrap_or_default();
    session.print(&answer, || Ok(to_text(&report, &problems)))?;
    Ok(if problems.is_empty() {
        Status::Done
    } else {
        Status::Failed
    })
}

async fn fields_of(session: &Session, id: &str) -> Result<Vec<Field>, Failure> {
    let registrars: Vec<Registrar> = all(session, Request::get(["registrars"])).await?;
    let found = registrars.into_iter().find(|registrar| registrar.id == id);
    found.map(|registrar| registrar.credential_fields).ok_or_else(|| {
        let detail = format!("there is no registrar {id:?}: pdm registrars lists them");
        Problem::foreseen("registrar.unknown", "No such registrar", detail).into()
    })
}

fn to_text(report: &Value, problems: &[Value]) -> String {
    let mut facts = Facts::default();
    let mut add = |name: &str, pointer: &str| {
        let value = report.pointer(pointer).map(cell).unwrap_or_default();
        facts.add(name, value);
    };
    add("domain", "/domain");
    add("exists", "/exists");
    add("nameservers", "/delegation/nameservers");
    add("ds", "/delegation/ds");
    add("consistent", "/delegation/consistent");
    add("chain of trust", "/delegation/security");
    add("registrar", "/registrar/id");
    add("credentials", "/registrar/credentials");
    add("in account", "/registrar/domain_in_account");
    add("locked", "/registrar/locked");
    add("read NS", "/registrar/can/read_ns");
    add("change NS", "/registrar/can/change_ns");
    add("change DS", "/registrar/can/change_ds");
    add("delegate below", "/registrar/can/delegate_subdomain");
    add("export zone", "/registrar/can/export_zone");
    add("refused because", "/registrar/refused_because");
    for problem in problems {
        let detail = problem["detail"].as_str().unwrap_or_default();
        facts.add("problem", format!("{}: {detail}", cell(&problem["code"])));
    }
    facts.to_string()
}
