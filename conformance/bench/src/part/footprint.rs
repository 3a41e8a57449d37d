//! Memory and start of a control plane with 100 000 claims.
//!
//! One name is made live in the ordinary way; the others are copies of its rows in the databases of pdm and PowerDNS,
//! made by SQL while both are down. That is the same as if they had been made one by one, and takes seconds.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use conformance::world::{Layout, Store};
use conformance_servers::{FaultProxy, Kind, PowerDns};
use data_encoding::{BASE64, HEXLOWER};
use powerdns_client::CanonicalName;
use tokio::process::Command;

use crate::contender::{Contender as _, ThroughPdm};
use crate::control_plane::Variant;
use crate::figures::Series;
use crate::load::{Outcome, open_loop};
use crate::options::Options;
use crate::report::{Section, Table, verdict};
use crate::stage::BareStage;
use crate::zones::client;
use crate::{labels, process};

/// Active names, each with its zone and its delegation.
const ACTIVE: u32 = 50_000;
/// Names that are held.
const HELD: u32 = 50_000;
/// The pool.
const POOL: &str = "footprint.test";
/// The label whose rows are copied.
const MODEL: &str = "model";
/// Starts that are timed.
const STARTS: usize = 3;
/// Reconcile passes that are waited for, to see whether memory grows from one to the next.
const PASSES: u64 = 4;
/// The same with `--full`.
const MANY_PASSES: u64 = 12;
/// Names made live per second while passes go on.
const RATE: u32 = 10;
/// For how long.
const WORK: Duration = Duration::from_secs(15);
/// The most resident memory, KiB.
const MOST_MEMORY: u64 = 80 << 10;
/// The longest start.
const LONGEST_START: Duration = Duration::from_secs(2);
/// How long passes may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_mins(5);

pub(super) async fn run(options: &Options, section: &mut Section) -> Result<()> {
    // The copies are made in SQLite's files, whatever the other parts use.
    let servers = BareStage::start(options, Store::Sqlite, Layout::Same).await?;
    let proxy = FaultProxy::start(servers.world.pool_server().api_address()).await?;
    let variant = Variant {
        api_urls: vec![(servers.world.pool_server().name().to_owned(), proxy.url())],
        // Passes come quickly, so that more than one is seen.
        timing: "reconcile_interval = 2".to_owned(),
    };
    let stage = servers.with_pdm(options, &variant).await?;
    let (tenants, _) = stage.pool(POOL, 0).await?;
    tenants.make_live(MODEL).await?;

    let powerdns = stage.world.pool_server();
    let digests = Digests::of_model(powerdns).await?;
    stage.pdm.stop().await;
    powerdns.stop().await;
    eprintln!("   copying rows: {ACTIVE} active names, {HELD} held ones");
    let zones = powerdns.directory().join("pdns.db");
    let claims = stage.pdm.database().context("pdm is on SQLite")?;
    copy_rows(claims, &zones, &digests).await?;
    powerdns.restart().await?;

    let mut starts = Series::default();
    for _ in 0..STARTS {
        starts.push(stage.pdm.start_again().await?.as_secs_f64());
        stage.pdm.stop().await;
    }
    stage.pdm.start_again().await?;
    let pid = stage.pdm.pid()?;
    proxy.reset_counts();
    let mut samples = Vec::new();
    let mut seen = 0;
    let wanted = if options.is_full() { MANY_PASSES } else { PASSES };
    for pass in 1..=wanted {
        seen = passes(&proxy, seen + 1).await?;
        let memory = process::memory(pid)?;
        eprintln!("   after pass {pass}: {} MiB", mebibytes(memory.now));
        if pass == 1 {
            samples.push(("start and first reconcile pass".to_owned(), memory));
            process::forget_peak(pid)?;
        } else if pass == wanted {
            samples.push((format!("{} more passes", wanted - 1), memory));
            process::forget_peak(pid)?;
        }
    }
    eprintln!("   {RATE} names a second meanwhile");
    let work = names_meanwhile(&tenants).await?;
    let meanwhile = passes(&proxy, seen + 1).await? - seen;
    let what = format!(
        "{meanwhile} passes while {} names were made live",
        work.times.len()
    );
    samples.push((what, process::memory(pid)?));

    let mut table = Table::new([
        "with 100 000 claims and 50 000 delegations",
        "resident now, MiB",
        "peak, MiB",
    ]);
    for (what, memory) in &samples {
        table.line(&[what.clone(), mebibytes(memory.now), mebibytes(memory.peak)]);
    }
    section.table(&table);
    let found = |kind: &'static str| {
        let name = format!("pdm_reconcile_found{{kind=\"{kind}\"}}");
        let pdm = &stage.pdm;
        async move { Ok::<_, anyhow::Error>(pdm.metric(&name).await?.unwrap_or_default()) }
    };
    let (drifted, orphans) = (found("drifted").await?, found("orphans").await?);
    ensure!(
        drifted + orphans == 0.0,
        "the passes found {drifted} drifted names and {orphans} orphans: the copies are not like the model"
    );
    section.text("The passes found no drifted names and no orphans, as it should be.");
    let most = samples
        .iter()
        .map(|(_, memory)| memory.peak)
        .max()
        .unwrap_or_default();
    section.text(format!("Start to ready, {STARTS} starts: {starts} s."));
    section.text(format!(
        "Aims: under {} MiB, {}; ready within {} s, {}.",
        MOST_MEMORY >> 10,
        verdict(most < MOST_MEMORY),
        LONGEST_START.as_secs(),
        verdict(
            starts
                .median()
                .is_some_and(|start| start < LONGEST_START.as_secs_f64())
        ),
    ));
    Ok(())
}

