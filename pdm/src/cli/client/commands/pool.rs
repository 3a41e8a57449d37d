//! Pools: `pdm pool`.

use serde_json::{Value, json};

use super::{cell, list};
use crate::cli::args::{PoolAddArgs, PoolCommand};
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::table::Facts;

/// `pdm pool …`
pub async fn run(session: &mut Session, command: PoolCommand) -> Result<Status, Failure> {
    match command {
        PoolCommand::Add(args) => add(session, args).await,
        PoolCommand::List(page) => {
            let columns = [
                ("domain", "/domain"),
                ("open", "/open"),
                ("nameservers", "/nameservers"),
                ("hold", "/hold_seconds"),
                ("longest hold", "/max_hold_seconds"),
                ("in all", "/max_total_hold_seconds"),
            ];
            list(session, Request::get(["pools"]), &page, &columns).await
        }
    }
}

async fn add(session: &mut Session, args: PoolAddArgs) -> Result<Status, Failure> {
    let answer = session
        .api
        .send(&Request::post(["pools"]).body(body(args)))
        .await?;
    let pool: Value = answer.read()?;
    session.print(&answer, || {
        let mut facts = Facts::default();
        for (name, field) in [
            ("pool", "domain"),
            ("open", "open"),
            ("nameservers", "nameservers"),
            ("hold", "hold_seconds"),
        ] {
            facts.add(name, cell(&pool[field]));
        }
        Ok(facts.to_string())
    })?;
    Ok(Status::Done)
}

/// What is not given is left to the server's settings.
fn body(args: PoolAddArgs) -> Value {
    let mut body = json!({"domain": args.domain, "create": args.create});
    if !args.nameservers.is_empty() {
        body["nameservers"] = args.nameservers.into();
    }
    let holds = [
        ("hold_seconds", args.hold),
        ("max_hold_seconds", args.max_hold),
        ("max_total_hold_seconds", args.max_total_hold),
    ];
    for (field, hold) in holds {
        if let Some(hold) = hold {
            body[field] = hold.as_secs().into();
        }
    }
    if args.closed {
        body["open"] = false.into();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, ClientCommand, Command};
    use clap::Parser as _;

    fn of(line: &str) -> Value {
        match Cli::parse_from(line.split(' ')).command {
            Command::Client(ClientCommand::Pool(PoolCommand::Add(args))) => body(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_given_is_sent() {
        assert_eq!(
            of("pdm pool add omani.works"),
            json!({"domain": "omani.works", "create": false})
        );
        assert_eq!(
            of("pdm pool add omani.works --create --nameserver ns1.example.net,ns2.example.org --hold 1h --max-hold 1d \
                --max-total-hold 7d --closed"
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .as_str()),
            json!({
                "domain": "omani.works", "create": true, "nameservers": ["ns1.example.net", "ns2.example.org"],
                "hold_seconds": 3600, "max_hold_seconds": 86_400, "max_total_hold_seconds": 604_800, "open": false
            })
        );
    }
}
