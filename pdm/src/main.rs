//! The program `pdm`.

use std::process::ExitCode;

use clap::Parser as _;
use pdm::cli::args::Cli;

fn main() -> ExitCode {
    pdm::cli::run(Cli::parse())
}
