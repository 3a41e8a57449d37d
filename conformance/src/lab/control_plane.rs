//! The control plane of the lab: its settings, its start, and its first tenants, keys and pools, all through the program's
//! own commands.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conformance_servers::{End, Process, Program, free_port};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::process::Command;

use super::options::{Limits, Options};
use super::registrars::Registrars;
use super::state_file::write_private;
use crate::world::{POOLS, TENANT_NAMESERVERS, World};

/// `pdm serve`, with what is needed to use it.
#[derive(Debug)]
pub(super) struct ControlPlane {
    process: Process,
    program: PathBuf,
    url: String,
    compat_url: String,
    accounts: Accounts,
}

/// The keys that the lab hands out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ApiKeys {
    operator: String,
    tenant_a: String,
    tenant_b: String,
}

/// Kept between runs: a key is shown only once.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Accounts {
    api_keys: ApiKeys,
    /// The tenant for which the listener for old clients acts.
    compat_tenant: String,
}

/// Where the control plane and its files are.
#[derive(Debug)]
struct Place {
    program: PathBuf,
    directory: PathBuf,
    port: u16,
    compat_port: u16,
}

impl Place {
    fn config(&self) -> PathBuf {
        self.directory.join("pdm.toml")
    }

    /// What reservation tokens are derived from.
    fn server_key(&self) -> PathBuf {
        self.directory.join("server-key")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl ControlPlane {
    /// Writes the settings, makes what the first run needs, starts the server and waits until it is ready.
    pub(super) async fn start(options: &Options, world: &World, registrars: &Registrars) -> Result<Self> {
        let place = Place {
            program: program(options)?,
            directory: options.state_directory().canonicalize()?.join("pdm"),
            port: if options.pdm_port == 0 {
                free_port()?
            } else {
                options.pdm_port
            },
            compat_port: free_port()?,
        };
        fs::create_dir_all(&place.directory)?;
        let server_key = place.server_key();
        if !server_key.exists() {
            let mut random = [0; 32];
            fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random))?;
            write_private(&server_key, &random)?;
        }
        let store = match &world.postgres {
            None => format!("sqlite:{}", place.directory.join("pdm.db").display()),
            Some(postgres) => postgres.create_database("pdm").await?.url(),
        };
        let accounts_file = place.directory.join("accounts.json");
        let mut accounts: Accounts = match fs::read(&accounts_file) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).context("the lab's accounts.json is damaged: LAB_RESET=1")?
            }
            Err(_) => Accounts::default(),
        };
        let write_settings = |accounts: &Accounts| {
            write_private(
                &place.config(),
                (settings(options, world, &place, &store, accounts) + &registrars.settings()).as_bytes(),
            )
        };

        write_settings(&accounts)?;
        if accounts.api_keys.operator.is_empty() {
            // On the store itself: no server runs yet.
            local(&place, &["migrate"]).await?;
            let made = local(&place, &["key", "create", "--bootstrap", "--output", "json"]).await?;
            accounts.api_keys.operator = text(&serde_json::from_str(&made)?, "key")?;
            write_private(&accounts_file, &serde_json::to_vec(&accounts)?)?;
        }
        let process = serve(&place);
        start_and_wait(&process, &place.url()).await?;
        if accounts.compat_tenant.is_empty() {
            first_run(&place, &mut accounts).await?;
            write_private(&accounts_file, &serde_json::to_vec(&accounts)?)?;
            // Now that the tenant of the listener for old clients is known.
            write_settings(&accounts)?;
            process.stop().await;
            start_and_wait(&process, &place.url()).await?;
        }
        let (url, compat_url) = (place.url(), format!("http://127.0.0.1:{}", place.compat_port));
        Ok(Self {
            process,
            program: place.program,
            url,
            compat_url,
            accounts,
        })
    }

    /// The folder of the `pdm` that runs.
    pub(super) fn program_folder(&self) -> &Path {
        self.program.parent().unwrap_or(Path::new("/"))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn compat_url(&self) -> &str {
        &self.compat_url
    }

    pub(super) fn api_keys(&self) -> &ApiKeys {
        &self.accounts.api_keys
    }

    /// `None` when it has died.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    pub(super) async fn restart(&self) -> Result<()> {
        start_and_wait(&self.process, &self.url).await
    }

    pub(super) async fn stop(&self) {
        self.process.stop().await;
    }
}

/// Waits and TTLs: an activation ends in seconds, a release with its drain within 20, and after an outage everything moves
/// again within 15. Nothing is skipped.
const SCALED: &str = "[timing]
allow_weak = true
lease = 6
lease_renew = 1
powerdns_deadline = 3
settle = 6
backoff_min = 0.2
backoff_max = 5
blocked_recheck = 5
drain_margin = 1
expire_interval = 1
reconcile_interval = 10
key_memory = 5

[zones]
ns = 5
soa = 5
soa_minimum = 2
hosts = 5
delegation_ns = 5
delegation_ds = 5
pool_ns = 5
pool_soa = 1
";

