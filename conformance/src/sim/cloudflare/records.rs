//! Records of a zone: lists, single ones, changes, and many changes at once.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Done, Refusal, page};
use super::draft::{self, Draft, full_name, record_id};
use super::request::Request;
use super::settings::{Permission, Token};
use super::zones::ZoneView;
use super::{Shared, VENDOR, shadow};
use crate::sim::faults::Fault;
use crate::sim::world::Record;

/// Top-level domains whose zones the API does not change.
const FREE_TLDS: [&str; 5] = [".cf", ".ga", ".gq", ".ml", ".tk"];

impl Shared {
    /// `GET /zones/{id}/dns_records`.
    pub(super) fn list_records(&self, token: &Token, id: &str, request: &Request) -> Answer {
        let zone = self.readable(token, id, request)?;
        let number = request.number("page", 1)?;
        let per_page = request.number("per_page", 100)?;
        if per_page > 5_000_000 {
            return Err(Refusal::new(400, 1001, "Invalid value for per_page"));
        }
        let records = self.shown(&zone);
        let chosen: Vec<_> = records
            .iter()
            .filter(|record| matches(record, &zone, request))
            .cloned()
            .collect();
        let shown = self.json_of(&chosen, &records, &zone, request);
        Ok(page(shown, number, per_page))
    }

    /// `GET /zones/{id}/dns_records/{id}`.
    pub(super) fn get_record(&self, token: &Token, id: &str, record: &str, request: &Request) -> Answer {
        let zone = self.readable(token, id, request)?;
        let records = self.shown(&zone);
        let at = draft::position(&records, record)?;
        let mut shown = self.json_of(&records[at..=at], &records, &zone, request);
        Ok(Done::new(shown.pop().unwrap_or_default()))
    }

    /// `POST /zones/{id}/dns_records`.
    pub(super) fn create_record(&self, token: &Token, id: &str, request: &Request) -> Answer {
        let body = request.object();
        self.write(token, id, request, |draft| draft.create(&body?))
    }

    /// `PUT` and `PATCH /zones/{id}/dns_records/{id}`.
    pub(super) fn change_record(&self, token: &Token, id: &str, record: &str, request: &Request) -> Answer {
        let body = request.object();
        self.write(token, id, request, |draft| {
            draft.change(record, &body?, request.method == "PUT")
        })
    }

    /// `DELETE /zones/{id}/dns_records/{id}`.
    pub(super) fn delete_record(&self, token: &Token, id: &str, record: &str, request: &Request) -> Answer {
        self.write(token, id, request, |draft| {
            draft.delete(record).map(|gone| json!({"id": gone["id"]}))
        })
    }

