//! What is remembered beside names and work: answers, leases, pools, records, keys, findings, the trail.

use std::time::Duration;

use pdm::clock::DbTime;
use pdm::domain::ids::{ClaimId, KeyId, OperationId, TenantId};
use pdm::domain::pool::{HoldTerms, Pool, RelativeOwner, Template, TemplateRecord};
use pdm::domain::records::{RecordSet, RecordType};
use pdm::registrar::{DomainName, OwnerName};
use pdm::store::{Kept, Lease, NewAudit, NewKept, NewKey, Orphan, Store, StoreError};

use crate::support::{
    DAY, Database, HOUR, MINUTE, SECOND, Unit, all, at_once, domain, look, name, page, tenant_names, unit,
};

const RESERVE: &str = "POST /v1/reserve";
const COMMIT: &str = "POST /v1/commit";

fn answer(key: &str, operation: Option<OperationId>, pending: Option<Duration>) -> NewKept {
    NewKept {
        tenant: "ten_one".to_owned(),
        route: RESERVE,
        key: key.to_owned(),
        fingerprint: format!("print of {key}"),
        operation,
        pending,
        status: 201,
        location: Some("/v1/claims/1".to_owned()),
        body: "{\"first\":true}".to_owned(),
    }
}

async fn keep(db: &Database, new: NewKept) -> Unit<()> {
    unit!(db.store, tx => tx.keep(new).await)
}

async fn kept_for(
    db: &Database,
    tenant: &'static str,
    route: &'static str,
    key: &'static str,
) -> Option<Kept> {
    look!(db.store, tx => tx.kept(tenant, route, key).await)
}

async fn kept(db: &Database, key: &'static str) -> Option<Kept> {
    kept_for(db, "ten_one", RESERVE, key).await
}

pub async fn an_answer_is_kept_once_under_its_key(db: Database) {
    assert!(kept(&db, "k").await.is_none());
    let operation = OperationId::new();
    keep(&db, answer("k", Some(operation), None)).await.unwrap();
    let second = NewKept {
        body: "{}".to_owned(),
        ..answer("k", None, None)
    };
    let refused = keep(&db, second).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    let first = kept(&db, "k").await.unwrap();
    assert_eq!((first.fingerprint.as_str(), first.status), ("print of k", 201));
    assert_eq!((first.operation, first.pending_until), (Some(operation), None));
    assert_eq!(first.location.as_deref(), Some("/v1/claims/1"));
    assert_eq!(first.body, "{\"first\":true}");
    // The same key of another tenant or route is another key.
    assert!(kept_for(&db, "operator", RESERVE, "k").await.is_none());
    assert!(kept_for(&db, "ten_one", COMMIT, "k").await.is_none());
    let elsewhere = NewKept {
        route: COMMIT,
        ..answer("k", None, None)
    };
    keep(&db, elsewhere).await.unwrap();
    let operators = NewKept {
        tenant: "operator".to_owned(),
        ..answer("k", None, None)
    };
    keep(&db, operators).await.unwrap();
}

pub async fn an_answer_under_decision_is_settled_once(db: Database) {
    let extend = |key: &'static str| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.extend_pending("ten_one", RESERVE, key, HOUR).await).unwrap() }
    };
    let settle = |status, body: &'static str| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.settle_kept("ten_one", RESERVE, "k", status, body).await).unwrap() }
    };
    let before = db.store.now().await.unwrap();
    keep(&db, answer("k", None, Some(MINUTE))).await.unwrap();
    keep(&db, answer("decided", None, None)).await.unwrap();
    let pending = kept(&db, "k").await.unwrap().pending_until.unwrap();
    assert!(before.plus(MINUTE) <= pending && pending < before.plus(HOUR));
    extend("k").await;
    assert!(kept(&db, "k").await.unwrap().pending_until.unwrap() >= before.plus(HOUR));
    extend("decided").await;
    assert_eq!(kept(&db, "decided").await.unwrap().pending_until, None);

    settle(200, "{\"settled\":1}").await;
    settle(500, "{\"settled\":2}").await;
    let settled = kept(&db, "k").await.unwrap();
    assert_eq!((settled.status, settled.body.as_str()), (200, "{\"settled\":1}"));
    assert_eq!(settled.pending_until, None);
    assert_eq!(kept(&db, "decided").await.unwrap().body, "{\"first\":true}");
}

