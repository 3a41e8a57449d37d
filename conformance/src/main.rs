//! `conformance`: holds registrar adapters to their contract, plays registrars, and runs the lab.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use conformance::{cli, lab};

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Does it behave? Checks of registrar adapters, simulated registrars, and the lab"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the lab, or end one that runs in the background
    Lab(lab::LabArgs),
    /// Run checks: `run all@simulator`, `run ovh@production`
    Run(cli::run::RunArgs),
    /// Write the page about what each vendor can
    Matrix(cli::matrix::MatrixArgs),
    /// Open one account and do one thing
    Call(Box<cli::call::CallArgs>),
    /// Serve simulated registrars until interrupted
    Serve(cli::serve::ServeArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Lab(args) => lab::main(args).await.map(|()| ExitCode::SUCCESS),
        Command::Run(args) => cli::run::main(args).await,
        Command::Matrix(args) => cli::matrix::main(&args),
        Command::Call(args) => return cli::call::main(*args).await,
        Command::Serve(args) => cli::serve::main(args).await,
    };
    ended.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}
