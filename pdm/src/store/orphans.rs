//! What was found on the servers without an owner here.

use super::tx::{execute, fetch_all};
use super::{StoreError, Tx};
use crate::clock::DbTime;

/// Something without an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// `zone`, `delegation`, `ds` or `tsigkey`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The server it is on.
    pub server: String,
    /// What we find written in it.
    pub marker: Option<String>,
    /// When it was seen first.
    pub since: DbTime,
}

impl Tx<'_> {
    /// Replaces what is known of one server and kind by what a pass saw. First sightings keep their time.
    pub async fn replace_orphans(
        &mut self,
        server: &str,
        kind: &str,
        seen: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        let now = self.now().await?.micros();
        for (name, marker) in seen {
            execute!(
                self,
                "INSERT INTO orphans (kind, name, server, marker, since, seen) VALUES ($1, $2, $3, $4, $5, $5)
                 ON CONFLICT (kind, name, server) DO UPDATE SET marker = excluded.marker, seen = excluded.seen",
                kind.to_owned(),
                name.clone(),
                server.to_owned(),
                marker.clone(),
                now,
            )?;
        }
        execute!(
            self,
            "DELETE FROM orphans WHERE server = $1 AND kind = $2 AND seen <> $3",
            server.to_owned(),
            kind.to_owned(),
            now,
        )?;
        Ok(())
    }

    /// Every orphan, in a fixed order.
    pub async fn orphans(&mut self) -> Result<Vec<Orphan>, StoreError> {
        let rows = fetch_all!(
            self,
            (String, String, String, Option<String>, i64),
            "SELECT kind, name, server, marker, since FROM orphans ORDER BY kind, name, server",
        )?;
        Ok(rows
            .into_iter()
            .map(|(kind, name, server, marker, since)| Orphan {
                kind,
                name,
                server,
                marker,
                since: DbTime::from_store(since),
            })
            .collect())
    }
}