pub async fn answers_are_forgotten_when_they_and_their_operation_are_old(db: Database) {
    let open = db.work("open").await.id;
    let done = db.work("done").await.id;
    keep(&db, answer("alone", None, None)).await.unwrap();
    keep(&db, answer("open", Some(open), None)).await.unwrap();
    keep(&db, answer("done", Some(done), None)).await.unwrap();
    let prune = || {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.prune_kept(DAY, HOUR).await).unwrap() }
    };
    assert_eq!(prune().await, 0);
    db.pass(DAY).await;
    for operation in db.pick_up("worker", MINUTE).await {
        if operation.id == done {
            db.end(&operation).await;
        }
    }
    keep(&db, answer("young", None, None)).await.unwrap();
    assert_eq!(prune().await, 1, "the one without an operation");
    db.pass(HOUR).await;
    assert_eq!(
        prune().await,
        1,
        "the one whose operation has ended long enough ago"
    );
    for (key, there) in [("alone", false), ("open", true), ("done", false), ("young", true)] {
        assert_eq!(kept(&db, key).await.is_some(), there, "{key}");
    }
}

async fn lease(store: &Store, holder: &str) -> Option<Lease> {
    let holder = holder.to_owned();
    unit!(store, tx => tx.take_lease("zone omani.works", &holder, MINUTE).await).unwrap()
}

pub async fn a_lease_has_one_holder_until_it_ends(db: Database) {
    let before = db.store.now().await.unwrap();
    let first = lease(&db.store, "a").await.unwrap();
    assert!(first.until >= before.plus(MINUTE));
    assert!(lease(&db.store, "b").await.is_none());
    db.pass(MINUTE / 2).await;
    let renewed = lease(&db.store, "a").await.unwrap();
    assert!(renewed.until > first.until);
    assert_eq!(renewed.fence, first.fence, "it did not change hands");
    db.pass(MINUTE / 2).await;
    assert!(lease(&db.store, "b").await.is_none(), "it was renewed");
    db.pass(MINUTE).await;
    let second = lease(&db.store, "b").await.unwrap();
    assert!(second.fence > first.fence);
    assert!(lease(&db.store, "a").await.is_none());
    // Another lease is another matter.
    assert!(
        unit!(db.store, tx => tx.take_lease("events", "a", MINUTE).await)
            .unwrap()
            .is_some()
    );
}

pub async fn of_many_who_want_a_lease_one_gets_it(db: Database) {
    for round in 1..=5 {
        let got = at_once(20, |number| {
            let store = db.of_replica(number);
            async move { lease(&store, &format!("{round}-{number}")).await }
        })
        .await;
        let got: Vec<_> = got.into_iter().flatten().collect();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].fence, round, "it changed hands once more");
        db.pass(2 * MINUTE).await;
    }
}

pub async fn a_lease_that_is_given_back_is_free_at_once(db: Database) {
    lease(&db.store, "a").await.unwrap();
    unit!(db.store, tx => tx.drop_leases_of("b").await).unwrap();
    assert!(
        lease(&db.store, "b").await.is_none(),
        "it was not b's to give back"
    );
    unit!(db.store, tx => tx.drop_leases_of("a").await).unwrap();
    assert!(lease(&db.store, "b").await.is_some());
}

/// The fence tells apart who had the lease when; a number that comes twice does not.
pub async fn the_fence_of_a_lease_grows_though_it_was_given_back(db: Database) {
    let first = lease(&db.store, "a").await.unwrap();
    unit!(db.store, tx => tx.drop_leases_of("a").await).unwrap();
    let second = lease(&db.store, "b").await.unwrap();
    assert!(
        second.fence > first.fence,
        "{} then {}",
        first.fence,
        second.fence
    );
}

