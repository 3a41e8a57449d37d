//! The replaced system, played by the calls it makes.
//!
//! | verb | calls of PowerDNS |
//! |---|---|
//! | reserve | POST zone, PATCH parent, PUT zone, GET and POST its cryptokeys, PUT its rectify |
//! | commit | PATCH zone |
//!
//! (Its release, DELETE zone and PATCH parent, is not measured: the control plane's waits until caches have run out.)
//! It has no bound on calls at a time, repeats no call, writes NS and no DS to the parent, and the parent is rectified at
//! each change. On SQLite most of its calls that overlap with another's change are answered 500, and with them the verb:
//! here its caller sends the verb again until it succeeds, because a name that nobody asks for again never is live.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use powerdns_client::{
    CanonicalName, Client, Error, ErrorKind, KeyType, NewCryptoKey, NewZone, RrsetChange, ZoneChange,
};

use super::Contender;
use crate::zones;

/// After how long a caller sends a failed verb again.
const PAUSE: Duration = Duration::from_millis(25);

/// The replaced system at work on one parent.
#[derive(Debug)]
pub struct Replaced {
    client: Client,
    parent: CanonicalName,
    errors: AtomicUsize,
}

impl Replaced {
    /// On a parent made with [`zones::Upkeep::Rectified`].
    pub fn new(client: Client, parent: CanonicalName) -> Self {
        Self {
            client,
            parent,
            errors: AtomicUsize::new(0),
        }
    }

    /// How many verbs have failed and were sent again.
    pub fn errors(&self) -> usize {
        self.errors.load(Ordering::Relaxed)
    }

    /// Makes the zone, delegates it and signs it.
    pub async fn reserve(&self, label: &str) -> Result<(), Error> {
        let name = self.name(label);
        let mut zone = NewZone::new(name.clone());
        // Signing comes as a step of its own.
        zone.dnssec = false;
        zone.rrsets = zones::apex_sets(&name);
        match self.client.create_zone(&zone).await {
            // An earlier attempt made it.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            result => result?,
        }
        self.client
            .patch_rrsets(&self.parent, &zones::delegation(&name, None))
            .await?;
        let settings = ZoneChange {
            api_rectify: Some(true),
            ..ZoneChange::default()
        };
        self.client.set_zone_properties(&name, &settings).await?;
        if self.client.cryptokeys(&name).await?.is_empty() {
            let key = NewCryptoKey {
                keytype: KeyType::Csk,
                active: true,
                published: true,
                algorithm: "ECDSAP256SHA256".to_owned(),
            };
            self.client.create_cryptokey(&name, &key).await?;
        }
        self.client.rectify(&name).await
    }

    /// Writes the hosts.
    pub async fn commit(&self, label: &str) -> Result<(), Error> {
        let name = self.name(label);
        let changes: Vec<RrsetChange> = zones::host_sets(&name)
            .into_iter()
            .map(RrsetChange::Replace)
            .collect();
        self.client.patch_rrsets(&name, &changes).await
    }

    /// Sends a verb until it succeeds.
    pub async fn repeated<F: Future<Output = Result<(), Error>>>(&self, verb: impl Fn() -> F) -> Result<()> {
        loop {
            match verb().await {
                Err(error) if error.is_transient() => {
                    self.errors.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                result => return Ok(result?),
            }
        }
    }

    fn name(&self, label: &str) -> CanonicalName {
        self.parent
            .child(label)
            .expect("a fresh label fits below a parent of ours")
    }
}

#[async_trait]
impl Contender for Replaced {
    async fn make_live(&self, label: &str) -> Result<()> {
        self.repeated(|| self.reserve(label)).await?;
        self.repeated(|| self.commit(label)).await
    }
}
