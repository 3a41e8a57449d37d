//! A fresh store for each case, on either database, and short words for what cases do over and over.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use conformance_servers::Postgres;
use pdm::clock::DbTime;
use pdm::domain::claim::{Claim, ClaimState};
use pdm::domain::ids::{ClaimId, OperationId, TenantId};
use pdm::domain::label::Label;
use pdm::domain::operation::{Facts, Operation, OperationKind, OperationState};
use pdm::domain::targets::Targets;
use pdm::registrar::DomainName;
use pdm::store::{Leave, NewClaim, NewOperation, Page, Store, StoreError, Taken};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const DAY: Duration = Duration::from_hours(24);
pub const YEAR: Duration = Duration::from_hours(24 * 365);

/// The pool that names are below unless a case says otherwise.
pub const POOL: &str = "omani.works";

/// What a unit of work answers.
pub type Unit<T> = Result<T, StoreError>;

/// `unit!(store, tx => work)`: a unit of work. What it uses is moved into it.
macro_rules! unit {
    ($store:expr, $tx:ident => $work:expr) => {
        $store
            .write::<_, pdm::store::StoreError, _>(move |$tx| Box::pin(async move { $work }))
            .await
    };
}

/// `look!(store, tx => work)`: the same on a connection that reads. A failure ends the test.
macro_rules! look {
    ($store:expr, $tx:ident => $work:expr) => {
        $store
            .read::<_, pdm::store::StoreError, _>(move |$tx| Box::pin(async move { $work }))
            .await
            .unwrap()
    };
}
pub(crate) use {look, unit};

#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Postgres,
}

pub struct Database {
    pub store: Store,
    /// The store as a second replica has it. SQLite has one process, so there it is the same.
    pub replica: Store,
    pub url: String,
    /// Two tenants that want the same names.
    pub ours: TenantId,
    pub theirs: TenantId,
    directory: TempDir,
    cluster: Option<Arc<Cluster>>,
}

/// Its threads outlive every test: a cluster ends with the thread that started it.
static STARTER: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_keep_alive(DAY)
        .enable_all()
        .build()
        .unwrap()
});

/// The cluster that cases share while any of them runs.
static CLUSTER: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

pub struct Cluster {
    pub server: Postgres,
    /// A database in which each case has a schema of its own, which is made much faster than a database.
    url: String,
}

/// A cluster with what `more` sets.
pub async fn start_cluster(more: &'static [(&str, &str)]) -> Postgres {
    let builder = more.iter().fold(Postgres::builder(), |builder, (key, value)| {
        builder.setting(key, value)
    });
    STARTER.spawn(builder.start()).await.unwrap().unwrap()
}

pub async fn shared_cluster() -> Arc<Cluster> {
    let mut shared = CLUSTER.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    // It ends with the tests, so that nothing has to wait for the disk.
    let server = start_cluster(&[("fsync", "off")]).await;
    let url = server.create_database("cases").await.unwrap().url();
    let started = Arc::new(Cluster { server, url });
    *shared = Arc::downgrade(&started);
    started
}

impl Cluster {
    /// The address of a schema that nobody else uses.
    async fn empty_schema(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let schema = format!("case{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::connect(&self.url).await.unwrap();
        // The name is made of letters and digits, just above.
        let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
        sqlx::query(create).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        format!("{}?options[search_path]={schema}", self.url)
    }
}

impl Database {
    pub async fn empty(kind: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (url, cluster) = match kind {
            Kind::Sqlite => (format!("sqlite:{}/pdm.db", directory.path().display()), None),
            Kind::Postgres => {
                let cluster = shared_cluster().await;
                (cluster.empty_schema().await, Some(cluster))
            }
        };
        let store = Store::open(&url).await.unwrap();
        let replica = match kind {
            Kind::Sqlite => store.clone(),
            Kind::Postgres => Store::open(&url).await.unwrap(),
        };
        let ours = add_tenant(&store, "ours").await;
        let theirs = add_tenant(&store, "theirs").await;
        Self {
            store,
            replica,
            url,
            ours,
            theirs,
            directory,
            cluster,
        }
    }

    /// Ends every use of the database and gives what is needed to open it again.
    pub fn close(self) -> (String, impl Sized) {
        (self.url, (self.directory, self.cluster))
    }

    /// The store of one of `number` replicas.
    pub fn of_replica(&self, number: usize) -> Store {
        [&self.store, &self.replica][number % 2].clone()
    }

    pub async fn pass(&self, time: Duration) {
        self.store.move_time(time).await.unwrap();
    }

    pub async fn take(&self, new: NewClaim) -> Taken {
        unit!(self.store, tx => tx.take_name(&new).await).unwrap()
    }

    /// A name held for an hour.
    pub async fn hold(&self, tenant: TenantId, label: &str) -> Claim {
        got(self.take(wanted(tenant, label)).await)
    }

    pub async fn claim(&self, id: ClaimId) -> Claim {
        look!(self.store, tx => tx.claim(id, None).await).unwrap()
    }

