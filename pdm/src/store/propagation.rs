//! The last look at the world, per claim.

use super::tx::{execute, fetch_optional};
use super::{StoreError, Tx};
use crate::clock::DbTime;
use crate::domain::ids::ClaimId;

impl Tx<'_> {
    /// Keeps a look, as the API shows it.
    pub async fn put_propagation(
        &mut self,
        claim: ClaimId,
        at: DbTime,
        data: &str,
    ) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO propagation (claim_id, at, data) VALUES ($1, $2, $3)
             ON CONFLICT (claim_id) DO UPDATE SET at = excluded.at, data = excluded.data",
            claim.to_string(),
            at.micros(),
            data.to_owned(),
        )?;
        Ok(())
    }

    /// The last look at a claim.
    pub async fn propagation(&mut self, claim: ClaimId) -> Result<Option<String>, StoreError> {
        let row = fetch_optional!(
            self,
            (String,),
            "SELECT data FROM propagation WHERE claim_id = $1",
            claim.to_string(),
        )?;
        Ok(row.map(|(data,)| data))
    }
}
