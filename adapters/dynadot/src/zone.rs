//! A zone at Dynadot DNS: its records as the vendor keeps them, and what a change makes of them.
//!
//! Records have no numbers, and one TTL is for the whole zone. API3 can write the zone only as a whole, so that whatever it cannot
//! write would be gone.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, Error, ErrorKind, OwnerName};
use serde::{Deserialize, Serialize};

use crate::wire::{GlueInfo, Record, RestRecord, Settings};

/// Most records at the apex.
pub const MOST_MAIN: usize = 20;
/// Most records below it.
pub const MOST_SUB: usize = 100;

/// Types that both generations of the API write as they read them. Not among them: `forward`, `stealth` and `email`, whose second
/// value is read in another form than it is written; and `caa`, `aname` and `ns`, which API3 does not write.
const PLAIN: [&str; 6] = ["a", "aaaa", "cname", "mx", "txt", "srv"];
/// Types that REST writes besides.
const REST_ONLY: [&str; 3] = ["caa", "aname", "ns"];

/// One record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Owner below the zone, in lower case; empty at the apex.
    pub host: String,
    /// Type, in lower case.
    pub rtype: String,
    /// Data as the vendor has it.
    pub value: String,
    /// Second datum, such as the distance of an MX.
    pub value2: Option<String>,
}

/// A whole zone.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Zone {
    /// Seconds, for all records; `None` when the vendor did not say.
    pub ttl: Option<u32>,
    /// Its records.
    pub rows: Vec<Row>,
}

/// What a write does to a zone.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Records that shall be there.
    pub add: Vec<Row>,
    /// Records that shall not, as the vendor has them.
    pub remove: Vec<Row>,
}

/// How a zone is related to a [`Plan`] that was carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It is as planned.
    Done,
    /// It is as planned, but these records are gone, which nobody wanted.
    Lost(BTreeSet<String>),
    /// Not, or not yet.
    NotYet,
}

impl Row {
    /// A record of one datum.
    pub fn new(host: &str, rtype: &str, value: &str) -> Self {
        Self {
            host: host.to_owned(),
            rtype: rtype.to_owned(),
            value: value.to_owned(),
            value2: None,
        }
    }

    fn read(
        host: Option<String>,
        rtype: Option<String>,
        value: Option<String>,
        value2: Option<String>,
    ) -> Self {
        let host = host
            .unwrap_or_default()
            .trim_end_matches('.')
            .to_ascii_lowercase();
        Self {
            host: if host == "@" { String::new() } else { host },
            rtype: rtype.unwrap_or_default().to_ascii_lowercase(),
            value: value.unwrap_or_default(),
            value2,
        }
    }

    pub(crate) fn to_rest(&self) -> RestRecord {
        RestRecord {
            sub_host: (!self.host.is_empty()).then(|| self.host.clone()),
            record_type: Some(self.rtype.clone()),
            record_value1: Some(self.value.clone()),
            record_value2: self.value2.clone(),
        }
    }

    /// The host that an NS record names, however it is spelled.
    pub fn nameserver(&self) -> Option<DomainName> {
        (self.rtype == "ns")
            .then(|| DomainName::parse(self.value.trim()).ok())
            .flatten()
    }

    /// Whether it is a TXT record with this value, with or without quotes around it.
    pub fn is_txt(&self, value: &str) -> bool {
        let inner = self
            .value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        self.rtype == "txt" && (self.value == value || inner == Some(value))
    }

    /// The same for every spelling of the same record.
    fn normal(&self) -> Self {
        let value = match self.rtype.as_str() {
            "ns" | "cname" | "mx" | "aname" => self.value.trim().trim_end_matches('.').to_ascii_lowercase(),
            "txt" => match self
                .value
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
            {
                Some(inner) => inner.to_owned(),
                None => self.value.clone(),
            },
            _ => self.value.trim().to_owned(),
        };
        // A second datum of a type that has none is an empty slot of the vendor's.
        let single = ["a", "aaaa", "cname", "txt", "ns", "aname"].contains(&self.rtype.as_str());
        let value2 = if single { None } else { self.value2.clone() };
        Self {
            value,
            value2,
            ..self.clone()
        }
    }

