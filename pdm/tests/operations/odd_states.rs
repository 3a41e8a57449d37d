//! What hands, old writes and slow workers leave behind, and how operations get out of it.

use std::sync::Mutex;
use std::time::Duration;

use conformance::world::{Layout, Store as Databases};
use conformance_servers::{Kind, Outcome, Silence};
use pdm::delegation::Delegation;
use pdm::delegation::parent_zone::{Edit, EditError, ParentZones};
use pdm::domain::claim::{Claim, ClaimState};
use pdm::domain::ids::OperationId;
use pdm::domain::operation::{Operation, OperationKind, OperationState, StepName};
use pdm::operations::CrashPoint;
use pdm::store::StoreError;
use pdm_registrar::DsRecord;
use powerdns_client::{KeyType, NewCryptoKey, RecordType, Rrset, RrsetChange};

use crate::support::{Lab, RUNTIME, canonical, client, delete, targets};

async fn make_active(lab: &Lab, label: &str) -> Claim {
    let claim = lab.reserve(label).await;
    let ended = lab.wait_end(lab.commit(&claim).await).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
    lab.claim(claim.id).await
}

async fn ds_at_parent(lab: &Lab, claim: &Claim) -> Vec<DsRecord> {
    let at = lab.world.parents.look(&claim.pool, &claim.name).await.unwrap();
    at.ds.unwrap().0
}

async fn wait_at(lab: &Lab, id: OperationId, step: StepName, state: OperationState) -> Operation {
    lab.wait_for(id, "at the step", |operation| {
        let at = operation.current().map(|index| operation.steps[index].name);
        at == Some(step) && operation.state == state
    })
    .await
}

/// A change of targets finds its zone removed by a hand: the name is made again, with the new targets, and the
/// operation that the customer waits for ends.
#[test]
fn a_change_of_a_zone_that_was_removed_makes_it_again() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let before = make_active(&lab, "removed").await;
        let tenants = client(&lab.servers.tenants[0]);
        tenants.delete_zone(&canonical(&before.name)).await.unwrap();

        let change = lab.change(before.id, OperationKind::Retarget).await;
        let ended = lab.wait_end(change).await;
        assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
        let after = lab.claim(before.id).await;
        assert_eq!(after.state, ClaimState::Active);
        assert_ne!(after.ds, before.ds, "a zone that is made again has a new key");
        assert_eq!(ds_at_parent(&lab, &after).await, after.ds);
        lab.assert_secure("console.removed.omani.works", "203.0.113.99")
            .await;
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!((found.drifted, found.orphans), (0, 0), "{found:?}");
    });
}

/// A record that somebody puts below the name of a claim, in the pool's zone.
async fn put_below(lab: &Lab, claim: &Claim) -> Rrset {
    let owner = canonical(&claim.name).child("deep").unwrap();
    let deep = Rrset::new(owner, RecordType::A, 60, ["192.0.2.1"]);
    lab.edit_parent(&[RrsetChange::Replace(deep.clone())]).await;
    deep
}

/// A record that somebody puts below a label would be shadowed by a zone at the label, in the moment of its creation.
#[test]
fn what_stands_below_a_label_stops_its_activation() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        lab.pool_proxy.reset_counts();
        make_active(&lab, "quiet").await;
        assert_eq!(
            lab.pool_proxy.count("GET", Kind::Other),
            0,
            "nobody wrote but us: no search for what stands below"
        );
        // The NS hosts of the zone, the name before its delegation, and the serial before the PATCH.
        assert_eq!(lab.pool_proxy.count("GET", Kind::Zone), 3);

        let claim = lab.reserve("shop").await;
        let deep = put_below(&lab, &claim).await;
        let operation = lab.commit(&claim).await;
        let blocked = lab
            .wait_for(operation, "blocked", |o| o.state == OperationState::Blocked)
            .await;
        assert_eq!(blocked.error.unwrap().code, "zone.foreign");
        assert_eq!(lab.zone_marker(&claim.name).await, None);
        assert_eq!(lab.at_parent(&deep.name).await, std::slice::from_ref(&deep));

        lab.edit_parent(&[delete(deep.name, RecordType::A)]).await;
        assert_eq!(lab.wait_end(operation).await.state, OperationState::Succeeded);
    });
}

