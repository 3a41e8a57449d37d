//! Every step × every crash point × every outcome of a call: whatever happens once, the operation ends as if nothing had.
//!
//! The cases are enumerated from the step lists of the code. They run side by side, each on a name of its own, against
//! real servers; faults come from the proxies in front of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conformance::world::{Layout, Store as Databases};
use conformance_servers::{Call, Kind, Outcome, Silence};
use futures_util::stream::{self, StreamExt as _};
use pdm::domain::claim::ClaimState;
use pdm::domain::ids::ClaimId;
use pdm::domain::operation::{OperationKind, OperationState, StepName};
use pdm::operations::CrashPoint;
use pdm_registrar::DomainName;

use crate::support::{Lab, RUNTIME};

/// Cases at a time. More only makes each slower: two cores serve the database, the name servers and us.
const SIDE_BY_SIDE: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Fault {
    None,
    Refused,
    Busy,
    Lost,
    AppliedButLost,
    AppliedLate,
    Accepted,
}

impl Fault {
    const ALL: [Self; 7] = [
        Self::None,
        Self::Refused,
        Self::Busy,
        Self::Lost,
        Self::AppliedButLost,
        Self::AppliedLate,
        Self::Accepted,
    ];

    fn outcome(self) -> Outcome {
        match self {
            Self::None => Outcome::Ok,
            Self::Refused => Outcome::Refused { status: 403 },
            Self::Busy => Outcome::Busy {
                status: 503,
                retry_after: None,
            },
            Self::Lost => Outcome::Lost(Silence::Cut),
            Self::AppliedButLost => Outcome::AppliedButLost(Silence::Cut),
            Self::AppliedLate => Outcome::AppliedLate {
                after: Duration::from_millis(600),
                silence: Silence::Cut,
            },
            Self::Accepted => Outcome::Accepted {
                apply_after: Some(Duration::from_millis(400)),
            },
        }
    }
}

/// Which call of a step the fault hits: the write of a writing step, the first read of another.
fn is_call_of(step: StepName, call: &Call<'_>, name: &DomainName, pool: &DomainName) -> bool {
    let own_zone = format!("/{name}.");
    let in_own_zone = call
        .path
        .split('?')
        .next()
        .is_some_and(|path| path.ends_with(&own_zone));
    let in_parent = call.path.contains(&format!("/zones/{pool}."));
    let mentions = || call.mentions(&format!("\"{name}.\"")) || call.path.contains(&format!("={name}."));
    match step {
        StepName::CreateZone => call.method == "POST" && call.kind() == Kind::Zones && mentions(),
        StepName::Delegate | StepName::Undelegate => call.method == "PATCH" && in_parent && mentions(),
        StepName::EmptyZone | StepName::WriteRecords => call.method == "PATCH" && in_own_zone,
        StepName::DeleteZone => call.method == "DELETE" && in_own_zone,
        _ => call.method == "GET" && (in_own_zone || (in_parent && mentions())),
    }
}

/// Faults that wait for their call, by name.
#[derive(Default)]
struct Armed {
    waiting: Mutex<HashMap<DomainName, (StepName, Fault)>>,
    hits: Mutex<BTreeMap<Fault, usize>>,
}

impl Armed {
    fn decide(&self, call: &Call<'_>, pool: &DomainName) -> Outcome {
        let mut waiting = self.waiting.lock().unwrap();
        let hit = waiting
            .iter()
            .find(|(name, (step, _))| is_call_of(*step, call, name, pool))
            .map(|(n, _)| n.clone());
        let Some((_, fault)) = hit.and_then(|name| waiting.remove(&name)) else {
            return Outcome::Ok;
        };
        *self.hits.lock().unwrap().entry(fault).or_default() += 1;
        fault.outcome()
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    kind: OperationKind,
    step: StepName,
    point: CrashPoint,
    fault: Fault,
}

/// From the code: every step of every kind.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [
        OperationKind::Activate,
        OperationKind::Release,
        OperationKind::Retarget,
        OperationKind::Records,
    ] {
        for step in kind.steps() {
            for point in CrashPoint::ALL {
                for fault in Fault::ALL {
                    cases.push(Case {
                        kind,
                        step: *step,
                        point,
                        fault,
                    });
                }
            }
        }
    }
    cases
}

