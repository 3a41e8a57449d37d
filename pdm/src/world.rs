//! Puts the parts of a running control plane together from its settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::config::Config;
use crate::delegation::parent_zone::ParentZones;
use crate::dns::addresses::Addresses;
use crate::dns::servers::Servers;
use crate::dns::zones::Zones;
use crate::operations::World;
use crate::propagation::{AddressFilter, Anchors, AskSettings, Asker, WalkSettings, Walker};
use crate::store::Store;

/// A name for the leases of this process, unlike that of any other and of itself after a restart.
pub fn holder() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Everything that operations and the reconciler touch. Nothing is sent yet.
pub fn world(config: Arc<Config>, store: Store, holder: &str) -> anyhow::Result<Arc<World>> {
    let servers = Servers::new(&config)?;
    let path = &config.dns.trust_anchor;
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("dns.trust_anchor: {} cannot be read", path.display()))?;
    let anchors: Anchors = text
        .parse()
        .with_context(|| format!("dns.trust_anchor: {} is no trust anchor", path.display()))?;
    let filter = AddressFilter {
        allow_non_global: config.dns.allow_non_global,
        own_networks: Vec::new(),
        port: config.dns.port,
    };
    let asker = Arc::new(Asker::new(AskSettings {
        filter,
        ..AskSettings::default()
    }));
    let mut settings = WalkSettings::new(config.dns.roots.clone(), anchors);
    settings.port = config.dns.port;
    settings.upper_zone_memory =
        Some(config.timing.upper_zone_memory).filter(|memory| *memory > Duration::ZERO);
    let walker = Arc::new(Walker::new(Arc::clone(&asker), settings));
    let parents = ParentZones::new(&config, store.clone(), servers.pools.clone(), holder.to_owned());
    Ok(Arc::new(World {
        zones: Zones::new(servers.tenants, config.zones),
        addresses: Addresses::new(Arc::clone(&walker), config.dns.port, config.timing.address_memory),
        parents,
        asker,
        walker,
        store,
        config,
        content_turns: std::sync::Mutex::new(BTreeMap::new()),
    }))
}
