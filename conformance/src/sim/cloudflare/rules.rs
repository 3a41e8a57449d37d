//! Which records may stand beside which.

use super::answer::Refusal;
use super::content::Wanted;
use super::draft::full_name;
use super::zones::ZoneView;
use crate::sim::world::Record;

/// Most NS that a name may have.
const MOST_NS: usize = 10;

/// Whether `wanted` may stand among `records`.
///
/// The codes in the chains of a DS without NS, of the eleventh NS, of the zone's own servers as NS and of zones that take no such record
/// are not known; they are ours.
pub(super) fn may_stand(records: &[Record], wanted: &Wanted, zone: &ZoneView) -> Result<(), Refusal> {
    let here: Vec<_> = records
        .iter()
        .filter(|record| record.name == wanted.name)
        .collect();
    let has = |rtype: &str| here.iter().any(|record| record.rtype == rtype);
    let address = |rtype: &str| matches!(rtype, "A" | "AAAA");
    let apex = wanted.name.is_empty();

    if zone.facts.kind == "secondary" {
        return Err(Refusal::validation(
            9998,
            "Records of a secondary zone are read-only.",
        ));
    }
    if let Some(same) = here
        .iter()
        .find(|record| record.rtype == wanted.rtype && record.value == wanted.value)
    {
        return Err(if address(&same.rtype) {
            Refusal::new(400, 81057, "The record already exists.")
        } else {
            Refusal::new(400, 81058, "An identical record already exists.")
        });
    }
    match wanted.rtype.as_str() {
        "NS" => {
            if !apex
                && here
                    .iter()
                    .any(|record| !matches!(record.rtype.as_str(), "NS" | "DS"))
            {
                return Err(Refusal::new(
                    400,
                    81055,
                    "Non-NS records with that host already exist.",
                ));
            }
            if !apex && zone.facts.kind == "partial" {
                return Err(Refusal::validation(9998, "A partial zone cannot delegate."));
            }
            if here.iter().filter(|record| record.rtype == "NS").count() >= MOST_NS {
                return Err(Refusal::validation(
                    9998,
                    format!("A name can have at most {MOST_NS} NS records."),
                ));
            }
            let own = zone.facts.name_servers.as_deref().unwrap_or_default();
            if own.contains(&wanted.value) {
                return Err(Refusal::validation(
                    9998,
                    "NS records cannot point at the zone's own nameservers.",
                ));
            }
        }
        "DS" if !apex && !has("NS") => {
            let name = full_name(&wanted.name, &zone.name);
            return Err(Refusal::validation(
                9998,
                format!("DS records need an NS record at {name}."),
            ));
        }
        "DS" => {}
        _ if !apex && has("NS") => {
            return Err(Refusal::new(
                400,
                81056,
                "NS records with that host already exist.",
            ));
        }
        "CNAME"
            if here
                .iter()
                .any(|record| address(&record.rtype) || record.rtype == "CNAME") =>
        {
            return Err(Refusal::new(
                400,
                81053,
                "An A, AAAA, or CNAME record with that host already exists.",
            ));
        }
        rtype if address(rtype) && has("CNAME") => {
            return Err(Refusal::new(
                400,
                81054,
                "A CNAME record with that host already exists.",
            ));
        }
        _ => {}
    }
    Ok(())
}

/// Whether an NS that is gone from `records` may go: not as the last beside a DS.
pub(super) fn ns_may_go(records: &[Record], gone: &Record) -> Result<(), Refusal> {
    let has = |rtype: &str| {
        records
            .iter()
            .any(|record| record.name == gone.name && record.rtype == rtype)
    };
    if gone.name.is_empty() || has("NS") || !has("DS") {
        return Ok(());
    }
    Err(Refusal::validation(
        9998,
        "The last NS record of a name cannot be removed before its DS records.",
    ))
}
