//! What the server says when it refuses (RFC 9457), and what the user may do about each code.

use std::time::Duration;

use serde::Deserialize;

use super::text::span;

/// A refusal.
#[derive(Debug, Default, Deserialize)]
pub struct Problem {
    /// What kind of problem, for people.
    #[serde(default)]
    pub title: String,
    /// The HTTP status; none when the client itself saw the problem.
    #[serde(skip)]
    pub status: Option<u16>,
    /// One of the API's codes; none when the answer is not the server's.
    #[serde(default)]
    pub code: Option<String>,
    /// This very problem, for people.
    #[serde(default)]
    pub detail: String,
    /// What the server's log calls the request.
    #[serde(default)]
    pub request_id: Option<String>,
    /// The fields that are wrong.
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// When to come back.
    #[serde(default)]
    pub retry_after_seconds: Option<u64>,
    /// The caller's own operation that is in the way.
    #[serde(default)]
    pub operation_id: Option<String>,
    /// The caller's own claim that is in the way.
    #[serde(default)]
    pub claim_id: Option<String>,
}

/// A field of the request that is wrong.
#[derive(Debug, Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to it.
    #[serde(default)]
    pub pointer: String,
    /// Why it is wrong.
    #[serde(default)]
    pub detail: String,
}

/// What a user may rely on and do.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is as it was.
    pub safe: &'static str,
    /// What to do next.
    pub next: String,
}

impl Problem {
    /// Reads an answer that is not a success. One without a problem body comes from something between us and the
    /// server, and is told as that.
    pub fn read(status: u16, request_id: Option<&str>, body: &str) -> Self {
        let read = serde_json::from_str::<Self>(body)
            .ok()
            .filter(|p| p.code.is_some());
        let mut problem = read.unwrap_or_else(|| Self {
            title: format!("HTTP status {status}"),
            detail: "The answer is not one of pdm's: something between here and the server gave it.".into(),
            ..Self::default()
        });
        problem.status = Some(status);
        problem.request_id = problem.request_id.or_else(|| request_id.map(Into::into));
        problem
    }

