//! A client as the contract wants it: each POST under a key of its own, repeated to any replica until the answer is
//! definite.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::ledger::{Acknowledged, Ledger};
use crate::random::Random;

/// After how long a caller gives an attempt up; longer than the longest wait that is asked for.
const PATIENCE: Duration = Duration::from_secs(6);
/// Within what a repeated call must be decided, whatever is broken meanwhile.
const DECIDED: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    /// `Idempotency-Key`
    pub key: Option<String>,
    /// Seconds of `Prefer: wait`
    pub wait: Option<u8>,
}

/// A definite answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub body: Value,
    pub replayed: bool,
    /// When the first attempt was sent: nothing of the call can have happened before.
    pub begun: Instant,
    /// When the attempt was sent that was answered.
    pub sent: Instant,
    /// When the answer was there: what it says had happened by then.
    pub received: Instant,
    /// Attempts without an answer, or with one that leaves it open: each may have taken effect, or still may.
    pub lost: u32,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

#[derive(Clone)]
pub struct Caller {
    pub http: reqwest::Client,
    /// Base addresses of the replicas.
    pub replicas: Arc<[String]>,
    /// Which tenant's key it is.
    pub tenant: usize,
    pub api_key: String,
    pub random: Random,
    pub ledger: Arc<Ledger>,
}

pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

impl Caller {
    /// The same caller for somebody who calls at the same time.
    pub fn fork(&mut self) -> Self {
        Self {
            random: self.random.fork(),
            ..self.clone()
        }
    }

    pub async fn get(&mut self, path: impl Into<String>) -> Answer {
        self.call(&request(Method::GET, path, None)).await
    }

    pub async fn put(&mut self, path: impl Into<String>, body: Value) -> Answer {
        self.call(&request(Method::PUT, path, Some(body))).await
    }

    pub async fn delete(&mut self, path: impl Into<String>) -> Answer {
        self.call(&request(Method::DELETE, path, None)).await
    }

    /// Now and then waits for the end of what it starts, and now and then asks once more what it has heard already.
    pub async fn post(&mut self, path: impl Into<String>, body: Value) -> Answer {
        let mut request = request(Method::POST, path, Some(body));
        request.key = Some(format!("{:016x}{:016x}", self.random.next(), self.random.next()));
        request.wait = self.random.percent(20).then_some(1);
        let answer = self.call(&request).await;
        let acknowledged = Acknowledged {
            tenant: self.tenant,
            request,
            status: answer.status,
            text: answer.text.clone(),
        };
        if self.random.percent(15) {
            self.expect_again(&acknowledged).await;
        }
        self.ledger.acknowledged(acknowledged);
        answer
    }

    /// Asks again under the same key: the same status and body, byte for byte.
    pub async fn expect_again(&mut self, first: &Acknowledged) {
        let again = self.call(&first.request).await;
        self.ledger.count("replays");
        if (again.status, &again.text) != (first.status, &first.text) || !again.replayed {
            self.ledger.wrong(format!(
                "{} answered {} {} and under the same key (replayed: {}) {} {}",
                first.request.path, first.status, first.text, again.replayed, again.status, again.text
            ));
        }
    }

    /// Repeats a request until the answer is definite.
    pub async fn call(&mut self, request: &Request) -> Answer {
        let begun = Instant::now();
        let mut lost = 0;
        let mut last = String::new();
        loop {
            assert!(
                begun.elapsed() < DECIDED,
                "{} {} was not decided within {DECIDED:?}: {last}",
                request.method,
                request.path
            );
            let sent = Instant::now();
            match self.attempt(request).await {
                Err(error) => {
                    self.ledger.count("attempts without an answer");
                    // Nothing was sent when there was no connection.
                    lost += u32::from(!error.is_connect());
                    last = error.to_string();
                }
                Ok((status, replayed, retry_after, text)) => {
                    let body: Value = serde_json::from_str(&text).unwrap_or_default();
                    let answer = Answer {
                        status,
                        text,
                        body,
                        replayed,
                        begun,
                        sent,
                        received: Instant::now(),
                        lost,
                    };
                    match (status, answer.code()) {
                        // Replicas are killed and started again, and the database goes away: other reasons for a 503
                        // do not occur here.
                        (503, "store.unavailable" | "shutting_down") if retry_after => {
                            self.ledger.count("answers 503");
                            // The database may have kept a change that it did not confirm any more.
                            lost += 1;
                        }
                        (409, "idempotency.in_progress") => self.ledger.count("answers in_progress"),
                        (429 | 500.., _) => self.ledger.wrong(format!(
                            "{} {} was answered {status} {}",
                            request.method, request.path, answer.text
                        )),
                        _ => {
                            self.ledger.count("calls");
                            return answer;
                        }
                    }
                    last = answer.text;
                }
            }
            tokio::time::sleep(self.random.millis(20, 250)).await;
        }
    }

    /// Status, whether it is a replay, whether it says when to come back, and the body.
    async fn attempt(&mut self, request: &Request) -> reqwest::Result<(u16, bool, bool, String)> {
        let replica = &self.replicas[self.random.below(self.replicas.len())];
        let url = format!("{replica}{}", request.path);
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .bearer_auth(&self.api_key);
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        if let Some(key) = &request.key {
            builder = builder.header("Idempotency-Key", key);
        }
        if let Some(wait) = request.wait {
            builder = builder.header("Prefer", format!("wait={wait}"));
        }
        let response = builder.send().await?;
        let replayed = response.headers().contains_key("idempotency-replayed");
        let seconds = response.headers().get("retry-after");
        let retry_after = seconds
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
            .is_some_and(|seconds| seconds > 0);
        let status = response.status().as_u16();
        Ok((status, replayed, retry_after, response.text().await?))
    }
}

fn request(method: Method, path: impl Into<String>, body: Option<Value>) -> Request {
    Request {
        method,
        path: path.into(),
        body,
        key: None,
        wait: None,
    }
}
