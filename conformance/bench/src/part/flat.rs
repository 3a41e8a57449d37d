//! Whether a name costs the same however many names its pool has.

use std::sync::Arc;

use anyhow::Result;
use powerdns_client::CanonicalName;

use crate::contender::Contender;
use crate::figures::Series;
use crate::options::Options;
use crate::report::{Section, Table, verdict};
use crate::stage::Stage;
use crate::turn;

/// Delegations of the two pools.
const DELEGATIONS: [usize; 2] = [100, 50_000];
/// Names at a time.
const IN_FLIGHT: [usize; 2] = [1, 8];
/// The most that a name in the large pool may cost, against one in the small pool.
const MOST: f64 = 1.3;

struct Pool {
    contender: Arc<dyn Contender>,
    parent: CanonicalName,
    rates: [Series; 2],
    failures: usize,
}

pub(super) async fn run(options: &Options, section: &mut Section) -> Result<()> {
    let stage = Stage::start(options).await?;
    let effort = options.effort();
    let mut pools = Vec::new();
    for delegations in DELEGATIONS {
        eprintln!("   making a pool with {delegations} delegations");
        let (tenants, parent) = stage
            .pool(&format!("flat-{delegations}.test"), delegations)
            .await?;
        pools.push(Pool {
            contender: Arc::new(tenants),
            parent,
            rates: [Series::default(), Series::default()],
            failures: 0,
        });
    }
    for round in 1..=effort.rounds {
        eprintln!("   round {round} of {}", effort.rounds);
        for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
            for pool in &mut pools {
                let contender = Arc::clone(&pool.contender);
                let pid = stage.pdm.pid()?;
                let load = effort.load(in_flight);
                let turn = turn::take(&stage.world, Some(pid), &pool.parent, contender, load).await?;
                pool.rates[index].push(turn.outcome.rate());
                pool.failures += turn.outcome.failures.len();
            }
        }
    }
    let mut table = Table::new([
        "in flight",
        "names/s, 100 delegations",
        "names/s, 50 000 delegations",
        "cost at 50 000 / cost at 100",
        "aim",
    ]);
    let [small, large] = [&pools[0], &pools[1]];
    for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
        // The cost of a name is the reciprocal of the rate.
        let ratio = small.rates[index].over(&large.rates[index]);
        table.line(&[
            in_flight.to_string(),
            small.rates[index].to_string(),
            large.rates[index].to_string(),
            ratio.to_string(),
            format!(
                "at most {MOST}: {}",
                verdict(ratio.median().is_some_and(|ratio| ratio <= MOST))
            ),
        ]);
    }
    section.table(&table);
    section.text(format!("Failures: {}.", small.failures + large.failures));
    Ok(())
}
