//! A zone at Namecheap as records of the DNS.

use pdm_registrar::{DomainName, OwnerName, ZoneExport, ZoneRecord};

use crate::zone::{Row, Zone};

/// Longest of the strings that one TXT record is made of, in octets (RFC 1035 section 3.3).
const LONGEST: usize = 255;

/// All records of the zone.
pub(crate) fn export(zone: &DomainName, held: &Zone) -> ZoneExport {
    let mut missing = Vec::new();
    let mut records = Vec::new();
    for row in &held.rows {
        match record(zone, row) {
            Some(record) => records.push(record),
            None => missing.push(format!("{}: {}", row.named(), row.address.escape_default())),
        }
    }
    missing.push("SRV records, which Namecheap's API does not show, if there are any".to_owned());
    let mail = match held.email_type.as_deref() {
        Some("FWD" | "OX" | "GMAIL") => Some("the MX records of Namecheap's own mail service"),
        Some("MXE") => Some("the MX record that leads to the address of the mail settings"),
        _ => None,
    };
    missing.extend(mail.map(str::to_owned));
    records.sort();
    ZoneExport {
        zone: zone.clone(),
        records,
        missing,
    }
}

/// A record in presentation form; `None` for what only the vendor has (redirects, ALIAS, MXE), what is switched off, or what is not
/// clear.
fn record(zone: &DomainName, row: &Row) -> Option<ZoneRecord> {
    if !row.active {
        return None;
    }
    let owner = match row.name.as_str() {
        "@" => zone.clone().into(),
        name => OwnerName::below(name, zone).ok()?,
    };
    let address = row.address.trim();
    let value = match row.rtype.as_str() {
        "A" => address.parse::<std::net::Ipv4Addr>().ok()?.to_string(),
        "AAAA" => address.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
        "CNAME" | "NS" => absolute(address)?,
        "MX" => format!("{} {}", row.preference?, absolute(address)?),
        "TXT" => quoted(&row.address),
        "CAA" => address.to_owned(),
        _ => return None,
    };
    Some(ZoneRecord {
        owner,
        rtype: row.rtype.clone(),
        ttl: row.ttl,
        value,
    })
}

/// A host with a final dot.
fn absolute(host: &str) -> Option<String> {
    Some(format!("{}.", OwnerName::parse(host).ok()?.as_str()))
}

/// A text as quoted strings (RFC 1035 section 5.1).
fn quoted(value: &str) -> String {
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    let strings: Vec<_> = value.as_bytes().chunks(LONGEST).map(quoted_one).collect();
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
