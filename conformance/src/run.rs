//! Trials: checks times subjects.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, stream};

use crate::check::{Check, Needs, Outcome};
use crate::checks;
use crate::sim::fixtures::Fixtures;
use crate::subject::Subject;
use crate::target::{Kind, Opened, Target};

/// No trial takes longer at a simulator; one that does hangs.
const LONGEST: Duration = Duration::from_secs(180);
/// Trials at a time: nearly all of their time is waiting.
const AT_A_TIME: usize = 12;

/// One check against one target.
pub struct Trial {
    /// The target.
    pub target: Target,
    /// The check.
    pub check: Check,
}

/// How a trial ended.
pub struct Ended {
    /// `ovh@simulator`.
    pub target: String,
    /// `nameservers::second_write_is_unchanged`.
    pub check: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// What came of a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The promise was kept.
    Kept,
    /// It was not; what was seen instead.
    Broken(String),
    /// The check could not be run here; why.
    Skipped(String),
    /// The check says nothing about this vendor; why.
    Inapplicable(String),
}

/// All trials of some targets whose names contain `filter`.
pub fn trials(targets: &[Target], filter: &str) -> Vec<Trial> {
    let of = |target: &Target| {
        let target = target.clone();
        let checks = checks::all()
            .into_iter()
            .filter(|check| check.name.contains(filter));
        checks
            .map(move |check| Trial {
                target: target.clone(),
                check,
            })
            .collect::<Vec<_>>()
    };
    targets.iter().flat_map(of).collect()
}

/// Runs trials and tells each end as it comes. Real accounts see one trial at a time.
pub async fn run(trials: Vec<Trial>, mut tell: impl FnMut(Ended)) {
    let (simulated, real): (Vec<_>, Vec<_>) = trials
        .into_iter()
        .partition(|trial| trial.target.kind() == Kind::Simulator);
    let mut ends = stream::iter(simulated)
        .map(Trial::run)
        .buffer_unordered(AT_A_TIME);
    while let Some(ended) = ends.next().await {
        tell(ended);
    }
    for trial in real {
        tell(trial.run().await);
    }
}

impl Trial {
    /// Runs it in a world of its own, or at the real account, which is put back afterwards.
    pub async fn run(self) -> Ended {
        let begun = Instant::now();
        let verdict = match self.verdict().await {
            Ok(verdict) => verdict,
            Err(error) => Verdict::Broken(format!("{error:#}")),
        };
        Ended {
            target: self.target.to_string(),
            check: self.check.name,
            verdict,
            took: begun.elapsed(),
        }
    }

    async fn verdict(&self) -> anyhow::Result<Verdict> {
        let subject = match &self.target.opened {
            Opened::Simulator => Subject::simulated(self.target.vendor, None).await?,
            Opened::Real {
                kind,
                endpoint,
                fixtures,
            } => {
                let possible = if *kind == Kind::Production {
                    Needs::ReadOnly
                } else {
                    Needs::Mutating
                };
                if self.check.needs > possible {
                    let because = match self.check.needs {
                        Needs::Simulator => "it needs a simulator",
                        _ => "production is read-only",
                    };
                    return Ok(Verdict::Skipped(because.to_owned()));
                }
                Subject::real(
                    self.target.vendor,
                    endpoint.clone(),
                    *kind == Kind::Production,
                    Fixtures::clone(fixtures),
                )
            }
        };
        if let Err(because) = (self.check.applies)(&subject.facts()) {
            return Ok(Verdict::Inapplicable(because));
        }
        let before = match (self.check.needs, self.target.kind()) {
            (Needs::Mutating, Kind::Sandbox) => Some(subject.before().await?),
            _ => None,
        };
        let outcome = held(&self.check, &subject, self.target.kind()).await;
        let tidied = match before {
            Some(before) => subject.put_back(&before).await,
            None => Ok(()),
        };
        outcome?;
        tidied?;
        Ok(Verdict::Kept)
    }
}

/// Runs a check; a panic in an adapter is a broken promise, not the end of the run.
async fn held(check: &Check, subject: &Subject, kind: Kind) -> Outcome {
    let run = AssertUnwindSafe((check.run)(subject)).catch_unwind();
    let ended = if kind == Kind::Simulator {
        let timed = tokio::time::timeout(LONGEST, run).await;
        timed.map_err(|_| anyhow::anyhow!("no end after {} seconds", LONGEST.as_secs()))?
    } else {
        run.await
    };
    ended.unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        anyhow::bail!("a panic: {}", said.unwrap_or_default())
    })
}

/// Runs one check on a subject that somebody else made: the self-check.
pub async fn on(check: &Check, subject: &Subject) -> Verdict {
    if let Err(because) = (check.applies)(&subject.facts()) {
        return Verdict::Inapplicable(because);
    }
    match held(check, subject, Kind::Simulator).await {
        Ok(()) => Verdict::Kept,
        Err(error) => Verdict::Broken(format!("{error:#}")),
    }
}
