//! A zone's records in the form of zone files, and what that form cannot say.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, OwnerName, ZoneExport, ZoneRecord};

use crate::api::owner;
use crate::txt;
use crate::wire::{Record, Zone};

/// What Cloudflare answers with where the TTL is automatic, in seconds.
const AUTOMATIC: u32 = 300;

/// All of `records` that are the customer's.
pub(crate) fn export(name: &DomainName, zone: &Zone, records: &[Record]) -> ZoneExport {
    let mut kept = BTreeSet::new();
    let mut missing = BTreeSet::new();
    for record in records {
        let at = owner(&record.name);
        let kind = record.kind.to_ascii_uppercase();
        if kind == "SOA" || (kind == "NS" && at == name.as_str() && is_own(zone, record)) {
            continue;
        }
        match (OwnerName::parse(&record.name), value(&kind, record)) {
            (Ok(owner), Some(value)) => {
                kept.insert(ZoneRecord {
                    owner,
                    rtype: kind.clone(),
                    ttl: if record.ttl <= 1 { AUTOMATIC } else { record.ttl },
                    value,
                });
            }
            _ => {
                missing.insert(format!(
                    "{at} {kind}: its data is not of the form that zone files have"
                ));
                continue;
            }
        }
        if record.proxied == Some(true) {
            missing.insert(format!(
                "{at} {kind} is proxied: the world sees Cloudflare's addresses, the record has the server behind them"
            ));
        }
        if kind == "CNAME" && at == name.as_str() {
            missing.insert(format!(
                "{at} CNAME stands at the apex: Cloudflare answers with the addresses of its target"
            ));
        }
    }
    ZoneExport {
        zone: name.clone(),
        records: kept.into_iter().collect(),
        missing: missing.into_iter().collect(),
    }
}

fn is_own(zone: &Zone, record: &Record) -> bool {
    let host = owner(record.content.as_deref().unwrap_or_default());
    host.ends_with(".ns.cloudflare.com") || zone.name_servers.iter().flatten().any(|own| owner(own) == host)
}

/// The data in presentation form. Cloudflare leaves out final dots, and keeps the first number of MX, SRV and URI beside the data.
fn value(kind: &str, record: &Record) -> Option<String> {
    let content = record.content.as_deref()?.trim();
    if content.is_empty() && kind != "TXT" {
        return None;
    }
    Some(match kind {
        "CNAME" | "NS" | "PTR" | "DNAME" => absolute(content),
        "MX" => format!("{} {}", record.priority?, absolute(content)),
        "SRV" => {
            let words: Vec<_> = content.split_ascii_whitespace().collect();
            let (target, numbers) = words.split_last()?;
            // Weight and port, or all three.
            let priority = if numbers.len() == 2 {
                format!("{} ", record.priority?)
            } else {
                String::new()
            };
            format!("{priority}{} {}", numbers.join(" "), absolute(target))
        }
        "URI" if content.split_ascii_whitespace().count() == 2 => format!("{} {content}", record.priority?),
        "HTTPS" | "SVCB" => {
            let mut words = content.splitn(3, ' ');
            let (priority, target) = (words.next()?, words.next()?);
            let parameters = words.next().map(|rest| format!(" {rest}")).unwrap_or_default();
            format!("{priority} {}{parameters}", absolute(target))
        }
        "NAPTR" => {
            let (before, replacement) = content.rsplit_once(' ')?;
            format!("{before} {}", absolute(replacement))
        }
        "TXT" | "SPF" => txt::quote(&txt::unquote(content)),
        _ => content.to_owned(),
    })
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, content: &str, priority: Option<u16>) -> Record {
        Record {
            id: String::new(),
            name: "www.example.com".to_owned(),
            kind: kind.to_owned(),
            content: Some(content.to_owned()),
            data: None,
            priority,
            ttl: 1,
            proxied: None,
        }
    }

    #[test]
    fn data_becomes_what_a_zone_file_has() {
        for (kind, content, priority, expected) in [
            ("A", "192.0.2.1", None, "192.0.2.1"),
            ("CNAME", "Target.example.net", None, "target.example.net."),
            ("MX", "mail.example.net", Some(10), "10 mail.example.net."),
            ("MX", ".", Some(0), "0 ."),
            (
                "SRV",
                "5 8806 sip.example.net",
                Some(1),
                "1 5 8806 sip.example.net.",
            ),
            (
                "SRV",
                "1 5 8806 sip.example.net",
                None,
                "1 5 8806 sip.example.net.",
            ),
            (
                "SRV",
                "5\t8806\tsip.example.net",
                Some(1),
                "1 5 8806 sip.example.net.",
            ),
            (
                "URI",
                "1 \"https://example.net/\"",
                Some(10),
                "10 1 \"https://example.net/\"",
            ),
            ("HTTPS", "1 . alpn=\"h3,h2\"", None, "1 . alpn=\"h3,h2\""),
            ("SVCB", "1 svc.example.net", None, "1 svc.example.net."),
            (
                "NAPTR",
                "10 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.net",
                None,
                "10 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.net.",
            ),
            ("TXT", "v=spf1 -all", None, "\"v=spf1 -all\""),
            (
                "CAA",
                "0 issue \"letsencrypt.org\"",
                None,
                "0 issue \"letsencrypt.org\"",
            ),
        ] {
            assert_eq!(
                value(kind, &record(kind, content, priority)).as_deref(),
                Some(expected),
                "{kind}"
            );
        }
        assert_eq!(value("MX", &record("MX", "mail.example.net", None)), None);
    }
}
