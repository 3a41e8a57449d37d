//! What several tests need.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance_servers::PowerDns;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

/// The API of a server, directly or through a proxy.
pub struct Api {
    client: Client,
    base: String,
    key: String,
}

impl Api {
    pub fn of(server: &PowerDns) -> Self {
        Self::through(&server.api_url(), server)
    }

    /// With the key of `server`, at another address.
    pub fn through(url: &str, server: &PowerDns) -> Self {
        let client = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("a plain client");
        Self {
            client,
            base: format!("{url}/api/v1/servers/localhost"),
            key: server.api_key().to_owned(),
        }
    }

    pub async fn call(&self, method: Method, path: &str, body: Value) -> reqwest::Result<Response> {
        let request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("X-API-Key", &self.key);
        if body.is_null() {
            request.send().await
        } else {
            request.json(&body).send().await
        }
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(self
            .call(Method::GET, path, Value::Null)
            .await?
            .error_for_status()?
            .json()
            .await?)
    }

    /// Makes a signed zone with an SOA record and these records (name, type, data); gives back the data of its DNSKEY.
    pub async fn make_zone(&self, zone: &str, records: &[(&str, &str, &str)]) -> Result<String> {
        let response = self
            .call(Method::POST, "/zones?rrsets=false", zone_body(zone, records))
            .await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status == 201, "{zone}: {status} {text}");
        let id = if zone == "." { "=2E" } else { zone };
        let keys = self.get(&format!("/zones/{id}/cryptokeys")).await?;
        Ok(keys[0]["dnskey"]
            .as_str()
            .context("a signed zone has a key")?
            .to_owned())
    }

    /// The DS record with a SHA-256 digest of a zone's key.
    pub async fn ds(&self, zone: &str) -> Result<String> {
        let keys = self.get(&format!("/zones/{zone}/cryptokeys")).await?;
        let all = keys[0]["ds"]
            .as_array()
            .context("a signed zone has DS records")?
            .clone();
        let sha256 = all
            .iter()
            .filter_map(Value::as_str)
            .find(|ds| ds.split(' ').nth(2) == Some("2"));
        Ok(sha256.context("one of them is SHA-256")?.to_owned())
    }

    pub async fn exists(&self, zone: &str) -> Result<bool> {
        let response = self
            .call(Method::GET, &format!("/zones/{zone}?rrsets=false"), Value::Null)
            .await?;
        Ok(response.status() == 200)
    }
}

/// The body that makes a signed zone.
pub fn zone_body(zone: &str, records: &[(&str, &str, &str)]) -> Value {
    let soa = "ns1.lab.test. hostmaster.lab.test. 1 3600 600 86400 1";
    let rrset = |(name, kind, data): (&str, &str, &str)| json!({"name": name, "type": kind, "ttl": 1, "records": [{"content": data, "disabled": false}]});
    let rrsets: Vec<Value> = std::iter::once((zone, "SOA", soa))
        .chain(records.iter().copied())
        .map(rrset)
        .collect();
    json!({"name": zone, "kind": "Native", "dnssec": true, "nameservers": [], "rrsets": rrsets})
}

/// An unsigned delegation.
pub fn delegated(child: &str) -> [(&str, &str, &str); 1] {
    [(child, "NS", "ns.elsewhere.test.")]
}

/// Waits for a condition; fails the test when it does not come true in a minute.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "not in a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
