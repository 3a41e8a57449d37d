//! Names made live per second: the replaced system, bare PowerDNS calls and the control plane, taking turns.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use powerdns_client::CanonicalName;

use crate::contender::Contender;
use crate::figures::{Series, number, percentile};
use crate::labels;
use crate::load::Load;
use crate::options::{Effort, Options};
use crate::report::{Section, Table, verdict};
use crate::stage::Stage;
use crate::turn::{self, Turn};

/// Names at a time.
const IN_FLIGHT: [usize; 3] = [1, 8, 32];
/// Delegations of the parent on which the replaced system is slow.
const MANY: usize = 10_000;
/// The control plane's pool.
const POOL: &str = "pdm-pool.test";
/// The least share of bare PowerDNS' rate to reach with 32 in flight.
const SHARE_OF_BARE: f64 = 0.7;
/// The least multiple of the replaced system's rate to reach with 32 in flight.
const TIMES_REPLACED: f64 = 25.0;

/// All turns of one contender with so many names in flight.
#[derive(Default)]
struct Cell {
    rates: Series,
    failures: usize,
    names_per_patch: Series,
    /// Median time of one name, milliseconds.
    middle: Series,
    powerdns: Series,
    pdm: Series,
    bench: Series,
}

impl Cell {
    fn add(&mut self, turn: &Turn) {
        if let Some(failure) = turn.outcome.failures.first() {
            eprintln!(
                "   failures: {}, the first: {failure}",
                turn.outcome.failures.len()
            );
        }
        self.rates.push(turn.outcome.rate());
        self.failures += turn.outcome.failures.len();
        if turn.patches > 0 {
            self.names_per_patch
                .push(number(turn.outcome.times.len()) / f64::from(turn.patches));
        }
        if let Some(middle) = percentile(&turn.outcome.times, 0.5) {
            self.middle.push(middle.as_secs_f64() * 1e3);
        }
        self.powerdns.push(turn.cpu.powerdns);
        self.pdm.push(turn.cpu.pdm);
        self.bench.push(turn.cpu.bench);
    }
}

/// All turns with so many names in flight.
#[derive(Default)]
struct Line {
    in_flight: usize,
    replaced: Cell,
    bare: Cell,
    pdm: Cell,
}

/// The control plane and its pool.
struct Tenants {
    stage: Stage,
    contender: Arc<dyn Contender>,
    parent: CanonicalName,
}

pub(super) async fn run(options: &Options, section: &mut Section) -> Result<()> {
    let stage = Stage::start(options).await?;
    let effort = options.effort();
    let (contender, parent) = stage.pool(POOL, 0).await?;
    let tenants = Tenants {
        stage,
        contender: Arc::new(contender),
        parent,
    };
    let mut lines = IN_FLIGHT.map(|in_flight| Line {
        in_flight,
        ..Line::default()
    });
    for round in 1..=effort.rounds {
        for line in &mut lines {
            eprintln!(
                "   round {round} of {}, {} in flight",
                effort.rounds, line.in_flight
            );
            tenants.one_round(&effort, line).await?;
        }
    }
    rates(section, &lines);
    costs(section, &lines);
    many_delegations(&tenants.stage, options, section, &lines).await
}

impl Tenants {
    /// A turn of each contender. The others begin with an empty parent.
    async fn one_round(&self, effort: &Effort, line: &mut Line) -> Result<()> {
        let load = effort.load(line.in_flight);
        let world = &self.stage.world;

        let (replaced, parent) = self
            .stage
            .replaced(&format!("{}.test", labels::fresh()), 0)
            .await?;
        let replaced = Arc::new(replaced);
        let contender: Arc<dyn Contender> = Arc::clone(&replaced) as _;
        line.replaced
            .add(&turn::take(world, None, &parent, contender, load).await?);
        line.replaced.failures += replaced.errors();

        let (bare, parent) = self.stage.bare(&format!("{}.test", labels::fresh())).await?;
        line.bare
            .add(&turn::take(world, None, &parent, Arc::new(bare), load).await?);

        let pid = self.stage.pdm.pid()?;
        line.pdm
            .add(&turn::take(world, Some(pid), &self.parent, Arc::clone(&self.contender), load).await?);

        let label = labels::fresh();
        self.contender.make_live(&label).await?;
        self.stage.check_secure(&format!("{label}.{POOL}")).await
    }
}

