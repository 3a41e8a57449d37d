//! The programs of the suite, as people and scripts run them: what they print, and how they end.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use conformance::act;
use conformance::sim::Simulator;
use conformance::sim::fixtures::{Case, Fixtures};
use conformance::sim::world::World;
use conformance::vendors::vendor;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A simulator, and a folder with the credentials of its ordinary account.
struct Bench {
    id: &'static str,
    world: World,
    simulator: Simulator,
    fixtures: Fixtures,
    folder: TempDir,
}

impl Bench {
    async fn of(id: &'static str) -> Result<Self> {
        let world = World::new();
        let vendor = vendor(id).context("no such vendor")?;
        let (simulator, fixtures) = (vendor.start)(world.clone(), 0).await?;
        Ok(Self {
            id,
            world,
            simulator,
            fixtures,
            folder: tempfile::tempdir()?,
        })
    }

    fn file(&self, name: &str, content: &Value) -> Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content.to_string())?;
        Ok(path)
    }

    /// `conformance call` for the domain of a case.
    fn call(&self, verb: &str, case: &Case, more: &[&str]) -> Result<(Option<i32>, Value)> {
        let credentials = self.file("credentials.json", &case.credentials)?;
        let mut command = conformance(&["call", self.id, verb, "--domain", &case.domain]);
        command.arg("--credentials").arg(credentials);
        command
            .args(["--endpoint", &self.simulator.base_url()])
            .args(more);
        let output = command.output()?;
        let text = String::from_utf8(output.stdout)?;
        let answer = serde_json::from_str(&text).with_context(|| format!("printed was {text:?}"))?;
        Ok((output.status.code(), answer))
    }

    /// The same, which must succeed.
    fn ok(&self, verb: &str, case: &Case, more: &[&str]) -> Result<Value> {
        let (status, mut answer) = self.call(verb, case, more)?;
        ensure!(
            status == Some(0) && answer.get("ok").is_some(),
            "{verb} ended with {status:?}: {answer}"
        );
        Ok(answer["ok"].take())
    }

    /// The same, which must fail.
    fn error(&self, verb: &str, case: &Case, more: &[&str]) -> Result<Value> {
        let (status, mut answer) = self.call(verb, case, more)?;
        ensure!(
            status == Some(1) && answer.get("error").is_some(),
            "{verb} ended with {status:?}: {answer}"
        );
        Ok(answer["error"].take())
    }
}

fn conformance(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(arguments).env_clear();
    command
}

fn status(arguments: &[&str]) -> Result<(Option<i32>, Output)> {
    let output = conformance(arguments).output()?;
    Ok((output.status.code(), output))
}

const HOSTS: &str = "ns1.pdm-check.example.org,ns2.pdm-check.example.net";

