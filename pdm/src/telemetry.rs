//! Logs and metrics.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::TelemetryConfig;

/// Buckets for everything that takes time, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0,
];

/// Starts logging to standard error and collecting metrics; the handle renders them.
pub fn start(config: &TelemetryConfig) -> anyhow::Result<PrometheusHandle> {
    let filter = EnvFilter::try_new(&config.log).context("telemetry.log is not a log filter")?;
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    let started = if config.json {
        logs.json().try_init()
    } else {
        logs.try_init()
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))?;
    PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .install_recorder()
        .context("metrics cannot be collected")
}
