//! Where a report comes from: machine, versions, commit, time.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;

use crate::options::Options;

/// The first lines of a report.
pub fn describe(options: &Options) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let folder = options.directory.clone().unwrap_or_else(std::env::temp_dir);
    let lines = [
        ("command", format!("`{}`", options.command())),
        (
            "date",
            Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
        ),
        ("commit", commit()),
        (
            "machine",
            format!(
                "{cores} cores, {}, {} RAM",
                field("/proc/cpuinfo", "model name"),
                memory()
            ),
        ),
        ("load before the run", load()),
        (
            "file system",
            said("stat", &["-f", "-c", "%T", &folder.display().to_string()]),
        ),
        ("PowerDNS", said("pdns_server", &["--version"])),
        ("PostgreSQL", said("psql", &["--version"])),
        ("Rust", said("rustc", &["--version"])),
    ];
    let mut out = String::from("| | |\n| --- | --- |\n");
    for (name, value) in lines {
        // Writing to a String cannot fail.
        writeln!(out, "| {name} | {value} |").ok();
    }
    out
}

fn field(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .split_once(':')
            .map(|(_, value)| value.trim())
    });
    value.unwrap_or("unknown").to_owned()
}

fn memory() -> String {
    let kib: u64 = field("/proc/meminfo", "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0);
    format!("{} GiB", kib >> 20)
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split_whitespace().take(3).collect();
    averages.join(", ")
}

/// The commit that the program was built from, if its sources are still here.
fn commit() -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).display().to_string();
    let hash = said("git", &["-C", &sources, "rev-parse", "--short", "HEAD"]);
    let changed = !said(
        "git",
        &["-C", &sources, "status", "--porcelain", "--untracked-files=no"],
    )
    .is_empty();
    if changed {
        format!("{hash} with changes")
    } else {
        hash
    }
}

/// What a command prints about itself: the first line that holds anything.
fn said(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return "not found".to_owned();
    };
    // PowerDNS answers on standard error, with the time before it.
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let (_, version) = line
        .split_once("PowerDNS Authoritative Server ")
        .unwrap_or(("", line));
    let (version, _) = version.split_once(" (C)").unwrap_or((version, ""));
    version.trim().to_owned()
}
