//! A client of the [PowerDNS Authoritative HTTP API](https://doc.powerdns.com/authoritative/http-api/), for programs
//! that must know what happened.
//!
//! ```no_run
//! use powerdns_client::{CanonicalName, Client, Config, Ds, Effect, NewZone, RecordType, Rrset, RrsetChange};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Config::new("http://127.0.0.1:8081", std::env::var("PDNS_API_KEY")?.into()))?;
//!
//! // A signed zone, complete from its first moment.
//! let pool = CanonicalName::parse("example.net.")?;
//! let acme = pool.child("acme")?;
//! let mut zone = NewZone::new(acme.clone());
//! zone.rrsets = vec![
//!     Rrset::new(acme.clone(), RecordType::SOA, 300, ["ns1.example.org. hostmaster.example.org. 1 10800 3600 604800 60"]),
//!     Rrset::new(acme.clone(), RecordType::NS, 3600, ["ns1.example.org.", "ns2.example.org."]),
//! ];
//! match client.create_zone(&zone).await {
//!     Err(error) if error.effect() == Effect::Unknown => { /* read it back before anything else */ }
//!     result => result?,
//! }
//!
//! // Delegated and secured in its parent, in one step.
//! let keys = client.cryptokeys(&acme).await?;
//! let ds = keys.iter().find_map(|key| key.ds_of_type(Ds::SHA256)).ok_or("the zone has no key")?;
//! client.patch_rrsets(&pool, &[
//!     RrsetChange::Replace(Rrset::new(acme.clone(), RecordType::NS, 3600, ["ns1.example.org.", "ns2.example.org."])),
//!     RrsetChange::Replace(Rrset::new(acme, RecordType::DS, 300, [ds.to_string()])),
//! ]).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Three things are different from a thin wrapper:
//!
//! * **Honest outcomes.** Each failed write says whether it was applied, not applied, or whether nobody knows
//!   ([`Effect`]). Nothing is retried, so one call is at most one request.
//! * **Refusals.** PowerDNS accepts changes that end a zone; this client does not send them ([`rules`]).
//! * **Constant memory.** Zones of any size and listings of any length are read element by element
//!   ([`Client::for_each_rrset`], [`Client::for_each_zone`]).
//!
//! Tested with PowerDNS 4.7; the documentation describes the same calls up to 5.1.

mod client;
mod cryptokeys;
mod ds;
mod error;
mod metadata;
mod name;
mod rrsets;
pub mod rules;
mod search;
mod servers;
mod stream;
mod tsigkeys;
mod zones;

pub use client::{Client, Config};
pub use cryptokeys::{CryptoKey, KeyState, KeyType, NewCryptoKey};
pub use ds::{Ds, DsError};
pub use error::{Effect, Error, ErrorKind};
pub use metadata::{MetadataKind, MetadataKindError};
pub use name::{CanonicalName, NameError};
pub use rrsets::{Record, RecordType, RecordTypeError, Rrset, RrsetChange};
pub use search::FoundRecord;
/// The type of [`Config::api_key`] and [`TsigKey::key`].
pub use secrecy::SecretString;
pub use servers::Server;
pub use tsigkeys::{TsigKey, TsigKeySummary};
pub use zones::{NewZone, Zone, ZoneChange, ZoneFilter, ZoneKind, ZoneProperties, ZoneSummary};
