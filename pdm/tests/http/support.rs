//! A server for each test, with tenants, keys and a pool.

use std::sync::{Arc, Weak};
use std::time::Duration;

use conformance_servers::Postgres;
use pdm::config::Config;
use pdm::dns::pool_zone::PowerDnsPools;
use pdm::dns::servers::Servers;
use pdm::domain::claim::ClaimState;
use pdm::domain::ids::{KeyId, OperationId, TenantId};
use pdm::domain::operation::{Operation, OperationKind, OperationState, StepState};
use pdm::domain::pool::{HoldTerms, Pool, Template};
use pdm::http::{AppState, Parts, compat_router, router};
use pdm::operations::Wake;
use pdm::registrar::DomainName;
use pdm::service::{ServerKey, keys, sha256_hex};
use pdm::store::{Leave, NewKey, Store, StoreError};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};

/// The pool that every test has.
pub const POOL: &str = "omani.works";

/// Runs a test on each database.
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::support::Database::Sqlite).await; })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name($crate::support::Database::Postgres).await; })+
        }
    };
}
pub(crate) use on_each_database;

/// The cluster that all tests share while any of them runs.
static CLUSTER: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());

async fn cluster() -> Arc<Postgres> {
    let mut shared = CLUSTER.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    // Nothing here is about power loss, which the suite of the store is for.
    let settings = Postgres::builder()
        .setting("max_connections", "900")
        .setting("fsync", "off");
    let started = Arc::new(settings.start().await.unwrap());
    *shared = Arc::downgrade(&started);
    started
}

#[derive(Clone, Copy)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    Nobody,
    Operator,
    A,
    B,
}

pub struct TestApp {
    pub base: String,
    pub compat: String,
    pub store: Store,
    pub state: AppState,
    pub tenant_a: TenantId,
    keys: [String; 3],
    http: reqwest::Client,
    stop: watch::Sender<bool>,
    _dir: TempDir,
    _cluster: Option<Arc<Postgres>>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of a problem, after checking that it is one.
    pub fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{self:?}");
        assert!(body["type"].as_str().unwrap().starts_with("https://"), "{self:?}");
        assert!(
            !body["title"].as_str().unwrap().is_empty() && body["detail"].is_string(),
            "{self:?}"
        );
        assert!(
            body["request_id"].as_str().unwrap().starts_with("req_"),
            "{self:?}"
        );
        body["code"].as_str().unwrap().to_owned()
    }

    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, String) {
        (self.status.as_u16(), self.code())
    }

    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }
}

pub async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Reply {
        status,
        headers,
        text: response.text().await.unwrap(),
    }
}

async fn database_url(database: Database, dir: &TempDir) -> (String, Option<Arc<Postgres>>) {
    match database {
        Database::Sqlite => (format!("sqlite:{}", dir.path().join("pdm.db").display()), None),
        Database::Postgres => {
            let cluster = cluster().await;
            let name = format!("http_{}", uuid::Uuid::now_v7().simple());
            let made = cluster.create_database(&name).await.unwrap();
            (made.url(), Some(cluster))
        }
    }
}

impl TestApp {
    pub async fn start(database: Database) -> Self {
        Self::with(database, "").await
    }

