//! The vendors' own SDKs find in the simulators what they know from the vendors.
//!
//! The SDKs are Python. They are installed, at pinned versions, into a virtual environment of the build's scratch folder; a test fails
//! when that is not possible.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use conformance::sim::controls::Controls;
use conformance::sim::world::World;
use conformance::sim::{cloudflare, ovh};

const REQUIREMENTS: &str = include_str!("clients/requirements.txt");

/// The environment's Python, with the SDKs.
fn python() -> Result<PathBuf> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // Another test that failed here says why; this one tries again.
    let _turn = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendor-clients");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    let run = |command: &mut Command| -> Result<()> {
        let output = command.output().context("it cannot be started")?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {}", output.status, text.trim());
        Ok(())
    };
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))
    .context("python3 with its module venv is needed to run the vendors' SDKs")?;
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/requirements.txt");
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(wanted))
    .context("pip cannot install the vendors' SDKs, so nothing can be said of the simulators")?;
    std::fs::write(stamp, REQUIREMENTS)?;
    Ok(python)
}

/// Runs a script, which ends with `done`.
async fn run(script: &'static str, arguments: Vec<String>) -> Result<()> {
    let output = tokio::task::spawn_blocking(move || -> Result<_> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/clients")
            .join(script);
        Command::new(python()?)
            .arg(script)
            .args(arguments)
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .context("the script cannot be started")
    })
    .await??;
    let (said, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "{}\n{said}\n{failed}", output.status);
    ensure!(
        said.trim_end().ends_with("done"),
        "the script did not come to its end: {said}"
    );
    Ok(())
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn cloudflares_sdk_reads_delegates_and_is_refused() -> Result<()> {
    use cloudflare::fixtures::{ORDINARY, READ_ONLY};

    let world = World::new();
    let (simulator, fixtures) = cloudflare::start(&world, 0).await?;
    let arguments = [
        &simulator.base_url(),
        ORDINARY,
        READ_ONLY,
        &fixtures.ordinary.domain,
    ];
    run("cloudflare_sdk.py", arguments.map(ToOwned::to_owned).into()).await
}

#[tokio::test]
#[ignore = "needs packages from the registries of Python and Go: make test-long runs it"]
async fn ovhs_sdk_follows_a_task_writes_records_and_is_refused() -> Result<()> {
    use ovh::fixtures::{APPLICATION_KEY, APPLICATION_SECRET, ORDINARY, READ_ONLY};

    let world = World::new();
    let controls = Controls::new(ovh::settings::Settings {
        skew: 3600,
        ..ovh::settings::Settings::default()
    });
    let (simulator, fixtures) = ovh::start_with(&world, 0, &controls).await?;
    let hosted = fixtures.hosted.context("OVH has one")?;
    let arguments = [
        &simulator.base_url(),
        APPLICATION_KEY,
        APPLICATION_SECRET,
        ORDINARY,
        READ_ONLY,
        &fixtures.ordinary.domain,
        &hosted.domain,
    ];
    run("ovh_sdk.py", arguments.map(ToOwned::to_owned).into()).await?;

    let domain = world.domain(&fixtures.ordinary.domain).context("it is there")?;
    assert_eq!(domain.nameservers, ["ns1.example.net", "ns2.example.org"]);
    assert_eq!(domain.ds.len(), 1);
    Ok(())
}
