//! Single TXT values in a zone that the vendor hosts.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use pdm_registrar::Change;

use crate::act::{Act, TXT_LABEL, txt_name};
use crate::check::{Applies, Check, Facts, Outcome, check};
use crate::picture::{self, Picture};
use crate::subject::{Subject, dns_host};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("txt", value_is_put_beside_others, Mutating, puts),
        check!("txt", second_put_is_unchanged, Mutating, puts),
        check!("txt", only_the_value_is_removed, Mutating, puts),
        check!("txt", removal_of_what_is_not_there_is_unchanged, Mutating, puts),
        check!("txt", strange_values_are_kept_or_refused, Simulator, puts),
    ]
}

fn puts(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.txt).and_then(|()| facts.hosted())
}

/// Puts or removes a value, and waits until it is done.
async fn write(subject: &Subject, put: bool, value: &str) -> Result<Change> {
    let ready = Act::PutTxt.opened(subject)?;
    let (zone, owner) = (&ready.domain, txt_name(&ready.domain)?);
    let host = dns_host(&*ready.account)?;
    let change = if put {
        host.put_txt(zone, &owner, value).await?
    } else {
        host.remove_txt(zone, &owner, value).await?
    };
    subject.finish(&*ready.account, zone, &change).await?;
    Ok(change)
}

/// The values that the zone holds at the name are exactly these.
async fn holds(subject: &Subject, wanted: &[&str]) -> Outcome {
    let zone = subject.zone()?;
    let held: BTreeSet<String> = match subject.world() {
        Some(world) => {
            let records = picture::records(world, subject.vendor().id(), &zone, TXT_LABEL, "TXT");
            ensure!(
                records.len() == wanted.len(),
                "the zone holds {records:?}, wanted were {wanted:?}"
            );
            records.iter().map(picture::value).collect()
        }
        None => {
            let ready = Act::PutTxt.opened(subject)?;
            let owner = txt_name(&zone)?;
            let export = dns_host(&*ready.account)?.export(&zone).await?.records;
            let here = export
                .iter()
                .filter(|record| record.owner == owner && record.rtype == "TXT");
            here.map(|record| picture::unquoted(&record.value)).collect()
        }
    };
    let wanted: BTreeSet<String> = wanted.iter().map(|&value| value.to_owned()).collect();
    ensure!(held == wanted, "the zone holds {held:?}, wanted were {wanted:?}");
    Ok(())
}

async fn value_is_put_beside_others(subject: &Subject) -> Outcome {
    for value in ["pdm-check=one", "pdm-check=two"] {
        let change = write(subject, true, value).await?;
        ensure!(
            change != Change::Unchanged,
            "`{value}` was wanted, and nothing was changed"
        );
    }
    holds(subject, &["pdm-check=one", "pdm-check=two"]).await?;
    Ok(())
}

async fn second_put_is_unchanged(subject: &Subject) -> Outcome {
    write(subject, true, "pdm-check=one").await?;
    let writes = subject.writes();
    let again = write(subject, true, "pdm-check=one").await?;
    ensure!(again == Change::Unchanged, "the second put answered {again:?}");
    ensure!(subject.writes() == writes, "the second put sent a write");
    holds(subject, &["pdm-check=one"]).await?;
    Ok(())
}

async fn only_the_value_is_removed(subject: &Subject) -> Outcome {
    let before = subject.world().map(Picture::of);
    write(subject, true, "pdm-check=one").await?;
    write(subject, true, "pdm-check=two").await?;
    let change = write(subject, false, "pdm-check=one").await?;
    ensure!(
        change != Change::Unchanged,
        "a value had to go, and nothing was changed"
    );
    holds(subject, &["pdm-check=two"]).await?;
    write(subject, false, "pdm-check=two").await?;
    holds(subject, &[]).await?;
    if let (Some(before), Some(world)) = (before, subject.world()) {
        Picture::of(world).same_as(&before, "after values came and went")?;
    }
    Ok(())
}

async fn removal_of_what_is_not_there_is_unchanged(subject: &Subject) -> Outcome {
    write(subject, true, "pdm-check=one").await?;
    let writes = subject.writes();
    let change = write(subject, false, "pdm-check=other").await?;
    ensure!(
        change == Change::Unchanged,
        "a value that is not there was removed: {change:?}"
    );
    ensure!(
        subject.writes() == writes,
        "a value that is not there was removed by a write"
    );
    holds(subject, &["pdm-check=one"]).await?;
    Ok(())
}

/// Long, spaced and quoted values arrive as they are, or are refused with nothing sent. Never something else.
async fn strange_values_are_kept_or_refused(subject: &Subject) -> Outcome {
    let long = "x".repeat(300);
    for value in [
        "two words; and=more",
        "a&b<c>+d%20e",
        r#"with "quotes" and \ strokes"#,
        &long,
    ] {
        let subject = subject.fresh().await?;
        let before = Picture::of(&subject.stage()?.world);
        match write(&subject, true, value).await {
            Ok(_) => {
                holds(&subject, &[value]).await?;
                let writes = subject.writes();
                let again = write(&subject, true, value).await?;
                ensure!(
                    again == Change::Unchanged && subject.writes() == writes,
                    "`{value}` is not recognised: {again:?}"
                );
                write(&subject, false, value).await?;
                holds(&subject, &[]).await?;
            }
            Err(error) => {
                Picture::of(&subject.stage()?.world)
                    .same_as(&before, &format!("after `{value}` was refused ({error})"))?;
            }
        }
    }
    Ok(())
}
