//! What can go wrong with the store.

/// A failure of the store. None of them says anything about what the caller asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or did not answer in time.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The statement ran and COMMIT was sent, but its answer was lost: whether it took effect is unknown.
    #[error("the database did not confirm the change")]
    Unconfirmed,
    /// Another transaction was in the way; the same request may simply be made again.
    #[error("another change was in the way")]
    Contention,
    /// The row is held by a newer worker, or is gone: this worker must drop everything.
    #[error("the work was taken over by another worker")]
    Superseded,
    /// A unique key exists already.
    #[error("there is such a row already")]
    Duplicate,
    /// A row no longer makes sense to this program.
    #[error("{table}.{column} of {id} cannot be understood")]
    Inconsistent {
        /// Table of the row.
        table: &'static str,
        /// Column that cannot be read.
        column: &'static str,
        /// Key of the row.
        id: String,
    },
    /// The database refused a statement: a defect of ours or a foreign schema.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether asking again can help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unconfirmed | Self::Contention)
    }
}

/// SQLite: busy and its snapshot variants. PostgreSQL: serialization failure, deadlock, lock not available.
const CONTENTION: [&str; 6] = ["5", "261", "517", "40001", "40P01", "55P03"];
/// PostgreSQL classes for a server that is going away or has no room, and a cancelled statement.
const UNAVAILABLE: [&str; 4] = ["08", "53", "57", "58"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) => {
                let code = inner.code().unwrap_or_default();
                if inner.is_unique_violation() {
                    Self::Duplicate
                } else if CONTENTION.contains(&code.as_ref()) {
                    Self::Contention
                } else if UNAVAILABLE
                    .iter()
                    .any(|class| code.len() == 5 && code.starts_with(class))
                {
                    Self::Unavailable(inner.message().to_owned())
                } else {
                    Self::Refused(inner.message().to_owned())
                }
            }
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Migrate(_) => Self::Refused(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
