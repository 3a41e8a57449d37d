//! What was found on the servers: things without an owner, and the last look at a name.

use pdm::store::Orphan;

use crate::support::{Database, HOUR, look, unit};

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
