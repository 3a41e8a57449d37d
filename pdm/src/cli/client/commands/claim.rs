//! Claims: `pdm claim`, `pdm retarget`, `pdm release`, `pdm verify`.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{all, claim_id, list as print_list, table, work};
use crate::cli::args::{ClaimListArgs, ReleaseArgs, RetargetArgs, TargetArgs};
use crate::cli::client::Session;
use crate::cli::client::api::{Answer, Request};
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::model::Claim;
use crate::cli::client::problem::Problem;
use crate::cli::client::table::{Facts, Table};
use crate::cli::client::text::upcoming;
use crate::cli::client::values::ClaimRef;

/// Reads the claim of this id.
pub async fn read(session: &Session, id: &str) -> Result<(Answer, Claim), Failure> {
    let answer = session.api.send(&Request::get(["claims", id])).await?;
    let claim = answer.read()?;
    Ok((answer, claim))
}

/// The claim that is meant: of a name the one that holds it now, else the latest that did.
pub async fn find(session: &Session, reference: &ClaimRef) -> Result<Claim, Failure> {
    match reference {
        ClaimRef::Id(id) => Ok(read(session, id).await?.1),
        ClaimRef::Name(name) => {
            let claims = all(session, Request::get(["claims"]).query("name", Some(name))).await?;
            current(name, claims)
        }
    }
}

fn current(name: &str, claims: Vec<Claim>) -> Result<Claim, Failure> {
    let (over, mut held): (Vec<_>, Vec<_>) = claims.into_iter().partition(Claim::is_over);
    if held.len() > 1 {
        // An operator sees those of all tenants; of a customer's domain several may still be unproven.
        let ids: Vec<_> = held.iter().map(|claim| claim.id.as_str()).collect();
        let detail = format!("{name} has more than one claim: {}", ids.join(", "));
        return Err(Problem::foreseen("claim.ambiguous", "More than one claim", detail).into());
    }
    // Ids are ordered in time, which decides between claims made in the same instant.
    let latest = || {
        over.into_iter()
            .max_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)))
    };
    held.pop().or_else(latest).ok_or_else(|| {
        Problem::foreseen(
            "claim.not_found",
            "No such claim",
            format!("{name} is not claimed by this key's tenant"),
        )
        .into()
    })
}

/// `pdm claim list`
pub async fn list(session: &mut Session, args: ClaimListArgs) -> Result<Status, Failure> {
    let request = Request::get(["claims"])
        .query("state", args.state)
        .query("pool", args.pool)
        .query("name", args.name)
        .query("tenant", args.tenant);
    let columns = [
        ("name", "/name"),
        ("state", "/state"),
        ("id", "/id"),
        ("ipv4", "/targets/ipv4"),
        ("ipv6", "/targets/ipv6"),
        ("expires", "/expires_at"),
        ("blocked by", "/blocked/by"),
    ];
    print_list(session, request, &args.page, &columns).await
}

/// `pdm claim show`
pub async fn show(session: &mut Session, reference: &ClaimRef) -> Result<Status, Failure> {
    let id = claim_id(session, reference).await?;
    let (answer, claim) = read(session, &id).await?;
    session.print(&answer, || {
        let mut table = Table::new(&["condition", "status", "reason", "message"]);
        for condition in &claim.conditions {
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            table.row([
                condition.kind.clone(),
                condition.status.clone(),
                text(&condition.reason),
                text(&condition.message),
            ]);
        }
        let conditions = if table.is_empty() {
            String::new()
        } else {
            format!("\n{table}")
        };
        Ok(claim.to_text(Timestamp::now()) + &conditions)
    })?;
    Ok(Status::Done)
}

impl Claim {
    /// The claim for people.
    pub fn to_text(&self, now: Timestamp) -> String {
        self.facts(now).to_string()
    }

    /// What there is to say about it.
    pub fn facts(&self, now: Timestamp) -> Facts {
        let targets = self.targets.clone().unwrap_or_default();
        let mut facts = Facts::default();
        facts
            .add("name", &self.name)
            .add("state", &self.state)
            .add("claim", &self.id);
        facts.add("addresses", [targets.ipv4, targets.ipv6].concat().join(", "));
        facts.add("nameservers", self.nameservers.join(", "));
        if let Some(at) = self.expires_at {
            facts.add("expires", upcoming(at, now));
        }
        facts.add("operation", self.operation_id.as_deref().unwrap_or_default());
        if let Some(blocked) = &self.blocked {
            facts.add("blocked by", format!("{} ({})", blocked.by, blocked.reason));
            facts.add("to do", blocked.action.as_deref().unwrap_or_default());
        }
        facts
    }
}

/// Targets as the API takes them.
pub fn targets(args: &TargetArgs) -> Value {
    json!({"ipv4": args.ipv4, "ipv6": args.ipv6})
}

