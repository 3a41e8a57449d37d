//! Cloudflare.

mod records;
mod tokens;
mod zones;

use anyhow::Result;
use conformance::sim::Simulator;
use conformance::sim::cloudflare::fixtures::ORDINARY;
use conformance::sim::cloudflare::settings::Settings;
use conformance::sim::cloudflare::start_with;
use conformance::sim::controls::Controls;
use conformance::sim::world::World;
use serde_json::{Value, json};

const ZONE: &str = "cloudflare-ordinary.com";
/// An id that nothing has.
const NOTHING: &str = "00000000000000000000000000000000";

struct Cloudflare {
    world: World,
    controls: Controls<Settings>,
    simulator: Simulator,
    client: reqwest::Client,
    /// The zone's id.
    zone: String,
}

impl Cloudflare {
    async fn start() -> Result<Self> {
        let (world, controls) = (World::new(), Controls::default());
        let (simulator, _) = start_with(&world, 0, &controls).await?;
        let mut started = Self {
            world,
            controls,
            simulator,
            client: reqwest::Client::new(),
            zone: String::new(),
        };
        started.zone = started.zone_id(ORDINARY, ZONE).await?;
        Ok(started)
    }

    async fn zone_id(&self, token: &str, name: &str) -> Result<String> {
        let (_, body) = self
            .call(token, "GET", &format!("/zones?name={name}"), None)
            .await?;
        Ok(text(&body["result"][0]["id"]))
    }

    async fn send(
        &self,
        header: (&str, &str),
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<reqwest::Response> {
        let url = format!("{}/client/v4{path}", self.simulator.base_url());
        let mut request = self
            .client
            .request(method.parse()?, url)
            .header(header.0, header.1);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(request.send().await?)
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let bearer = format!("Bearer {token}");
        let response = self.send(("authorization", &bearer), method, path, body).await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// Status and code of a refusal; the code is the innermost.
    async fn refusal(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, u64)> {
        let (status, body) = self.call(token, method, path, body).await?;
        assert_eq!(body["success"], false, "{body}");
        assert_eq!(body["result"], Value::Null);
        let error = &body["errors"][0];
        let code = error["error_chain"][0]["code"]
            .as_u64()
            .or_else(|| error["code"].as_u64());
        Ok((status, code.unwrap_or_default()))
    }

    fn records(&self) -> String {
        format!("/zones/{}/dns_records", self.zone)
    }

    /// Makes a record at `sub` or another name below the zone.
    async fn create(&self, rtype: &str, name: &str, content: &str) -> Result<Value> {
        let body = record(rtype, name, content);
        let (status, body) = self.call(ORDINARY, "POST", &self.records(), Some(body)).await?;
        assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
        Ok(body["result"].clone())
    }

    async fn refused(&self, rtype: &str, name: &str, content: &str) -> Result<(u16, u64)> {
        let body = record(rtype, name, content);
        self.refusal(ORDINARY, "POST", &self.records(), Some(body)).await
    }

    async fn list(&self, query: &str) -> Result<Vec<Value>> {
        let path = format!("{}?{query}", self.records());
        let (_, body) = self.call(ORDINARY, "GET", &path, None).await?;
        Ok(body["result"].as_array().cloned().unwrap_or_default())
    }
}

fn record(rtype: &str, name: &str, content: &str) -> Value {
    let name = if name.is_empty() {
        ZONE.to_owned()
    } else {
        format!("{name}.{ZONE}")
    };
    match rtype {
        "DS" => {
            json!({"type": "DS", "name": name, "ttl": 3600, "data": {"key_tag": 2371, "algorithm": 13, "digest_type": 2, "digest": content}})
        }
        "MX" => json!({"type": "MX", "name": name, "content": content, "ttl": 300, "priority": 10}),
        _ => json!({"type": rtype, "name": name, "content": content, "ttl": 3600}),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn digest() -> String {
    "ab".repeat(32)
}
