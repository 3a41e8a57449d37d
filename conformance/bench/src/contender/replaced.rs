//! The replaced system, played by the calls it makes.
//!
//! | verb | calls of PowerDNS |
//! |---|---|
//! | reserve | POST zone, PATCH parent, PUT zone, GET and POST its cryptokeys, PUT its rectify |
//! | commit | PATCH zone |
//!
//! (Its release, DELETE zone and PATCH parent, is not measured: the control plane's waits until caches have run out.)
//! It has no bound on calls at a time, repeats nothing, writes NS and no DS to the parent, and the parent is rectified at
//! each change.

use anyhow::Result;
use async_trait::async_trait;
use powerdns_client::{CanonicalName, Client, KeyType, NewCryptoKey, NewZone, RrsetChange, ZoneChange};

use super::Contender;
use crate::zones;

/// The replaced system at work on one parent.
#[derive(Debug)]
pub struct Replaced {
    client: Client,
    parent: CanonicalName,
}

impl Replaced {
    /// On a parent made with [`zones::Upkeep::Rectified`].
    pub fn new(client: Client, parent: CanonicalName) -> Self {
        Self { client, parent }
    }

    /// Makes the zone, delegates it and signs it.
    pub async fn reserve(&self, label: &str) -> Result<()> {
        let name = self.parent.child(label)?;
        let mut zone = NewZone::new(name.clone());
        // Signing comes as a step of its own.
        zone.dnssec = false;
        zone.rrsets = zones::apex_sets(&name)?;
        self.client.create_zone(&zone).await?;
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
        Ok(self.client.rectify(&name).await?)
    }

    /// Writes the hosts.
    pub async fn commit(&self, label: &str) -> Result<()> {
        let name = self.parent.child(label)?;
        let changes: Vec<RrsetChange> = zones::host_sets(&name)?
            .into_iter()
            .map(RrsetChange::Replace)
            .collect();
        Ok(self.client.patch_rrsets(&name, &changes).await?)
    }
}

#[async_trait]
impl Contender for Replaced {
    async fn make_live(&self, label: &str) -> Result<()> {
        self.reserve(label).await?;
        self.commit(label).await
    }
}
