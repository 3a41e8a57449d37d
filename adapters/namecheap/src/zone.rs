//! A zone at Namecheap: its records as the vendor keeps them, and what a change makes of them.
//!
//! The zone can be written only as a whole, and not everything survives that: what would not is found by [`Zone::spoiled_by_writing`].

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, Error, ErrorKind, OwnerName};
use serde::{Deserialize, Serialize};

use crate::wire::Hosts;

/// Most records of a zone.
pub const MOST: usize = 150;
/// The TTL that records have when none is given, in seconds. It is written as one of the two and read as the other.
pub const AUTOMATIC: [u32; 2] = [1799, 1800];
/// Least and most seconds of a TTL.
const TTL: (u32, u32) = (60, 60_000);

/// Types that `setHosts` takes as `getHosts` gives them.
const TYPES: [&str; 12] = [
    "A", "AAAA", "ALIAS", "CAA", "CNAME", "MX", "MXE", "NS", "TXT", "URL", "URL301", "FRAME",
];
/// Ways to handle mail that `setHosts` takes.
const EMAIL_TYPES: [&str; 6] = ["NONE", "MX", "MXE", "FWD", "OX", "GMAIL"];
/// The host that new domains show.
const PARKING_PAGE: &str = "parkingpage.namecheap.com";

/// One record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Row {
    /// A number that every write changes, so that it tells one state of the zone from another.
    #[serde(skip)]
    pub id: String,
    /// Owner below the zone, in lower case; `@` at the apex.
    pub name: String,
    /// Type in capitals.
    pub rtype: String,
    /// Data.
    pub address: String,
    /// Seconds.
    pub ttl: u32,
    /// Of MX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preference: Option<u16>,
    /// Whether it is served.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whether its address is set by the customer's router; every write of the zone ends that.
    #[serde(default)]
    pub dynamic: bool,
    /// The service of the vendor's that manages it; empty when none does.
    #[serde(default)]
    pub app: String,
}

fn yes() -> bool {
    true
}

/// A whole zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Zone {
    /// How mail is handled. A write without it resets that.
    pub email_type: Option<String>,
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
    /// It is as planned, but these records are gone or different, which nobody wanted.
    Lost(BTreeSet<String>),
    /// Not, or not yet.
    NotYet,
}

impl Row {
    /// A plain record with the TTL that Namecheap calls automatic.
    pub fn new(name: &str, rtype: &str, address: &str) -> Self {
        Self {
            id: String::new(),
            name: name.to_owned(),
            rtype: rtype.to_owned(),
            address: address.to_owned(),
            ttl: AUTOMATIC[1],
            preference: None,
            active: true,
            dynamic: false,
            app: String::new(),
        }
    }

    /// The host that an NS record names.
    pub fn nameserver(&self) -> Option<DomainName> {
        (self.rtype == "NS")
            .then(|| DomainName::parse(self.address.trim()).ok())
            .flatten()
    }

    /// Whether it is a TXT record with this value.
    pub fn is_txt(&self, value: &str) -> bool {
        self.rtype == "TXT" && self.address == value
    }

    /// The same for every spelling of the same record.
    fn normal(&self) -> Self {
        let address = match self.rtype.as_str() {
            "NS" | "CNAME" | "MX" | "ALIAS" => self.address.trim().trim_end_matches('.').to_ascii_lowercase(),
            "TXT" => self.address.clone(),
            _ => self.address.trim().to_owned(),
        };
        Self {
            id: String::new(),
            address,
            ttl: if AUTOMATIC.contains(&self.ttl) {
                AUTOMATIC[0]
            } else {
                self.ttl
            },
            ..self.clone()
        }
    }

    /// What it is, for people.
    pub fn named(&self) -> String {
        format!("{} {}", self.name, self.rtype)
    }
}

impl Zone {
    /// As `getHosts` shows it.
    pub fn of(hosts: Hosts) -> Self {
        Self {
            email_type: hosts.email_type.map(|kind| kind.to_ascii_uppercase()),
            rows: hosts.rows,
        }
    }

