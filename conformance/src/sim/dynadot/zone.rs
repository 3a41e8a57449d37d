//! Zones at the vendor: two lists of records and one TTL.

use serde_json::{Value, json};

use super::{OWN_HOSTS, Settings, VENDOR, Vendor};
use crate::sim::world::{Record, World, Zone};

/// Records of the domain itself.
pub(super) const MOST_MAIN: usize = 20;
/// Records of names below it.
pub(super) const MOST_SUB: usize = 100;

/// A record as it was sent: `name` is empty for the domain itself.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) name: String,
    /// In capitals.
    pub(super) rtype: String,
    pub(super) value: String,
    /// The second value: the distance of an MX, the kind of a redirect, and never a TTL.
    pub(super) second: Option<String>,
}

/// What became of a zone's records when some were sent.
pub(super) enum Mode {
    /// They are all there is.
    Replace,
    /// They are added.
    Append,
}

/// Records of the domain itself, and those below it.
pub(super) fn halves(records: &[Record]) -> (Vec<&Record>, Vec<&Record>) {
    records.iter().partition(|record| record.name.is_empty())
}

/// The one TTL of a zone.
pub(super) fn ttl(zone: &Zone, settings: &Settings) -> u32 {
    zone.records
        .first()
        .map_or(settings.default_ttl, |record| record.ttl)
}

/// A record in an answer of API3; `sub` is its name when it is below the domain.
pub(super) fn shown(record: &Record, sub: Option<&str>) -> Value {
    let (value, second) = values(record);
    let mut shown = json!({"RecordType": record.rtype, "Value": value});
    if let Some(second) = second {
        shown["Value2"] = json!(second);
    }
    if let Some(sub) = sub {
        shown["Subhost"] = json!(sub);
    }
    shown
}

/// Both values of a record. A second one that is no number stands behind a tab in the world.
pub(super) fn values(record: &Record) -> (String, Option<String>) {
    match (record.value.split_once('\t'), record.priority) {
        (Some((first, second)), _) => (first.to_owned(), Some(second.to_owned())),
        (None, Some(number)) => (record.value.clone(), Some(number.to_string())),
        (None, None) => (record.value.clone(), None),
    }
}

/// Why these records cannot be set, if they cannot.
pub(super) fn problem(
    vendor: &Vendor,
    name: &str,
    sent: &[Sent],
    mode: &Mode,
    before: Option<&Zone>,
) -> Option<String> {
    if vendor
        .settings()
        .mail_settings
        .iter()
        .any(|domain| domain == name)
    {
        return Some(format!(
            "Cannot set DNS for {name} since this domain has existing \"Email Settings\". Please disable Email Settings to set DNS."
        ));
    }
    if sent.is_empty() {
        return Some("missing dns record".to_owned());
    }
    let kept = match mode {
        Mode::Replace => &[][..],
        Mode::Append => before.map_or(&[][..], |zone| &zone.records),
    };
    let (main_kept, sub_kept) = halves(kept);
    let sent_main = sent.iter().filter(|record| record.name.is_empty()).count();
    let sent_sub = sent.len() - sent_main;
    if main_kept.len() + sent_main > MOST_MAIN || sub_kept.len() + sent_sub > MOST_SUB {
        return Some("too many dns records".to_owned());
    }
    let has_main = sent_main > 0 || (!main_kept.is_empty() && !vendor.settings().append_wants_main);
    if matches!(mode, Mode::Append) && !has_main {
        return Some("The domain doesn't have main dns.".to_owned());
    }
    None
}

/// Sets the records and puts the domain on the vendor's name servers.
pub(super) fn set(world: &World, name: &str, account: &str, sent: Vec<Sent>, mode: &Mode, ttl: u32) {
    {
        let mut state = world.state();
        let mut records = match mode {
            Mode::Replace => Vec::new(),
            Mode::Append => state
                .zone(VENDOR, name)
                .map(|zone| zone.records.clone())
                .unwrap_or_default(),
        };
        for one in sent {
            let priority = one.second.as_deref().and_then(|second| second.parse().ok());
            let value = match (&one.second, priority) {
                (Some(second), None) => format!("{}\t{second}", one.value),
                _ => one.value,
            };
            records.push(Record {
                id: state.next_id(),
                name: one.name,
                rtype: one.rtype,
                value,
                ttl,
                priority,
            });
        }
        for record in &mut records {
            record.ttl = ttl;
        }
        let zone = Zone {
            account: account.to_owned(),
            records,
        };
        state.zones.insert((VENDOR.to_owned(), name.to_owned()), zone);
    }
    world.change_domain(name, |domain| {
        domain.hosted = true;
        domain.nameservers = OWN_HOSTS.map(str::to_owned).to_vec();
    });
}
