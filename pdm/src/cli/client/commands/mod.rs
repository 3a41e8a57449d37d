//! The commands, one file per noun, and what they share.

use serde_json::Value;

use super::api::{Answer, Request};
use super::failure::{Failure, Status};
use super::model::Page;
use super::table::Table;
use super::values::ClaimRef;
use super::{Session, remark};
use crate::cli::args::{ClaimCommand, ClientCommand, PageArgs, RecordsCommand};

mod admin;
mod claim;
mod names;
mod operation;
mod pool;
mod records;
mod registrars;
mod reservation;
mod work;

/// Runs one command.
pub(super) async fn run(session: &mut Session, command: ClientCommand) -> Result<Status, Failure> {
    match command {
        ClientCommand::Key(command) => admin::key(session, command).await,
        ClientCommand::Tenant(command) => admin::tenant(session, command).await,
        ClientCommand::Pool(command) => pool::run(session, command).await,
        ClientCommand::Check(args) => names::check(session, args).await,
        ClientCommand::Reserve(args) => reservation::reserve(session, args).await,
        ClientCommand::Renew(args) => reservation::renew(session, args).await,
        ClientCommand::Commit(args) => reservation::commit(session, args).await,
        ClientCommand::Retarget(args) => claim::retarget(session, args).await,
        ClientCommand::Release(args) => claim::release(session, args).await,
        ClientCommand::Claim(ClaimCommand::List(args)) => claim::list(session, args).await,
        ClientCommand::Claim(ClaimCommand::Show(args)) => claim::show(session, &args.claim).await,
        ClientCommand::Claim(ClaimCommand::Watch { claim, wait }) => {
            work::watch(session, &claim.claim, wait).await
        }
        ClientCommand::Operation(command) => operation::run(session, command).await,
        ClientCommand::Verify(args) => claim::verify(session, &args.claim).await,
        ClientCommand::Records(RecordsCommand::List(args)) => records::list(session, &args.claim).await,
        ClientCommand::Records(RecordsCommand::Set(args)) => records::set(session, args).await,
        ClientCommand::Records(RecordsCommand::Delete(args)) => records::delete(session, args).await,
        ClientCommand::Registrars => registrars::list(session).await,
        ClientCommand::Validate(args) => registrars::validate(session, args).await,
        ClientCommand::Orphans(page) => admin::orphans(session, &page).await,
        ClientCommand::Audit(command) => admin::audit(session, command).await,
    }
}

/// Columns of a list: the header, and where the value is in an entry (JSON pointer).
type Columns = [(&'static str, &'static str)];

/// Prints one page of a list.
async fn list(
    session: &mut Session,
    request: Request,
    page: &PageArgs,
    columns: &Columns,
) -> Result<Status, Failure> {
    let request = request
        .query("limit", page.limit)
        .query("after", page.after.as_deref());
    let answer = session.api.send(&request).await?;
    let Page { items, next } = answer.read::<Page>()?;
    session.print(&answer, || {
        Ok(if items.is_empty() {
            "none".into()
        } else {
            table(&items, columns)
        })
    })?;
    if let Some(next) = next {
        remark(&format!("there are more: --after {next}"));
    }
    Ok(Status::Done)
}

fn table(items: &[Value], columns: &Columns) -> String {
    let header: Vec<&str> = columns.iter().map(|(header, _)| *header).collect();
    let mut table = Table::new(&header);
    for item in items {
        table.row(
            columns
                .iter()
                .map(|(_, pointer)| item.pointer(pointer).map(cell).unwrap_or_default()),
        );
    }
    table.to_string()
}

/// A value of the API as one cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Reads all entries of a list that is known to be short.
async fn all<T: serde::de::DeserializeOwned>(session: &Session, request: Request) -> Result<Vec<T>, Failure> {
    let mut items = Vec::new();
    let mut after = None::<String>;
    loop {
        let page = request
            .clone()
            .query("limit", Some(500))
            .query("after", after.as_deref());
        let Page { items: more, next } = session.api.send(&page).await?.read::<Page<T>>()?;
        items.extend(more);
        // A page that does not move on would be asked for for ever.
        if next.is_none() || next == after {
            return Ok(items);
        }
        after = next;
    }
}

/// The path of a claim, for a request below it.
async fn claim_id(session: &Session, claim: &ClaimRef) -> Result<String, Failure> {
    match claim {
        ClaimRef::Id(id) => Ok(id.clone()),
        ClaimRef::Name(_) => Ok(claim::find(session, claim).await?.id),
    }
}

/// An answer made of parts that the server gave one by one.
fn joined(operation: &str, claim: &str) -> Answer {
    Answer {
        text: format!(
            r#"{{"operation":{},"claim":{}}}"#,
            operation.trim_end(),
            claim.trim_end()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_shows_values_of_every_kind() {
        let items = [
            json!({"name": "acme.omani.works", "hosts": ["a", "b"], "open": true, "hold": 3600}),
            json!({"name": null, "targets": {"ipv4": ["203.0.113.10"]}}),
        ];
        let columns = [
            ("name", "/name"),
            ("hosts", "/hosts"),
            ("open", "/open"),
            ("hold", "/hold"),
            ("ipv4", "/targets/ipv4"),
        ];
        assert_eq!(
            table(&items, &columns),
            "NAME              HOSTS  OPEN  HOLD  IPV4\n\
             acme.omani.works  a, b   true  3600  -\n\
             -                 -      -     -     203.0.113.10\n"
        );
    }
}
