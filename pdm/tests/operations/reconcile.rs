//! What the reconciler finds, repairs and leaves alone.

use conformance::world::{Layout, Store as Databases};
use pdm::domain::operation::{OperationKind, OperationState};
use pdm::store::StoreError;
use powerdns_client::{NewZone, RecordType, Rrset, RrsetChange};

use crate::support::{Lab, RUNTIME, canonical, client, delete};

#[test]
fn drift_of_our_own_is_repaired_within_the_budget() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let tenants = client(&lab.servers.tenants[0]);
        let mut claims = Vec::new();
        for label in [
            "no-delegation",
            "no-ds",
            "no-zone",
            "less-records",
            "more-records",
            "fine",
        ] {
            let claim = lab.reserve(label).await;
            assert_eq!(
                lab.wait_end(lab.commit(&claim).await).await.state,
                OperationState::Succeeded
            );
            claims.push(claim);
        }
        let gone = |label: &str, rtype| delete(canonical(&lab.name(label)), rtype);
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!(
            (found.orphans, found.foreign_names, found.drifted),
            (0, 0, 0),
            "{found:?}"
        );

        lab.edit_parent(&[
            gone("no-delegation", RecordType::NS),
            gone("no-delegation", RecordType::DS),
            gone("no-ds", RecordType::DS),
        ])
        .await;
        tenants
            .delete_zone(&canonical(&lab.name("no-zone")))
            .await
            .unwrap();
        let less = canonical(&lab.name("less-records"));
        let removed = delete(less.child("console").unwrap(), RecordType::A);
        tenants.patch_rrsets(&less, &[removed]).await.unwrap();
        let more = canonical(&lab.name("more-records"));
        let added = Rrset::new(more.child("stranger").unwrap(), RecordType::A, 60, ["192.0.2.1"]);
        tenants
            .patch_rrsets(&more, &[RrsetChange::Replace(added)])
            .await
            .unwrap();

        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!((found.drifted, found.repairs), (5, 5), "{found:?}");
        lab.wait_for_repairs().await;
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!((found.drifted, found.orphans), (0, 0), "{found:?}");
        for claim in &claims {
            lab.assert_secure(&format!("console.{}", claim.name), "203.0.113.10")
                .await;
            lab.wait_end(lab.change(claim.id, OperationKind::Release).await)
                .await;
        }
        assert!(lab.at_parent(&less).await.is_empty());
    });
}

#[test]
fn what_has_no_owner_is_listed_and_left_alone() {
    RUNTIME.block_on(async {
        let lab = Lab::start(Databases::Sqlite, Layout::Separate).await;
        let tenants = client(&lab.servers.tenants[0]);
        let mut zone = NewZone::new(canonical(&lab.name("left-over")));
        zone.account = pdm::domain::ids::ClaimId::new().to_string();
        zone.rrsets = vec![
            Rrset::new(
                zone.name.clone(),
                RecordType::SOA,
                60,
                ["a.test. b.test. 1 60 60 60 60"],
            ),
            Rrset::new(zone.name.clone(), RecordType::NS, 60, ["ns.test."]),
        ];
        tenants.create_zone(&zone).await.unwrap();
        let hosts = lab.pool.nameservers.iter().map(|host| format!("{host}."));
        let lame = Rrset::new(canonical(&lab.name("lame")), RecordType::NS, 60, hosts);
        let www = Rrset::new(canonical(&lab.name("shop")), RecordType::A, 60, ["192.0.2.1"]);
        let changes = [RrsetChange::Replace(lame), RrsetChange::Replace(www)];
        lab.edit_parent(&changes).await;

        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!(found.orphans, 2, "{found:?}");
        let orphans = lab
            .store
            .read(|tx| Box::pin(tx.orphans()))
            .await
            .map_err(|e: StoreError| e)
            .unwrap();
        let listed: Vec<(&str, &str)> = orphans
            .iter()
            .map(|o| (o.kind.as_str(), o.name.as_str()))
            .collect();
        assert_eq!(
            listed,
            [
                ("delegation", "lame.omani.works"),
                ("zone", "left-over.omani.works")
            ]
        );
        assert_eq!(orphans[1].marker.as_deref(), Some(zone.account.as_str()));
        for label in ["lame", "shop", "left-over"] {
            let name = lab.name(label);
            let foreign = lab
                .store
                .read(|tx| Box::pin(async move { tx.is_foreign(&name).await }))
                .await;
            assert!(
                foreign.map_err(|e: StoreError| e).unwrap(),
                "{label} was not learned"
            );
        }
        assert!(tenants.zone_properties(&zone.name).await.unwrap().is_some());

        // Removed by hand: no longer listed, and free.
        tenants.delete_zone(&zone.name).await.unwrap();
        let removals = ["lame", "shop"].map(|label| {
            let rtype = if label == "lame" {
                RecordType::NS
            } else {
                RecordType::A
            };
            delete(canonical(&lab.name(label)), rtype)
        });
        lab.edit_parent(&removals).await;
        let found = pdm::reconcile::sweep(&lab.world).await.unwrap();
        assert_eq!((found.orphans, found.foreign_names), (0, 0), "{found:?}");
    });
}
