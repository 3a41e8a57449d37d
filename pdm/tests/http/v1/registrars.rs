//! Registrars, and looks at domains with accounts there. The registrars are simulated, each by what its vendor documents.

use std::fmt::Write as _;

use conformance::sim::Simulator;
use conformance::sim::fixtures::{Case, Fixtures};
use conformance::sim::world::World;
use conformance::vendors::VENDORS;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, TestApp, on_each_database, send};

/// Every simulated registrar, and the settings that lead to them.
struct Vendors {
    running: Vec<(&'static str, Simulator, Fixtures)>,
    settings: String,
}

async fn vendors() -> Vendors {
    let mut running = Vec::new();
    let mut settings = "[registrars]\nallow_custom_endpoints = true\n".to_owned();
    for vendor in VENDORS.iter().filter(|vendor| vendor.with.is_none()) {
        let (simulator, fixtures) = (vendor.start)(World::new(), 0).await.unwrap();
        let (id, url) = (vendor.id(), simulator.base_url());
        write!(settings, "[registrars.{id}]\nendpoint = \"{url}\"\n").unwrap();
        running.push((vendor.id(), simulator, fixtures));
    }
    Vendors { running, settings }
}

fn body(id: &str, case: &Case) -> Value {
    json!({"domain": case.domain, "registrar": {"id": id, "credentials": case.credentials}})
}

async fn validate(app: &TestApp, who: As, body: &Value) -> crate::support::Reply {
    send(app.request(who, Method::POST, "/v1/validate").json(body)).await
}

async fn registrars_are_listed_with_what_they_need(database: Database) {
    let app = TestApp::start(database).await;
    let list = app.get(As::A, "/v1/registrars").await.ok();
    let ids: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["cloudflare", "dynadot", "godaddy", "namecheap", "ovh"]);
    for item in list["items"].as_array().unwrap() {
        let fields = item["credential_fields"].as_array().unwrap();
        assert!(!fields.is_empty() && !item["needs"].as_array().unwrap().is_empty());
        for field in fields {
            for part in ["name", "label", "help", "pattern"] {
                assert!(!field[part].as_str().unwrap().is_empty(), "{field}");
            }
            assert!(field["secret"].is_boolean(), "{field}");
        }
        assert!(
            item["capabilities"]["change_nameservers"]["support"].is_string(),
            "{item}"
        );
        assert!(
            item["needs_allow_list"].is_boolean() && item["sandbox"].is_boolean(),
            "{item}"
        );
    }
}

