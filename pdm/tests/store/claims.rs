//! What becomes of a claim: guarded changes, lists, counts.

use pdm::clock::DbTime;
use pdm::domain::claim::{Blocked, Claim, ClaimState, Party};
use pdm::domain::condition::{Condition, ConditionType, Reason, Truth};
use pdm::domain::ids::OperationId;
use pdm::registrar::DsRecord;
use pdm::store::{ClaimFilter, StoreError};

use crate::support::{
    DAY, Database, HOUR, MINUTE, POOL, Unit, YEAR, all, at_once, domain, got, is_held, look, name, owned_by,
    page, targets, unit, wanted,
};

async fn commit(db: &Database, claim: &Claim) -> (bool, Claim) {
    let mut claim = claim.clone();
    let operation = OperationId::new();
    unit!(db.store, tx => Ok((tx.begin_activation(&mut claim, operation).await?, claim))).unwrap()
}

async fn extend(db: &Database, claim: &Claim, until: DbTime) -> (bool, Claim) {
    let mut claim = claim.clone();
    unit!(db.store, tx => Ok((tx.extend_hold(&mut claim, until).await?, claim))).unwrap()
}

/// Everything of a claim, to compare.
fn whole(claim: &Claim) -> String {
    format!("{claim:#?}")
}

pub async fn a_claim_is_found_by_its_tenant_and_by_operators(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let (id, ours, theirs) = (claim.id, db.ours, db.theirs);
    for (tenant, seen) in [(None, true), (Some(ours), true), (Some(theirs), false)] {
        let found = look!(db.store, tx => tx.claim(id, tenant).await);
        assert_eq!(found.is_some(), seen);
        let found = unit!(db.store, tx => tx.claim_locked(id, tenant).await).unwrap();
        assert_eq!(found.map(|claim| whole(&claim)), seen.then(|| whole(&claim)));
    }
}

pub async fn a_change_is_kept_whole(db: Database) {
    let mut claim = db.hold(db.ours, "acme").await;
    let now = db.store.now().await.unwrap();
    claim.state = ClaimState::Active;
    claim.expires_at = None;
    claim.targets = Some(targets(7));
    claim.ds = vec![DsRecord::parse(&format!("12345 13 2 {}", "ab".repeat(32))).unwrap()];
    claim.operation = Some(OperationId::new());
    claim.blocked = Some(Blocked {
        by: Party::Operator,
        reason: "zone.foreign".to_owned(),
        since: now,
        action: "look at it — «здесь»".to_owned(),
    });
    claim.conditions = vec![Condition {
        r#type: ConditionType::Secure,
        status: Truth::True,
        reason: Reason::ChainValidates,
        message: "it's \"secure\"".to_owned(),
        observed_at: now,
        next_check_at: Some(now.plus(HOUR)),
    }];
    claim.records_version = 9;
    claim.nameservers = vec![domain("ns9.dns.example")];
    let version = claim.version;
    let written = db.update(claim).await.unwrap();
    assert_eq!(written.version, version + 1);
    assert_eq!(whole(&db.claim(written.id).await), whole(&written));
}

pub async fn a_change_that_saw_an_older_version_changes_nothing(db: Database) {
    let seen = db.hold(db.ours, "acme").await;
    let mut first = seen.clone();
    first.records_version = 1;
    let first = db.update(first).await.unwrap();
    let mut late = seen;
    late.records_version = 2;
    let refused = db.update(late).await;
    assert!(matches!(refused, Err(StoreError::Contention)), "{refused:?}");
    assert_eq!(whole(&db.claim(first.id).await), whole(&first));
}

