//! Validating resolvers that start from a root server and a trust anchor of the caller's.

mod bind;
mod unbound;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::dig::{Answer, dig};
use crate::directory::Directory;
use crate::ports::free_port;
use crate::process::{End, Process, Program};
use crate::programs;

/// The key of the root zone that a resolver trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchor {
    flags_protocol_algorithm: String,
    key: String,
}

impl TrustAnchor {
    /// From the data of a DNSKEY record, `257 3 13 KEY`, as the PowerDNS API gives it and `dig +short` prints it.
    pub fn dnskey(data: &str) -> Result<Self> {
        let fields: Vec<&str> = data.split_whitespace().collect();
        let numbers = fields.iter().take(3).all(|field| field.parse::<u16>().is_ok());
        ensure!(
            fields.len() >= 4 && numbers,
            "not the data of a DNSKEY record: {data:?}"
        );
        Ok(Self {
            flags_protocol_algorithm: fields[..3].join(" "),
            key: fields[3..].concat(),
        })
    }

    /// The record as a line of a trust-anchor file, as `dig . DNSKEY` prints it.
    pub fn line(&self) -> String {
        format!(". 3600 IN DNSKEY {} {}", self.flags_protocol_algorithm, self.key)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Software {
    Bind,
    Unbound,
}

/// How to start a [`Resolver`].
#[derive(Debug)]
pub struct ResolverBuilder {
    software: Software,
    roots: Vec<(String, Ipv4Addr)>,
    anchor: TrustAnchor,
    address: Ipv4Addr,
    port: Option<u16>,
    authoritative_port: u16,
    cache_seconds: u32,
    directory: Option<PathBuf>,
}

impl ResolverBuilder {
    /// One more root server: the name it has in the NS RRset of the root zone, and its address.
    #[must_use]
    pub fn root(mut self, name: &str, address: Ipv4Addr) -> Self {
        self.roots.push((name.to_owned(), address));
        self
    }

    /// Where to listen; 127.0.0.1 without it. BIND binds only addresses that the interface lists, so only Unbound takes
    /// another one of 127.0.0.0/8.
    #[must_use]
    pub fn address(mut self, address: Ipv4Addr) -> Self {
        self.address = address;
        self
    }

    /// The port to listen on. With BIND it is that of the authoritative servers and given to [`Resolver::bind`].
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The longest time, in seconds, for which answers, positive or negative, are kept; 5 without it.
    #[must_use]
    pub fn cache_seconds(mut self, seconds: u32) -> Self {
        self.cache_seconds = seconds;
        self
    }

    /// Keeps settings and log there. Without it, a temporary folder.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Starts the resolver and waits until it answers.
    pub async fn start(self) -> Result<Resolver> {
        ensure!(!self.roots.is_empty(), "a resolver needs a root server");
        let directory = Directory::make(self.directory.clone())?;
        let port = match (self.software, self.port) {
            (Software::Bind, _) => self.authoritative_port,
            (Software::Unbound, Some(port)) => port,
            (Software::Unbound, None) => free_port()?,
        };
        let dns = SocketAddr::from((self.address, port));
        let hint =
            |(name, address): &(String, Ipv4Addr)| format!(". 3600 NS {name}\n{name} 3600 A {address}\n");
        let hints = self.roots.iter().map(hint).collect::<Vec<_>>().concat();
        std::fs::write(directory.path().join("root.hints"), hints)?;
        let (path, arguments) = match self.software {
            Software::Bind => bind::prepare(&self, directory.path(), dns)?,
            Software::Unbound => unbound::prepare(&self, directory.path(), dns)?,
        };
        let log = directory.path().join("log");
        let program = Program {
            path,
            arguments,
            environment: Vec::new(),
            log,
            user: None,
            end: End::Terminate,
        };
        let resolver = Resolver {
            process: Process::new(program),
            dns,
            _directory: directory,
        };
        resolver.restart().await?;
        Ok(resolver)
    }
}

/// A running validating resolver.
#[derive(Debug)]
pub struct Resolver {
    process: Process,
    dns: SocketAddr,
    // After the process: fields are dropped in this order, and a temporary folder goes last.
    _directory: Directory,
}

impl Resolver {
    /// BIND on 127.0.0.1, for authoritative servers that all have `port`, which becomes its own port, too.
    pub fn bind(port: u16, anchor: TrustAnchor) -> ResolverBuilder {
        Self::builder(Software::Bind, port, anchor)
    }

    /// Unbound on a free port of 127.0.0.1. It asks authoritative servers on port 53 only: see [`Self::port_53_works`].
    pub fn unbound(anchor: TrustAnchor) -> ResolverBuilder {
        Self::builder(Software::Unbound, 53, anchor)
    }

    fn builder(software: Software, authoritative_port: u16, anchor: TrustAnchor) -> ResolverBuilder {
        ResolverBuilder {
            software,
            roots: Vec::new(),
            anchor,
            address: Ipv4Addr::LOCALHOST,
            port: None,
            authoritative_port,
            cache_seconds: 5,
            directory: None,
        }
    }

    /// Whether this process may start servers on port 53 (root, or CAP_NET_BIND_SERVICE).
    pub fn port_53_works() -> bool {
        // An address that no network of `free_network` has.
        UdpSocket::bind((Ipv4Addr::new(127, 255, 255, 53), 53)).is_ok()
    }

    /// Where to ask.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// The id of the serving process; `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Asks for `name` and `kind` with DNSSEC records.
    pub async fn ask(&self, name: &str, kind: &str) -> Result<Answer> {
        dig(self.dns, name, kind, &["+dnssec"]).await
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Ends the resolver in order.
    pub async fn stop(&self) {
        self.process.stop().await;
    }

    /// Starts it again after [`Self::stop`] or [`Self::kill`], with an empty cache.
    pub async fn restart(&self) -> Result<()> {
        programs::find("dig", "bind9-dnsutils")?;
        // A question about the server itself: it needs no root server to be up.
        self.process
            .start(|| async {
                dig(self.dns, "id.server", "TXT", &["-c", "CH", "+norec"])
                    .await
                    .is_ok()
            })
            .await
    }
}

/// Writes a settings file and gives back its path.
fn write(directory: &std::path::Path, name: &str, content: &str) -> Result<PathBuf> {
    let path = directory.join(name);
    std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
