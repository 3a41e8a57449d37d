//! Many at once, with time at the edge: one truth.

use std::collections::HashSet;
use std::time::Duration;

use pdm::domain::claim::ClaimState;
use pdm::domain::ids::OperationId;
use pdm::domain::operation::{Facts, OperationKind};
use pdm::store::{NewOperation, StoreError, Taken};

use crate::support::{Database, HOUR, SECOND, at_once, got, look, owned_by, unit, until, wanted};

/// A hold that ends while the contest runs.
const SHORT: Duration = Duration::from_millis(30);
/// The contestants come from so long before the end of the hold to as long after it.
const SPREAD: Duration = Duration::from_millis(4);
const ROUNDS: usize = 20;

/// What a contestant did.
#[derive(Debug, PartialEq, Eq)]
enum Did {
    Committed,
    Renewed,
    Took,
    Swept,
    Nothing,
}

pub async fn of_fifty_reserves_of_one_name_one_wins(db: Database) {
    let answers = at_once(50, |number| {
        let store = db.of_replica(number);
        let new = wanted([db.ours, db.theirs][number % 2], "acme");
        async move { unit!(store, tx => tx.take_name(&new).await).unwrap() }
    })
    .await;
    let winners: Vec<_> = answers
        .iter()
        .filter_map(|taken| match taken {
            Taken::Yes(claim) => Some(claim.id),
            _ => None,
        })
        .collect();
    assert_eq!(winners.len(), 1);
    let losers: HashSet<_> = answers.iter().filter_map(owned_by).collect();
    assert_eq!(
        losers,
        HashSet::from([winners[0]]),
        "every loser is told who has it"
    );
    assert_eq!(db.owner("acme").await, Some(winners[0]));
    let counts = look!(db.store, tx => tx.count_claims().await);
    assert_eq!(counts, [("reserved".to_owned(), 1)]);
}

pub async fn of_a_tombstone_its_last_tenant_alone_is_among_the_winners(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    db.free(claim, true).await.unwrap();
    let answers = at_once(40, |number| {
        let store = db.of_replica(number / 2);
        let tenant = [db.ours, db.theirs][number % 2];
        let new = wanted(tenant, "acme");
        async move { (tenant, unit!(store, tx => tx.take_name(&new).await).unwrap()) }
    })
    .await;
    let winners: Vec<_> = answers
        .iter()
        .filter(|(_, taken)| matches!(taken, Taken::Yes(_)))
        .map(|(tenant, _)| *tenant)
        .collect();
    assert_eq!(winners, [db.ours]);
}

/// Holds a name and lets `first` people (committing or renewing) meet others who take it and sweep, around the end of
/// the hold.
async fn contest(db: &Database, round: usize, first: Did) {
    let label = format!("round-{round}");
    let mut new = wanted(db.ours, &label);
    new.hold = SHORT;
    let held = got(db.take(new).await);
    let end = held.expires_at.unwrap();
    let commits = first == Did::Committed;
    let theirs = db.theirs;
    let did = at_once(15, |number| {
        let (store, held, label) = (db.of_replica(number), held.clone(), label.clone());
        let early = SPREAD * 2 * u32::try_from((number * 7 + round) % 15).unwrap() / 15;
        async move {
            until(&store, end.plus(SPREAD), early).await;
            let id = held.id;
            let did = match number % 3 {
                0 if commits => {
                    let mut claim = held;
                    unit!(store, tx => tx.begin_activation(&mut claim, OperationId::new()).await)
                        .map(|won| (won, Did::Committed))
                }
                0 => unit!(store, tx => {
                    let mut claim = tx.claim(id, None).await?.unwrap();
                    tx.extend_hold(&mut claim, end.plus(HOUR)).await
                })
                .map(|won| (won, Did::Renewed)),
                1 => {
                    let new = wanted(theirs, &label);
                    unit!(store, tx => Ok(matches!(tx.take_name(&new).await?, Taken::Yes(_))))
                        .map(|won| (won, Did::Took))
                }
                _ => unit!(store, tx => Ok(tx.expire_holds(10).await?.iter().any(|claim| claim.id == id)))
                    .map(|won| (won, Did::Swept)),
            };
            match did.unwrap() {
                (true, did) => did,
                (false, _) => Did::Nothing,
            }
        }
    })
    .await;
    // Whoever comes now finds the hold ended, unless it became something else.
    db.pass(SECOND).await;
    let last = db.take(wanted(theirs, &label)).await;

    let times = |what: &Did| did.iter().filter(|did| *did == what).count();
    let kept = times(&first);
    let taken = times(&Did::Took) + usize::from(matches!(last, Taken::Yes(_)));
    let claim = db.claim(held.id).await;
    let owner = db.owner(&label).await;
    assert!(times(&Did::Swept) <= 1, "{did:?}");
    if kept > 0 {
        assert_eq!((taken, times(&Did::Swept)), (0, 0), "{did:?}");
        assert_eq!(owner, Some(held.id));
        if commits {
            assert_eq!(
                (kept, claim.state, claim.expires_at),
                (1, ClaimState::Activating, None)
            );
        } else {
            assert_eq!(
                (claim.state, claim.expires_at),
                (ClaimState::Reserved, Some(end.plus(HOUR)))
            );
        }
    } else {
        assert_eq!(taken, 1, "{did:?}");
        assert_eq!(claim.state, ClaimState::Expired);
        assert_ne!(owner, Some(held.id));
        assert_eq!(db.claim(owner.unwrap()).await.epoch, claim.epoch + 1);
    }
}

pub async fn commit_and_expiry_do_not_both_win(db: Database) {
    for round in 0..ROUNDS {
        contest(&db, round, Did::Committed).await;
    }
}

pub async fn renewal_and_expiry_do_not_both_win(db: Database) {
    for round in 0..ROUNDS {
        contest(&db, round, Did::Renewed).await;
    }
}

pub async fn of_many_commits_of_one_hold_one_wins(db: Database) {
    let held = db.hold(db.ours, "acme").await;
    let won = at_once(30, |number| {
        let (store, mut claim) = (db.of_replica(number), held.clone());
        async move { unit!(store, tx => tx.begin_activation(&mut claim, OperationId::new()).await).unwrap() }
    })
    .await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}

pub async fn of_many_operations_on_one_name_one_starts(db: Database) {
    let held = db.hold(db.ours, "acme").await;
    let started = at_once(20, |number| {
        let (store, claim) = (db.of_replica(number), held.clone());
        async move {
            let (kind, facts) = (OperationKind::Activate, Facts::default());
            unit!(store, tx => {
                let new = NewOperation { kind, claim: &claim, facts };
                tx.insert_operation(new).await
            })
        }
    })
    .await;
    let (good, bad): (Vec<_>, Vec<_>) = started.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    for refused in bad {
        assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    }
}
