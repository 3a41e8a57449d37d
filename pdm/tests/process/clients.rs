//! Clients that live with names: they take them, use them and give them back, some of their own and some that others
//! want too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::caller::{Answer, Caller};
use crate::fleet::POOL;
use crate::ledger::Ledger;
use crate::told::{Left, Told, Written};

/// Labels that everybody wants.
const CONTENDED: usize = 8;
/// How long a client waits for an operation; nothing that the tests break takes that long to heal.
const PATIENCE: Duration = Duration::from_secs(60);
const LONG_HOLD: u64 = 3600;
const SHORT_HOLD: u64 = 2;

pub struct Client {
    pub caller: Caller,
    pub number: usize,
    /// Labels of its own that it has given back.
    free: Vec<String>,
    made: usize,
    told: Vec<Told>,
}

impl Client {
    pub fn new(caller: Caller, number: usize) -> Self {
        Self {
            caller,
            number,
            free: Vec::new(),
            made: 0,
            told: Vec::new(),
        }
    }

    /// Lives until the ledger is over, and says what it was told.
    pub async fn live(mut self) -> Vec<Told> {
        while !self.ledger().is_over() {
            if self.caller.random.percent(35) {
                self.contend().await;
            } else {
                self.use_own().await;
            }
        }
        self.told
    }

    fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.caller.ledger)
    }

    /// A name that nobody else wants: nothing may be refused.
    async fn use_own(&mut self) {
        let label = self.free.pop().unwrap_or_else(|| {
            self.made += 1;
            format!("own-{}-{}", self.number, self.made)
        });
        let answer = self.reserve(&label, LONG_HOLD).await;
        let Some(mut told) = self.expect(&answer, &[201]).then(|| self.reserved(&answer)) else {
            return;
        };
        let given_back = self.use_reserved(&mut told).await;
        if given_back {
            self.free.push(label);
        }
        self.told.push(told);
    }

    /// True when the name is free again.
    async fn use_reserved(&mut self, told: &mut Told) -> bool {
        if self.caller.random.percent(30) {
            let path = format!("/v1/claims/{}/renew", told.claim);
            let body = json!({ "reservation_token": told.token, "hold_seconds": LONG_HOLD });
            let answer = self.caller.post(path, body).await;
            self.expect(&answer, &[200]);
            self.ledger().count("renewals");
        }
        if self.caller.random.percent(10) {
            // Only a row: given back with the answer.
            let answer = self.release(told).await;
            if self.expect(&answer, &[200]) && answer.body["operation"]["state"] != "succeeded" {
                self.ledger()
                    .wrong(format!("a mere hold was not given back at once: {}", answer.text));
            }
            return true;
        }
        let answer = self.commit(told).await;
        if !self.expect(&answer, &[200, 202]) {
            return false;
        }
        if self.caller.random.percent(10) {
            let answer = self.release(told).await;
            self.expect(&answer, &[200, 202]);
            return self.see(told, "released").await;
        }
        if !self.see(told, "active").await {
            return false;
        }
        if self.caller.random.percent(40) {
            self.retarget(told).await;
        }
        if self.caller.random.percent(40) {
            self.write_records(told).await;
        }
        if self.caller.random.percent(20) {
            return false;
        }
        let answer = self.release(told).await;
        self.expect(&answer, &[200, 202]);
        self.caller.random.percent(60) && self.see(told, "released").await
    }

    /// A name that others want too: whoever has it uses it briefly, or lets its hold end.
    async fn contend(&mut self) {
        let label = format!("contended-{}", self.caller.random.below(CONTENDED));
        let short = self.caller.random.percent(40);
        let hold = if short { SHORT_HOLD } else { LONG_HOLD };
        let answer = self.reserve(&label, hold).await;
        if answer.status == 409 && ["name.taken", "name.held"].contains(&answer.code()) {
            self.ledger().count("names that others had");
            tokio::time::sleep(self.caller.random.millis(50, 400)).await;
            return;
        }
        if !self.expect(&answer, &[201]) {
            return;
        }
        let mut told = self.reserved(&answer);
        if short {
            tokio::time::sleep(self.caller.random.millis(0, 2500)).await;
        }
        let committed = self.commit(&mut told).await;
        if short {
            self.judge_expiry(&mut told, &answer, &committed);
        } else {
            self.expect(&committed, &[200, 202]);
        }
        if committed.is_success() && self.see(&mut told, "active").await {
            let answer = self.release(&mut told).await;
            self.expect(&answer, &[200, 202]);
            self.see(&mut told, "released").await;
        }
        self.told.push(told);
    }

    /// A commit and the end of a hold cannot both win, neither too early nor too late.
    fn judge_expiry(&self, told: &mut Told, reserved: &Answer, committed: &Answer) {
        let hold = Duration::from_secs(SHORT_HOLD);
        if self.expect(committed, &[200, 202, 410]) && committed.status == 410 {
            self.ledger().count("holds that ended");
            told.left = Left::Expired;
            if committed.received - reserved.begun < hold {
                self.ledger()
                    .wrong(format!("the hold of {} ended early", told.claim));
            }
        } else if committed.is_success() && committed.begun > reserved.received + hold {
            self.ledger()
                .wrong(format!("{} was committed after its hold", told.claim));
        }
    }

    async fn reserve(&mut self, label: &str, hold: u64) -> Answer {
        self.ledger().count("reserves");
        let body = json!({ "mode": "pool", "pool": POOL, "label": label, "hold_seconds": hold });
        self.caller.post("/v1/reserve", body).await
    }

    /// What a 201 said.
    fn reserved(&self, answer: &Answer) -> Told {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let claim = &answer.body["claim"];
        Told {
            tenant: self.caller.tenant,
            claim: text(&claim["id"]),
            name: text(&claim["name"]),
            token: text(&answer.body["reservation_token"]),
            from: answer.received,
            until: answer.received,
            activation: None,
            target: Written::default(),
            texts: BTreeMap::new(),
            left: Left::Forgotten,
        }
    }

    async fn commit(&mut self, told: &mut Told) -> Answer {
        self.ledger().count("commits");
        let target = self.address();
        let body = commit_body(told, &target);
        let answer = self.caller.post("/v1/commit", body).await;
        if answer.is_success() {
            told.activation = answer.body["operation"]["id"].as_str().map(str::to_owned);
            told.target.write(target, 0);
            told.left = Left::Kept;
            if !answer.replayed {
                told.until = told.until.max(answer.sent);
            }
        }
        answer
    }

    async fn retarget(&mut self, told: &mut Told) {
        self.ledger().count("retargets");
        let target = self.address();
        let path = format!("/v1/claims/{}/targets", told.claim);
        let answer = self
            .caller
            .put(path, json!({ "ipv4": [target], "ipv6": [] }))
            .await;
        if self.expect(&answer, &[200, 202]) {
            told.target.write(target, answer.lost);
        }
    }

    /// A set of texts, sometimes written twice in a row, sometimes removed again.
    async fn write_records(&mut self, told: &mut Told) {
        let owner = ["", "www.", "mail."][self.caller.random.below(3)];
        let owner = format!("{owner}{}", told.name);
        let path = format!("/v1/claims/{}/records/{owner}/TXT", told.claim);
        for _ in 0..=self.caller.random.below(2) {
            self.ledger().count("record sets");
            let text = format!("text-{:x}", self.caller.random.next());
            let body = json!({ "ttl": 60, "values": [text] });
            let answer = self.caller.put(&path, body).await;
            if self.expect(&answer, &[200, 202]) {
                let written = told.texts.entry(owner.clone()).or_default();
                written.write(text, answer.lost);
            }
        }
        if self.caller.random.percent(25) {
            let answer = self.caller.delete(&path).await;
            // A repeated removal may find that the first one was made.
            let gone = answer.lost > 0 && answer.status == 404;
            if gone || self.expect(&answer, &[200, 202]) {
                let written = told.texts.entry(owner).or_default();
                written.write(String::new(), answer.lost);
            }
        }
    }

    async fn release(&mut self, told: &mut Told) -> Answer {
        self.ledger().count("releases");
        let body = json!({ "claim_id": told.claim, "name": told.name });
        let answer = self.caller.post("/v1/release", body).await;
        if answer.is_success() {
            let operation = answer.body["operation"]["id"].as_str().unwrap_or_default();
            told.left = Left::ReleaseAsked(operation.to_owned());
        }
        answer
    }

    /// Looks at a claim until it has come into that state. Every look that finds it owned is evidence.
    async fn see(&mut self, told: &mut Told, wanted: &str) -> bool {
        let begun = tokio::time::Instant::now();
        loop {
            let answer = self.caller.get(format!("/v1/claims/{}", told.claim)).await;
            if !self.expect(&answer, &[200]) {
                return false;
            }
            let state = answer.body["state"].as_str().unwrap_or_default();
            if ["reserved", "activating", "active", "releasing"].contains(&state) {
                told.until = told.until.max(answer.sent);
            }
            if state == wanted {
                return true;
            }
            let on_the_way: &[&str] = match wanted {
                "active" => &["activating"],
                _ => &["activating", "active", "releasing"],
            };
            let waited = begun.elapsed();
            if !on_the_way.contains(&state) || waited > PATIENCE {
                self.ledger()
                    .wrong(format!("after {waited:?} it is not {wanted}: {}", answer.text));
                return false;
            }
            tokio::time::sleep(self.caller.random.millis(100, 300)).await;
        }
    }

    fn address(&mut self) -> String {
        let random = self.caller.random.next().to_be_bytes();
        format!("10.{}.{}.{}", random[0], random[1], random[2])
    }

    fn expect(&self, answer: &Answer, statuses: &[u16]) -> bool {
        let good = statuses.contains(&answer.status);
        if !good {
            self.ledger().wrong(format!(
                "client {} expected {statuses:?}: {answer:?}",
                self.number
            ));
        }
        good
    }

    /// Fifty commits of one claim at the same time, each under a key of its own, are one operation.
    pub async fn crowd(&mut self, label: &str) {
        let answer = self.reserve(label, LONG_HOLD).await;
        if !self.expect(&answer, &[201]) {
            return;
        }
        let mut told = self.reserved(&answer);
        let target = self.address();
        let body = commit_body(&told, &target);
        let mut crowd = JoinSet::new();
        for _ in 0..50 {
            let (mut caller, body) = (self.caller.fork(), body.clone());
            crowd.spawn(async move { caller.post("/v1/commit", body).await });
        }
        let mut operations = BTreeMap::<String, usize>::new();
        while let Some(answer) = crowd.join_next().await {
            let answer = answer.expect("a commit is decided");
            if self.expect(&answer, &[200, 202]) {
                let operation = answer.body["operation"]["id"].to_string();
                *operations.entry(operation).or_default() += 1;
            }
        }
        if operations.len() != 1 {
            self.ledger().wrong(format!(
                "commits of {label} became several operations: {operations:?}"
            ));
        }
        self.ledger().count("crowds of 50 commits");
        told.activation = operations
            .into_keys()
            .next()
            .map(|id| id.trim_matches('"').to_owned());
        told.target.write(target, 0);
        told.left = Left::Kept;
        self.told.push(told);
    }

    /// What it was told so far.
    pub fn told(self) -> Vec<Told> {
        self.told
    }
}

fn commit_body(told: &Told, target: &str) -> Value {
    json!({
        "claim_id": told.claim,
        "reservation_token": told.token,
        "targets": { "ipv4": [target], "ipv6": [] },
    })
}
