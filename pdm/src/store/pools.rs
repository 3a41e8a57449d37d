//! Pools and the foreign names seen in their zones.

use pdm_registrar::DomainName;

use super::tx::{execute, fetch_all, fetch_optional};
use super::{StoreError, Tx, json, parse, to_json};
use crate::clock::DbTime;
use crate::domain::pool::Pool;

const T: &str = "pools";

#[derive(sqlx::FromRow)]
struct PoolRow {
    domain: String,
    nameservers: String,
    hold: String,
    template: String,
    open: i64,
    allow_non_global: i64,
    version: i64,
    created_at: i64,
}

impl PoolRow {
    fn pool(self) -> Result<Pool, StoreError> {
        let id = self.domain.as_str();
        Ok(Pool {
            domain: parse(DomainName::parse(id).ok(), T, "domain", id)?,
            nameservers: json(&self.nameservers, T, "nameservers", id)?,
            hold: json(&self.hold, T, "hold", id)?,
            open: self.open != 0,
            allow_non_global: self.allow_non_global != 0,
            template: json(&self.template, T, "template", id)?,
            version: self.version,
            created_at: DbTime::from_store(self.created_at),
        })
    }
}

impl Tx<'_> {
    /// Every pool, by domain.
    pub async fn pools(&mut self) -> Result<Vec<Pool>, StoreError> {
        fetch_all!(
            self,
            PoolRow,
            "SELECT domain, nameservers, hold, template, open, allow_non_global, version, created_at FROM pools
              ORDER BY domain",
        )?
        .into_iter()
        .map(PoolRow::pool)
        .collect()
    }

    /// One pool.
    pub async fn pool(&mut self, domain: &DomainName) -> Result<Option<Pool>, StoreError> {
        fetch_optional!(
            self,
            PoolRow,
            "SELECT domain, nameservers, hold, template, open, allow_non_global, version, created_at FROM pools
              WHERE domain = $1",
            domain.as_str().to_owned(),
        )?
        .map(PoolRow::pool)
        .transpose()
    }

    /// Adds a pool; [`StoreError::Duplicate`] when there is one.
    pub async fn insert_pool(&mut self, pool: &Pool) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO pools (domain, nameservers, hold, template, open, allow_non_global, version, created_at)
             SELECT $1, $2, $3, $4, $5, $6, 1, now FROM db_time",
            pool.domain.as_str().to_owned(),
            to_json(&pool.nameservers),
            to_json(&pool.hold),
            to_json(&pool.template),
            i64::from(pool.open),
            i64::from(pool.allow_non_global),
        )?;
        Ok(())
    }

    /// Writes a pool's terms, if it is still at the version that was read.
    pub async fn update_pool(&mut self, pool: &Pool) -> Result<(), StoreError> {
        let changed = execute!(
            self,
            "UPDATE pools SET nameservers = $3, hold = $4, template = $5, open = $6, allow_non_global = $7,
                    version = version + 1
              WHERE domain = $1 AND version = $2",
            pool.domain.as_str().to_owned(),
            pool.version,
            to_json(&pool.nameservers),
            to_json(&pool.hold),
            to_json(&pool.template),
            i64::from(pool.open),
            i64::from(pool.allow_non_global),
        )?;
        if changed == 0 {
            Err(StoreError::Contention)
        } else {
            Ok(())
        }
    }

    /// Whether the reconciler saw the name in the pool's zone without a claim that explains it.
    pub async fn is_foreign(&mut self, name: &DomainName) -> Result<bool, StoreError> {
        let row = fetch_optional!(
            self,
            (String,),
            "SELECT name FROM foreign_names WHERE name = $1",
            name.as_str().to_owned(),
        )?;
        Ok(row.is_some())
    }

    /// What the last pass of the reconciler saw in the pool's zone without a claim that explains it.
    pub async fn foreign_names(&mut self, pool: &DomainName) -> Result<Vec<DomainName>, StoreError> {
        let rows = fetch_all!(
            self,
            (String,),
            "SELECT name FROM foreign_names WHERE pool = $1",
            pool.as_str().to_owned(),
        )?;
        rows.into_iter()
            .map(|(name,)| parse(DomainName::parse(&name).ok(), "foreign_names", "name", &name))
            .collect()
    }

    /// Every host that a claim of the pool was ever delegated to.
    pub async fn nameservers_ever(&mut self, pool: &DomainName) -> Result<Vec<DomainName>, StoreError> {
        let rows = fetch_all!(
            self,
            (String,),
            "SELECT DISTINCT nameservers FROM claims WHERE pool = $1",
            pool.as_str().to_owned(),
        )?;
        let mut hosts = Vec::new();
        for (row,) in rows {
            hosts.extend(json::<Vec<DomainName>>(
                &row,
                "claims",
                "nameservers",
                pool.as_str(),
            )?);
        }
        hosts.sort();
        hosts.dedup();
        Ok(hosts)
    }

    /// Replaces what is known of foreign names in a pool's zone.
    pub async fn replace_foreign_names(
        &mut self,
        pool: &DomainName,
        seen: &[DomainName],
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "DELETE FROM foreign_names WHERE pool = $1",
            pool.as_str().to_owned(),
        )?;
        for name in seen {
            execute!(
                self,
                "INSERT INTO foreign_names (name, pool, seen_at) SELECT $1, $2, now FROM db_time WHERE 1 = 1
                 ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, pool = excluded.pool",
                name.as_str().to_owned(),
                pool.as_str().to_owned(),
            )?;
        }
        Ok(())
    }
}
