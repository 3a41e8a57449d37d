//! Version 2 of the REST API: records, name servers, hosts.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::account::Account;
use super::answer::Refusal;
use super::nameservers::host;
use super::signature::signature;
use super::zone::{self, Mode, Sent};
use super::{VENDOR, Vendor};

/// Types of records by REST.
const TYPES: [&str; 10] = [
    "A", "AAAA", "CNAME", "TXT", "MX", "FORWARD", "STEALTH", "EMAIL", "CAA", "ANAME",
];
/// Types that only names below the domain have.
const TYPES_BELOW: [&str; 2] = ["SRV", "NS"];

/// A status and what is said with it.
type Failure = (u16, String);

pub(super) async fn call(
    State(vendor): State<Vendor>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = format!("{method} {}", uri.path());
    let code = |code: u16| {
        if vendor.settings().codes_as_text {
            json!(code.to_string())
        } else {
            json!(code)
        }
    };
    match run(&vendor, &call, &method, &uri, &headers, &body) {
        Ok(data) => Json(json!({"code": code(200), "message": "Success", "data": data})).into_response(),
        Err((status, description)) => {
            let http = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let message = http.canonical_reason().unwrap_or("Error");
            let body =
                json!({"code": code(status), "message": message, "error": {"description": description}});
            let http = if vendor.settings().rest_errors_on_200 {
                StatusCode::OK
            } else {
                http
            };
            (http, Json(body)).into_response()
        }
    }
}

/// Too many calls, in the nested form; with a time to wait the odd status 249, which is a 2xx.
pub(super) fn too_many(retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(if retry_after.is_some() { 249 } else { 429 });
    let description = format!("Please try again after {} seconds.", retry_after.unwrap_or(60));
    let status = status.unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let body = json!({
        "status": {"code": status.as_u16(), "message": "Too Many Requests"},
        "error": {"description": description},
    });
    (status, Json(body)).into_response()
}

fn run(
    vendor: &Vendor,
    call: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Value, Failure> {
    let account = caller(vendor, uri, headers, body)?;
    if !vendor.within_quota(&account.key) {
        return Err((429, "Please try again after 60 seconds.".to_owned()));
    }
    let sent: Value = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body).map_err(|_| (400, "The request body is not valid JSON.".to_owned()))?
    };
    let asked = Asked {
        vendor,
        call,
        account: &account,
        sent: &sent,
    };
    let path: Vec<_> = uri.path().trim_start_matches("/restful/v2/").split('/').collect();
    match (method.as_str(), path.as_slice()) {
        ("GET", ["domains", domain, "records"]) => asked.records(domain),
        ("POST", ["domains", domain, "records"]) => asked.set_records(domain),
        ("DELETE", ["domains", domain, "records"]) => asked.remove_records(domain),
        ("GET", ["domains", domain, "nameservers"]) => asked.nameservers(domain),
        ("PUT", ["domains", domain, "nameservers"]) => asked.set_nameservers(domain),
        ("POST", ["nameservers", host, "add_external"]) => asked.add_host(host),
        _ => Err((404, "The requested resource was not found.".to_owned())),
    }
}

/// Who calls. `X-Request-ID` counts only in exactly this spelling, which no lower-casing client can send: it is taken as not there.
fn caller(vendor: &Vendor, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Account, Failure> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let key = text("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let account = vendor.account(key).map_err(|refusal| match refusal.text() {
        super::account::MAINTENANCE => (503, super::account::MAINTENANCE.to_owned()),
        _ => (
            401,
            "The provided API key is invalid, expired, or missing.".to_owned(),
        ),
    })?;
    let path = uri
        .path_and_query()
        .map_or_else(|| uri.path(), |path| path.as_str());
    let wanted = signature(&account.secret, key, path, "", &String::from_utf8_lossy(body));
    if text("x-signature") != wanted {
        return Err((401, "The signature is invalid.".to_owned()));
    }
    let json = text(header::CONTENT_TYPE.as_str()).starts_with("application/json");
    if !body.is_empty() && !json {
        return Err((400, "The content type has to be application/json.".to_owned()));
    }
    Ok(account)
}

struct Asked<'a> {
    vendor: &'a Vendor,
    call: &'a str,
    account: &'a Account,
    sent: &'a Value,
}

