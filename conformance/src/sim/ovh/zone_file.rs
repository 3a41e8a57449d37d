//! A zone as the text that `export` gives.

use std::fmt::Write;

use super::{NAMESERVERS, Shared};

/// Names begin here, types there.
const COLUMN: usize = 24;

impl Shared {
    /// What is stored of a zone as a zone file: relative names, the apex first and afterwards left out.
    pub(super) fn zone_file(&self, zone: &str) -> String {
        let mut records = self.stored(zone);
        // Stable: within a name the order stays.
        records.sort_by(|one, other| one.name.cmp(&other.name));
        let mut text = format!(
            "$TTL 3600\n@\tIN SOA {}. tech.ovh.net. (2026010200 86400 3600 3600000 300)\n",
            NAMESERVERS[0]
        );
        let mut last = "";
        for record in &records {
            // OVH's own types are TXT in the file.
            let (rtype, value) = match record.rtype.as_str() {
                "DKIM" | "DMARC" => ("TXT", format!("( \"{}\" )", record.value.trim_matches('"'))),
                "SPF" => ("TXT", record.value.clone()),
                other => (other, record.value.clone()),
            };
            let owner = if record.name == last { "" } else { &record.name };
            let ttl = if record.ttl == 0 {
                String::new()
            } else {
                format!("{} ", record.ttl)
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{owner:<COLUMN$} {ttl}IN {rtype:<6} {value}");
            last = &record.name;
        }
        text
    }
}