/// A second key is somebody's rollover: left alone. A zone without keys gets one and stays as it is otherwise.
#[test]
fn keys_are_repaired_without_removing_the_zone() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let claim = make_active(&lab, "keys").await;
        let tenants = client(&lab.servers.tenants[0]);
        let zone = canonical(&claim.name);
        tenants.create_cryptokey(&zone, &signing_key()).await.unwrap();
        tenants.flush_cache(&zone).await.unwrap();
        assert_eq!(pdm::reconcile::sweep(&lab.world).await.unwrap().drifted, 0);
        let less = delete(zone.child("console").unwrap(), RecordType::A);
        tenants.patch_rrsets(&zone, &[less]).await.unwrap();
        assert_eq!(pdm::reconcile::sweep(&lab.world).await.unwrap().repairs, 1);
        lab.wait_for_repairs().await;
        assert_eq!(tenants.cryptokeys(&zone).await.unwrap().len(), 2);
        assert_eq!(lab.claim(claim.id).await.ds, claim.ds);
        assert_eq!(ds_at_parent(&lab, &claim).await, claim.ds);

        for key in tenants.cryptokeys(&zone).await.unwrap() {
            tenants.delete_cryptokey(&zone, key.id).await.unwrap();
        }
        tenants.flush_cache(&zone).await.unwrap();
        lab.tenant_proxy.reset_counts();
        assert_eq!(pdm::reconcile::sweep(&lab.world).await.unwrap().repairs, 1);
        lab.wait_for_repairs().await;
        assert_eq!(lab.tenant_proxy.count("DELETE", Kind::Zone), 0);
        let after = lab.claim(claim.id).await;
        assert_eq!(ds_at_parent(&lab, &after).await, after.ds);
        lab.assert_secure("console.keys.omani.works", "203.0.113.10")
            .await;
    });
}

/// While caches run out, a backup is put back that has the delegation: it is withdrawn once more, and waited for again.
#[test]
fn a_delegation_that_comes_back_is_withdrawn_again() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let claim = make_active(&lab, "returns").await;
        let delegation = lab.at_parent(&canonical(&claim.name)).await;
        let release = lab.change(claim.id, OperationKind::Release).await;
        wait_at(&lab, release, StepName::Drain, OperationState::Waiting).await;
        let changes: Vec<RrsetChange> = delegation.into_iter().map(RrsetChange::Replace).collect();
        lab.edit_parent(&changes).await;
        let ended = lab.wait_end(release).await;
        assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
        assert!(!lab.is_delegated(&claim.name).await);
        assert_eq!(lab.zone_marker(&claim.name).await, None);
    });
}

/// A worker that was away for too long makes no call: neither by itself nor through the writer of the parent.
#[test]
fn who_was_superseded_writes_nothing() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let claim = make_active(&lab, "seized").await;

        // The look before the write is held up; meanwhile the operation is taken away.
        let (arrived, mut looked) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, seized) = std::sync::mpsc::channel::<()>();
        let seized = Mutex::new(seized);
        lab.tenant_proxy.rule(move |call| {
            if call.method == "GET" && call.kind() == Kind::Zone && arrived.send(()).is_ok() {
                let _ = seized.lock().unwrap().recv_timeout(Duration::from_millis(700));
            }
            Outcome::Ok
        });
        lab.tenant_proxy.reset_counts();
        let change = lab.change(claim.id, OperationKind::Retarget).await;
        looked.recv().await.unwrap();
        looked.close();
        let taken = lab
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let taken = tx.seize_operation(change).await?;
                    let lease = Duration::from_mins(5);
                    tx.claim_due_operations("the test", lease, 10).await?;
                    Ok::<_, StoreError>(taken)
                })
            })
            .await;
        let seized = taken.unwrap().unwrap();
        go_on.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(lab.tenant_proxy.count("GET", Kind::Zone), 2, "it looked twice");
        assert_eq!(lab.tenant_proxy.count("PATCH", Kind::Zone), 0);

        let edit = Edit::Put(Delegation::ours(
            &lab.pool.nameservers,
            &claim.ds,
            lab.world.config.zones,
        ));
        let name = lab.name("late");
        for fence in [seized.fence - 1, seized.fence] {
            let made = lab
                .world
                .parents
                .edit(&lab.pool.domain, &name, edit.clone(), (change, fence))
                .await;
            assert!(matches!(made, Err(EditError::NotMade(_))), "{made:?}");
        }
        assert!(!lab.is_delegated(&name).await);
    });
}