fn pool(text: &str, created_at: DbTime) -> Pool {
    Pool {
        domain: domain(text),
        nameservers: vec![domain("ns1.dns.example"), domain("ns2.dns.example")],
        hold: HoldTerms::default(),
        open: true,
        allow_non_global: false,
        template: Template::default(),
        version: 1,
        created_at,
    }
}

async fn add_pool(db: &Database, text: &str) -> Unit<()> {
    let pool = pool(text, db.store.now().await.unwrap());
    unit!(db.store, tx => tx.insert_pool(&pool).await)
}

pub async fn pools_are_added_once_and_changed_by_who_saw_the_last_version(db: Database) {
    add_pool(&db, "omani.works").await.unwrap();
    add_pool(&db, "arabia.works").await.unwrap();
    let twice = add_pool(&db, "omani.works").await;
    assert!(matches!(twice, Err(StoreError::Duplicate)), "{twice:?}");
    let pools = look!(db.store, tx => tx.pools().await);
    let domains: Vec<_> = pools.iter().map(|pool| pool.domain.as_str()).collect();
    assert_eq!(domains, ["arabia.works", "omani.works"]);
    let read = || {
        let store = db.store.clone();
        async move { look!(store, tx => tx.pool(&domain("omani.works")).await).unwrap() }
    };
    let seen = read().await;
    assert_eq!(seen.version, 1);
    let mut changed = seen.clone();
    changed.nameservers.reverse();
    changed.hold.max_total = 30 * DAY;
    changed.open = false;
    changed.allow_non_global = true;
    changed.template.records.push(TemplateRecord {
        owner: RelativeOwner("@".to_owned()),
        r#type: RecordType::Caa,
        ttl: 300,
        values: vec!["0 issue \"ca.example\"".to_owned()],
    });
    let update = |pool: Pool| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.update_pool(&pool).await) }
    };
    update(changed.clone()).await.unwrap();
    let late = update(seen).await;
    assert!(matches!(late, Err(StoreError::Contention)), "{late:?}");
    changed.version = 2;
    assert_eq!(format!("{:?}", read().await), format!("{changed:?}"));
    assert!(look!(db.store, tx => tx.pool(&domain("no.works")).await).is_none());
}

pub async fn foreign_names_are_those_of_the_last_look(db: Database) {
    add_pool(&db, "omani.works").await.unwrap();
    add_pool(&db, "other.works").await.unwrap();
    let look_at = |pool: &'static str, seen: Vec<DomainName>| {
        let store = db.store.clone();
        async move {
            unit!(store, tx => tx.replace_foreign_names(&domain(pool), &seen).await).unwrap();
        }
    };
    let foreign = |name: DomainName| {
        let store = db.store.clone();
        async move { look!(store, tx => tx.is_foreign(&name).await) }
    };
    let elsewhere = domain("old.other.works");
    look_at("omani.works", vec![name("old"), name("stays")]).await;
    look_at("other.works", vec![elsewhere.clone()]).await;
    for (name, is) in [(name("old"), true), (name("stays"), true), (name("none"), false)] {
        assert_eq!(foreign(name).await, is);
    }
    db.pass(SECOND).await;
    look_at("omani.works", vec![name("stays"), name("new")]).await;
    for (name, is) in [
        (name("old"), false),
        (name("stays"), true),
        (name("new"), true),
        (elsewhere, true),
    ] {
        assert_eq!(foreign(name).await, is);
    }
    db.pass(SECOND).await;
    look_at("omani.works", vec![]).await;
    assert!(!foreign(name("stays")).await);
}

fn owner(text: &str) -> OwnerName {
    OwnerName::parse(text).unwrap()
}

