//! Operations: `pdm operation`.

use jiff::Timestamp;
use serde::Deserialize;

use super::list as print_list;
use crate::cli::args::{OperationCommand, OperationListArgs};
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::model::{Claim, Operation};
use crate::cli::client::view::block;

/// The answer of a call that changes an operation.
#[derive(Deserialize)]
struct Changed {
    operation: Operation,
    claim: Claim,
}

/// `pdm operation …`
pub async fn run(session: &mut Session, command: OperationCommand) -> Result<Status, Failure> {
    match command {
        OperationCommand::List(args) => list(session, args).await,
        OperationCommand::Show(args) => show(session, &args.operation).await,
        OperationCommand::Cancel(args) => change(session, &args.operation, "cancel").await,
        OperationCommand::Retry(args) => change(session, &args.operation, "retry").await,
    }
}

async fn list(session: &mut Session, args: OperationListArgs) -> Result<Status, Failure> {
    let request = Request::get(["operations"])
        .query("state", args.state)
        .query("pool", args.pool)
        .query("name", args.name)
        .query("claim_id", args.claim)
        .query("tenant", args.tenant);
    let columns = [
        ("id", "/id"),
        ("kind", "/kind"),
        ("state", "/state"),
        ("claim", "/claim_id"),
        ("next attempt", "/next_attempt_at"),
        ("waits until", "/waiting_until"),
        ("problem", "/error/code"),
    ];
    print_list(session, request, &args.page, &columns).await
}

async fn show(session: &mut Session, id: &str) -> Result<Status, Failure> {
    let answer = session.api.send(&Request::get(["operations", id])).await?;
    let operation: Operation = answer.read()?;
    session.print(&answer, || {
        Ok(block(&operation.claim_id, &operation, Timestamp::now()).join("\n"))
    })?;
    Ok(Status::Done)
}

/// `cancel` and `retry`: done when the server has taken the order; the work itself goes on.
async fn change(session: &mut Session, id: &str, verb: &str) -> Result<Status, Failure> {
    let answer = session.api.send(&Request::post(["operations", id, verb])).await?;
    session.print(&answer, || {
        let Changed { operation, claim } = answer.read()?;
        let now = Timestamp::now();
        Ok(format!(
            "{}\n\n{}",
            block(&claim.name, &operation, now).join("\n"),
            claim.to_text(now)
        ))
    })?;
    Ok(Status::Done)
}
