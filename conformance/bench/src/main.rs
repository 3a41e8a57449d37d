//! `pdm-bench`: what the control plane costs, beside bare PowerDNS and beside the system it replaces.
//!
//! All contenders work on the same real servers in one run, taking turns, so that their ratios hold on a machine that
//! has other work too. Nothing is asserted: the result is a table of medians, spreads and ratios.
//!
//! * [`stage`]: the servers and the control plane, made anew for each part;
//! * [`contender`]: the three ways to make a name live;
//! * [`load`]: how requests are sent, closed loop and open loop;
//! * [`part`]: what is measured, one file for each table;
//! * [`figures`], [`report`]: from numbers to tables.

mod contender;
mod control_plane;
mod figures;
mod labels;
mod load;
mod machine;
mod options;
mod part;
mod process;
mod report;
mod stage;
mod turn;
mod zones;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use options::Options;
use report::Report;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    tokio::select! {
        // Servers that run by then end with their values.
        stopped = asked_to_stop() => match stopped {
            Ok(()) => {
                eprintln!("Stopped; the servers have been ended.");
                ExitCode::from(130)
            }
            Err(error) => failed(&error),
        },
        result = measure(&options) => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("pdm-bench: {error:#}");
    ExitCode::FAILURE
}

async fn measure(options: &Options) -> Result<()> {
    let mut report = Report::new(machine::describe(options));
    for part in options.parts() {
        eprintln!("== {}", part.title());
        let section = part.run(options).await.with_context(|| part.title().to_owned())?;
        println!("{section}");
        report.add(section);
    }
    let text = report.to_string();
    println!("{}", report.heading());
    if let Some(path) = &options.report {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn asked_to_stop() -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