/// Two replicas share a parent zone: each gets its turn at once, none is sent away.
#[test]
fn writers_of_one_parent_take_turns() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Postgres, Layout::Separate).await;
        let claim = make_active(&lab, "busy").await;
        let turn = lab.hold_an_operation(&claim).await;
        let config = &lab.world.config;
        let replicas: Vec<_> = (0..3)
            .map(|n| {
                let servers = lab.world.parents.servers().clone();
                ParentZones::new(config, lab.store.clone(), servers, format!("replica-{n}"))
            })
            .collect();
        let mut edits = Vec::new();
        for round in 0..4 {
            for (n, replica) in replicas.iter().enumerate() {
                let name = lab.name(&format!("turn-{round}-{n}"));
                let edit = Edit::Put(Delegation::ours(&lab.pool.nameservers, &claim.ds, config.zones));
                let pool = lab.pool.domain.clone();
                edits.push(async move { replica.edit(&pool, &name, edit, turn).await });
            }
        }
        for made in futures_util::future::join_all(edits).await {
            made.unwrap();
        }
        for round in 0..4 {
            for n in 0..3 {
                assert!(lab.is_delegated(&lab.name(&format!("turn-{round}-{n}"))).await);
            }
        }
    });
}

/// What a pass has learned to be foreign stays so while the activation that found it waits, and is free once removed.
#[test]
fn a_pass_does_not_forget_what_blocks_an_activation() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let claim = lab.reserve("remembered").await;
        let deep = put_below(&lab, &claim).await;
        pdm::reconcile::sweep(&lab.world).await.unwrap();
        let operation = lab.commit(&claim).await;
        let blocked = |o: &Operation| o.state == OperationState::Blocked;
        lab.wait_for(operation, "blocked", blocked).await;
        for _ in 0..2 {
            pdm::reconcile::sweep(&lab.world).await.unwrap();
            let tries = lab.operation(operation).await.steps[0].attempts;
            lab.wait_for(operation, "blocked again", |o| {
                blocked(o) && o.steps[0].attempts > tries
            })
            .await;
            assert_eq!(lab.zone_marker(&claim.name).await, None);
        }
        lab.edit_parent(&[delete(deep.name, RecordType::A)]).await;
        pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!(lab.wait_end(operation).await.state, OperationState::Succeeded);
    });
}

/// New targets that arrive while a repair is behind the making of its zone are written by it.
#[test]
fn targets_that_join_a_repair_are_written() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let claim = make_active(&lab, "joined").await;
        let tenants = client(&lab.servers.tenants[0]);
        let zone = canonical(&claim.name);
        let less = delete(zone.child("console").unwrap(), RecordType::A);
        tenants.patch_rrsets(&zone, &[less]).await.unwrap();
        lab.crashes
            .kill_once(&claim.name, StepName::CheckServers, CrashPoint::BeforeIntent);
        assert_eq!(pdm::reconcile::sweep(&lab.world).await.unwrap().repairs, 1);
        lab.wake.operation_due();
        while lab.crashes.is_pending(&claim.name) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        lab.join_targets(claim.id).await;
        lab.wait_for_repairs().await;
        lab.assert_secure("console.joined.omani.works", "203.0.113.99")
            .await;
    });
}

