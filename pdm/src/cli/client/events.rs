//! When to look at an operation again.
//!
//! The stream of an operation's events says *that* something happened; what the operation looks like then is read
//! from the operation itself. So a lost event costs time and never truth, and polling, which takes over while no
//! stream stands, needs no code of its own behind this file.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::api::Api;
use super::sse::Parser;

/// How often to look.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Between two looks while no stream stands.
    pub poll: Duration,
    /// Between two looks while one stands: something on the way may hold its events back.
    pub distrust: Duration,
    /// The pause before the first attempt to open a stream again; doubled up to `reconnect_max`.
    pub reconnect: Duration,
    /// The longest such pause.
    pub reconnect_max: Duration,
    /// A stream on which nothing came for so long is dead: the server sends a comment every 15 seconds.
    pub silence: Duration,
    /// How long the server may be away before whoever follows an operation gives up.
    pub away: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            distrust: Duration::from_secs(10),
            reconnect: Duration::from_millis(500),
            reconnect_max: Duration::from_secs(30),
            silence: Duration::from_secs(45),
            away: Duration::from_mins(5),
        }
    }
}

/// Notifies `nudge` whenever the operation is worth a look. Never ends by itself.
pub async fn nudges(api: &Api, operation: &str, pace: &Pace, nudge: &Notify) -> Infallible {
    let mut last_id = None;
    let mut pause = pace.reconnect;
    loop {
        if let Ok(stream) = api
            .stream(&["operations", operation, "events"], last_id.as_deref())
            .await
            && listen(stream, &mut last_id, pace.silence, nudge).await
        {
            pause = pace.reconnect;
        }
        let next = Instant::now() + pause;
        while Instant::now() < next {
            nudge.notify_one();
            sleep_until(next.min(Instant::now() + pace.poll)).await;
        }
        pause = (pause * 2).min(pace.reconnect_max);
    }
}

/// Passes the events of one stream on until it ends, breaks or falls silent; whether there were any.
async fn listen(stream: Response, last_id: &mut Option<String>, silence: Duration, nudge: &Notify) -> bool {
    let mut parser = Parser::default();
    let mut any = false;
    let mut chunks = stream.bytes_stream();
    while let Ok(Some(Ok(chunk))) = timeout(silence, chunks.next()).await {
        let Ok(events) = parser.push(&chunk) else { break };
        for event in events {
            any = true;
            // A stream that begins again without ids continues where the last known one ended.
            if event.id.is_some() {
                *last_id = event.id;
            }
            nudge.notify_one();
        }
    }
    any
}

/// Waits a moment in which further nudges come together: one look answers them all.
pub async fn gather() {
    sleep(Duration::from_millis(100)).await;
}