    /// The zone as parameters of `setHosts`, counted from 1.
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let mut parameters = Vec::new();
        let mut add = |name: String, value: String| parameters.push((name, value));
        add(
            "EmailType".to_owned(),
            self.email_type.clone().unwrap_or_default(),
        );
        for (at, row) in (1..).zip(&self.rows) {
            add(format!("HostName{at}"), row.name.clone());
            add(format!("RecordType{at}"), row.rtype.clone());
            add(format!("Address{at}"), row.address.clone());
            if let Some(preference) = row.preference {
                add(format!("MXPref{at}"), preference.to_string());
            }
            add(format!("TTL{at}"), row.ttl.to_string());
        }
        parameters
    }

    /// The records at a name.
    pub fn at<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.name == name)
    }

    /// Records below a name.
    pub fn below(&self, name: &str) -> BTreeSet<String> {
        let end = format!(".{name}");
        self.rows
            .iter()
            .filter(|row| row.name.ends_with(&end))
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
        Self {
            email_type: self.email_type.clone(),
            rows,
        }
    }

    /// What would be lost or changed if the zone were written as it is; empty when nothing.
    pub fn spoiled_by_writing(&self) -> BTreeSet<String> {
        let mut spoiled: BTreeSet<_> = self
            .rows
            .iter()
            .filter_map(|row| Some(format!("{} ({})", row.named(), self.why_spoiled(row)?)))
            .collect();
        let mail = match self.email_type.as_deref() {
            Some(kind) if EMAIL_TYPES.contains(&kind) => None,
            Some(_) => Some("the mail settings (of a kind that cannot be written)"),
            None => Some("the mail settings (which were not shown)"),
        };
        spoiled.extend(mail.map(str::to_owned));
        spoiled
    }

    fn why_spoiled(&self, row: &Row) -> Option<&'static str> {
        let mail = self.email_type.as_deref();
        if row.dynamic {
            Some("its dynamic DNS would be switched off")
        } else if !TYPES.contains(&row.rtype.as_str()) {
            Some("its type cannot be written")
        } else if !row.active {
            Some("it is switched off and would be switched on")
        } else if !row.app.is_empty() {
            Some("it is managed by a service of Namecheap's")
        } else if row.rtype == "TXT" && row.address.contains('"') {
            Some("Namecheap garbles quotes")
        } else if !(TTL.0..=TTL.1).contains(&row.ttl) {
            Some("its TTL cannot be written")
        } else if row.rtype == "NS" && row.name == "@" {
            Some("it is at the apex, where the API takes none")
        } else if (row.rtype == "MX" && mail != Some("MX")) || (row.rtype == "MXE" && mail != Some("MXE")) {
            Some("it belongs to another kind of mail settings than the zone has")
        } else {
            None
        }
    }

    /// Refuses more records than Namecheap takes.
    pub fn fits(&self) -> Result<(), Error> {
        if self.rows.len() <= MOST {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidRequest,
            format!(
                "the zone would have {} records, and Namecheap takes {MOST}: nothing was sent",
                self.rows.len()
            ),
        ))
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
        let wanted = before.after(plan);
        let mut lost: BTreeSet<_> = wanted
            .rows
            .iter()
            .filter(|row| !normal.contains(&row.normal()))
            .map(Row::named)
            .collect();
        if self.email_type != before.email_type {
            lost.insert("the mail settings".to_owned());
        }
        if lost.is_empty() {
            Seen::Done
        } else {
            Seen::Lost(lost)
        }
    }

    /// Whether both are the same state of the zone: the same records, not written anew in between.
    pub fn is_still(&self, other: &Self) -> bool {
        let sorted = |zone: &Self| {
            let mut rows: Vec<_> = zone
                .rows
                .iter()
                .map(|row| (row.id.clone(), row.normal()))
                .collect();
            rows.sort();
            rows
        };
        self.email_type == other.email_type && sorted(self) == sorted(other)
    }

    /// Whether both hold the same records.
    pub fn same_as(&self, other: &Self) -> bool {
        self.email_type == other.email_type && self.normal() == other.normal()
    }

    /// Whether nobody has entered anything: no records, or those that Namecheap gives a new domain.
    pub fn is_untouched(&self) -> bool {
        self.rows.iter().all(|row| match row.rtype.as_str() {
            "CNAME" => row
                .address
                .trim_end_matches('.')
                .eq_ignore_ascii_case(PARKING_PAGE),
            "URL" => row.name == "@",
            _ => false,
        })
    }

    /// Whether the record is in it, however it is spelled.
    pub fn has(&self, row: &Row) -> bool {
        self.normal().contains(&row.normal())
    }

    fn normal(&self) -> BTreeSet<Row> {
        self.rows.iter().map(Row::normal).collect()
    }
}

/// The owner `name` below `zone`, as the vendor writes it; `@` at the apex.
pub fn name_in(zone: &DomainName, name: &OwnerName) -> Result<String, Error> {
    if !name.is_at_or_below(zone) {
        return Err(outside(zone, name.as_str()));
    }
    let relative = name.as_str().strip_suffix(zone.as_str()).unwrap_or_default();
    Ok(match relative.trim_end_matches('.') {
        "" => "@".to_owned(),
        relative => relative.to_owned(),
    })
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

    /// All of the zone goes along, with the mail settings: what is left out would be gone.
    #[test]
    fn a_whole_zone_is_written_with_preferences_of_mx_only() {
        let mail = Row {
            preference: Some(20),
            ttl: 300,
            ..Row::new("@", "MX", "mail.example.com.")
        };
        let zone = Zone {
            email_type: Some("MX".to_owned()),
            rows: vec![mail, Row::new("a.b", "TXT", "x=1&y=2+3;")],
        };
        let sent: Vec<_> = zone
            .parameters()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            sent,
            [
                "EmailType=MX",
                "HostName1=@",
                "RecordType1=MX",
                "Address1=mail.example.com.",
                "MXPref1=20",
                "TTL1=300",
                "HostName2=a.b",
                "RecordType2=TXT",
                "Address2=x=1&y=2+3;",
                "TTL2=1800",
            ]
        );
    }

    #[test]
    fn names_are_relative_to_the_zone() {
        let zone = DomainName::parse("example.co.uk").expect("a name");
        let name = |name: &str| name_in(&zone, &OwnerName::parse(name).expect("a name"));
        assert_eq!(name("example.co.uk").as_deref(), Ok("@"));
        assert_eq!(name("_acme.a.b.example.co.uk").as_deref(), Ok("_acme.a.b"));
        assert!(name("co.uk").is_err());
    }
}
