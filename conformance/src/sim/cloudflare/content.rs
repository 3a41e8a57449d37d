//! What a record of a request becomes when Cloudflare keeps it.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::zones::ZoneView;

/// A record as it was asked for, in the form it is kept in.
#[derive(Clone)]
pub(super) struct Wanted {
    /// Below the zone; empty at its apex.
    pub(super) name: String,
    pub(super) rtype: String,
    pub(super) value: String,
    pub(super) ttl: u32,
    pub(super) priority: Option<u16>,
    pub(super) extra: Extra,
}

/// What Cloudflare keeps beside a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    pub(super) proxied: bool,
    pub(super) comment: Option<String>,
    pub(super) tags: Vec<String>,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) modified: u64,
}

/// Types whose content is text.
const PLAIN: [&str; 7] = ["A", "AAAA", "CNAME", "MX", "NS", "PTR", "TXT"];

/// Types that are written as `data`, and its fields in the order of the content.
const STRUCTURED: [(&str, &[&str]); 7] = [
    ("CAA", &["flags", "tag", "value"]),
    ("DS", &["key_tag", "algorithm", "digest_type", "digest"]),
    ("HTTPS", &["priority", "target", "value"]),
    ("SRV", &["weight", "port", "target"]),
    ("SSHFP", &["algorithm", "type", "fingerprint"]),
    ("SVCB", &["priority", "target", "value"]),
    ("TLSA", &["usage", "selector", "matching_type", "certificate"]),
];

/// Reads a record of a request.
pub(super) fn read(body: &Map<String, Value>, zone: &ZoneView) -> Result<Wanted, Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    let rtype = text("type").to_ascii_uppercase();
    let name = owner(text("name"), &zone.name)?;
    let structured = STRUCTURED.iter().find(|(known, _)| *known == rtype);
    let value = match structured {
        Some((_, fields)) => structured_content(&rtype, fields, body.get("data"))?,
        None if PLAIN.contains(&rtype.as_str()) => plain_content(&rtype, text("content"))?,
        None => {
            return Err(Refusal::validation(
                9002,
                format!("DNS record type \"{rtype}\" is invalid."),
            ));
        }
    };
    let ttl = match body.get("ttl") {
        None | Some(Value::Null) => 1,
        Some(ttl) => ttl
            .as_u64()
            .and_then(|ttl| u32::try_from(ttl).ok())
            .filter(|ttl| *ttl == 1 || (60..=86_400).contains(ttl))
            .ok_or_else(|| {
                Refusal::validation(
                    9021,
                    "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.",
                )
            })?,
    };
    let from_data = body.get("data").and_then(|data| data.get("priority"));
    let priority = match rtype.as_str() {
        "MX" => Some(body.get("priority").unwrap_or(&Value::Null)),
        "SRV" => Some(from_data.unwrap_or(&Value::Null)),
        _ => None,
    };
    let priority = match priority {
        None => None,
        Some(number) => Some(
            number
                .as_u64()
                .and_then(|number| u16::try_from(number).ok())
                .ok_or_else(|| Refusal::validation(9101, "priority is a required data field."))?,
        ),
    };
    Ok(Wanted {
        extra: extra(body, &rtype, zone)?,
        name,
        rtype,
        value,
        ttl,
        priority,
    })
}

fn extra(body: &Map<String, Value>, rtype: &str, zone: &ZoneView) -> Result<Extra, Refusal> {
    let proxied = body.get("proxied").and_then(Value::as_bool).unwrap_or_default();
    if proxied && !proxiable(rtype) {
        return Err(Refusal::validation(9004, "This record type cannot be proxied."));
    }
    let tags: Vec<String> = match body.get("tags") {
        Some(Value::Array(tags)) => tags
            .iter()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    if !tags.is_empty() && !zone.facts.paid {
        return Err(Refusal::validation(
            9300,
            format!("DNS record has {} tags, exceeding the quota of 0.", tags.len()),
        ));
    }
    Ok(Extra {
        proxied,
        comment: body.get("comment").and_then(Value::as_str).map(str::to_owned),
        tags,
        created: 0,
        modified: 0,
    })
}

/// Types that Cloudflare can stand in front of.
pub(super) fn proxiable(rtype: &str) -> bool {
    matches!(rtype, "A" | "AAAA" | "CNAME")
}

/// The owner below the zone. A name that does not end in the zone's gets it appended, as if it were relative.
fn owner(name: &str, zone: &str) -> Result<String, Refusal> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name == "@" || name == zone {
        return Ok(String::new());
    }
    let below = name
        .strip_suffix(zone)
        .and_then(|rest| rest.strip_suffix('.'))
        .unwrap_or(&name);
    let fine = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte))
    };
    if below.is_empty() || !below.split('.').all(fine) || below.len() + zone.len() > 252 {
        return Err(Refusal::validation(9000, "DNS name is invalid."));
    }
    Ok(below.to_owned())
}