#[tokio::test(flavor = "multi_thread")]
async fn a_write_says_what_it_would_do_and_does_it_only_when_told_to() -> Result<()> {
    let bench = Bench::of("ovh").await?;
    let case = &bench.fixtures.ordinary;
    let before = bench.world.domain(&case.domain);
    let planned = bench.ok("set-nameservers", case, &["--nameservers", HOSTS])?;
    assert_eq!(planned["apply"], json!(false));
    assert_eq!(
        planned["would"]["after"],
        json!(["ns1.pdm-check.example.org", "ns2.pdm-check.example.net"])
    );
    assert_eq!(
        bench.world.domain(&case.domain),
        before,
        "without --apply nothing is written"
    );

    let done = bench.ok("set-nameservers", case, &["--nameservers", HOSTS, "--apply"])?;
    assert_eq!(done, json!({"change": "applied"}));
    let again = bench.ok("set-nameservers", case, &["--nameservers", HOSTS, "--apply"])?;
    assert_eq!(again, json!({"change": "unchanged"}));
    let seen = bench.ok("nameservers", case, &[])?;
    assert_eq!(seen["nameservers"], planned["would"]["after"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_what_restore_takes() -> Result<()> {
    let bench = Bench::of("namecheap").await?;
    let case = &bench.fixtures.ordinary;
    let snapshot = bench.ok("snapshot", case, &[])?;
    let file = bench.file("snapshot.json", &snapshot)?;
    bench.ok("set-nameservers", case, &["--nameservers", HOSTS, "--apply"])?;
    let file = file.to_str().context("a path in UTF-8")?;
    bench.ok("restore", case, &["--snapshot", file, "--apply"])?;
    assert_eq!(
        bench.ok("nameservers", case, &[])?["nameservers"],
        snapshot["nameservers"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ds_and_keys_are_taken_together() -> Result<()> {
    let bench = Bench::of("ovh").await?;
    let case = &bench.fixtures.ordinary;
    let domain = case.domain.parse()?;
    let (ds, key) = (act::ds_of(&domain, 1), act::key(1));
    let texts = [ds.to_string(), key.to_string()];
    bench.ok(
        "set-ds",
        case,
        &["--ds", &texts[0], "--dnskey", &texts[1], "--apply"],
    )?;
    assert_eq!(bench.ok("ds", case, &[])?, json!({"ds": [ds]}));
    bench.ok("set-ds", case, &["--apply"])?;
    assert_eq!(bench.ok("ds", case, &[])?, json!({"ds": []}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_zone_takes_delegations_and_texts() -> Result<()> {
    let bench = Bench::of("cloudflare").await?;
    let case = bench.fixtures.hosted.as_ref().context("a hosted zone")?;
    let name = format!("edge.{}", case.domain);
    let proof = format!("_pdm-proof.{}", case.domain);
    let delegation = ["--name", &name, "--nameservers", HOSTS, "--apply"];
    assert_eq!(
        bench.ok("delegate", case, &delegation)?,
        json!({"change": "applied"})
    );
    let txt = ["--name", &proof, "--value", "proof=1", "--apply"];
    assert_eq!(bench.ok("put-txt", case, &txt)?, json!({"change": "applied"}));
    let export = bench.ok("export", case, &[])?;
    let records = export["records"].as_array().context("records")?;
    let of = |owner: &str, rtype: &str| {
        records
            .iter()
            .filter(|record| record["owner"] == owner && record["type"] == rtype)
            .count()
    };
    assert_eq!((of(&name, "NS"), of(&proof, "TXT")), (2, 1));
    assert_eq!(
        bench.ok("undelegate", case, &delegation)?,
        json!({"change": "applied"})
    );
    assert_eq!(bench.ok("remove-txt", case, &txt)?, json!({"change": "applied"}));
    assert_eq!(
        bench.ok("remove-txt", case, &txt)?,
        json!({"change": "unchanged"})
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_its_kind_and_ends_with_1() -> Result<()> {
    let bench = Bench::of("dynadot").await?;
    let case = &bench.fixtures.ordinary;
    let wrong = &bench.fixtures.cases["wrong_key"];
    let rejected = bench.error("probe", wrong, &[])?;
    assert_eq!(
        (&rejected["kind"], &rejected["retry"]),
        (&json!("credentials_rejected"), &json!("never"))
    );
    assert_eq!(rejected["applied"], json!("no"));
    let one = bench.error(
        "set-nameservers",
        case,
        &["--nameservers", "ns1.example.net", "--apply"],
    )?;
    assert_eq!(one["kind"], json!("invalid_request"));
    let probe = bench.ok("probe", case, &[])?;
    assert_eq!(
        (&probe["domain_in_account"], &probe["refused_because"]),
        (&json!(true), &Value::Null)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_may_come_from_standard_input_and_answers_as_a_table() -> Result<()> {
    let bench = Bench::of("godaddy").await?;
    let case = &bench.fixtures.ordinary;
    let mut command = conformance(&["call", "godaddy", "nameservers", "--domain", &case.domain]);
    command.args([
        "--credentials",
        "-",
        "--output",
        "table",
        "--endpoint",
        &bench.simulator.base_url(),
    ]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = child.stdin.take().context("a pipe")?;
    input.write_all(case.credentials.to_string().as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with("nameservers ")),
        "{text}"
    );
    Ok(())
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2() -> Result<()> {
    let call = [
        "call",
        "ovh",
        "probe",
        "--domain",
        "example.com",
        "--credentials",
        "-",
        "--endpoint",
    ];
    let with = |more: &[&'static str]| [&call[..], more].concat();
    for arguments in [
        vec!["run", "all"],
        vec!["run", "nobody@simulator"],
        vec!["run", "ovh@nowhere"],
        vec!["run", "ovh@simulator", "--filter", "no such check"],
        vec![
            "call",
            "nobody",
            "probe",
            "--domain",
            "example.com",
            "--credentials",
            "-",
            "--endpoint",
            "production",
        ],
        vec![
            "call",
            "ovh",
            "delegate",
            "--domain",
            "example.com",
            "--credentials",
            "-",
            "--endpoint",
            "production",
        ],
        with(&["ftp://example.com"]),
        with(&["http://127.0.0.1:9/1.0"]),
    ] {
        let (ended, output) = status(&arguments)?;
        assert_eq!(
            ended,
            Some(2),
            "{arguments:?} printed {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Nothing configured is no success, and tells what to set.
#[test]
fn a_real_target_without_credentials_is_an_error() -> Result<()> {
    for target in [
        "ovh@production",
        "all@production",
        "namecheap@sandbox",
        "all@sandbox",
    ] {
        let (ended, output) = status(&["run", target])?;
        let told = String::from_utf8(output.stderr)?;
        assert_eq!(ended, Some(2), "{target}: {told}");
        assert!(told.contains("CONFORMANCE_"), "{target}: {told}");
    }
    let (ended, output) = status(&["run", "ovh@sandbox"])?;
    assert_eq!(ended, Some(2), "OVHcloud has no sandbox");
    assert!(String::from_utf8(output.stderr)?.contains("no sandbox"));
    Ok(())
}

#[test]
fn a_run_prints_a_line_for_each_trial_and_writes_junit() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let junit = folder.path().join("report.xml");
    let path = junit.to_str().context("a path in UTF-8")?;
    let (ended, output) = status(&[
        "run",
        "ovh@simulator",
        "--filter",
        "second_write_is_unchanged",
        "--junit",
        path,
    ])?;
    let text = String::from_utf8(output.stdout)?;
    assert_eq!(ended, Some(0), "{text}");
    for check in [
        "nameservers::second_write_is_unchanged",
        "ds::second_write_is_unchanged",
    ] {
        let found = text
            .lines()
            .any(|line| line.split_whitespace().eq(["ovh@simulator", check, "ok"]));
        assert!(found, "{check} in {text}");
    }
    let report = std::fs::read_to_string(junit)?;
    assert!(
        report.contains(r#"<testsuite name="ovh@simulator" tests="2" failures="0" skipped="0">"#),
        "{report}"
    );
    Ok(())
}

/// The page of the documentation is what the adapters say of themselves.
#[test]
fn the_matrix_is_current() -> Result<()> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/capabilities.md");
    let (ended, output) = status(&["matrix", "--check", "--output", page])?;
    assert_eq!(ended, Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
