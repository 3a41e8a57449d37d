//! Staying with an operation until it has ended, needs somebody, or whoever waits has to go.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::api::{Api, Request};
use super::events::{Pace, gather, nudges};
use super::failure::Failure;
use super::model::{Operation, Standing};

/// An operation as it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it is.
    pub operation: Operation,
    /// How the server wrote it.
    pub text: String,
}

impl Seen {
    /// Looks at the operation of this id.
    pub async fn look(api: &Api, id: &str) -> Result<Self, Failure> {
        let answer = api.send(&Request::get(["operations", id])).await?;
        Ok(Self {
            operation: answer.read()?,
            text: answer.text,
        })
    }
}

/// Why nobody stays any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has ended or needs somebody.
    Settled,
    /// The time to wait ran out.
    TimeUp,
    /// The user went.
    Interrupted,
}

/// Where the progress of an operation is shown.
pub trait Screen {
    /// Shows the operation as it is at `now`; `away_since` says since when the server does not answer. Called at
    /// every change and every second.
    fn show(&mut self, seen: &Seen, away_since: Option<Timestamp>, now: Timestamp) -> io::Result<()>;
}

/// Follows an operation from what was seen of it first.
///
/// `until` is the end of the wait; `interrupted` completes when the user goes. Either leaves the work as it is.
pub async fn follow(
    api: &Api,
    first: Seen,
    pace: &Pace,
    until: Option<Instant>,
    interrupted: impl Future<Output = ()>,
    screen: &mut dyn Screen,
) -> Result<(Seen, Left), Failure> {
    let mut seen = first;
    let id = seen.operation.id.clone();
    let mut away: Option<(Instant, Timestamp)> = None;
    let nudge = Notify::new();
    let mut events = std::pin::pin!(nudges(api, &id, pace, &nudge));
    let mut interrupted = std::pin::pin!(interrupted);
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_look = Instant::now() + pace.distrust;
    loop {
        let now = Timestamp::now();
        screen.show(&seen, away.map(|(_, since)| since), now)?;
        if seen.operation.standing(now) != Standing::Moving {
            return Ok((seen, Left::Settled));
        }
        let look = tokio::select! {
            biased;
            () = &mut interrupted => return Ok((seen, Left::Interrupted)),
            () = at(until) => return Ok((seen, Left::TimeUp)),
            () = nudge.notified() => true,
            () = sleep_until(next_look) => true,
            _ = tick.tick() => false,
            never = &mut events => match never {},
        };
        if !look {
            continue;
        }
        next_look = Instant::now() + pace.distrust;
        let request = Request::get(["operations", &id]);
        let answer = tokio::select! {
            biased;
            () = &mut interrupted => return Ok((seen, Left::Interrupted)),
            () = at(until) => return Ok((seen, Left::TimeUp)),
            answer = async {
                gather().await;
                api.send_once(&request).await
            } => answer,
        };
        match answer {
            Ok(answer) => {
                away = None;
                seen = Seen {
                    operation: answer.read()?,
                    text: answer.text,
                };
            }
            Err(failure) if failure.may_pass() => {
                let (since, _) = *away.get_or_insert((Instant::now(), Timestamp::now()));
                if since.elapsed() >= pace.away {
                    return Err(failure);
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
