//! `pdm serve`: everything together, until it is told to stop.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::dns::pool_zone::PowerDnsPools;
use crate::dns::servers::Servers;
use crate::http::{AppState, Parts, compat_router, router};
use crate::operations::{Runner, Wake};
use crate::reconcile::Reconciler;
use crate::service::{MIN_SERVER_KEY, ServerKey};
use crate::store::Store;
use crate::{telemetry, world};

/// How often metrics are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long requests in progress may still take after the order to stop.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn serve(config: Option<&Path>) -> anyhow::Result<()> {
    let config = Arc::new(Config::load(config)?);
    let metrics = telemetry::start(&config.telemetry)?;
    let server_key = Arc::new(server_key(&config)?);
    let store = Store::open(&config.store.url)
        .await
        .context("the store cannot be opened")?;
    let holder = world::holder();
    let world = world::world(Arc::clone(&config), store.clone(), &holder)?;
    let wake = Arc::new(Wake::new());
    let stop = watch::Sender::new(false);

    let runner = Arc::new(Runner::new(Arc::clone(&world), Arc::clone(&wake), holder.clone()));
    let running = tokio::spawn(runner.run(stop.subscribe()));
    let reconciler = Arc::new(Reconciler::new(
        Arc::clone(&world),
        Arc::clone(&wake),
        holder.clone(),
    ));
    let reconciling = tokio::spawn(reconciler.run(stop.subscribe()));

    // Histograms keep single values until they are told to put them into their buckets.
    let upkeep = metrics.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    });

    let state = AppState::new(Parts {
        store: store.clone(),
        config: Arc::clone(&config),
        server_key,
        wake,
        world: Some(Arc::clone(&world)),
        pool_zones: Arc::new(PowerDnsPools::new(Servers::new(&config)?, config.zones)),
        metrics: Some(metrics.clone()),
        stop: stop.subscribe(),
    });
    let mut listeners = Vec::new();
    let api = bind(config.listen).await?;
    tracing::info!(listen = %config.listen, store = store.kind(), version = env!("CARGO_PKG_VERSION"), "serving");
    listeners.push(tokio::spawn(listen(api, router(state.clone()), stop.subscribe())));
    if let (Some(address), Some(tenant)) = (config.compat.listen, config.compat.tenant) {
        let old = bind(address).await?;
        tracing::info!(listen = %address, "serving clients of the replaced system");
        listeners.push(tokio::spawn(listen(
            old,
            compat_router(state.clone(), tenant),
            stop.subscribe(),
        )));
    }

    if let Some(address) = config.telemetry.metrics_listen {
        let page = metrics_page(metrics);
        listeners.push(tokio::spawn(listen(bind(address).await?, page, stop.subscribe())));
    }

    asked_to_stop().await?;
    tracing::info!("stopping: no new work, what is in progress is finished or left to be resumed");
    let _ = stop.send(true);
    for listener in listeners {
        if tokio::time::timeout(GRACE, listener).await.is_err() {
            tracing::warn!("some requests were cut off");
        }
    }
    let _ = tokio::time::timeout(GRACE, running).await;
    let _ = tokio::time::timeout(GRACE, reconciling).await;
    // Others need not wait for the end of our tasks' leases. Those of parent zones are given back by their writers: a change
    // may still be under way, and nobody else may write before it has ended.
    let _ = store
        .write(move |tx| Box::pin(async move { tx.drop_task_leases_of(&holder).await }))
        .await;
    Ok(())
}

/// Reads the server key. With SQLite, where there is one process, a missing key is made.
fn server_key(config: &Config) -> anyhow::Result<ServerKey> {
    let path = &config.server_key_file;
    if !path.exists() && config.store.url.starts_with("sqlite:") {
        let mut bytes = [0; MIN_SERVER_KEY];
        aws_lc_rs::rand::fill(&mut bytes).context("the system gives no random bytes")?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let made = options
            .open(path)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
        made.with_context(|| format!("server_key_file: {} cannot be made", path.display()))?;
    }
    let bytes =
        std::fs::read(path).with_context(|| format!("server_key_file: {} cannot be read", path.display()))?;
    ServerKey::new(&bytes).with_context(|| format!("server_key_file: {}", path.display()))
}

/// `/metrics` alone, for a listener that only the monitoring reaches.
fn metrics_page(metrics: PrometheusHandle) -> axum::Router {
    axum::Router::new().route(
        "/metrics",
        axum::routing::get(move || std::future::ready(metrics.render())),
    )
}

async fn bind(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

async fn listen(listener: TcpListener, router: axum::Router, mut stop: watch::Receiver<bool>) {
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = axum::serve(listener, service)
        .with_graceful_shutdown(stopped)
        .await
    {
        tracing::error!(%error, "the listener has ended");
    }
}

async fn asked_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