    /// A refusal that the client can see coming, in the server's words.
    pub fn foreseen(code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            code: Some(code.into()),
            detail: detail.into(),
            ..Self::default()
        }
    }

    /// Whether the server cannot serve at the moment, as opposed to refusing this request.
    pub fn is_outage(&self) -> bool {
        match self.status {
            Some(503) => true,
            Some(502 | 504) => self.code.is_none(),
            _ => false,
        }
    }

    /// What is safe and what to do next.
    pub fn advice(&self) -> Advice {
        const NOTHING: &str = "nothing was changed";
        const KEPT: &str =
            "what was acknowledged before is kept; whether this request took effect is not known";
        let code = self.code.as_deref().unwrap_or("");
        let later = match self.retry_after_seconds {
            Some(seconds) => format!("in {}", span(Duration::from_secs(seconds))),
            None => "in a moment".into(),
        };
        let next: String = match code {
            "auth.missing" | "auth.invalid" => "set PDM_API_KEY, or --api-key-file, to a key of this server".into(),
            "auth.expired" => "ask an operator for a new key: pdm key create".into(),
            "auth.scope" => "use a key whose scope allows this; operators make them with pdm key create".into(),
            "token.mismatch" => {
                "this token is of another reservation: give the right one with --token-file, or give the name back \
                 (pdm release) and reserve it again"
                    .into()
            }
            "token.unknown" => {
                "give the token with --token-file, or give the name back (pdm release) and reserve it again".into()
            }
            "claim.not_found" => "see what is yours: pdm claim list".into(),
            "operation.not_found" => "see what is under way: pdm operation list".into(),
            "pool.not_found" => "see the pools you may use: pdm pool list".into(),
            "route.not_found" | "method.not_allowed" => {
                "check that PDM_URL is the address of pdm itself, and that its version is not older than this one".into()
            }
            "name.held" => match &self.claim_id {
                Some(claim) => format!(
                    "you hold it yourself: pdm claim show {claim}; if its token is lost, give it back (pdm release \
                     {claim}) and reserve it again"
                ),
                None => format!("try again {later}, or take another name: pdm check NAME shows which are free"),
            },
            "name.taken" | "name.conflict" | "name.protected" | "label.invalid" | "label.reserved" => {
                "take another name: pdm check NAME suggests some".into()
            }
            "operation.in_progress" => "wait for the work that is under way: pdm claim watch NAME".into(),
            "idempotency.in_progress" => format!("the first request is still being decided: repeat it {later}"),
            "idempotency.mismatch" => "this key was used for another request: leave --idempotency-key out".into(),
            "claim.state" => "see how the claim stands: pdm claim show NAME".into(),
            "claim.ambiguous" => "name the claim by its id".into(),
            "claim.expired" => "reserve the name again: pdm reserve NAME".into(),
            "zone.foreign" => {
                "somebody else's zone or delegation is there and is left alone: an operator must look at it".into()
            }
            "version.stale" => "it was changed meanwhile: look at it again, then repeat".into(),
            "targets.invalid" => "give 1 to 8 addresses of a family, each once and globally reachable".into(),
            "records.invalid" => "correct the record set; what is allowed: pdm records set --help".into(),
            "rate.limited" => format!("try again {later}"),
            "quota.exhausted" => "give back what is no longer needed, or ask an operator for more".into(),
            "store.unavailable" | "shutting_down" | "overloaded" => {
                format!("try again {later}; repeating the same command is safe")
            }
            _ => match self.status {
                Some(300..400) => "PDM_URL must be the address of pdm itself: redirects are not followed".into(),
                Some(400..500) => "correct the request as the text says".into(),
                _ if self.is_outage() => format!("try again {later}"),
                _ => "tell whoever runs the server, with the number of the request".into(),
            },
        };
        let safe = match (code, self.status) {
            ("operation.in_progress", _) => "the work that is under way goes on; nothing else was changed",
            ("idempotency.in_progress", _) | (_, Some(500..)) => KEPT,
            _ => NOTHING,
        };
        Advice { safe, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes a server may answer to what this client asks.
    const CODES: [(u16, &str); 37] = [
        (400, "request.malformed"),
        (400, "request.missing_header"),
        (401, "auth.missing"),
        (401, "auth.invalid"),
        (401, "auth.expired"),
        (403, "auth.scope"),
        (403, "token.mismatch"),
        (404, "claim.not_found"),
        (404, "operation.not_found"),
        (404, "pool.not_found"),
        (404, "route.not_found"),
        (405, "method.not_allowed"),
        (406, "accept.unsupported"),
        (409, "name.taken"),
        (409, "name.held"),
        (409, "name.conflict"),
        (409, "operation.in_progress"),
        (409, "idempotency.in_progress"),
        (409, "claim.state"),
        (409, "zone.foreign"),
        (410, "claim.expired"),
        (412, "version.stale"),
        (413, "body.too_large"),
        (415, "body.unsupported"),
        (422, "request.invalid"),
        (422, "label.invalid"),
        (422, "label.reserved"),
        (422, "name.protected"),
        (422, "targets.invalid"),
        (422, "idempotency.mismatch"),
        (422, "records.invalid"),
        (429, "rate.limited"),
        (429, "quota.exhausted"),
        (503, "store.unavailable"),
        (503, "shutting_down"),
        (503, "overloaded"),
        (599, "of.a.newer.server"),
    ];

    fn of(status: u16, code: &str) -> Problem {
        Problem::read(status, None, &format!(r#"{{"title":"t","code":"{code}"}}"#))
    }

    #[test]
    fn every_code_has_advice_that_a_person_can_follow() {
        for (status, code) in CODES {
            let advice = of(status, code).advice();
            assert!(advice.next.len() > 10, "{code}");
            assert!(!advice.next.contains("  "), "{code}: {}", advice.next);
        }
    }

    #[test]
    fn a_refused_request_changed_nothing_and_a_server_fault_does_not_claim_so() {
        for (status, code) in CODES {
            let claims_so = of(status, code).advice().safe == "nothing was changed";
            let undecided = status >= 500 || code.ends_with("in_progress");
            assert_eq!(claims_so, !undecided, "{code}");
        }
    }

    #[test]
    fn a_name_that_the_caller_holds_leads_to_his_claim() {
        let mut problem = of(409, "name.held");
        problem.claim_id = Some("clm_1".into());
        assert!(problem.advice().next.contains("pdm release clm_1"));
    }

    #[test]
    fn an_answer_of_something_else_is_told_as_that() {
        for body in ["<html>nginx</html>", "{}", r#"{"error":"x"}"#, ""] {
            let problem = Problem::read(404, Some("req-7"), body);
            assert_eq!(problem.code, None, "{body}");
            assert_eq!(problem.title, "HTTP status 404");
            assert_eq!(problem.request_id.as_deref(), Some("req-7"));
        }
    }
}
