//! What must never be touched, and what happens when servers are away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conformance::world::{Layout, Store as Databases};
use conformance_servers::Verdict;
use pdm::domain::claim::ClaimState;
use pdm::domain::operation::{OperationKind, OperationState};
use powerdns_client::{NewZone, RecordType, Rrset, RrsetChange};

use crate::support::{Lab, RUNTIME, canonical, client};

/// I4: a zone and a delegation that this claim did not make stop the operation, and stay as they are.
#[test]
fn what_is_not_ours_is_never_touched() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let tenants = client(&lab.servers.tenants[0]);

        let squatted = lab.name("squatted");
        let name = canonical(&squatted);
        let mut zone = NewZone::new(name.clone());
        "somebody".clone_into(&mut zone.account);
        zone.rrsets = vec![
            Rrset::new(
                name.clone(),
                RecordType::SOA,
                60,
                ["a.test. b.test. 1 60 60 60 60"],
            ),
            Rrset::new(name.clone(), RecordType::NS, 60, ["ns.test."]),
        ];
        tenants.create_zone(&zone).await.unwrap();
        let before = tenants.zone(&name).await.unwrap();
        let claim = lab.reserve("squatted").await;
        let operation = lab.commit(&claim).await;
        let blocked = lab
            .wait_for(operation, "blocked", |o| o.state == OperationState::Blocked)
            .await;
        assert_eq!(blocked.error.unwrap().code, "zone.foreign");
        assert_eq!(lab.claim(claim.id).await.blocked.unwrap().reason, "zone.foreign");
        assert_eq!(tenants.zone(&name).await.unwrap(), before);
        assert!(!lab.is_delegated(&squatted).await);

        // A hand removed it: the operation looks again by itself and goes on.
        tenants.delete_zone(&name).await.unwrap();
        assert_eq!(lab.wait_end(operation).await.state, OperationState::Succeeded);
        assert_eq!(lab.claim(claim.id).await.blocked, None);

        let elsewhere = lab.name("elsewhere");
        let ns = Rrset::new(canonical(&elsewhere), RecordType::NS, 60, ["ns.elsewhere.test."]);
        lab.edit_parent(&[RrsetChange::Replace(ns.clone())]).await;
        let claim = lab.reserve("elsewhere").await;
        let operation = lab.commit(&claim).await;
        lab.wait_for(operation, "blocked", |o| o.state == OperationState::Blocked)
            .await;
        let there = lab.at_parent(&canonical(&elsewhere)).await;
        assert_eq!(there, [ns]);
        assert_eq!(lab.zone_marker(&elsewhere).await, None);
    });
}

/// A stopped PowerDNS fails nothing: the work waits and says for whom, and goes on by itself.
#[test]
fn an_outage_is_waited_out() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        lab.servers.tenants[0].kill();
        let claim = lab.reserve("patient").await;
        let operation = lab.commit(&claim).await;
        let waiting = lab
            .wait_for(operation, "tried again", |o| {
                o.steps.iter().any(|s| s.attempts >= 3 && s.detail.is_some())
            })
            .await;
        assert_eq!(waiting.state, OperationState::Running);
        assert!(waiting.next_attempt_at.is_some());
        let detail = waiting
            .steps
            .iter()
            .find_map(|s| s.detail.as_deref().filter(|d| d.contains("PowerDNS")));
        assert!(detail.is_some(), "{:?}", waiting.steps);
        lab.servers.tenants[0].restart().await.unwrap();
        assert_eq!(lab.wait_end(operation).await.state, OperationState::Succeeded);

        // Killed in the middle of calls, many times, while names are made.
        let names: Vec<String> = (0..24).map(|n| format!("storm-{n}")).collect();
        let mut operations = Vec::new();
        for label in &names {
            let claim = lab.reserve(label).await;
            operations.push((claim.id, lab.commit(&claim).await));
        }
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            lab.servers.tenants[0].kill();
            lab.servers.pool_server().kill();
            lab.servers.tenants[0].restart().await.unwrap();
            lab.servers.pool_server().restart().await.unwrap();
        }
        for (claim, operation) in operations {
            assert_eq!(lab.wait_end(operation).await.state, OperationState::Succeeded);
            assert_eq!(lab.claim(claim).await.state, ClaimState::Active);
        }
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!((found.orphans, found.drifted), (0, 0), "{found:?}");
    });
}

/// A validating resolver that is not ours asks all the time: never bogus, never insecure where it should be secure.
#[test]
fn a_resolver_that_watches_never_sees_a_broken_chain() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let lab = Arc::new(lab);
        let over = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (lab, over) = (Arc::clone(&lab), Arc::clone(&over));
            tokio::spawn(async move {
                let mut seen = BTreeMap::<String, usize>::new();
                while !over.load(Ordering::Relaxed) {
                    for host in ["console.watched", "watched", "nothing.here.watched"] {
                        let answer = lab
                            .servers
                            .resolver
                            .ask(&format!("{host}.omani.works"), "A")
                            .await
                            .unwrap();
                        let word = format!("{:?} {}", answer.verdict(), answer.status);
                        *seen.entry(word).or_default() += 1;
                    }
                }
                seen
            })
        };
        for _ in 0..3 {
            let claim = lab.reserve("watched").await;
            assert_eq!(
                lab.wait_end(lab.commit(&claim).await).await.state,
                OperationState::Succeeded
            );
            let answer = lab
                .servers
                .resolver
                .ask("console.watched.omani.works", "A")
                .await
                .unwrap();
            assert_eq!(answer.verdict(), Verdict::Secure);
            lab.wait_end(lab.change(claim.id, OperationKind::Release).await)
                .await;
        }
        over.store(true, Ordering::Relaxed);
        let seen = watcher.await.unwrap();
        println!("what the resolver saw: {seen:?}");
        assert!(seen.keys().all(|word| word.starts_with("Secure ")), "{seen:?}");
        assert!(
            seen.keys().any(|word| word == "Secure NOERROR") && seen.keys().any(|w| w == "Secure NXDOMAIN")
        );
    });
}
