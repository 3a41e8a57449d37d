//! What stands at one name of a zone.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, DsRecord};

use crate::wire::Record;

/// The records at one name, told apart by what they are to a delegation.
#[derive(Default)]
pub(crate) struct Standing {
    /// NS by id.
    pub ns: Vec<(String, DomainName)>,
    /// DS by id.
    pub ds: Vec<(String, DsRecord)>,
    /// Types of what is neither, or is and cannot be read: it is the customer's and stays.
    pub others: BTreeSet<String>,
}

impl Standing {
    /// Sorts the records of one name.
    pub(crate) fn of(records: &[Record]) -> Self {
        let mut standing = Self::default();
        for record in records {
            let kind = record.kind.to_ascii_uppercase();
            let id = record.id.clone();
            match kind.as_str() {
                "NS" => match record.content.as_deref().map(DomainName::parse) {
                    Some(Ok(host)) => standing.ns.push((id, host)),
                    _ => standing.other(kind),
                },
                "DS" => match ds(record) {
                    Some(ds) => standing.ds.push((id, ds)),
                    None => standing.other(kind),
                },
                _ => standing.other(kind),
            }
        }
        standing
    }

    /// The NS.
    pub(crate) fn nameservers(&self) -> BTreeSet<DomainName> {
        self.ns.iter().map(|(_, host)| host.clone()).collect()
    }

    /// The DS.
    pub(crate) fn ds_set(&self) -> BTreeSet<DsRecord> {
        self.ds.iter().map(|(_, ds)| ds.clone()).collect()
    }

    fn other(&mut self, kind: String) {
        self.others.insert(kind);
    }
}

/// A DS is shown as text, and in parts.
fn ds(record: &Record) -> Option<DsRecord> {
    if let Some(Ok(ds)) = record.content.as_deref().map(DsRecord::parse) {
        return Some(ds);
    }
    let part = |name: &str| match record.data.as_ref()?.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let parts = [
        part("key_tag")?,
        part("algorithm")?,
        part("digest_type")?,
        part("digest")?,
    ];
    DsRecord::parse(&parts.join(" ")).ok()
}
