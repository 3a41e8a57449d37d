//! The lab: the world, with the control plane in it, for people and for tests that look from outside.
//!
//! [`run`] in the foreground until Ctrl-C, [`background`] to start and end one that runs on its own. What others need
//! to know of a running lab is in one file, [`state_file`].

mod background;
mod control_plane;
mod options;
mod registrars;
mod run;
mod state_file;
mod welcome;

use anyhow::Result;
use clap::{Args, Subcommand};

use options::Options;

/// `conformance lab`
#[derive(Debug, Args)]
pub struct LabArgs {
    #[command(subcommand)]
    command: Option<LabCommand>,
    /// Start in the background and return when everything answers
    #[arg(long)]
    detach: bool,
    /// Start the name servers and the resolver only, without a control plane
    #[arg(long)]
    dns_only: bool,
    /// How it is set up.
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum LabCommand {
    /// End the lab that runs in the background
    Stop,
}

/// Does what the command line says.
pub async fn main(args: LabArgs) -> Result<()> {
    match (args.command, args.detach) {
        (Some(LabCommand::Stop), _) => background::stop(&args.options).await,
        (None, true) => background::start(&args.options).await,
        (None, false) => run::run(&args.options, args.dns_only).await,
    }
}
