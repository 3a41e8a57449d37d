//! Simulated registrars: one [`world`], and over it the surface of each vendor.
//!
//! For what nobody can run here. Each surface is written from the vendor's documents and shares no type with the adapter that talks
//! to it; it refuses what the vendor refuses. What it does not check stands at the top of its file. How to add one: a file here with
//! its routes and its [`faults::Form`], a constructor that puts accounts into a [`world::World`], and [`Simulator::start`].

pub mod cloudflare;
pub mod controls;
pub mod dynadot;
pub mod faults;
pub mod fixtures;
pub mod godaddy;
pub mod journal;
pub mod late;
pub mod namecheap;
pub mod ovh;
pub mod publish;
pub mod stale;
pub mod world;
mod xml;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use faults::{Faults, Form, Front};
use journal::Journal;

/// A running simulator. It ends when this is dropped.
pub struct Simulator {
    address: SocketAddr,
    /// What goes wrong.
    pub faults: Faults,
    /// What it was asked.
    pub journal: Journal,
    server: JoinHandle<()>,
}

impl Simulator {
    /// Serves `routes` on `port` of the loopback address; 0 takes a free one.
    pub async fn start(
        port: u16,
        routes: Router,
        form: impl Form,
        faults: Faults,
        journal: Journal,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let front = Front {
            faults: faults.clone(),
            journal: journal.clone(),
            form: Arc::new(form),
        };
        let routes = routes.layer(axum::middleware::from_fn_with_state(front, faults::front));
        let server = tokio::spawn(async move {
            // Ends with the task; an error of one connection does not end it.
            let _ended = axum::serve(listener, routes).await;
        });
        Ok(Self {
            address,
            faults,
            journal,
            server,
        })
    }

    /// Where it listens, as the base of the vendor's URLs.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
