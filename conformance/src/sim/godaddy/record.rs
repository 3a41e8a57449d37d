//! Records as they are sent, kept and shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::answer::{Failure, Field};
use crate::sim::world::{Record, State};

/// A record that was sent and may be.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// Empty for the domain itself.
    pub(super) name: String,
    pub(super) rtype: String,
    value: String,
    ttl: u32,
    priority: Option<u16>,
}

/// Reads a record. `rtype` and `name` are what the path says, which counts more than the body. Version 3 sends flag and tag of a CAA
/// beside its data.
pub(super) fn read(
    sent: &Value,
    at: usize,
    rtype: Option<&str>,
    name: Option<&str>,
    types: &[&str],
) -> Result<Sent, Failure> {
    let wrong = |code, message: &str, field: &str| {
        Failure::body(Field::new(code, message, format!("records[{at}].{field}")))
    };
    if !sent.is_object() {
        return Err(wrong("UNEXPECTED_TYPE", "is not a object", ""));
    }
    let missing = |field: &str| wrong("MISSING_FIELD", "is required", field);
    let rtype = rtype.or(sent["type"].as_str()).ok_or_else(|| missing("type"))?;
    if !types.contains(&rtype) {
        return Err(wrong(
            "INVALID_VALUE_ENUM",
            "is not a known type of record",
            "type",
        ));
    }
    let name = name.or(sent["name"].as_str()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| missing("name"))?.to_ascii_lowercase();
    let name = if name == "@" { String::new() } else { name };
    let data = sent["data"].as_str().ok_or_else(|| missing("data"))?;
    let ttl = match &sent["ttl"] {
        Value::Null => 3600,
        ttl => ttl.as_u64().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or(0),
    };
    if ttl < 600 {
        return Err(wrong(
            "UNKNOWN_RESTRICTION",
            "must have a minimum value of 600",
            "ttl",
        ));
    }
    if ttl > 86_400 {
        return Err(wrong(
            "UNKNOWN_RESTRICTION",
            "must have a maximum value of 86400",
            "ttl",
        ));
    }
    let fits = match rtype {
        "A" => data.parse::<Ipv4Addr>().is_ok(),
        "AAAA" => data.parse::<Ipv6Addr>().is_ok(),
        "CNAME" => data == "@" || is_host(data),
        "MX" | "NS" | "SRV" => is_host(data),
        _ => !data.is_empty(),
    };
    if !fits {
        return Err(wrong(
            "INVALID_VALUE",
            "is not valid for this type of record",
            "data",
        ));
    }
    let number = |field: &str| sent[field].as_u64().and_then(|number| u16::try_from(number).ok());
    let (name, value) = match rtype {
        "SRV" => {
            let word = |field: &str| sent[field].as_str().ok_or_else(|| missing(field));
            let (service, protocol) = (word("service")?, word("protocol")?);
            let (weight, port) = (
                number("weight").unwrap_or(0),
                number("port").ok_or_else(|| missing("port"))?,
            );
            let below = if name.is_empty() {
                String::new()
            } else {
                format!(".{name}")
            };
            (
                format!("{service}.{protocol}{below}"),
                format!("{weight} {port} {data}"),
            )
        }
        "CAA" if sent["tag"].is_string() => {
            let tag = sent["tag"].as_str().unwrap_or_default();
            (name, format!("{} {tag} \"{data}\"", number("flag").unwrap_or(0)))
        }
        _ => (name, data.to_owned()),
    };
    let priority = matches!(rtype, "MX" | "SRV").then(|| number("priority").unwrap_or(0));
    Ok(Sent {
        name,
        rtype: rtype.to_owned(),
        value,
        ttl,
        priority,
    })
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(plain)
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    name.contains('.') && name.split('.').all(label) && name.parse::<IpAddr>().is_err()
}

impl Sent {
    /// Whether the zone has this record already, whatever its TTL.
    pub(super) fn is(&self, record: &Record) -> bool {
        self.name == record.name && self.rtype == record.rtype && self.value == record.value
    }

    /// The record to keep. That of a protected domain has no data, although the vendor says yes.
    pub(super) fn into_record(self, state: &mut State, protected: bool) -> Record {
        Record {
            id: state.next_id(),
            name: self.name,
            rtype: self.rtype,
            value: if protected { String::new() } else { self.value },
            ttl: self.ttl,
            priority: self.priority,
        }
    }
}

/// A record as version 1 shows it.
pub(super) fn shown(record: &Record) -> Value {
    let owner = |name: &str| {
        if name.is_empty() {
            "@".to_owned()
        } else {
            name.to_owned()
        }
    };
    let mut shown = json!({
        "type": record.rtype,
        "name": owner(&record.name),
        "data": record.value,
        "ttl": record.ttl,
    });
    if let Some(priority) = record.priority {
        shown["priority"] = json!(priority);
    }
    if record.rtype == "SRV" {
        let mut labels = record.name.splitn(3, '.');
        shown["service"] = json!(labels.next());
        shown["protocol"] = json!(labels.next());
        shown["name"] = json!(owner(labels.next().unwrap_or_default()));
        let mut words = record.value.splitn(3, ' ');
        shown["weight"] = json!(words.next().and_then(|word| word.parse::<u16>().ok()));
        shown["port"] = json!(words.next().and_then(|word| word.parse::<u16>().ok()));
        shown["data"] = json!(words.next());
    }
    shown
}

/// A record as version 3 shows it.
pub(super) fn shown_v3(record: &Record) -> Value {
    let mut shown = shown(record);
    shown["recordId"] = json!(id(record));
    if record.rtype == "CAA" {
        let mut words = record.value.splitn(3, ' ');
        shown["flag"] = json!(words.next().and_then(|word| word.parse::<u8>().ok()));
        shown["tag"] = json!(words.next());
        shown["data"] = json!(words.next().map(|value| value.trim_matches('"')));
    }
    shown
}

/// What version 3 calls a record.
pub(super) fn id(record: &Record) -> String {
    format!("record-{}", record.id)
}
