//! Reserves: latency when they come at a fixed rate, and throughput beside the replaced system's.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::figures::{Series, percentile};
use crate::labels;
use crate::load::{closed_loop, open_loop};
use crate::options::Options;
use crate::report::{Section, Table, verdict};
use crate::stage::Stage;

/// Requests per second of the open loop.
const RATE: u32 = 200;
/// The most that the slowest of a hundred may take.
const MOST: Duration = Duration::from_millis(50);
/// Requests at a time of the closed loop.
const IN_FLIGHT: usize = 8;
/// The least multiple of the replaced system's throughput.
const TIMES_REPLACED: f64 = 10.0;

pub(super) async fn run(options: &Options, section: &mut Section) -> Result<()> {
    let stage = Stage::start(options).await?;
    let effort = options.effort();
    let (tenants, _) = stage.pool("reserve.test", 0).await?;
    let reserve = move || {
        let tenants = tenants.clone();
        async move { tenants.reserve(&labels::fresh()).await.map(drop) }
    };
    let [mut middle, mut late, mut last] = [Series::default(), Series::default(), Series::default()];
    let [mut new, mut old] = [Series::default(), Series::default()];
    let (mut failures, mut old_failures) = (Vec::new(), 0);
    for round in 1..=effort.rounds {
        eprintln!("   round {round} of {}", effort.rounds);
        let outcome = open_loop(RATE, effort.open_loop, reserve.clone()).await?;
        for (series, part) in [(&mut middle, 0.5), (&mut late, 0.99), (&mut last, 1.0)] {
            if let Some(time) = percentile(&outcome.times, part) {
                series.push(time.as_secs_f64() * 1e3);
            }
        }
        failures.extend(outcome.failures);

        let load = crate::load::Load {
            requests: usize::MAX,
            ..effort.load(IN_FLIGHT)
        };
        let outcome = closed_loop(load, reserve.clone()).await?;
        new.push(outcome.rate());
        failures.extend(outcome.failures);

        let (replaced, _) = stage.replaced(&format!("{}.test", labels::fresh()), 0).await?;
        let replaced = Arc::new(replaced);
        let contender = Arc::clone(&replaced);
        let outcome = closed_loop(effort.load(IN_FLIGHT), move || {
            let replaced = Arc::clone(&contender);
            async move {
                let label = labels::fresh();
                replaced.repeated(|| replaced.reserve(&label)).await
            }
        })
        .await?;
        old.push(outcome.rate());
        old_failures += replaced.errors() + outcome.failures.len();
    }
    let mut table = Table::new(["", "pdm", "replaced system, empty pool", "ratio"]);
    let none = || "–".to_owned();
    for (name, series) in [("p50", &middle), ("p99", &late), ("slowest", &last)] {
        table.line(&[
            format!("{RATE} requests/s, {name}, ms"),
            series.to_string(),
            none(),
            none(),
        ]);
    }
    let ratio = new.over(&old);
    table.line(&[
        format!("reserves/s with {IN_FLIGHT} in flight"),
        new.to_string(),
        old.to_string(),
        ratio.to_string(),
    ]);
    table.line(&[
        "failures".into(),
        failures.len().to_string(),
        old_failures.to_string(),
        none(),
    ]);
    section.text(
        "Times are counted from the moment at which a request was due. Failed reserves of the replaced system are sent \
         again until they succeed.",
    );
    section.table(&table);
    section.text(format!(
        "Aims: p99 under {} ms, {}; {TIMES_REPLACED} times the replaced system's throughput, {}; no failures, {}.",
        MOST.as_millis(),
        verdict(late.median().is_some_and(|late| late < MOST.as_secs_f64() * 1e3)),
        verdict(ratio.median().is_some_and(|ratio| ratio >= TIMES_REPLACED)),
        verdict(failures.is_empty()),
    ));
    if let Some(failure) = failures.first() {
        section.text(format!("First failure: {failure}"));
    }
    Ok(())
}