pub async fn who_locked_a_claim_decides_alone(db: Database) {
    let id = db.hold(db.ours, "acme").await.id;
    // Read, decide, write: without the lock all but one would have seen an older version.
    let answers: Vec<Unit<()>> = at_once(20, |number| {
        let store = db.of_replica(number);
        async move {
            unit!(store, tx => {
                let mut claim = tx.claim_locked(id, None).await?.unwrap();
                claim.records_version += 1;
                tx.update_claim(&mut claim).await
            })
        }
    })
    .await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let claim = db.claim(id).await;
    assert_eq!((claim.records_version, claim.version), (20, 21));
}

pub async fn a_hold_that_has_not_ended_is_committed_once(db: Database) {
    let mut held = db.hold(db.ours, "acme").await;
    held.targets = Some(targets(1));
    db.pass(59 * MINUTE).await;
    let (begun, claim) = commit(&db, &held).await;
    assert!(begun);
    assert_eq!(claim.state, ClaimState::Activating);
    assert_eq!(whole(&db.claim(claim.id).await), whole(&claim));
    let (again, _) = commit(&db, &held).await;
    assert!(!again, "the version that this commit saw is gone");
    let (again, _) = commit(&db, &claim).await;
    assert!(!again, "it is no hold any more");
    // The hold's end means nothing any more.
    db.pass(YEAR).await;
    assert_eq!(unit!(db.store, tx => tx.expire_holds(10).await).unwrap().len(), 0);
    assert_eq!(db.owner("acme").await, Some(claim.id));
}

pub async fn a_hold_that_has_ended_cannot_be_committed_though_nobody_noticed(db: Database) {
    let held = db.hold(db.ours, "acme").await;
    db.pass(HOUR).await;
    let (begun, claim) = commit(&db, &held).await;
    assert!(!begun);
    assert_eq!(whole(&claim), whole(&held), "the caller's claim is as it was");
    assert_eq!(whole(&db.claim(held.id).await), whole(&held));
}

pub async fn a_hold_is_extended_and_never_shortened(db: Database) {
    let held = db.hold(db.ours, "acme").await;
    let end = held.expires_at.unwrap();
    let (extended, longer) = extend(&db, &held, end.plus(HOUR)).await;
    assert!(extended);
    assert_eq!(longer.expires_at, Some(end.plus(HOUR)));
    assert_eq!(whole(&db.claim(held.id).await), whole(&longer));
    let (extended, _) = extend(&db, &held, end.plus(2 * HOUR)).await;
    assert!(!extended, "the version that this renewal saw is gone");
    let (shortened, same) = extend(&db, &longer, end).await;
    assert!(!shortened);
    assert_eq!(whole(&same), whole(&longer));
    assert_eq!(whole(&db.claim(held.id).await), whole(&longer));
    // It holds as long as it says.
    db.pass(HOUR + MINUTE).await;
    assert_eq!(unit!(db.store, tx => tx.expire_holds(10).await).unwrap().len(), 0);
    db.pass(HOUR).await;
    let (revived, _) = extend(&db, &longer, end.plus(YEAR)).await;
    assert!(!revived, "the hold had ended");
    assert_eq!(unit!(db.store, tx => tx.expire_holds(10).await).unwrap().len(), 1);
}

pub async fn an_unknown_outcome_is_noted_beside_other_changes(db: Database) {
    let claim = db.hold(db.ours, "acme").await;
    let id = claim.id;
    let before = db.store.now().await.unwrap();
    unit!(db.store, tx => tx.note_unknown_outcome(id, MINUTE).await).unwrap();
    let after = db.store.now().await.unwrap();
    let noted = db.claim(id).await.settle_until.unwrap();
    assert!(before.plus(MINUTE) <= noted && noted <= after.plus(MINUTE));
    // It is no change that others must see before they write, and theirs does not undo it.
    db.update(claim).await.unwrap();
    assert_eq!(db.claim(id).await.settle_until, Some(noted));
}

