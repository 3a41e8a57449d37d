//! A world of real servers, shared by the tests of this program, with a proxy that breaks calls in front of each
//! PowerDNS API, and runners that may die where a test says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use conformance::world::{
    Layout, POOLS, Store as Databases, TENANT_NAMESERVERS, World as Servers, WorldOptions,
};
use conformance_servers::{FaultProxy, Verdict, free_network, free_port};
use pdm::config::{
    CompatConfig, Config, DnsConfig, PowerDnsConfig, PowerDnsServer, RegistrarsConfig, ServerRole,
    StoreConfig, TargetsConfig, TelemetryConfig, Timing,
};
use pdm::domain::actor::{Actor, Scope};
use pdm::domain::claim::{Claim, ClaimState};
use pdm::domain::ids::{ClaimId, OperationId, TenantId};
use pdm::domain::label::Label;
use pdm::domain::operation::{Facts, Operation, OperationKind, StepName};
use pdm::domain::pool::{HoldTerms, Pool, Template};
use pdm::domain::records::{RecordSet, RecordType};
use pdm::domain::targets::Targets;
use pdm::domain::zone_plan::ZoneTtls;
use pdm::operations::{CrashPoint, Crashes, Runner, Wake, World};
use pdm::service::{Asked, ServiceError};
use pdm::store::{FullLook, NewClaim, NewOperation, OperationFilter, Page, Store, StoreError, Taken};
use pdm_registrar::{DomainName, OwnerName};
use powerdns_client::{CanonicalName, Rrset, RrsetChange};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// One runtime for everything: proxies live in the runtime that started them.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
});

pub struct Lab {
    pub servers: Servers,
    pub pool_proxy: FaultProxy,
    pub tenant_proxy: FaultProxy,
    pub world: Arc<World>,
    pub store: Store,
    pub wake: Arc<Wake>,
    pub tenant: TenantId,
    pub pool: Pool,
    pub crashes: Arc<Plan>,
    stop: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

/// Where workers die: once, for a name at a step.
#[derive(Default)]
pub struct Plan(Mutex<HashMap<String, (StepName, CrashPoint)>>);

impl Plan {
    pub fn kill_once(&self, name: &DomainName, step: StepName, point: CrashPoint) {
        self.0.lock().unwrap().insert(name.to_string(), (step, point));
    }

