//! `conformance run`: checks against targets.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use crate::report;
use crate::run::{Verdict, run, trials};
use crate::target::Target;

/// Targets, and which checks.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// VENDOR@simulator, VENDOR@sandbox or VENDOR@production; the vendor may be `all`
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// Only checks whose name contains this
    #[arg(long, default_value = "", value_name = "TEXT")]
    filter: String,
    /// Write the ends of all trials to this file as JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also name the checks that say nothing about a vendor
    #[arg(long)]
    all: bool,
}

/// Runs them. 0 when every promise was kept, 1 when one was not, 2 when a target or check is not there.
pub async fn main(args: RunArgs) -> Result<ExitCode> {
    let mut targets = Vec::new();
    for text in &args.targets {
        match Target::parse(text, |name| std::env::var(name).ok()) {
            Ok(named) => targets.extend(named),
            Err(error) => {
                eprintln!("{error:#}");
                return Ok(ExitCode::from(2));
            }
        }
    }
    let trials = trials(&targets, &args.filter);
    if trials.is_empty() {
        eprintln!("no check is called `{}`", args.filter);
        return Ok(ExitCode::from(2));
    }
    let mut ends = Vec::new();
    run(trials, |ended| {
        if args.all || !matches!(ended.verdict, Verdict::Inapplicable(_)) {
            println!("{}", report::line(&ended));
        }
        ends.push(ended);
    })
    .await;
    ends.sort_by(|one, other| (&one.target, one.check).cmp(&(&other.target, other.check)));
    println!();
    print!("{}", report::summary(&ends));
    if let Some(path) = &args.junit {
        std::fs::write(path, report::junit(&ends))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let broken = ends
        .iter()
        .any(|ended| matches!(ended.verdict, Verdict::Broken(_)));
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
