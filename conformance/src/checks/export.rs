//! The export of a zone that the vendor hosts.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use pdm_registrar::ZoneRecord;

use crate::act::Act;
use crate::check::{Applies, Check, Facts, Outcome, check};
use crate::picture;
use crate::subject::{Subject, dns_host};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("export", loses_nothing_or_says_so, Simulator, exports),
        check!("export", is_in_presentation_form, ReadOnly, exports),
    ]
}

fn exports(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.export_zone).and_then(|()| facts.hosted())
}

/// Each record that a customer put there is in the export, or the export says that something is missing.
async fn loses_nothing_or_says_so(subject: &Subject) -> Outcome {
    let zone = subject.zone()?;
    let ready = Act::PutTxt.opened(subject)?;
    let export = dns_host(&*ready.account)?.export(&zone).await?;
    ensure!(export.zone == zone, "the export is of {}", export.zone);
    let mut exported: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for record in &export.records {
        let owner = record
            .owner
            .as_str()
            .strip_suffix(zone.as_str())
            .unwrap_or_default()
            .trim_end_matches('.');
        exported
            .entry((owner.to_owned(), record.rtype.clone()))
            .or_default()
            .push(comparable(&record.rtype, &record.value));
    }
    let mut held: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    {
        let mut state = subject.stage()?.world.state();
        let records = &state
            .zone(subject.vendor().id(), zone.as_str())
            .context("the world has no such zone")?
            .records;
        ensure!(!records.is_empty(), "the hosted zone is empty");
        for record in records {
            let apex = record.name.is_empty() && ["SOA", "NS"].contains(&record.rtype.as_str());
            if !apex {
                let value = match record
                    .priority
                    .filter(|_| ["MX", "SRV"].contains(&record.rtype.as_str()))
                {
                    Some(priority) => format!("{priority} {}", record.value),
                    // As forms of vendors write the zone itself.
                    None if record.value == "@" => zone.to_string(),
                    None => record.value.clone(),
                };
                let key = (record.name.clone(), real_type(&record.rtype).to_owned());
                held.entry(key)
                    .or_default()
                    .push(comparable(real_type(&record.rtype), &value));
            }
        }
    }
    for (key, mut values) in held {
        let mut found = exported.remove(&key).unwrap_or_default();
        values.sort();
        found.sort();
        let told = export.missing.iter().any(|missing| missing.contains(&key.1));
        ensure!(
            values == found || told,
            "at {key:?} the zone holds {values:?}, the export {found:?}, and says only {:?}",
            export.missing
        );
    }
    let apex_ns = |key: &(String, String)| key.0.is_empty() && key.1 == "NS";
    ensure!(
        exported.keys().all(apex_ns),
        "the export has what the zone does not hold: {exported:?}"
    );
    Ok(())
}

/// Forms that vendors made up for texts are TXT in the DNS.
fn real_type(rtype: &str) -> &str {
    if ["SPF", "DKIM", "DMARC"].contains(&rtype) {
        "TXT"
    } else {
        rtype
    }
}

/// A value without what may differ in writing: case and final dots of names, quotes of texts.
fn comparable(rtype: &str, value: &str) -> String {
    match rtype {
        "TXT" => picture::unquoted(value),
        "CAA" => value.replace('"', ""),
        _ => value.trim_end_matches('.').to_ascii_lowercase(),
    }
}

async fn is_in_presentation_form(subject: &Subject) -> Outcome {
    let zone = subject.zone()?;
    let ready = Act::PutTxt.opened(subject)?;
    let export = dns_host(&*ready.account)?.export(&zone).await?;
    ensure!(
        export.records.is_sorted(),
        "the records of an export are not sorted"
    );
    for record in &export.records {
        let ZoneRecord {
            owner,
            rtype,
            ttl,
            value,
        } = record;
        ensure!(owner.is_at_or_below(&zone), "{owner} is not in {zone}");
        ensure!(
            rtype
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            "`{rtype}` is no type"
        );
        ensure!(
            *ttl > 1,
            "{owner} {rtype} has the TTL {ttl}, which no zone file means"
        );
        let right = match rtype.as_str() {
            "SOA" => false,
            "TXT" | "SPF" => value.starts_with('"') && value.ends_with('"') && value.len() >= 2,
            "CNAME" | "NS" | "DNAME" | "PTR" => value.ends_with('.'),
            "MX" => value
                .split_once(' ')
                .is_some_and(|(distance, host)| distance.parse::<u16>().is_ok() && host.ends_with('.')),
            "SRV" => value.split(' ').count() == 4 && value.ends_with('.'),
            "CAA" => value.split(' ').count() >= 3 && value.ends_with('"'),
            "A" => value.parse::<std::net::Ipv4Addr>().is_ok(),
            "AAAA" => value.parse::<std::net::Ipv6Addr>().is_ok(),
            _ => !value.is_empty(),
        };
        ensure!(right, "{owner} {rtype} `{value}` is not as zone files write it");
    }
    Ok(())
}
