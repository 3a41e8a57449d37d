//! What a delegation hides, as `include_shadow_metadata=true` asks for.

use serde_json::{Value, json};

use super::draft::{full_name, record_id};
use crate::sim::world::Record;

/// More than this are not counted.
const MOST: usize = 10_000;

/// `meta` of a record among `records` of a zone.
pub(super) fn meta(record: &Record, records: &[Record], zone: &str) -> Value {
    let mut meta = json!({});
    let delegations: Vec<_> = records
        .iter()
        .filter(|ns| ns.rtype == "NS" && !ns.name.is_empty() && hides(&ns.name, record))
        .collect();
    if !delegations.is_empty() {
        let ids: Vec<_> = delegations.iter().map(|ns| record_id(ns.id)).collect();
        meta["shadowed_by"] = json!(ids);
        let own = full_name(&record.name, zone);
        let served = delegations.iter().find(|ns| ns.value == own);
        if let Some(served) = served.filter(|_| matches!(record.rtype.as_str(), "A" | "AAAA")) {
            meta["is_glue"] = json!(true);
            if delegations.iter().any(|ns| ns.name.len() < served.name.len()) {
                meta["dead_glue"] = json!(true);
            }
        }
    }
    if record.rtype == "NS" && !record.name.is_empty() {
        let hidden = records
            .iter()
            .filter(|other| hides(&record.name, other))
            .take(MOST)
            .count();
        if hidden > 0 {
            meta["shadowed_records_count"] = json!(hidden);
        }
    }
    meta
}

/// Whether a delegation of `name` hides a record: those below, and at the name everything that is not part of the delegation.
fn hides(name: &str, record: &Record) -> bool {
    if record.name == name {
        return !matches!(record.rtype.as_str(), "NS" | "DS");
    }
    record
        .name
        .strip_suffix(name)
        .is_some_and(|below| below.ends_with('.'))
}
