//! The checks, by what they are about. To add one: a function in one of these files and a line in its list; the self-check then asks
//! for a broken adapter that it turns red on.

mod canaries;
pub mod credentials;
pub mod ds;
pub mod errors;
pub mod export;
mod heard;
pub mod hosted_zone;
pub mod limits;
pub mod nameservers;
pub mod not_ours;
pub mod secrets;
pub mod snapshots;
pub mod tasks;
pub mod txt;

use std::net::Ipv4Addr;

use anyhow::Result;
use axum::Router;
use pdm_registrar::{Account, Custom, Endpoint};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::check::Check;
use crate::subject::Subject;

/// All checks.
pub fn all() -> Vec<Check> {
    [
        credentials::checks(),
        nameservers::checks(),
        ds::checks(),
        snapshots::checks(),
        tasks::checks(),
        hosted_zone::checks(),
        txt::checks(),
        export::checks(),
        not_ours::checks(),
        limits::checks(),
        errors::checks(),
        secrets::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A server in the vendor's place that is no simulator of it. It ends when this is dropped.
struct StandIn {
    /// Scheme, host and port.
    base: String,
    server: JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn stand_in(routes: Router) -> Result<StandIn> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move {
        // Ends with the task; an error of one connection does not end it.
        let _ended = axum::serve(listener, routes).await;
    });
    Ok(StandIn { base, server })
}

/// The ordinary account, as it would be at this server.
fn open_at(subject: &Subject, vendor: &StandIn) -> Result<Box<dyn Account>> {
    let endpoint = Endpoint::Custom(Custom::new(&vendor.base)?);
    let credentials = subject.credentials(&subject.fixtures.ordinary)?;
    Ok(subject.adapter().open(&endpoint, &credentials)?)
}