/// Starts an activation whose worker dies before that step; until its lease ends nobody goes on.
async fn activation_dead_before(lab: &Lab, label: &str, step: StepName) -> (Claim, OperationId) {
    let claim = lab.reserve(label).await;
    lab.crashes.kill_once(&claim.name, step, CrashPoint::BeforeIntent);
    let operation = lab.commit(&claim).await;
    lab.wait_for(operation, "dead", |_| !lab.crashes.is_pending(&claim.name))
        .await;
    (claim, operation)
}

async fn remove_delegation(lab: &Lab, claim: &Claim) {
    let gone = [RecordType::NS, RecordType::DS].map(|rtype| delete(canonical(&claim.name), rtype));
    lab.edit_parent(&gone).await;
}

/// What a hand does to a name that is being made.
enum Damage {
    NoZone,
    NoDelegation,
    OtherKeys,
    OtherRecords,
}

fn signing_key() -> NewCryptoKey {
    NewCryptoKey {
        keytype: KeyType::Csk,
        active: true,
        published: true,
        algorithm: "ECDSAP256SHA256".to_owned(),
    }
}

/// Zone or delegation go away or change under a running activation: it goes back and makes them again.
#[test]
fn what_a_hand_takes_away_meanwhile_is_made_again() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let tenants = client(&lab.servers.tenants[0]);
        for (label, step, damage) in [
            ("zone-before-check", StepName::CheckServers, Damage::NoZone),
            ("zone-before-delegation", StepName::Delegate, Damage::NoZone),
            ("zone-before-validation", StepName::Validate, Damage::NoZone),
            (
                "delegation-before-check",
                StepName::CheckParent,
                Damage::NoDelegation,
            ),
            (
                "delegation-before-validation",
                StepName::Validate,
                Damage::NoDelegation,
            ),
            ("keys-before-check", StepName::CheckServers, Damage::OtherKeys),
            ("keys-before-validation", StepName::Validate, Damage::OtherKeys),
            (
                "records-before-validation",
                StepName::Validate,
                Damage::OtherRecords,
            ),
        ] {
            let (claim, operation) = activation_dead_before(&lab, label, step).await;
            let zone = canonical(&claim.name);
            match damage {
                Damage::NoZone => assert!(tenants.delete_zone(&zone).await.unwrap()),
                Damage::NoDelegation => remove_delegation(&lab, &claim).await,
                Damage::OtherKeys => {
                    for key in tenants.cryptokeys(&zone).await.unwrap() {
                        tenants.delete_cryptokey(&zone, key.id).await.unwrap();
                    }
                    tenants.create_cryptokey(&zone, &signing_key()).await.unwrap();
                    tenants.flush_cache(&zone).await.unwrap();
                }
                Damage::OtherRecords => {
                    let elsewhere = Rrset::new(zone.clone(), RecordType::A, 60, ["192.0.2.66"]);
                    let change = RrsetChange::Replace(elsewhere);
                    tenants.patch_rrsets(&zone, &[change]).await.unwrap();
                }
            }
            let ended = lab.wait_end(operation).await;
            assert_eq!(ended.state, OperationState::Succeeded, "{label} {ended:#?}");
            let after = lab.claim(claim.id).await;
            assert_eq!(ds_at_parent(&lab, &after).await, after.ds, "{label}");
            lab.assert_secure(&format!("api.{}", claim.name), "203.0.113.10")
                .await;
        }
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!((found.drifted, found.orphans), (0, 0), "{found:?}");
    });
}

/// I4: a delegation that somebody else makes in the middle of an activation, and that a reconcile pass has seen, is not
/// written over.
#[test]
fn a_delegation_by_others_in_the_middle_is_not_written_over() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let (claim, operation) = activation_dead_before(&lab, "middle", StepName::Delegate).await;
        let ns = Rrset::new(canonical(&claim.name), RecordType::NS, 60, ["ns.elsewhere.test."]);
        lab.edit_parent(&[RrsetChange::Replace(ns.clone())]).await;
        pdm::reconcile::sweep(&lab.world).await.unwrap();
        let blocked = lab
            .wait_for(operation, "blocked", |o| o.state == OperationState::Blocked)
            .await;
        assert_eq!(blocked.error.unwrap().code, "zone.foreign");
        let there = lab.at_parent(&canonical(&claim.name)).await;
        assert_eq!(there, [ns]);
        remove_delegation(&lab, &claim).await;
        assert_eq!(lab.wait_end(operation).await.state, OperationState::Succeeded);
        assert_eq!(lab.claim(claim.id).await.blocked, None);
    });
}

