//! Names and claims.

use pdm_registrar::DomainName;

use super::tx::{execute, fetch_all, fetch_optional};
use super::{Page, StoreError, Tx, json, parse, to_json};
use crate::clock::{DbTime, micros};
use crate::domain::claim::{Claim, ClaimState};
use crate::domain::ids::{ClaimId, OperationId, TenantId};
use crate::domain::label::Label;

const T: &str = "claims";

/// What a reserve writes.
pub struct NewClaim {
    /// The new claim's id.
    pub id: ClaimId,
    /// The name.
    pub name: DomainName,
    /// Its pool.
    pub pool: DomainName,
    /// Its label.
    pub label: Label,
    /// Who gets it.
    pub tenant: TenantId,
    /// How long it is held.
    pub hold: std::time::Duration,
    /// SHA-256 of the token, hexadecimal.
    pub token_hash: String,
    /// Hosts that will serve it.
    pub nameservers: Vec<DomainName>,
    /// After how long another tenant may have a tombstone; `None` is never.
    pub quarantine: Option<std::time::Duration>,
}

/// What became of a reserve.
pub enum Taken {
    /// The name is the caller's now.
    Yes(Box<Claim>),
    /// A claim has it: whose, and until when it is merely held.
    Owned {
        /// The claim that has it.
        claim: Box<Claim>,
    },
    /// It is a tombstone of another tenant.
    Buried,
}

/// Which claims a list shows.
#[derive(Clone, Debug, Default)]
pub struct ClaimFilter {
    /// Only this tenant's; `None` is an operator's view.
    pub tenant: Option<TenantId>,
    /// Only in this state.
    pub state: Option<ClaimState>,
    /// Only of this pool.
    pub pool: Option<DomainName>,
    /// Only of this name.
    pub name: Option<DomainName>,
    /// Only this one.
    pub claim: Option<ClaimId>,
}

#[derive(sqlx::FromRow)]
struct ClaimRow {
    id: String,
    name: String,
    pool: String,
    label: String,
    tenant: String,
    epoch: i64,
    state: String,
    version: i64,
    created_at: i64,
    expires_at: Option<i64>,
    token_hash: String,
    targets: Option<String>,
    records_version: i64,
    settle_until: Option<i64>,
    nameservers: String,
    ds: String,
    operation_id: Option<String>,
    blocked: Option<String>,
    conditions: String,
}

impl ClaimRow {
    fn claim(self) -> Result<Claim, StoreError> {
        let id = self.id.as_str();
        Ok(Claim {
            id: parse(self.id.parse().ok(), T, "id", id)?,
            name: parse(DomainName::parse(&self.name).ok(), T, "name", id)?,
            pool: parse(DomainName::parse(&self.pool).ok(), T, "pool", id)?,
            // The rules of labels may have become stricter since; what was given stays valid.
            label: parse(Label::parse_held(&self.label).ok(), T, "label", id)?,
            tenant: parse(self.tenant.parse().ok(), T, "tenant", id)?,
            epoch: self.epoch,
            version: self.version,
            created_at: DbTime::from_store(self.created_at),
            expires_at: self.expires_at.map(DbTime::from_store),
            state: parse(ClaimState::from_word(&self.state), T, "state", id)?,
            token_hash: self.token_hash,
            targets: self.targets.map(|t| json(&t, T, "targets", id)).transpose()?,
            records_version: self.records_version,
            settle_until: self.settle_until.map(DbTime::from_store),
            nameservers: json(&self.nameservers, T, "nameservers", id)?,
            ds: json(&self.ds, T, "ds", id)?,
            operation: self
                .operation_id
                .map(|o| parse(o.parse().ok(), T, "operation_id", id))
                .transpose()?,
            blocked: self.blocked.map(|b| json(&b, T, "blocked", id)).transpose()?,
            conditions: json(&self.conditions, T, "conditions", id)?,
        })
    }
}

/// `SELECT … FROM claims` and the rest of a statement, as one constant text.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, pool, label, tenant, epoch, state, version, created_at, expires_at, token_hash, \
             targets, records_version, settle_until, nameservers, ds, operation_id, blocked, conditions FROM claims ",
            $rest
        )
    };
}

