//! Addresses of a name, and `targets`: others for an active name.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Asked, Decided, Expected, Refusal, Work, claim_of, work};
use crate::domain::claim::RetargetDecision;
use crate::domain::ids::ClaimId;
use crate::domain::operation::OperationKind;
use crate::domain::pool::Pool;
use crate::domain::targets::{MAX_PER_FAMILY, Targets};
use crate::propagation::is_global;
use crate::service::Code;
use crate::store::Tx;

/// Addresses as they were given: well-formed, not yet allowed.
#[derive(Clone, Debug)]
pub struct GivenTargets {
    ipv4: Vec<Ipv4Addr>,
    ipv6: Vec<Ipv6Addr>,
}

impl GivenTargets {
    /// Reads addresses; `at` is the JSON pointer of the object that holds them.
    pub fn parse(ipv4: &[String], ipv6: &[String], at: &str) -> Result<Self, Refusal> {
        Ok(Self {
            ipv4: addresses(ipv4, &format!("{at}/ipv4"), "IPv4")?,
            ipv6: addresses(ipv6, &format!("{at}/ipv6"), "IPv6")?,
        })
    }

    /// The targets they are in this pool.
    pub(super) fn allowed(&self, asked: Asked<'_>, pool: &Pool) -> Result<Targets, Refusal> {
        let all = asked.config.targets.allow_non_global || pool.allow_non_global;
        Ok(Targets::new(
            self.ipv4.clone(),
            self.ipv6.clone(),
            all,
            is_global,
        )?)
    }
}

fn addresses<A: std::str::FromStr>(texts: &[String], at: &str, family: &str) -> Result<Vec<A>, Refusal> {
    if texts.len() > MAX_PER_FAMILY {
        let detail = format!("at most {MAX_PER_FAMILY} addresses of one family");
        return Err(Refusal::field(Code::TargetsInvalid, at, detail));
    }
    let parse = |(place, text): (usize, &String)| {
        text.parse().map_err(|_| {
            let detail = format!("{text:?} is not an {family} address");
            Refusal::field(Code::TargetsInvalid, format!("{at}/{place}"), detail)
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

/// What is asked.
#[derive(Clone)]
pub struct Retarget {
    /// The claim.
    pub claim: ClaimId,
    /// Where the name shall lead.
    pub targets: GivenTargets,
    /// The version that the caller saw.
    pub expected: Expected,
}

/// Gives an active name other addresses. With those it has already, answers the operation that wrote them.
pub async fn retarget(tx: &mut Tx<'_>, asked: Asked<'_>, retarget: &Retarget) -> Decided<Work> {
    let mut claim = claim_of(tx, asked, retarget.claim).await?;
    let pool = tx.pool(&claim.pool).await?.ok_or_else(Refusal::no_pool)?;
    let targets = retarget.targets.allowed(asked, &pool)?;
    let now = tx.now().await?;
    let decision = claim.retarget(&targets, now).map_err(Refusal::from)?;
    retarget.expected.meets(&claim.version.to_string())?;
    match decision {
        RetargetDecision::Nothing => Work::unchanged(tx, claim).await,
        RetargetDecision::Start => {
            let before = claim.clone();
            claim.targets = Some(targets);
            claim.records_version += 1;
            if let Some(open) = tx.open_operation(&claim.name).await? {
                return work::join_open(tx, asked, "claim.targets", &before, claim, open).await;
            }
            work::start_on_active(
                tx,
                asked,
                OperationKind::Retarget,
                "claim.targets",
                &before,
                claim,
                None,
            )
            .await
        }
    }
}
