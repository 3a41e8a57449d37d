//! How requests are sent: a fixed number in flight, or a fixed rate.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use crate::figures::number;

/// How much a closed loop does.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests at a time.
    pub in_flight: usize,
    /// Requests in all.
    pub requests: usize,
    /// After this time no more are started; those in flight are finished.
    pub at_most: Duration,
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How long each success took.
    pub times: Vec<Duration>,
    /// What failed, as it was said.
    pub failures: Vec<String>,
    /// From the first start to the last end.
    pub elapsed: Duration,
}

impl Outcome {
    /// Successes per second.
    pub fn rate(&self) -> f64 {
        number(self.times.len()) / self.elapsed.as_secs_f64()
    }

    fn add(&mut self, began: Instant, result: Result<()>) {
        match result {
            Ok(()) => self.times.push(began.elapsed()),
            Err(error) => self.failures.push(format!("{error:#}")),
        }
    }
}

/// Keeps so many requests in flight that there are always `in_flight`, until the load is done.
pub async fn closed_loop<F>(load: Load, request: impl Fn() -> F + Send + Sync + 'static) -> Result<Outcome>
where
    F: Future<Output = Result<()>> + Send,
{
    let request = Arc::new(request);
    let started = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut places = JoinSet::new();
    for _ in 0..load.in_flight {
        let (request, started) = (Arc::clone(&request), Arc::clone(&started));
        places.spawn(async move {
            let mut outcome = Outcome::default();
            while begin.elapsed() < load.at_most && started.fetch_add(1, Ordering::Relaxed) < load.requests {
                let began = Instant::now();
                outcome.add(began, request().await);
            }
            outcome
        });
    }
    collect(begin, places).await
}

/// Starts requests at a fixed rate, whether earlier ones have ended or not. Each is timed from the moment it was due, so
/// that a server that falls behind cannot hide it.
pub async fn open_loop<F>(
    per_second: u32,
    length: Duration,
    request: impl Fn() -> F + Send + Sync + 'static,
) -> Result<Outcome>
where
    F: Future<Output = Result<()>> + Send,
{
    let request = Arc::new(request);
    let begin = Instant::now();
    let mut requests = JoinSet::new();
    let mut due = begin;
    while due < begin + length {
        tokio::time::sleep_until(due.into()).await;
        let request = Arc::clone(&request);
        requests.spawn(async move {
            let mut outcome = Outcome::default();
            outcome.add(due, request().await);
            outcome
        });
        due += Duration::from_secs(1) / per_second;
    }
    collect(begin, requests).await
}

async fn collect(begin: Instant, mut tasks: JoinSet<Outcome>) -> Result<Outcome> {
    let mut all = Outcome::default();
    while let Some(outcome) = tasks.join_next().await {
        let Outcome { times, failures, .. } = outcome?;
        all.times.extend(times);
        all.failures.extend(failures);
    }
    all.elapsed = begin.elapsed();
    Ok(all)
}
