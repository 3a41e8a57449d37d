//! `pdm serve` for a measurement: with the durations of production, and with limits per tenant that do not bind.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::world::{Layout, TENANT_NAMESERVERS, World};
use conformance_servers::{End, Process, Program, free_port};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Command;

/// Tenants who share the work: daily quotas are counted for each.
const TENANTS: usize = 32;

/// A running control plane with tenants.
#[derive(Debug)]
pub struct ControlPlane {
    process: Process,
    client: Client,
    url: String,
    operator: String,
    tenants: Vec<String>,
    database: Option<PathBuf>,
}

/// What differs between parts.
#[derive(Debug, Clone, Default)]
pub struct Variant {
    /// The base URL to use for a PowerDNS instead of its own, by its name.
    pub api_urls: Vec<(String, String)>,
    /// Further lines of the settings' section `timing`.
    pub timing: String,
}

impl ControlPlane {
    /// Writes settings for this world, starts the server and makes its tenants.
    pub async fn start(
        program: &Path,
        directory: &Path,
        world: &World,
        layout: Layout,
        variant: &Variant,
    ) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let (store, database) = match &world.postgres {
            None => {
                let file = directory.join("pdm.db");
                (format!("sqlite:{}", file.display()), Some(file))
            }
            Some(postgres) => (postgres.create_database("pdm").await?.url(), None),
        };
        let key_file = directory.join("server-key");
        let listen = format!("127.0.0.1:{}", free_port()?);
        let config = directory.join("pdm.toml");
        // A key that is not secret: the database it protects ends with the measurement.
        fs::write(&key_file, [7; 32])?;
        fs::write(
            &config,
            settings(&listen, &store, &key_file, world, layout, variant),
        )?;
        let bootstrap = ["key", "create", "--bootstrap", "--output", "json", "--config"];
        let made = run(Command::new(program).args(bootstrap).arg(&config)).await?;
        let made: Value = serde_json::from_str(&made).context("pdm key create prints no JSON")?;
        let mut control_plane = Self {
            process: Process::new(Program {
                path: program.to_owned(),
                arguments: vec!["serve".into(), "--config".into(), config.into()],
                environment: Vec::new(),
                log: directory.join("log"),
                user: None,
                end: End::Terminate,
            }),
            client: Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .timeout(Duration::from_mins(1))
                .build()?,
            url: format!("http://{listen}"),
            operator: text(&made, "key")?,
            tenants: Vec::new(),
            database,
        };
        control_plane.start_again().await?;
        for n in 0..TENANTS {
            let tenant = control_plane
                .post("/v1/tenants", &json!({"name": format!("bench-{n}")}))
                .await?;
            let body = json!({"scope": "tenant", "name": "bench", "tenant": text(&tenant, "id")?});
            let key = control_plane.post("/v1/keys", &body).await?;
            control_plane.tenants.push(text(&key, "key")?);
        }
        Ok(control_plane)
    }

    /// Starts the server and says after what time it was ready.
    pub async fn start_again(&self) -> Result<Duration> {
        let ready = format!("{}/readyz", self.url);
        let began = Instant::now();
        self.process
            .start(|| async {
                self.client
                    .get(&ready)
                    .send()
                    .await
                    .is_ok_and(|answer| answer.status().is_success())
            })
            .await?;
        Ok(began.elapsed())
    }

    /// Ends the server in order.
    pub async fn stop(&self) {
        self.process.stop().await;
    }

    /// The id of its process.
    pub fn pid(&self) -> Result<u32> {
        self.process.pid().context("pdm has ended")
    }

    /// Scheme, host and port.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A key of each tenant.
    pub fn tenant_keys(&self) -> &[String] {
        &self.tenants
    }

    /// The file of its database, with SQLite.
    pub fn database(&self) -> Option<&Path> {
        self.database.as_deref()
    }

    /// Adds a domain, whose zone is there, to give names out of.
    pub async fn add_pool(&self, domain: &str) -> Result<()> {
        let body = json!({"domain": domain.trim_end_matches('.'), "create": false});
        self.post("/v1/pools", &body).await.map(drop)
    }

    /// The value of a metric without labels, or with exactly these (`name{label="value"}`).
    pub async fn metric(&self, name: &str) -> Result<Option<f64>> {
        let request = self
            .client
            .get(format!("{}/metrics", self.url))
            .bearer_auth(&self.operator);
        let page = request.send().await?.error_for_status()?.text().await?;
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value
            .map(|value| value.trim().parse().context("a metric is a number"))
            .transpose()
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.operator);
        let answer = request.json(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

fn settings(
    listen: &str,
    store: &str,
    key_file: &Path,
    world: &World,
    layout: Layout,
    variant: &Variant,
) -> String {
    let port = world.resolver.dns().port();
    let root = world.root.dns().ip();
    let (key_file, anchor) = (quoted(key_file), quoted(&world.trust_anchor_file));
    let mut out = format!(
        "listen = {listen:?}\nserver_key_file = {key_file}\nnameservers = {TENANT_NAMESERVERS:?}\n\n\
         [store]\nurl = {store:?}\n\n\
         [dns]\nport = {port}\nroots = [\"{root}\"]\ntrust_anchor = {anchor}\nallow_non_global = true\n\n\
         [targets]\nallow_non_global = true\n\n\
         [limits]\nscale = 1000000\n\n[timing]\n{timing}\n",
        timing = variant.timing,
    );
    let tenant_role = if layout == Layout::Same { "both" } else { "tenant" };
    let pools = world.pools.iter().map(|server| (server, "pool"));
    for (server, role) in pools.chain(world.tenants.iter().map(|server| (server, tenant_role))) {
        let other = variant.api_urls.iter().find(|(name, _)| name == server.name());
        let url = other.map_or_else(|| server.api_url(), |(_, url)| url.clone());
        let key = quoted(&server.api_key_file());
        // Writing to a String cannot fail.
        write!(
            out,
            "\n[[powerdns.servers]]\nurl = {url:?}\napi_key_file = {key}\nrole = {role:?}\n"
        )
        .ok();
    }
    out
}

/// A path as a string of TOML.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

async fn run(command: &mut Command) -> Result<String> {
    let output = command.output().await.context("cannot run pdm")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "pdm ended with {}: {}",
        output.status,
        errors.trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn text(object: &Value, field: &str) -> Result<String> {
    Ok(object[field]
        .as_str()
        .with_context(|| format!("pdm sent no {field}"))?
        .to_owned())
}
