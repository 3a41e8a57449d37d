//! A PowerDNS Authoritative Server with its HTTP API.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;

use crate::directory::Directory;
use crate::http::{self, Request};
use crate::ports::free_port;
use crate::postgres::Database;
use crate::process::{End, Process, Program};
use crate::programs;

/// Where a server keeps its zones.
#[derive(Debug, Clone)]
pub enum Backend {
    /// A SQLite file in the server's folder.
    Sqlite,
    /// A database that other servers may use at the same time.
    Postgres(Database),
}

/// A running server. It answers DNS on [`Self::dns`] and its API on [`Self::api_url`].
#[derive(Debug)]
pub struct PowerDns {
    process: Process,
    name: String,
    api: SocketAddr,
    api_key: String,
    dns: SocketAddr,
    // After the process: fields are dropped in this order, and a temporary folder goes last.
    directory: Directory,
}

/// How to start a [`PowerDns`].
#[derive(Debug)]
pub struct PowerDnsBuilder {
    name: String,
    address: Ipv4Addr,
    port: Option<u16>,
    api_port: Option<u16>,
    directory: Option<PathBuf>,
    backend: Backend,
    settings: BTreeMap<String, String>,
}

impl PowerDnsBuilder {
    /// The address for DNS, 127.0.0.1 without it. The API is always on 127.0.0.1.
    #[must_use]
    pub fn address(mut self, address: Ipv4Addr) -> Self {
        self.address = address;
        self
    }

    /// The port for DNS, UDP and TCP; a free one without it.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The port of the API; a free one without it.
    #[must_use]
    pub fn api_port(mut self, port: u16) -> Self {
        self.api_port = Some(port);
        self
    }

    /// Keeps zones and API key there. Without it, a temporary folder.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Where zones are kept; SQLite without it.
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// One setting of `pdns.conf`, added or in place of ours.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Makes the database if needed, starts the server and waits until it answers on both ports.
    pub async fn start(self) -> Result<PowerDns> {
        let path = programs::find("pdns_server", "pdns-server")?;
        let directory = Directory::make(self.directory)?;
        let port = |given: Option<u16>| given.map_or_else(free_port, Ok);
        let dns = SocketAddr::from((self.address, port(self.port)?));
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, port(self.api_port)?));
        let api_key = api_key(&directory.path().join("api-key"))?;

        let mut settings = base_settings(directory.path(), dns, api, &api_key);
        settings.extend(match &self.backend {
            Backend::Sqlite => sqlite(&directory.path().join("pdns.db")).await?,
            Backend::Postgres(database) => postgres(database).await?,
        });
        settings.extend(self.settings);
        let file = settings.iter().fold(String::new(), |mut file, (key, value)| {
            // Writing to a String cannot fail.
            writeln!(file, "{key}={value}").ok();
            file
        });
        write_private(&directory.path().join("pdns.conf"), &file)?;

        let program = Program {
            path,
            arguments: vec![format!("--config-dir={}", directory.path().display()).into()],
            environment: Vec::new(),
            log: directory.path().join("log"),
            user: None,
            end: End::Terminate,
        };
        let server = PowerDns {
            process: Process::new(program),
            name: self.name,
            api,
            api_key,
            dns,
            directory,
        };
        server.restart().await?;
        Ok(server)
    }
}

impl PowerDns {
    /// A server on SQLite in a temporary folder, on 127.0.0.1 and free ports, with all caches off, unless told otherwise.
    pub fn builder(name: impl Into<String>) -> PowerDnsBuilder {
        PowerDnsBuilder {
            name: name.into(),
            address: Ipv4Addr::LOCALHOST,
            port: None,
            api_port: None,
            directory: None,
            backend: Backend::Sqlite,
            settings: BTreeMap::new(),
        }
    }

    /// The name given to [`Self::builder`]; the server itself does not know it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scheme, host and port of the API, without a path: `http://127.0.0.1:PORT`.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The address of the API, as the proxies of this crate take it.
    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// The value of `X-API-Key`: random, and the same at each start in one folder.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// A file, readable by its owner only, with nothing but the key.
    pub fn api_key_file(&self) -> PathBuf {
        self.directory.path().join("api-key")
    }

