//! The lab as those see it who start it: a program, a file that describes it, and nothing left when it has ended.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance_servers::{Verdict, dig, free_port};
use serde_json::Value;
use tempfile::TempDir;

/// A folder and a port for a lab of its own.
struct Place {
    folder: TempDir,
    port: u16,
}

impl Place {
    fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
            port: free_port()?,
        })
    }

    /// `conformance lab …`, name servers only.
    fn lab(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
        command.arg("lab").args(arguments).current_dir(self.folder.path());
        command.env("LAB_DNS_PORT", self.port.to_string());
        command
    }

    fn start(&self, variables: &[(&str, &str)]) -> Result<Started<'_>> {
        let mut command = self.lab(&["--detach", "--dns-only"]);
        let output = command.envs(variables.iter().copied()).output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Started(self))
    }

    fn run_folder(&self) -> PathBuf {
        self.folder.path().join(".run")
    }

    fn state(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&fs::read(
            self.run_folder().join("lab.json"),
        )?)?)
    }
}

/// A lab in the background; ends with this value at the latest.
struct Started<'a>(&'a Place);

impl Started<'_> {
    fn stop(&self) -> Result<()> {
        let output = self.0.lab(&["stop"]).output()?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        self.stop().ok();
    }
}

/// Name and process of everything that runs.
fn pids(state: &Value) -> Result<Vec<(String, u32)>> {
    let pids = state["pids"].as_object().context("pids is an object")?;
    pids.iter()
        .map(|(name, pid)| {
            Ok((
                name.clone(),
                u32::try_from(pid.as_u64().context("a pid is a number")?)?,
            ))
        })
        .collect()
}

fn program_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn resolver(state: &Value) -> Result<SocketAddr> {
    Ok(state["dns"]["resolver"]
        .as_str()
        .context("the resolver's address")?
        .parse()?)
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "not in a minute: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(signal: &str, child: &Child) -> Result<()> {
    ensure!(
        Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()?
            .success()
    );
    Ok(())
}

#[tokio::test]
async fn describes_what_runs_and_ends_all_of_it() -> Result<()> {
    let place = Place::new()?;
    let lab = place.start(&[])?;
    let state = place.state()?;

    let pids = pids(&state)?;
    let names: Vec<&str> = pids.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["pools", "resolver", "root", "tenants", "tlds"]);
    for (name, pid) in &pids {
        let expected = if name == "resolver" {
            "named"
        } else {
            "pdns_server"
        };
        assert_eq!(program_of(*pid), expected, "{name}");
    }

    let answer = dig(resolver(&state)?, "omani.works", "NS", &["+dnssec"]).await?;
    assert_eq!(answer.verdict(), Verdict::Secure);
    let anchor = fs::read_to_string(state["dns"]["trust_anchor_file"].as_str().context("a file")?)?;
    let root: SocketAddr = state["dns"]["root"]
        .as_str()
        .context("the root's address")?
        .parse()?;
    let key = dig(root, ".", "DNSKEY", &[]).await?;
    let without_ttl = |line: &str| line.split_whitespace().skip(3).collect::<String>();
    assert_eq!(
        key.answer
            .iter()
            .map(|line| without_ttl(line))
            .collect::<Vec<_>>(),
        [without_ttl(&anchor)]
    );

    lab.stop()?;
    for (name, pid) in pids {
        assert_eq!(program_of(pid), "", "{name} has ended");
    }
    assert!(!place.run_folder().join("lab.json").exists());
    Ok(())
}

#[tokio::test]
async fn keeps_zones_and_keys_between_runs_until_reset() -> Result<()> {
    let place = Place::new()?;
    let anchor = || -> Result<String> {
        let state = place.state()?;
        Ok(fs::read_to_string(
            state["dns"]["trust_anchor_file"].as_str().context("a file")?,
        )?)
    };
    let lab = place.start(&[])?;
    let first = anchor()?;
    lab.stop()?;
    let lab = place.start(&[])?;
    assert_eq!(anchor()?, first);
    lab.stop()?;
    let _lab = place.start(&[("LAB_RESET", "1")])?;
    assert_ne!(anchor()?, first);
    Ok(())
}

#[tokio::test]
async fn can_keep_pools_and_tenants_on_one_server() -> Result<()> {
    let place = Place::new()?;
    let _lab = place.start(&[("LAB_LAYOUT", "same")])?;
    let state = place.state()?;
    let servers = state["powerdns"].as_array().context("a list")?;
    let tenants = servers
        .iter()
        .find(|server| server["name"] == "tenants")
        .context("the tenants' server")?;
    assert!(servers.iter().all(|server| server["name"] != "pools"));
    let address: SocketAddr = tenants["dns"].as_str().context("an address")?.parse()?;
    assert!(
        dig(address, "omani.works", "SOA", &["+norec"])
            .await?
            .has_flag("aa")
    );
    assert_eq!(
        dig(resolver(&state)?, "openova.io", "NS", &["+dnssec"])
            .await?
            .verdict(),
        Verdict::Secure
    );
    Ok(())
}

#[tokio::test]
async fn on_postgres_two_servers_have_the_tenants_zones() -> Result<()> {
    let place = Place::new()?;
    let lab = place.start(&[("LAB_STORE", "postgres")])?;
    let state = place.state()?;
    let pids = pids(&state)?;
    let names: Vec<&str> = pids.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "pools", "postgres", "resolver", "root", "tenants", "tenants2", "tlds"
        ]
    );
    assert_eq!(program_of(pids[1].1), "postgres");
    lab.stop()?;
    assert_eq!(program_of(pids[1].1), "");
    Ok(())
}

#[test]
fn ends_all_of_it_when_told_to_by_a_terminal_and_when_killed() -> Result<()> {
    for signal in ["-INT", "-KILL"] {
        let place = Place::new()?;
        let file = place.run_folder().join("lab.json");
        let mut lab = place.lab(&["--dns-only"]).stdout(Stdio::null()).spawn()?;
        wait_for("the lab is up", || file.exists());
        let pids = pids(&place.state()?)?;
        kill(signal, &lab)?;
        assert_eq!(lab.wait()?.success(), signal == "-INT");
        for (name, pid) in pids {
            // A dead process keeps its name until its new parent has asked for it.
            let gone = || ended(Path::new(&format!("/proc/{pid}/stat")));
            wait_for(&format!("{name} has ended after {signal}"), gone);
        }
    }
    Ok(())
}

fn ended(stat: &Path) -> bool {
    fs::read_to_string(stat).map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn a_second_lab_in_one_folder_is_refused_and_does_no_harm() -> Result<()> {
    let place = Place::new()?;
    let _lab = place.start(&[])?;
    let before = place.state()?;
    for arguments in [&["--dns-only"][..], &["--dns-only", "--detach"]] {
        let second = place.lab(arguments).output()?;
        assert!(!second.status.success());
        assert!(
            String::from_utf8_lossy(&second.stderr).contains("running"),
            "{second:?}"
        );
    }
    assert_eq!(place.state()?, before);
    Ok(())
}

#[test]
fn stopping_no_lab_is_no_error_and_a_missing_control_plane_is_one() -> Result<()> {
    let place = Place::new()?;
    assert!(place.lab(&["stop"]).status()?.success());
    let output = place.lab(&[]).env("PDM_BIN", "no-such-program").output()?;
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no-such-program"),
        "{output:?}"
    );
    assert!(!place.run_folder().join("lab.json").exists());
    Ok(())
}
