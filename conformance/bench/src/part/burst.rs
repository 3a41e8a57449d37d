//! 200 commits at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::contender::{Replaced, ThroughPdm};
use crate::figures::{Series, milliseconds, percentile};
use crate::labels;
use crate::load::{Load, Outcome, closed_loop};
use crate::options::Options;
use crate::report::{Section, Table, verdict};
use crate::stage::Stage;
use crate::zones::changes_so_far;

/// Commits at once.
const COMMITS: usize = 200;
/// The most PATCHes of the parent that they may take.
const MOST_PATCHES: u32 = 20;
/// Names that are made ready at a time, before the measurement.
const PREPARED_AT_A_TIME: usize = 8;

pub(super) async fn run(options: &Options, section: &mut Section) -> Result<()> {
    let stage = Stage::start(options).await?;
    let (tenants, parent) = stage.pool("burst.test", 0).await?;
    let (mut seconds, mut patches) = (Series::default(), Vec::new());
    let mut all = Outcome::default();
    for round in 1..=options.effort().rounds {
        eprintln!("   round {round} of {}", options.effort().rounds);
        let before = changes_so_far(&stage.world, &parent).await?;
        let outcome = through_pdm(&tenants).await?;
        patches.push(changes_so_far(&stage.world, &parent).await? - before);
        seconds.push(outcome.elapsed.as_secs_f64());
        all.times.extend(outcome.times);
        all.failures.extend(outcome.failures);
    }
    eprintln!("   the replaced system");
    let (replaced, _) = stage.replaced("replaced-burst.test", 0).await?;
    let old = through_replaced(replaced).await?;

    let mut table = Table::new(["", "pdm", "replaced system, one turn"]);
    table.line(&[
        "all ended after, s".into(),
        seconds.to_string(),
        format!("{:.2}", old.elapsed.as_secs_f64()),
    ]);
    let times = |outcome: &Outcome| {
        let [middle, late] = [0.5, 0.99].map(|part| milliseconds(percentile(&outcome.times, part)));
        format!("{middle} / {late}")
    };
    table.line(&["one commit, p50 / p99".into(), times(&all), times(&old)]);
    table.line(&[
        "failures".into(),
        all.failures.len().to_string(),
        old.failures.len().to_string(),
    ]);
    let listed: Vec<String> = patches.iter().map(u32::to_string).collect();
    table.line(&[
        "PATCHes of the parent, by turn".into(),
        listed.join(", "),
        "none: reserve wrote there".into(),
    ]);
    section.text(
        "The replaced system's commit only fills a zone that its reserve has made and delegated; pdm's makes the zone, \
         delegates and validates it.",
    );
    section.table(&table);
    let most = patches.iter().max().copied().unwrap_or_default();
    section.text(format!(
        "Aims: no failures, {}; at most {MOST_PATCHES} PATCHes of the parent, {}.",
        verdict(all.failures.is_empty()),
        verdict(most <= MOST_PATCHES),
    ));
    if let Some(failure) = all.failures.first() {
        section.text(format!("First failure of pdm: {failure}"));
    }
    Ok(())
}

async fn through_pdm(tenants: &ThroughPdm) -> Result<Outcome> {
    let held = Arc::new(Mutex::new(Vec::new()));
    let (reserving, taken) = (tenants.clone(), Arc::clone(&held));
    let prepared = prepare(move || {
        let (tenants, taken) = (reserving.clone(), Arc::clone(&taken));
        async move {
            let reservation = tenants.reserve(&labels::fresh()).await?;
            taken
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reservation);
            Ok(())
        }
    })
    .await?;
    anyhow::ensure!(
        prepared.failures.is_empty(),
        "reserve failed: {:?}",
        prepared.failures.first()
    );
    let tenants = tenants.clone();
    at_once(move || {
        let (tenants, next) = (
            tenants.clone(),
            held.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        );
        async move {
            tenants
                .commit(&next.context("there is a reservation for each commit")?)
                .await
        }
    })
    .await
}

async fn through_replaced(replaced: Replaced) -> Result<Outcome> {
    let replaced = Arc::new(replaced);
    let mut made = Vec::new();
    while made.len() < COMMITS {
        let label = labels::fresh();
        replaced.repeated(|| replaced.reserve(&label)).await?;
        made.push(label);
    }
    let made = Mutex::new(made);
    at_once(move || {
        let (replaced, next) = (
            Arc::clone(&replaced),
            made.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        );
        async move {
            Ok(replaced
                .commit(&next.context("there is a name for each commit")?)
                .await?)
        }
    })
    .await
}

async fn prepare<F>(request: impl Fn() -> F + Send + Sync + 'static) -> Result<Outcome>
where
    F: Future<Output = Result<()>> + Send,
{
    let load = Load {
        in_flight: PREPARED_AT_A_TIME,
        requests: COMMITS,
        at_most: Duration::MAX,
    };
    closed_loop(load, request).await
}

async fn at_once<F>(request: impl Fn() -> F + Send + Sync + 'static) -> Result<Outcome>
where
    F: Future<Output = Result<()>> + Send,
{
    let load = Load {
        in_flight: COMMITS,
        requests: COMMITS,
        at_most: Duration::MAX,
    };
    closed_loop(load, request).await
}
