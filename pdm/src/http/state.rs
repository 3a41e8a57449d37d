//! What handlers get.

use std::ops::Deref;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};

use super::auth::Keyring;
use super::limits::{Limiters, Streams};
use crate::config::Config;
use crate::operations::{Wake, World};
use crate::registrars::Registrars;
use crate::service::ServerKey;
use crate::service::pools::PoolZones;
use crate::store::Store;

/// What the API is made of; see [`AppState::new`].
pub struct Parts {
    /// The database.
    pub store: Store,
    /// Settings.
    pub config: Arc<Config>,
    /// Tokens are derived from it.
    pub server_key: Arc<ServerKey>,
    /// Hints from and to the runner of operations.
    pub wake: Arc<Wake>,
    /// The zones of pools on the name servers.
    pub pool_zones: Arc<dyn PoolZones>,
    /// What a look at the world needs; without it the process answers from the database alone.
    pub world: Option<Arc<World>>,
    /// What `/metrics` shows; without it that page is empty.
    pub metrics: Option<PrometheusHandle>,
    /// Becomes true when the process is about to end.
    pub stop: watch::Receiver<bool>,
}

/// What handlers get. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// The state, as handlers see it.
pub struct Inner {
    parts: Parts,
    pub(super) keyring: Keyring,
    pub(super) limiters: Limiters,
    pub(super) registrars: Registrars,
    pub(super) streams: Streams,
    /// A place for each request in progress.
    pub(super) places: Semaphore,
}

impl AppState {
    /// The state made of these parts.
    pub fn new(parts: Parts) -> Self {
        let limits = &parts.config.limits;
        Self(Arc::new(Inner {
            keyring: Keyring::new(parts.config.timing.key_memory),
            limiters: Limiters::new(limits),
            registrars: Registrars::new(&parts.config.registrars),
            streams: Streams::new(limits.streams_per_actor),
            places: Semaphore::new(limits.concurrent_requests),
            parts,
        }))
    }

    /// Whether the process is about to end.
    pub fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
