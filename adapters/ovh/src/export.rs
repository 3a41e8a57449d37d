//! All records of a zone: by OVH's own export where the consumer key may, else record by record.

use std::collections::BTreeSet;

use pdm_registrar::{DomainName, Error, ErrorKind, ZoneExport};

use crate::account::OvhAccount;
use crate::errors::if_there;
use crate::rules;
use crate::zone_file::{self, Contents};

/// Most records that are read one by one: at OVH's pace, these take ten minutes.
const MOST_BY_RECORD: usize = 500;

impl OvhAccount {
    pub(crate) async fn all_records(&self, zone: &DomainName) -> Result<ZoneExport, Error> {
        let own = self.client.zone(zone).await?.name_servers;
        let own: BTreeSet<String> = own.iter().map(|host| in_full(host)).collect();
        let contents = self.contents(zone).await?;
        let mut records = contents.records;
        records.retain(|record| {
            let apex_ns = record.rtype == "NS" && record.owner.as_str() == zone.as_str();
            !(apex_ns && own.contains(&record.value))
        });
        records.sort();
        records.dedup();
        Ok(ZoneExport {
            zone: zone.clone(),
            records,
            missing: contents
                .unreadable
                .iter()
                .map(|line| self.client.shown(line))
                .collect(),
        })
    }

    async fn contents(&self, zone: &DomainName) -> Result<Contents, Error> {
        let granted = match self.rights().await? {
            Some(rights) => rules::missing(rights, &rules::export(zone)).is_empty(),
            None => true,
        };
        if granted {
            match self.client.export(zone).await {
                Ok(text) => return Ok(zone_file::parse(zone, &text)),
                Err(failure) if failure.error.kind == ErrorKind::ScopeMissing => {}
                Err(failure) => return Err(failure.error),
            }
        }
        self.record_by_record(zone).await
    }

    async fn record_by_record(&self, zone: &DomainName) -> Result<Contents, Error> {
        let ids = self.client.record_ids(zone, None, None).await?;
        if ids.len() > MOST_BY_RECORD {
            return Err(Error::new(
                ErrorKind::ScopeMissing,
                format!(
                    "{} records are too many to be read one by one: give the consumer key the rule GET /domain/zone/{zone}/export",
                    ids.len()
                ),
            ));
        }
        let mut contents = Contents::default();
        for id in ids {
            // A record that went since it was listed is not in the zone any more.
            let Some(record) = if_there(self.client.record(zone, id).await)? else {
                continue;
            };
            let owner = record.sub_domain.as_deref().unwrap_or_default();
            let ttl = record.ttl.unwrap_or_default();
            match zone_file::record(zone, owner, &record.field_type, ttl, &record.target) {
                Some(record) if record.rtype == "SOA" => {}
                Some(record) => contents.records.push(record),
                None => contents
                    .unreadable
                    .push(format!("{owner} {} {}", record.field_type, record.target)),
            }
        }
        Ok(contents)
    }
}

/// The name of a server, which OVH writes here without its final dot.
fn in_full(host: &str) -> String {
    format!("{}.", host.trim_end_matches('.').to_ascii_lowercase())
}
