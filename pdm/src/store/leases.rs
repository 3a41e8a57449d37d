//! Leases: who may do what only one may do at a time.

use std::time::Duration;

use super::tx::{execute, fetch_optional};
use super::{StoreError, Tx};
use crate::clock::{DbTime, micros};

/// A lease that was got or renewed.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// Grows each time the lease changes hands.
    pub fence: i64,
    /// Until when it is held, by database time.
    pub until: DbTime,
}

impl Tx<'_> {
    /// Takes a free or ended lease, or renews one that `holder` has. `None` while somebody else has it.
    pub async fn take_lease(
        &mut self,
        name: &str,
        holder: &str,
        length: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let row = fetch_optional!(
            self,
            (i64, i64),
            "INSERT INTO leases (name, holder, fence, until) SELECT $1, $2, 1, now + $3 FROM db_time WHERE 1 = 1
             ON CONFLICT (name) DO UPDATE
                SET holder = excluded.holder, until = excluded.until,
                    fence = leases.fence + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END
              WHERE leases.holder = excluded.holder OR leases.until < (SELECT now FROM db_time)
             RETURNING fence, until",
            name.to_owned(),
            holder.to_owned(),
            micros(length),
        )?;
        Ok(row.map(|(fence, until)| Lease {
            fence,
            until: DbTime::from_store(until),
        }))
    }

    /// Gives one lease back, so that others need not wait for its end.
    pub async fn drop_lease(&mut self, name: &str, holder: &str) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE leases SET until = 0 WHERE name = $1 AND holder = $2",
            name.to_owned(),
            holder.to_owned()
        )?;
        Ok(())
    }

    /// Gives the leases of tasks back, so that others need not wait for their end. The rows stay, and with them the fences.
    pub async fn drop_task_leases_of(&mut self, holder: &str) -> Result<(), StoreError> {
        execute!(
            self,
            "UPDATE leases SET until = 0, holder = '' WHERE holder = $1 AND name LIKE 'task:%'",
            holder.to_owned()
        )?;
        Ok(())
    }
}
