//! The parent zone of a pool: made, or checked, when a pool is added.

use std::collections::BTreeSet;

use async_trait::async_trait;
use pdm_registrar::DomainName;
use powerdns_client::{Error, NewZone, RecordType, Rrset};

use super::canonical;
use super::servers::{ServerSet, Servers};
use crate::domain::zone_plan::ZoneTtls;
use crate::service::pools::{PoolZones, PrepareError, PreparedPool};

/// What a pool's zone needs to be.
#[derive(Debug, thiserror::Error)]
pub enum PoolZoneError {
    /// There is no such zone.
    #[error("there is no zone {0} on the pool servers; add the pool with `create` to make it")]
    Missing(DomainName),
    /// The zone is there, but not as it must be. Each sentence is one thing to change.
    #[error("the zone {zone} cannot be a pool: {}", .wrong.join("; "))]
    Unfit {
        /// The zone.
        zone: DomainName,
        /// What is wrong with it.
        wrong: Vec<String>,
    },
    /// PowerDNS did not answer as needed.
    #[error("PowerDNS: {0}")]
    Server(#[from] Error),
}

/// Makes the zone of a pool when `create` is set and it is missing, then checks it, and answers what stands in it
/// already.
pub async fn prepare(
    servers: &ServerSet,
    domain: &DomainName,
    hosts: &[DomainName],
    ttls: ZoneTtls,
    create: bool,
) -> Result<PreparedPool, PoolZoneError> {
    let name = canonical(domain.as_str());
    let read = || {
        servers.first(|client| {
            let name = &name;
            async move { client.zone_properties(name).await }
        })
    };
    if read().await?.is_none() {
        if !create {
            return Err(PoolZoneError::Missing(domain.clone()));
        }
        let zone = new_zone(domain, hosts, ttls);
        let made = servers
            .first(|client| {
                let zone = &zone;
                async move { client.create_zone(zone).await }
            })
            .await;
        // A lost reply is settled by the check below.
        if let Err(error) = made
            && error.effect() == powerdns_client::Effect::NotApplied
        {
            return Err(error.into());
        }
    }
    let Some(properties) = read().await? else {
        return Err(PoolZoneError::Missing(domain.clone()));
    };
    let mut wrong = Vec::new();
    if !properties.dnssec {
        wrong.push("it is not signed: secure it (pdnsutil secure-zone)".to_owned());
    }
    if properties.nsec3param != "1 0 0 -" || !properties.nsec3narrow {
        wrong.push(
            "it does not use NSEC3 narrow, so adding names would be slow or break validation: \
             pdnsutil set-nsec3 ZONE '1 0 0 -' narrow"
                .to_owned(),
        );
    }
    if !["DEFAULT", "INCREASE"].contains(&properties.soa_edit_api.as_str()) || !properties.soa_edit.is_empty()
    {
        wrong.push(
            "its serial does not grow with each change, so changes by others would not be seen: set soa_edit_api to \
             DEFAULT and soa_edit to nothing"
                .to_owned(),
        );
    }
    if properties.api_rectify {
        wrong.push("it is rectified at each change: set api_rectify to false".to_owned());
    }
    let names = names_below(servers, domain).await?;
    let apex = servers
        .first(|client| {
            let name = &name;
            async move { client.rrset(name, name, &RecordType::NS).await }
        })
        .await?;
    if apex.is_none() {
        wrong.push("it has no NS records at its apex".to_owned());
    }
    if wrong.is_empty() {
        Ok(PreparedPool {
            foreign: names,
            serial: properties.edited_serial,
        })
    } else {
        Err(PoolZoneError::Unfit {
            zone: domain.clone(),
            wrong,
        })
    }
}

/// The pools' zones on PowerDNS, as the service asks for them.
pub struct PowerDnsPools {
    servers: Servers,
    ttls: ZoneTtls,
}

impl PowerDnsPools {
    /// On these servers.
    pub const fn new(servers: Servers, ttls: ZoneTtls) -> Self {
        Self { servers, ttls }
    }
}

#[async_trait]
impl PoolZones for PowerDnsPools {
    async fn prepare(
        &self,
        domain: &DomainName,
        nameservers: &[DomainName],
        create: bool,
    ) -> Result<PreparedPool, PrepareError> {
        let prepared = prepare(&self.servers.pools, domain, nameservers, self.ttls, create).await;
        prepared.map_err(|error| match error {
            PoolZoneError::Server(error) if error.is_transient() => {
                PrepareError::Unavailable(format!("PowerDNS does not answer: {error}"))
            }
            error => PrepareError::Unfit(error.to_string()),
        })
    }

    async fn reachability(&self) -> Vec<(String, Result<(), String>)> {
        let all = self.servers.all();
        let looks = all.iter().map(|server| server.client.server());
        let answers = futures_util::future::join_all(looks).await;
        all.iter()
            .zip(answers)
            .map(|(server, answer)| {
                (
                    server.url.clone(),
                    answer.map(drop).map_err(|error| error.to_string()),
                )
            })
            .collect()
    }
}

/// The first labels below the pool under which anything stands, as full names.
pub async fn names_below(servers: &ServerSet, domain: &DomainName) -> Result<Vec<DomainName>, Error> {
    let zone = canonical(domain.as_str());
    let found = std::sync::Mutex::new(BTreeSet::new());
    servers
        .first(|client| {
            let (zone, found) = (&zone, &found);
            async move {
                client
                    .for_each_rrset(zone, |set: Rrset| {
                        if let Some(name) = below(domain, set.name.as_str()) {
                            found.lock().expect("nobody panics with it").insert(name);
                        }
                    })
                    .await
            }
        })
        .await?;
    Ok(found
        .into_inner()
        .expect("nobody panics with it")
        .into_iter()
        .collect())
}

/// The name one label below `domain` that `owner` (with its final dot) is at or below.
pub(crate) fn below(domain: &DomainName, owner: &str) -> Option<DomainName> {
    let relative = owner
        .trim_end_matches('.')
        .strip_suffix(domain.as_str())?
        .strip_suffix('.')?;
    domain.child(relative.rsplit('.').next()?).ok()
}

fn new_zone(domain: &DomainName, hosts: &[DomainName], ttls: ZoneTtls) -> NewZone {
    let name = canonical(domain.as_str());
    let mut zone = NewZone::new(name.clone());
    "pdm-pool".clone_into(&mut zone.account);
    zone.api_rectify = false;
    "1 0 0 -".clone_into(&mut zone.nsec3param);
    zone.nsec3narrow = true;
    let first = hosts
        .first()
        .map_or_else(|| domain.to_string(), ToString::to_string);
    let soa = format!(
        "{first}. hostmaster.{domain}. 1 10800 3600 604800 {}",
        ttls.pool_soa
    );
    zone.rrsets = vec![
        Rrset::new(name.clone(), RecordType::SOA, ttls.pool_soa, [soa]),
        Rrset::new(
            name,
            RecordType::NS,
            ttls.pool_ns,
            hosts.iter().map(|host| format!("{host}.")),
        ),
    ];
    zone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_below_counts_for_its_first_label() {
        let pool = DomainName::parse("omani.works").unwrap();
        let found = |owner| below(&pool, owner).map(|name| name.to_string());
        assert_eq!(
            found("deep.shop.omani.works."),
            Some("shop.omani.works".to_owned())
        );
        assert_eq!(found("shop.omani.works."), Some("shop.omani.works".to_owned()));
        assert_eq!(found("omani.works."), None);
        assert_eq!(found("notomani.works."), None);
    }
}
