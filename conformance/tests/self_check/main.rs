//! Checks the checks: each one turns red on an adapter that is broken in its way, and no check is without such a way.

mod crooked;
mod sabotage;

use std::collections::BTreeSet;
use std::sync::Arc;

use conformance::check::Check;
use conformance::checks;
use conformance::run::{Verdict, on};
use conformance::subject::{Disguise, Subject};
use conformance::vendors::{VENDORS, Vendor};
use futures_util::{StreamExt, stream};
use pdm_registrar::Adapter;

use crooked::{Around, Crooked};
use sabotage::{Sabotage, TABLE};

/// Ways that are tried at a time: nearly all of their time is waiting.
const AT_A_TIME: usize = 12;

#[test]
fn every_check_has_a_way_to_turn_red() {
    let checks = checks::all();
    let names: BTreeSet<_> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), checks.len(), "two checks have one name");
    let told: BTreeSet<_> = TABLE
        .iter()
        .filter(|(_, ways)| !ways.is_empty())
        .map(|(name, _)| *name)
        .collect();
    let without: Vec<_> = names.difference(&told).collect();
    assert!(without.is_empty(), "no way to turn them red: {without:?}");
    let unknown: Vec<_> = told.difference(&names).collect();
    assert!(unknown.is_empty(), "no such checks: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_turns_red_on_what_it_is_about() {
    let ways: Vec<_> = TABLE
        .iter()
        .flat_map(|(name, ways)| ways.iter().map(|how| (*name, *how)))
        .collect();
    let count = ways.len();
    let green: Vec<String> = stream::iter(ways)
        .map(|(name, how)| async move { unnoticed(name, how).await })
        .buffer_unordered(AT_A_TIME)
        .filter_map(|unnoticed| async { unnoticed })
        .collect()
        .await;
    assert!(
        green.is_empty(),
        "{} of {count} ways to break an adapter go unnoticed:\n{}",
        green.len(),
        green.join("\n")
    );
}

/// `None` when the check turns red at one vendor at least, where it is green without the sabotage.
async fn unnoticed(name: &str, how: Sabotage) -> Option<String> {
    let mut seen = Vec::new();
    for vendor in VENDORS {
        let check = checks::all()
            .into_iter()
            .find(|check| check.name == name)
            .expect("the other test knows it");
        match held(vendor, &check, Some(how)).await {
            Verdict::Broken(why) => {
                // Red for this reason, not for another.
                if !matches!(held(vendor, &check, None).await, Verdict::Broken(_)) {
                    return None;
                }
                seen.push(format!("{}: red anyway ({why})", vendor.label()));
            }
            verdict => seen.push(format!("{}: {verdict:?}", vendor.label())),
        }
    }
    Some(format!("{name} with {how:?}\n    {}", seen.join("\n    ")))
}

async fn held(vendor: &'static Vendor, check: &Check, how: Option<Sabotage>) -> Verdict {
    let plain = Subject::simulated(vendor, None)
        .await
        .expect("the simulator starts");
    let subject = match how {
        None => plain,
        Some(how) => {
            let disguise = disguise(&plain, how);
            Subject::simulated(vendor, Some(disguise))
                .await
                .expect("the simulator starts")
        }
    };
    on(check, &subject).await
}

fn disguise(plain: &Subject, how: Sabotage) -> Disguise {
    let values = plain
        .fixtures
        .ordinary
        .credentials
        .as_object()
        .expect("credentials are an object");
    let secret = |name: &str| {
        plain
            .descriptor()
            .fields
            .iter()
            .any(|field| field.secret && field.name == name)
    };
    let secrets = values.iter().filter(|(name, _)| secret(name));
    let secrets: Arc<Vec<_>> = Arc::new(
        secrets
            .filter_map(|(_, value)| value.as_str().map(str::to_owned))
            .collect(),
    );
    Arc::new(move |inner, stage| -> Arc<dyn Adapter> {
        Arc::new(Crooked {
            inner,
            around: Around {
                how,
                world: stage.world.clone(),
                journal: stage.simulator.journal.clone(),
                secrets: Arc::clone(&secrets),
            },
        })
    })
}
