//! The program `pdm`.

use std::process::ExitCode;

use clap::Parser as _;
use pdm::cli::args::Cli;

/// The system's allocator keeps what a reconcile pass over a large pool needed, once for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pdm::cli::run(Cli::parse())
}
