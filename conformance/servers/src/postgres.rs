//! A private PostgreSQL cluster.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::directory::Directory;
use crate::ports::free_port;
use crate::process::{End, Process, Program};
use crate::programs;

/// The system user that Debian's package makes. PostgreSQL refuses to run as root.
const SYSTEM_USER: &str = "postgres";
/// The superuser of the cluster, without a password: it listens on loopback only.
const ROLE: &str = "postgres";

/// A running cluster with `fsync` on: what it acknowledged survives [`Postgres::kill`].
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    // After the process: fields are dropped in this order, and a temporary folder goes last.
    _directory: Directory,
}

/// How to start a [`Postgres`].
#[derive(Debug, Default)]
pub struct PostgresBuilder {
    directory: Option<PathBuf>,
    port: Option<u16>,
    settings: Vec<(String, String)>,
}

/// One database of a [`Postgres`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// Role that owns it; it has no password.
    pub user: String,
}

impl PostgresBuilder {
    /// Keeps the cluster there; it is made when the folder has none. Without it, a temporary folder.
    ///
    /// When started by root the server runs as the system user `postgres`, who must be able to reach the folder.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Port on 127.0.0.1; a free one without it.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// One more line of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Makes the cluster if needed, starts it and waits until it answers.
    pub async fn start(self) -> Result<Postgres> {
        let port = match self.port {
            Some(port) => port,
            None => free_port()?,
        };
        let directory = Directory::make(self.directory)?;
        let data = directory.path().join("data");
        let user = system_user()?;
        if !data.join("PG_VERSION").is_file() {
            init(&data, user).await?;
        }
        let mut settings = vec![
            ("listen_addresses".to_owned(), "127.0.0.1".to_owned()),
            ("port".to_owned(), port.to_string()),
            ("unix_socket_directories".to_owned(), String::new()),
            // PowerDNS opens several connections for each API request.
            ("max_connections".to_owned(), "300".to_owned()),
        ];
        settings.extend(self.settings);
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
        arguments.extend(
            settings
                .iter()
                .flat_map(|(key, value)| ["-c".into(), format!("{key}={value}").into()]),
        );
        let program = Program {
            path: programs::postgres_folder()?.join("postgres"),
            arguments,
            environment: Vec::new(),
            log: directory.path().join("log"),
            user,
            end: End::Interrupt,
        };
        let postgres = Postgres {
            process: Process::new(program),
            port,
            _directory: directory,
        };
        postgres.restart().await?;
        Ok(postgres)
    }
}

impl Postgres {
    /// A cluster with its files in `directory` on a free port.
    pub async fn start(directory: impl AsRef<Path>) -> Result<Self> {
        Self::builder().directory(directory.as_ref()).start().await
    }

    /// A cluster in a temporary folder on a free port, unless told otherwise.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The id of the first process of the cluster; `None` when it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// The database `name` (lower-case letters, digits, `_`), made when it is not there.
    pub async fn create_database(&self, name: &str) -> Result<Database> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        ensure!(
            !name.is_empty() && name.chars().all(plain),
            "not a plain database name: {name:?}"
        );
        let statement = format!(
            "SELECT 'CREATE DATABASE {name}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n"
        );
        self.maintenance().run(statement).await?;
        Ok(Database {
            port: self.port,
            name: name.to_owned(),
            user: ROLE.to_owned(),
        })
    }

    /// A crash: the first process gets SIGKILL, the others notice and end.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// PostgreSQL's immediate shutdown (SIGQUIT): connections are cut, nothing is written, the next start recovers.
    pub async fn stop_immediately(&self) -> Result<()> {
        self.process.signal(Signal::QUIT)?;
        self.process.stop().await;
        Ok(())
    }

    /// Open transactions are rolled back and the cluster ends in order (PostgreSQL's fast shutdown).
    pub async fn stop(&self) {
        self.process.stop().await;
    }

    /// Starts the cluster again after [`Self::stop`] or [`Self::kill`], on the same port with the same data.
    pub async fn restart(&self) -> Result<()> {
        let maintenance = self.maintenance();
        self.process
            .start(|| async { maintenance.run("SELECT 1;\n".to_owned()).await.is_ok() })
            .await
    }

    fn maintenance(&self) -> Database {
        Database {
            port: self.port,
            name: "postgres".to_owned(),
            user: ROLE.to_owned(),
        }
    }
}

impl Database {
    /// The address as drivers take it.
    pub fn url(&self) -> String {
        format!("postgres://{}@127.0.0.1:{}/{}", self.user, self.port, self.name)
    }

    /// Makes the tables of the PowerDNS back end `gpgsql`, unless they are there.
    pub async fn load_powerdns_schema(&self) -> Result<()> {
        let schema = programs::powerdns_schema("pgsql")?;
        // The lock: two PowerDNS servers that share a database may be started at the same time.
        self.run(format!(
            "BEGIN; SELECT pg_advisory_xact_lock(53);\n\
             SELECT to_regclass('domains') IS NULL AS missing \\gset\n\
             \\if :missing\n\\i '{}'\n\\endif\nCOMMIT;\n",
            schema.display()
        ))
        .await
    }

    /// Runs a script with `psql`, stopping at the first error.
    async fn run(&self, script: String) -> Result<()> {
        let mut command = Command::new(programs::postgres_folder()?.join("psql"));
        command.args([
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            "--output=/dev/null",
            "--set=ON_ERROR_STOP=on",
        ]);
        command.arg(format!("--dbname={}", self.url()));
        tokio::task::spawn_blocking(move || with_input(command, &script)).await?
    }
}

/// Whom the server runs as, if not as ourselves.
fn system_user() -> Result<Option<&'static str>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    ensure!(
        users.lines().any(|line| line.starts_with("postgres:")),
        "PostgreSQL cannot run as root and there is no user `{SYSTEM_USER}` (Debian package postgresql)"
    );
    Ok(Some(SYSTEM_USER))
}

/// Makes an empty cluster in `data`, owned by `user`.
async fn init(data: &Path, user: Option<&'static str>) -> Result<()> {
    std::fs::create_dir_all(data)?;
    let mut command = match user {
        None => Command::new(programs::postgres_folder()?.join("initdb")),
        Some(user) => {
            hand_over(data, user)?;
            let mut command = Command::new(programs::find("setpriv", "util-linux")?);
            command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]);
            command.arg(programs::postgres_folder()?.join("initdb"));
            command
        }
    };
    command.current_dir("/").arg("--pgdata").arg(data);
    command.args([
        "--username",
        ROLE,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    tokio::task::spawn_blocking(move || with_input(command, ""))
        .await?
        .context("cannot make a PostgreSQL cluster")
}

/// Gives the folder to `user`, who must also be able to pass through the folders above.
fn hand_over(data: &Path, user: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = data.parent().context("the folder of a cluster is not the root")?;
    // Temporary folders are made for their owner alone.
    std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o711))?;
    for folder in parent.ancestors() {
        ensure!(
            folder.metadata()?.permissions().mode() & 0o001 != 0,
            "PostgreSQL runs as the user `{user}` when root starts it, and {} keeps that user out of {}: choose another folder",
            folder.display(),
            data.display()
        );
    }
    let mut command = Command::new("chown");
    command.arg(format!("{user}:")).arg(data);
    with_input(command, "")
}

fn with_input(mut command: Command, input: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early says why on standard error.
        stdin.write_all(input.as_bytes()).ok();
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
