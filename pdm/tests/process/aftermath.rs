//! After everything has broken and works again: what must hold, read from the database, the name servers, the logs and
//! the API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use conformance_servers::{PowerDns, Verdict};
use powerdns_client::{CanonicalName, Client, Config, RecordType, ZoneFilter};
use serde_json::Value;

use crate::caller::{Caller, http};
use crate::fleet::{Fleet, POOL};
use crate::ledger::Ledger;
use crate::random::Random;
use crate::told::{Left, Told};

/// Within what everything has come to rest once everything runs.
const REST: Duration = Duration::from_secs(60);
/// Acknowledged answers that are asked for once more.
const ASKED_AGAIN: usize = 100;
/// Active names that a validating resolver is asked for.
const RESOLVED: usize = 30;

/// What a log says only if something is wrong, and why.
const NEVER_LOGGED: [(&str, &str); 3] = [
    ("panicked", "no step and no request panics"),
    ("incident", "everything in this world is ours"),
    (
        "already a transaction in progress",
        "each unit of work has a transaction of its own",
    ),
];

/// A row of `claims`.
struct Claim {
    id: String,
    tenant: String,
    state: String,
    created_at: u64,
    /// None while it has the name.
    ended_at: Option<u64>,
    targets: Value,
    ds: Vec<String>,
}

pub struct Aftermath<'f> {
    fleet: &'f Fleet,
    ledger: Arc<Ledger>,
    random: Random,
    /// By name, in the order of their epochs.
    claims: BTreeMap<String, Vec<Claim>>,
}

/// Waits until everything is at rest, then looks whether everything holds.
pub async fn examine(fleet: &Fleet, told: &[Told], random: Random, ledger: &Arc<Ledger>) {
    let began = Instant::now();
    no_open_operation(fleet, ledger).await;
    let mut aftermath = Aftermath {
        fleet,
        ledger: Arc::clone(ledger),
        random,
        claims: claims(fleet).await,
    };
    aftermath.zones_and_delegations_are_those_of_active_claims().await;
    println!("at rest after {:?}", began.elapsed());
    aftermath.no_name_had_two_owners(told);
    aftermath.what_was_acknowledged_is_true(told).await;
    aftermath.nothing_was_done_twice(told).await;
    aftermath.the_journal_is_whole().await;
    aftermath.active_names_resolve(told).await;
    aftermath.answers_stay().await;
    aftermath.logs_are_clean(told);
}

