//! Records in a hosted zone: what stands at a name, how far that is from what is wanted, and the change between.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, Error, ErrorKind};

use crate::api::Write;
use crate::task::Goal;
use crate::wire::Record;

/// Seconds that NS may be kept by resolvers.
const DELEGATION_TTL: u32 = 3600;
/// Seconds for TXT: the least that GoDaddy takes.
const TXT_TTL: u32 = 600;

/// The owner of a record, in full and in the form of ours. SRV have the first two labels in fields of their own.
pub(crate) fn owner(zone: &DomainName, record: &Record) -> String {
    let name = record.name.trim_end_matches('.').to_ascii_lowercase();
    let base = match name.as_str() {
        "" | "@" => zone.to_string(),
        relative => format!("{relative}.{zone}"),
    };
    match (&record.service, &record.protocol) {
        (Some(service), Some(protocol)) if record.kind == "SRV" => {
            format!("{service}.{protocol}.{base}").to_ascii_lowercase()
        }
        _ => base,
    }
}

/// The name of an owner in GoDaddy's form: without the zone. With it, a record would get the zone twice.
pub(crate) fn relative(zone: &DomainName, owner: &str) -> String {
    match owner.strip_suffix(zone.as_str()) {
        Some("") => "@".to_owned(),
        Some(prefix) => prefix.trim_end_matches('.').to_owned(),
        None => owner.to_owned(),
    }
}

/// What stands at one name.
#[derive(Default)]
pub(crate) struct Standing {
    /// NS, by id where v3 was asked.
    pub ns: Vec<(Option<String>, DomainName)>,
    /// Types of what is not NS, or is and cannot be read.
    pub others: BTreeSet<String>,
}

impl Standing {
    /// Looks for the records at `name`.
    pub(crate) fn of(records: &[Record], zone: &DomainName, name: &DomainName) -> Self {
        let mut standing = Self::default();
        for record in records
            .iter()
            .filter(|record| owner(zone, record) == name.as_str())
        {
            if is_empty(record) {
                continue;
            }
            match DomainName::parse(&record.data) {
                Ok(host) if record.kind == "NS" => standing.ns.push((record.id.clone(), host)),
                _ => {
                    standing.others.insert(record.kind.clone());
                }
            }
        }
        standing
    }

    /// The NS.
    pub(crate) fn nameservers(&self) -> BTreeSet<DomainName> {
        self.ns.iter().map(|(_, host)| host.clone()).collect()
    }
}

/// Whether `records` are what is wanted.
///
/// An error when a record without data stands there: a domain with protection turns what is written into that.
pub(crate) fn reached(goal: &Goal, zone: &DomainName, records: &[Record]) -> Result<bool, Error> {
    let (name, kind) = match goal {
        Goal::Delegation { name, .. } => (name.as_str(), "NS"),
        Goal::Txt { name, .. } => (name.as_str(), "TXT"),
        Goal::Nameservers { .. } | Goal::Ds { .. } | Goal::End => return Ok(false),
    };
    let here: Vec<_> = records
        .iter()
        .filter(|record| record.kind == kind && owner(zone, record) == name)
        .collect();
    if here.iter().any(|record| is_empty(record)) {
        return Err(Error::new(
            ErrorKind::DomainLocked,
            format!(
                "a {kind} record without data stands at {name}: that is what GoDaddy stores for a domain with protection. Remove it in the \
                 web interface, and make the change there"
            ),
        ));
    }
    Ok(match goal {
        Goal::Delegation { name, nameservers } => {
            Standing::of(records, zone, name).nameservers() == *nameservers
        }
        Goal::Txt { value, present, .. } => here.iter().any(|record| has_value(record, value)) == *present,
        Goal::Nameservers { .. } | Goal::Ds { .. } | Goal::End => false,
    })
}

/// The change that makes `records` what is wanted. `by_id`: they came from v3 and can be removed one by one.
pub(crate) fn plan(goal: &Goal, zone: &DomainName, records: &[Record], by_id: bool) -> Result<Write, Error> {
    match goal {
        Goal::Delegation { name, nameservers } => {
            let standing = Standing::of(records, zone, name);
            let now = standing.nameservers();
            let at = relative(zone, name.as_str());
            let ns = |host: &DomainName| new(&at, "NS", host.as_str(), DELEGATION_TTL);
            if nameservers.is_empty() {
                return if by_id {
                    delete(standing.ns.into_iter().map(|(id, _)| id))
                } else {
                    Err(ns_stay())
                };
            }
            Ok(if now.is_subset(nameservers) {
                Write::Add(nameservers.difference(&now).map(ns).collect())
            } else {
                Write::Set {
                    kind: "NS".to_owned(),
                    records: nameservers.iter().map(ns).collect(),
                    name: at,
                }
            })
        }
        Goal::Txt { name, value, present } => {
            let at = relative(zone, name.as_str());
            if *present {
                return Ok(Write::Add(vec![new(&at, "TXT", value, TXT_TTL)]));
            }
            let here = records
                .iter()
                .filter(|record| record.kind == "TXT" && owner(zone, record) == name.as_str());
            let (gone, kept): (Vec<_>, Vec<_>) = here.partition(|record| has_value(record, value));
            if by_id {
                delete(gone.into_iter().map(|record| record.id.clone()))
            } else if kept.is_empty() {
                Ok(Write::Clear {
                    kind: "TXT",
                    name: at,
                })
            } else {
                Ok(Write::Set {
                    kind: "TXT".to_owned(),
                    name: at,
                    records: kept.into_iter().cloned().collect(),
                })
            }
        }
        Goal::Nameservers { .. } | Goal::Ds { .. } | Goal::End => Err(Error::new(
            ErrorKind::InvalidRequest,
            "this is not a change of records",
        )),
    }
}

/// The removal of records by their ids, which v3 alone shows.
pub(crate) fn delete(ids: impl Iterator<Item = Option<String>>) -> Result<Write, Error> {
    // The ids become part of a path.
    let ids: Option<Vec<_>> = ids
        .map(|id| id.filter(|id| !id.is_empty() && !id.contains(['/', '?', '#', '.'])))
        .collect();
    ids.map(Write::Delete).ok_or_else(|| {
        Error::new(
            ErrorKind::Unexpected,
            "GoDaddy shows a record without an id: nothing was sent",
        )
    })
}

fn ns_stay() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "GoDaddy lets no key remove NS records: remove them in the web interface, or use a Personal Access Token",
    )
}

fn new(name: &str, kind: &str, data: &str, ttl: u32) -> Record {
    Record {
        id: None,
        kind: kind.to_owned(),
        name: name.to_owned(),
        data: data.to_owned(),
        ttl: Some(ttl),
        priority: None,
        weight: None,
        port: None,
        service: None,
        protocol: None,
        flag: None,
        tag: None,
    }
}

/// Whether a record lost its data.
pub(crate) fn is_empty(record: &Record) -> bool {
    record.data.trim().is_empty()
}

/// Whether a TXT record has this value. It is shown as it was written; some tools write it with quotes.
fn has_value(record: &Record, value: &str) -> bool {
    record.data == value || unquoted(&record.data) == value
}

/// Text without the quotes around it and between its parts.
pub(crate) fn unquoted(data: &str) -> String {
    match data.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) => inside
            .replace("\" \"", "")
            .replace("\\\"", "\"")
            .replace("\\\\", "\\"),
        None => data.to_owned(),
    }
}
