//! Records by version 3, one at a time by id.

use serde_json::{Value, json};

use super::VENDOR;
use super::account::{READ, RECORDS};
use super::answer::{Failure, empty, with};
use super::record::{Sent, id, read, shown_v3};
use super::records::duplicate;
use super::request::{Asked, Outcome};
use crate::sim::world::{Domain, Record};

/// Types of records by version 3.
const TYPES: [&str; 9] = ["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT"];

impl Asked<'_> {
    pub(super) fn records_v3(&self, method: &str, zone: &str, rest: &[&str]) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, true)?;
        self.caller.may(if method == "GET" { READ } else { RECORDS })?;
        let (zone, held) = self.vendor.zone_held(&self.caller.account, zone)?;
        if method != "GET" && self.vendor.settings().busy_zones.contains(&zone) {
            return Err(Failure::new(
                409,
                "ZONE_BUSY",
                "The zone is busy with another change",
            ));
        }
        match (method, rest) {
            ("GET", []) => self.list_records(&zone),
            ("POST", []) => self.create_record(&zone, &held),
            ("PUT", [wanted]) => self.change_record(&zone, &held, wanted),
            ("DELETE", [wanted]) => self.delete_record(&zone, wanted),
            _ => Err(Failure::not_found()),
        }
    }

    /// Totals are there only when they are wanted and not zero; a list of nothing is `null`.
    fn list_records(&self, zone: &str) -> Outcome {
        let (page, size) = (
            self.number("page", 1, (1, 100_000))?,
            self.number("pageSize", 25, (1, 100))?,
        );
        let name = self.get("name").map(|name| {
            if name == "@" {
                String::new()
            } else {
                name.to_ascii_lowercase()
            }
        });
        let all: Vec<_> = self
            .kept(zone)
            .into_iter()
            .filter(|record| self.get("type").is_none_or(|rtype| rtype == record.rtype))
            .filter(|record| name.as_ref().is_none_or(|name| *name == record.name))
            .collect();
        let items: Vec<_> = all
            .iter()
            .skip((page - 1) * size)
            .take(size)
            .map(shown_v3)
            .collect();
        let mut links = Vec::new();
        if page * size < all.len() {
            let mut href = format!(
                "/v3/domains/zones/{zone}/dns-records?page={}&pageSize={size}",
                page + 1
            );
            for filter in ["type", "name", "totalRequired"] {
                if let Some(value) = self.get(filter) {
                    href.extend(["&", filter, "=", value]);
                }
            }
            links.push(json!({"rel": "next", "href": href}));
        }
        let items = if items.is_empty() {
            Value::Null
        } else {
            Value::Array(items)
        };
        let mut shown = json!({"items": items, "links": links});
        if self.get("totalRequired") == Some("true") && !all.is_empty() {
            shown["totalItems"] = json!(all.len());
            shown["totalPages"] = json!(all.len().div_ceil(size));
        }
        Ok(with(200, shown))
    }

    fn create_record(&self, zone: &str, held: &Domain) -> Outcome {
        let sent = self.mutable_sent(zone, None)?;
        let record = sent.into_record(&mut self.vendor.world.state(), held.locked);
        let shown = shown_v3(&record);
        self.write_v3(zone, None, Some(record));
        Ok(with(201, shown))
    }

    fn change_record(&self, zone: &str, held: &Domain, wanted: &str) -> Outcome {
        let old = self.mutable(zone, wanted)?;
        let sent = self.mutable_sent(zone, Some(old.id))?;
        let mut record = sent.into_record(&mut self.vendor.world.state(), held.locked);
        record.id = old.id;
        let shown = shown_v3(&record);
        self.write_v3(zone, Some(old.id), Some(record));
        Ok(with(200, shown))
    }

    fn delete_record(&self, zone: &str, wanted: &str) -> Outcome {
        let old = self.mutable(zone, wanted)?;
        self.write_v3(zone, Some(old.id), None);
        Ok(empty(204))
    }

    fn write_v3(&self, zone: &str, gone: Option<u64>, new: Option<Record>) {
        let (world, of) = (self.vendor.world.clone(), zone.to_owned());
        self.vendor
            .late
            .accept(&self.vendor.faults, self.call, zone, move || {
                if let Some(zone) = world.state().zone(VENDOR, &of) {
                    zone.records.retain(|record| Some(record.id) != gone);
                    zone.records.extend(new);
                }
            });
    }

    /// A record that was sent, which is new in the zone and may be written; `except` is the one that it replaces.
    fn mutable_sent(&self, zone: &str, except: Option<u64>) -> Result<Sent, Failure> {
        let sent = read(&self.json()?, 0, None, None, &TYPES)?;
        self.refuse_managed(&sent.rtype, &sent.name)?;
        let others = self.kept(zone);
        let mut others = others.iter().filter(|record| Some(record.id) != except);
        if others.any(|record| sent.is(record)) {
            return Err(duplicate());
        }
        Ok(sent)
    }

    /// A record of the zone that may be changed.
    fn mutable(&self, zone: &str, wanted: &str) -> Result<Record, Failure> {
        let found = self.kept(zone).into_iter().find(|record| id(record) == wanted);
        let found = found.ok_or_else(Failure::not_found)?;
        self.refuse_managed(&found.rtype, &found.name)?;
        Ok(found)
    }

    /// NS and SOA are the vendor's business; whether that goes for NS of names below the domain can be set.
    fn refuse_managed(&self, rtype: &str, name: &str) -> Result<(), Failure> {
        let ns = rtype == "NS" && (name.is_empty() || !self.vendor.settings().ns_by_v3);
        if ns || rtype == "SOA" {
            return Err(Failure::new(
                409,
                "dns_record_not_mutable",
                "The record is managed by the registrar and cannot be changed",
            ));
        }
        Ok(())
    }
}
