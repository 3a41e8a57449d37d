//! The records of a zone while they are changed: all of a request's changes are made, or none.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::content::{self, Extra, Wanted, data, proxiable};
use super::zones::{ZoneView, is_id};
use super::{Shared, rules};
use crate::sim::world::Record;

pub(super) struct Draft<'a> {
    pub(super) shared: &'a Shared,
    pub(super) zone: &'a ZoneView,
    pub(super) records: Vec<Record>,
    pub(super) extras: BTreeMap<u64, Extra>,
}

impl Draft<'_> {
    /// Adds a record.
    pub(super) fn create(&mut self, body: &Map<String, Value>) -> Result<Value, Refusal> {
        let mut wanted = content::read(body, self.zone)?;
        rules::may_stand(&self.records, &wanted, self.zone)?;
        let now = self.shared.world.now();
        (wanted.extra.created, wanted.extra.modified) = (now, now);
        let id = self.shared.world.state().next_id();
        Ok(self.put(self.records.len(), id, wanted))
    }

    /// Changes a record: the given fields only, or with `all` every field.
    pub(super) fn change(
        &mut self,
        id: &str,
        body: &Map<String, Value>,
        all: bool,
    ) -> Result<Value, Refusal> {
        let at = self.position(id)?;
        let old = self.records.remove(at);
        let old_extra = self.extras.remove(&old.id).unwrap_or_default();
        let mut whole = body.clone();
        if !all {
            whole = match json_of(&old, &old_extra, self.zone, false) {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            // A null is no value, but for the comment, which it takes away.
            let given = body
                .iter()
                .filter(|(key, value)| !value.is_null() || *key == "comment");
            whole.extend(given.map(|(key, value)| (key.clone(), value.clone())));
        }
        let mut wanted = content::read(&whole, self.zone)?;
        rules::may_stand(&self.records, &wanted, self.zone)?;
        if old.rtype == "NS" && (wanted.rtype != "NS" || wanted.name != old.name) {
            self.ns_may_go(&old)?;
        }
        (wanted.extra.created, wanted.extra.modified) = (old_extra.created, self.shared.world.now());
        Ok(self.put(at, old.id, wanted))
    }

    /// Removes a record, which is returned.
    pub(super) fn delete(&mut self, id: &str) -> Result<Value, Refusal> {
        let at = self.position(id)?;
        let old = self.records.remove(at);
        if old.rtype == "NS" {
            self.ns_may_go(&old)?;
        }
        let extra = self.extras.remove(&old.id).unwrap_or_default();
        Ok(self.json(&old, &extra))
    }

    fn ns_may_go(&self, gone: &Record) -> Result<(), Refusal> {
        let may = self.shared.controls.with(|settings| settings.ds_may_outlive_ns);
        if may {
            Ok(())
        } else {
            rules::ns_may_go(&self.records, gone)
        }
    }

    fn put(&mut self, at: usize, id: u64, wanted: Wanted) -> Value {
        let record = Record {
            id,
            name: wanted.name,
            rtype: wanted.rtype,
            value: wanted.value,
            ttl: wanted.ttl,
            priority: wanted.priority,
        };
        let shown = self.json(&record, &wanted.extra);
        self.records.insert(at, record);
        self.extras.insert(id, wanted.extra);
        shown
    }

    fn json(&self, record: &Record, extra: &Extra) -> Value {
        let dots = self.shared.controls.with(|settings| settings.final_dots);
        json_of(record, extra, self.zone, dots)
    }

    fn position(&self, id: &str) -> Result<usize, Refusal> {
        position(&self.records, id)
    }
}

/// Where the record of an id is.
pub(super) fn position(records: &[Record], id: &str) -> Result<usize, Refusal> {
    if !is_id(id) {
        return Err(Refusal::new(400, 1002, "Invalid dns record identifier"));
    }
    records
        .iter()
        .position(|record| record_id(record.id) == id)
        .ok_or_else(|| Refusal::new(404, 81044, "Record does not exist."))
}

/// The id that a record has at Cloudflare.
pub(super) fn record_id(id: u64) -> String {
    // Mixed, so that ids of records made one after another do not look alike.
    format!("{:016x}{id:016x}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A record as it is shown.
pub(super) fn json_of(record: &Record, extra: &Extra, zone: &ZoneView, dots: bool) -> Value {
    let Record {
        id,
        name,
        rtype,
        value,
        ttl,
        priority,
    } = record;
    let dot = if dots && matches!(rtype.as_str(), "CNAME" | "MX" | "NS" | "PTR") {
        "."
    } else {
        ""
    };
    let mut shown = json!({
        "id": record_id(*id),
        "zone_id": zone.id,
        "zone_name": zone.name,
        "name": full_name(name, &zone.name),
        "type": rtype,
        "content": format!("{value}{dot}"),
        "proxiable": proxiable(rtype),
        "proxied": extra.proxied,
        "ttl": ttl,
        "settings": {},
        "meta": {},
        "comment": extra.comment,
        "tags": extra.tags,
        "created_on": time(extra.created),
        "modified_on": time(extra.modified),
    });
    if let Some(data) = data(rtype, value, *priority) {
        shown["data"] = data;
    }
    if let Some(priority) = priority {
        shown["priority"] = json!(priority);
    }
    shown
}

/// A name below a zone, in full.
pub(super) fn full_name(below: &str, zone: &str) -> String {
    if below.is_empty() {
        zone.to_owned()
    } else {
        format!("{below}.{zone}")
    }
}

fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}