async fn no_open_operation(fleet: &Fleet, ledger: &Ledger) {
    let began = Instant::now();
    loop {
        let open = fleet
            .database
            .rows::<4>("SELECT id, kind, state, name FROM operations WHERE ended_at IS NULL")
            .await;
        if open.is_empty() {
            return;
        }
        if began.elapsed() > REST {
            ledger.wrong(format!("{} operations do not end: {open:?}", open.len()));
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn claims(fleet: &Fleet) -> BTreeMap<String, Vec<Claim>> {
    let rows = fleet
        .database
        .rows::<8>(
            "SELECT name, id, tenant, state, created_at, ended_at, targets, ds FROM claims ORDER BY name, epoch",
        )
        .await;
    let mut claims = BTreeMap::<String, Vec<Claim>>::new();
    for [name, id, tenant, state, created_at, ended_at, targets, ds] in rows {
        let ds: Vec<Value> = serde_json::from_str(&ds).expect("a list of DS records");
        claims.entry(name).or_default().push(Claim {
            id,
            tenant,
            state,
            created_at: created_at.parse().expect("a time"),
            ended_at: ended_at.parse().ok(),
            targets: serde_json::from_str(&targets).unwrap_or_default(),
            ds: ds.iter().map(ds_text).collect(),
        });
    }
    claims
}

fn ds_text(ds: &Value) -> String {
    let field = |name: &str| ds[name].to_string().trim_matches('"').to_ascii_lowercase();
    ["key_tag", "algorithm", "digest_type", "digest"]
        .map(field)
        .join(" ")
}

impl Aftermath<'_> {
    fn wrong(&self, what: impl Into<String>) {
        self.ledger.wrong(what);
    }

    fn active(&self) -> impl Iterator<Item = (&String, &Claim)> {
        self.claims.iter().filter_map(|(name, claims)| {
            let newest = claims.last()?;
            (newest.state == "active").then_some((name, newest))
        })
    }

    /// I5, in both directions, on every server.
    async fn zones_and_delegations_are_those_of_active_claims(&self) {
        let zones: BTreeMap<String, String> = self
            .active()
            .map(|(name, claim)| (name.clone(), claim.id.clone()))
            .collect();
        let delegations: BTreeMap<String, Vec<String>> = self
            .active()
            .map(|(name, claim)| (name.clone(), claim.ds.clone()))
            .collect();
        let began = Instant::now();
        loop {
            let mut differences = Vec::new();
            for server in &self.fleet.servers.tenants {
                let found = zones_on(server).await;
                if found != zones {
                    differences.push(difference(server.name(), &zones, &found));
                }
            }
            let found = delegations_in_parent(self.fleet.servers.pool_server()).await;
            if found != delegations {
                differences.push(difference("parent", &delegations, &found));
            }
            if differences.is_empty() {
                return;
            }
            if began.elapsed() > REST {
                self.wrong(format!(
                    "zones or delegations are not those of active claims: {differences:?}"
                ));
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// I1: by what clients saw, and by what the database says.
    fn no_name_had_two_owners(&self, told: &[Told]) {
        let mut by_name = BTreeMap::<&str, Vec<&Told>>::new();
        for claim in told {
            by_name.entry(&claim.name).or_default().push(claim);
        }
        for (name, mut owners) in by_name {
            owners.sort_by_key(|claim| claim.from);
            for pair in owners.windows(2) {
                if pair[0].until > pair[1].from {
                    self.wrong(format!("{name} had two owners at a time: {pair:#?}"));
                }
            }
        }
        for (name, claims) in &self.claims {
            for pair in claims.windows(2) {
                let (old, new) = (&pair[0], &pair[1]);
                if old.ended_at.is_none_or(|end| end > new.created_at) {
                    self.wrong(format!("{name}: {} began before {} had ended", new.id, old.id));
                }
            }
        }
    }

    /// I2: a 2xx is true for ever, or the claim has moved on as its owner wanted.
    async fn what_was_acknowledged_is_true(&mut self, told: &[Told]) {
        let operations: BTreeMap<String, [String; 3]> = self
            .fleet
            .database
            .rows::<4>("SELECT id, claim_id, kind, state FROM operations")
            .await
            .into_iter()
            .map(|[id, claim, kind, state]| (id, [claim, kind, state]))
            .collect();
        let by_id: BTreeMap<&str, (&str, &Claim)> = self
            .claims
            .iter()
            .flat_map(|(name, claims)| {
                claims
                    .iter()
                    .map(|claim| (claim.id.as_str(), (name.as_str(), claim)))
            })
            .collect();
        let mut kept = Vec::new();
        for told in told {
            let Some((name, claim)) = by_id.get(told.claim.as_str()) else {
                self.wrong(format!("an acknowledged claim is gone: {told:?}"));
                continue;
            };
            let state = match &told.left {
                Left::Kept => "active",
                Left::ReleaseAsked(_) => "released",
                Left::Expired => "expired",
                Left::Forgotten => "reserved",
            };
            let tenant = &self.fleet.tenants[told.tenant].id;
            if claim.state != state || *name != told.name || claim.tenant != *tenant {
                self.wrong(format!(
                    "it is {name} {} of {}: {told:?}",
                    claim.state, claim.tenant
                ));
            }
            let expect = |id: &String, kind: &str| {
                let found = operations.get(id);
                if found.is_none_or(|[claim, k, _]| *claim != told.claim || k != kind) {
                    self.wrong(format!("no such {kind}: {found:?} {told:?}"));
                }
                found.map_or("", |[_, _, state]| state)
            };
            if let Some(id) = &told.activation {
                let state = expect(id, "activate");
                // A release during the activation takes over from it.
                let taken_over = state == "cancelled" && matches!(told.left, Left::ReleaseAsked(_));
                if state != "succeeded" && !taken_over {
                    self.wrong(format!("an acknowledged commit is {state}: {told:?}"));
                }
            }
            if let Left::ReleaseAsked(id) = &told.left
                && expect(id, "release") != "succeeded"
            {
                self.wrong(format!("an acknowledged release has not succeeded: {told:?}"));
            }
            if told.left == Left::Kept {
                let target = claim.targets["ipv4"][0].as_str().unwrap_or_default().to_owned();
                if !told.target.may_be(&target) {
                    self.wrong(format!("it leads to {target}: {told:?}"));
                }
                kept.push(told);
            }
        }
        for told in kept {
            self.records_are_those_acknowledged(told).await;
        }
    }

    async fn records_are_those_acknowledged(&mut self, told: &Told) {
        let mut caller = self.caller(told.tenant);
        let answer = caller
            .get(format!("/v1/claims/{}/records?limit=500", told.claim))
            .await;
        let sets = answer.body["items"].as_array().cloned().unwrap_or_default();
        for (owner, written) in &told.texts {
            let set = sets
                .iter()
                .find(|set| set["name"] == **owner && set["type"] == "TXT");
            let text = set.map_or("", |set| set["values"][0].as_str().unwrap_or_default());
            if !written.may_be(&text.trim_matches('"').to_owned()) {
                self.wrong(format!("{owner} has the text {text:?}: {told:?}"));
            }
        }
    }

    /// Each reserve and each commit took effect once, however often it was sent.
    async fn nothing_was_done_twice(&self, told: &[Told]) {
        let known: BTreeSet<&str> = told.iter().map(|told| told.claim.as_str()).collect();
        if known.len() != told.len() {
            self.wrong("one claim was given to two reserves");
        }
        for claim in self.claims.values().flatten() {
            if !known.contains(claim.id.as_str()) {
                self.wrong(format!("nobody was told of the claim {}", claim.id));
            }
        }
        let activations = "SELECT claim_id, kind, count(*) FROM operations
            WHERE kind IN ('activate', 'release') AND facts NOT LIKE '%\"repair\":true%'
            GROUP BY claim_id, kind HAVING count(*) > 1";
        for twice in self.fleet.database.rows::<3>(activations).await {
            self.wrong(format!("done more than once: {twice:?}"));
        }
    }

    /// I18: no result without its intent, and no fence below an earlier one.
    async fn the_journal_is_whole(&self) {
        let rows = self
            .fleet
            .database
            .rows::<5>(
                "SELECT j.operation_id, j.step, j.entry, j.fence, o.fence FROM journal j
                   JOIN operations o ON o.id = j.operation_id ORDER BY j.operation_id, j.id",
            )
            .await;
        let mut operation = String::new();
        let (mut fence, mut intent) = (0, None);
        let mut results = BTreeMap::<String, BTreeSet<String>>::new();
        for [id, step, entry, written, last] in rows {
            let written: i64 = written.parse().expect("a fence");
            if id != operation {
                (operation, fence, intent) = (id.clone(), 0, None);
            }
            if written < fence || written > last.parse().expect("a fence") {
                self.wrong(format!("{id}: a row of fence {written} after {fence}, of {last}"));
            }
            fence = written;
            if entry == "intent" {
                intent = Some((step, written));
            } else {
                if intent.take() != Some((step.clone(), written)) {
                    self.wrong(format!("{id}: a result of {step} without its intent"));
                }
                results.entry(id).or_default().insert(step);
            }
        }
        let succeeded = "SELECT id, kind FROM operations WHERE state = 'succeeded' AND steps <> '[]'";
        for [id, kind] in self.fleet.database.rows::<2>(succeeded).await {
            let writing: &[&str] = match kind.as_str() {
                "activate" => &["create_zone", "delegate"],
                "release" => &["empty_zone", "undelegate", "delete_zone"],
                _ => &["write_records"],
            };
            let found = results.get(&id);
            if !writing
                .iter()
                .all(|step| found.is_some_and(|found| found.contains(*step)))
            {
                self.wrong(format!(
                    "{kind} {id} has succeeded with results of {found:?} alone"
                ));
            }
        }
    }

    /// A validating resolver finds active names secure, with the addresses they have.
    async fn active_names_resolve(&mut self, told: &[Told]) {
        let mut names: Vec<(String, String)> = self
            .active()
            .map(|(name, claim)| (name.clone(), claim.targets["ipv4"][0].to_string()))
            .collect();
        if told.iter().any(|told| told.left == Left::Kept) && names.is_empty() {
            self.wrong("names were kept and none is active");
        }
        self.random.shuffle(&mut names);
        for (name, target) in names.iter().take(RESOLVED) {
            let began = Instant::now();
            loop {
                let answer = self
                    .fleet
                    .servers
                    .resolver
                    .ask(&format!("console.{name}"), "A")
                    .await;
                let good = answer.as_ref().is_ok_and(|answer| {
                    answer.verdict() == Verdict::Secure && answer.data("A") == [target.trim_matches('"')]
                });
                if good {
                    break;
                }
                // A resolver may remember a server that was away for some seconds.
                if began.elapsed() > REST {
                    self.wrong(format!(
                        "{name} does not resolve securely to {target}: {answer:?}"
                    ));
                    break;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
    }

    /// What was answered under a key is answered again.
    async fn answers_stay(&mut self) {
        let mut acknowledged = self.ledger.all_acknowledged();
        self.random.shuffle(&mut acknowledged);
        for first in acknowledged.iter().take(ASKED_AGAIN) {
            self.caller(first.tenant).expect_again(first).await;
        }
    }

    /// I11, for logs: no key and no token; and no sign of what must not happen.
    fn logs_are_clean(&self, told: &[Told]) {
        for replica in &self.fleet.replicas {
            let log = std::fs::read(&replica.log).expect("a replica writes a log");
            let log = String::from_utf8_lossy(&log);
            // Of many tokens some stand for all; the beginning that they share must not be there at all.
            let tokens = told
                .iter()
                .take(20)
                .map(|told| told.token.trim_start_matches("rsv_"));
            let secrets = self.fleet.secrets.iter().map(String::as_str);
            for secret in secrets.chain(tokens).chain(["rsv_"]) {
                if let Some(line) = log.lines().find(|line| line.contains(secret)) {
                    self.wrong(format!("the log of {} says {secret:?}: {line}", replica.url));
                }
            }
            for (sign, why) in NEVER_LOGGED {
                if let Some(line) = log.lines().find(|line| line.contains(sign)) {
                    self.wrong(format!("{why}; {} says {line}", replica.url));
                }
            }
        }
    }

    fn caller(&mut self, tenant: usize) -> Caller {
        let random = self.random.fork();
        self.fleet.caller(&http(), tenant, random, &self.ledger)
    }
}

fn difference<T: PartialEq + std::fmt::Debug>(
    place: &str,
    wanted: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) -> String {
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(name, what)| found.get(*name) != Some(what))
        .collect();
    let surplus: Vec<_> = found
        .iter()
        .filter(|(name, what)| wanted.get(*name) != Some(what))
        .collect();
    format!("{place}: missing {missing:?}, surplus {surplus:?}")
}

fn client(server: &PowerDns) -> Client {
    Client::new(Config::new(server.api_url(), server.api_key().into())).unwrap()
}

/// Zones below the pool with what is written in them.
async fn zones_on(server: &PowerDns) -> BTreeMap<String, String> {
    let mut zones = BTreeMap::new();
    client(server)
        .for_each_zone(&ZoneFilter::All, |zone| {
            let name = zone.name.as_str().trim_end_matches('.').to_owned();
            if name.ends_with(&format!(".{POOL}")) {
                zones.insert(name, zone.account.clone());
            }
        })
        .await
        .unwrap();
    zones
}

/// DS records of each name that has NS or DS records in the parent; a name without NS records has a DS that nobody has.
async fn delegations_in_parent(server: &PowerDns) -> BTreeMap<String, Vec<String>> {
    let mut ds = BTreeMap::<String, Vec<String>>::new();
    let mut ns = BTreeSet::new();
    client(server)
        .for_each_rrset(&CanonicalName::parse(&format!("{POOL}.")).unwrap(), |set| {
            let name = set.name.as_str().trim_end_matches('.').to_owned();
            if name == POOL {
                return;
            }
            if set.rtype == RecordType::NS {
                ns.insert(name.clone());
            }
            let ds = ds.entry(name).or_default();
            if set.rtype == RecordType::DS {
                ds.extend(set.contents().map(str::to_ascii_lowercase));
            }
        })
        .await
        .unwrap();
    for (name, ds) in &mut ds {
        if !ns.contains(name) {
            ds.push("no NS records".to_owned());
        }
    }
    ds
}
