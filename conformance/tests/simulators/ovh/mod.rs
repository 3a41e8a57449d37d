//! OVHcloud.

mod keys;
mod servers;
mod zone;

use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use conformance::sim::Simulator;
use conformance::sim::controls::Controls;
use conformance::sim::ovh::fixtures::{APPLICATION_KEY, APPLICATION_SECRET, ORDINARY};
use conformance::sim::ovh::settings::Settings;
use conformance::sim::ovh::start_with;
use conformance::sim::world::World;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

const DOMAIN: &str = "/domain/ovh-ordinary.com";
const ZONE: &str = "/domain/zone/ovh-hosted.com";

/// How a client signs.
fn signature(secret: &str, consumer: &str, method: &str, url: &str, body: &str, time: i64) -> String {
    let hashed = [secret, consumer, method, url, body, &time.to_string()].join("+");
    format!(
        "$1${}",
        HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, hashed.as_bytes()).as_ref())
    )
}

/// A request as a client makes it, before it is sent.
#[derive(Clone)]
struct Call {
    application: String,
    secret: String,
    consumer: String,
    method: String,
    path: String,
    body: String,
    /// What is added to the time.
    off: i64,
}

impl Call {
    fn new(method: &str, path: &str) -> Self {
        Self {
            application: APPLICATION_KEY.to_owned(),
            secret: APPLICATION_SECRET.to_owned(),
            consumer: ORDINARY.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            body: String::new(),
            off: 0,
        }
    }

    fn of(self, consumer: &str) -> Self {
        Self {
            consumer: consumer.to_owned(),
            ..self
        }
    }
}

struct Ovh {
    world: World,
    controls: Controls<Settings>,
    simulator: Simulator,
    client: reqwest::Client,
}

impl Ovh {
    async fn start() -> Result<Self> {
        let (world, controls) = (World::new(), Controls::default());
        let (simulator, _) = start_with(&world, 0, &controls).await?;
        Ok(Self {
            world,
            controls,
            simulator,
            client: reqwest::Client::new(),
        })
    }

    /// A task takes this long on the world's clock, which does not reach its end by itself.
    async fn start_with_slow_tasks() -> Result<Self> {
        let ovh = Self::start().await?;
        ovh.controls
            .with(|settings| settings.task = Duration::from_secs(3600));
        Ok(ovh)
    }

    async fn send(&self, call: &Call) -> Result<reqwest::Response> {
        let url = format!("{}/1.0{}", self.simulator.base_url(), call.path);
        self.send_to(call, &url, &url).await
    }

    async fn send_to(&self, call: &Call, signed: &str, sent: &str) -> Result<reqwest::Response> {
        let time = i64::try_from(self.world.now())? + call.off;
        let Call {
            application,
            secret,
            consumer,
            method,
            body,
            ..
        } = call;
        let request = self
            .client
            .request(method.parse()?, sent)
            .header("X-Ovh-Application", application)
            .header("X-Ovh-Consumer", consumer)
            .header("X-Ovh-Timestamp", time)
            .header(
                "X-Ovh-Signature",
                signature(secret, consumer, method, signed, body, time),
            )
            .header("Content-Type", "application/json;charset=utf-8")
            .body(body.clone());
        Ok(request.send().await?)
    }

    async fn answer(&self, call: &Call) -> Result<(u16, Value)> {
        let response = self.send(call).await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        Ok((
            status,
            if body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&body)?
            },
        ))
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.answer(&Call::new("GET", path)).await?;
        assert_eq!(status, 200, "{path}: {body}");
        Ok(body)
    }

    async fn write(&self, method: &str, path: &str, body: Value) -> Result<(u16, Value)> {
        let mut call = Call::new(method, path);
        call.body = body.to_string();
        self.answer(&call).await
    }

    async fn done(&self, method: &str, path: &str, body: Value) -> Result<Value> {
        let (status, body) = self.write(method, path, body).await?;
        assert!(matches!(status, 200 | 204), "{status} {body}");
        Ok(body)
    }

    async fn set_servers(&self, hosts: &[&str]) -> Result<(u16, Value)> {
        let hosts: Vec<_> = hosts.iter().map(|host| json!({"host": host})).collect();
        self.write(
            "POST",
            &format!("{DOMAIN}/nameServers/update"),
            json!({"nameServers": hosts}),
        )
        .await
    }

    /// Host, `isUsed` and `toDelete` of each name server.
    async fn servers(&self) -> Result<Vec<(String, bool, bool)>> {
        let mut servers = Vec::new();
        for id in self
            .get(&format!("{DOMAIN}/nameServer"))
            .await?
            .as_array()
            .context("a list")?
        {
            let server = self.get(&format!("{DOMAIN}/nameServer/{id}")).await?;
            let host = server["host"].as_str().unwrap_or_default().to_owned();
            servers.push((host, server["isUsed"] == true, server["toDelete"] == true));
        }
        Ok(servers)
    }

    async fn status(&self, task: &Value) -> Result<String> {
        let task = self.get(&format!("{DOMAIN}/task/{}", task["id"])).await?;
        Ok(task["status"].as_str().unwrap_or_default().to_owned())
    }

    fn wait_seconds(&self, seconds: u64) {
        self.world.move_clock(Duration::from_secs(seconds));
    }

    fn nameservers(&self) -> Vec<String> {
        self.world
            .domain("ovh-ordinary.com")
            .map(|domain| domain.nameservers)
            .unwrap_or_default()
    }
}

fn used(hosts: &[&str]) -> Vec<(String, bool, bool)> {
    hosts.iter().map(|&host| (host.to_owned(), true, false)).collect()
}

const NEW_HOSTS: [&str; 2] = ["ns1.example.net", "ns2.example.org"];
