//! The document says what is served.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use crate::auth::routes;
use crate::support::{As, Database, TestApp, on_each_database, send};

/// Every `$ref` in a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get("$ref") {
                found.insert(target.clone());
            }
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

async fn the_document_is_whole_and_every_route_of_it_is_served(database: Database) {
    let app = TestApp::start(database).await;
    let document = app.get(As::Nobody, "/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 15);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} twice");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.contains_key("4XX") && responses.contains_key("5XX"),
                "{method} {path}"
            );
            assert!(
                responses
                    .values()
                    .all(|r| !r["description"].as_str().unwrap().is_empty()),
                "{method} {path}"
            );
        }
    }
    for (method, path, _) in routes(&document) {
        if path == "/v1/events" {
            // A stream has no end; its own tests read it.
            continue;
        }
        let reply = send(app.request(As::Operator, method.clone(), &path)).await;
        assert_ne!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(!reply.text.contains("route.not_found"), "{method} {path}");
        assert!(reply.status.as_u16() < 500, "{method} {path} {reply:?}");
    }
}

on_each_database!(the_document_is_whole_and_every_route_of_it_is_served);
