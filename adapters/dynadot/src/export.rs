//! A zone at Dynadot DNS as records of the DNS.

use pdm_registrar::{DomainName, OwnerName, ZoneExport, ZoneRecord};

use crate::zone::{Row, Zone};

/// The TTL that is told when the vendor tells none, in seconds.
const DEFAULT_TTL: u32 = 300;
/// Longest of the strings that one TXT record is made of, in octets (RFC 1035 section 3.3).
const LONGEST: usize = 255;

/// All records of the zone. `rest` says whether they were read by REST, which shows all types.
pub(crate) fn export(zone: &DomainName, held: &Zone, rest: bool) -> ZoneExport {
    let ttl = held.ttl.unwrap_or(DEFAULT_TTL);
    let mut missing = Vec::new();
    let mut records = Vec::new();
    for row in &held.rows {
        match record(zone, row, ttl) {
            Some(record) => records.push(record),
            None => missing.push(format!(
                "{} {}: {}",
                if row.host.is_empty() { "@" } else { &row.host },
                row.rtype.to_ascii_uppercase(),
                row.value.escape_default()
            )),
        }
    }
    if !rest {
        missing.push(
            "records of types that Dynadot's older API may not show (CAA, NS, ANAME), if there are any"
                .to_owned(),
        );
    }
    records.sort();
    ZoneExport {
        zone: zone.clone(),
        records,
        missing,
    }
}

/// A record in presentation form; `None` for what only the vendor has (forwarding, e-mail aliases, ANAME) or what is not clear.
fn record(zone: &DomainName, row: &Row, ttl: u32) -> Option<ZoneRecord> {
    let owner = match row.host.as_str() {
        "" => zone.clone().into(),
        host => OwnerName::below(host, zone).ok()?,
    };
    let value = row.value.trim();
    let value = match row.rtype.as_str() {
        "a" => value.parse::<std::net::Ipv4Addr>().ok()?.to_string(),
        "aaaa" => value.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        "cname" | "ns" => absolute(value)?,
        "mx" => format!(
            "{} {}",
            row.value2.as_deref()?.trim().parse::<u16>().ok()?,
            absolute(value)?
        ),
        "txt" => quoted(&row.value),
        "caa" => value.to_owned(),
        "srv" => {
            let mut words: Vec<_> = row
                .value2
                .as_deref()
                .into_iter()
                .chain([value])
                .flat_map(str::split_whitespace)
                .collect();
            let target = absolute(words.pop()?)?;
            let [_, _, _] = words.as_slice() else { return None };
            format!("{} {target}", words.join(" "))
        }
        _ => return None,
    };
    Some(ZoneRecord {
        owner,
        rtype: row.rtype.to_ascii_uppercase(),
        ttl,
        value,
    })
}

/// A host with a final dot.
fn absolute(host: &str) -> Option<String> {
    Some(format!("{}.", OwnerName::parse(host).ok()?.as_str()))
}

/// A text as quoted strings (RFC 1035 section 5.1). Quotes that the customer typed around it are not part of it.
fn quoted(value: &str) -> String {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    if inner.is_empty() {
        return "\"\"".to_owned();
    }
    let strings: Vec<_> = inner.as_bytes().chunks(LONGEST).map(quoted_one).collect();
    strings.join(" ")
}

fn quoted_one(octets: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            0x20..=0x7e => text.push(char::from(octet)),
            _ => text.extend([
                '\\',
                digit(octet / 100),
                digit(octet / 10 % 10),
                digit(octet % 10),
            ]),
        }
    }
    text.push('"');
    text
}

fn digit(number: u8) -> char {
    char::from(b'0' + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_strings() {
        assert_eq!(quoted("v=spf1 -all"), "\"v=spf1 -all\"");
        assert_eq!(quoted("a\\ü"), "\"a\\\\\\195\\188\"");
        assert_eq!(quoted(&"x".repeat(256)), format!("\"{}\" \"x\"", "x".repeat(255)));
        assert_eq!(quoted(""), "\"\"");
    }
}
