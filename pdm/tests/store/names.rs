//! Whose a name is: free, held, owned, buried.

use pdm::domain::claim::ClaimState;
use pdm::domain::ids::TenantId;
use pdm::store::StoreError;

use crate::support::{
    DAY, Database, HOUR, MINUTE, POOL, SECOND, YEAR, at_once, domain, got, is_buried, is_held, look, name,
    owned_by, unit, wanted,
};

/// Whether the store says, without trying, that a tenant cannot have a tombstone.
async fn said_to_be_buried(
    db: &Database,
    tenant: Option<TenantId>,
    quarantine: Option<std::time::Duration>,
) -> bool {
    let name = name("acme");
    look!(db.store, tx => tx.is_buried_for(&name, tenant, quarantine).await)
}

/// `acme` was ours, was real, and was given back.
async fn tombstone_of_ours(db: &Database) {
    let claim = db.hold(db.ours, "acme").await;
    db.free(claim, true).await.unwrap();
}

pub async fn a_free_name_is_taken_as_wished(db: Database) {
    let before = db.store.now().await.unwrap();
    let new = wanted(db.ours, "acme");
    let id = new.id;
    let claim = got(db.take(new).await);
    assert_eq!(claim.id, id);
    assert_eq!(
        (claim.name.as_str(), claim.pool.as_str()),
        ("acme.omani.works", POOL)
    );
    assert_eq!((claim.label.as_str(), claim.tenant), ("acme", db.ours));
    assert_eq!((claim.epoch, claim.version), (1, 1));
    assert_eq!(claim.state, ClaimState::Reserved);
    assert!(claim.created_at >= before);
    assert_eq!(claim.expires_at, Some(claim.created_at.plus(HOUR)));
    assert_eq!(claim.token_hash, "hash-of-acme");
    assert_eq!(claim.nameservers, wanted(db.ours, "acme").nameservers);
    assert!(claim.targets.is_none() && claim.operation.is_none() && claim.blocked.is_none());
    assert!(claim.ds.is_empty() && claim.conditions.is_empty());
    assert_eq!(db.owner("acme").await, Some(id));
    assert_eq!(db.owner("other").await, None);
}

pub async fn a_held_name_is_nobody_elses_and_not_twice_its_holders(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    for tenant in [db.theirs, db.ours] {
        let answer = db.take(wanted(tenant, "acme")).await;
        assert_eq!(owned_by(&answer), Some(claim.id));
    }
    assert_eq!(db.claim(claim.id).await.version, claim.version);
}

pub async fn an_owned_name_stays_owned_however_long_ago_its_hold_would_have_ended(db: Database) {
    let mut claim = db.hold(db.ours, "acme").await;
    for state in [ClaimState::Activating, ClaimState::Active, ClaimState::Releasing] {
        claim.state = state;
        claim = db.update(claim).await.unwrap();
        db.pass(YEAR).await;
        let answer = db.take(wanted(db.theirs, "acme")).await;
        assert_eq!(owned_by(&answer), Some(claim.id), "{state:?}");
    }
    assert_eq!(db.claim(claim.id).await.state, ClaimState::Releasing);
}

pub async fn a_hold_ends_in_the_statement_that_takes_the_name(db: Database) {
    let first = db.hold(db.ours, "acme").await;
    db.pass(59 * MINUTE).await;
    assert_eq!(
        owned_by(&db.take(wanted(db.theirs, "acme")).await),
        Some(first.id)
    );
    db.pass(MINUTE).await;
    let second = db.hold(db.theirs, "acme").await;
    assert_eq!(second.epoch, first.epoch + 1);
    let ended = db.claim(first.id).await;
    assert_eq!(
        (ended.state, ended.version),
        (ClaimState::Expired, first.version + 1)
    );
    assert_eq!(db.owner("acme").await, Some(second.id));
}

pub async fn the_epoch_grows_with_each_ownership_whoever_has_it(db: Database) {
    for (epoch, tenant) in [db.ours, db.theirs, db.theirs, db.ours].into_iter().enumerate() {
        let claim = db.hold(tenant, "acme").await;
        assert_eq!(claim.epoch, i64::try_from(epoch).unwrap() + 1);
        db.free(claim, false).await.unwrap();
    }
}