async fn run(lab: &Lab, armed: &Armed, number: usize, case: Case) {
    let claim = lab.reserve(&format!("case-{number}")).await;
    let arm = || {
        lab.crashes.kill_once(&claim.name, case.step, case.point);
        if case.fault != Fault::None {
            armed
                .waiting
                .lock()
                .unwrap()
                .insert(claim.name.clone(), (case.step, case.fault));
        }
    };
    if case.kind == OperationKind::Activate {
        arm();
    }
    let activation = lab.wait_end(lab.commit(&claim).await).await;
    assert_eq!(
        activation.state,
        OperationState::Succeeded,
        "{case:?} {activation:#?}"
    );
    if matches!(case.kind, OperationKind::Retarget | OperationKind::Records) {
        arm();
        let change = lab.wait_end(lab.change(claim.id, case.kind).await).await;
        assert_eq!(change.state, OperationState::Succeeded, "{case:?} {change:#?}");
        let answer = lab
            .servers
            .resolver
            .ask(&format!("api.{}", claim.name), "A")
            .await
            .unwrap();
        assert_eq!(answer.data("A"), ["203.0.113.99"], "{case:?} {answer:?}");
    }
    if case.kind == OperationKind::Release {
        arm();
    }
    let release = lab
        .wait_end(lab.change(claim.id, OperationKind::Release).await)
        .await;
    assert_eq!(release.state, OperationState::Succeeded, "{case:?} {release:#?}");
    assert!(
        !lab.crashes.is_pending(&claim.name),
        "{case:?}: nobody died at this step"
    );
    armed.waiting.lock().unwrap().remove(&claim.name);
    check_journal(lab, &activation, &release).await;
}

/// I18: no result without its intent before it, and every effect has both.
async fn check_journal(
    lab: &Lab,
    activation: &pdm::domain::operation::Operation,
    release: &pdm::domain::operation::Operation,
) {
    for operation in [activation, release] {
        let rows = {
            let operation = operation.clone();
            lab.store
                .read(|tx| Box::pin(async move { tx.journal_of(&operation).await }))
                .await
        };
        let rows: Vec<(String, String, i64)> = rows.map_err(|e: pdm::store::StoreError| e).unwrap();
        for step in operation.steps.iter().filter(|step| step.name.writes()) {
            let mut open = 0;
            let mut results = 0;
            for (_, entry, _) in rows.iter().filter(|(name, ..)| name == step.name.as_str()) {
                match entry.as_str() {
                    "intent" => open += 1,
                    _ => {
                        assert!(
                            open > results,
                            "{}: a result of {} without its intent",
                            operation.name,
                            step.name
                        );
                        results += 1;
                    }
                }
            }
            assert!(
                results > 0,
                "{}: {} left no result in the journal",
                operation.name,
                step.name
            );
        }
        let fences: Vec<i64> = rows.iter().map(|(_, _, fence)| *fence).collect();
        assert!(
            fences.is_sorted(),
            "{}: an older worker wrote after a newer one: {fences:?}",
            operation.name
        );
    }
}

/// I5: nothing is left in either direction once everything was given back.
async fn check_nothing_left(lab: &Lab, claims: &[ClaimId]) {
    lab.pool_proxy.settled().await;
    lab.tenant_proxy.settled().await;
    let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
    assert_eq!(
        (found.orphans, found.foreign_names, found.drifted),
        (0, 0, 0),
        "{found:?}"
    );
    for id in claims {
        assert_eq!(lab.claim(*id).await.state, ClaimState::Released);
    }
}

async fn all_cases(databases: Databases, layout: Layout, keep: impl Fn(&Case) -> bool) {
    let lab = Lab::start(databases, layout).await;
    let armed = Arc::new(Armed::default());
    for proxy in [&lab.pool_proxy, &lab.tenant_proxy] {
        let (armed, pool) = (Arc::clone(&armed), lab.pool.domain.clone());
        proxy.rule(move |call| armed.decide(call, &pool));
    }
    let cases: Vec<Case> = cases().into_iter().filter(keep).collect();
    let total = cases.len();
    stream::iter(cases.into_iter().enumerate())
        .for_each_concurrent(SIDE_BY_SIDE, |(number, case)| run(&lab, &armed, number, case))
        .await;
    check_nothing_left(&lab, &[]).await;
    let hits = armed.hits.lock().unwrap();
    println!(
        "crash cases on {}: {total}, each with one crash; calls hit by fault: {hits:?}",
        lab.store.kind()
    );
    for fault in Fault::ALL.into_iter().filter(|fault| *fault != Fault::None) {
        assert!(
            hits.get(&fault).is_some_and(|count| *count > 0),
            "no call was hit by {fault:?}"
        );
    }
}

#[test]
fn every_step_survives_every_crash_and_fault_on_sqlite() {
    RUNTIME.block_on(all_cases(Databases::Sqlite, Layout::Separate, |_| true));
}

#[test]
fn every_step_survives_every_crash_and_fault_on_postgres() {
    RUNTIME.block_on(all_cases(Databases::Postgres, Layout::Separate, |_| true));
}

/// The long programme: the same with parent and child on one server. Runs where `PDM_TEST_LONG` is set.
#[test]
fn every_step_survives_with_parent_and_child_on_one_server() {
    if std::env::var_os("PDM_TEST_LONG").is_none() {
        println!("not run: set PDM_TEST_LONG=1 (make test-long)");
        return;
    }
    RUNTIME.block_on(async {
        all_cases(Databases::Sqlite, Layout::Same, |_| true).await;
        all_cases(Databases::Postgres, Layout::Same, |_| true).await;
    });
}