    /// A server with more settings. Its name servers are away: nothing listens at their address.
    pub async fn with(database: Database, settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (url, cluster) = database_url(database, &dir).await;
        std::fs::write(dir.path().join("key"), "test-key").unwrap();
        let key_file = dir.path().join("key").display().to_string();
        let timing = if settings.contains("[timing]") {
            ""
        } else {
            "[timing]\nkey_memory = 0\n"
        };
        let limits = if settings.contains("[limits]") {
            ""
        } else {
            "[limits]\nscale = 1000\n"
        };
        let text = format!(
            r#"
            server_key_file = "{key_file}"
            nameservers = ["ns1.example.net", "ns2.example.org"]
            store.url = "{url}"
            dns = {{ roots = ["127.0.0.1"], trust_anchor = "{key_file}" }}
            powerdns.servers = [{{ url = "http://127.0.0.1:1", api_key_file = "{key_file}", role = "both" }}]
            targets.allow_non_global = true
            {timing}
            {limits}
            {settings}
            "#
        );
        std::fs::write(dir.path().join("pdm.toml"), text).unwrap();
        let config = Arc::new(Config::load(Some(&dir.path().join("pdm.toml"))).unwrap());
        let store = Store::open(&url).await.unwrap();
        let server_key = Arc::new(ServerKey::new(&[7; 32]).unwrap());
        let (tenant_a, tenant_b) = (tenant(&store, "a").await, tenant(&store, "b").await);
        let keys = [
            make_key(&store, &server_key, None, None).await.1,
            make_key(&store, &server_key, Some(tenant_a), None).await.1,
            make_key(&store, &server_key, Some(tenant_b), None).await.1,
        ];
        add_pool(&store, POOL).await;
        let stop = watch::Sender::new(false);
        let state = AppState::new(Parts {
            store: store.clone(),
            pool_zones: Arc::new(PowerDnsPools::new(Servers::new(&config).unwrap(), config.zones)),
            config,
            server_key,
            wake: Arc::new(Wake::new()),
            world: None,
            metrics: None,
            stop: stop.subscribe(),
        });
        let base = serve(router(state.clone())).await;
        let compat = serve(compat_router(state.clone(), tenant_a)).await;
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .build()
            .unwrap();
        Self {
            base,
            compat,
            store,
            state,
            tenant_a,
            keys,
            http,
            stop,
            _dir: dir,
            _cluster: cluster,
        }
    }

    /// The service is about to end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub fn request(&self, who: As, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match who {
            As::Nobody => request,
            As::Operator => request.bearer_auth(&self.keys[0]),
            As::A => request.bearer_auth(&self.keys[1]),
            As::B => request.bearer_auth(&self.keys[2]),
        }
    }

    pub async fn get(&self, who: As, path: &str) -> Reply {
        send(self.request(who, Method::GET, path)).await
    }

    pub async fn post(&self, who: As, path: &str, body: &Value) -> Reply {
        send(self.request(who, Method::POST, path).json(body)).await
    }

    pub async fn put(&self, who: As, path: &str, body: &Value) -> Reply {
        send(self.request(who, Method::PUT, path).json(body)).await
    }

    pub async fn delete(&self, who: As, path: &str) -> Reply {
        send(self.request(who, Method::DELETE, path)).await
    }

    pub fn old(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.compat))
    }

    /// Reserves a name for tenant A.
    pub async fn reserve(&self, label: &str) -> Held {
        let body = json!({"mode": "pool", "pool": POOL, "label": label});
        let reply = self.post(As::A, "/v1/reserve", &body).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        let body = reply.json();
        Held {
            id: body["claim"]["id"].as_str().unwrap().to_owned(),
            name: format!("{label}.{POOL}"),
            token: body["reservation_token"].as_str().unwrap().to_owned(),
        }
    }

    pub async fn commit(&self, held: &Held) -> Reply {
        self.post(As::A, "/v1/commit", &held.commit_body(10)).await
    }

    pub async fn claim(&self, held: &Held) -> Value {
        self.get(As::A, &format!("/v1/claims/{}", held.id)).await.ok()
    }

    /// A claim brought to a state, the worker being played in the database.
    pub async fn claim_in(&self, state: ClaimState, label: &str) -> Held {
        let held = self.reserve(label).await;
        match state {
            ClaimState::Reserved => {}
            ClaimState::Expired => {
                self.store.move_time(Duration::from_secs(3601)).await.unwrap();
                self.expire().await;
            }
            ClaimState::Activating => {
                self.commit(&held).await.ok();
            }
            ClaimState::Active => {
                self.commit(&held).await.ok();
                self.work().await;
            }
            ClaimState::Releasing => {
                self.commit(&held).await.ok();
                self.work().await;
                self.release(&held).await.ok();
            }
            ClaimState::Released => {
                self.release(&held).await.ok();
            }
        }
        assert_eq!(self.claim(&held).await["state"], state.as_str());
        held
    }

    pub async fn release(&self, held: &Held) -> Reply {
        self.post(
            As::A,
            "/v1/release",
            &json!({"claim_id": held.id, "name": held.name}),
        )
        .await
    }

    pub async fn expire(&self) {
        let expired: Result<_, StoreError> = self
            .store
            .write(|tx| Box::pin(async move { tx.expire_holds(1000).await }))
            .await;
        expired.unwrap();
    }

    /// Numbers the events that were written, as the sequencer does.
    pub async fn number_events(&self) {
        let numbered: Result<_, StoreError> = self
            .store
            .write(|tx| Box::pin(async move { tx.number_events(10_000).await }))
            .await;
        numbered.unwrap();
        self.store.tell_events_numbered();
    }

    /// Ends everything that is due with success, as the runner would in the database. What it would do on name
    /// servers is for the tests of operations.
    pub async fn work(&self) {
        let ended: Result<Vec<OperationId>, StoreError> = self
            .store
            .write(|tx| {
                Box::pin(async move {
                    let due = tx
                        .claim_due_operations("test", Duration::from_secs(30), 100)
                        .await?;
                    let mut ended = Vec::new();
                    for mut operation in due {
                        end(tx, &mut operation).await?;
                        ended.push(operation.id);
                    }
                    Ok(ended)
                })
            })
            .await;
        for id in ended.unwrap() {
            self.state.wake.changed(id);
        }
    }
}

