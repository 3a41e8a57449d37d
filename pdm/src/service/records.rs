//! `records`: the record sets of a name. Those of the tenant are kept here and written by an operation; those that
//! follow the targets or come from the pool are shown beside them.

use pdm_registrar::OwnerName;

use super::{Asked, Code, Decided, Expected, Refusal, Work, claim_of, sha256_hex, work};
use crate::domain::claim::Claim;
use crate::domain::ids::ClaimId;
use crate::domain::operation::OperationKind;
use crate::domain::pool::Pool;
use crate::domain::record_values;
use crate::domain::records::{self, RecordSet, RecordType};
use crate::domain::zone_plan::{PlanInputs, ZonePlan, ZoneTtls, check_tenant_set};
use crate::store::Tx;
use crate::view::RecordSetView;

/// Most record sets that a tenant keeps at one name.
const MAX_SETS: usize = 500;

/// Which record set is meant.
#[derive(Clone)]
pub struct RecordWrite {
    /// The claim.
    pub claim: ClaimId,
    /// Owner name in full, or `@`.
    pub owner: String,
    /// Record type.
    pub r#type: String,
    /// The version that the caller saw.
    pub expected: Expected,
}

/// Every record set at the name, by owner and type; of the zone's own records, apex NS and SOA, nothing is shown.
pub async fn record_sets(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    id: ClaimId,
) -> Decided<(Claim, Vec<RecordSetView>)> {
    let claim = tx
        .claim(id, asked.tenant())
        .await?
        .ok_or_else(Refusal::no_claim)?;
    let pool = pool_of(tx, &claim).await?;
    let own = tx.records(id).await?;
    let sets = shown(&claim, &pool, &own, asked.config.zones);
    Ok((claim, sets))
}

