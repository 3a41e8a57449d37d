//! The journal of effects: an intent before, a result after.

use super::tx::{execute, fetch_all};
use super::{StoreError, Tx};
use crate::domain::operation::{Operation, StepName};

/// Which half of an effect a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// About to be tried.
    Intent,
    /// Seen to be done, or seen not to be.
    Result,
}

impl Entry {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Result => "result",
        }
    }
}

/// A row to write.
pub struct NewEntry {
    /// The step.
    pub step: StepName,
    /// Which half.
    pub entry: Entry,
    /// What is known, for people.
    pub detail: Option<String>,
}

impl Tx<'_> {
    /// Writes journal rows of an operation.
    pub async fn journal(&mut self, operation: &Operation, entries: &[NewEntry]) -> Result<(), StoreError> {
        for entry in entries {
            execute!(
                self,
                "INSERT INTO journal (id, tenant, operation_id, step, entry, fence, at, detail)
                 SELECT $1, $2, $3, $4, $5, $6, now, $7 FROM db_time",
                uuid::Uuid::now_v7().simple().to_string(),
                operation.tenant.to_string(),
                operation.id.to_string(),
                entry.step.as_str(),
                entry.entry.as_str(),
                operation.fence,
                entry.detail.clone(),
            )?;
        }
        Ok(())
    }

    /// Step, half and fence of each row of an operation, in the order of writing.
    pub async fn journal_of(
        &mut self,
        operation: &Operation,
    ) -> Result<Vec<(String, String, i64)>, StoreError> {
        fetch_all!(
            self,
            (String, String, i64),
            "SELECT step, entry, fence FROM journal WHERE operation_id = $1 ORDER BY id",
            operation.id.to_string(),
        )
    }
}