    /// What it is, for people.
    fn named(&self) -> String {
        let host = if self.host.is_empty() { "@" } else { &self.host };
        format!("{host} {}", self.rtype.to_ascii_uppercase())
    }
}

impl Zone {
    /// As API3 shows it.
    pub fn of_settings(settings: Settings) -> Self {
        let row = |record: Record| Row::read(record.subhost, record.record_type, record.value, record.value2);
        let main = settings.main_domains.into_iter().map(|record| Row {
            host: String::new(),
            ..row(record)
        });
        Self {
            ttl: settings.ttl.and_then(|ttl| ttl.parse().ok()),
            rows: main.chain(settings.sub_domains.into_iter().map(row)).collect(),
        }
    }

    /// As REST shows it.
    pub fn of_rest(glue: GlueInfo) -> Self {
        let row = |record: RestRecord| {
            Row::read(
                record.sub_host,
                record.record_type,
                record.record_value1,
                record.record_value2,
            )
        };
        let main = glue.dns_main_list.into_iter().map(|record| Row {
            host: String::new(),
            ..row(record)
        });
        Self {
            ttl: glue.ttl.and_then(|ttl| ttl.parse().ok()),
            rows: main.chain(glue.dns_sub_list.into_iter().map(row)).collect(),
        }
    }

    /// The records as parameters of `set_dns2`, with the TTL.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let (main, sub): (Vec<_>, Vec<_>) = self.rows.iter().partition(|row| row.host.is_empty());
        let mut parameters = Vec::new();
        let mut add = |name: String, value: &str| parameters.push((name, value.to_owned()));
        for (at, row) in main.into_iter().enumerate() {
            add(format!("main_record_type{at}"), &row.rtype);
            add(format!("main_record{at}"), &row.value);
            if let Some(value2) = &row.value2 {
                add(format!("main_recordx{at}"), value2);
            }
        }
        for (at, row) in sub.into_iter().enumerate() {
            add(format!("subdomain{at}"), &row.host);
            add(format!("sub_record_type{at}"), &row.rtype);
            add(format!("sub_record{at}"), &row.value);
            if let Some(value2) = &row.value2 {
                add(format!("sub_recordx{at}"), value2);
            }
        }
        if let Some(ttl) = self.ttl {
            add("ttl".to_owned(), &ttl.to_string());
        }
        parameters
    }

    /// The records at a name.
    pub fn at<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.host == host)
    }

    /// Names below `host` that have records.
    pub fn below(&self, host: &str) -> BTreeSet<String> {
        let end = format!(".{host}");
        self.rows
            .iter()
            .filter(|row| row.host.ends_with(&end))
            .map(Row::named)
            .collect()
    }

    /// The zone after a plan.
    #[must_use]
    pub fn after(&self, plan: &Plan) -> Self {
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .filter(|row| !plan.remove.contains(row))
            .cloned()
            .collect();
        rows.extend(plan.add.iter().cloned());
        Self { ttl: self.ttl, rows }
    }

    /// Whether the plan is carried out in this zone, whatever else is in it.
    pub fn has_reached(&self, plan: &Plan) -> bool {
        let normal = self.normal();
        plan.add.iter().all(|row| normal.contains(&row.normal()))
            && !plan.remove.iter().any(|row| normal.contains(&row.normal()))
    }

    /// What this zone, read after the plan was carried out in `before`, shows.
    pub fn compare(&self, before: &Self, plan: &Plan) -> Seen {
        if !self.has_reached(plan) {
            return Seen::NotYet;
        }
        let normal = self.normal();
        let lost: BTreeSet<_> = before
            .after(plan)
            .rows
            .iter()
            .filter(|row| !normal.contains(&row.normal()))
            .map(Row::named)
            .collect();
        if lost.is_empty() {
            Seen::Done
        } else {
            Seen::Lost(lost)
        }
    }

    /// Whether both hold the same records.
    pub fn same_as(&self, other: &Self) -> bool {
        let sorted = |zone: &Self| {
            let mut rows: Vec<_> = zone.rows.iter().map(Row::normal).collect();
            rows.sort();
            rows
        };
        self.ttl == other.ttl && sorted(self) == sorted(other)
    }

    fn normal(&self) -> BTreeSet<Row> {
        self.rows.iter().map(Row::normal).collect()
    }

    /// Refuses more records than Dynadot takes.
    pub fn fits(&self) -> Result<(), Error> {
        let main = self.rows.iter().filter(|row| row.host.is_empty()).count();
        let sub = self.rows.len() - main;
        if main <= MOST_MAIN && sub <= MOST_SUB {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "the zone would have {main} records at its apex and {sub} below it; Dynadot takes {MOST_MAIN} and {MOST_SUB}: nothing was sent"
            ),
        ))
    }

    /// What a write of the whole zone, by REST or by API3, would destroy or change; empty when nothing.
    pub fn not_writable(&self, rest: bool) -> BTreeSet<String> {
        let writable = |row: &&Row| {
            PLAIN.contains(&row.rtype.as_str()) || (rest && REST_ONLY.contains(&row.rtype.as_str()))
        };
        self.rows
            .iter()
            .filter(|row| !writable(row))
            .map(Row::named)
            .collect()
    }
}

