//! `conformance serve`: simulated registrars to try things at, and the part of the lab that plays them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use powerdns_client::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};

use crate::sim::fixtures::Fixtures;
use crate::sim::publish::Publisher;
use crate::sim::world::World;
use crate::vendors::{each, vendor};

/// Which, and where.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Vendors; all of them when none is named
    #[arg(value_name = "VENDOR")]
    vendors: Vec<String>,
    /// The port of the first on the loopback address, the next ones follow; 0 takes free ones
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// Write the description to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    announce: Option<PathBuf>,
    /// API of the PowerDNS that has the zones of the top-level domains: changed delegations appear there
    #[arg(long, value_name = "URL", requires = "publish_key_file")]
    publish_to: Option<String>,
    /// File with its key
    #[arg(long, value_name = "FILE")]
    publish_key_file: Option<PathBuf>,
    /// How long after a change it appears there, in seconds
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    publish_delay: f64,
    /// Hosts that the domains with name servers elsewhere are delegated to at first; repeat it
    #[arg(long, value_name = "HOST")]
    old_host: Vec<String>,
}

/// Serves until interrupted. Tells in one JSON object: by vendor its base URL, credentials, domains and situations.
pub async fn main(args: ServeArgs) -> Result<ExitCode> {
    let mut named = Vec::new();
    for id in &args.vendors {
        let Some(vendor) = vendor(id) else {
            eprintln!("`{id}` is no vendor");
            return Ok(ExitCode::from(2));
        };
        named.push(vendor);
    }
    if named.is_empty() {
        named.extend(each());
    }
    ensure!(!named.is_empty(), "there is no vendor");
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let world = World::new();
    let mut running = Vec::new();
    let mut told = BTreeMap::new();
    let mut ordinary = BTreeSet::new();
    for (at, vendor) in (0_u16..).zip(named) {
        let port = if args.port == 0 {
            0
        } else {
            args.port.checked_add(at).context("no port is left")?
        };
        let started = (vendor.start)(world.clone(), port).await;
        let (simulator, fixtures) = started.with_context(|| format!("{} does not start", vendor.id()))?;
        told.insert(vendor.id(), describe(&simulator.base_url(), &fixtures));
        ordinary.insert(fixtures.ordinary.domain);
        running.push(simulator);
    }
    if !args.old_host.is_empty() {
        delegate_to(&world, &ordinary, &args.old_host);
    }
    if let (Some(url), Some(file)) = (&args.publish_to, &args.publish_key_file) {
        let key =
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let client = Client::new(Config::new(url.clone(), key.trim().into()))?;
        let publisher = Publisher::new(client, Duration::from_secs_f64(args.publish_delay));
        publisher.start(world.clone()).await.context("cannot publish")?;
    }
    let text = serde_json::to_string_pretty(&told)?;
    match &args.announce {
        None => println!("{text}"),
        Some(file) => {
            let unfinished = file.with_extension("new");
            std::fs::write(&unfinished, text)?;
            std::fs::rename(&unfinished, file)?;
        }
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Parts of a description that do not exist are left out.
fn describe(base_url: &str, fixtures: &Fixtures) -> serde_json::Value {
    let mut domains = vec![&fixtures.ordinary.domain];
    domains.extend(
        fixtures
            .domains
            .iter()
            .filter(|domain| **domain != fixtures.ordinary.domain),
    );
    let mut about = serde_json::json!({
        "base_url": base_url,
        "credentials": fixtures.ordinary.credentials,
        "domains": domains,
        "cases": fixtures.cases,
    });
    for (name, case) in [("hosted", &fixtures.hosted), ("signed", &fixtures.signed)] {
        if let Some(case) = case {
            about[name] = case.domain.clone().into();
        }
    }
    about
}

/// Gives the domains whose name servers are not the vendor's own the hosts that the lab has for them, and the ordinary ones.
fn delegate_to(world: &World, ordinary: &BTreeSet<String>, hosts: &[String]) {
    let elsewhere: Vec<String> = {
        let state = world.state();
        let domains = state.domains.iter();
        let elsewhere = domains.filter(|(name, domain)| !domain.hosted || ordinary.contains(*name));
        elsewhere.map(|(name, _)| name.clone()).collect()
    };
    for name in elsewhere {
        world.change_domain(&name, |domain| domain.nameservers = hosts.to_vec());
    }
}