pub async fn claims_are_listed_by_each_filter(db: Database) {
    let mine = db.hold(db.ours, "mine").await;
    let also_mine = db.hold(db.ours, "also-mine").await;
    let yours = db.hold(db.theirs, "yours").await;
    let mut elsewhere = wanted(db.ours, "mine");
    (elsewhere.pool, elsewhere.name) = (domain("other.works"), domain("mine.other.works"));
    let elsewhere = got(db.take(elsewhere).await);
    db.free(also_mine.clone(), false).await.unwrap();

    let listed = |filter: ClaimFilter| {
        let store = db.store.clone();
        async move {
            let found = look!(store, tx => tx.list_claims(&filter, &all()).await);
            found.iter().map(|claim| claim.id).collect::<Vec<_>>()
        }
    };
    let any = ClaimFilter::default;
    let everything = [mine.id, also_mine.id, yours.id, elsewhere.id];
    assert_eq!(listed(any()).await, everything, "oldest first");
    let tenant = Some(db.ours);
    assert_eq!(
        listed(ClaimFilter { tenant, ..any() }).await,
        [mine.id, also_mine.id, elsewhere.id]
    );
    let state = Some(ClaimState::Released);
    assert_eq!(listed(ClaimFilter { state, ..any() }).await, [also_mine.id]);
    let pool = Some(domain("other.works"));
    assert_eq!(listed(ClaimFilter { pool, ..any() }).await, [elsewhere.id]);
    let by_name = Some(name("yours"));
    assert_eq!(
        listed(ClaimFilter {
            name: by_name.clone(),
            ..any()
        })
        .await,
        [yours.id]
    );
    let nobodys = ClaimFilter {
        name: by_name,
        tenant,
        ..any()
    };
    assert_eq!(listed(nobodys).await, [], "another tenant's name");
    let claim = Some(yours.id);
    assert_eq!(listed(ClaimFilter { claim, ..any() }).await, [yours.id]);

    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = page(after.clone(), 3);
        let found = look!(db.store, tx => tx.list_claims(&ClaimFilter::default(), &page).await);
        let Some(last) = found.last() else { break };
        assert!(found.len() <= 3);
        after = Some(last.id.to_string());
        pages.extend(found.iter().map(|claim| claim.id));
    }
    assert_eq!(pages, everything);
}

pub async fn claims_are_counted_by_state_and_by_time(db: Database) {
    let (ours, theirs) = (db.ours, db.theirs);
    let made = |tenant, window| {
        let store = db.store.clone();
        async move {
            look!(store, tx => {
                let oldest = tx.oldest_claim_within(tenant, window).await?;
                Ok((tx.claims_made_since(tenant, window).await?, oldest))
            })
        }
    };
    assert_eq!(made(ours, DAY).await, (0, None));
    let first = db.hold(ours, "first").await;
    db.pass(HOUR).await;
    let second = db.hold(ours, "second").await;
    let _theirs = db.hold(theirs, "third").await;
    db.free(second.clone(), false).await.unwrap();
    assert_eq!(made(ours, DAY).await, (2, Some(first.created_at)));
    assert_eq!(
        made(ours, 59 * MINUTE).await,
        (1, Some(second.created_at)),
        "what ended was made all the same"
    );
    assert_eq!(made(theirs, DAY).await.0, 1);
    db.pass(DAY).await;
    assert_eq!(made(ours, DAY).await, (0, None));

    let mut counts = look!(db.store, tx => tx.count_claims().await);
    counts.sort();
    assert_eq!(counts, [("released".to_owned(), 1), ("reserved".to_owned(), 2)]);
    assert!(is_held(&db.claim(first.id).await));
}

pub async fn a_name_has_one_owner_whichever_pool_it_is_wanted_below(db: Database) {
    let below = got(db.take(wanted(db.ours, "acme")).await);
    assert_eq!(below.pool, domain(POOL));
    let moved = {
        let mut new = wanted(db.theirs, "acme");
        new.pool = domain("works");
        new
    };
    let taken = db.take(moved).await;
    assert_eq!(owned_by(&taken), Some(below.id));
}
