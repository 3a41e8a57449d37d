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
use pdm::domain::claim::{Claim, ClaimState};
use pdm::domain::ids::ClaimId;
use pdm::domain::operation::{
    Operation, OperationKind, OperationState, StepName, StepRecord, StepState, UNDO_ACTIVATE,
};
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
        // One PATCH of the parent may be for many names: all of them meet the fault of the first.
        let mut hit = None;
        waiting.retain(|name, (step, fault)| {
            let here = is_call_of(*step, call, name, pool);
            if here {
                hit.get_or_insert(*fault);
            }
            !here
        });
        let Some(fault) = hit else {
            return Outcome::Ok;
        };
        *self.hits.lock().unwrap().entry(fault).or_default() += 1;
        fault.outcome()
    }
}

/// What a case does to a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// An operation of this kind, which succeeds.
    Operation(OperationKind),
    /// An activation that is stopped by request before the parent was touched.
    Cancel,
}

impl Work {
    const ALL: [Self; 5] = [
        Self::Operation(OperationKind::Activate),
        Self::Operation(OperationKind::Release),
        Self::Operation(OperationKind::Retarget),
        Self::Operation(OperationKind::Records),
        Self::Cancel,
    ];

    const fn steps(self) -> &'static [StepName] {
        match self {
            Self::Operation(kind) => kind.steps(),
            Self::Cancel => UNDO_ACTIVATE,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    work: Work,
    step: StepName,
    point: CrashPoint,
    fault: Fault,
}

/// From the code: every step of every kind of work.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for work in Work::ALL {
        for step in work.steps() {
            for point in CrashPoint::ALL {
                for fault in Fault::ALL {
                    cases.push(Case {
                        work,
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

/// Runs a case; answers its claim.
async fn run(lab: &Lab, armed: &Armed, number: usize, case: Case) -> ClaimId {
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
    let operations = match case.work {
        Work::Operation(kind) => live_and_release(lab, &claim, kind, case, arm).await,
        Work::Cancel => vec![cancel(lab, &claim, case, arm).await],
    };
    assert!(
        !lab.crashes.is_pending(&claim.name),
        "{case:?}: nobody died at this step"
    );
    let unused = armed.waiting.lock().unwrap().remove(&claim.name);
    // Steps that only read need not call the API at all; the write of a writing step is always made.
    assert!(
        unused.is_none() || !case.step.writes(),
        "{case:?}: the call was never made"
    );
    check_journal(lab, &operations).await;
    claim.id
}

/// The whole life of a name, with the case's work in it.
async fn live_and_release(
    lab: &Lab,
    claim: &Claim,
    kind: OperationKind,
    case: Case,
    arm: impl Fn(),
) -> Vec<Operation> {
    if kind == OperationKind::Activate {
        arm();
    }
    let mut operations = vec![lab.wait_end(lab.commit(claim).await).await];
    if matches!(kind, OperationKind::Retarget | OperationKind::Records) {
        arm();
        operations.push(lab.wait_end(lab.change(claim.id, kind).await).await);
        let (host, rtype, wanted) = match kind {
            OperationKind::Records => ("note", "TXT", "\"changed\""),
            _ => ("api", "A", "203.0.113.99"),
        };
        let host = format!("{host}.{}", claim.name);
        let answer = lab.servers.resolver.ask(&host, rtype).await.unwrap();
        assert_eq!(answer.data(rtype), [wanted], "{case:?} {answer:?}");
    }
    if kind == OperationKind::Release {
        arm();
    }
    let release = lab.change(claim.id, OperationKind::Release).await;
    operations.push(lab.wait_end(release).await);
    for operation in &operations {
        assert_eq!(
            operation.state,
            OperationState::Succeeded,
            "{case:?} {operation:#?}"
        );
    }
    assert_eq!(lab.claim(claim.id).await.state, ClaimState::Released);
    operations
}

/// An activation whose worker dies once the zone is there, and that is stopped before another one goes on.
async fn cancel(lab: &Lab, claim: &Claim, case: Case, arm: impl Fn()) -> Operation {
    lab.crashes
        .kill_once(&claim.name, StepName::CheckServers, CrashPoint::BeforeIntent);
    let activation = lab.commit(claim).await;
    lab.wait_for(activation, "dead with its zone made", |_| {
        !lab.crashes.is_pending(&claim.name)
    })
    .await;
    arm();
    lab.cancel(activation).await;
    let ended = lab.wait_end(activation).await;
    assert_eq!(ended.state, OperationState::Cancelled, "{case:?} {ended:#?}");
    assert_eq!(lab.zone_marker(&claim.name).await, None, "{case:?}");
    assert!(!lab.is_delegated(&claim.name).await, "{case:?}");
    assert_eq!(lab.claim(claim.id).await.state, ClaimState::Reserved);
    ended
}

/// I18: no result without its intent before it, and every effect has both.
async fn check_journal(lab: &Lab, operations: &[Operation]) {
    for operation in operations {
        let rows = {
            let operation = operation.clone();
            lab.store
                .read(|tx| Box::pin(async move { tx.journal_of(&operation).await }))
                .await
        };
        let rows: Vec<(String, String, i64)> = rows.map_err(|e: pdm::store::StoreError| e).unwrap();
        let done = |step: &&StepRecord| step.name.writes() && step.state == StepState::Done;
        for step in operation.steps.iter().filter(done) {
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

/// I5: nothing is left in either direction once everything was given back, and no claim is in between.
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
        let state = lab.claim(*id).await.state;
        assert!(
            matches!(state, ClaimState::Released | ClaimState::Reserved),
            "{state:?}"
        );
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
    let claims: Vec<ClaimId> = stream::iter(cases.into_iter().enumerate())
        .map(|(number, case)| run(&lab, &armed, number, case))
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    assert_eq!(claims.len(), total);
    check_nothing_left(&lab, &claims).await;
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

/// The long programme: the same with parent and child on one server.
#[test]
#[ignore = "long: make test-long"]
fn every_step_survives_with_parent_and_child_on_one_server() {
    RUNTIME.block_on(async {
        all_cases(Databases::Sqlite, Layout::Same, |_| true).await;
        all_cases(Databases::Postgres, Layout::Same, |_| true).await;
    });
}