async fn what_cannot_be_looked_at_is_refused(database: Database) {
    let app = TestApp::start(database).await;
    let refused = async |body: Value| validate(&app, As::A, &body).await.problem();
    let unknown = json!({"domain": "acme.com", "registrar": {"id": "nobody", "credentials": {}}});
    assert_eq!(refused(unknown).await, (404, "registrar.unknown".to_owned()));
    for wrong in [
        json!({}),
        json!({"domain": "a..b"}),
        json!({"domain": "acme.com", "colour": 1}),
        json!({"domain": "acme.com", "registrar": {"id": "ovh"}}),
        json!({"domain": "acme.com", "registrar": {"id": "ovh", "credentials": {"region": 1}}}),
    ] {
        assert_eq!(
            refused(wrong.clone()).await,
            (422, "request.invalid".to_owned()),
            "{wrong}"
        );
    }
    let nobody = validate(&app, As::Nobody, &json!({"domain": "acme.com"})).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

async fn an_account_is_judged_as_its_registrar_does(database: Database) {
    let vendors = vendors().await;
    let app = TestApp::with(database, &vendors.settings).await;
    for (id, simulator, fixtures) in &vendors.running {
        let good = validate(&app, As::A, &body(id, &fixtures.ordinary)).await.ok();
        assert_eq!(good["domain"], fixtures.ordinary.domain, "{id}");
        let account = &good["registrar"];
        assert_eq!(
            (
                &account["id"],
                &account["credentials"],
                &account["domain_in_account"],
                &account["refused_because"]
            ),
            (&json!(id), &json!("accepted"), &json!(true), &Value::Null),
            "{id}: {good}"
        );
        let wrong = validate(&app, As::A, &body(id, &fixtures.cases["wrong_key"]))
            .await
            .ok();
        assert_eq!(wrong["registrar"]["credentials"], "rejected", "{id}: {wrong}");
        assert!(
            wrong["problems"]
                .as_array()
                .unwrap()
                .iter()
                .any(|p| p["code"] == "registrar.credentials_rejected"),
            "{id}: {wrong}"
        );
        let down = validate(&app, As::A, &body(id, &fixtures.cases["down"]))
            .await
            .ok();
        assert_eq!(
            (
                &down["registrar"]["credentials"],
                &down["registrar"]["refused_because"]
            ),
            (&json!("unclear"), &json!("unavailable")),
            "{id}: {down}"
        );
        assert_eq!(simulator.journal.writes(), 0, "{id}: a look writes nothing");
    }
}

async fn a_look_with_credentials_is_noted_without_them(database: Database) {
    let vendors = vendors().await;
    let app = TestApp::with(database, &vendors.settings).await;
    let (id, _, fixtures) = &vendors.running[0];
    let asked = app
        .request(As::A, Method::POST, "/v1/validate")
        .header("Idempotency-Key", "k")
        .json(&body(id, &fixtures.ordinary));
    let first = send(asked.try_clone().unwrap()).await;
    let again = send(asked).await;
    assert_eq!(
        (again.header("idempotency-replayed"), &again.text),
        (Some("true"), &first.text)
    );
    let audit = app.get(As::Operator, "/v1/audit").await.ok();
    let row = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["action"] == "domain.validate")
        .unwrap();
    assert_eq!(
        row["detail"],
        format!("{}: credentials accepted", fixtures.ordinary.domain)
    );
    for secret in fixtures.ordinary.credentials.as_object().unwrap().values() {
        let secret = secret.as_str().unwrap();
        assert!(secret.len() < 6 || !audit.to_string().contains(secret));
    }
}

async fn guesses_are_limited_per_tenant_and_per_domain(database: Database) {
    let vendors = vendors().await;
    let limits = "[limits]\nvalidate_per_minute = 3\nvalidate_per_domain_hour = 4\n";
    let app = TestApp::with(database, &format!("{limits}{}", vendors.settings)).await;
    let (id, _, fixtures) = &vendors.running[0];
    let guess = body(id, &fixtures.cases["wrong_key"]);
    let status = async |who| validate(&app, who, &guess).await.status.as_u16();
    for expected in [200, 200, 200, 429] {
        assert_eq!(status(As::A).await, expected);
    }
    assert_eq!(
        status(As::B).await,
        200,
        "another tenant, the fourth for the domain"
    );
    let refused = validate(&app, As::B, &guess).await;
    assert_eq!(refused.problem(), (429, "rate.limited".to_owned()));
    assert!(refused.header("retry-after").is_some());
    let without = validate(&app, As::A, &json!({"domain": fixtures.ordinary.domain})).await;
    assert_eq!(
        without.status,
        StatusCode::OK,
        "without credentials nothing is guessed"
    );
}

async fn old_clients_ask_with_one_token(database: Database) {
    let vendors = vendors().await;
    let app = TestApp::with(database, &vendors.settings).await;
    for (id, _, fixtures) in &vendors.running {
        let ask = async |case: &Case| {
            let token = case.credentials.to_string();
            let request = app.old(Method::POST, &format!("/api/v1/registrar/{id}/validate"));
            send(request.json(&json!({"domain": case.domain, "token": token, "nameservers": []})))
                .await
                .ok()
        };
        assert_eq!(ask(&fixtures.ordinary).await["valid"], true, "{id}");
        let wrong = ask(&fixtures.cases["wrong_key"]).await;
        assert_eq!(
            (&wrong["valid"], &wrong["reason"]),
            (&json!(false), &json!("registrar.credentials_rejected")),
            "{id}"
        );
    }
}

on_each_database!(
    registrars_are_listed_with_what_they_need,
    what_cannot_be_looked_at_is_refused,
    an_account_is_judged_as_its_registrar_does,
    a_look_with_credentials_is_noted_without_them,
    guesses_are_limited_per_tenant_and_per_domain,
    old_clients_ask_with_one_token,
);
