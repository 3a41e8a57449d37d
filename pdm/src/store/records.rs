//! Tenants' own record sets.

use pdm_registrar::OwnerName;

use super::tx::{execute, fetch_all};
use super::{StoreError, Tx, json, parse, to_json};
use crate::domain::ids::ClaimId;
use crate::domain::records::{RecordSet, RecordType};

const T: &str = "records";

impl Tx<'_> {
    /// The record sets of a claim, by owner and type.
    pub async fn records(&mut self, claim: ClaimId) -> Result<Vec<RecordSet>, StoreError> {
        let rows = fetch_all!(
            self,
            (String, String, i64, String),
            "SELECT owner, type, ttl, content FROM records WHERE claim_id = $1 ORDER BY owner, type",
            claim.to_string(),
        )?;
        rows.into_iter()
            .map(|(owner, r#type, ttl, content)| {
                Ok(RecordSet {
                    r#type: parse(r#type.parse::<RecordType>().ok(), T, "type", &owner)?,
                    ttl: parse(u32::try_from(ttl).ok(), T, "ttl", &owner)?,
                    values: json(&content, T, "content", &owner)?,
                    owner: parse(OwnerName::parse(&owner).ok(), T, "owner", &owner)?,
                })
            })
            .collect()
    }

    /// Puts a record set in the place of the one with its owner and type.
    pub async fn put_record(&mut self, claim: ClaimId, set: &RecordSet) -> Result<(), StoreError> {
        execute!(
            self,
            "INSERT INTO records (claim_id, owner, type, ttl, content) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (claim_id, owner, type) DO UPDATE SET ttl = excluded.ttl, content = excluded.content",
            claim.to_string(),
            set.owner.as_str().to_owned(),
            set.r#type.as_str(),
            i64::from(set.ttl),
            to_json(&set.values),
        )?;
        Ok(())
    }

    /// Removes a record set; false when there was none.
    pub async fn delete_record(
        &mut self,
        claim: ClaimId,
        owner: &OwnerName,
        r#type: RecordType,
    ) -> Result<bool, StoreError> {
        let gone = execute!(
            self,
            "DELETE FROM records WHERE claim_id = $1 AND owner = $2 AND type = $3",
            claim.to_string(),
            owner.as_str().to_owned(),
            r#type.as_str(),
        )?;
        Ok(gone > 0)
    }
}
