//! One turn of a contender: a closed loop of names, and what it took.

use std::sync::Arc;

use anyhow::Result;
use conformance::world::World;
use powerdns_client::CanonicalName;

use crate::contender::Contender;
use crate::figures::number;
use crate::labels;
use crate::load::{Load, Outcome, closed_loop};
use crate::process::cpu_time;
use crate::zones::changes_so_far;

/// What came of a turn.
#[derive(Debug)]
pub struct Turn {
    /// Times and failures.
    pub outcome: Outcome,
    /// Changes of the parent through the API.
    pub patches: u32,
    /// Processor time for each name, by process.
    pub cpu: Cpu,
}

/// Processor time for each name, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// All PowerDNS processes.
    pub powerdns: f64,
    /// The control plane.
    pub pdm: f64,
    /// This program, which for the other contenders is also the one that calls PowerDNS.
    pub bench: f64,
}

/// Lets a contender make names live below its parent. `pdm` is the control plane's process, when it is its turn.
pub async fn take(
    world: &World,
    pdm: Option<u32>,
    parent: &CanonicalName,
    contender: Arc<dyn Contender>,
    load: Load,
) -> Result<Turn> {
    let times = || -> Result<[f64; 3]> {
        let mut powerdns = 0.0;
        for pid in world.servers().filter_map(conformance_servers::PowerDns::pid) {
            powerdns += cpu_time(pid)?.as_secs_f64();
        }
        let pdm = pdm.map_or(Ok(0.0), |pid| cpu_time(pid).map(|time| time.as_secs_f64()))?;
        Ok([powerdns, pdm, cpu_time(std::process::id())?.as_secs_f64()])
    };
    let (patches, before) = (changes_so_far(world, parent).await?, times()?);
    let outcome = closed_loop(load, move || {
        let contender = Arc::clone(&contender);
        async move { contender.make_live(&labels::fresh()).await }
    })
    .await?;
    let (after, names) = (times()?, number(outcome.times.len().max(1)));
    let each = |index: usize| (after[index] - before[index]) * 1e3 / names;
    Ok(Turn {
        patches: changes_so_far(world, parent).await? - patches,
        cpu: Cpu {
            powerdns: each(0),
            pdm: each(1),
            bench: each(2),
        },
        outcome,
    })
}
