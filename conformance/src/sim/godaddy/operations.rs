//! Domains and their name servers by version 3.

use axum::http::{HeaderValue, header};
use serde_json::{Value, json};

use super::account::{NAMESERVERS, READ};
use super::answer::{Failure, Field, with};
use super::domain;
use super::request::{Asked, Outcome};
use super::tasks::{Progress, Task, Wanted};

impl Asked<'_> {
    pub(super) fn details_v3(&self, name: &str) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        self.caller.may(READ)?;
        let (name, domain) = self.vendor.held(&self.caller.account, name)?;
        Ok(with(200, self.shown_v3(&name, &domain)))
    }

    /// Pages are followed by a link.
    pub(super) fn list_v3(&self) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        self.caller.may(READ)?;
        let size = self.number("pageSize", 25, (1, 200))?;
        let after = self.get("pageToken").unwrap_or_default();
        let all = self.owned();
        let mut rest = all.iter().filter(|(name, _)| name.as_str() > after);
        let page: Vec<_> = rest.by_ref().take(size).collect();
        let mut links = Vec::new();
        if let (Some((last, _)), Some(_)) = (page.last(), rest.next()) {
            let href = format!("/v3/domains/domain-names?pageSize={size}&pageToken={last}");
            links.push(json!({"rel": "next", "href": href}));
        }
        let items = if page.is_empty() {
            Value::Null
        } else {
            page.iter()
                .map(|(name, domain)| self.shown_v3(name, domain))
                .collect()
        };
        Ok(with(200, json!({"items": items, "links": links})))
    }

    /// The body is a bare array. The same `Idempotency-Key` gets the first answer.
    pub(super) fn set_nameservers_v3(&self, name: &str) -> Outcome {
        self.vendor
            .eligible(&self.caller.account, self.generation, false)?;
        self.caller.may(NAMESERVERS)?;
        let key = self
            .headers
            .get("idempotency-key")
            .and_then(|key| key.to_str().ok());
        let key = key.filter(|key| (16..=64).contains(&key.len())).ok_or_else(|| {
            Failure::new(
                400,
                "INVALID_IDEMPOTENCY_KEY",
                "The header Idempotency-Key is missing or not valid",
            )
        })?;
        let (name, held) = self.vendor.held(&self.caller.account, name)?;
        let before = self.vendor.tasks.last(|task| {
            let same = task.idempotency_key.as_deref() == Some(key);
            same && task.account == self.caller.account.name
        });
        let task = if let Some(task) = before {
            task
        } else {
            let sent = self.json()?;
            if !sent.is_array() {
                return Err(Failure::body(Field::new(
                    "UNEXPECTED_TYPE",
                    "is not a array",
                    "body",
                )));
            }
            let hosts = self.hosts(&name, &held, &sent, "body")?;
            let wanted = Wanted {
                call: self.call,
                account: self.caller.account.name,
                domain: &name,
                kind: "DOMAIN_UPDATE_NAME_SERVERS",
                idempotency_key: Some(key.to_owned()),
                doomed: false,
            };
            let (world, of, settings) = (self.vendor.world.clone(), name.clone(), self.vendor.settings());
            self.vendor
                .begin(wanted, move || domain::delegate(&world, &of, hosts, &settings))?
        };
        let mut response = with(202, shown_operation(&task, "CONFIRMED"));
        let href = HeaderValue::from_str(&href(&task)).map_err(|_| Failure::not_found())?;
        response.headers_mut().insert(header::LOCATION, href);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        Ok(response)
    }

    pub(super) fn operation(&self, id: &str) -> Outcome {
        self.caller.may(READ)?;
        let ours = |task: &Task| task.id == id && task.account == self.caller.account.name;
        let task = self.vendor.tasks.last(ours).ok_or_else(Failure::not_found)?;
        self.vendor.late.read(&task.domain);
        let status = match task.progress() {
            Progress::OnItsWay => "EXECUTING",
            Progress::Done => "COMPLETED",
            Progress::Failed => "FAILED",
        };
        let mut shown = shown_operation(&task, status);
        match task.progress() {
            Progress::OnItsWay => {}
            Progress::Done => shown["result"] = json!({"domain": task.domain}),
            Progress::Failed => {
                shown["error"] =
                    json!({"name": "REGISTRY_REFUSED", "message": "The registry refused the change"});
            }
        }
        Ok(with(200, shown))
    }
}

fn href(task: &Task) -> String {
    format!("/v3/domains/operations/{}", task.id)
}

fn shown_operation(task: &Task, status: &str) -> Value {
    json!({
        "operationId": task.id,
        "type": "UPDATE_NAMESERVERS",
        "domain": task.domain,
        "status": status,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:00:00Z",
        "links": [{"rel": "self", "href": href(task)}],
    })
}
