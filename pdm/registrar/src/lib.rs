//! The contract between the control plane and the registrars it talks to.
//!
//! A registrar adapter depends on this crate and on nothing else of the control plane, so that it compiles
//! quickly, can be written elsewhere, and follows one small version.
//!
//! # The contract in one page
//!
//! An [`Adapter`] describes its vendor ([`Descriptor`]) and opens an [`Account`] at an [`Endpoint`] with [`Credentials`]. An account
//! offers up to two things, each a trait:
//!
//! * [`Registrar`]: the registry side of a domain. Name servers and DS are read and made *exactly* what is wanted; a [`Snapshot`] puts
//!   a domain back.
//! * [`DnsHost`]: a zone hosted at the vendor. A name below it is delegated, a TXT put and removed, the zone exported.
//!
//! And [`Account::probe`] looks, without writing, at what the credentials can do for a domain.
//!
//! What every implementation keeps to, and the conformance suite checks:
//!
//! 1. Writes are absolute and idempotent; the second answer is [`Change::Unchanged`], and nothing was sent for it.
//! 2. A write reads first, refuses harm before it sends anything, and reads back. What is read back decides, not what the vendor said.
//! 3. Records and settings that are not meant stay as they are. Where the vendor's API would destroy some, the write is refused.
//! 4. An [`Error`] has one of few kinds, says when to try again, and for a write whether it was done, was not, or may have been.
//! 5. No secret is in an error, a log line, a snapshot or a task.
//! 6. What a vendor cannot do is said in the descriptor and refused as [`ErrorKind::Unsupported`] before anything is sent.
//!
//! With the feature `http` there is [`http::Http`], the one way to send requests that keeps the limits of the control plane: HTTPS,
//! no redirects, deadlines, a size cap, and one budget per account.
//!
//! # Words
//!
//! [`DomainName`] and [`OwnerName`], [`NameserverSet`], [`DsRecord`] and [`Dnskey`] hold only valid values in one canonical form: equal
//! values are equal byte for byte, in memory, in JSON and in a database. Whatever arrives from a person, a vendor or a file becomes
//! one of them at the border or is refused there.
//!
//! Here does not belong: pools and claims, storage, when to try again, and anything with a vendor's name.

mod adapter;
mod credentials;
mod descriptor;
mod dns_host;
mod dnskey;
mod ds;
mod endpoint;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod name;
mod nameservers;
mod read_only;
mod registrar;
mod secret;

use std::time::Duration;

pub use adapter::{Ability, Account, Adapter, Probe};
pub use credentials::Credentials;
pub use descriptor::{Budget, Capabilities, CredentialField, Descriptor, Hosts, Support};
pub use dns_host::{DnsHost, HostedDelegation, ZoneExport, ZoneRecord};
pub use dnskey::{Dnskey, DnskeyError};
pub use ds::{DigestType, DsError, DsRecord};
pub use endpoint::{Custom, Endpoint};
pub use error::{Applied, Error, ErrorKind, Retry};
pub use name::{DomainName, NameError, OwnerName};
pub use nameservers::{NameserverSet, NameserverSetError};
pub use read_only::ReadOnly;
pub use registrar::{Change, Mode, Registrar, Registration, Snapshot, TaskId, TaskState, WantedDs};
pub use secret::{Redactor, Secret};

/// For a whole call at a vendor, from the connection to the last byte of the answer.
pub const CALL_DEADLINE: Duration = Duration::from_secs(20);