    pub async fn owner(&self, label: &str) -> Option<ClaimId> {
        let name = name(label);
        look!(self.store, tx => tx.current_claim(&name).await).map(|claim| claim.id)
    }

    pub async fn update(&self, mut claim: Claim) -> Unit<Claim> {
        unit!(self.store, tx => tx.update_claim(&mut claim).await.map(|()| claim))
    }

    /// The claim gives its name back.
    pub async fn free(&self, mut claim: Claim, bury: bool) -> Unit<Claim> {
        unit!(self.store, tx => tx.free_name(&mut claim, bury).await.map(|()| claim))
    }

    pub async fn start(&self, claim: &Claim) -> Unit<Operation> {
        let claim = claim.clone();
        let (kind, facts) = (OperationKind::Activate, Facts::default());
        unit!(self.store, tx => tx.insert_operation(NewOperation { kind, claim: &claim, facts }).await)
    }

    /// A name with an operation that is due.
    pub async fn work(&self, label: &str) -> Operation {
        let claim = self.hold(self.ours, label).await;
        self.start(&claim).await.unwrap()
    }

    pub async fn operation(&self, id: OperationId) -> Operation {
        look!(self.store, tx => tx.operation(id, None).await).unwrap()
    }

    /// What a worker gets that asks for everything that is due.
    pub async fn pick_up(&self, worker: &'static str, lease: Duration) -> Vec<Operation> {
        unit!(self.store, tx => tx.claim_due_operations(worker, lease, 1000).await).unwrap()
    }

    pub async fn save(&self, operation: &Operation, leave: Leave) -> Unit<()> {
        let operation = operation.clone();
        unit!(self.store, tx => tx.save_operation(&operation, leave).await)
    }

    /// The worker that has the operation ends it.
    pub async fn end(&self, operation: &Operation) {
        let mut ended = operation.clone();
        ended.state = OperationState::Succeeded;
        ended.ended_at = Some(self.store.now().await.unwrap());
        self.save(&ended, Leave::Keep).await.unwrap();
    }
}

pub async fn add_tenant(store: &Store, name: &str) -> TenantId {
    let name = name.to_owned();
    unit!(store, tx => tx.insert_tenant(&name).await).unwrap().id
}

pub async fn tenant_names(store: &Store) -> Vec<String> {
    let page = all();
    look!(store, tx => tx.list_tenants(&page).await)
        .into_iter()
        .map(|tenant| tenant.name)
        .collect()
}

pub fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub fn name(label: &str) -> DomainName {
    domain(POOL).child(label).unwrap()
}

/// A wish for a name, for an hour; a tombstone of another tenant stays one for ever.
pub fn wanted(tenant: TenantId, label: &str) -> NewClaim {
    NewClaim {
        id: ClaimId::new(),
        name: name(label),
        pool: domain(POOL),
        label: Label::parse(label).unwrap(),
        tenant,
        hold: HOUR,
        token_hash: format!("hash-of-{label}"),
        nameservers: vec![domain("ns1.dns.example"), domain("ns2.dns.example")],
        quarantine: None,
    }
}

pub fn got(taken: Taken) -> Claim {
    match taken {
        Taken::Yes(claim) => *claim,
        Taken::Owned { claim } => panic!("the name belongs to {claim:?}"),
        Taken::Buried => panic!("the name is a tombstone"),
    }
}

pub fn owned_by(taken: &Taken) -> Option<ClaimId> {
    match taken {
        Taken::Owned { claim } => Some(claim.id),
        Taken::Yes(_) | Taken::Buried => None,
    }
}

pub fn is_buried(taken: &Taken) -> bool {
    matches!(taken, Taken::Buried)
}

pub fn targets(last: u8) -> Targets {
    let v4 = vec![std::net::Ipv4Addr::new(203, 0, 113, last)];
    Targets::new(v4, vec!["2001:db8::10".parse().unwrap()], true, |_| true).unwrap()
}

pub fn all() -> Page {
    page(None, 1000)
}

pub fn page(after: Option<String>, limit: i64) -> Page {
    Page { after, limit }
}

/// Runs what `make` gives for each number at the same time and gathers the answers.
pub async fn at_once<F, T>(count: usize, make: impl Fn(usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let barrier = Arc::new(tokio::sync::Barrier::new(count));
    let tasks: Vec<JoinHandle<T>> = (0..count)
        .map(|number| {
            let (barrier, task) = (Arc::clone(&barrier), make(number));
            tokio::spawn(async move {
                barrier.wait().await;
                task.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Waits until the database's clock shows `moment`, less `early`.
pub async fn until(store: &Store, moment: DbTime, early: Duration) {
    let now = store.now().await.unwrap();
    tokio::time::sleep(now.until(moment).saturating_sub(early)).await;
}

pub fn is_held(claim: &Claim) -> bool {
    claim.state == ClaimState::Reserved
}