    /// The address for DNS questions.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// The folder of the server: its settings, its log (`log`) and, with SQLite, its database (`pdns.db`).
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The id of the serving process; `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Ends the server in order.
    pub async fn stop(&self) {
        self.process.stop().await;
    }

    /// Starts the server again after [`Self::stop`] or [`Self::kill`], with the same ports, key and zones.
    pub async fn restart(&self) -> Result<()> {
        self.process.start(|| self.answers()).await
    }

    /// SIGSTOP: connections are taken by the kernel, and nobody answers.
    pub fn suspend(&self) -> Result<()> {
        self.process.suspend()
    }

    /// SIGCONT: the server carries on.
    pub fn resume(&self) -> Result<()> {
        self.process.resume()
    }

    async fn answers(&self) -> bool {
        let request = Request::get("/api/v1/servers/localhost", &self.api_key);
        let api = request
            .send(self.api)
            .await
            .ok()
            .and_then(|reply| http::status(&reply));
        api == Some(200) && TcpStream::connect(self.dns).await.is_ok()
    }
}

fn base_settings(
    directory: &Path,
    dns: SocketAddr,
    api: SocketAddr,
    api_key: &str,
) -> BTreeMap<String, String> {
    let directory = directory.display().to_string();
    [
        ("local-address", dns.ip().to_string()),
        ("local-port", dns.port().to_string()),
        ("webserver", "yes".to_owned()),
        ("webserver-address", api.ip().to_string()),
        ("webserver-port", api.port().to_string()),
        ("webserver-allow-from", "127.0.0.1".to_owned()),
        ("webserver-loglevel", "none".to_owned()),
        ("api", "yes".to_owned()),
        ("api-key", api_key.to_owned()),
        // A change is visible as soon as it is acknowledged.
        ("zone-cache-refresh-interval", "0".to_owned()),
        ("cache-ttl", "0".to_owned()),
        ("query-cache-ttl", "0".to_owned()),
        ("negquery-cache-ttl", "0".to_owned()),
        ("disable-axfr", "yes".to_owned()),
        // The server must not ask the Internet whether it is up to date.
        ("security-poll-suffix", String::new()),
        ("socket-dir", directory),
        ("daemon", "no".to_owned()),
        ("guardian", "no".to_owned()),
        ("write-pid", "no".to_owned()),
        ("disable-syslog", "yes".to_owned()),
        ("receiver-threads", "1".to_owned()),
        ("distributor-threads", "1".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

async fn sqlite(database: &Path) -> Result<Vec<(String, String)>> {
    if !database.exists() {
        let schema = programs::powerdns_schema("sqlite3")?;
        let mut command = Command::new(programs::find("sqlite3", "sqlite3")?);
        // Under its name only when it is whole: a start that is cut short must not leave half of the tables.
        let unfinished = database.with_extension("new");
        fs::remove_file(&unfinished).ok();
        command
            .arg("-bail")
            .arg(&unfinished)
            .arg(format!(".read '{}'", schema.display()));
        let output = tokio::task::spawn_blocking(move || command.output())
            .await?
            .context("cannot run sqlite3")?;
        ensure!(
            output.status.success(),
            "sqlite3: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        fs::rename(unfinished, database)?;
    }
    Ok(settings([
        ("launch", "gsqlite3".to_owned()),
        ("gsqlite3-dnssec", "yes".to_owned()),
        ("gsqlite3-database", database.display().to_string()),
    ]))
}

async fn postgres(database: &Database) -> Result<Vec<(String, String)>> {
    database.load_powerdns_schema().await?;
    Ok(settings([
        ("launch", "gpgsql".to_owned()),
        ("gpgsql-dnssec", "yes".to_owned()),
        ("gpgsql-host", "127.0.0.1".to_owned()),
        ("gpgsql-port", database.port.to_string()),
        ("gpgsql-dbname", database.name.clone()),
        ("gpgsql-user", database.user.clone()),
    ]))
}

fn settings<const N: usize>(pairs: [(&str, String); N]) -> Vec<(String, String)> {
    pairs.map(|(key, value)| (key.to_owned(), value)).into()
}

/// The key kept in `file`, or a new random one of 128 bits.
fn api_key(file: &Path) -> Result<String> {
    if let Ok(key) = fs::read_to_string(file) {
        return Ok(key);
    }
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let key = format!("{:032x}", u128::from_be_bytes(bytes));
    write_private(file, &key)?;
    Ok(key)
}

fn write_private(path: &Path, content: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    let file = options
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}
