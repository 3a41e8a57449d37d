//! Tenants, keys, and who did what.

use pdm::clock::DbTime;
use pdm::domain::ids::{ClaimId, KeyId, TenantId};
use pdm::store::{NewAudit, NewKey, StoreError};

use crate::support::{Database, HOUR, Unit, all, look, page, tenant_names, unit};

pub async fn tenants_have_names_of_their_own(db: Database) {
    let twice: Unit<_> = unit!(db.store, tx => tx.insert_tenant("ours").await);
    assert!(matches!(twice, Err(StoreError::Duplicate)), "{twice:?}");
    assert_eq!(tenant_names(&db.store).await, ["ours", "theirs"]);
    let first = page(None, 1);
    let listed = look!(db.store, tx => tx.list_tenants(&first).await);
    assert_eq!(listed[0].id, db.ours);
    let second = page(Some(db.ours.to_string()), 1);
    assert_eq!(
        look!(db.store, tx => tx.list_tenants(&second).await)[0].id,
        db.theirs
    );
    let ours = db.ours;
    assert!(look!(db.store, tx => tx.tenant_exists(ours).await));
    assert!(!look!(db.store, tx => tx.tenant_exists(TenantId::new()).await));
}

async fn add_key(db: &Database, tenant: Option<TenantId>, expires_at: Option<DbTime>) -> KeyId {
    let id = KeyId::new();
    let (name, hash) = ("a key".to_owned(), "hash-of-test-key".to_owned());
    let new = NewKey {
        id,
        tenant,
        name,
        hash,
        expires_at,
    };
    unit!(db.store, tx => tx.insert_key(&new).await).unwrap();
    id
}

pub async fn keys_are_made_used_and_revoked(db: Database) {
    let end = db.store.now().await.unwrap().plus(HOUR);
    let operators = add_key(&db, None, None).await;
    let tenants = add_key(&db, Some(db.ours), Some(end)).await;
    let read = |id| {
        let store = db.store.clone();
        async move { look!(store, tx => tx.key(id).await).unwrap() }
    };
    let key = read(tenants).await;
    assert_eq!(
        (key.id, key.tenant, key.expires_at),
        (tenants, Some(db.ours), Some(end))
    );
    assert_eq!(
        (key.name.as_str(), key.hash.as_str()),
        ("a key", "hash-of-test-key")
    );
    assert_eq!((key.revoked_at, key.used_at), (None, None));
    assert_eq!(read(operators).await.tenant, None);
    assert!(look!(db.store, tx => tx.key(KeyId::new()).await).is_none());

    unit!(db.store, tx => tx.touch_key(tenants).await).unwrap();
    assert!(read(tenants).await.used_at.is_some());
    assert_eq!(read(operators).await.used_at, None);
    assert!(unit!(db.store, tx => tx.revoke_key(tenants).await).unwrap());
    let revoked_at = read(tenants).await.revoked_at;
    assert!(revoked_at.is_some());
    db.pass(HOUR).await;
    assert!(!unit!(db.store, tx => tx.revoke_key(tenants).await).unwrap());
    assert_eq!(read(tenants).await.revoked_at, revoked_at);
    assert!(!unit!(db.store, tx => tx.revoke_key(KeyId::new()).await).unwrap());

    let listed = look!(db.store, tx => tx.list_keys(&all()).await);
    let listed: Vec<_> = listed.iter().map(|key| key.id).collect();
    assert_eq!(listed, [operators, tenants]);
    let second = page(Some(operators.to_string()), 1);
    assert_eq!(look!(db.store, tx => tx.list_keys(&second).await)[0].id, tenants);
}

async fn good_operator_keys(db: &Database) -> i64 {
    look!(db.store, tx => tx.count_operator_keys().await)
}

pub async fn operator_keys_that_are_not_revoked_are_counted(db: Database) {
    assert_eq!(good_operator_keys(&db).await, 0);
    add_key(&db, Some(db.ours), None).await;
    let first = add_key(&db, None, None).await;
    add_key(&db, None, None).await;
    assert_eq!(good_operator_keys(&db).await, 2);
    unit!(db.store, tx => tx.revoke_key(first).await).unwrap();
    assert_eq!(good_operator_keys(&db).await, 1);
}

/// With none that is good a first key can be made on the machine itself; one that has ended opens no door.
pub async fn an_operator_key_that_has_ended_is_not_good(db: Database) {
    let end = db.store.now().await.unwrap().plus(HOUR);
    add_key(&db, None, Some(end)).await;
    assert_eq!(good_operator_keys(&db).await, 1);
    db.pass(HOUR).await;
    assert_eq!(good_operator_keys(&db).await, 0);
}

pub async fn the_trail_is_shown_in_pages_and_to_whom_it_concerns(db: Database) {
    let (ours, theirs) = (db.ours, db.theirs);
    let claim = ClaimId::new();
    let before = db.store.now().await.unwrap();
    for (tenant, action) in [
        (Some(ours), "claim.reserve"),
        (Some(theirs), "claim.reserve"),
        (None, "pool.create"),
        (Some(ours), "claim.release"),
    ] {
        unit!(db.store, tx => tx.audit(NewAudit {
            tenant,
            actor: "key_1",
            source: "192.0.2.1",
            action,
            claim: tenant.map(|_| claim),
            operation: None,
            before: Some("digest before".to_owned()),
            after: None,
            detail: Some("on purpose".to_owned()),
        }).await)
        .unwrap();
    }
    let everything = look!(db.store, tx => tx.list_audit(None, &all()).await);
    let actions: Vec<_> = everything.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        ["claim.reserve", "claim.reserve", "pool.create", "claim.release"]
    );
    assert_eq!(everything[2].tenant, "operator");
    let first = &everything[0];
    assert_eq!(
        (first.actor.as_str(), first.source.as_str()),
        ("key_1", "192.0.2.1")
    );
    assert_eq!(
        (first.tenant.clone(), first.claim_id.clone()),
        (ours.to_string(), Some(claim.to_string()))
    );
    assert_eq!(
        (first.operation_id.as_deref(), first.after.as_deref()),
        (None, None)
    );
    assert_eq!(
        (first.before.as_deref(), first.detail.as_deref()),
        (Some("digest before"), Some("on purpose"))
    );
    assert!(first.at() >= before);

    let mine = look!(db.store, tx => tx.list_audit(Some(ours), &all()).await);
    let mine: Vec<_> = mine.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(mine, ["claim.reserve", "claim.release"]);
    let next = page(Some(first.id.clone()), 2);
    let paged = look!(db.store, tx => tx.list_audit(None, &next).await);
    let paged: Vec<_> = paged.iter().map(|entry| &entry.id).collect();
    assert_eq!(paged, [&everything[1].id, &everything[2].id]);
}