    /// `POST /zones/{id}/dns_records/batch`: deletes, patches, puts and posts in this order, all or none. The first failure is the
    /// answer, and does not say which operation it is of.
    pub(super) fn batch(&self, token: &Token, id: &str, request: &Request) -> Answer {
        let body = request.object();
        self.write(token, id, request, |draft| {
            let body = body?;
            let list = |key: &str| match body.get(key) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::Array(list)) => list
                    .iter()
                    .map(|one| one.as_object().cloned().ok_or(()))
                    .collect::<Result<Vec<Map<_, _>>, ()>>(),
                Some(_) => Err(()),
            };
            let lists = ["deletes", "patches", "puts", "posts"].map(list);
            let [Ok(deletes), Ok(patches), Ok(puts), Ok(posts)] = lists else {
                return Err(Refusal::new(400, 9207, "Request body is invalid."));
            };
            let most = if draft.zone.facts.paid { 3500 } else { 200 };
            let operations = deletes.len() + patches.len() + puts.len() + posts.len();
            if operations > most {
                // The code is not known.
                return Err(Refusal::new(
                    400,
                    9999,
                    format!("A batch can have at most {most} operations."),
                ));
            }
            let id = |one: &Map<String, Value>| {
                one.get("id")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let made =
                |each: &mut dyn Iterator<Item = Result<Value, Refusal>>| each.collect::<Result<Vec<_>, _>>();
            Ok(json!({
                "deletes": made(&mut deletes.iter().map(|one| draft.delete(&id(one))))?,
                "patches": made(&mut patches.iter().map(|one| draft.change(&id(one), one, false)))?,
                "puts": made(&mut puts.iter().map(|one| draft.change(&id(one), one, true)))?,
                "posts": made(&mut posts.iter().map(|one| draft.create(one)))?,
            }))
        })
    }

    fn readable(&self, token: &Token, id: &str, request: &Request) -> Result<ZoneView, Refusal> {
        self.zone(
            token,
            id,
            &request.path,
            &[Permission::DnsRead, Permission::DnsEdit],
        )
    }

    /// Changes the records of a zone, if `change` succeeds.
    fn write(
        &self,
        token: &Token,
        id: &str,
        request: &Request,
        change: impl FnOnce(&mut Draft<'_>) -> Result<Value, Refusal>,
    ) -> Answer {
        let zone = self.zone(token, id, &request.path, &[Permission::DnsEdit])?;
        if FREE_TLDS.iter().any(|tld| zone.name.ends_with(tld)) {
            return Err(Refusal::new(
                403,
                1038,
                "You cannot use this API for domains with a .cf, .ga, .gq, .ml, or .tk TLD (top-level domain). To configure the DNS settings for this domain, use the Cloudflare Dashboard.",
            ));
        }
        let _one_at_a_time = self.writing();
        let records = self.records(&zone);
        let mut draft = Draft {
            shared: self,
            zone: &zone,
            records: records.clone(),
            extras: self.extras().clone(),
        };
        let mut result = change(&mut draft)?;
        if request.query("include_shadow_metadata") == Some("true") {
            add_shadows(&mut result, &draft.records, &zone);
        }
        let Draft {
            records: changed,
            extras,
            ..
        } = draft;
        let fault = self.faults.take(&request.kind, |fault| {
            matches!(fault, Fault::NotApplied | Fault::AppliedLate { .. })
        });
        match fault {
            Some(Fault::NotApplied) => return Ok(Done::new(result)),
            Some(Fault::AppliedLate { reads }) => self.stale.keep(&zone.id, records, reads),
            _ => {}
        }
        *self.extras() = extras;
        if zone.stored
            && let Some(zone) = self.world.state().zone(VENDOR, &zone.name)
        {
            zone.records = changed;
        }
        // The registry's state is the same; whoever publishes the zone is woken all the same.
        self.world.change_domain(&zone.name, |_| {});
        Ok(Done::new(result))
    }

    fn records(&self, zone: &ZoneView) -> Vec<Record> {
        let mut state = self.world.state();
        let found = state.zone(VENDOR, &zone.name).filter(|_| zone.stored);
        found.map(|zone| zone.records.clone()).unwrap_or_default()
    }

    /// What a read sees.
    fn shown(&self, zone: &ZoneView) -> Vec<Record> {
        self.stale.shown(&zone.id).unwrap_or_else(|| self.records(zone))
    }

    fn json_of(&self, chosen: &[Record], all: &[Record], zone: &ZoneView, request: &Request) -> Vec<Value> {
        let dots = self.controls.with(|settings| settings.final_dots);
        let extras = self.extras();
        let shadows = request.query("include_shadow_metadata") == Some("true") && chosen.len() <= 1000;
        chosen
            .iter()
            .map(|record| {
                let extra = extras.get(&record.id).cloned().unwrap_or_default();
                let mut shown = draft::json_of(record, &extra, zone, dots);
                if shadows {
                    shown["meta"] = shadow::meta(record, all, &zone.name);
                }
                shown
            })
            .collect()
    }
}

/// Adds what is asked for of shadows to the records in an answer.
fn add_shadows(result: &mut Value, records: &[Record], zone: &ZoneView) {
    match result {
        Value::Array(list) => {
            for one in list {
                add_shadows(one, records, zone);
            }
        }
        Value::Object(fields) if fields.contains_key("meta") => {
            let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
            if let Some(record) = records.iter().find(|record| record_id(record.id) == id) {
                let meta = shadow::meta(record, records, &zone.name);
                fields.insert("meta".to_owned(), meta);
            }
        }
        Value::Object(lists) => {
            for (_, list) in lists {
                add_shadows(list, records, zone);
            }
        }
        _ => {}
    }
}

/// Whether a record is among those a list asks for. `match` says whether one filter on name or content is enough.
fn matches(record: &Record, zone: &ZoneView, request: &Request) -> bool {
    if request
        .query("type")
        .is_some_and(|rtype| !rtype.eq_ignore_ascii_case(&record.rtype))
    {
        return false;
    }
    let name = full_name(&record.name, &zone.name);
    let filters: Vec<bool> = [("name", &name), ("content", &record.value)]
        .into_iter()
        .flat_map(|(field, value)| {
            let value = value.to_lowercase();
            let asked = |suffix: &str| request.query(&format!("{field}{suffix}")).map(str::to_lowercase);
            [
                asked("").map(|text| value == text),
                asked(".exact").map(|text| value == text),
                asked(".contains").map(|text| value.contains(&text)),
                asked(".startswith").map(|text| value.starts_with(&text)),
                asked(".endswith").map(|text| value.ends_with(&text)),
            ]
        })
        .flatten()
        .collect();
    if request.query("match") == Some("any") {
        filters.is_empty() || filters.contains(&true)
    } else {
        !filters.contains(&false)
    }
}
