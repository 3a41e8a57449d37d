//! Records by version 1, which knows no single record: all of a zone, of a type, or of a type at a name.

use serde_json::Value;

use super::VENDOR;
use super::account::{READ, RECORDS};
use super::answer::{Failure, Field, empty, with};
use super::record::{Sent, read, shown};
use super::request::{Asked, Outcome};
use crate::sim::world::{Domain, Record};

/// Types of records by version 1.
const TYPES: [&str; 8] = ["A", "AAAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"];
/// Types whose records can be deleted.
const DELETABLE: [&str; 6] = ["A", "AAAA", "CNAME", "MX", "SRV", "TXT"];
/// Most records of a page.
const PAGE: usize = 500;

/// What of a zone a path means.
#[derive(Default)]
struct Scope {
    rtype: Option<String>,
    /// Empty for the domain itself.
    name: Option<String>,
}

impl Scope {
    fn has(&self, record: &Record) -> bool {
        let of_type = self.rtype.as_ref().is_none_or(|rtype| *rtype == record.rtype);
        of_type && self.name.as_ref().is_none_or(|name| *name == record.name)
    }
}

impl Asked<'_> {
    pub(super) fn records(&self, method: &str, domain: &str, scope: &[&str]) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, true)?;
        self.caller.may(if method == "GET" { READ } else { RECORDS })?;
        let types = self.types();
        let scope = match *scope {
            [] => Scope::default(),
            [rtype] if types.contains(&rtype) => Scope {
                rtype: Some(rtype.to_owned()),
                name: None,
            },
            [rtype, name] if types.contains(&rtype) => Scope {
                rtype: Some(rtype.to_owned()),
                name: Some(if name == "@" {
                    String::new()
                } else {
                    name.to_ascii_lowercase()
                }),
            },
            [_] | [_, _] => {
                return Err(Failure::body(Field::new(
                    "INVALID_VALUE_ENUM",
                    "is not a known type of record",
                    "type",
                )));
            }
            _ => return Err(Failure::not_found()),
        };
        let (zone, held) = self.vendor.zone_held(&self.caller.account, domain)?;
        if method != "GET" && self.vendor.settings().busy_zones.contains(&zone) {
            return Err(Failure::new(
                409,
                "ZONE_BUSY",
                "The zone is busy with another change",
            ));
        }
        match (method, scope.rtype.as_deref(), &scope.name) {
            ("GET", ..) => self.read(&zone, &scope),
            ("PATCH", None, None) => self.add(&zone, &held),
            ("PUT", ..) => self.replace(&zone, &held, scope),
            ("DELETE", Some(rtype), Some(_)) if DELETABLE.contains(&rtype) => self.delete(&zone, &scope),
            ("DELETE", Some(_), Some(_)) => Err(Failure::body(Field::new(
                "INVALID_VALUE_ENUM",
                "is not a type of record that can be deleted",
                "type",
            ))),
            _ => Err(Failure::not_found()),
        }
    }

    fn types(&self) -> Vec<&'static str> {
        let mut types = TYPES.to_vec();
        if self.vendor.settings().caa_by_v1 {
            types.push("CAA");
        }
        types
    }

    /// The vendor's records of a zone.
    pub(super) fn kept(&self, zone: &str) -> Vec<Record> {
        let mut state = self.vendor.world.state();
        state
            .zone(VENDOR, zone)
            .map(|zone| zone.records.clone())
            .unwrap_or_default()
    }

    /// `offset` is the number of a page, whatever its name says.
    fn read(&self, zone: &str, scope: &Scope) -> Outcome {
        let limit = self.number("limit", PAGE, (1, PAGE))?;
        let page = self.number("offset", 1, (1, 100_000))?;
        let all: Vec<_> = self
            .kept(zone)
            .into_iter()
            .filter(|record| scope.has(record))
            .collect();
        let found: Vec<_> = all
            .iter()
            .skip((page - 1) * limit)
            .take(limit)
            .map(shown)
            .collect();
        if found.is_empty() && page > 1 && !self.vendor.settings().empty_past_the_end {
            return Err(Failure::new(422, "INVALID_OFFSET", "`offset` is past the end"));
        }
        Ok(with(200, Value::Array(found)))
    }

    fn sent(&self, scope: &Scope) -> Result<Vec<Sent>, Failure> {
        let types = self.types();
        let sent = self.array("records")?;
        if sent.is_empty() {
            return Err(Failure::body(Field::new(
                "TOO_FEW_ITEMS",
                "has no items",
                "records",
            )));
        }
        let name = scope
            .name
            .as_deref()
            .map(|name| if name.is_empty() { "@" } else { name });
        let read = |(at, one): (usize, &Value)| read(one, at, scope.rtype.as_deref(), name, &types);
        sent.iter().enumerate().map(read).collect()
    }

    /// Adds records; one that is there is an error.
    fn add(&self, zone: &str, held: &Domain) -> Outcome {
        let sent = self.sent(&Scope::default())?;
        refuse_apex_ns(&sent)?;
        let kept = self.kept(zone);
        if sent.iter().any(|one| kept.iter().any(|record| one.is(record))) {
            return Err(duplicate());
        }
        refuse_twice(&sent)?;
        self.write(zone, held, sent, |_| true);
        Ok(empty(200))
    }

    /// Replaces whatever the path means.
    fn replace(&self, zone: &str, held: &Domain, scope: Scope) -> Outcome {
        let sent = self.sent(&scope)?;
        refuse_twice(&sent)?;
        let of_apex = |one: &Sent| one.rtype == "NS" && one.name.is_empty();
        if scope.rtype.as_deref() == Some("NS") {
            refuse_apex_ns(&sent)?;
            if scope.name.is_none() {
                // It would remove those of the domain itself.
                return Err(bad_nameservers());
            }
        }
        if scope.rtype.is_none() && sent.iter().filter(|one| of_apex(one)).count() < 2 {
            return Err(Failure::new(
                422,
                "MISSING_NAME_SERVER",
                "At least two name servers are needed",
            ));
        }
        self.write(zone, held, sent, move |record| !scope.has(record));
        Ok(empty(200))
    }

    fn delete(&self, zone: &str, scope: &Scope) -> Outcome {
        let kept = self.kept(zone);
        if !kept.iter().any(|record| scope.has(record)) {
            return Err(Failure::not_found());
        }
        let gone: Vec<_> = kept
            .iter()
            .filter(|record| scope.has(record))
            .map(|record| record.id)
            .collect();
        let (world, of) = (self.vendor.world.clone(), zone.to_owned());
        self.vendor
            .late
            .accept(&self.vendor.faults, self.call, zone, move || {
                if let Some(zone) = world.state().zone(VENDOR, &of) {
                    zone.records.retain(|record| !gone.contains(&record.id));
                }
            });
        Ok(empty(204))
    }

    /// Keeps what `keep` says of the records there, and adds those sent.
    fn write(
        &self,
        zone: &str,
        held: &Domain,
        sent: Vec<Sent>,
        keep: impl Fn(&Record) -> bool + Send + 'static,
    ) {
        let (world, of, protected) = (self.vendor.world.clone(), zone.to_owned(), held.locked);
        self.vendor
            .late
            .accept(&self.vendor.faults, self.call, zone, move || {
                let mut state = world.state();
                let new: Vec<_> = sent
                    .into_iter()
                    .map(|one| one.into_record(&mut state, protected))
                    .collect();
                if let Some(zone) = state.zone(VENDOR, &of) {
                    zone.records.retain(|record| keep(record));
                    zone.records.extend(new);
                }
            });
    }
}

fn refuse_apex_ns(sent: &[Sent]) -> Result<(), Failure> {
    let apex = sent.iter().any(|one| one.rtype == "NS" && one.name.is_empty());
    if apex { Err(bad_nameservers()) } else { Ok(()) }
}

fn refuse_twice(sent: &[Sent]) -> Result<(), Failure> {
    let twice = sent.iter().enumerate().any(|(at, one)| sent[..at].contains(one));
    if twice { Err(duplicate()) } else { Ok(()) }
}

fn bad_nameservers() -> Failure {
    Failure::new(
        422,
        "FAILED_NAME_SERVER_VALIDATION",
        "The name servers of the domain cannot be changed by its records",
    )
}

pub(super) fn duplicate() -> Failure {
    Failure::new(
        422,
        "DUPLICATE_RECORD",
        "Another record with the same attributes already exists",
    )
}
