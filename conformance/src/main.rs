//! `conformance`: runs the lab.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use conformance::lab;

#[derive(Debug, Parser)]
#[command(version, about = "The world of the control plane on one machine")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the lab, or end one that runs in the background
    Lab(lab::LabArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Lab(args) = Arguments::parse().command;
    match lab::main(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