impl Asked<'_> {
    fn records(&self, domain: &str) -> Result<Value, Failure> {
        let (name, held) = self
            .vendor
            .held(self.account, domain)
            .map_err(|refusal| failure(&refusal))?;
        let zone = self.vendor.world.state().zone(VENDOR, &name).cloned();
        let Some(zone) = zone.filter(|_| held.hosted) else {
            let kind = if held.hosted {
                "dynadot_parking"
            } else {
                "name_servers"
            };
            return Ok(json!({"glue_info": {"glue_type": kind}}));
        };
        let (main, sub) = zone::halves(&zone.records);
        let shown = |record: &_, sub: bool| {
            let record: &crate::sim::world::Record = record;
            let (value, second) = zone::values(record);
            let mut shown = json!({"record_type": record.rtype.to_ascii_lowercase(), "record_value1": value});
            if let Some(second) = second {
                shown["record_value2"] = json!(second);
            }
            if sub {
                shown["sub_host"] = json!(record.name);
            }
            shown
        };
        Ok(json!({"glue_info": {
            "glue_type": "dynadot_dns",
            "ttl": zone::ttl(&zone, &self.vendor.settings()).to_string(),
            "dns_main_list": main.into_iter().map(|record| shown(record, false)).collect::<Vec<_>>(),
            "dns_sub_list": sub.into_iter().map(|record| shown(record, true)).collect::<Vec<_>>(),
        }}))
    }

    /// Fields that the vendor does not know are not looked at, and the answer is a success all the same.
    fn set_records(&self, domain: &str) -> Result<Value, Failure> {
        let (name, _) = self
            .vendor
            .changeable(self.account, domain)
            .map_err(|refusal| failure(&refusal))?;
        let sent = self.sent_records()?;
        let append = self.sent["add_dns_to_current_setting"].as_bool().unwrap_or(false);
        if sent.is_empty() {
            return Ok(json!({}));
        }
        let before = self.vendor.world.state().zone(VENDOR, &name).cloned();
        let mode = if append { Mode::Append } else { Mode::Replace };
        if let Some(problem) = zone::problem(self.vendor, &name, &sent, &mode, before.as_ref()) {
            return Err((403, problem));
        }
        let asked = self.sent["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok());
        let kept = before
            .filter(|_| append)
            .map(|zone| zone::ttl(&zone, &self.vendor.settings()));
        let ttl = asked.or(kept).unwrap_or(self.vendor.settings().default_ttl);
        let (world, of, account) = (self.vendor.world.clone(), name.clone(), self.account.name);
        self.vendor
            .late
            .accept(&self.vendor.faults, self.call, &name, move || {
                zone::set(&world, &of, account, sent, &mode, ttl);
            });
        Ok(json!({}))
    }

    /// Removes records that are exactly as those sent.
    fn remove_records(&self, domain: &str) -> Result<Value, Failure> {
        let (name, _) = self
            .vendor
            .changeable(self.account, domain)
            .map_err(|refusal| failure(&refusal))?;
        let sent = self.sent_records()?;
        let meant = |record: &crate::sim::world::Record| {
            let (value, second) = zone::values(record);
            sent.iter().any(|one| {
                let same = one.name == record.name && one.rtype == record.rtype && one.value == value;
                same && (one.second.is_none() || one.second == second)
            })
        };
        let zone = self.vendor.world.state().zone(VENDOR, &name).cloned();
        let (removed, kept): (Vec<_>, Vec<_>) = zone
            .map(|zone| zone.records)
            .unwrap_or_default()
            .into_iter()
            .partition(|record| meant(record));
        let main = removed.iter().filter(|record| record.name.is_empty()).count();
        let counts =
            json!({"main_record_removed_count": main, "sub_record_removed_count": removed.len() - main});
        let (world, of) = (self.vendor.world.clone(), name.clone());
        self.vendor
            .late
            .accept(&self.vendor.faults, self.call, &name, move || {
                if let Some(zone) = world.state().zone(VENDOR, &of) {
                    zone.records = kept;
                }
            });
        Ok(counts)
    }

    fn sent_records(&self) -> Result<Vec<Sent>, Failure> {
        let mut all = Vec::new();
        for (list, below) in [("dns_main_list", false), ("dns_sub_list", true)] {
            for one in self.sent[list].as_array().into_iter().flatten() {
                let rtype = one["record_type"].as_str().unwrap_or_default();
                let capitals = rtype.to_ascii_uppercase();
                let known =
                    TYPES.contains(&capitals.as_str()) || (below && TYPES_BELOW.contains(&capitals.as_str()));
                if rtype != rtype.to_ascii_lowercase() || !known {
                    return Err((400, format!("The record type {rtype} is invalid.")));
                }
                let value = one["record_value1"].as_str().unwrap_or_default();
                let name = one["sub_host"].as_str().unwrap_or_default();
                if value.is_empty() || (below && name.is_empty()) {
                    return Err((400, "A record lacks its value or its host.".to_owned()));
                }
                let second = match &one["record_value2"] {
                    Value::String(text) if !text.is_empty() => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                };
                all.push(Sent {
                    name: if below {
                        name.to_ascii_lowercase()
                    } else {
                        String::new()
                    },
                    rtype: capitals,
                    value: value.to_owned(),
                    second,
                });
            }
        }
        Ok(all)
    }

    fn nameservers(&self, domain: &str) -> Result<Value, Failure> {
        let (_, held) = self
            .vendor
            .held(self.account, domain)
            .map_err(|refusal| failure(&refusal))?;
        let shown = held
            .nameservers
            .iter()
            .map(|host| json!({"host": self.vendor.shown_host(host), "ns_name": ""}));
        Ok(json!({"name_servers": shown.collect::<Vec<_>>()}))
    }

    fn set_nameservers(&self, domain: &str) -> Result<Value, Failure> {
        let (name, _) = self
            .vendor
            .changeable(self.account, domain)
            .map_err(|refusal| failure(&refusal))?;
        let hosts = self.sent["nameserver_list"].as_array().into_iter().flatten();
        let hosts: Vec<_> = hosts
            .filter_map(Value::as_str)
            .map(str::to_ascii_lowercase)
            .collect();
        self.vendor
            .usable(self.account, &hosts)
            .map_err(|refusal| failure(&refusal))?;
        self.vendor.delegate(self.call, &name, hosts);
        Ok(json!({}))
    }

    fn add_host(&self, name: &str) -> Result<Value, Failure> {
        let name = host(name).map_err(|refusal| failure(&refusal))?;
        let id = self
            .vendor
            .add_outside_host(self.account, &name)
            .map_err(|refusal| failure(&refusal))?;
        Ok(json!({"server": {"host": name, "server_id": id}}))
    }
}

/// The same refusal as API3's, with the status of REST.
fn failure(refusal: &Refusal) -> Failure {
    match refusal.text() {
        "could not find domain in your account" => {
            (404, "Can not find the domain in the account.".to_owned())
        }
        "Please unlock your domain firstly." => (409, "The domain is UDRP locked.".to_owned()),
        text => (400, text.to_owned()),
    }
}
