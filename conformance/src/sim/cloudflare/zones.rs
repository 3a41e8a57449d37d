//! Zones: lists, single ones, and DNSSEC.

use serde_json::{Value, json};

use super::answer::{Answer, Done, Refusal, page};
use super::request::Request;
use super::settings::{Permission, Scope, Token, ZoneFacts};
use super::{Shared, VENDOR, account_id, hex_id};

/// A zone as the calls see it.
pub(super) struct ZoneView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) account: String,
    pub(super) facts: ZoneFacts,
    /// Whether its records are in the world: duplicates have none.
    pub(super) stored: bool,
}

impl ZoneView {
    fn new(name: &str, account: &str, facts: ZoneFacts, stored: bool) -> Self {
        Self {
            id: hex_id(&["zone", account, name]),
            name: name.to_owned(),
            account: account.to_owned(),
            facts,
            stored,
        }
    }

    fn json(&self) -> Value {
        let mut zone = json!({
            "id": self.id,
            "name": self.name,
            "status": self.facts.status,
            "paused": self.facts.paused,
            "type": self.facts.kind,
            "development_mode": 0,
            "name_servers": self.facts.name_servers,
            "original_name_servers": ["ns1.before.test", "ns2.before.test"],
            "original_registrar": null,
            "original_dnshost": null,
            "modified_on": "2026-01-02T03:04:05.678901Z",
            "created_on": "2025-01-02T03:04:05.678901Z",
            "activated_on": "2025-01-02T04:00:00.000000Z",
            "meta": {
                "step": 2,
                "custom_certificate_quota": 0,
                "page_rule_quota": 3,
                "phishing_detected": false
            },
            "owner": {"id": null, "type": "user", "email": null},
            "account": {"id": account_id(&self.account), "name": self.account},
            "tenant": {"id": null, "name": null},
            "tenant_unit": {"id": null},
            // Of the user, not of the token: it says the same whatever the token may do.
            "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:edit", "#zone:read"],
            "plan": {
                "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
                "name": if self.facts.paid { "Pro Website" } else { "Free Website" },
                "price": if self.facts.paid { 20 } else { 0 },
                "currency": "USD",
                "legacy_id": if self.facts.paid { "pro" } else { "free" }
            },
        });
        if self.facts.name_servers.is_none()
            && let Some(zone) = zone.as_object_mut()
        {
            zone.remove("name_servers");
        }
        zone
    }
}

impl Shared {
    /// All zones, duplicates last.
    pub(super) fn zones(&self) -> Vec<ZoneView> {
        let stored: Vec<_> = self
            .world
            .state()
            .zones
            .iter()
            .filter(|((vendor, _), _)| vendor == VENDOR)
            .map(|((_, name), zone)| (name.clone(), zone.account.clone()))
            .collect();
        self.controls.with(|settings| {
            stored
                .iter()
                .map(|(name, account)| {
                    let facts = settings.zones.get(name).cloned().unwrap_or_default();
                    ZoneView::new(name, account, facts, true)
                })
                .chain(settings.duplicates.iter().map(|duplicate| {
                    ZoneView::new(
                        &duplicate.name,
                        &duplicate.account,
                        duplicate.facts.clone(),
                        false,
                    )
                }))
                .collect()
        })
    }

    /// The zone of an id, for a token that has one of `any_of` on it.
    pub(super) fn zone(
        &self,
        token: &Token,
        id: &str,
        path: &str,
        any_of: &[Permission],
    ) -> Result<ZoneView, Refusal> {
        if !is_id(id) {
            return Err(Refusal::no_route(400, path));
        }
        let Some(zone) = self.zones().into_iter().find(|zone| zone.id == id) else {
            return Err(Refusal::no_route(404, path));
        };
        if !token.includes(&zone) || !token.may(any_of) {
            return Err(if any_of.contains(&Permission::ZoneRead) {
                Refusal::new(403, 9109, "Unauthorized to access requested resource")
            } else {
                Refusal::authentication()
            });
        }
        Ok(zone)
    }

