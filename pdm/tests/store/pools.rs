//! Pools, the foreign names in their zones, and tenants' records.

use pdm::clock::DbTime;
use pdm::domain::ids::ClaimId;
use pdm::domain::pool::{HoldTerms, Pool, RelativeOwner, Template, TemplateRecord};
use pdm::domain::records::{RecordSet, RecordType};
use pdm::registrar::{DomainName, OwnerName};
use pdm::store::{NewClaim, StoreError};

use crate::support::{DAY, Database, SECOND, Unit, domain, got, look, name, unit, wanted};

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
    let mut known = look!(db.store, tx => tx.foreign_names(&domain("omani.works")).await);
    known.sort();
    assert_eq!(known, [name("new"), name("stays")]);
    look_at("omani.works", vec![]).await;
    assert!(!foreign(name("stays")).await);
}

pub async fn every_host_that_names_were_delegated_to_is_known(db: Database) {
    let hosts = || {
        let store = db.store.clone();
        async move { look!(store, tx => tx.nameservers_ever(&domain("omani.works")).await) }
    };
    assert_eq!(hosts().await, []);
    db.hold(db.ours, "acme").await;
    let moved = NewClaim {
        nameservers: vec![domain("ns9.old.example"), domain("ns1.dns.example")],
        ..wanted(db.ours, "moved")
    };
    let moved = got(db.take(moved).await);
    db.free(moved, true).await.unwrap();
    let known = hosts().await;
    assert!(known.is_sorted());
    assert!(
        known.contains(&domain("ns9.old.example")),
        "though it was given back"
    );
    assert!(known.contains(&domain("ns1.dns.example")));
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
