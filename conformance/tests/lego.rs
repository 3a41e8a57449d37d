//! lego, a client that many use with the real vendors, works with the simulators as it is.
//!
//! lego is Go. A small program around its providers is built from source, which needs Go and the module proxy; a test fails when
//! that is not possible. Where a zone begins lego asks a real name server.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use conformance::sim::controls::Controls;
use conformance::sim::fixtures::{Case, Fixtures};
use conformance::sim::world::World;
use conformance::sim::{Simulator, cloudflare, dynadot, godaddy, namecheap, ovh};
use conformance_servers::PowerDns;
use powerdns_client::{CanonicalName, Client, Config, NewZone, RecordType, Rrset};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// The program, built once for all tests.
async fn program() -> Result<&'static Path> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let built = BUILT.get_or_try_init(|| async {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lego-against-simulators");
        let output = Command::new("go")
            .args(["build", "-mod=readonly", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/lego"))
            .output()
            .await
            .context("Go is needed to build lego, and `go` cannot be started")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "lego cannot be built, so nothing can be said of the simulators: {}",
            said.trim()
        );
        Ok(program)
    });
    built.await.map(PathBuf::as_path)
}

/// A name server that knows where `zone` begins.
async fn nameserver(zone: &str) -> Result<PowerDns> {
    let server = PowerDns::builder("zones").start().await?;
    let apex = CanonicalName::parse(&format!("{zone}."))?;
    let mut new = NewZone::new(apex.clone());
    new.dnssec = false;
    new.rrsets = vec![
        Rrset::new(
            apex.clone(),
            RecordType::SOA,
            300,
            ["ns1.old-host.example. hostmaster.old-host.example. 1 3600 600 86400 300"],
        ),
        Rrset::new(
            apex,
            RecordType::NS,
            300,
            ["ns1.old-host.example.", "ns2.old-host.example."],
        ),
    ];
    let client = Client::new(Config::new(server.api_url(), server.api_key().into()))?;
    client.create_zone(&new).await?;
    Ok(server)
}

/// Owner, type, data and priority of the records of a zone, in order.
fn records(world: &World, vendor: &str, zone: &str) -> Vec<(String, String, String, Option<u16>)> {
    let mut state = world.state();
    let records = state
        .zone(vendor, zone)
        .map(|zone| zone.records.clone())
        .unwrap_or_default();
    let plain = records
        .into_iter()
        .map(|record| (record.name, record.rtype, record.value, record.priority));
    let mut plain: Vec<_> = plain.collect();
    plain.sort();
    plain
}

