//! Looking for records across zones.

use serde::Deserialize;

use crate::{CanonicalName, Client, Error, RecordType};

/// A record that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FoundRecord {
    /// Its owner.
    pub name: CanonicalName,
    /// The zone that it stands in.
    pub zone: CanonicalName,
    /// Its type.
    #[serde(rename = "type")]
    pub rtype: RecordType,
    /// Its data in presentation form.
    pub content: String,
}

impl Client {
    /// The records of all zones whose owner is below `name`, at most `max` of them.
    ///
    /// PowerDNS reads all records for this: about as long as a full listing of all zones would take in the database,
    /// but with a short answer.
    pub async fn records_below(&self, name: &CanonicalName, max: usize) -> Result<Vec<FoundRecord>, Error> {
        // The database has names without the final dot.
        let pattern = name.to_query();
        let pattern = pattern.trim_end_matches('.');
        let url = self.url(&format!(
            "/search-data?q=*.{pattern}&object_type=record&max={max}"
        ));
        let found: Vec<FoundRecord> = self.read(url).await?;
        // The pattern is matched against content as well.
        Ok(found
            .into_iter()
            .filter(|record| record.name != *name && record.name.is_within(name))
            .collect())
    }
}
