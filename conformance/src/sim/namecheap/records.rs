//! Records as they are sent, kept and shown.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::VENDOR;
use super::answer::Refusal;
use super::command::Parameters;
use crate::sim::world::{Record, World, Zone};

/// Types of records that may be set.
const TYPES: [&str; 12] = [
    "A", "AAAA", "ALIAS", "CAA", "CNAME", "MX", "MXE", "NS", "TXT", "URL", "URL301", "FRAME",
];
/// TTL of a record for which none was given: "automatic".
const AUTOMATIC: u32 = 1799;
/// Most records of a zone.
const MOST: usize = 150;

/// A record that was sent and may be.
#[derive(Clone)]
pub(super) struct Sent {
    /// Empty for the domain itself.
    name: String,
    pub(super) rtype: String,
    value: String,
    ttl: u32,
    preference: Option<u16>,
}

/// Reads `HostName1` … up to the first number that is not there.
pub(super) fn sent(parameters: &Parameters) -> Result<Vec<Sent>, Refusal> {
    let mut all = Vec::new();
    for number in 1_usize.. {
        let get = |name: &str| parameters.get(&format!("{name}{number}"));
        let (Some(name), Some(rtype), Some(address)) = (get("HostName"), get("RecordType"), get("Address"))
        else {
            break;
        };
        if number > MOST {
            return Err(Refusal::new(3_013_288, "Too many records"));
        }
        let ttl = match get("TTL") {
            None => AUTOMATIC,
            Some(text) => text
                .parse()
                .ok()
                .filter(|ttl| (60..=60_000).contains(ttl))
                .ok_or_else(|| Refusal::record(format!("INVALID_TTL : '{text}' (host name: {name})")))?,
        };
        all.push(one(name, rtype, address, ttl, get("MXPref"))?);
    }
    Ok(all)
}

fn one(name: &str, rtype: &str, address: &str, ttl: u32, preference: Option<&str>) -> Result<Sent, Refusal> {
    let rtype = rtype.to_ascii_uppercase();
    let invalid = |why: &str| Refusal::record(format!("{why} : '{address}' (host name: {name})"));
    if !TYPES.contains(&rtype.as_str()) {
        return Err(invalid("INVALID_RECORD_TYPE"));
    }
    let fits = match rtype.as_str() {
        "A" | "MXE" => address.parse::<Ipv4Addr>().is_ok(),
        "AAAA" => address.parse::<Ipv6Addr>().is_ok(),
        "MX" | "CNAME" | "NS" | "ALIAS" => is_host(address),
        "CAA" => is_caa(address),
        _ => true,
    };
    if rtype == "MX" && !fits {
        return Err(Refusal::record(format!(
            "INVALID_ADDR : '{address}' should not be an IP/ URL for MX record.(host name: {name})"
        )));
    }
    if !fits {
        return Err(invalid("INVALID_ADDR"));
    }
    let name = if name == "@" {
        String::new()
    } else {
        name.to_ascii_lowercase()
    };
    if rtype == "NS" && name.is_empty() {
        return Err(invalid("INVALID_NS"));
    }
    let value = match rtype.as_str() {
        // Names come back with a final dot, however they were sent.
        "MX" | "CNAME" | "NS" | "ALIAS" => format!("{}.", address.trim_end_matches('.').to_ascii_lowercase()),
        // Quotation marks in texts do not survive.
        "TXT" => address.replace('"', ""),
        _ => address.to_owned(),
    };
    Ok(Sent {
        name,
        preference: (rtype == "MX").then(|| preference.and_then(|text| text.parse().ok()).unwrap_or(10)),
        rtype,
        value,
        ttl,
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

fn is_caa(text: &str) -> bool {
    let mut parts = text.splitn(3, ' ');
    let flag = parts.next().is_some_and(|flag| flag.parse::<u8>().is_ok());
    let tag = parts
        .next()
        .is_some_and(|tag| ["issue", "issuewild", "iodef"].contains(&tag));
    let quoted = |value: &str| value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    flag && tag && parts.next().is_some_and(quoted)
}

/// Makes `sent` all records of the zone. Every one has a new number.
pub(super) fn replace(world: &World, name: &str, sent: Vec<Sent>) {
    let mut state = world.state();
    let account = state
        .domains
        .get(name)
        .map(|domain| domain.account.clone())
        .unwrap_or_default();
    let records = sent
        .into_iter()
        .map(|one| Record {
            id: state.next_id(),
            name: one.name,
            rtype: one.rtype,
            value: one.value,
            ttl: one.ttl,
            priority: one.preference,
        })
        .collect();
    state
        .zones
        .insert((VENDOR.to_owned(), name.to_owned()), Zone { account, records });
}

/// The records of a domain that is new at the vendor's name servers, unless it has some.
pub(super) fn of_a_new_domain(world: &World, name: &str) {
    let mut state = world.state();
    if state.zone(VENDOR, name).is_some() {
        return;
    }
    let account = state
        .domains
        .get(name)
        .map(|domain| domain.account.clone())
        .unwrap_or_default();
    let mut record = |owner: &str, rtype: &str, value: String, ttl| Record {
        id: state.next_id(),
        name: owner.to_owned(),
        rtype: rtype.to_owned(),
        value,
        ttl,
        priority: None,
    };
    let records = vec![
        record("www", "CNAME", "parkingpage.namecheap.com.".to_owned(), 1800),
        record("", "URL", format!("http://www.{name}/"), 1800),
    ];
    state
        .zones
        .insert((VENDOR.to_owned(), name.to_owned()), Zone { account, records });
}
