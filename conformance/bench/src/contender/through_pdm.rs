//! The control plane, from outside: HTTP as a tenant sends it.

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Contender;
use crate::zones::TARGET;

/// How often a commit that is still running is joined again, a minute each time.
const JOINS: usize = 5;

/// Tenants who take turns, on one pool. Connections are kept and used again. Clones share their connections.
#[derive(Debug, Clone)]
pub struct ThroughPdm {
    client: Client,
    url: String,
    keys: Arc<[String]>,
    turn: Arc<AtomicUsize>,
    pool: String,
}

/// A name that is held.
#[derive(Debug, Clone)]
pub struct Reservation {
    claim: String,
    token: String,
    /// Key of the tenant who holds it.
    key: String,
}

impl ThroughPdm {
    /// Tenants with these keys, on one pool.
    pub fn new(url: &str, keys: &[String], pool: &str) -> Result<Self> {
        Ok(Self {
            client: Client::builder().no_proxy().tls_certs_only([]).build()?,
            url: url.to_owned(),
            keys: keys.into(),
            turn: Arc::default(),
            pool: pool.to_owned(),
        })
    }

    /// Holds a name.
    pub async fn reserve(&self, label: &str) -> Result<Reservation> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let key = self
            .keys
            .get(turn % self.keys.len())
            .context("there is a tenant")?;
        let body = json!({"mode": "pool", "pool": self.pool, "label": label});
        let answer = self.post("/v1/reserve", key).json(&body).send().await?;
        let made = read(answer, StatusCode::CREATED).await.context("reserve")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(Reservation {
            claim: text(&made["claim"]["id"]).context("a claim has an id")?,
            token: text(&made["reservation_token"]).context("a reservation has a token")?,
            key: key.clone(),
        })
    }

    /// Makes a held name real, and waits until its operation has succeeded and the claim is active.
    pub async fn commit(&self, held: &Reservation) -> Result<()> {
        let body = json!({
            "claim_id": held.claim,
            "reservation_token": held.token,
            "targets": {"ipv4": [TARGET], "ipv6": []},
        });
        for _ in 0..JOINS {
            let request = self.post("/v1/commit", &held.key).header("Prefer", "wait=60");
            let answer = request.json(&body).send().await?;
            if answer.status() == StatusCode::ACCEPTED {
                continue;
            }
            let done = read(answer, StatusCode::OK).await.context("commit")?;
            let (operation, claim) = (&done["operation"]["state"], &done["claim"]["state"]);
            ensure!(
                operation == "succeeded" && claim == "active",
                "the operation is {operation}, the claim {claim}: {}",
                done["operation"]["error"]
            );
            return Ok(());
        }
        bail!("not active after {JOINS} minutes");
    }

    fn post(&self, path: &str, key: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).bearer_auth(key)
    }
}

#[async_trait]
impl Contender for ThroughPdm {
    async fn make_live(&self, label: &str) -> Result<()> {
        let held = self.reserve(label).await?;
        self.commit(&held).await
    }
}

async fn read(answer: Response, wanted: StatusCode) -> Result<Value> {
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status == wanted, "answered {status}: {body}");
    Ok(serde_json::from_str(&body)?)
}
