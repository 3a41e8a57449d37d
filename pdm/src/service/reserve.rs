//! `reserve`: a name is held for a while. Touches the database only, so that its end needs no clean-up.

use std::time::Duration;

use pdm_registrar::DomainName;

use super::secrets::sha256_hex;
use super::trail::{self, Note};
use super::{Asked, Code, Decided, Refusal, ServerKey, TokenForm, check};
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::ids::{ClaimId, TenantId};
use crate::domain::label::Label;
use crate::operations::claim_event;
use crate::store::{NewClaim, Taken, Tx};

/// The window of the daily quota.
const DAY: Duration = Duration::from_hours(24);

/// What is asked.
#[derive(Clone)]
pub struct Reserve {
    /// The pool's domain.
    pub pool: String,
    /// The label below it.
    pub label: String,
    /// How long it is held; the pool's default when absent.
    pub hold: Option<Duration>,
    /// How its token is written.
    pub token: TokenForm,
    /// Who asked for it, as an old client says; for the audit trail.
    pub created_by: Option<String>,
}

/// Takes a name, if it is free for this tenant.
pub async fn reserve(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    key: &ServerKey,
    reserve: &Reserve,
) -> Decided<Claim> {
    let tenant = asked.owner()?;
    let domain = DomainName::parse(&reserve.pool).map_err(|_| Refusal::no_pool())?;
    tx.lock_domain(domain.as_str()).await?;
    let pools = tx.pools().await?;
    let pool = pools
        .iter()
        .find(|p| p.domain == domain)
        .ok_or_else(Refusal::no_pool)?;
    let label = Label::parse(&reserve.label).map_err(Refusal::from)?;
    let hold = reserve.hold.unwrap_or(pool.hold.default);
    if hold > pool.hold.max {
        let most = pool.hold.max.as_secs();
        return Err(Refusal::invalid(
            "/hold_seconds",
            format!("names are held at most {most} seconds at a time"),
        )
        .into());
    }
    let name = check::full_name(pool, &label)?;
    check::place(asked, &pools, pool, &name)?;
    check_quota(tx, asked, tenant).await?;
    if tx.is_foreign(&name).await? {
        return Err(check::taken().into());
    }
    let holder = tx.current_claim(&name).await?;
    let id = ClaimId::new();
    let token = key.reservation_token(id, reserve.token);
    let taken = tx
        .take_name(&NewClaim {
            id,
            name,
            pool: domain,
            label,
            tenant,
            hold,
            token_hash: sha256_hex(token.as_bytes()),
            nameservers: pool.nameservers.clone(),
            quarantine: asked.config.timing.quarantine,
        })
        .await?;
    match taken {
        Taken::Yes(claim) => {
            if let Some(holder) = holder {
                tell_expired(tx, &holder).await?;
            }
            let note = Note {
                action: "claim.reserve",
                before: None,
                after: &claim,
                operation: None,
                detail: reserve.created_by.clone(),
            };
            trail::changed(tx, asked, note).await?;
            Ok(*claim)
        }
        Taken::Owned { claim } => {
            let mut refusal = match claim.expires_at {
                Some(end) if claim.state == ClaimState::Reserved => check::held(tx.now().await?.until(end)),
                _ => check::taken(),
            };
            refusal.claim = (claim.tenant == tenant).then_some(claim.id);
            Err(refusal.into())
        }
        Taken::Buried => Err(check::taken().into()),
    }
}

/// Whoever had the name until now hears that his hold ended.
async fn tell_expired(tx: &mut Tx<'_>, holder: &Claim) -> Decided<()> {
    if let Some(expired) = tx.claim(holder.id, None).await? {
        claim_event(tx, &expired, expired.operation).await?;
    }
    Ok(())
}

async fn check_quota(tx: &mut Tx<'_>, asked: Asked<'_>, tenant: TenantId) -> Decided<()> {
    let most = asked.config.limits.reserve_per_day;
    if tx.claims_made_since(tenant, DAY).await? < i64::from(most) {
        return Ok(());
    }
    let now = tx.now().await?;
    let oldest = tx.oldest_claim_within(tenant, DAY).await?.unwrap_or(now);
    let refusal = Refusal::new(
        Code::QuotaExhausted,
        format!("{most} names were reserved within a day, which is the most"),
    );
    Err(refusal.retry_after(now.until(oldest.plus(DAY))).into())
}
