//! The registry's part: what the simulated registrars are told appears in the zones of the top-level domains, on a real PowerDNS,
//! after a while.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use powerdns_client::{CanonicalName, Client, RecordType, Rrset, RrsetChange};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::world::{Ds, World};

/// Times to live of delegations, in seconds. Short, so that nothing has to be waited for.
const TTL: u32 = 5;

/// What the registry says of a domain.
type Delegation = (Vec<String>, Vec<Ds>);

/// Publishes every change of the world's domains.
pub struct Publisher {
    client: Client,
    delay: Duration,
}

impl Publisher {
    /// Writes through `client`, each change `delay` after it was made.
    pub fn new(client: Client, delay: Duration) -> Self {
        Self { client, delay }
    }

    /// Publishes the world as it is, and from then on every change, until the task ends.
    pub async fn start(self, world: World) -> Result<tokio::task::JoinHandle<()>> {
        let mut changes = world.changes();
        let mut published = BTreeMap::new();
        self.publish(&mut published, delegations(&world)).await?;
        let (told, mut due) = mpsc::unbounded_channel();
        let delay = self.delay;
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                if told.send((Instant::now() + delay, delegations(&world))).is_err() {
                    return;
                }
            }
        });
        Ok(tokio::spawn(async move {
            while let Some((at, wanted)) = due.recv().await {
                tokio::time::sleep_until(at).await;
                while let Err(error) = self.publish(&mut published, wanted.clone()).await {
                    eprintln!("the registry cannot publish: {error:#}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }))
    }

    async fn publish(
        &self,
        published: &mut BTreeMap<String, Delegation>,
        wanted: BTreeMap<String, Delegation>,
    ) -> Result<()> {
        let mut by_zone: BTreeMap<String, Vec<RrsetChange>> = BTreeMap::new();
        for (domain, delegation) in &wanted {
            if published.get(domain) != Some(delegation) {
                let zone = domain.rsplit('.').next().unwrap_or(domain).to_owned();
                by_zone
                    .entry(zone)
                    .or_default()
                    .extend(changes(domain, delegation)?);
            }
        }
        for (zone, changes) in by_zone {
            self.client
                .patch_rrsets(&CanonicalName::parse(&zone)?, &changes)
                .await
                .with_context(|| format!("the zone {zone}"))?;
        }
        *published = wanted;
        Ok(())
    }
}

fn delegations(world: &World) -> BTreeMap<String, Delegation> {
    let state = world.state();
    let delegations = state
        .domains
        .iter()
        .map(|(name, domain)| (name.clone(), (domain.nameservers.clone(), domain.ds.clone())));
    delegations.collect()
}

fn changes(domain: &str, (nameservers, ds): &Delegation) -> Result<[RrsetChange; 2]> {
    let name = CanonicalName::parse(domain)?;
    let set = |rtype: RecordType, values: Vec<String>| {
        if values.is_empty() {
            RrsetChange::Delete {
                name: name.clone(),
                rtype,
            }
        } else {
            RrsetChange::Replace(Rrset::new(name.clone(), rtype, TTL, values))
        }
    };
    let hosts = nameservers
        .iter()
        .map(|host| format!("{}.", host.trim_end_matches('.').to_lowercase()));
    let ds = ds
        .iter()
        .map(|ds| format!("{} {} {} {}", ds.key_tag, ds.algorithm, ds.digest_type, ds.digest));
    Ok([
        set(RecordType::NS, hosts.collect()),
        set(RecordType::DS, ds.collect()),
    ])
}
