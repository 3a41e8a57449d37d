//! Real servers on loopback, for tests and for the lab.
//!
//! Each server runs in a directory of its own, answers before its `start` returns, and ends with the value that stands for
//! it, or with the program that started it, however that ends:
//!
//! * [`PowerDns`]: the authoritative server, with its HTTP API, on SQLite or PostgreSQL;
//! * [`Postgres`]: a private PostgreSQL cluster;
//! * [`Resolver`]: a validating BIND or Unbound with a root and a trust anchor of the caller's;
//! * [`Process`]: any other program, kept in the same way;
//! * [`FaultProxy`]: stands before a PowerDNS API and loses, repeats late or refuses chosen calls;
//! * [`TcpProxy`]: stands before anything else and slows, silences or cuts connections.
//!
//! Many tests run side by side, so whoever needs a port takes it from [`free_port`], and whoever needs addresses with
//! port 53 from [`free_network`].

mod dig;
mod directory;
mod fault_proxy;
mod http;
mod ports;
mod postgres;
mod powerdns;
mod process;
mod programs;
mod resolver;
mod tcp_proxy;

pub use dig::{Answer, Verdict, dig};
pub use fault_proxy::{Call, FaultProxy, Kind, Outcome, Silence};
pub use ports::{Network, free_network, free_port};
pub use postgres::{Database, Postgres, PostgresBuilder};
pub use powerdns::{Backend, PowerDns, PowerDnsBuilder};
pub use process::{End, Process, Program};
pub use resolver::{Resolver, ResolverBuilder, TrustAnchor};
pub use tcp_proxy::{Direction, Link, TcpProxy};
