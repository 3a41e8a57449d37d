//! An HTTP proxy in front of one PowerDNS API that makes chosen calls go wrong in every way a call can.

mod call;
mod outcome;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::http::{Request, reply};

pub use call::{Call, Kind};
pub use outcome::{Outcome, Silence};

type Rule = Arc<dyn Fn(&Call<'_>) -> Outcome + Send + Sync>;

/// The proxy. Without a rule every call passes. It ends with its value, or with the tokio runtime that started it.
///
/// What does not concern a rule is as without the proxy: a server that is down or ends in the middle of a reply is seen as a
/// connection that ends without a reply.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    upstream: SocketAddr,
    rule: RwLock<Rule>,
    counts: Mutex<HashMap<(String, Kind), Count>>,
    /// Calls whose effect is still to come: `AppliedLate` and `Accepted`.
    pending: watch::Sender<usize>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    received: u64,
    forwarded: u64,
}

impl FaultProxy {
    /// A proxy in front of `upstream` on a free port of 127.0.0.1.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            rule: RwLock::new(Arc::new(|_| Outcome::Ok)),
            counts: Mutex::default(),
            pending: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Scheme, host and port, in place of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Decides about all calls that arrive from now on, in place of the rule before.
    pub fn rule(&self, rule: impl Fn(&Call<'_>) -> Outcome + Send + Sync + 'static) {
        *self.shared.rule.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rule);
    }

    /// From now on every call passes.
    pub fn heal(&self) {
        self.rule(|_| Outcome::Ok);
    }

    /// How many calls of this method and kind have arrived, whatever became of them.
    pub fn count(&self, method: &str, kind: Kind) -> u64 {
        self.shared.counted(method, kind).received
    }

    /// How many calls of this method and kind have been passed to the server, late ones included.
    pub fn forwarded(&self, method: &str, kind: Kind) -> u64 {
        self.shared.counted(method, kind).forwarded
    }

    /// Sets all counts to zero.
    pub fn reset_counts(&self) {
        self.shared.counts().clear();
    }

    /// Waits until every late call has reached the server and been answered.
    pub async fn settled(&self) {
        // The sender is in `self`, so the channel cannot be closed.
        self.shared
            .pending
            .subscribe()
            .wait_for(|pending| *pending == 0)
            .await
            .ok();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn counts(&self) -> std::sync::MutexGuard<'_, HashMap<(String, Kind), Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self, method: &str, kind: Kind) -> Count {
        self.counts()
            .get(&(method.to_owned(), kind))
            .copied()
            .unwrap_or_default()
    }

    fn add(&self, request: &Request, change: impl FnOnce(&mut Count)) {
        change(
            self.counts()
                .entry((request.method.clone(), Kind::of(&request.target)))
                .or_default(),
        );
    }

    async fn forward(&self, request: &Request) -> io::Result<Vec<u8>> {
        self.add(request, |count| count.forwarded += 1);
        request.send(self.upstream).await
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Only a lack of file descriptors makes this fail; the connections below free some.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves the one request of a connection. A failed read or write ends the connection, which is all the client would see.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let Some(request) = Request::read(&mut stream).await? else {
        return Ok(());
    };
    shared.add(&request, |count| count.received += 1);
    let rule = Arc::clone(&shared.rule.read().unwrap_or_else(PoisonError::into_inner));
    let outcome = rule(&Call::of(&request));
    match outcome {
        Outcome::Ok => {
            let reply = shared.forward(&request).await?;
            stream.write_all(&reply).await
        }
        Outcome::Refused { status } => stream.write_all(&reply(status, "", REFUSED)).await,
        Outcome::Busy { status, retry_after } => {
            let header = retry_after
                .map(|seconds| format!("Retry-After: {seconds}\r\n"))
                .unwrap_or_default();
            stream.write_all(&reply(status, &header, "")).await
        }
        Outcome::Lost(silence) => silent(stream, silence).await,
        Outcome::AppliedButLost(silence) => {
            shared.forward(&request).await?;
            silent(stream, silence).await
        }
        Outcome::AppliedLate { after, silence } => {
            // The client may be gone long before the call is applied.
            let late = apply_later(&shared, &request, after);
            tokio::join!(late, silent(stream, silence)).1
        }
        Outcome::Accepted { apply_after } => {
            let Some(after) = apply_after else {
                return stream.write_all(&reply(202, "", "")).await;
            };
            let late = apply_later(&shared, &request, after);
            let answer = async {
                stream.write_all(&reply(202, "", "")).await?;
                stream.shutdown().await
            };
            tokio::join!(late, answer).1
        }
    }
}

/// The body of a refusal, in the form PowerDNS uses with 422.
const REFUSED: &str = r#"{"error":"refused before the server saw it"}"#;

/// Counts the call as pending at once, so that nobody who has seen the reply can see everything settled.
async fn apply_later(shared: &Shared, request: &Request, after: std::time::Duration) {
    shared.pending.send_modify(|pending| *pending += 1);
    tokio::time::sleep(after).await;
    // As with the reply of any late call, nobody is there to take an error.
    shared.forward(request).await.ok();
    shared.pending.send_modify(|pending| *pending -= 1);
}

async fn silent(mut stream: TcpStream, silence: Silence) -> io::Result<()> {
    match silence {
        Silence::Cut => Ok(()),
        // Until the client gives up and closes.
        Silence::Hang => stream.read(&mut [0]).await.map(drop),
    }
}
