//! Things that go wrong at a vendor, switched on for the next calls of a kind.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The vendor's own way to say "too many calls", with a time to wait where the vendor has one.
    TooMany {
        /// Seconds in `Retry-After`, if it says any.
        retry_after: Option<u64>,
    },
    /// 500 in the vendor's form, nothing done.
    ServerError,
    /// 500 in the vendor's form, although it was done.
    ServerErrorAfter,
    /// A page of HTML with this status, nothing done.
    Html(u16),
    /// The connection ends without an answer, nothing done.
    CutBefore,
    /// The connection ends within the answer, although it was done.
    CutAfter,
    /// No answer for this long, nothing done.
    Silent(Duration),
    /// An answer of two MiB.
    Huge,
    /// A redirect to a sign-in page elsewhere.
    Redirect,
    /// The vendor says yes and does nothing.
    NotApplied,
    /// The vendor says yes and shows the change only after so many further reads.
    AppliedLate {
        /// Reads that still show the old state.
        reads: u32,
    },
    /// A task stays where it is.
    TaskStuck,
    /// A task ends in failure.
    TaskFailed,
    /// The vendor's own words for maintenance.
    Maintenance,
}

/// The switches of one simulator.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Armed>>>);

struct Armed {
    fault: Fault,
    /// Only calls whose kind contains this.
    calls: String,
    /// `None`: until it is switched off.
    times: Option<u32>,
}

impl Faults {
    /// Switches `fault` on for the next `times` calls whose kind contains `calls`; an empty text means every call.
    ///
    /// The kind of a call is what the simulator names it in the journal, such as `PUT /domain/example.com` or `set_ns`.
    pub fn arm(&self, fault: Fault, calls: &str, times: u32) {
        self.add(fault, calls, Some(times));
    }

    /// The same until [`clear`](Self::clear).
    pub fn always(&self, fault: Fault, calls: &str) {
        self.add(fault, calls, None);
    }

    /// Switches everything off.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Takes the first armed fault for this call that `wanted` accepts.
    pub fn take(&self, call: &str, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut armed = self.lock();
        let at = armed
            .iter()
            .position(|armed| wanted(&armed.fault) && call.contains(&armed.calls))?;
        let fault = armed[at].fault.clone();
        if let Some(times) = &mut armed[at].times {
            *times -= 1;
            if *times == 0 {
                armed.remove(at);
            }
        }
        Some(fault)
    }

    fn add(&self, fault: Fault, calls: &str, times: Option<u32>) {
        if times != Some(0) {
            self.lock().push(Armed {
                fault,
                calls: calls.to_owned(),
                times,
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a vendor says what every vendor has a form of its own for. `call` is the kind of the call: vendors with several generations of
/// an API have a form for each.
pub trait Form: Send + Sync + 'static {
    /// The kind of a call, for faults and the journal; without secrets.
    fn call(&self, request: &Parts<'_>) -> String;
    /// Too many calls.
    fn too_many(&self, call: &str, retry_after: Option<u64>) -> Response;
    /// An error of the vendor's own.
    fn server_error(&self, call: &str) -> Response;
    /// Maintenance.
    fn maintenance(&self, call: &str) -> Response;
}

/// What a [`Form`] sees of a request.
pub struct Parts<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// Path without the query.
    pub path: &'a str,
    /// Query, as sent.
    pub query: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// What the layer in front of a simulator's routes needs.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) faults: Faults,
    pub(super) journal: super::journal::Journal,
    pub(super) form: Arc<dyn Form>,
}

/// Largest request a simulator reads.
const LARGEST: usize = 4 * 1024 * 1024;

/// Plays the faults that do not depend on what a call means, and writes the journal.
pub(super) async fn front(State(front): State<Front>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let call = front.form.call(&Parts {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        body: &body,
    });
    let entry = front
        .journal
        .begin(&call, parts.uri.query().unwrap_or_default(), &body);
    let general = |fault: &Fault| {
        !matches!(
            fault,
            Fault::NotApplied | Fault::AppliedLate { .. } | Fault::TaskStuck | Fault::TaskFailed
        )
    };
    let fault = front.faults.take(&call, general);
    let forward = || next.run(Request::from_parts(parts, Body::from(body)));
    let response = match fault {
        Some(Fault::TooMany { retry_after }) => front.form.too_many(&call, retry_after),
        Some(Fault::ServerError) => front.form.server_error(&call),
        Some(Fault::Maintenance) => front.form.maintenance(&call),
        Some(Fault::ServerErrorAfter) => {
            forward().await;
            front.form.server_error(&call)
        }
        Some(Fault::Html(status)) => html(status),
        Some(Fault::CutBefore) => cut(),
        Some(Fault::CutAfter) => {
            forward().await;
            cut()
        }
        Some(Fault::Silent(long)) => {
            tokio::time::sleep(long).await;
            cut()
        }
        Some(Fault::Huge) => Body::from(vec![b' '; 2 * 1024 * 1024]).into_response(),
        Some(Fault::Redirect) => (
            StatusCode::FOUND,
            [(
                header::LOCATION,
                HeaderValue::from_static("http://127.0.0.1:9/sign-in"),
            )],
        )
            .into_response(),
        // What is left depends on what the call means: the vendor's routes play it.
        None | Some(Fault::NotApplied | Fault::AppliedLate { .. } | Fault::TaskStuck | Fault::TaskFailed) => {
            forward().await
        }
    };
    front.journal.end(entry, response.status().as_u16());
    response
}

fn html(status: u16) -> Response {
    (
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        [(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))],
        "<html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>",
    )
        .into_response()
}

/// A body that breaks off: the server then closes the connection in the middle of the answer.
fn cut() -> Response {
    let broken = stream::iter([
        Ok(Bytes::from_static(b" ")),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    Body::from_stream(broken).into_response()
}
