//! The API over HTTP, on real sockets and real databases. Whatever needs no name server is tested here; the files
//! repeat the tree of `src/http`.
//!
//! Every test runs on SQLite and on PostgreSQL.

mod auth;
mod compat;
mod edge;
mod events;
mod idempotency;
mod openapi;
mod spelling;
mod support;
mod v1;