fn record(text: &str, r#type: RecordType, ttl: u32, values: &[&str]) -> RecordSet {
    RecordSet {
        owner: owner(text),
        r#type,
        ttl,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

pub async fn record_sets_are_put_replaced_and_removed_by_owner_and_type(db: Database) {
    let id = db.hold(db.ours, "acme").await.id;
    let other = db.hold(db.ours, "other").await.id;
    let put = |claim: ClaimId, set: RecordSet| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.put_record(claim, &set).await).unwrap() }
    };
    let text = record(
        "_dmarc.acme.omani.works",
        RecordType::Txt,
        300,
        &["\"v=DMARC1; p=none\"", "\"ü\""],
    );
    let mail = record("acme.omani.works", RecordType::Mx, 300, &["10 mx.example."]);
    let caa = record(
        "acme.omani.works",
        RecordType::Caa,
        300,
        &["0 issue \"ca.example\""],
    );
    for set in [&mail, &text, &caa] {
        put(id, set.clone()).await;
    }
    put(other, record("other.omani.works", RecordType::Mx, 60, &["0 ."])).await;
    let read = || {
        let store = db.store.clone();
        async move { look!(store, tx => tx.records(id).await) }
    };
    assert_eq!(
        read().await,
        [text.clone(), caa.clone(), mail],
        "by owner and type"
    );
    let mail = record(
        "acme.omani.works",
        RecordType::Mx,
        86_400,
        &["10 a.example.", "20 b.example."],
    );
    put(id, mail.clone()).await;
    assert_eq!(read().await, [text.clone(), caa, mail.clone()]);
    let remove = |r#type| {
        let store = db.store.clone();
        async move { unit!(store, tx => tx.delete_record(id, &owner("acme.omani.works"), r#type).await).unwrap() }
    };
    assert!(remove(RecordType::Caa).await);
    assert!(!remove(RecordType::Caa).await);
    assert_eq!(read().await, [text, mail]);
    assert_eq!(look!(db.store, tx => tx.records(other).await).len(), 1);
}

pub async fn orphans_keep_their_first_sighting(db: Database) {
    let saw = |server: &'static str, kind: &'static str, names: &[(&str, Option<&str>)]| {
        let seen: Vec<_> = names
            .iter()
            .map(|(name, marker)| ((*name).to_owned(), marker.map(str::to_owned)))
            .collect();
        let store = db.store.clone();
        async move { unit!(store, tx => tx.replace_orphans(server, kind, &seen).await).unwrap() }
    };
    let orphans = || {
        let store = db.store.clone();
        async move { look!(store, tx => tx.orphans().await) }
    };
    let named = |found: &[Orphan]| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{} {} {}", o.kind, o.name, o.server))
            .collect()
    };
    saw(
        "one",
        "zone",
        &[("b.omani.works", None), ("a.omani.works", Some("clm_1"))],
    )
    .await;
    saw("two", "zone", &[("a.omani.works", None)]).await;
    saw("one", "delegation", &[("a.omani.works", None)]).await;
    let first = orphans().await;
    let everything = [
        "delegation a.omani.works one",
        "zone a.omani.works one",
        "zone a.omani.works two",
        "zone b.omani.works one",
    ];
    assert_eq!(named(&first), everything);
    assert_eq!(first[1].marker.as_deref(), Some("clm_1"));
    db.pass(HOUR).await;
    saw(
        "one",
        "zone",
        &[("a.omani.works", Some("clm_2")), ("c.omani.works", None)],
    )
    .await;
    let second = orphans().await;
    let mut changed = everything;
    changed[3] = "zone c.omani.works one";
    assert_eq!(named(&second), changed);
    assert_eq!(
        (second[1].since, second[1].marker.as_deref()),
        (first[1].since, Some("clm_2"))
    );
    assert!(second[3].since >= first[3].since.plus(HOUR));
    db.pass(HOUR).await;
    saw("one", "zone", &[]).await;
    assert_eq!(orphans().await, [first[0].clone(), first[2].clone()]);
}

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

pub async fn the_last_look_at_the_world_is_kept_per_claim(db: Database) {
    let id = db.hold(db.ours, "acme").await.id;
    let other = db.hold(db.ours, "other").await.id;
    let now = db.store.now().await.unwrap();
    assert!(look!(db.store, tx => tx.propagation(id).await).is_none());
    for (claim, data) in [(id, "first"), (other, "other"), (id, "second")] {
        unit!(db.store, tx => tx.put_propagation(claim, now, data).await).unwrap();
    }
    assert_eq!(
        look!(db.store, tx => tx.propagation(id).await).as_deref(),
        Some("second")
    );
    assert_eq!(
        look!(db.store, tx => tx.propagation(other).await).as_deref(),
        Some("other")
    );
}
