//! The shipped program as processes, on real name servers and a real database.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use conformance::world::{
    Layout, POOLS, Store as Databases, TENANT_NAMESERVERS, World as Servers, WorldOptions,
};
use conformance_servers::{End, PowerDns, Process, Program, TcpProxy, free_network, free_port};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::caller::{self, Caller};
use crate::database::Database;
use crate::ledger::Ledger;
use crate::random::Random;

pub const POOL: &str = POOLS[0];
/// How long a worker has an operation: a process that stands still for longer has lost what it had.
pub const LEASE: Duration = Duration::from_secs(2);
/// Found in a log, it has come from the address of the database. The database asks for no password.
const DATABASE_PASSWORD: &str = "test-password-of-the-database";

/// Durations of the tests: a tenth and less of what production has, nothing skipped.
const SETTINGS: &str = "
[timing]
allow_weak = true
quarantine = 1
lease = 2
lease_renew = 0.4
powerdns_deadline = 1
settle = 2
backoff_min = 0.05
backoff_max = 1
blocked_recheck = 1
drain_margin = 0.2
expire_interval = 0.5
reconcile_interval = 2

[limits]
scale = 10000

[zones]
ns = 1
soa = 1
soa_minimum = 1
hosts = 1
delegation_ns = 1
delegation_ds = 1
pool_ns = 1
pool_soa = 1

[telemetry]
log = \"info,pdm=debug,sqlx=debug\"
";

/// One `pdm serve`.
pub struct Replica {
    pub url: String,
    pub process: Process,
    pub config: PathBuf,
    pub log: PathBuf,
    /// Its way to the database, where there is a way.
    pub link: Option<TcpProxy>,
}

pub struct Tenant {
    pub id: String,
    pub key: String,
}

pub struct Fleet {
    pub servers: Servers,
    pub database: Database,
    pub replicas: Vec<Replica>,
    pub tenants: Vec<Tenant>,
    /// What no log may hold.
    pub secrets: Vec<String>,
    // Dropped last: it is the servers' folder too.
    directory: TempDir,
}

/// The program, without a variable that is ours and looks like one of its settings.
pub fn pdm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pdm"));
    command.env_remove("PDM_TEST_SEED");
    command
}

impl Fleet {
    pub async fn start(databases: Databases, replicas: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The database server runs as another user, who must reach its folder.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let options = WorldOptions {
            directory: directory.path().join("world"),
            network: free_network().unwrap(),
            port: free_port().unwrap(),
            layout: Layout::Separate,
            store: databases,
        };
        let servers = Servers::start(&options).await.unwrap();
        let database = match &servers.postgres {
            None => Database::Sqlite(directory.path().join("pdm.db")),
            Some(postgres) => Database::Postgres(postgres.create_database("pdm").await.unwrap().url()),
        };
        let key: String = (0..4).map(|_| format!("{:016x}", rand())).collect();
        std::fs::write(directory.path().join("server-key"), &key).unwrap();
        let mut fleet = Self {
            secrets: servers
                .servers()
                .map(|server| server.api_key().to_owned())
                .chain([key, DATABASE_PASSWORD.to_owned()])
                .collect(),
            servers,
            database,
            replicas: Vec::new(),
            tenants: Vec::new(),
            directory,
        };
        for number in 0..replicas {
            let replica = fleet.replica(number, options.port).await;
            fleet.replicas.push(replica);
        }
        fleet.first_run().await;
        fleet
    }

    /// Prepares one; it is not started.
    async fn replica(&self, number: usize, dns_port: u16) -> Replica {
        let link = match &self.servers.postgres {
            None => None,
            Some(postgres) => Some(
                TcpProxy::start(([127, 0, 0, 1], postgres.port()).into())
                    .await
                    .unwrap(),
            ),
        };
        let store = link.as_ref().map_or_else(
            || self.database.url(),
            |link| format!("postgres://postgres:{DATABASE_PASSWORD}@{}/pdm", link.address()),
        );
        let listen = format!("127.0.0.1:{}", free_port().unwrap());
        let config = self.directory.path().join(format!("pdm-{number}.toml"));
        std::fs::write(&config, self.settings(&listen, &store, dns_port)).unwrap();
        let log = self.directory.path().join(format!("pdm-{number}.log"));
        let arguments = [
            "-u",
            "PDM_TEST_SEED",
            env!("CARGO_BIN_EXE_pdm"),
            "serve",
            "--config",
        ];
        let process = Process::new(Program {
            // It replaces itself by the program, so the process is the program's own.
            path: "/usr/bin/env".into(),
            arguments: arguments
                .iter()
                .map(Into::into)
                .chain([config.clone().into()])
                .collect(),
            environment: Vec::new(),
            log: log.clone(),
            user: None,
            end: End::Terminate,
        });
        Replica {
            url: format!("http://{listen}"),
            process,
            config,
            log,
            link,
        }
    }

