//! The commands.
//!
//! [`client`] asks a running server; the others run beside the store.

pub mod args;
mod bootstrap;
pub mod client;
mod doctor;
mod serve;

use std::path::Path;
use std::process::ExitCode;

use args::{Cli, ClientCommand, Command, KeyCommand};

use crate::config::Config;
use crate::store::Store;

/// Runs the command and answers the exit status: 0 done, 1 failed, 2 usage, 3 waiting for somebody, 4 not reachable.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    match cli.command {
        Command::Serve(args) => report(runtime.block_on(serve::serve(args.config.as_deref()))),
        Command::Migrate(args) => report(runtime.block_on(migrate(args.config.as_deref()))),
        Command::Doctor(args) => runtime.block_on(doctor::doctor(args.config.as_deref())),
        Command::Openapi => {
            println!("{}", crate::http::openapi().to_pretty_json().unwrap_or_default());
            ExitCode::SUCCESS
        }
        Command::Completions { shell } => args::completions(shell),
        Command::Client(ClientCommand::Key(KeyCommand::Create(args))) if args.bootstrap => {
            let output = cli.global.output;
            report(runtime.block_on(bootstrap::first_key(
                args.server.config.as_deref(),
                &args.name,
                output,
            )))
        }
        Command::Client(command) => runtime.block_on(client::run(&cli.global, command)),
    }
}

async fn migrate(config: Option<&Path>) -> anyhow::Result<()> {
    let config = Config::load(config)?;
    let store = Store::open(&config.store.url).await?;
    println!("The store ({}) has the tables of this version.", store.kind());
    Ok(())
}

fn report(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("pdm: {text}");
    ExitCode::FAILURE
}