fn shown(claim: &Claim, pool: &Pool, own: &[RecordSet], ttls: ZoneTtls) -> Vec<RecordSetView> {
    let inputs = PlanInputs {
        apex: &claim.name,
        nameservers: &claim.nameservers,
        template: &pool.template,
        targets: claim.targets.as_ref(),
        records: own,
        ttls,
    };
    let given = ZonePlan::new(&inputs)
        .sets
        .into_iter()
        .filter(|((owner, r#type), set)| {
            set.managed && !(*r#type == RecordType::Ns && owner.as_str() == claim.name.as_str())
        });
    let given = given.map(|((owner, r#type), set)| RecordSetView {
        name: owner.to_string(),
        r#type,
        ttl: set.ttl,
        values: set.values.into_iter().collect(),
        managed: true,
    });
    let mut all: Vec<RecordSetView> = given.chain(own.iter().map(RecordSetView::from)).collect();
    all.sort_by(|a, b| (&a.name, a.r#type).cmp(&(&b.name, b.r#type)));
    all
}

/// The entity tag of a record set.
pub fn tag(set: &RecordSetView) -> String {
    let text = serde_json::to_vec(set).unwrap_or_default();
    sha256_hex(&text).chars().take(16).collect()
}

/// Makes one record set what is given.
pub async fn put_record(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    write: &RecordWrite,
    ttl: u32,
    values: &[String],
) -> Decided<Work> {
    let found = find(tx, asked, write).await?;
    let Found {
        claim,
        pool,
        own,
        owner,
        r#type,
        existing,
    } = found;
    if !(records::MIN_TTL..=records::MAX_TTL).contains(&ttl) {
        return Err(Refusal::field(
            Code::RecordsInvalid,
            "/ttl",
            records::RecordError::Ttl.to_string(),
        )
        .into());
    }
    records::check_shape(&claim.name, &owner, r#type, ttl, values.len()).map_err(Refusal::from)?;
    check_tenant_set(&claim.name, &pool.template, &own, &owner, r#type).map_err(Refusal::from)?;
    let mut canonical = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        let value = record_values::canonical(r#type, value).map_err(|error| {
            Refusal::field(
                Code::RecordsInvalid,
                format!("/values/{place}"),
                error.to_string(),
            )
        })?;
        canonical.push(value);
    }
    canonical.sort();
    canonical.dedup();
    if r#type == RecordType::Cname && canonical.len() > 1 {
        return Err(Refusal::field(Code::RecordsInvalid, "/values", "a CNAME has one value").into());
    }
    if existing.is_none() && own.len() >= MAX_SETS {
        let detail = format!("a name has at most {MAX_SETS} record sets of its own");
        return Err(Refusal::new(Code::QuotaExhausted, detail).into());
    }
    let set = RecordSet {
        owner,
        r#type,
        ttl,
        values: canonical,
    };
    if existing.as_ref() == Some(&set) {
        return Work::unchanged(tx, claim).await;
    }
    tx.put_record(claim.id, &set).await?;
    let detail = format!("{} {}", set.owner, set.r#type);
    written(tx, asked, claim, "records.put", detail).await
}

/// Removes one record set.
pub async fn delete_record(tx: &mut Tx<'_>, asked: Asked<'_>, write: &RecordWrite) -> Decided<Work> {
    let Found {
        claim,
        pool,
        own,
        owner,
        r#type,
        existing,
    } = find(tx, asked, write).await?;
    if existing.is_none() {
        // What the service keeps is refused with its reason.
        let given = shown(&claim, &pool, &own, asked.config.zones);
        if given
            .iter()
            .any(|set| set.name == owner.as_str() && set.r#type == r#type)
        {
            check_tenant_set(&claim.name, &pool.template, &own, &owner, r#type).map_err(Refusal::from)?;
        }
        return Err(no_record().into());
    }
    tx.delete_record(claim.id, &owner, r#type).await?;
    written(tx, asked, claim, "records.delete", format!("{owner} {type}")).await
}

/// There is no such record set.
pub fn no_record() -> Refusal {
    Refusal::new(Code::RecordNotFound, "there is no such record set")
}

/// The owner name that a path names.
pub fn owner_name(claim: &Claim, text: &str) -> Result<OwnerName, Refusal> {
    let full = if text == "@" { claim.name.as_str() } else { text };
    OwnerName::parse(full).map_err(|error| Refusal::new(Code::RecordsInvalid, format!("the name: {error}")))
}

struct Found {
    claim: Claim,
    pool: Pool,
    own: Vec<RecordSet>,
    owner: OwnerName,
    r#type: RecordType,
    existing: Option<RecordSet>,
}

/// Reads what a write is about, and refuses where records cannot be written.
async fn find(tx: &mut Tx<'_>, asked: Asked<'_>, write: &RecordWrite) -> Decided<Found> {
    let claim = claim_of(tx, asked, write.claim).await?;
    claim.change_records(tx.now().await?).map_err(Refusal::from)?;
    let owner = owner_name(&claim, &write.owner)?;
    let r#type: RecordType = write
        .r#type
        .parse()
        .map_err(|error: records::RecordError| Refusal::from(error))?;
    let pool = pool_of(tx, &claim).await?;
    let own = tx.records(claim.id).await?;
    let existing = own
        .iter()
        .find(|set| set.owner == owner && set.r#type == r#type)
        .cloned();
    if write.expected != Expected::Anything {
        let newest = existing.as_ref().map(|set| tag(&RecordSetView::from(set)));
        write.expected.meets(newest.as_deref().unwrap_or_default())?;
    }
    Ok(Found {
        claim,
        pool,
        own,
        owner,
        r#type,
        existing,
    })
}

async fn pool_of(tx: &mut Tx<'_>, claim: &Claim) -> Decided<Pool> {
    Ok(tx.pool(&claim.pool).await?.ok_or_else(Refusal::no_pool)?)
}

/// Joins work that is under way at the name, which then writes this too, or starts some.
async fn written(
    tx: &mut Tx<'_>,
    asked: Asked<'_>,
    mut claim: Claim,
    action: &'static str,
    detail: String,
) -> Decided<Work> {
    let before = claim.clone();
    claim.records_version += 1;
    if let Some(open) = tx.open_operation(&claim.name).await? {
        return work::join_open(tx, asked, action, &before, claim, open).await;
    }
    work::start_on_active(
        tx,
        asked,
        OperationKind::Records,
        action,
        &before,
        claim,
        Some(detail),
    )
    .await
}
