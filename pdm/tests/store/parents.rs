//! What is known of parent zones' serials: whether somebody else wrote.

use pdm::store::FullLook;

use crate::support::{Database, domain, look, unit};

/// Notes a PATCH of ours; whether the serial that it makes is explained, so that nobody else is known to have written.
async fn patch(db: &Database, before: u32) -> bool {
    unit!(db.store, tx => tx.note_parent_serial(&domain("omani.works"), before).await).unwrap();
    explains(db, before.wrapping_add(1)).await
}

async fn begin(db: &Database, serial: u32) -> FullLook {
    look!(db.store, tx => tx.before_full_look(&domain("omani.works"), serial).await)
}

async fn end(db: &Database, seen: FullLook) {
    unit!(db.store, tx => tx.saw_parent(&domain("omani.works"), seen).await).unwrap();
}

async fn explains(db: &Database, serial: u32) -> bool {
    let known = look!(db.store, tx => tx.parent_serial(&domain("omani.works")).await);
    known.is_some_and(|known| known.explains(serial))
}

pub async fn a_parent_that_nobody_looked_at_is_not_quiet(db: Database) {
    assert!(!explains(&db, 7).await);
    assert!(!patch(&db, 7).await);
    assert!(!explains(&db, 8).await);
    assert!(
        !patch(&db, 8).await,
        "our own changes say nothing of what was before"
    );
    let seen = begin(&db, 9).await;
    end(&db, seen).await;
    assert!(explains(&db, 9).await);
    assert!(patch(&db, 9).await);
}

pub async fn our_own_changes_keep_a_parent_quiet(db: Database) {
    end(&db, FullLook::first(7)).await;
    assert!(explains(&db, 7).await);
    assert!(patch(&db, 7).await);
    assert!(explains(&db, 7).await, "the change may be under way");
    assert!(explains(&db, 8).await);
    assert!(!explains(&db, 9).await);
    assert!(patch(&db, 8).await);
}

/// A change that failed leaves the serial as it was, or not: the next one to get that serial may be somebody else's.
pub async fn a_change_that_failed_leaves_a_parent_in_doubt(db: Database) {
    end(&db, FullLook::first(7)).await;
    assert!(patch(&db, 7).await);
    unit!(db.store, tx => tx.doubt_parent(&domain("omani.works")).await).unwrap();
    assert!(explains(&db, 7).await);
    assert!(!explains(&db, 8).await);
    assert!(patch(&db, 7).await, "it was not made, and nobody else wrote");
    unit!(db.store, tx => tx.doubt_parent(&domain("omani.works")).await).unwrap();
    assert!(
        !patch(&db, 8).await,
        "it was made after all, or somebody else wrote"
    );
    let seen = begin(&db, 9).await;
    end(&db, seen).await;
    assert!(patch(&db, 9).await);
}

pub async fn a_serial_goes_round(db: Database) {
    end(&db, FullLook::first(u32::MAX)).await;
    assert!(patch(&db, u32::MAX).await);
    assert!(explains(&db, 0).await);
    assert!(patch(&db, 0).await);
}

pub async fn a_change_by_others_is_noticed_until_the_next_full_look(db: Database) {
    end(&db, FullLook::first(7)).await;
    assert!(patch(&db, 7).await);
    assert!(!patch(&db, 9).await, "8 is ours, 9 is not");
    assert!(!explains(&db, 10).await);
    assert!(!patch(&db, 10).await, "once noticed it stays so");
    let seen = begin(&db, 11).await;
    end(&db, seen).await;
    assert!(explains(&db, 11).await);

    // Who writes while the look goes on may have been missed by it.
    let seen = begin(&db, 11).await;
    assert!(!patch(&db, 20).await);
    end(&db, seen).await;
    assert!(!explains(&db, 21).await);
    let seen = begin(&db, 21).await;
    end(&db, seen).await;
    assert!(patch(&db, 21).await);

    // A hand's change that a look saw before any of ours is no change any more.
    let seen = begin(&db, 50).await;
    end(&db, seen).await;
    assert!(explains(&db, 50).await);
    assert!(patch(&db, 50).await);

    // Our own change during a look is not lost by it.
    let seen = begin(&db, 51).await;
    assert!(patch(&db, 51).await);
    end(&db, seen).await;
    assert!(explains(&db, 52).await);
}