pub async fn a_name_given_back_without_having_been_real_is_free_for_everybody(db: Database) {
    let held = db.hold(db.ours, "acme").await;
    let released = db.free(held.clone(), false).await.unwrap();
    assert_eq!(released.state, ClaimState::Released);
    let kept = db.claim(held.id).await;
    assert_eq!(
        (kept.state, kept.version),
        (ClaimState::Released, held.version + 1)
    );
    assert_eq!(kept.expires_at, None);
    assert_eq!(db.owner("acme").await, None);
    assert!(!said_to_be_buried(&db, Some(db.theirs), None).await);
    db.hold(db.theirs, "acme").await;
}

pub async fn a_name_is_given_back_by_who_saw_its_last_version_only(db: Database) {
    let seen = db.hold(db.ours, "acme").await;
    db.update(seen.clone()).await.unwrap();
    let late = db.free(seen.clone(), true).await;
    assert!(matches!(late, Err(StoreError::Contention)), "{late:?}");
    assert_eq!(db.owner("acme").await, Some(seen.id));
    assert!(is_held(&db.claim(seen.id).await));
}

pub async fn a_tombstone_is_never_another_tenants_without_a_quarantine(db: Database) {
    tombstone_of_ours(&db).await;
    db.pass(10 * YEAR).await;
    assert!(is_buried(&db.take(wanted(db.theirs, "acme")).await));
    assert!(said_to_be_buried(&db, Some(db.theirs), None).await);
    assert!(
        said_to_be_buried(&db, None, None).await,
        "an operator is told so, too"
    );
    assert_eq!(db.owner("acme").await, None);
}

pub async fn a_tombstone_is_its_last_tenants_at_any_time(db: Database) {
    tombstone_of_ours(&db).await;
    assert!(!said_to_be_buried(&db, Some(db.ours), None).await);
    assert_eq!(db.hold(db.ours, "acme").await.epoch, 2);
}

pub async fn a_tombstone_is_another_tenants_after_the_quarantine(db: Database) {
    tombstone_of_ours(&db).await;
    let try_it = || {
        let mut new = wanted(db.theirs, "acme");
        new.quarantine = Some(DAY);
        db.take(new)
    };
    db.pass(23 * HOUR + 59 * MINUTE).await;
    assert!(is_buried(&try_it().await));
    assert!(said_to_be_buried(&db, Some(db.theirs), Some(DAY)).await);
    db.pass(MINUTE).await;
    assert!(!said_to_be_buried(&db, Some(db.theirs), Some(DAY)).await);
    let theirs = got(try_it().await);
    // With it the old tombstone is over: they never made the name real, so nothing of theirs is left either.
    db.free(theirs, false).await.unwrap();
    db.hold(db.ours, "acme").await;
}

pub async fn a_tombstone_stays_one_when_its_last_tenant_gives_a_hold_back(db: Database) {
    tombstone_of_ours(&db).await;
    let again = db.hold(db.ours, "acme").await;
    db.free(again, false).await.unwrap();
    assert!(said_to_be_buried(&db, Some(db.theirs), None).await);
    assert!(is_buried(&db.take(wanted(db.theirs, "acme")).await));
    db.hold(db.ours, "acme").await;
}

pub async fn a_tombstone_stays_one_when_its_last_tenants_hold_is_swept(db: Database) {
    tombstone_of_ours(&db).await;
    db.hold(db.ours, "acme").await;
    db.pass(HOUR).await;
    assert_eq!(unit!(db.store, tx => tx.expire_holds(10).await).unwrap().len(), 1);
    assert!(said_to_be_buried(&db, Some(db.theirs), None).await);
    assert!(is_buried(&db.take(wanted(db.theirs, "acme")).await));
}

pub async fn a_tombstone_stays_one_when_its_last_tenants_hold_ends_in_the_statement(db: Database) {
    tombstone_of_ours(&db).await;
    let again = db.hold(db.ours, "acme").await;
    db.pass(HOUR).await;
    assert!(is_buried(&db.take(wanted(db.theirs, "acme")).await));
    assert_eq!(db.claim(again.id).await.state, ClaimState::Expired);
    assert_eq!(db.hold(db.ours, "acme").await.epoch, 3);
}

/// A hold that has ended owns nothing, whether or not somebody has noticed. What is said must be what a reserve does.
pub async fn a_tombstone_under_an_ended_hold_is_said_to_be_one(db: Database) {
    tombstone_of_ours(&db).await;
    db.hold(db.ours, "acme").await;
    assert!(
        !said_to_be_buried(&db, Some(db.theirs), None).await,
        "it has an owner"
    );
    db.pass(HOUR).await;
    assert!(said_to_be_buried(&db, Some(db.theirs), None).await);
    assert!(is_buried(&db.take(wanted(db.theirs, "acme")).await));
}

