//! What a write wants to see at one name: how far the records are from it, and how a task remembers it.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, DsRecord, Error, ErrorKind, OwnerName, TaskId};
use serde::{Deserialize, Serialize};

use crate::standing::Standing;
use crate::txt;
use crate::wire::{Batch, Deletion, DsData, NewRecord, NewValue, Record};

/// Seconds that NS and DS may be kept by resolvers.
const DELEGATION_TTL: u32 = 3600;
/// Seconds for TXT, which prove something for a short while.
const TXT_TTL: u32 = 300;

/// The state that is wanted at a name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Exactly these NS and DS; without any, no delegation.
    Delegation {
        zone: DomainName,
        name: DomainName,
        nameservers: BTreeSet<DomainName>,
        ds: BTreeSet<DsRecord>,
    },
    /// A TXT value that is there or is not.
    Txt {
        zone: DomainName,
        name: OwnerName,
        value: String,
        present: bool,
    },
}

impl Goal {
    /// The zone.
    pub(crate) fn zone(&self) -> &DomainName {
        match self {
            Self::Delegation { zone, .. } | Self::Txt { zone, .. } => zone,
        }
    }

    /// The name in it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Delegation { name, .. } => name.as_str(),
            Self::Txt { name, .. } => name.as_str(),
        }
    }

    /// Whether `records`, which are all at the name, are what is wanted.
    pub(crate) fn reached(&self, records: &[Record]) -> bool {
        match self {
            Self::Delegation { nameservers, ds, .. } => {
                let standing = Standing::of(records);
                standing.nameservers() == *nameservers && standing.ds_set() == *ds
            }
            Self::Txt { value, present, .. } => {
                records.iter().any(|record| is_txt(record, value)) == *present
            }
        }
    }

    /// The changes that make `records` what is wanted.
    pub(crate) fn plan(&self, records: &[Record]) -> Batch {
        match self {
            Self::Delegation {
                name,
                nameservers,
                ds,
                ..
            } => delegation(name, nameservers, ds, &Standing::of(records)),
            Self::Txt {
                name, value, present, ..
            } => {
                let ours = records.iter().filter(|record| is_txt(record, value));
                if *present {
                    let post = NewRecord {
                        kind: "TXT",
                        name: name.as_str().to_owned(),
                        ttl: TXT_TTL,
                        value: NewValue::Content(txt::quote(value.as_bytes())),
                    };
                    Batch {
                        posts: vec![post],
                        ..Batch::default()
                    }
                } else {
                    Batch {
                        deletes: ours.map(|record| deletion(&record.id)).collect(),
                        ..Batch::default()
                    }
                }
            }
        }
    }

    /// The task that waits for it.
    pub(crate) fn task(&self) -> TaskId {
        // Names, numbers and text: nothing that JSON cannot hold.
        TaskId(serde_json::to_string(self).unwrap_or_default())
    }

    /// What a task of ours waits for.
    pub(crate) fn of_task(task: &TaskId) -> Result<Self, Error> {
        serde_json::from_str(&task.0).map_err(|_| {
            Error::new(
                ErrorKind::InvalidRequest,
                "this is not a task of the adapter for Cloudflare",
            )
        })
    }
}

/// The old DS go before the old NS, and the new NS come before the new DS: a DS never stands without NS. Where no NS stays, the
/// DS that stay would, and are made anew.
fn delegation(
    name: &DomainName,
    nameservers: &BTreeSet<DomainName>,
    wanted: &BTreeSet<DsRecord>,
    standing: &Standing,
) -> Batch {
    let (kept, old): (Vec<_>, Vec<_>) = standing
        .ns
        .iter()
        .partition(|(_, host)| nameservers.contains(host));
    let stays = |ds: &DsRecord| !kept.is_empty() && wanted.contains(ds);
    let old_ds = standing.ds.iter().filter(|(_, ds)| !stays(ds));
    let deletes = old_ds.map(|(id, _)| id).chain(old.iter().map(|(id, _)| id));
    let has_ns = standing.nameservers();
    let has_ds = standing.ds_set();
    let ns = nameservers
        .iter()
        .filter(|host| !has_ns.contains(host))
        .map(|host| ("NS", NewValue::Content(host.as_str().to_owned())));
    let ds = wanted
        .iter()
        .filter(|ds| !(has_ds.contains(ds) && stays(ds)))
        .map(|ds| ("DS", NewValue::Data(parts(ds))));
    Batch {
        deletes: deletes.map(|id| deletion(id)).collect(),
        posts: ns
            .chain(ds)
            .map(|(kind, value)| NewRecord {
                kind,
                name: name.as_str().to_owned(),
                ttl: DELEGATION_TTL,
                value,
            })
            .collect(),
    }
}

fn parts(ds: &DsRecord) -> DsData {
    DsData {
        key_tag: ds.key_tag(),
        algorithm: ds.algorithm(),
        digest_type: ds.digest_type().number(),
        digest: ds.digest_hex().to_ascii_uppercase(),
    }
}

fn deletion(id: &str) -> Deletion {
    Deletion { id: id.to_owned() }
}

fn is_txt(record: &Record, value: &str) -> bool {
    record.kind.eq_ignore_ascii_case("TXT")
        && record.content.as_deref().map(txt::unquote).as_deref() == Some(value.as_bytes())
}