impl Tx<'_> {
    /// A claim by id; with `tenant`, only if it is that tenant's.
    pub async fn claim(
        &mut self,
        id: ClaimId,
        tenant: Option<TenantId>,
    ) -> Result<Option<Claim>, StoreError> {
        let tenant = tenant.map(|t| t.to_string());
        fetch_optional!(
            self,
            ClaimRow,
            select!("WHERE id = $1 AND ($2 IS NULL OR tenant = $2)"),
            id.to_string(),
            tenant
        )?
        .map(ClaimRow::claim)
        .transpose()
    }

    /// The same, held until the transaction ends: nobody else decides about it meanwhile.
    pub async fn claim_locked(
        &mut self,
        id: ClaimId,
        tenant: Option<TenantId>,
    ) -> Result<Option<Claim>, StoreError> {
        if !self.is_postgres() {
            return self.claim(id, tenant).await;
        }
        let tenant = tenant.map(|t| t.to_string());
        fetch_optional!(
            self,
            ClaimRow,
            select!("WHERE id = $1 AND ($2 IS NULL OR tenant = $2) FOR UPDATE"),
            id.to_string(),
            tenant
        )?
        .map(ClaimRow::claim)
        .transpose()
    }

    /// The claim that has a name now.
    pub async fn current_claim(&mut self, name: &DomainName) -> Result<Option<Claim>, StoreError> {
        fetch_optional!(
            self,
            ClaimRow,
            select!("WHERE id = (SELECT claim_id FROM names WHERE name = $1)"),
            name.as_str().to_owned()
        )?
        .map(ClaimRow::claim)
        .transpose()
    }

    /// Whether `tenant` must wait for, or never gets, a name without an owner.
    pub async fn is_buried_for(
        &mut self,
        name: &DomainName,
        tenant: Option<TenantId>,
        quarantine: Option<std::time::Duration>,
    ) -> Result<bool, StoreError> {
        let row = fetch_optional!(
            self,
            (String,),
            "SELECT name FROM names WHERE name = $1 AND buried_at IS NOT NULL
               AND (claim_id IS NULL
                    OR EXISTS (SELECT 1 FROM claims c WHERE c.id = names.claim_id AND c.state = 'reserved'
                                  AND c.expires_at <= (SELECT now FROM db_time)))
               AND ($2 IS NULL OR tenant <> $2)
               AND ($3 IS NULL OR buried_at + $3 > (SELECT now FROM db_time))",
            name.as_str().to_owned(),
            tenant.map(|t| t.to_string()),
            quarantine.map(micros),
        )?;
        Ok(row.is_some())
    }

    /// Takes a name, if it is free for this tenant: one row of `names` changes hands, or nothing happens.
    pub async fn take_name(&mut self, new: &NewClaim) -> Result<Taken, StoreError> {
        self.expire_hold_of(&new.name).await?;
        let won = execute!(
            self,
            "INSERT INTO names (name, pool, epoch, claim_id, tenant, buried_at) VALUES ($1, $2, 1, $3, $4, NULL)
             ON CONFLICT (name) DO UPDATE
                SET claim_id = excluded.claim_id, epoch = names.epoch + 1, tenant = excluded.tenant,
                    pool = excluded.pool,
                    -- A tombstone stays one while its last tenant has the name again, and after.
                    buried_at = CASE WHEN names.tenant = excluded.tenant THEN names.buried_at ELSE NULL END
              WHERE names.claim_id IS NULL
                AND (names.buried_at IS NULL OR names.tenant = excluded.tenant
                     OR names.buried_at + $5 <= (SELECT now FROM db_time))",
            new.name.as_str().to_owned(),
            new.pool.as_str().to_owned(),
            new.id.to_string(),
            new.tenant.to_string(),
            new.quarantine.map(micros),
        )?;
        if won == 0 {
            return Ok(match self.current_claim(&new.name).await? {
                Some(claim) => Taken::Owned {
                    claim: Box::new(claim),
                },
                None => Taken::Buried,
            });
        }
        execute!(
            self,
            "INSERT INTO claims (id, name, pool, label, tenant, epoch, state, version, created_at, expires_at,
                                 token_hash, nameservers, ds, conditions)
             SELECT $1, $2, $3, $4, $5, names.epoch, 'reserved', 1, now, now + $6, $7, $8, '[]', '[]'
               FROM names, db_time WHERE names.name = $2",
            new.id.to_string(),
            new.name.as_str().to_owned(),
            new.pool.as_str().to_owned(),
            new.label.as_str().to_owned(),
            new.tenant.to_string(),
            micros(new.hold),
            new.token_hash.clone(),
            to_json(&new.nameservers),
        )?;
        let claim = self.claim(new.id, None).await?;
        Ok(Taken::Yes(Box::new(parse(claim, T, "id", &new.id.to_string())?)))
    }

    async fn expire_hold_of(&mut self, name: &DomainName) -> Result<(), StoreError> {
        let expired = fetch_optional!(
            self,
            (String,),
            "UPDATE claims SET state = 'expired', version = version + 1, ended_at = (SELECT now FROM db_time)
              WHERE id = (SELECT claim_id FROM names WHERE name = $1)
                AND state = 'reserved' AND expires_at <= (SELECT now FROM db_time)
             RETURNING id",
            name.as_str().to_owned(),
        )?;
        if let Some((id,)) = expired {
            execute!(self, "UPDATE names SET claim_id = NULL WHERE claim_id = $1", id)?;
        }
        Ok(())
    }

    /// Ends up to `limit` holds whose time is over, by the database's clock.
    pub async fn expire_holds(&mut self, limit: i64) -> Result<Vec<Claim>, StoreError> {
        let expired = fetch_all!(
            self,
            ClaimRow,
            "UPDATE claims SET state = 'expired', version = version + 1, ended_at = (SELECT now FROM db_time)
              WHERE id IN (SELECT id FROM claims
                            WHERE state = 'reserved' AND expires_at <= (SELECT now FROM db_time)
                            ORDER BY expires_at LIMIT $1)
                AND state = 'reserved' AND expires_at <= (SELECT now FROM db_time)
             RETURNING id, name, pool, label, tenant, epoch, state, version, created_at, expires_at, token_hash,
                       targets, records_version, settle_until, nameservers, ds, operation_id, blocked, conditions",
            limit,
        )?;
        let mut claims = Vec::with_capacity(expired.len());
        for row in expired {
            execute!(
                self,
                "UPDATE names SET claim_id = NULL WHERE claim_id = $1",
                row.id.clone()
            )?;
            claims.push(row.claim()?);
        }
        Ok(claims)
    }

    /// Writes a claim as decided, if it is still at the version that the decision saw, and bumps the version.
    pub async fn update_claim(&mut self, claim: &mut Claim) -> Result<(), StoreError> {
        let changed = execute!(
            self,
            "UPDATE claims SET state = $3, version = version + 1, expires_at = $4, targets = $5, ds = $6,
                    operation_id = $7, blocked = $8, conditions = $9, records_version = $10, nameservers = $11
              WHERE id = $1 AND version = $2",
            claim.id.to_string(),
            claim.version,
            claim.state.as_str(),
            claim.expires_at.map(DbTime::micros),
            claim.targets.as_ref().map(to_json),
            to_json(&claim.ds),
            claim.operation.map(|o| o.to_string()),
            claim.blocked.as_ref().map(to_json),
            to_json(&claim.conditions),
            claim.records_version,
            to_json(&claim.nameservers),
        )?;
        if changed == 0 {
            return Err(StoreError::Contention);
        }
        claim.version += 1;
        Ok(())
    }

    /// Starts the commit of a hold that has not ended: the guard is in the statement, so commit and expiry cannot
    /// both win. False when the hold ended or somebody else changed the claim.
    pub async fn begin_activation(
        &mut self,
        claim: &mut Claim,
        operation: OperationId,
    ) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE claims SET state = 'activating', version = version + 1, operation_id = $3, targets = $4,
                    expires_at = NULL
              WHERE id = $1 AND version = $2 AND state = 'reserved' AND expires_at > (SELECT now FROM db_time)",
            claim.id.to_string(),
            claim.version,
            operation.to_string(),
            claim.targets.as_ref().map(to_json),
        )?;
        if changed == 1 {
            claim.version += 1;
            claim.state = ClaimState::Activating;
            claim.operation = Some(operation);
            claim.expires_at = None;
        }
        Ok(changed == 1)
    }

    /// Extends a hold that has not ended; never shortens it. False when it ended meanwhile.
    pub async fn extend_hold(&mut self, claim: &mut Claim, until: DbTime) -> Result<bool, StoreError> {
        let changed = execute!(
            self,
            "UPDATE claims SET version = version + 1, expires_at = $3
              WHERE id = $1 AND version = $2 AND state = 'reserved' AND expires_at > (SELECT now FROM db_time)
                AND expires_at <= $3",
            claim.id.to_string(),
            claim.version,
            until.micros(),
        )?;
        if changed == 1 {
            claim.version += 1;
            claim.expires_at = Some(until);
        }
        Ok(changed == 1)
    }

    /// Ends the ownership of a name. With `bury`, what is left is a tombstone.
    pub async fn free_name(&mut self, claim: &mut Claim, bury: bool) -> Result<(), StoreError> {
        claim.state = ClaimState::Released;
        claim.blocked = None;
        claim.expires_at = None;
        self.update_claim(claim).await?;
        execute!(
            self,
            "UPDATE claims SET ended_at = (SELECT now FROM db_time) WHERE id = $1",
            claim.id.to_string(),
        )?;
        execute!(
            self,
            "UPDATE names SET claim_id = NULL,
                    buried_at = CASE WHEN $2 = 1 THEN (SELECT now FROM db_time) ELSE buried_at END
              WHERE claim_id = $1",
            claim.id.to_string(),
            i64::from(bury),
        )?;
        Ok(())
    }

    /// A page of claims, oldest first.
    pub async fn list_claims(&mut self, filter: &ClaimFilter, page: &Page) -> Result<Vec<Claim>, StoreError> {
        fetch_all!(
            self,
            ClaimRow,
            select!(
                "WHERE ($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR pool = $3)
                   AND ($4 IS NULL OR name = $4) AND ($5 IS NULL OR id = $5) AND ($6 IS NULL OR id > $6)
                 ORDER BY id LIMIT $7"
            ),
            filter.tenant.map(|t| t.to_string()),
            filter.state.map(|s| s.as_str().to_owned()),
            filter.pool.as_ref().map(|p| p.as_str().to_owned()),
            filter.name.as_ref().map(|n| n.as_str().to_owned()),
            filter.claim.map(|c| c.to_string()),
            page.after.clone(),
            page.limit,
        )?
        .into_iter()
        .map(ClaimRow::claim)
        .collect()
    }

    /// The claims that have names below a pool, by name after `after`, at most `limit`.
    pub async fn owned_claims(
        &mut self,
        pool: &DomainName,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Claim>, StoreError> {
        fetch_all!(
            self,
            ClaimRow,
            select!(
                "WHERE id IN (SELECT claim_id FROM names WHERE pool = $1 AND name > $2 AND claim_id IS NOT NULL
                               ORDER BY name LIMIT $3)
                 ORDER BY name"
            ),
            pool.as_str().to_owned(),
            after.to_owned(),
            limit,
        )?
        .into_iter()
        .map(ClaimRow::claim)
        .collect()
    }

    /// Notes that a write for this claim had an unknown outcome: until then it may still arrive, and a different
    /// write on the same object has to wait.
    pub async fn note_unknown_outcome(
        &mut self,
        id: ClaimId,
        settle: std::time::Duration,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE claims SET settle_until = (SELECT now FROM db_time) + $2 WHERE id = $1",
            id.to_string(),
            micros(settle),
        )?;
        Ok(())
    }

    /// How many claims a tenant has made since `since`.
    pub async fn claims_made_since(
        &mut self,
        tenant: TenantId,
        window: std::time::Duration,
    ) -> Result<i64, StoreError> {
        let row = fetch_optional!(
            self,
            (i64,),
            "SELECT count(*) FROM claims WHERE tenant = $1 AND created_at > (SELECT now FROM db_time) - $2",
            tenant.to_string(),
            micros(window),
        )?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// When the oldest claim that a tenant made within `window` was made.
    pub async fn oldest_claim_within(
        &mut self,
        tenant: TenantId,
        window: std::time::Duration,
    ) -> Result<Option<DbTime>, StoreError> {
        let row = fetch_optional!(
            self,
            (Option<i64>,),
            "SELECT min(created_at) FROM claims WHERE tenant = $1 AND created_at > (SELECT now FROM db_time) - $2",
            tenant.to_string(),
            micros(window),
        )?;
        Ok(row.and_then(|(at,)| at).map(DbTime::from_store))
    }

    /// How many claims are in each state, for metrics.
    pub async fn count_claims(&mut self) -> Result<Vec<(String, i64)>, StoreError> {
        fetch_all!(
            self,
            (String, i64),
            "SELECT state, count(*) FROM claims GROUP BY state"
        )
    }

    /// The oldest holds a pool still shows after their end, for the suite and for alarms.
    pub async fn overdue_holds(&mut self) -> Result<i64, StoreError> {
        let row = fetch_optional!(
            self,
            (i64,),
            "SELECT count(*) FROM claims WHERE state = 'reserved' AND expires_at <= (SELECT now FROM db_time)",
        )?;
        Ok(row.map_or(0, |(count,)| count))
    }
}