pub async fn ended_holds_are_swept_oldest_first_and_no_others(db: Database) {
    let mut ids = Vec::new();
    for (label, minutes) in [("one-min", 1), ("five-min", 5), ("two-min", 2), ("an-hour", 60)] {
        let mut new = wanted(db.ours, label);
        new.hold = minutes * MINUTE;
        ids.push(got(db.take(new).await).id);
    }
    let mut real = db.hold(db.ours, "real").await;
    real.state = ClaimState::Active;
    db.update(real.clone()).await.unwrap();
    let overdue = || async { look!(db.store, tx => tx.overdue_holds().await) };

    assert_eq!(unit!(db.store, tx => tx.expire_holds(10).await).unwrap().len(), 0);
    db.pass(10 * MINUTE).await;
    assert_eq!(overdue().await, 3);
    let swept = unit!(db.store, tx => tx.expire_holds(2).await).unwrap();
    let mut labels: Vec<_> = swept.iter().map(|claim| claim.label.as_str()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["one-min", "two-min"]);
    assert!(
        swept
            .iter()
            .all(|claim| claim.state == ClaimState::Expired && claim.version == 2)
    );
    assert_eq!(overdue().await, 1);
    let swept = unit!(db.store, tx => tx.expire_holds(2).await).unwrap();
    assert_eq!(swept[0].id, ids[1]);
    assert_eq!(overdue().await, 0);
    for label in ["one-min", "five-min", "two-min"] {
        assert_eq!(db.owner(label).await, None, "{label}");
    }
    assert_eq!(db.owner("an-hour").await, Some(ids[3]));
    assert_eq!(db.owner("real").await, Some(real.id));
    // What was free once is anybody's.
    db.hold(db.theirs, "one-min").await;
}

pub async fn names_with_an_owner_are_listed_by_name_and_pool(db: Database) {
    for label in ["cherry", "apple", "banana", "gone"] {
        db.hold(db.ours, label).await;
    }
    let gone = db.owner("gone").await.unwrap();
    db.free(db.claim(gone).await, false).await.unwrap();
    let mut elsewhere = wanted(db.ours, "apple");
    elsewhere.pool = domain("other.works");
    elsewhere.name = domain("apple.other.works");
    got(db.take(elsewhere).await);

    let listed = |after: &'static str, limit| {
        let store = db.store.clone();
        async move {
            let pool = domain(POOL);
            let claims = look!(store, tx => tx.owned_claims(&pool, after, limit).await);
            claims
                .iter()
                .map(|claim| claim.name.to_string())
                .collect::<Vec<_>>()
        }
    };
    let [apple, banana, cherry] = ["apple", "banana", "cherry"].map(|label| format!("{label}.{POOL}"));
    assert_eq!(listed("", 10).await, [&*apple, &banana, &cherry]);
    assert_eq!(listed("", 2).await, [&*apple, &banana]);
    assert_eq!(listed("banana.omani.works", 2).await, [&*cherry]);
}

pub async fn the_lock_of_a_domain_serialises_what_is_decided_below_it(db: Database) {
    // Each looks whether anybody has a name below the domain and takes one of its own if not.
    let taken = at_once(8, |number| {
        let (store, ours) = (db.of_replica(number), db.ours);
        async move {
            unit!(store, tx => {
                tx.lock_domain(POOL).await?;
                if !tx.owned_claims(&domain(POOL), "", 1).await?.is_empty() {
                    return Ok(false);
                }
                tx.take_name(&wanted(ours, &format!("name-{number}"))).await?;
                Ok(true)
            })
            .unwrap()
        }
    })
    .await;
    assert_eq!(taken.into_iter().filter(|took| *took).count(), 1);
}

pub async fn time_moves_and_stands_still_within_a_unit(db: Database) {
    let first = db.store.now().await.unwrap();
    let second = db.store.now().await.unwrap();
    assert!(second >= first);
    db.pass(DAY).await;
    let moved = db.store.now().await.unwrap();
    assert!(first.until(moved) >= DAY && first.until(moved) < DAY + HOUR);
    let (one, other) = unit!(db.store, tx => {
        let one = tx.now().await?;
        tx.insert_tenant("in between").await?;
        Ok((one, tx.now().await?))
    })
    .unwrap();
    assert_eq!(one, other);
    assert!(one >= moved && moved.until(one) < HOUR + SECOND);
}
