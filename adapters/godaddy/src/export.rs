//! A hosted zone's records in the form of zone files, and what that form cannot say.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use pdm_registrar::{DomainName, OwnerName, ZoneExport, ZoneRecord};

use crate::records::{is_empty, owner, unquoted};
use crate::wire::Record;

/// What GoDaddy takes when none is given, in seconds.
const USUAL_TTL: u32 = 3600;
/// Longest of the strings that one TXT record is made of, in octets (RFC 1035 section 3.3).
const LONGEST: usize = 255;

/// All of `records` that are the customer's.
pub(crate) fn export(zone: &DomainName, records: &[Record]) -> ZoneExport {
    let mut kept = BTreeSet::new();
    let mut missing = BTreeSet::new();
    for record in records {
        let at = owner(zone, record);
        if record.kind == "SOA" || (record.kind == "NS" && at == zone.as_str() && is_own(record)) {
            continue;
        }
        match (OwnerName::parse(&at), value(zone, record)) {
            (Ok(owner), Some(value)) => {
                kept.insert(ZoneRecord {
                    owner,
                    rtype: record.kind.clone(),
                    ttl: record.ttl.unwrap_or(USUAL_TTL),
                    value,
                });
            }
            _ if is_empty(record) => {
                missing.insert(format!("{at} {} has no data", record.kind));
            }
            _ => {
                missing.insert(format!(
                    "{at} {}: its data is not of the form that zone files have",
                    record.kind
                ));
            }
        }
    }
    ZoneExport {
        zone: zone.clone(),
        records: kept.into_iter().collect(),
        missing: missing.into_iter().collect(),
    }
}

fn is_own(record: &Record) -> bool {
    record
        .data
        .trim_end_matches('.')
        .to_ascii_lowercase()
        .ends_with(".domaincontrol.com")
}

/// The data in presentation form; `None` for what only GoDaddy understands, such as the address `Parked`.
fn value(zone: &DomainName, record: &Record) -> Option<String> {
    let data = record.data.trim();
    if data.is_empty() {
        return None;
    }
    match record.kind.as_str() {
        "A" => data.parse::<Ipv4Addr>().ok().map(|address| address.to_string()),
        "AAAA" => data.parse::<Ipv6Addr>().ok().map(|address| address.to_string()),
        "CNAME" | "NS" => host(zone, data),
        "MX" => Some(format!("{} {}", record.priority?, host(zone, data)?)),
        "SRV" => {
            let (priority, weight, port) = (record.priority?, record.weight?, record.port?);
            Some(format!("{priority} {weight} {port} {}", host(zone, data)?))
        }
        "TXT" => Some(quote(&unquoted(data))),
        "CAA" => match (&record.flag, &record.tag) {
            (flag, Some(tag)) => Some(format!("{} {tag} {}", flag.unwrap_or(0), quote(&unquoted(data)))),
            (_, None) if data.split_ascii_whitespace().count() >= 3 => Some(data.to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// A host name with its final dot. `@` is the zone; a single label may be meant below the zone or not, and is no answer.
fn host(zone: &DomainName, data: &str) -> Option<String> {
    let name = data.trim_end_matches('.').to_ascii_lowercase();
    match name.as_str() {
        "@" => Some(format!("{zone}.")),
        "" => Some(".".to_owned()),
        _ if name.contains('.') && OwnerName::parse(&name).is_ok() => Some(format!("{name}.")),
        _ => None,
    }
}

/// Text as quoted strings (RFC 1035 section 5.1).
fn quote(text: &str) -> String {
    let strings = text.as_bytes().chunks(LONGEST).map(|octets| {
        let escaped: String = octets
            .iter()
            .map(|&octet| match octet {
                b'"' | b'\\' => format!("\\{}", char::from(octet)),
                0x20..=0x7e => char::from(octet).to_string(),
                _ => format!("\\{octet:03}"),
            })
            .collect();
        format!("\"{escaped}\"")
    });
    strings.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> Option<String> {
        let zone = DomainName::parse("example.com").unwrap();
        value(&zone, &serde_json::from_str(json).unwrap())
    }

    #[test]
    fn data_becomes_what_a_zone_file_has() {
        for (json, expected) in [
            (r#"{"type":"A","name":"@","data":"192.0.2.1"}"#, Some("192.0.2.1")),
            (r#"{"type":"A","name":"@","data":"Parked"}"#, None),
            (
                r#"{"type":"CNAME","name":"www","data":"@"}"#,
                Some("example.com."),
            ),
            (
                r#"{"type":"CNAME","name":"www","data":"Host.example.net"}"#,
                Some("host.example.net."),
            ),
            (r#"{"type":"CNAME","name":"www","data":"host"}"#, None),
            (
                r#"{"type":"MX","name":"@","data":"mail.example.net","priority":10}"#,
                Some("10 mail.example.net."),
            ),
            (
                r#"{"type":"SRV","name":"@","data":"sip.example.net","priority":1,"weight":2,"port":5060,"service":"_sip","protocol":"_tcp"}"#,
                Some("1 2 5060 sip.example.net."),
            ),
            (
                r#"{"type":"TXT","name":"@","data":"say \"hi\""}"#,
                Some("\"say \\\"hi\\\"\""),
            ),
            (
                r#"{"type":"CAA","name":"@","data":"letsencrypt.org","flag":0,"tag":"issue"}"#,
                Some("0 issue \"letsencrypt.org\""),
            ),
            (
                r#"{"type":"CAA","name":"@","data":"0 issue \"letsencrypt.org\""}"#,
                Some("0 issue \"letsencrypt.org\""),
            ),
            (r#"{"type":"TXT","name":"@","data":""}"#, None),
        ] {
            assert_eq!(shown(json).as_deref(), expected, "{json}");
        }
    }
}
