//! The registrars of the lab, played by `conformance serve`, and the real server that hosts the zones of their customers' domains.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use conformance_servers::{Backend, End, Network, PowerDns, Process, Program};
use powerdns_client::{CanonicalName, Client, Config, NewZone, RecordType, Rrset};
use serde_json::Value;

use crate::world::{OLD_HOSTS, World};

/// How long after a change the zones of the top-level domains have it, in seconds.
const PUBLISHED_AFTER: &str = "1";

/// The registrars, and the present DNS host of their customers.
pub(super) struct Registrars {
    process: Process,
    pub(super) old_hosts: PowerDns,
    /// What the registrars are, by id, as `lab.json` shows it.
    pub(super) told: BTreeMap<String, Value>,
}

impl Registrars {
    pub(super) async fn start(directory: &Path, network: Network, port: u16, world: &World) -> Result<Self> {
        let (first, second) = (network.host(6), network.host(106));
        let old_hosts = PowerDns::builder("old_hosts")
            .address(first)
            .setting("local-address", &format!("{first}, {second}"))
            .port(port)
            .directory(directory.join("old_hosts"))
            .backend(Backend::Sqlite)
            .start()
            .await?;
        let announced = directory.join("registrars.json");
        fs::remove_file(&announced).ok();
        let mut arguments: Vec<std::ffi::OsString> =
            vec!["serve".into(), "--announce".into(), announced.clone().into()];
        arguments.extend(["--publish-to".into(), world.tlds.api_url().into()]);
        arguments.extend(["--publish-key-file".into(), world.tlds.api_key_file().into()]);
        arguments.extend(["--publish-delay".into(), PUBLISHED_AFTER.into()]);
        for host in OLD_HOSTS {
            arguments.extend(["--old-host".into(), host.into()]);
        }
        let process = Process::new(Program {
            path: std::env::current_exe()?,
            arguments,
            environment: Vec::new(),
            log: directory.join("registrars.log"),
            user: None,
            end: End::Terminate,
        });
        process.start(|| std::future::ready(announced.exists())).await?;
        let told: BTreeMap<String, Value> = serde_json::from_slice(&fs::read(&announced)?)
            .context("the registrars do not say what they are")?;
        let client = Client::new(Config::new(old_hosts.api_url(), old_hosts.api_key().into()))?;
        for domain in told.values().flat_map(domains) {
            host_zone(&client, domain).await?;
        }
        Ok(Self {
            process,
            old_hosts,
            told,
        })
    }

    /// `None` when they have died.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    pub(super) async fn stop(&self) {
        self.process.stop().await;
        self.old_hosts.stop().await;
    }

    /// `[registrars]` of the control plane's settings.
    pub(super) fn settings(&self) -> String {
        let mut settings = "\n[registrars]\nallow_custom_endpoints = true\n".to_owned();
        for (id, about) in &self.told {
            let url = about["base_url"].as_str().unwrap_or_default();
            // Writing to a String cannot fail.
            write!(settings, "[registrars.{id}]\nendpoint = {url:?}\n").ok();
        }
        settings
    }
}

fn domains(about: &Value) -> impl Iterator<Item = &str> {
    about["domains"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// The zone of a customer as his present host has it: a page and mail.
async fn host_zone(client: &Client, domain: &str) -> Result<()> {
    const TTL: u32 = 60;
    let name = CanonicalName::parse(domain)?;
    if client.zone_properties(&name).await?.is_some() {
        return Ok(());
    }
    let mut zone = NewZone::new(name.clone());
    zone.dnssec = false;
    let soa = format!("{}. hostmaster.{domain}. 1 3600 600 86400 5", OLD_HOSTS[0]);
    let set = |owner: &CanonicalName, rtype, values: &[&str]| {
        Rrset::new(
            owner.clone(),
            rtype,
            TTL,
            values.iter().map(|&value| value.to_owned()),
        )
    };
    zone.rrsets = vec![
        set(&name, RecordType::SOA, &[&soa]),
        Rrset::new(
            name.clone(),
            RecordType::NS,
            TTL,
            OLD_HOSTS.map(|host| format!("{host}.")),
        ),
        set(&name, RecordType::A, &["192.0.2.80"]),
        set(&name, RecordType::MX, &[&format!("10 mail.{domain}.")]),
        set(&name, RecordType::TXT, &["\"v=spf1 mx -all\""]),
        set(&name.child("www")?, RecordType::A, &["192.0.2.80"]),
        set(&name.child("mail")?, RecordType::A, &["192.0.2.25"]),
    ];
    let made = client.create_zone(&zone).await;
    made.with_context(|| format!("the zone {domain} at its present host"))
}
