//! What later walks may take over: keys and server addresses of zones that have led on to others.
//!
//! It holds nothing about what does not exist. Walks see to it that none of them ends in a zone from here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::super::denial::depth;
use super::zone::{Trust, Zone};

/// More zones than this are not worth keeping: the memory serves the few above many.
const MAX_ZONES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Memory {
    zones: Mutex<HashMap<Name, (Instant, Zone)>>,
}

impl Memory {
    /// The zones at and above `name` that are not older than `age`.
    pub(super) fn above(&self, name: &Name, age: Duration) -> Vec<Zone> {
        let zones = self.lock();
        let apexes = (0..=depth(name)).map(|labels| name.trim_to(labels));
        let known = apexes.filter_map(|apex| zones.get(&apex).filter(|(since, _)| since.elapsed() <= age));
        known
            .map(|(_, zone)| Zone {
                remembered: true,
                led_on: false,
                ..zone.clone()
            })
            .collect()
    }

    /// Takes zones of a walk that has just been made.
    pub(super) fn keep<'a>(&self, fresh: impl Iterator<Item = &'a Zone>, age: Duration) {
        let mut zones = self.lock();
        for zone in fresh {
            let checked = |zone: &Zone| matches!(zone.trust, Trust::Keys(_));
            let better = zones
                .get(&zone.apex)
                .is_some_and(|(since, old)| checked(old) && !checked(zone) && since.elapsed() <= age);
            if zones.len() >= MAX_ZONES {
                zones.retain(|_, (since, _)| since.elapsed() <= age);
            }
            if !better && zones.len() < MAX_ZONES {
                zones.insert(zone.apex.clone(), (Instant::now(), zone.clone()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, (Instant, Zone)>> {
        self.zones
            .lock()
            .expect("nothing panics while it holds the zones")
    }
}