    fn settings(&self, listen: &str, store: &str, dns_port: u16) -> String {
        let servers = &self.servers;
        let mut settings = format!(
            "listen = {listen:?}\nserver_key_file = {key:?}\nnameservers = {TENANT_NAMESERVERS:?}\n\
             store.url = {store:?}\ntargets.allow_non_global = true\n\n\
             [dns]\nport = {dns_port}\nroots = [\"{root}\"]\ntrust_anchor = {anchor:?}\nallow_non_global = true\n\
             {SETTINGS}",
            key = self.directory.path().join("server-key"),
            root = servers.root.dns().ip(),
            anchor = servers.trust_anchor_file,
        );
        let pools = servers.pools.iter().map(|server| (server, "pool"));
        for (server, role) in pools.chain(servers.tenants.iter().map(|server| (server, "tenant"))) {
            let (url, key) = (server.api_url(), server.api_key_file());
            write!(
                settings,
                "\n[[powerdns.servers]]\nurl = {url:?}\napi_key_file = {key:?}\nrole = {role:?}\n"
            )
            .unwrap();
        }
        settings
    }

    /// Tables, an operator, two tenants and a pool; then every replica serves.
    async fn first_run(&mut self) {
        let config = self.replicas[0].config.clone();
        run(pdm().args(["migrate", "--config"]).arg(&config)).await;
        let bootstrap = ["key", "create", "--bootstrap", "--output", "json", "--config"];
        let made: Value =
            serde_json::from_str(&run(pdm().args(bootstrap).arg(&config)).await).expect("it prints JSON");
        let operator = made["key"].as_str().unwrap().to_owned();
        self.secrets.push(secret_of(&operator));
        for replica in &self.replicas {
            replica.start().await.unwrap();
        }
        let ask = async |path: &str, body: Value| -> Value {
            let request = caller::http().post(format!("{}{path}", self.replicas[0].url));
            let answer = request.bearer_auth(&operator).json(&body).send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert_eq!(status, 201, "{path} {text}");
            serde_json::from_str(&text).unwrap()
        };
        ask("/v1/pools", json!({ "domain": POOL })).await;
        let mut tenants = Vec::new();
        for name in ["tenant-a", "tenant-b"] {
            let id = ask("/v1/tenants", json!({ "name": name })).await["id"].clone();
            let key = json!({ "name": "test", "scope": "tenant", "tenant": id });
            let key = ask("/v1/keys", key).await["key"].as_str().unwrap().to_owned();
            let id = id.as_str().unwrap().to_owned();
            tenants.push(Tenant { id, key });
        }
        self.secrets
            .extend(tenants.iter().map(|tenant| secret_of(&tenant.key)));
        self.tenants = tenants;
    }

    /// A client of one of the tenants.
    pub fn caller(
        &self,
        http: &reqwest::Client,
        tenant: usize,
        random: Random,
        ledger: &Arc<Ledger>,
    ) -> Caller {
        Caller {
            http: http.clone(),
            replicas: self.replicas.iter().map(|replica| replica.url.clone()).collect(),
            tenant,
            api_key: self.tenants[tenant].key.clone(),
            random,
            ledger: Arc::clone(ledger),
        }
    }

    /// The PowerDNS servers that the program writes to.
    pub fn written_to(&self) -> Vec<&PowerDns> {
        self.servers.pools.iter().chain(&self.servers.tenants).collect()
    }

    /// The program's own folder of files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Fleet {
    /// Whoever has to find out why a test failed wants to see the logs and the database.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.directory.disable_cleanup(true);
            println!("logs and databases are kept in {}", self.directory().display());
        }
    }
}

impl Replica {
    /// Starts it, unless it runs, and waits until it can serve.
    pub async fn start(&self) -> anyhow::Result<()> {
        let (http, ready) = (caller::http(), format!("{}/readyz", self.url));
        self.process
            .start(|| async {
                let answer = http.get(&ready).send().await;
                answer.is_ok_and(|answer| answer.status().is_success())
            })
            .await
    }
}

/// The part of a key that nobody may see.
fn secret_of(key: &str) -> String {
    key.splitn(3, '_').nth(2).expect("pdm_<id>_<secret>").to_owned()
}

fn rand() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

async fn run(command: &mut Command) -> String {
    let output = command.output().await.unwrap();
    assert!(
        output.status.success(),
        "{:?}: {}",
        command.as_std().get_args(),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
