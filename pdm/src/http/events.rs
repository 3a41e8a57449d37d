//! Server-sent events, numbered in commit order and resumable by number.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, stream};
use tokio::time::Instant;

use super::auth;
use super::extract::Caller;
use super::limits::StreamPlace;
use super::openapi::Refusals;
use super::problem::Problem;
use super::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::OperationId;
use crate::service::Code;
use crate::store::{EventRow, StoreError};

/// How often a comment shows that the stream is alive.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// How often the key of a stream is checked again.
const CHECK_EVERY: Duration = Duration::from_mins(1);
/// After how long without an event a stream ends; whoever wants more resumes it.
const IDLE: Duration = Duration::from_mins(15);
/// How often the store is read without a hint: other replicas give none.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Events that are read at a time.
const PORTION: i64 = 200;

/// The header of a client that resumes, for the document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is used")]
pub struct StreamHeaders {
    /// The number of the last event that was seen: the stream goes on after it.
    #[param(rename = "Last-Event-ID", required = false, example = "17")]
    last_event_id: Option<String>,
}

/// Events of all that the caller may see
///
/// Begins now, or after `Last-Event-ID`. `event:` is one of `operation.started`, `step.started`, `step.retrying`,
/// `step.done`, `operation.waiting`, `operation.blocked`, `operation.succeeded`, `operation.failed`, `claim.changed`,
/// `propagation.changed`; `data:` is the object as the API shows it, with `at`.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "events", params(StreamHeaders),
    responses((status = 200, description = "A stream of events", content_type = "text/event-stream", body = String),
        Refusals))]
pub async fn all(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = app.streams.open(&caller.actor)?;
    let after = match last_event_id(&headers)? {
        Some(after) => after,
        None => {
            app.store
                .read(|tx| Box::pin(async move { tx.last_event().await }))
                .await?
        }
    };
    Ok(respond(app, caller.actor, place, None, after))
}

/// The stream of one operation, which replays what has happened and ends with the operation.
pub(super) async fn of_operation(
    app: AppState,
    actor: Actor,
    id: OperationId,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let place = app.streams.open(&actor)?;
    let after = last_event_id(headers)?.unwrap_or(0);
    Ok(respond(app, actor, place, Some(id), after))
}

/// Where a stream goes on, as the client says.
fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.parse::<i64>().ok())
        .filter(|number| *number >= 0);
    let number = number.ok_or_else(|| {
        Problem::new(
            Code::RequestMalformed,
            "Last-Event-ID is the number of an event of this stream",
        )
    });
    number.map(Some)
}

fn respond(
    app: AppState,
    actor: Actor,
    place: StreamPlace,
    operation: Option<OperationId>,
    after: i64,
) -> Response {
    let now = Instant::now();
    let reader = Reader {
        app,
        actor,
        operation,
        after,
        waiting: VecDeque::new(),
        checked: now,
        last_event: now,
        _place: place,
    };
    let comment = KeepAlive::new().interval(COMMENT_EVERY).text("still here");
    Sse::new(reader.stream()).keep_alive(comment).into_response()
}

/// Reads events as they get their numbers.
struct Reader {
    app: AppState,
    actor: Actor,
    operation: Option<OperationId>,
    after: i64,
    waiting: VecDeque<EventRow>,
    checked: Instant,
    last_event: Instant,
    _place: StreamPlace,
}

impl Reader {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut reader| async move {
            let row = reader.next().await?;
            let event = Event::default()
                .id(row.seq.to_string())
                .event(row.kind)
                .data(row.data);
            Some((Ok(event), reader))
        })
    }

    /// The next event; `None` ends the stream.
    async fn next(&mut self) -> Option<EventRow> {
        loop {
            if let Some(row) = self.waiting.pop_front() {
                self.after = row.seq;
                self.last_event = Instant::now();
                return Some(row);
            }
            if self.app.is_stopping() || self.last_event.elapsed() >= IDLE {
                return None;
            }
            if self.checked.elapsed() >= CHECK_EVERY {
                if !auth::is_still_good(&self.app.store, &self.actor).await {
                    return None;
                }
                self.checked = Instant::now();
            }
            let ended = match self.read().await {
                Ok((rows, ended)) => {
                    self.waiting = rows.into();
                    ended
                }
                // The store is away for a moment; the stream goes on where it was.
                Err(error) => {
                    tracing::debug!(%error, "events not read");
                    false
                }
            };
            if self.waiting.is_empty() {
                if ended {
                    return None;
                }
                self.app.store.events_numbered(LOOK_EVERY).await;
            }
        }
    }

    /// Events after the last one that was sent, and whether none can come any more. That is asked first: what
    /// gets its number after the question is then in the answer.
    async fn read(&self) -> Result<(Vec<EventRow>, bool), StoreError> {
        let (tenant, operation, after) = (self.actor.tenant(), self.operation, self.after);
        self.app
            .store
            .read(|tx| {
                Box::pin(async move {
                    let ended = match operation {
                        Some(id) => {
                            let ended = tx
                                .operation(id, tenant)
                                .await?
                                .is_none_or(|o| o.ended_at.is_some());
                            ended && !tx.has_unnumbered_events(id).await?
                        }
                        None => false,
                    };
                    Ok((tx.events_after(tenant, operation, after, PORTION).await?, ended))
                })
            })
            .await
    }
}
