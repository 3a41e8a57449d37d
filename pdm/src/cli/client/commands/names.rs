//! Names below pools: `pdm check`, and how a full name is split.

use serde::Deserialize;

use super::all;
use crate::cli::args::NameArgs;
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::problem::Problem;
use crate::cli::client::table::Facts;

/// The answer of `GET /v1/check`.
#[derive(Deserialize)]
struct Verdict {
    name: String,
    available: bool,
    code: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    suggestions: Vec<String>,
}

#[derive(Deserialize)]
struct Pool {
    domain: String,
}

/// A pool and the label of a name below it.
#[derive(Debug, PartialEq, Eq)]
pub struct PoolName {
    pub pool: String,
    pub label: String,
}

/// `pdm check`: the answer no is exit status 1, so that a script can ask.
pub async fn check(session: &mut Session, args: NameArgs) -> Result<Status, Failure> {
    let request = Request::get(["check"])
        .query("name", args.name)
        .query("pool", args.pool)
        .query("label", args.label);
    let answer = session.api.send(&request).await?;
    let verdict: Verdict = answer.read()?;
    session.print(&answer, || Ok(verdict.to_text()))?;
    Ok(if verdict.available {
        Status::Done
    } else {
        Status::Failed
    })
}

impl Verdict {
    fn to_text(&self) -> String {
        let mut facts = Facts::default();
        facts
            .add("name", &self.name)
            .add("available", if self.available { "yes" } else { "no" });
        facts.add("code", self.code.as_deref().unwrap_or_default());
        facts.add("detail", self.detail.as_deref().unwrap_or_default());
        facts.add("free", self.suggestions.join(", "));
        facts.to_string()
    }
}

/// The pool and label that are meant.
pub async fn split(session: &Session, args: &NameArgs) -> Result<PoolName, Failure> {
    if let (Some(pool), Some(label)) = (&args.pool, &args.label) {
        return Ok(PoolName {
            pool: pool.clone(),
            label: label.clone(),
        });
    }
    let name = args.name.as_deref().unwrap_or_default();
    let pools: Vec<Pool> = all(session, Request::get(["pools"])).await?;
    let pools: Vec<&str> = pools.iter().map(|pool| pool.domain.as_str()).collect();
    below_a_pool(name, &pools).ok_or_else(|| {
        let pools = if pools.is_empty() {
            "none".into()
        } else {
            pools.join(", ")
        };
        let detail =
            format!("{name} is not one label below a pool that this key may use (these are: {pools})");
        Problem::foreseen("pool.not_found", "No such pool", detail).into()
    })
}

/// Splits `name` where what follows the first label is one of `pools`, which are canonical: lower case, no ending dot.
fn below_a_pool(name: &str, pools: &[&str]) -> Option<PoolName> {
    let canonical = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let (label, parent) = canonical.split_once('.')?;
    pools.contains(&parent).then(|| PoolName {
        pool: parent.into(),
        label: label.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_split_at_the_pool_it_stands_directly_below() {
        let pools = ["omani.works", "eu.omani.works"];
        let split = |name| below_a_pool(name, &pools).map(|name| (name.label, name.pool));
        let of = |label: &str, pool: &str| Some((label.to_owned(), pool.to_owned()));
        assert_eq!(split("acme.omani.works"), of("acme", "omani.works"));
        assert_eq!(split("ACME.Omani.Works."), of("acme", "omani.works"));
        assert_eq!(split("acme.eu.omani.works"), of("acme", "eu.omani.works"));
        for none in ["a.b.omani.works", "omani.works", "acme.example", "acme", ""] {
            assert_eq!(split(none), None, "{none}");
        }
    }
}