/// The settings of the control plane: the only place of the lab that knows their names.
///
/// All durations are scaled, so that a release, its drain included, ends within 20 seconds and a repetition comes within 5.
fn settings(options: &Options, world: &World, place: &Place, store: &str, accounts: &Accounts) -> String {
    let quoted = |text: &str| format!("{text:?}");
    let list = |items: &[String]| {
        items
            .iter()
            .map(|item| quoted(item))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let nameservers = list(&TENANT_NAMESERVERS.map(str::to_owned));
    let mut out = format!(
        "listen = {listen}\nserver_key_file = {key}\nnameservers = [{nameservers}]\n\n[store]\nurl = {store}\n\n\
         [dns]\nport = {port}\nroots = [{root}]\ntrust_anchor = {anchor}\nallow_non_global = true\n\n\
         [targets]\nallow_non_global = true\n\n{SCALED}",
        key = quoted(&place.server_key().display().to_string()),
        listen = quoted(&format!("127.0.0.1:{}", place.port)),
        store = quoted(store),
        port = world.resolver.dns().port(),
        root = quoted(&world.root.dns().ip().to_string()),
        anchor = quoted(&world.trust_anchor_file.display().to_string()),
    );
    // Writing to a String cannot fail.
    if options.limits == Limits::Wide {
        write!(out, "\n[limits]\nscale = 1000\n").ok();
    }
    if !accounts.compat_tenant.is_empty() {
        let listen = quoted(&format!("127.0.0.1:{}", place.compat_port));
        write!(
            out,
            "\n[compat]\nlisten = {listen}\ntenant = {}\n",
            quoted(&accounts.compat_tenant)
        )
        .ok();
    }
    let pool_servers = world.pools.iter().map(|server| (server, "pool"));
    let tenant_role = if world.pools.is_some() { "tenant" } else { "both" };
    for (server, role) in pool_servers.chain(world.tenants.iter().map(|server| (server, tenant_role))) {
        write!(
            out,
            "\n[[powerdns.servers]]\nurl = {url}\napi_key_file = {key}\nrole = {role}\n",
            url = quoted(&server.api_url()),
            key = quoted(&server.api_key_file().display().to_string()),
            role = quoted(role),
        )
        .ok();
    }
    out
}

/// Two tenants with a key each, and the pools.
async fn first_run(place: &Place, accounts: &mut Accounts) -> Result<()> {
    let operator = accounts.api_keys.operator.clone();
    // Some may be there, if an earlier first run was cut short.
    let known = client(place, &operator, &["tenant", "list"]).await?;
    let mut tenants = Vec::new();
    let mut keys = Vec::new();
    for name in ["tenant-a", "tenant-b"] {
        let tenant = match known["items"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|known| known["name"] == name)
        {
            Some(tenant) => text(tenant, "id")?,
            None => text(
                &client(place, &operator, &["tenant", "create", name]).await?,
                "id",
            )?,
        };
        let key = [
            "key", "create", "--scope", "tenant", "--tenant", &tenant, "--name", "lab",
        ];
        keys.push(text(&client(place, &operator, &key).await?, "key")?);
        tenants.push(tenant);
    }
    let known = client(place, &operator, &["pool", "list"]).await?;
    let is_known = |pool: &str| {
        known["items"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|known| known["domain"] == pool)
    };
    for pool in POOLS.iter().filter(|pool| !is_known(pool)) {
        client(place, &operator, &["pool", "add", pool]).await?;
    }
    accounts.api_keys.tenant_b = keys.swap_remove(1);
    accounts.api_keys.tenant_a = keys.swap_remove(0);
    accounts.compat_tenant = tenants.swap_remove(0);
    Ok(())
}

fn serve(place: &Place) -> Process {
    Process::new(Program {
        path: place.program.clone(),
        arguments: vec!["serve".into(), "--config".into(), place.config().into()],
        environment: Vec::new(),
        log: place.directory.join("log"),
        user: None,
        end: End::Terminate,
    })
}

async fn start_and_wait(process: &Process, url: &str) -> Result<()> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(2))
        .build()?;
    let ready = format!("{url}/readyz");
    process
        .start(|| async {
            client
                .get(&ready)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await
}

/// Runs a command beside the store.
async fn local(place: &Place, arguments: &[&str]) -> Result<String> {
    run(Command::new(&place.program)
        .args(arguments)
        .arg("--config")
        .arg(place.config()))
    .await
}

/// Runs a command that asks the server.
async fn client(place: &Place, key: &str, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(&place.program);
    command
        .args(arguments)
        .args(["--output", "json"])
        .env("PDM_URL", place.url())
        .env("PDM_API_KEY", key);
    let printed = run(&mut command).await?;
    serde_json::from_str(&printed).with_context(|| format!("pdm {} does not print JSON", arguments.join(" ")))
}

async fn run(command: &mut Command) -> Result<String> {
    let output = command.output().await.context("cannot run pdm")?;
    let arguments: Vec<OsString> = command.as_std().get_args().map(ToOwned::to_owned).collect();
    ensure!(
        output.status.success(),
        "pdm {} ended with {}: {}",
        arguments.join(" ".as_ref()).display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn text(object: &Value, field: &str) -> Result<String> {
    Ok(object[field]
        .as_str()
        .with_context(|| format!("pdm printed no {field}"))?
        .to_owned())
}

/// The `pdm` to run.
fn program(options: &Options) -> Result<PathBuf> {
    let beside = || Ok::<_, std::io::Error>(std::env::current_exe()?.with_file_name("pdm"));
    let path = match &options.pdm {
        Some(path) => path.clone(),
        None => beside()?,
    };
    let found = path
        .canonicalize()
        .with_context(|| format!("no control plane at {}", path.display()))?;
    ensure!(Path::is_file(&found), "{} is not a program", found.display());
    Ok(found)
}
