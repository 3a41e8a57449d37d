//! The contract between the control plane and the registrars it talks to.
//!
//! A registrar adapter depends on this crate and on nothing else of the control plane, so that it compiles
//! quickly, can be written elsewhere, and follows one small version. Here belongs what both sides must read
//! in the same way:
//!
//! * [`DomainName`], a domain or host name, and [`OwnerName`], the wider form that owners of records have;
//! * [`NameserverSet`], the hosts a domain is delegated to;
//! * [`DsRecord`], the digest of a key that the parent of a signed zone publishes.
//!
//! These types hold only valid values in one canonical form: equal values are equal byte for byte, in memory,
//! in JSON and in a database. Whatever arrives from a person, a vendor or a file becomes one of them at the
//! border or is refused there.
//!
//! Here does not belong: pools and claims, storage, when to try again, and anything with a vendor's name.

mod ds;
mod name;
mod nameservers;

pub use ds::{DigestType, DsError, DsRecord};
pub use name::{DomainName, NameError, OwnerName};
pub use nameservers::{NameserverSet, NameserverSetError};
