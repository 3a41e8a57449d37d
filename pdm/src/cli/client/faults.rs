//! What the client does when the transport fails: nobody there, a server that is starting, streams that break.
//!
//! The responder here plays the fault and nothing of pdm; what pdm answers is tested with pdm itself.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Response};
use clap::Parser as _;
use futures_util::{StreamExt as _, stream};
use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::api::{Api, Patience, Request};
use super::commands;
use super::connection::Connection;
use super::events::Pace;
use super::failure::{Failure, Status};
use super::follow::{Left, Seen, follow};
use super::model::{OperationState, samples};
use super::screen::Quiet;
use super::{Session, TokenFile};
use crate::cli::args::{Cli, Command, Output};

/// A request as it arrived.
#[derive(Clone, Debug)]
struct Arrived {
    method: Method,
    path: String,
    headers: HeaderMap,
}

impl Arrived {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A server on a free port that answers each request as `script` says; it ends with the test.
struct Responder {
    base: Url,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Responder {
    /// `script` gets the request and how many of the same path came before it.
    async fn start(
        script: impl Fn(&Arrived, usize) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let arrived = Arc::new(Mutex::new(Vec::<Arrived>::new()));
        let log = arrived.clone();
        let router = axum::Router::new().fallback(
            async move |method: Method, uri: axum::http::Uri, headers: HeaderMap| {
                let request = Arrived {
                    method,
                    path: uri.path().into(),
                    headers,
                };
                let mut log = log.lock().unwrap();
                let before = log.iter().filter(|earlier| earlier.path == request.path).count();
                log.push(request.clone());
                script(&request, before)
            },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = address(&listener);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, arrived }
    }

    fn arrived(&self, path: &str) -> Vec<Arrived> {
        self.arrived
            .lock()
            .unwrap()
            .iter()
            .filter(|request| request.path == path)
            .cloned()
            .collect()
    }
}

fn address(listener: &TcpListener) -> Url {
    Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

/// An address at which nobody listens.
async fn nobody() -> Url {
    address(&TcpListener::bind("127.0.0.1:0").await.unwrap())
}

fn json_answer(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn starting(retry_after: Option<u64>) -> Response<Body> {
    let mut answer = json_answer(503, &json!({"title": "Starting", "code": "store.unavailable"}));
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert("Retry-After", seconds.into());
    }
    answer
}

fn api(base: &Url) -> Api {
    let connection = Connection {
        base: base.clone(),
        authorization: HeaderValue::from_static("Bearer test-key"),
    };
    let patience = Patience {
        repeats: vec![Duration::from_millis(5); 3],
        ..Patience::default()
    };
    Api::new(connection, patience).unwrap()
}

fn quick() -> Pace {
    Pace {
        poll: Duration::from_millis(20),
        reconnect: Duration::from_millis(20),
        reconnect_max: Duration::from_millis(40),
        // Longer than any test: what passes does not pass because of it.
        distrust: Duration::from_hours(1),
        ..Pace::default()
    }
}

fn operation(state: &str) -> Value {
    samples::operation(state, &json!([]))
}

fn running() -> Seen {
    let value = operation("running");
    Seen {
        operation: samples::read(&value),
        text: value.to_string(),
    }
}

async fn never() {
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nobody_at_the_address_is_told_with_the_address_and_changed_nothing() {
    let base = nobody().await;
    let failure = api(&base)
        .send(&Request::post(["reserve"]).body(json!({})))
        .await
        .unwrap_err();
    assert_eq!(failure.status(), Status::Unreachable);
    let report = failure.report();
    assert!(
        report.contains(base.as_str()) && report.contains("nothing was changed"),
        "{report}"
    );
}

#[tokio::test]
async fn a_server_that_is_starting_is_asked_again_under_the_same_key() {
    let server = Responder::start(|_, before| match before {
        0 | 1 => starting(Some(0)),
        _ => json_answer(201, &json!({"id": "ten_1"})),
    })
    .await;
    let answer = api(&server.base)
        .send(&Request::post(["tenants"]).body(json!({"name": "a"})))
        .await
        .unwrap();
    assert_eq!(answer.text, r#"{"id":"ten_1"}"#);
    let arrived = server.arrived("/v1/tenants");
    assert_eq!(arrived.len(), 3);
    let key = arrived[0].header("Idempotency-Key").unwrap();
    assert!(
        arrived
            .iter()
            .all(|request| request.header("Idempotency-Key") == Some(key))
    );
    assert!(
        arrived
            .iter()
            .all(|request| request.header("Authorization") == Some("Bearer test-key"))
    );
}

#[tokio::test]
async fn what_is_asked_again_is_bounded() {
    let server = Responder::start(|_, _| starting(Some(0))).await;
    let failure = api(&server.base)
        .send(&Request::get(["pools"]))
        .await
        .unwrap_err();
    assert_eq!(failure.status(), Status::Unreachable);
    assert_eq!(server.arrived("/v1/pools").len(), 4);
}

#[tokio::test]
async fn no_retry_after_or_a_long_one_is_told_at_once() {
    for retry_after in [None, Some(3_600)] {
        let server = Responder::start(move |_, _| starting(retry_after)).await;
        let failure = api(&server.base)
            .send(&Request::get(["pools"]))
            .await
            .unwrap_err();
        assert_eq!(failure.status(), Status::Unreachable);
        assert_eq!(server.arrived("/v1/pools").len(), 1);
        let told = if retry_after.is_some() {
            "in 1h 00m"
        } else {
            "in a moment"
        };
        assert!(failure.report().contains(told), "{}", failure.report());
    }
}

#[tokio::test]
async fn a_first_attempt_that_is_still_being_decided_is_waited_for() {
    let server = Responder::start(|_, before| match before {
        0 => json_answer(409, &json!({"title": "t", "code": "idempotency.in_progress"})),
        _ => json_answer(200, &json!({"id": "ten_1"})),
    })
    .await;
    assert!(api(&server.base).send(&Request::post(["tenants"])).await.is_ok());
}

#[tokio::test]
async fn a_write_without_a_key_is_sent_once() {
    let server = Responder::start(|_, _| starting(Some(0))).await;
    for request in [
        Request::put(["claims", "clm_1", "targets"]),
        Request::delete(["claims", "clm_1", "targets"]),
    ] {
        let _ = api(&server.base).send(&request).await.unwrap_err();
    }
    let methods: Vec<_> = server
        .arrived("/v1/claims/clm_1/targets")
        .into_iter()
        .map(|r| r.method)
        .collect();
    assert_eq!(methods, [Method::PUT, Method::DELETE]);
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect() {
    let other = Responder::start(|_, _| json_answer(200, &json!({}))).await;
    let target = other.base.join("/v1/pools").unwrap().to_string();
    let server = Responder::start(move |_, _| {
        Response::builder()
            .status(307)
            .header("Location", &target)
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let failure = api(&server.base)
        .send(&Request::get(["pools"]))
        .await
        .unwrap_err();
    assert!(
        failure.report().contains("redirects are not followed"),
        "{}",
        failure.report()
    );
    assert!(other.arrived("/v1/pools").is_empty());
}

/// A server that hangs up after reading a request, `cuts` times, and then answers; with the requests it read.
async fn cutting(cuts: usize, answer: &'static str) -> (Url, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = address(&listener);
    let read = Arc::new(Mutex::new(Vec::new()));
    let log = read.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut buffer = [0; 4096];
                match socket.read(&mut buffer).await {
                    Ok(n) if n > 0 => request.extend_from_slice(&buffer[..n]),
                    _ => break,
                }
            }
            let so_far = {
                let mut log = log.lock().unwrap();
                log.push(String::from_utf8(request).unwrap());
                log.len()
            };
            if so_far > cuts {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    answer.len()
                );
                socket.write_all((head + answer).as_bytes()).await.unwrap();
            }
        }
    });
    (base, read)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_only_where_nothing_happens_twice() {
    let (base, read) = cutting(1, "{}").await;
    api(&base)
        .send(&Request::post(["release"]).body(json!({"name": "a"})))
        .await
        .unwrap();
    let requests = read.lock().unwrap().clone();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);

    let (base, read) = cutting(1, "{}").await;
    let failure = api(&base)
        .send(&Request::put(["claims", "clm_1", "targets"]).body(json!({})))
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Unreachable {
                may_have_taken_effect: true,
                ..
            }
        ),
        "{failure:?}"
    );
    assert_eq!(read.lock().unwrap().len(), 1);
}

/// An answer that sends `events` and stays open.
fn event_stream(events: &'static str) -> Response<Body> {
    broken_stream(events, never())
}

/// An answer that sends `events` and breaks off after `then`.
fn broken_stream(events: &'static str, then: impl Future<Output = ()> + Send + 'static) -> Response<Body> {
    let events = stream::iter([Ok::<_, io::Error>(Bytes::from_static(events.as_bytes()))]);
    let cut = stream::once(async {
        then.await;
        Err(io::Error::other("cut"))
    });
    Response::builder()
        .header("Content-Type", "text/event-stream")
        .body(Body::from_stream(events.chain(cut)))
        .unwrap()
}

const EVENTS: &str = "/v1/operations/op_1/events";

#[tokio::test]
async fn a_stream_that_broke_is_resumed_after_the_last_event_it_gave() {
    let looked = Arc::new(Notify::new());
    let streams = Arc::new(AtomicUsize::new(0));
    let server = Responder::start(move |request, _| {
        if request.path != EVENTS {
            looked.notify_one();
            let state = if streams.load(Ordering::SeqCst) < 3 {
                "running"
            } else {
                "succeeded"
            };
            return json_answer(200, &operation(state));
        }
        let looked = looked.clone();
        match streams.fetch_add(1, Ordering::SeqCst) {
            // Cut when the client has shown, by looking, that the events arrived.
            0 => broken_stream(
                "id: 41\nevent: operation.started\ndata: {}\n\nid: 42\nevent: step.started\ndata: {}\n\n",
                async move { looked.notified().await },
            ),
            1 => broken_stream(": nothing new\n\n", async {}),
            _ => event_stream("id: 43\nevent: operation.succeeded\ndata: {}\n\n"),
        }
    })
    .await;
    let api = api(&server.base);
    let (seen, left) = follow(&api, running(), &quick(), None, never(), &mut Quiet)
        .await
        .unwrap();
    assert_eq!(
        (seen.operation.state, left),
        (OperationState::Succeeded, Left::Settled)
    );
    let arrived = server.arrived(EVENTS);
    let resumed: Vec<_> = arrived
        .iter()
        .map(|request| request.header("Last-Event-ID"))
        .collect();
    assert_eq!(resumed, [None, Some("42"), Some("42")]);
}

#[tokio::test]
async fn an_event_of_a_standing_stream_is_enough_to_look() {
    let server = Responder::start(|request, _| match request.path.as_str() {
        EVENTS => event_stream("id: 1\nevent: operation.succeeded\ndata: {}\n\n"),
        _ => json_answer(200, &operation("succeeded")),
    })
    .await;
    let api = api(&server.base);
    // Polling would take longer than anybody lets a test run.
    let pace = Pace {
        poll: Duration::from_hours(1),
        reconnect: Duration::from_hours(1),
        ..quick()
    };
    let (seen, _) = follow(&api, running(), &pace, None, never(), &mut Quiet)
        .await
        .unwrap();
    assert_eq!(seen.operation.state, OperationState::Succeeded);
    assert_eq!(server.arrived("/v1/operations/op_1").len(), 1);
}

#[tokio::test]
async fn without_a_stream_the_operation_is_polled() {
    let server = Responder::start(|request, before| match request.path.as_str() {
        EVENTS => Response::builder().status(404).body(Body::empty()).unwrap(),
        _ if before < 2 => json_answer(200, &operation("running")),
        _ => json_answer(200, &operation("blocked")),
    })
    .await;
    let api = api(&server.base);
    let (seen, left) = follow(&api, running(), &quick(), None, never(), &mut Quiet)
        .await
        .unwrap();
    assert_eq!((seen.operation.status(), left), (Status::Waiting, Left::Settled));
}

#[tokio::test]
async fn a_silent_stream_is_given_up() {
    let server = Responder::start(|request, _| match request.path.as_str() {
        EVENTS => event_stream(""),
        _ => json_answer(200, &operation("succeeded")),
    })
    .await;
    let api = api(&server.base);
    let pace = Pace {
        silence: Duration::from_millis(50),
        ..quick()
    };
    assert!(
        follow(&api, running(), &pace, None, never(), &mut Quiet)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_server_that_comes_back_in_time_is_stayed_with_and_one_that_does_not_is_told() {
    let server = Responder::start(|request, before| match request.path.as_str() {
        EVENTS => starting(None),
        _ if before < 3 => starting(None),
        _ => json_answer(200, &operation("succeeded")),
    })
    .await;
    let back = follow(&api(&server.base), running(), &quick(), None, never(), &mut Quiet).await;
    assert_eq!(back.unwrap().0.operation.state, OperationState::Succeeded);

    let base = nobody().await;
    let pace = Pace {
        away: Duration::from_millis(60),
        ..quick()
    };
    let failure = follow(&api(&base), running(), &pace, None, never(), &mut Quiet)
        .await
        .unwrap_err();
    assert_eq!(failure.status(), Status::Unreachable);
}

#[tokio::test]
async fn a_refusal_while_following_is_told_at_once() {
    let server =
        Responder::start(|_, _| json_answer(401, &json!({"title": "t", "code": "auth.expired"}))).await;
    let failure = follow(&api(&server.base), running(), &quick(), None, never(), &mut Quiet)
        .await
        .unwrap_err();
    assert_eq!(failure.status(), Status::Failed);
}

#[tokio::test]
async fn whoever_leaves_leaves_the_work_running() {
    let server = Responder::start(|request, _| match request.path.as_str() {
        EVENTS => event_stream("id: 1\nevent: step.started\ndata: {}\n\n"),
        _ => json_answer(200, &operation("running")),
    })
    .await;
    let api = api(&server.base);
    let (went, gone) = tokio::sync::oneshot::channel();
    let watched = server.arrived.clone();
    tokio::spawn(async move {
        while !watched
            .lock()
            .unwrap()
            .iter()
            .any(|request| request.path == "/v1/operations/op_1")
        {
            tokio::task::yield_now().await;
        }
        went.send(()).unwrap();
    });
    let interrupted = async { gone.await.unwrap() };
    let (seen, left) = follow(&api, running(), &quick(), None, interrupted, &mut Quiet)
        .await
        .unwrap();
    assert_eq!(
        (seen.operation.state, left),
        (OperationState::Running, Left::Interrupted)
    );

    let until = Some(Instant::now() + Duration::from_millis(30));
    let (seen, left) = follow(&api, running(), &quick(), until, never(), &mut Quiet)
        .await
        .unwrap();
    assert_eq!((seen.operation.status(), left), (Status::Waiting, Left::TimeUp));
    assert!(
        server
            .arrived
            .lock()
            .unwrap()
            .iter()
            .all(|request| request.method == Method::GET)
    );
}

/// What a command printed.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn token_file(path: &Path) -> Option<TokenFile> {
    TokenFile::locate(|name| (name == "PDM_TOKENS").then(|| path.into()))
}

async fn run(base: &Url, tokens: &Path, line: &str) -> (Result<Status, Failure>, String) {
    let printed = Printed::default();

    let mut session = Session {
        api: api(base),
        pace: quick(),
        out: Box::new(printed.clone()),
        output: Output::Table,
        live: false,
        tokens: token_file(tokens),
    };
    let Command::Client(command) = Cli::parse_from(line.split(' ')).command else {
        panic!("{line}")
    };
    let outcome = commands::run(&mut session, command).await;
    (
        outcome,
        String::from_utf8(printed.0.lock().unwrap().clone()).unwrap(),
    )
}

#[tokio::test]
async fn a_reserve_whose_answer_is_lost_names_the_command_that_finds_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens.json");
    let (base, read) = cutting(usize::MAX, "").await;
    let line = "pdm reserve --pool omani.works --label acme --hold 1h";
    let failure = run(&base, &tokens, line).await.0.unwrap_err();
    assert_eq!(failure.status(), Status::Unreachable);

    let report = failure.report();
    let again = report
        .lines()
        .find_map(|line| line.strip_prefix("repeat:  "))
        .expect(&report)
        .to_owned();
    assert!(
        again.contains("--label acme") && again.contains("--hold 3600s"),
        "{again}"
    );
    let key = again.split(' ').next_back().unwrap();
    assert!(
        read.lock()
            .unwrap()
            .iter()
            .all(|request| request.contains(&format!("idempotency-key: {key}\r\n")))
    );

    // The same command under the same key sends the same request.
    let _ = run(&base, &tokens, &again).await.0.unwrap_err();
    let requests = read.lock().unwrap();
    assert_eq!(requests.first(), requests.last());
    assert_eq!(requests.len(), 8);
}

#[tokio::test]
async fn without_a_place_for_the_token_nothing_is_reserved() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens.json");
    std::fs::write(&tokens, "{}").unwrap();
    let (base, read) = cutting(0, "{}").await;
    let failure = run(&base, &tokens, "pdm reserve --pool omani.works --label acme")
        .await
        .0
        .unwrap_err();
    assert_eq!(failure.status(), Status::Failed);
    assert!(read.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_repeated_to_the_user() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = directory.path().join("tokens.json");
    let (base, _) = cutting(0, r#"{"reservation_token":"test-token","claim":7}"#).await;
    let (outcome, printed) = run(&base, &tokens, "pdm reserve --pool omani.works --label acme").await;
    let report = outcome.unwrap_err().report();
    assert!(
        report.contains("repeat:") && !report.contains("test-token") && printed.is_empty(),
        "{report}"
    );
    assert!(token_file(&tokens).unwrap().find("clm_1").unwrap().is_none());
}