fn plain_content(rtype: &str, content: &str) -> Result<String, Refusal> {
    let content = content.trim();
    match rtype {
        "A" => content
            .parse::<Ipv4Addr>()
            .map(|address| address.to_string())
            .map_err(|_| Refusal::validation(9005, "Content for A record must be a valid IPv4 address.")),
        "AAAA" => content
            .parse::<Ipv6Addr>()
            .map(|address| address.to_string())
            .map_err(|_| Refusal::validation(9006, "Content for AAAA record must be a valid IPv6 address.")),
        "TXT" if content.is_empty() => Err(Refusal::validation(9101, "content is a required data field.")),
        "TXT" => Ok(quoted(content)),
        _ => host(content).ok_or_else(|| {
            Refusal::validation(9009, format!("Content for {rtype} record must be a hostname."))
        }),
    }
}

/// A host name without its final dot, in lower case.
fn host(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let fine = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    (text.len() <= 253 && text.contains('.') && text.split('.').all(fine)).then_some(text)
}

/// A TXT value in quotes, in pieces of at most 255 bytes; what came in quotes stays as it is.
fn quoted(content: &str) -> String {
    if content.len() > 1 && content.starts_with('"') && content.ends_with('"') {
        return content.to_owned();
    }
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for character in content.chars() {
        if length + character.len_utf8() > 255 {
            pieces.push(String::new());
            length = 0;
        }
        length += character.len_utf8();
        if let Some(piece) = pieces.last_mut() {
            if matches!(character, '"' | '\\') {
                piece.push('\\');
            }
            piece.push(character);
        }
    }
    let pieces: Vec<_> = pieces.iter().map(|piece| format!("\"{piece}\"")).collect();
    pieces.join(" ")
}

fn structured_content(rtype: &str, fields: &[&str], data: Option<&Value>) -> Result<String, Refusal> {
    let mut words = Vec::new();
    for field in fields {
        let value = data.and_then(|data| data.get(*field));
        let word = match value {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) if !text.is_empty() || *field == "value" => text.clone(),
            None if *field == "value" && rtype != "CAA" => String::new(),
            _ => {
                return Err(Refusal::validation(
                    9101,
                    format!("{field} is a required data field."),
                ));
            }
        };
        words.push(match (rtype, *field) {
            ("CAA", "value") => format!("\"{word}\""),
            ("SRV", "target") => word.trim_end_matches('.').to_ascii_lowercase(),
            ("DS", "digest") => ds_digest(&words, &word)?,
            _ => word,
        });
    }
    Ok(words.join(" ").trim_end().to_owned())
}

/// The digest of a DS, whose fields before it are known, in capitals.
fn ds_digest(fields: &[String], digest: &str) -> Result<String, Refusal> {
    let digits = match fields.get(2).map(String::as_str) {
        Some("1") => 40,
        Some("2") => 64,
        Some("4") => 96,
        _ => return Err(Refusal::validation(9101, "digest_type is invalid.")),
    };
    if digest.len() != digits || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::validation(9101, "digest is invalid."));
    }
    Ok(digest.to_ascii_uppercase())
}

/// `data` of a kept record, for types that have one.
pub(super) fn data(rtype: &str, value: &str, priority: Option<u16>) -> Option<Value> {
    let (_, fields) = STRUCTURED.iter().find(|(known, _)| *known == rtype)?;
    let mut data: Map<String, Value> = fields
        .iter()
        .zip(value.splitn(fields.len(), ' '))
        .map(|(field, word)| {
            let number = word
                .parse::<u32>()
                .ok()
                .filter(|_| !matches!(*field, "digest" | "value"));
            let value = number.map_or_else(|| json!(word.trim_matches('"')), |number| json!(number));
            ((*field).to_owned(), value)
        })
        .collect();
    if rtype == "SRV" {
        data.insert("priority".to_owned(), json!(priority));
    }
    Some(Value::Object(data))
}