    pub fn is_pending(&self, name: &DomainName) -> bool {
        self.0.lock().unwrap().contains_key(name.as_str())
    }
}

impl Crashes for Plan {
    fn here(&self, operation: &Operation, step: StepName, point: CrashPoint) -> bool {
        let mut plan = self.0.lock().unwrap();
        let hit = plan.get(operation.name.as_str()) == Some(&(step, point));
        if hit {
            plan.remove(operation.name.as_str());
        }
        hit
    }
}

/// Durations of the tests: a hundredth and less of what production has, nothing skipped.
pub fn timing() -> Timing {
    Timing {
        allow_weak: true,
        lease: Duration::from_millis(2500),
        lease_renew: Duration::from_millis(400),
        powerdns_deadline: Duration::from_secs(1),
        settle: Duration::from_secs(2),
        backoff_min: Duration::from_millis(50),
        backoff_max: Duration::from_millis(800),
        blocked_recheck: Duration::from_millis(800),
        drain_margin: Duration::from_millis(200),
        cancelled_hold: Duration::from_mins(10),
        ..Timing::default()
    }
}

impl Lab {
    pub async fn start(databases: Databases, layout: Layout) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The database server runs as another user, who must reach its folder.
        std::fs::set_permissions(
            directory.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        let options = WorldOptions {
            directory: directory.path().join("world"),
            network: free_network().unwrap(),
            port: free_port().unwrap(),
            layout,
            store: databases,
        };
        let servers = Servers::start(&options).await.unwrap();
        let proxy = async |server: &conformance_servers::PowerDns| {
            FaultProxy::start(server.api_address()).await.unwrap()
        };
        let pool_proxy = proxy(servers.pool_server()).await;
        let tenant_proxy = proxy(&servers.tenants[0]).await;
        let store_url = match &servers.postgres {
            None => format!("sqlite:{}", directory.path().join("pdm.db").display()),
            Some(postgres) => postgres.create_database("pdm").await.unwrap().url(),
        };
        let key = |server: &conformance_servers::PowerDns| -> PathBuf { server.api_key_file() };
        let mut api_servers = Vec::new();
        if servers.pools.is_some() {
            api_servers.push(PowerDnsServer {
                url: pool_proxy.url(),
                api_key_file: key(servers.pool_server()),
                role: ServerRole::Pool,
            });
        }
        let role = if servers.pools.is_some() {
            ServerRole::Tenant
        } else {
            ServerRole::Both
        };
        api_servers.push(PowerDnsServer {
            url: tenant_proxy.url(),
            api_key_file: key(&servers.tenants[0]),
            role,
        });
        for more in &servers.tenants[1..] {
            api_servers.push(PowerDnsServer {
                url: more.api_url(),
                api_key_file: key(more),
                role,
            });
        }
        let config = Arc::new(Config {
            listen: ([127, 0, 0, 1], 0).into(),
            server_key_file: directory.path().join("server-key"),
            nameservers: TENANT_NAMESERVERS
                .iter()
                .map(|host| DomainName::parse(host).unwrap())
                .collect(),
            store: StoreConfig {
                url: store_url.clone(),
            },
            powerdns: PowerDnsConfig {
                servers: api_servers,
                max_connections: 8,
                batch_linger: Duration::from_millis(50),
            },
            dns: DnsConfig {
                port: options.port,
                roots: vec![servers.root.dns().ip()],
                trust_anchor: servers.trust_anchor_file.clone(),
                allow_non_global: true,
            },
            registrars: RegistrarsConfig::default(),
            targets: TargetsConfig {
                allow_non_global: true,
            },
            zones: ZoneTtls {
                ns: 1,
                soa: 1,
                soa_minimum: 1,
                hosts: 1,
                delegation_ns: 1,
                delegation_ds: 1,
                pool_ns: 1,
                pool_soa: 1,
            },
            timing: timing(),
            limits: pdm::config::Limits::default(),
            compat: CompatConfig::default(),
            telemetry: TelemetryConfig::default(),
        });
        let store = Store::open(&store_url).await.unwrap();
        let world = pdm::world::world(Arc::clone(&config), store.clone(), &pdm::world::holder()).unwrap();
        let pool = Pool {
            domain: DomainName::parse(POOLS[0]).unwrap(),
            nameservers: config.nameservers.clone(),
            hold: HoldTerms::default(),
            open: true,
            allow_non_global: true,
            template: Template::default(),
            version: 1,
            created_at: store.now().await.unwrap(),
        };
        let insert = pool.clone();
        let look = FullLook::first(world.parents.serial_of(&pool.domain).await.unwrap());
        let tenant = store
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_pool(&insert).await?;
                    tx.saw_parent(&insert.domain, look).await?;
                    Ok::<_, StoreError>(tx.insert_tenant("tester").await?.id)
                })
            })
            .await
            .unwrap();
        let lab = Self {
            servers,
            pool_proxy,
            tenant_proxy,
            world,
            store,
            wake: Arc::new(Wake::new()),
            tenant,
            pool,
            crashes: Arc::default(),
            stop: watch::Sender::new(false),
            _directory: directory,
        };
        // Two workers, as two replicas: what one leaves behind the other picks up.
        lab.start_runner();
        lab.start_runner();
        lab
    }

    pub fn start_runner(&self) {
        let runner = Runner::new(
            Arc::clone(&self.world),
            Arc::clone(&self.wake),
            pdm::world::holder(),
        )
        .with_crashes(Arc::clone(&self.crashes) as Arc<dyn Crashes>);
        tokio::spawn(Arc::new(runner).run(self.stop.subscribe()));
    }

    pub fn name(&self, label: &str) -> DomainName {
        self.pool.domain.child(label).unwrap()
    }

    pub async fn reserve(&self, label: &str) -> Claim {
        let new = NewClaim {
            id: ClaimId::new(),
            name: self.name(label),
            pool: self.pool.domain.clone(),
            label: Label::parse(label).unwrap(),
            tenant: self.tenant,
            hold: Duration::from_hours(1),
            token_hash: String::new(),
            nameservers: self.pool.nameservers.clone(),
            quarantine: None,
        };
        let taken = self
            .store
            .write(move |tx| Box::pin(async move { tx.take_name(&new).await }))
            .await;
        match taken.unwrap() {
            Taken::Yes(claim) => *claim,
            _ => panic!("{label} is taken"),
        }
    }

    pub async fn commit(&self, claim: &Claim) -> OperationId {
        let mut claim = claim.clone();
        claim.targets = Some(targets(10));
        let operation = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let facts = Facts::default();
                    let new = NewOperation {
                        kind: OperationKind::Activate,
                        claim: &claim,
                        facts,
                    };
                    let operation = tx.insert_operation(new).await?.id;
                    assert!(tx.begin_activation(&mut claim, operation).await?);
                    Ok::<_, StoreError>(operation)
                })
            })
            .await
            .unwrap();
        self.wake.operation_due();
        operation
    }

    /// Starts `kind` on an active claim: a release, or a change of its targets.
    pub async fn change(&self, claim: ClaimId, kind: OperationKind) -> OperationId {
        self.change_to(claim, kind, targets(99)).await
    }

    /// The same, with the new targets.
    pub async fn change_to(&self, claim: ClaimId, kind: OperationKind, to: Targets) -> OperationId {
        let operation = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut claim = tx.claim_locked(claim, None).await?.unwrap();
                    let facts = Facts {
                        parent_touched: true,
                        ds: claim.ds.clone(),
                        ..Facts::default()
                    };
                    let operation = tx
                        .insert_operation(NewOperation {
                            kind,
                            claim: &claim,
                            facts,
                        })
                        .await?
                        .id;
                    match kind {
                        OperationKind::Release => claim.state = ClaimState::Releasing,
                        OperationKind::Records => {
                            let note = RecordSet {
                                owner: OwnerName::parse(&format!("note.{}", claim.name)).unwrap(),
                                r#type: RecordType::Txt,
                                ttl: 60,
                                values: vec!["\"changed\"".to_owned()],
                            };
                            tx.put_record(claim.id, &note).await?;
                            claim.records_version += 1;
                        }
                        OperationKind::Retarget | OperationKind::Activate => {
                            claim.targets = Some(to);
                            claim.records_version += 1;
                        }
                    }
                    claim.operation = Some(operation);
                    tx.update_claim(&mut claim).await?;
                    Ok::<_, StoreError>(operation)
                })
            })
            .await
            .unwrap();
        self.wake.operation_due();
        operation
    }

    /// Gives a claim other targets while an operation is open on it, which is to write them.
    pub async fn join_targets(&self, claim: ClaimId) {
        let joined: Result<(), StoreError> = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut claim = tx.claim_locked(claim, None).await?.unwrap();
                    claim.targets = Some(targets(99));
                    claim.records_version += 1;
                    tx.update_claim(&mut claim).await
                })
            })
            .await;
        joined.unwrap();
    }

    /// Stops an activation by the tenant's request.
    pub async fn cancel(&self, id: OperationId) {
        let (scope, config) = (Scope::Tenant(self.tenant), Arc::clone(&self.world.config));
        let cancelled: Result<_, ServiceError> = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let actor = Actor { key: None, scope };
                    let asked = Asked {
                        actor: &actor,
                        source: "test",
                        config: &config,
                    };
                    pdm::service::cancel(tx, asked, id).await
                })
            })
            .await;
        cancelled.unwrap();
        self.wake.operation_due();
    }

    pub async fn operation(&self, id: OperationId) -> Operation {
        self.store
            .read(|tx| Box::pin(tx.operation(id, None)))
            .await
            .map_err(|e: StoreError| e)
            .unwrap()
            .unwrap()
    }

    pub async fn claim(&self, id: ClaimId) -> Claim {
        self.store
            .read(|tx| Box::pin(tx.claim(id, None)))
            .await
            .map_err(|e: StoreError| e)
            .unwrap()
            .unwrap()
    }

    /// Waits until an operation is as wanted, and says what it is like when that takes too long.
    pub async fn wait_for(
        &self,
        id: OperationId,
        what: &str,
        done: impl Fn(&Operation) -> bool,
    ) -> Operation {
        let give_up = tokio::time::Instant::now() + Duration::from_mins(4);
        let mut turns = self.wake.watch(id);
        loop {
            let operation = self.operation(id).await;
            if done(&operation) {
                return operation;
            }
            assert!(
                tokio::time::Instant::now() < give_up,
                "{} never became {what}: {:?} {:?} {:#?}",
                operation.name,
                operation.state,
                operation.error,
                operation.steps
            );
            turns.next(Duration::from_millis(20)).await;
        }
    }

    pub async fn wait_end(&self, id: OperationId) -> Operation {
        self.wait_for(id, "final", |operation| operation.state.is_final())
            .await
    }

    /// Waits for the repairs that a pass of the reconciler began.
    pub async fn wait_for_repairs(&self) {
        self.wake.operation_due();
        let page = Page {
            after: None,
            limit: 500,
        };
        loop {
            let (filter, page) = (OperationFilter::default(), page.clone());
            let all = self
                .store
                .read(|tx| Box::pin(async move { tx.list_operations(&filter, &page).await }))
                .await
                .map_err(|e: StoreError| e)
                .unwrap();
            let Some(open) = all.iter().find(|o| o.ended_at.is_none()) else {
                return;
            };
            self.wait_end(open.id).await;
        }
    }

    /// An operation in the hands of the test, before any worker sees it: what it is for does not matter.
    pub async fn hold_an_operation(&self, claim: &Claim) -> (OperationId, i64) {
        let claim = claim.clone();
        let held = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let new = NewOperation {
                        kind: OperationKind::Records,
                        claim: &claim,
                        facts: Facts::default(),
                    };
                    tx.insert_operation(new).await?;
                    let lease = Duration::from_mins(5);
                    tx.claim_due_operations("the test", lease, 10).await
                })
            })
            .await;
        let held: Vec<Operation> = held.map_err(|e: StoreError| e).unwrap();
        (held[0].id, held[0].fence)
    }

    /// Changes the pool's zone as a hand or another tool would, past the program.
    pub async fn edit_parent(&self, changes: &[RrsetChange]) {
        client(self.servers.pool_server())
            .patch_rrsets(&canonical(&self.pool.domain), changes)
            .await
            .unwrap();
    }

    /// What stands in the pool's zone at exactly this name.
    pub async fn at_parent(&self, name: &CanonicalName) -> Vec<Rrset> {
        client(self.servers.pool_server())
            .rrsets_at(&canonical(&self.pool.domain), name)
            .await
            .unwrap()
    }

    /// Waits until the resolver that is not ours validates the address of a host: its caches may hold older answers for
    /// a second or two.
    pub async fn assert_secure(&self, host: &str, address: &str) {
        let give_up = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.servers.resolver.ask(host, "A").await.unwrap();
            if answer.verdict() == Verdict::Secure && answer.data("A") == [address] {
                return;
            }
            assert!(tokio::time::Instant::now() < give_up, "{host}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Where `server` has a zone or a delegation for the name, asked without a proxy in between.
    pub async fn zone_marker(&self, name: &DomainName) -> Option<String> {
        let server = &self.servers.tenants[0];
        client(server)
            .zone_properties(&canonical(name))
            .await
            .unwrap()
            .map(|zone| zone.account)
    }

    pub async fn is_delegated(&self, name: &DomainName) -> bool {
        !self.at_parent(&canonical(name)).await.is_empty()
    }
}

pub fn client(server: &conformance_servers::PowerDns) -> powerdns_client::Client {
    powerdns_client::Client::new(powerdns_client::Config::new(
        server.api_url(),
        server.api_key().into(),
    ))
    .unwrap()
}

pub fn canonical(name: &DomainName) -> powerdns_client::CanonicalName {
    powerdns_client::CanonicalName::parse(&format!("{name}.")).unwrap()
}

/// The removal of a record set.
pub fn delete(name: CanonicalName, rtype: powerdns_client::RecordType) -> RrsetChange {
    RrsetChange::Delete { name, rtype }
}

pub fn targets(last: u8) -> Targets {
    let v4 = vec![std::net::Ipv4Addr::new(203, 0, 113, last)];
    Targets::new(v4, vec!["2001:db8::10".parse().unwrap()], true, |_| true).unwrap()
}