/// `pdm retarget`
pub async fn retarget(session: &mut Session, args: RetargetArgs) -> Result<Status, Failure> {
    let claim = find(session, &args.claim.claim).await?;
    let request = Request::put(["claims", &claim.id, "targets"]).body(targets(&args.targets));
    work::start(session, request, &claim.name, &args.wait).await
}

/// `pdm release`
pub async fn release(session: &mut Session, args: ReleaseArgs) -> Result<Status, Failure> {
    let claim = find(session, &args.claim.claim).await?;
    let body = json!({"claim_id": claim.id, "name": claim.name});
    let status = work::start(
        session,
        Request::post(["release"]).body(body),
        &claim.name,
        &args.wait,
    )
    .await?;
    session.forget_token(&claim.id);
    Ok(status)
}

/// What the world shows of a name.
#[derive(Deserialize)]
struct Propagation {
    verdict: String,
    #[serde(default)]
    subjects: Vec<String>,
    until: Option<Timestamp>,
    message: Option<String>,
    next_check_at: Option<Timestamp>,
    #[serde(default)]
    evidence: Vec<Value>,
}

/// `pdm verify`
pub async fn verify(session: &mut Session, reference: &ClaimRef) -> Result<Status, Failure> {
    let id = claim_id(session, reference).await?;
    let answer = session
        .api
        .send(&Request::post(["claims", &id, "verify"]))
        .await?;
    let seen: Propagation = answer.read()?;
    session.print(&answer, || Ok(seen.to_text(Timestamp::now())))?;
    Ok(if matches!(seen.verdict.as_str(), "ready" | "settled") {
        Status::Done
    } else {
        Status::Failed
    })
}

impl Propagation {
    fn to_text(&self, now: Timestamp) -> String {
        let mut facts = Facts::default();
        facts
            .add("verdict", &self.verdict)
            .add("about", self.subjects.join(", "));
        facts.add("message", self.message.as_deref().unwrap_or_default());
        for (name, at) in [("until", self.until), ("next check", self.next_check_at)] {
            facts.add(name, at.map(|at| upcoming(at, now)).unwrap_or_default());
        }
        let columns = [
            ("role", "/role"),
            ("server", "/server"),
            ("address", "/address"),
            ("question", "/question"),
            ("rcode", "/rcode"),
            ("aa", "/aa"),
            ("ad", "/ad"),
            ("ttl", "/ttl"),
            ("answer", "/answer"),
        ];
        let evidence = if self.evidence.is_empty() {
            String::new()
        } else {
            format!("\n{}", table(&self.evidence, &columns))
        };
        facts.to_string() + &evidence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(id: &str, state: &str, created_at: &str) -> Claim {
        serde_json::from_value(json!({
            "id": id, "name": "acme.omani.works", "state": state, "created_at": created_at, "expires_at": null
        }))
        .unwrap()
    }

    fn chosen(claims: &[(&str, &str, &str)]) -> Result<String, String> {
        let claims = claims
            .iter()
            .map(|(id, state, at)| claim(id, state, at))
            .collect();
        current("acme.omani.works", claims)
            .map(|claim| claim.id)
            .map_err(|failure| failure.report())
    }

    #[test]
    fn a_name_means_the_claim_that_holds_it_now_else_the_latest() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
        assert_eq!(
            chosen(&[("clm_2", "released", new), ("clm_1", "active", old)]),
            Ok("clm_1".into())
        );
        assert_eq!(
            chosen(&[("clm_1", "releasing", old), ("clm_2", "expired", new)]),
            Ok("clm_1".into())
        );
        assert_eq!(
            chosen(&[("clm_1", "released", old), ("clm_2", "expired", new)]),
            Ok("clm_2".into())
        );
        assert!(chosen(&[]).unwrap_err().contains("claim.not_found"));
        let two = chosen(&[("clm_1", "reserved", old), ("clm_2", "activating", new)]).unwrap_err();
        assert!(two.contains("clm_1, clm_2") && two.contains("by its id"), "{two}");
    }

    #[test]
    fn a_blocked_claim_says_whose_turn_it_is() {
        let mut claim = claim("clm_1", "activating", "2026-01-01T00:00:00Z");
        claim.blocked = serde_json::from_value(json!({
            "by": "operator", "reason": "zone.foreign", "since": "2026-01-01T00:00:00Z", "action": "look at the zone"
        }))
        .unwrap();
        assert_eq!(
            claim.to_text("2026-01-01T00:00:00Z".parse().unwrap()),
            "name        acme.omani.works\n\
             state       activating\n\
             claim       clm_1\n\
             blocked by  operator (zone.foreign)\n\
             to do       look at the zone\n"
        );
    }
}
