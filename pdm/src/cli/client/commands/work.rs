//! Work that goes on at the server: starting it, staying with it, leaving it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{claim, joined};
use crate::cli::args::{Output, WaitArgs};
use crate::cli::client::api::{Answer, MAX_PREFER_WAIT, Request};
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::follow::{Left, Screen, Seen, follow};
use crate::cli::client::model::{Claim, Operation, Standing};
use crate::cli::client::screen::{Json, Lines, Live, Quiet};
use crate::cli::client::values::ClaimRef;
use crate::cli::client::view::block;
use crate::cli::client::{Session, interrupted, remark};

/// The answer of a call that starts or joins an operation. Without an operation nothing had to be done.
#[derive(Deserialize)]
struct Started {
    operation: Option<Value>,
}

/// Sends a request that starts work on the claim of `name`, and stays as long as `wait` says.
pub async fn start(
    session: &mut Session,
    request: Request,
    name: &str,
    wait: &WaitArgs,
) -> Result<Status, Failure> {
    let began = Instant::now();
    // On a terminal the answer comes at once and the progress is shown; elsewhere the server is asked to answer late.
    let request = match wait.wait {
        _ if wait.no_wait || session.live => request,
        limit => request.prefer_wait(limit.unwrap_or(MAX_PREFER_WAIT)),
    };
    let answer = tokio::select! {
        biased;
        () = interrupted() => {
            remark(&format!("left before the answer; if the work was accepted, it goes on: pdm claim watch {name}"));
            return Ok(Status::Waiting);
        }
        answer = session.api.send(&request) => answer?,
    };
    let Some(operation) = answer.read::<Started>()?.operation else {
        session.print(&answer, || Ok(format!("{name}: nothing had to be done")))?;
        return Ok(Status::Done);
    };
    let first = Answer {
        text: operation.to_string(),
    };
    let first = Seen {
        operation: first.read()?,
        text: first.text,
    };
    let now = Timestamp::now();
    let settled = first.operation.standing(now) != Standing::Moving;
    if wait.no_wait || (settled && !session.live) {
        session.print(&answer, || {
            let claim = answer.read::<WithClaim>()?.claim;
            Ok(format!(
                "{}\n\n{}",
                block(name, &first.operation, now).join("\n"),
                claim.to_text(now)
            ))
        })?;
        return Ok(if settled {
            leave(&first.operation, name, Left::Settled)
        } else {
            Status::Done
        });
    }
    let until = wait.wait.map(|limit| began + limit);
    let (seen, left) = stay(session, first, name, until, false).await?;
    end(session, &seen, name, left, false).await
}

#[derive(Deserialize)]
struct WithClaim {
    claim: Claim,
}

/// `pdm claim watch`
pub async fn watch(
    session: &mut Session,
    reference: &ClaimRef,
    wait: Option<Duration>,
) -> Result<Status, Failure> {
    let until = wait.map(|limit| Instant::now() + limit);
    let claim = claim::find(session, reference).await?;
    let Some(id) = &claim.operation_id else {
        return claim::show(session, &ClaimRef::Id(claim.id)).await;
    };
    let first = Seen::look(&session.api, id).await?;
    let (seen, left) = stay(session, first, &claim.name, until, true).await?;
    end(session, &seen, &claim.name, left, true).await
}

/// Stays with an operation and shows it: live on a terminal; elsewhere, for whoever `watches`, as it changes.
async fn stay(
    session: &mut Session,
    first: Seen,
    name: &str,
    until: Option<Instant>,
    watches: bool,
) -> Result<(Seen, Left), Failure> {
    let out = &mut session.out;
    let mut screen: Box<dyn Screen + '_> = match session.output {
        _ if session.live => Box::new(Live::new(out, name)),
        Output::Table if watches => Box::new(Lines::new(out, name)),
        Output::Json if watches => Box::new(Json::new(out)),
        Output::Table | Output::Json => Box::new(Quiet),
    };
    follow(
        &session.api,
        first,
        &session.pace,
        until,
        interrupted(),
        screen.as_mut(),
    )
    .await
}

/// Prints how work stands that was stayed with, and gives the exit status.
async fn end(
    session: &mut Session,
    seen: &Seen,
    name: &str,
    left: Left,
    watched: bool,
) -> Result<Status, Failure> {
    // Whoever goes is not kept by one more question.
    let read = tokio::select! {
        biased;
        () = interrupted(), if left != Left::Interrupted => None,
        read = claim::read(session, &seen.operation.claim_id), if left != Left::Interrupted => Some(read?),
        else => None,
    };
    let Some((answer, claim)) = read else {
        if session.live {
            // The terminal has written ^C where the cursor was.
            remark("");
        }
        return Ok(leave(&seen.operation, name, Left::Interrupted));
    };
    // What is on the screen already is not printed again.
    let json_is_out = watched && session.output == Output::Json;
    let steps_are_out = watched || session.live;
    if !json_is_out {
        session.print(&joined(&seen.text, &answer.text), || {
            let now = Timestamp::now();
            let steps = if steps_are_out {
                Vec::new()
            } else {
                block(name, &seen.operation, now)
            };
            // An empty line stands between the steps, wherever they are, and the claim.
            Ok(steps.join("\n") + if steps.is_empty() { "\n" } else { "\n\n" } + &claim.to_text(now))
        })?;
    }
    Ok(leave(&seen.operation, name, left))
}

/// Says what goes on when nobody stays, and gives the exit status.
fn leave(operation: &Operation, name: &str, left: Left) -> Status {
    let status = operation.status();
    let why = match left {
        Left::Settled if status == Status::Waiting => "it waits for somebody and goes on then",
        Left::Settled => return status,
        Left::TimeUp => "the time to wait is over; the work goes on",
        Left::Interrupted => "left; the work goes on",
    };
    remark(&format!("{name}: {why}: pdm claim watch {name}"));
    status
}