/// Presents a challenge for the domain of `case`, and cleans up. Of the zone at the vendor only the challenge may change.
async fn challenge(
    world: &World,
    simulator: &Simulator,
    provider: &str,
    vendor: &str,
    case: &Case,
) -> Result<()> {
    let (program, nameserver) = (program().await?, nameserver(&case.domain).await?);
    let before = records(world, vendor, &case.domain);
    ensure!(!before.is_empty(), "the zone has records of the customer");

    let mut child = Command::new(program)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let task = json!({
        "provider": provider,
        "base_url": simulator.base_url(),
        "credentials": texts(&case.credentials),
        "nameserver": nameserver.dns().to_string(),
        "domain": case.domain,
    });
    let mut input = child.stdin.take().context("it has an input")?;
    input.write_all(format!("{task}\n").as_bytes()).await?;
    let mut said = BufReader::new(child.stdout.take().context("it has an output")?).lines();
    let value = loop {
        let Some(line) = said.next_line().await? else {
            break None;
        };
        // Other lines are lego's log.
        if let Some(value) = line.strip_prefix("presented ") {
            break Some(value.to_owned());
        }
    };
    let Some(value) = value else {
        let output = child.wait_with_output().await?;
        anyhow::bail!(
            "{provider} presents nothing: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };

    let now = records(world, vendor, &case.domain);
    let new: Vec<_> = now.iter().filter(|record| !before.contains(record)).collect();
    ensure!(
        now.len() == before.len() + 1 && new.len() == 1,
        "{provider} made {before:?} to {now:?}"
    );
    let (name, rtype, data, _) = new[0];
    ensure!(
        (name.as_str(), rtype.as_str()) == ("_acme-challenge", "TXT"),
        "{new:?}"
    );
    // Some vendors keep a text as it was sent, with its quotation marks.
    ensure!(data.trim_matches('"') == value, "{new:?}");

    input.write_all(b"clean up\n").await?;
    let cleaned = said.next_line().await?;
    let output = child.wait_with_output().await?;
    let failed = String::from_utf8_lossy(&output.stderr);
    ensure!(
        cleaned.as_deref() == Some("cleaned"),
        "{provider} cleans nothing up: {failed}"
    );
    ensure!(output.status.success(), "{provider}: {failed}");
    let after = records(world, vendor, &case.domain);
    ensure!(after == before, "{provider} left {after:?} of {before:?}");
    Ok(())
}

/// The fields that are texts.
fn texts(credentials: &Value) -> Value {
    let fields = credentials.as_object().into_iter().flatten();
    fields
        .filter(|(_, value)| value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn hosted(fixtures: &Fixtures) -> Result<&Case> {
    fixtures.hosted.as_ref().context("the vendor hosts zones")
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn cloudflare_by_lego() -> Result<()> {
    let world = World::new();
    let (simulator, fixtures) = cloudflare::start(&world, 0).await?;
    challenge(&world, &simulator, "cloudflare", "cloudflare", hosted(&fixtures)?).await
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn dynadot_by_lego() -> Result<()> {
    let world = World::new();
    let (simulator, fixtures) = dynadot::start(&world, 0).await?;
    challenge(&world, &simulator, "dynadot", "dynadot", hosted(&fixtures)?).await
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn godaddy_by_lego_with_a_key() -> Result<()> {
    let world = World::new();
    let (simulator, fixtures) = godaddy::start(&world, 0).await?;
    challenge(&world, &simulator, "godaddy", "godaddy", hosted(&fixtures)?).await
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn godaddy_by_lego_with_a_token() -> Result<()> {
    let world = World::new();
    let (simulator, fixtures) = godaddy::start(&world, 0).await?;
    let case = Case {
        credentials: json!({"access_token": godaddy::ACCESS_TOKEN}),
        ..hosted(&fixtures)?.clone()
    };
    challenge(&world, &simulator, "godaddyv3", "godaddy", &case).await
}

/// lego sends no `EmailType`, and its users keep their mail; the documents ask for one.
#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn namecheap_by_lego() -> Result<()> {
    let world = World::new();
    let settings = Controls::new(namecheap::Settings {
        missing_email_type: namecheap::MissingEmailType::Keeps,
        ..namecheap::Settings::default()
    });
    let (simulator, fixtures) = namecheap::start_with(&world, 0, &settings).await?;
    challenge(&world, &simulator, "namecheap", "namecheap", hosted(&fixtures)?).await
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn ovh_by_lego() -> Result<()> {
    let world = World::new();
    let (simulator, fixtures) = ovh::start(&world, 0).await?;
    challenge(&world, &simulator, "ovh", "ovh", hosted(&fixtures)?).await
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn lego_is_refused_with_a_wrong_key() -> Result<()> {
    let world = World::new();
    let (simulator, fixtures) = dynadot::start(&world, 0).await?;
    let case = Case {
        domain: hosted(&fixtures)?.domain.clone(),
        ..fixtures.cases["wrong_key"].clone()
    };
    let refused = challenge(&world, &simulator, "dynadot", "dynadot", &case).await;
    let text = format!("{:#}", refused.expect_err("the key is wrong"));
    ensure!(text.contains("The provided API key is invalid"), "{text}");
    Ok(())
}