async fn end(tx: &mut pdm::store::Tx<'_>, operation: &mut Operation) -> Result<(), StoreError> {
    let now = tx.now().await?;
    let mut claim = tx.claim_locked(operation.claim, None).await?.unwrap();
    for step in &mut operation.steps {
        step.state = StepState::Done;
        step.attempts = 1;
        step.ended_at = Some(now);
    }
    operation.state = OperationState::Succeeded;
    operation.ended_at = Some(now);
    tx.save_operation(operation, Leave::Keep).await?;
    match operation.kind {
        OperationKind::Activate => {
            claim.state = ClaimState::Active;
            tx.update_claim(&mut claim).await
        }
        OperationKind::Release => tx.free_name(&mut claim, operation.facts.parent_touched).await,
        OperationKind::Retarget | OperationKind::Records => tx.update_claim(&mut claim).await,
    }
}

/// A reserved name.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: String,
    pub name: String,
    pub token: String,
}

impl Held {
    pub fn commit_body(&self, last: u8) -> Value {
        json!({"claim_id": self.id, "reservation_token": self.token,
            "targets": {"ipv4": [format!("203.0.113.{last}")], "ipv6": []}})
    }
}

async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    base
}

async fn tenant(store: &Store, name: &'static str) -> TenantId {
    let tenant: Result<_, StoreError> = store
        .write(move |tx| Box::pin(async move { tx.insert_tenant(name).await }))
        .await;
    tenant.unwrap().id
}

/// A key and its text.
pub async fn make_key(
    store: &Store,
    server: &ServerKey,
    tenant: Option<TenantId>,
    valid_for: Option<Duration>,
) -> (KeyId, String) {
    let id = KeyId::new();
    let secret = server.api_key_secret(id, b"test");
    let hash = sha256_hex(secret.as_bytes());
    let made: Result<_, StoreError> = store
        .write(move |tx| {
            Box::pin(async move {
                let expires_at = match valid_for {
                    Some(time) => Some(tx.now().await?.plus(time)),
                    None => None,
                };
                tx.insert_key(&NewKey {
                    id,
                    tenant,
                    name: "test".to_owned(),
                    hash,
                    expires_at,
                })
                .await
            })
        })
        .await;
    made.unwrap();
    (id, keys::key_text(id, &secret))
}

pub async fn add_pool(store: &Store, domain: &str) {
    let domain = DomainName::parse(domain).unwrap();
    let hosts = ["ns1.example.net", "ns2.example.org"].map(|host| DomainName::parse(host).unwrap());
    let added: Result<_, StoreError> = store
        .write(move |tx| {
            Box::pin(async move {
                let pool = Pool {
                    domain,
                    nameservers: hosts.to_vec(),
                    hold: HoldTerms::default(),
                    open: true,
                    allow_non_global: false,
                    template: Template::default(),
                    version: 1,
                    created_at: tx.now().await?,
                };
                tx.insert_pool(&pool).await
            })
        })
        .await;
    added.unwrap();
}
