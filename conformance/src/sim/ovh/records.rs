//! Records of a zone. They are stored by these calls, and served after a refresh.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::answer::{Answer, Done, Refusal};
use super::request::Request;
use super::{Shared, like};
use crate::sim::faults::Fault;
use crate::sim::world::Record;

/// Types that OVH has. DS is none of them.
const TYPES: [&str; 20] = [
    "A", "AAAA", "CAA", "CNAME", "DKIM", "DMARC", "DNAME", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR", "RP",
    "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
];

impl Shared {
    /// `GET /domain/zone/{zone}/record`: ids of those that are like what is asked for, where `%` and `_` stand for other characters.
    pub(super) fn list_records(&self, zone: &str, request: &Request) -> Done {
        let ids: Vec<_> = self
            .shown_records(zone)
            .iter()
            .filter(|record| {
                let is = |key: &str, value: &str, any_case| {
                    request
                        .query(key)
                        .is_none_or(|pattern| like(pattern, value, any_case))
                };
                is("fieldType", &record.rtype, false) && is("subDomain", &record.name, true)
            })
            .map(|record| record.id)
            .collect();
        json!(ids).into()
    }

    /// `GET /domain/zone/{zone}/record/{id}`.
    pub(super) fn get_record(&self, zone: &str, id: &str) -> Answer {
        let records = self.shown_records(zone);
        let record = records.iter().find(|record| record.id.to_string() == id);
        record
            .map(|record| json_of(record, record.id, zone).into())
            .ok_or_else(|| Refusal::no_object("id", id))
    }

    /// `POST /domain/zone/{zone}/record`. Twice makes two.
    pub(super) fn create_record(&self, zone: &str, request: &Request) -> Answer {
        let body = request.object(
            &["fieldType", "subDomain", "target", "ttl"],
            &["fieldType", "target"],
        )?;
        let rtype = body["fieldType"].as_str().unwrap_or_default();
        if !TYPES.contains(&rtype) {
            return Err(Refusal::bad(format!(
                "[fieldType] Given data ({rtype}) does not belong to the NamedResolutionFieldTypeEnum enumeration"
            )));
        }
        let mut record = Record {
            id: self.world.state().next_id(),
            name: String::new(),
            rtype: rtype.to_owned(),
            value: String::new(),
            ttl: 0,
            priority: None,
        };
        fill(&mut record, &body)?;
        let zero = self.controls.with(|settings| {
            let zero = settings.zero_ids > 0;
            settings.zero_ids = settings.zero_ids.saturating_sub(1);
            zero
        });
        let shown = json_of(&record, if zero { 0 } else { record.id }, zone);
        let mut records = self.stored(zone);
        records.push(record);
        self.store(zone, records, request);
        Ok(shown.into())
    }

    /// `PUT /domain/zone/{zone}/record/{id}`: the given fields.
    pub(super) fn change_record(&self, zone: &str, id: &str, request: &Request) -> Answer {
        let mut records = self.stored(zone);
        let record = records
            .iter_mut()
            .find(|record| record.id.to_string() == id)
            .ok_or_else(|| Refusal::no_object("id", id))?;
        let body = request.object(&["fieldType", "id", "zone", "subDomain", "target", "ttl"], &[])?;
        let same = |key: &str, value: &Value| body.get(key).is_none_or(|given| given == value);
        let special =
            matches!(record.rtype.as_str(), "DKIM" | "DMARC" | "SPF") && body.contains_key("fieldType");
        if special
            || !same("fieldType", &json!(record.rtype))
            || !same("id", &json!(record.id))
            || !same("zone", &json!(zone))
        {
            return Err(Refusal::bad(
                "Cannot update read-only properties: fieldType, id, zone",
            ));
        }
        fill(record, &body)?;
        self.store(zone, records, request);
        Ok(Value::Null.into())
    }

