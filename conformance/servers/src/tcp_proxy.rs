//! A proxy for any TCP protocol that slows, silences or cuts connections: put before PostgreSQL, for example.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The two ways through a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// They pass.
    Open,
    /// Each piece is held for this long.
    Delay(Duration),
    /// At most this many bytes per second pass; 0 counts as 1.
    Limit(u32),
    /// They vanish, and the connection stays open.
    BlackHole,
    /// They pass until these bytes are seen in one piece; then the connection is cut.
    CutAt {
        /// What to look for: `COMMIT`, for example.
        bytes: Vec<u8>,
        /// Whether the piece with these bytes still arrives.
        deliver: bool,
    },
}

/// The proxy. At first everything passes. It ends with its value, or with the tokio runtime that started it.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    to_server: watch::Sender<Link>,
    to_client: watch::Sender<Link>,
    refusing: watch::Sender<bool>,
    /// Counts the orders to cut; a connection ends when it changes.
    cuts: watch::Sender<u64>,
    connections: AtomicU64,
}

impl TcpProxy {
    /// A proxy in front of `upstream` on a free port of 127.0.0.1.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            to_server: watch::Sender::new(Link::Open),
            to_client: watch::Sender::new(Link::Open),
            refusing: watch::Sender::new(false),
            cuts: watch::Sender::new(0),
            connections: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// Where to connect, in place of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets one direction of all connections, present and future.
    pub fn set(&self, direction: Direction, link: Link) {
        match direction {
            Direction::ToServer => self.shared.to_server.send_replace(link),
            Direction::ToClient => self.shared.to_client.send_replace(link),
        };
    }

    /// Sets both directions.
    pub fn set_both(&self, link: &Link) {
        self.set(Direction::ToServer, link.clone());
        self.set(Direction::ToClient, link.clone());
    }

    /// Cuts every present connection.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// While true, new connections are cut as soon as they are made.
    pub fn refuse(&self, refuse: bool) {
        self.shared.refusing.send_replace(refuse);
    }

    /// Everything passes again. Bytes that vanished stay lost; cut the connections that miss them.
    pub fn heal(&self) {
        self.set_both(&Link::Open);
        self.refuse(false);
    }

    /// How many connections have been made.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                shared.connections.fetch_add(1, Ordering::Relaxed);
                if !*shared.refusing.borrow() {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection until one side fails or it is cut. An error ends it, which is all that either side would see.
async fn serve(client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut cut = shared.cuts.subscribe();
    let server = TcpStream::connect(shared.upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let up = carry(from_client, to_server, shared.to_server.subscribe());
    let down = carry(from_server, to_client, shared.to_client.subscribe());
    tokio::select! {
        // The order to cut comes before bytes that are already waiting.
        biased;
        _ = cut.changed() => Ok(()),
        both = async { tokio::try_join!(up, down) } => both.map(drop),
    }
}

/// Carries one direction until its end, which it hands on. An error means that both directions end.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: watch::Receiver<Link>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let piece = match from.read(&mut buffer).await? {
            0 => return to.shutdown().await,
            length => &buffer[..length],
        };
        // The guard must not be held over an await.
        let link = link.borrow().clone();
        match link {
            Link::Open => to.write_all(piece).await?,
            Link::Delay(delay) => {
                tokio::time::sleep(delay).await;
                to.write_all(piece).await?;
            }
            Link::Limit(per_second) => slowly(&mut to, piece, per_second).await?,
            Link::BlackHole => {}
            Link::CutAt { bytes, deliver } => {
                let found = !bytes.is_empty() && piece.windows(bytes.len()).any(|window| window == bytes);
                if !found || deliver {
                    to.write_all(piece).await?;
                }
                if found {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
    }
}

/// Ten pieces a second, or a byte at a time when that is less.
async fn slowly(to: &mut OwnedWriteHalf, bytes: &[u8], per_second: u32) -> io::Result<()> {
    let per_second = per_second.max(1);
    let size = (per_second / 10).max(1);
    for piece in bytes.chunks(usize::try_from(size).unwrap_or(usize::MAX)) {
        to.write_all(piece).await?;
        tokio::time::sleep(
            Duration::from_secs(1) * u32::try_from(piece.len()).unwrap_or(u32::MAX) / per_second,
        )
        .await;
    }
    Ok(())
}