    /// `GET /zones`.
    pub(super) fn list_zones(&self, token: &Token, request: &Request) -> Answer {
        if !token.may(&[Permission::ZoneRead, Permission::ZoneEdit]) {
            return Err(Refusal::authentication());
        }
        let name = request.query("name");
        let old = self.controls.with(|settings| settings.list_needs_name);
        if old && name.is_none() && matches!(token.scope, Scope::Zones(_)) {
            return Err(Refusal::new(
                403,
                0,
                format!(
                    "Actor 'com.cloudflare.api.token.{}' requires permission 'com.cloudflare.api.account.zone.list' to list zones",
                    hex_id(&["token", &token.secret])
                ),
            ));
        }
        let kind = request.query("type");
        let shown = self
            .zones()
            .iter()
            .filter(|zone| token.includes(zone))
            .filter(|zone| name.is_none_or(|name| name_matches(name, &zone.name)))
            .filter(|zone| {
                request
                    .query("status")
                    .is_none_or(|status| status == zone.facts.status)
            })
            .filter(|zone| {
                request
                    .query("account.id")
                    .is_none_or(|id| id == account_id(&zone.account))
            })
            .filter(|zone| kind.map_or(zone.facts.kind != "internal", |kind| kind == zone.facts.kind))
            .map(ZoneView::json)
            .collect();
        let number = request.number("page", 1)?;
        // More than 50 are not given at once; larger values are cut, not refused.
        let per_page = request.number("per_page", 20)?.min(50);
        Ok(page(shown, number, per_page))
    }

    /// `GET /zones/{id}`.
    pub(super) fn get_zone(&self, token: &Token, id: &str, path: &str) -> Answer {
        let any_of = [Permission::ZoneRead, Permission::ZoneEdit];
        Ok(Done::new(self.zone(token, id, path, &any_of)?.json()))
    }

    /// `PATCH /zones/{id}`: one of `paused`, `type` and `vanity_name_servers`; never the name servers.
    pub(super) fn change_zone(&self, token: &Token, id: &str, request: &Request) -> Answer {
        let zone = self.zone(token, id, &request.path, &[Permission::ZoneEdit])?;
        let body = request.object()?;
        match (body.len(), body.get("paused")) {
            (1, Some(Value::Bool(paused))) => self.controls.with(|settings| {
                settings.zones.entry(zone.name.clone()).or_default().paused = *paused;
            }),
            _ => {
                return Err(Refusal::new(
                    400,
                    1003,
                    "Invalid or missing zone settings to change",
                ));
            }
        }
        self.get_zone(token, id, &request.path)
    }

    /// `GET` and `PATCH /zones/{id}/dnssec`.
    pub(super) fn dnssec(&self, token: &Token, id: &str, request: &Request) -> Answer {
        let write = request.method == "PATCH";
        let any_of: &[Permission] = if write {
            &[Permission::DnsEdit]
        } else {
            &[Permission::DnsRead, Permission::DnsEdit]
        };
        let zone = self.zone(token, id, &request.path, any_of)?;
        let mut status = zone.facts.dnssec.clone();
        if write {
            // Active only when the registry has the DS, which is not up to Cloudflare.
            status = match request.object()?.get("status").and_then(Value::as_str) {
                Some("active") if status == "active" => status,
                Some("active") => "pending".to_owned(),
                Some("disabled") if status == "active" => "pending-disabled".to_owned(),
                Some("disabled") => "disabled".to_owned(),
                _ => return Err(Refusal::new(400, 1002, "Invalid status")),
            };
            self.controls.with(|settings| {
                settings
                    .zones
                    .entry(zone.name.clone())
                    .or_default()
                    .dnssec
                    .clone_from(&status);
            });
        }
        if status == "disabled" {
            return Ok(Done::new(json!({"status": status, "dnssec_multi_signer": false})));
        }
        let digest = [
            hex_id(&["digest", &zone.name]),
            hex_id(&["more of it", &zone.name]),
        ]
        .concat()
        .to_uppercase();
        Ok(Done::new(json!({
            "status": status,
            "flags": 257,
            "algorithm": "13",
            "key_type": "ECDSAP256SHA256",
            "digest_type": "2",
            "digest_algorithm": "SHA256",
            "digest": digest,
            "ds": format!("{}. 3600 IN DS 2371 13 2 {digest}", zone.name),
            "key_tag": 2371,
            "modified_on": "2026-01-02T03:04:05.678901Z",
        })))
    }
}

/// Whether something is an id at all.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `name` may say how it is meant.
fn name_matches(asked: &str, name: &str) -> bool {
    let (operator, value) = asked.split_once(':').unwrap_or(("equal", asked));
    let value = value.to_ascii_lowercase();
    match operator {
        "equal" => name == value,
        "not" => name != value,
        "contains" => name.contains(&value),
        "starts_with" => name.starts_with(&value),
        "ends_with" => name.ends_with(&value),
        _ => false,
    }
}