    /// `DELETE /domain/zone/{zone}/record/{id}`.
    pub(super) fn delete_record(&self, zone: &str, id: &str, request: &Request) -> Answer {
        let mut records = self.stored(zone);
        let before = records.len();
        records.retain(|record| record.id.to_string() != id);
        if records.len() == before {
            return Err(Refusal::no_object("id", id));
        }
        self.store(zone, records, request);
        Ok(Value::Null.into())
    }

    fn store(&self, zone: &str, records: Vec<Record>, request: &Request) {
        let fault = self.faults.take(&request.kind, |fault| {
            matches!(fault, Fault::NotApplied | Fault::AppliedLate { .. })
        });
        match fault {
            Some(Fault::NotApplied) => return,
            Some(Fault::AppliedLate { reads }) => self.stale_records.keep(zone, self.stored(zone), reads),
            _ => {}
        }
        self.private().drafts.insert(zone.to_owned(), records);
    }

    /// What a read sees: what is stored, whether it is served or not.
    fn shown_records(&self, zone: &str) -> Vec<Record> {
        self.stale_records
            .shown(zone)
            .unwrap_or_else(|| self.stored(zone))
    }
}

/// Takes over the fields that are given.
fn fill(record: &mut Record, body: &Map<String, Value>) -> Result<(), Refusal> {
    match body.get("subDomain") {
        None => {}
        Some(Value::Null) => record.name.clear(),
        Some(Value::String(name)) => {
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte))
            };
            if !name.is_empty() && !name.split('.').all(label) {
                return Err(Refusal::bad(format!("[subDomain] Invalid subdomain: {name}")));
            }
            record.name = name.to_ascii_lowercase();
        }
        Some(_) => {
            return Err(Refusal::bad(
                "[subDomain] Given data is not valid for type string",
            ));
        }
    }
    match body.get("target") {
        None => {}
        Some(Value::String(target)) => record.value = kept(&record.rtype, target.trim())?,
        Some(_) => return Err(Refusal::bad("[target] Given data is not valid for type string")),
    }
    match body.get("ttl") {
        None => {}
        Some(Value::Null) => record.ttl = 0,
        Some(ttl) => {
            record.ttl = ttl
                .as_u64()
                .and_then(|ttl| u32::try_from(ttl).ok())
                .filter(|ttl| *ttl == 0 || *ttl >= 60)
                .ok_or_else(|| Refusal::bad("[ttl] The TTL must be 0 or at least 60"))?;
        }
    }
    Ok(())
}

/// A target as OVH keeps it: text in quotes. A host without its final dot is relative to the zone, and stays so.
fn kept(rtype: &str, target: &str) -> Result<String, Refusal> {
    let invalid = || {
        Refusal::bad(format!(
            "[target] Invalid target for a record of type {rtype}: {target}"
        ))
    };
    if target.is_empty() {
        return Err(invalid());
    }
    match rtype {
        "A" => target
            .parse::<Ipv4Addr>()
            .map(|ip| ip.to_string())
            .map_err(|_| invalid()),
        "AAAA" => target
            .parse::<Ipv6Addr>()
            .map(|ip| ip.to_string())
            .map_err(|_| invalid()),
        "NS" | "CNAME" | "PTR" | "DNAME" if target.contains([' ', '"']) => Err(invalid()),
        "MX" if target
            .split_once(' ')
            .is_none_or(|(distance, _)| distance.parse::<u16>().is_err()) =>
        {
            Err(invalid())
        }
        "TXT" | "SPF" if !target.starts_with('"') => {
            let escaped = target.replace('\\', "\\\\").replace('"', "\\\"");
            Ok(format!("\"{escaped}\""))
        }
        _ => Ok(target.to_owned()),
    }
}

fn json_of(record: &Record, id: u64, zone: &str) -> Value {
    json!({
        "id": id,
        "zone": zone,
        "subDomain": record.name,
        "fieldType": record.rtype,
        "target": record.value,
        "ttl": record.ttl,
    })
}