fn rates(section: &mut Section, lines: &[Line]) {
    section.text(
        "Median (least–most) over the rounds; a ratio is of turns of one round. pdm counts a name when its operation has \
         succeeded: every server asked, the parent's DS seen, a validating walk from the root secure. After each turn of \
         pdm, BIND validates one more name. A failed verb of the replaced system is sent again until it succeeds, and \
         counted.",
    );
    let mut table = Table::new([
        "in flight",
        "replaced system, empty pool",
        "bare PowerDNS calls",
        "pdm",
        "pdm / bare",
        "pdm / replaced",
        "failures: replaced, bare, pdm",
    ]);
    for Line {
        in_flight,
        replaced,
        bare,
        pdm,
    } in lines
    {
        table.line(&[
            in_flight.to_string(),
            replaced.rates.to_string(),
            bare.rates.to_string(),
            pdm.rates.to_string(),
            pdm.rates.over(&bare.rates).to_string(),
            pdm.rates.over(&replaced.rates).to_string(),
            format!("{}, {}, {}", replaced.failures, bare.failures, pdm.failures),
        ]);
    }
    section.table(&table);
    if let Some(last) = lines.last() {
        let reached = |ratio: Series, aim: f64| verdict(ratio.median().is_some_and(|ratio| ratio >= aim));
        let failures: usize = lines.iter().map(|line| line.pdm.failures).sum();
        section.text(format!(
            "Aims with {} in flight: at least {SHARE_OF_BARE} of bare calls, {}; at least {TIMES_REPLACED} times the \
             replaced system, {}. No failures of pdm: {}.",
            last.in_flight,
            reached(last.pdm.rates.over(&last.bare.rates), SHARE_OF_BARE),
            reached(last.pdm.rates.over(&last.replaced.rates), TIMES_REPLACED),
            verdict(failures == 0),
        ));
    }
}

fn costs(section: &mut Section, lines: &[Line]) {
    section.text(
        "Where the time goes. Processor time of all PowerDNS processes, of pdm and of this program, for each name; for \
         bare calls this program is the client of PowerDNS.",
    );
    let mut table = Table::new([
        "in flight",
        "contender",
        "one name, ms",
        "names in a PATCH of the parent",
        "PowerDNS, ms CPU",
        "pdm, ms CPU",
        "bench, ms CPU",
    ]);
    for line in lines {
        for (name, cell) in [
            ("replaced", &line.replaced),
            ("bare", &line.bare),
            ("pdm", &line.pdm),
        ] {
            table.line(&[
                line.in_flight.to_string(),
                name.to_owned(),
                cell.middle.to_string(),
                cell.names_per_patch.to_string(),
                cell.powerdns.to_string(),
                cell.pdm.to_string(),
                cell.bench.to_string(),
            ]);
        }
    }
    section.table(&table);
}

/// The replaced system on a large pool. It is so slow there that turns with few names must do.
async fn many_delegations(
    stage: &Stage,
    options: &Options,
    section: &mut Section,
    lines: &[Line],
) -> Result<()> {
    eprintln!("   the replaced system with {MANY} delegations");
    let effort = options.effort();
    let (replaced, parent) = stage.replaced("replaced-large.test", MANY).await?;
    let replaced = Arc::new(replaced);
    // With 32 in flight a single turn takes half a minute on SQLite.
    let (rounds, lines) = if options.is_full() {
        (3, lines)
    } else {
        (1, &lines[..2])
    };
    let mut table = Table::new([
        "in flight",
        "replaced system, 10 000 delegations",
        "pdm (above)",
        "pdm / replaced",
        "failures of the replaced system",
    ]);
    for line in lines {
        let mut cell = Cell::default();
        let errors = replaced.errors();
        for _ in 0..rounds {
            let load = Load {
                at_most: effort.slow_turn,
                ..effort.load(line.in_flight)
            };
            let contender: Arc<dyn Contender> = Arc::clone(&replaced) as _;
            cell.add(&turn::take(&stage.world, None, &parent, contender, load).await?);
        }
        cell.failures += replaced.errors() - errors;
        let (slow, fast) = cell
            .rates
            .median()
            .zip(line.pdm.rates.median())
            .context("turns were taken")?;
        let mut ratio = Series::default();
        ratio.push(fast / slow);
        table.line(&[
            line.in_flight.to_string(),
            cell.rates.to_string(),
            line.pdm.rates.to_string(),
            ratio.to_string(),
            cell.failures.to_string(),
        ]);
    }
    section.table(&table);
    Ok(())
}