/// What somebody puts at or below the name while an activation is away for long is neither written over nor taken over, even if it
/// leads to our servers.
#[test]
fn what_others_wrote_meanwhile_stops_the_delegation() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        for (label, below) in [("meanwhile-below", true), ("meanwhile-to-us", false)] {
            let (claim, operation) = activation_dead_before(&lab, label, StepName::Delegate).await;
            let there = if below {
                put_below(&lab, &claim).await
            } else {
                let hosts = lab.pool.nameservers.iter().map(|host| format!("{host}."));
                let ns = Rrset::new(canonical(&claim.name), RecordType::NS, 60, hosts);
                lab.edit_parent(&[RrsetChange::Replace(ns.clone())]).await;
                ns
            };
            let blocked = lab
                .wait_for(operation, "blocked", |o| o.state == OperationState::Blocked)
                .await;
            assert_eq!(blocked.error.unwrap().code, "zone.foreign", "{label}");
            let at = lab.at_parent(&there.name).await;
            assert_eq!(at, std::slice::from_ref(&there), "{label}");
            lab.edit_parent(&[delete(there.name, there.rtype)]).await;
            let ended = lab.wait_end(operation).await;
            assert_eq!(ended.state, OperationState::Succeeded, "{label} {ended:#?}");
        }
    });
}

/// A change whose reply was lost may still arrive: another change of the same zone waits until it no longer can.
#[test]
fn a_late_write_of_older_targets_does_not_undo_newer_ones() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let claim = make_active(&lab, "overtaken").await;
        let once = std::sync::atomic::AtomicBool::new(false);
        lab.tenant_proxy.rule(move |call| {
            let late = call.method == "PATCH" && !once.swap(true, std::sync::atomic::Ordering::Relaxed);
            if late {
                Outcome::AppliedLate {
                    after: Duration::from_millis(1200),
                    silence: Silence::Cut,
                }
            } else {
                Outcome::Ok
            }
        });
        let older = lab
            .change_to(claim.id, OperationKind::Retarget, targets(98))
            .await;
        assert_eq!(lab.wait_end(older).await.state, OperationState::Succeeded);
        let newer = lab
            .change_to(claim.id, OperationKind::Retarget, targets(99))
            .await;
        let waiting = lab
            .wait_for(newer, "waiting", |o| o.state == OperationState::Waiting)
            .await;
        assert!(waiting.waiting_until.is_some());
        assert_eq!(lab.wait_end(newer).await.state, OperationState::Succeeded);
        lab.tenant_proxy.settled().await;
        lab.assert_secure("console.overtaken.omani.works", "203.0.113.99")
            .await;
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!(found.drifted, 0, "{found:?}");
    });
}

/// A backup is put back at any moment of a release: the delegation is withdrawn again before the zone goes.
#[test]
fn a_release_never_leaves_a_delegation_that_came_back() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        for (label, step) in [
            ("before-check", StepName::CheckWithdrawn),
            ("before-deletion", StepName::DeleteZone),
        ] {
            let claim = make_active(&lab, label).await;
            let at = lab.at_parent(&canonical(&claim.name)).await;
            lab.crashes.kill_once(&claim.name, step, CrashPoint::BeforeIntent);
            let release = lab.change(claim.id, OperationKind::Release).await;
            lab.wait_for(release, "dead", |_| !lab.crashes.is_pending(&claim.name))
                .await;
            let back: Vec<RrsetChange> = at.into_iter().map(RrsetChange::Replace).collect();
            lab.edit_parent(&back).await;
            let ended = lab.wait_end(release).await;
            assert_eq!(ended.state, OperationState::Succeeded, "{label} {ended:#?}");
            assert!(!lab.is_delegated(&claim.name).await, "{label}");
            assert_eq!(lab.zone_marker(&claim.name).await, None, "{label}");
        }
    });
}