/// The owner `name` below `zone`, as the vendor writes it; empty at the apex.
pub fn host_of(zone: &DomainName, name: &OwnerName) -> Result<String, Error> {
    if !name.is_at_or_below(zone) {
        return Err(outside(zone, name.as_str()));
    }
    let host = name.as_str().strip_suffix(zone.as_str()).unwrap_or_default();
    Ok(host.trim_end_matches('.').to_owned())
}

/// The refusal of a name that is not in the zone.
pub fn outside(zone: &DomainName, name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("{name} is not below the zone {zone}"),
    )
}

/// A few of them, for people.
pub fn listed(all: &BTreeSet<String>) -> String {
    const SHOWN: usize = 10;
    const LONGEST: usize = 100;
    let short = |text: &String| {
        text.chars()
            .filter(|character| !character.is_control())
            .take(LONGEST)
            .collect::<String>()
    };
    let mut shown: Vec<_> = all.iter().take(SHOWN).map(short).collect();
    if all.len() > SHOWN {
        shown.push(format!("and {} more", all.len() - SHOWN));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of the zone goes along: what is left out would be gone.
    #[test]
    fn a_whole_zone_is_written_with_second_values_and_ttl() {
        let mail = Row {
            value2: Some("10".to_owned()),
            ..Row::new("", "mx", "mail.example.com")
        };
        let zone = Zone {
            ttl: Some(300),
            rows: vec![
                Row::new("www", "a", "192.0.2.1"),
                mail,
                Row::new("", "txt", "a=1&b=2"),
            ],
        };
        let sent: Vec<_> = zone
            .parameters()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            sent,
            [
                "main_record_type0=mx",
                "main_record0=mail.example.com",
                "main_recordx0=10",
                "main_record_type1=txt",
                "main_record1=a=1&b=2",
                "subdomain0=www",
                "sub_record_type0=a",
                "sub_record0=192.0.2.1",
                "ttl=300",
            ]
        );
    }

    #[test]
    fn names_are_relative_to_the_zone() {
        let zone = DomainName::parse("example.com").expect("a name");
        let host = |name: &str| host_of(&zone, &OwnerName::parse(name).expect("a name"));
        assert_eq!(host("example.com").as_deref(), Ok(""));
        assert_eq!(host("_acme.www.example.com").as_deref(), Ok("_acme.www"));
        assert!(host("example.net").is_err());
        assert!(host("badexample.com").is_err());
    }
}
