//! Ports and loopback addresses that no other test process on this machine uses.
//!
//! Between choosing a port and a server's bind to it there is a moment in which another process may choose the same one.
//! So a choice is first announced as a Unix socket with an abstract name. The kernel gives such a name to one process of a
//! network namespace at a time, which is exactly the reach of a port, and takes it back when the process ends.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Mutex;

use anyhow::{Context, Result};

/// Below the range from which Linux takes the ports of outgoing connections (32768 and up), so that none of those is in
/// the way when a server is started again on its port.
const PORTS: Range<u16> = 15_000..32_000;

/// What this process has announced, kept until it ends.
static ANNOUNCED: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port that is free for UDP and TCP on every loopback address, and stays reserved for this process until it ends.
pub fn free_port() -> Result<u16> {
    let length = usize::from(PORTS.end - PORTS.start);
    PORTS
        .cycle()
        .skip(std::process::id() as usize * 37 % length)
        .take(length)
        .find(|port| announce(&format!("conformance-port-{port}")) && is_free(*port))
        .context("no port is free between 15000 and 32000")
}

/// The wildcard address stands for all: the kernel refuses it when any address has a socket on that port.
fn is_free(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}

/// 254 loopback addresses that stay reserved for this process: servers on them can all have port 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network([u8; 3]);

impl Network {
    /// 127.B.C.0/24, whether others use it or not.
    pub const fn fixed(b: u8, c: u8) -> Self {
        Self([127, b, c])
    }

    /// The `n`th address, from 1 to 254.
    pub fn host(self, n: u8) -> Ipv4Addr {
        let [a, b, c] = self.0;
        Ipv4Addr::new(a, b, c, n)
    }
}

/// A loopback network of its own, from 127.64.0.0/10.
pub fn free_network() -> Result<Network> {
    let start = std::process::id();
    (0..=u32::from(u16::MAX))
        .map(|n| start.wrapping_mul(37).wrapping_add(n).to_be_bytes())
        .map(|[_, _, b, c]| Network([127, 64 | (b & 63), c]))
        .find(|Network([_, b, c])| announce(&format!("conformance-network-{b}-{c}")))
        .context("all networks of 127.64.0.0/10 are taken")
}

fn announce(name: &str) -> bool {
    let Ok(listener) =
        SocketAddr::from_abstract_name(name).and_then(|address| UnixListener::bind_addr(&address))
    else {
        return false;
    };
    ANNOUNCED
        .lock()
        .expect("nothing panics while it holds the list")
        .push(listener);
    true
}
