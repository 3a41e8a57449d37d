//! The world the simulated vendors share: accounts, the registry's state of domains, hosted zones, and a clock.
//!
//! Everything here is plain text and numbers. It shares no type with the adapters, so that a mistake in one cannot hide in the
//! other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// One world. Clones are the same world.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    /// Counts changes of the registry's state, for whoever publishes it.
    changes: Arc<watch::Sender<u64>>,
}

/// What is in a world.
#[derive(Default)]
pub struct State {
    /// Domains by name: lower-case ASCII without a final dot.
    pub domains: BTreeMap<String, Domain>,
    /// Zones hosted at a vendor, by vendor and name. A domain may be there without one, and the other way round.
    pub zones: BTreeMap<(String, String), Zone>,
    /// How far the clock was moved.
    offset: Duration,
    next_id: u64,
}

/// A domain as its registry has it, and where it is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent flags of a registration, as registries have them"
)]
pub struct Domain {
    /// The vendor whose customer holds it, by the vendor's id.
    pub vendor: String,
    /// The account there, by a name that the vendor's simulator gives meaning.
    pub account: String,
    /// Hosts the registry delegates to, in the order they were given.
    pub nameservers: Vec<String>,
    /// DS at the registry.
    pub ds: Vec<Ds>,
    /// Locked against transfers.
    pub transfer_locked: bool,
    /// Locked against every change.
    pub locked: bool,
    /// The registration has ended.
    pub expired: bool,
    /// Whether it is served by the vendor's own name servers.
    pub hosted: bool,
    /// Hosts below the domain that the registry knows addresses of.
    pub glue: BTreeMap<String, Vec<String>>,
}

impl Domain {
    /// An ordinary domain: in `account` of `vendor`, delegated elsewhere, unlocked, unsigned.
    pub fn ordinary(vendor: &str, account: &str, nameservers: &[&str]) -> Self {
        Self {
            vendor: vendor.to_owned(),
            account: account.to_owned(),
            nameservers: nameservers.iter().map(|&host| host.to_owned()).collect(),
            ds: Vec::new(),
            transfer_locked: false,
            locked: false,
            expired: false,
            hosted: false,
            glue: BTreeMap::new(),
        }
    }
}

/// A DS as registries take it, and the key it was made from where the vendor takes keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ds {
    /// Key tag.
    pub key_tag: u16,
    /// Algorithm's number.
    pub algorithm: u8,
    /// Digest type's number.
    pub digest_type: u8,
    /// Lower-case hexadecimal.
    pub digest: String,
}

/// A zone at a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// The account that holds it.
    pub account: String,
    /// Its records, in the vendor's order.
    pub records: Vec<Record>,
}

/// A record in a hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// A number that no other record has.
    pub id: u64,
    /// Its owner below the zone: empty at the apex, `www`, `a.b`.
    pub name: String,
    /// Its type in capitals; also types that vendors made up.
    pub rtype: String,
    /// Its data as the vendor keeps it.
    pub value: String,
    /// Seconds.
    pub ttl: u32,
    /// Distance of an MX, or another number the vendor keeps beside the data.
    pub priority: Option<u16>,
}

impl World {
    /// An empty world at today's time.
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            changes: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Looks at or changes the world. Never held across an await.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a domain at the registry and tells those who publish it. `false` when there is no such domain.
    pub fn change_domain(&self, name: &str, change: impl FnOnce(&mut Domain)) -> bool {
        let found = match self.state().domains.get_mut(name) {
            Some(domain) => {
                change(domain);
                true
            }
            None => false,
        };
        if found {
            self.changes.send_modify(|count| *count += 1);
        }
        found
    }

    /// A domain's state, by value.
    pub fn domain(&self, name: &str) -> Option<Domain> {
        self.state().domains.get(name).cloned()
    }

    /// Wakes after each change of a domain's registry state.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Seconds since 1970 on the world's clock.
    pub fn now(&self) -> u64 {
        self.time().as_secs()
    }

    /// Time since 1970 on the world's clock, for what takes less than a second.
    pub fn time(&self) -> Duration {
        let offset = self.state().offset;
        // A machine whose clock is before 1970 has other troubles.
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + offset
    }

    /// Moves the world's clock forward, for tasks, windows of rate limits and ends of tokens.
    pub fn move_clock(&self, by: Duration) {
        self.state().offset += by;
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// A number that was not given before in this world.
    pub fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        5_000_000_000 + self.next_id
    }

    /// A zone at `vendor`.
    pub fn zone(&mut self, vendor: &str, name: &str) -> Option<&mut Zone> {
        self.zones.get_mut(&(vendor.to_owned(), name.to_owned()))
    }
}
