//! Operations against real servers: the path, its faults, its crashes.

mod crashes;
mod odd_states;
mod reconcile;
mod refusals;
mod support;

use conformance::world::{Layout, Store as Databases};
use conformance_servers::Verdict;
use pdm::domain::claim::ClaimState;
use pdm::domain::operation::{OperationKind, OperationState};

use support::{Lab, RUNTIME};

/// Reserve, commit, release, and nothing is left behind.
async fn walk_the_path(databases: Databases, layout: Layout) {
    let lab = Lab::start(databases, layout).await;
    let claim = lab.reserve("acme").await;
    let activation = lab.wait_end(lab.commit(&claim).await).await;
    assert_eq!(activation.state, OperationState::Succeeded, "{activation:#?}");
    assert_eq!(lab.claim(claim.id).await.state, ClaimState::Active);
    for (host, rtype) in [("console", "A"), ("console", "AAAA"), ("anything", "A")] {
        let answer = lab
            .servers
            .resolver
            .ask(&format!("{host}.acme.omani.works"), rtype)
            .await
            .unwrap();
        assert_eq!(answer.verdict(), Verdict::Secure, "{answer:?}");
        assert!(!answer.data(rtype).is_empty(), "{answer:?}");
    }

    let retarget = lab
        .wait_end(lab.change(claim.id, OperationKind::Retarget).await)
        .await;
    assert_eq!(retarget.state, OperationState::Succeeded, "{retarget:#?}");

    let release = lab
        .wait_end(lab.change(claim.id, OperationKind::Release).await)
        .await;
    assert_eq!(release.state, OperationState::Succeeded, "{release:#?}");
    assert_eq!(lab.claim(claim.id).await.state, ClaimState::Released);
    assert_eq!(lab.zone_marker(&claim.name).await, None);
    assert!(!lab.is_delegated(&claim.name).await);
}

#[test]
fn a_name_lives_and_goes_on_sqlite() {
    RUNTIME.block_on(walk_the_path(Databases::Sqlite, Layout::Separate));
}

#[test]
fn a_name_lives_and_goes_with_parent_and_child_on_one_server() {
    RUNTIME.block_on(walk_the_path(Databases::Sqlite, Layout::Same));
}

#[test]
fn a_name_lives_and_goes_on_postgres_with_two_servers_on_one_database() {
    RUNTIME.block_on(walk_the_path(Databases::Postgres, Layout::Separate));
}
