//! `lab.json`: what a running lab tells those who use it. It is there while everything answers, and only then.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::control_plane::{ApiKeys, ControlPlane};
use super::registrars::Registrars;
use crate::world::{POOLS, World};

/// Parts that do not run are left out.
#[derive(Debug, Serialize)]
struct StateFile<'a> {
    #[serde(flatten)]
    control_plane: Option<ControlPlaneSection<'a>>,
    pools: [&'a str; 2],
    powerdns: Vec<PowerDnsSection<'a>>,
    dns: DnsSection<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registrars: Option<&'a BTreeMap<String, serde_json::Value>>,
    pids: BTreeMap<&'a str, u32>,
}

#[derive(Debug, Serialize)]
struct ControlPlaneSection<'a> {
    pdm_url: &'a str,
    compat_url: &'a str,
    api_keys: &'a ApiKeys,
}

#[derive(Debug, Serialize)]
struct PowerDnsSection<'a> {
    name: &'a str,
    api_url: String,
    api_key: &'a str,
    dns: String,
}

#[derive(Debug, Serialize)]
struct DnsSection<'a> {
    root: String,
    resolver: String,
    port: u16,
    trust_anchor_file: &'a Path,
}

/// Writes the file, readable by its owner only because the keys are in it. A reader sees the old or the new one, whole.
pub(super) fn write(
    path: &Path,
    world: &World,
    registrars: Option<&Registrars>,
    control_plane: Option<&ControlPlane>,
) -> Result<()> {
    let servers = || {
        world
            .servers()
            .chain(registrars.map(|registrars| &registrars.old_hosts))
    };
    let mut pids: BTreeMap<&str, u32> = servers()
        .filter_map(|server| Some((server.name(), server.pid()?)))
        .collect();
    pids.extend(world.resolver.pid().map(|pid| ("resolver", pid)));
    pids.extend(
        world
            .postgres
            .as_ref()
            .and_then(|postgres| Some(("postgres", postgres.pid()?))),
    );
    pids.extend(registrars.and_then(|registrars| Some(("simulators", registrars.pid()?))));
    pids.extend(control_plane.and_then(|pdm| Some(("pdm", pdm.pid()?))));
    let powerdns = servers().map(|server| PowerDnsSection {
        name: server.name(),
        api_url: server.api_url(),
        api_key: server.api_key(),
        dns: server.dns().to_string(),
    });
    let file = StateFile {
        control_plane: control_plane.map(|pdm| ControlPlaneSection {
            pdm_url: pdm.url(),
            compat_url: pdm.compat_url(),
            api_keys: pdm.api_keys(),
        }),
        pools: POOLS,
        powerdns: powerdns.collect(),
        dns: DnsSection {
            root: world.root.dns().to_string(),
            resolver: world.resolver.dns().to_string(),
            port: world.resolver.dns().port(),
            trust_anchor_file: &world.trust_anchor_file,
        },
        registrars: registrars.map(|registrars| &registrars.told),
        pids,
    };
    write_private(path, &serde_json::to_vec_pretty(&file)?)
}

/// Replaces a file by one that only its owner can read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let unfinished = path.with_extension("new");
    // An old one may have other permissions.
    fs::remove_file(&unfinished).ok();
    let open = || {
        let mut file = fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(content)?;
        fs::rename(&unfinished, path)
    };
    open().with_context(|| format!("cannot write {}", path.display()))
}