/// Waits until so many passes have ended since the count began, and says how many have. A pass begins with the list of all
/// zones, so when one more than `wanted` has been asked for, that many have ended.
async fn passes(proxy: &FaultProxy, wanted: u64) -> Result<u64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ended = proxy.count("GET", Kind::Zones).saturating_sub(1);
        if ended >= wanted {
            return Ok(ended);
        }
        ensure!(
            Instant::now() < deadline,
            "{wanted} reconcile passes have not ended in {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn names_meanwhile(tenants: &ThroughPdm) -> Result<Outcome> {
    let tenants = tenants.clone();
    let outcome = open_loop(RATE, WORK, move || {
        let tenants = tenants.clone();
        async move { tenants.make_live(&labels::fresh()).await }
    })
    .await?;
    ensure!(
        outcome.failures.is_empty(),
        "names failed: {:?}",
        outcome.failures.first()
    );
    Ok(outcome)
}

/// What names the key in DS records: the model's, and how a copy's is computed.
struct Digests {
    key: Vec<u8>,
    model: String,
}

impl Digests {
    /// From the key that the model's zone has.
    async fn of_model(powerdns: &PowerDns) -> Result<Self> {
        let zone = CanonicalName::parse(&format!("{MODEL}.{POOL}."))?;
        let keys = client(powerdns, 1)?.cryptokeys(&zone).await?;
        let [key] = &keys[..] else {
            anyhow::bail!("the model has {} keys", keys.len());
        };
        let mut words = key.dnskey.split_ascii_whitespace();
        let mut word = || words.next().context("a DNSKEY has four fields");
        let mut rdata = word()?.parse::<u16>()?.to_be_bytes().to_vec();
        rdata.push(word()?.parse()?);
        rdata.push(word()?.parse()?);
        rdata.extend(BASE64.decode(word()?.as_bytes())?);
        let mut digests = Self {
            key: rdata,
            model: String::new(),
        };
        digests.model = digests.of(MODEL);
        Ok(digests)
    }

    /// RFC 4034 section 5.1.4: the digest of owner and key.
    fn of(&self, label: &str) -> String {
        let mut digested = Vec::new();
        for label in format!("{label}.{POOL}").split('.') {
            digested.push(u8::try_from(label.len()).expect("labels of the bench are short"));
            digested.extend(label.bytes());
        }
        digested.push(0);
        digested.extend(&self.key);
        HEXLOWER.encode(digest(&SHA256, &digested).as_ref())
    }
}

async fn copy_rows(claims: &Path, zones: &Path, digests: &Digests) -> Result<()> {
    let rows: Vec<String> = (1..=ACTIVE)
        .map(|number| format!("copy-{number:06}"))
        .map(|label| format!("('{label}.{POOL}', '{}')", digests.of(&label)))
        .collect();
    let script = include_str!("copies.sql")
        .replace("{active}", &ACTIVE.to_string())
        .replace("{held}", &HELD.to_string())
        .replace("{digests}", &rows.join(",\n"))
        .replace("{digest}", &digests.model)
        .replace("{dns}", &zones.display().to_string())
        .replace("{model}", MODEL)
        .replace("{pool}", POOL);
    let file = claims.with_extension("sql");
    std::fs::write(&file, script)?;
    let read = format!(".read '{}'", file.display());
    let output = Command::new("sqlite3")
        .arg("-bail")
        .arg(claims)
        .arg(read)
        .output()
        .await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "sqlite3: {}", errors.trim());
    Ok(())
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{}.{}", kibibytes >> 10, ((kibibytes & 1023) * 10) >> 10)
}
