//! `check`: may a name be reserved? By the database alone.

use pdm_registrar::DomainName;

use super::{Asked, Code, Decided, Refusal};
use crate::domain::claim::ClaimState;
use crate::domain::label::{self, Label};
use crate::domain::pool::Pool;
use crate::store::{StoreError, Tx};

/// Most names that are suggested.
const MAX_SUGGESTIONS: usize = 4;

/// Whether a name may be reserved.
#[derive(Clone, Debug)]
pub struct Availability {
    /// The name that was asked for.
    pub name: String,
    /// Why not; `None` when it may.
    pub refusal: Option<Refusal>,
    /// Other names that may be.
    pub suggestions: Vec<DomainName>,
}

/// Looks whether `label` may be reserved below `pool`.
pub async fn check(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    pool: &DomainName,
    label: &str,
) -> Decided<Availability> {
    let pools = tx.pools().await?;
    let pool = pools
        .iter()
        .find(|p| p.domain == *pool)
        .ok_or_else(Refusal::no_pool)?;
    let (name, refusal) = match Label::parse(label) {
        Err(error) => (
            format!("{}.{}", label.to_lowercase(), pool.domain),
            Some(error.into()),
        ),
        Ok(label) => {
            let name = full_name(pool, &label)?;
            let refusal = why_not(tx, asked, &pools, pool, &name).await?;
            (name.to_string(), refusal)
        }
    };
    let mut suggestions = Vec::new();
    if refusal.is_some() && pool.open {
        for other in label::suggestions(label) {
            let name = full_name(pool, &other)?;
            if why_not(tx, asked, &pools, pool, &name).await?.is_none() {
                suggestions.push(name);
                if suggestions.len() == MAX_SUGGESTIONS {
                    break;
                }
            }
        }
    }
    Ok(Availability {
        name,
        refusal,
        suggestions,
    })
}

/// The name of a label below a pool.
pub(super) fn full_name(pool: &Pool, label: &Label) -> Result<DomainName, Refusal> {
    pool.domain
        .child(label.as_str())
        .map_err(|error| Refusal::field(Code::LabelInvalid, "/label", error.to_string()))
}

async fn why_not(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    pools: &[Pool],
    pool: &Pool,
    name: &DomainName,
) -> Result<Option<Refusal>, StoreError> {
    if let Err(refusal) = place(asked, pools, pool, name) {
        return Ok(Some(refusal));
    }
    if tx.is_foreign(name).await? {
        return Ok(Some(taken()));
    }
    let now = tx.now().await?;
    match tx.current_claim(name).await? {
        Some(claim) if !claim.hold_ended(now) => {
            let mut refusal = match claim.expires_at {
                Some(end) if claim.state == ClaimState::Reserved => held(now.until(end)),
                _ => taken(),
            };
            refusal.claim = (asked.tenant() == Some(claim.tenant)).then_some(claim.id);
            Ok(Some(refusal))
        }
        // An ended hold is as good as none; what the name was before counts again.
        Some(_) | None => {
            let buried = tx
                .is_buried_for(name, asked.tenant(), asked.config.timing.quarantine)
                .await?;
            Ok(buried.then(taken))
        }
    }
}

/// Whether the place of the name in the tree allows it at all.
pub(super) fn place(asked: Asked<'_>, pools: &[Pool], pool: &Pool, name: &DomainName) -> Result<(), Refusal> {
    if !pool.open {
        return Err(Refusal::invalid(
            "/pool",
            "this pool takes no new names at present",
        ));
    }
    let hosts = asked
        .config
        .nameservers
        .iter()
        .chain(pools.iter().flat_map(|p| &p.nameservers));
    if hosts.into_iter().any(|host| host.is_at_or_below(name)) {
        return Err(Refusal::new(
            Code::NameProtected,
            "the name belongs to the service's own name servers",
        ));
    }
    if pools.iter().any(|other| other.domain.is_at_or_below(name)) {
        return Err(Refusal::new(
            Code::NameConflict,
            "a pool is at or below this name",
        ));
    }
    Ok(())
}

/// The name is not available, and no more is said.
pub(super) fn taken() -> Refusal {
    Refusal::new(Code::NameTaken, "the name is not available")
}

/// Somebody holds the name for a while.
pub(super) fn held(left: std::time::Duration) -> Refusal {
    Refusal::new(Code::NameHeld, "the name is held and may become free again").retry_after(left)
}
