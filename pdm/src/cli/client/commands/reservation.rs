//! What needs a reservation token: `pdm reserve`, `pdm renew`, `pdm commit`.

use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{claim, names, work};
use crate::cli::args::{CommitArgs, RenewArgs, ReserveArgs, TokenArgs};
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::model::Claim;
use crate::cli::client::problem::Problem;

/// The answer of `POST /v1/reserve`.
#[derive(Deserialize)]
struct Reserved {
    claim: Claim,
    reservation_token: SecretString,
}

/// `pdm reserve`
pub async fn reserve(session: &mut Session, args: ReserveArgs) -> Result<Status, Failure> {
    let tokens = session.tokens()?;
    tokens.check()?;
    let name = names::split(session, &args.name).await?;
    let mut body = json!({"mode": "pool", "pool": name.pool, "label": name.label});
    if let Some(hold) = args.hold {
        body["hold_seconds"] = hold.as_secs().into();
    }
    let hold = args
        .hold
        .map(|hold| format!(" --hold {}s", hold.as_secs()))
        .unwrap_or_default();
    let key = args.idempotency_key.unwrap_or_else(|| Uuid::now_v7().to_string());
    let again = format!(
        "pdm reserve --pool {} --label {}{hold} --idempotency-key {key}",
        name.pool, name.label
    );
    // The token is shown again to whoever repeats the same request under the same key.
    let repeat = |failure| Failure::Repeat {
        failure: Box::new(failure),
        command: again,
    };

    let request = Request::post(["reserve"]).keyed(key).body(body);
    let answer = match session.api.send(&request).await {
        Ok(answer) => answer,
        Err(failure) if is_undecided(&failure) => return Err(repeat(failure)),
        Err(failure) => return Err(failure),
    };
    let kept = answer.read::<Reserved>().and_then(|reserved| {
        tokens.remember(
            &reserved.claim.id,
            &reserved.claim.name,
            reserved.reservation_token,
        )?;
        Ok(reserved.claim)
    });
    let claim = match kept {
        Ok(claim) => claim,
        Err(failure) => return Err(repeat(failure)),
    };
    session.print(&answer, || {
        let mut facts = claim.facts(Timestamp::now());
        facts.add(
            "next",
            format!("pdm commit {} --ipv4 ADDRESS [--ipv6 ADDRESS]", claim.name),
        );
        Ok(facts.to_string())
    })?;
    Ok(Status::Done)
}

/// Whether a request may have been carried out although no success was seen.
fn is_undecided(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable {
            may_have_taken_effect,
            ..
        } => *may_have_taken_effect,
        Failure::Problem(problem) => {
            problem.status.is_some_and(|status| status >= 500)
                || problem.code.as_deref() == Some("idempotency.in_progress")
        }
        Failure::Usage(_)
        | Failure::Unexpected { .. }
        | Failure::Repeat { .. }
        | Failure::Tokens(_)
        | Failure::Output(_) => false,
    }
}

/// `pdm renew`
pub async fn renew(session: &mut Session, args: RenewArgs) -> Result<Status, Failure> {
    let claim = claim::find(session, &args.claim.claim).await?;
    let mut body = json!({"reservation_token": token(session, &claim, &args.token)?.expose_secret()});
    if let Some(hold) = args.hold {
        body["hold_seconds"] = hold.as_secs().into();
    }
    let request = Request::post(["claims", &claim.id, "renew"]).body(body);
    let answer = forgetting(session, &claim, session.api.send(&request).await)?;
    let renewed: Claim = answer.read()?;
    session.print(&answer, || Ok(renewed.to_text(Timestamp::now())))?;
    Ok(Status::Done)
}

/// `pdm commit`
pub async fn commit(session: &mut Session, args: CommitArgs) -> Result<Status, Failure> {
    let claim = claim::find(session, &args.claim.claim).await?;
    let token = token(session, &claim, &args.token)?;
    let body: Value = json!({
        "claim_id": claim.id,
        "reservation_token": token.expose_secret(),
        "targets": claim::targets(&args.targets),
    });
    let outcome = work::start(
        session,
        Request::post(["commit"]).body(body),
        &claim.name,
        &args.wait,
    )
    .await;
    forgetting(session, &claim, outcome)
}

/// The token of a claim: from the file that is named, else the remembered one.
fn token(session: &Session, claim: &Claim, args: &TokenArgs) -> Result<SecretString, Failure> {
    if let Some(file) = &args.token_file {
        let text = read_token(file).map_err(|error| {
            Failure::Usage(format!(
                "the reservation token cannot be read from {}: {error}",
                file.display()
            ))
        })?;
        return Ok(text.trim().into());
    }
    let file = session.tokens()?;
    file.find(&claim.id)?.ok_or_else(|| {
        let detail = format!(
            "no reservation token for {} ({}) is remembered in {}",
            claim.name,
            claim.id,
            file.path().display()
        );
        Problem::foreseen("token.unknown", "No reservation token", detail).into()
    })
}

fn read_token(file: &Path) -> io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
}

/// Passes `outcome` on; when the claim has expired, its token is good for nothing and is forgotten.
fn forgetting<T>(session: &Session, claim: &Claim, outcome: Result<T, Failure>) -> Result<T, Failure> {
    if let Err(Failure::Problem(problem)) = &outcome
        && problem.code.as_deref() == Some("claim.expired")
    {
        session.forget_token(&claim.id);
    }
    outcome
}
