//! OVHcloud as registrar and DNS host.
//!
//! Begin here: [`DESCRIPTOR`] says what the vendor needs and can do, [`Ovh`] opens an account. What is peculiar to the vendor, where
//! its facts come from and how a customer makes credentials is in the crate's README.
//!
//! From the outside to the wire: `account` (what the credentials can do), `registrar` with `nameservers`, `ds` and `restore`,
//! `dns_host` with `records` and `export`, `tasks` (changes that take their time), [`rules`] (rights), `api` (one function per call
//! of the vendor), `client` (signs and sends), [`errors`] (what a refusal means), [`wire`] (the vendor's JSON).

mod account;
mod api;
mod client;
mod clock;
mod credentials;
mod dns_host;
mod ds;
pub mod errors;
mod export;
mod nameservers;
mod records;
mod registrar;
mod restore;
pub mod rules;
mod signature;
mod state;
mod tasks;
pub mod wire;
pub mod zone_file;

use std::time::Duration;

use pdm_registrar::http::Budgets;
use pdm_registrar::{
    Adapter, Budget, Capabilities, CredentialField, Credentials, Descriptor, Endpoint, Error, Hosts, Support,
};

use crate::account::OvhAccount;
use crate::client::Client;
use crate::credentials::{Keys, Region};

/// The adapter's id.
const ID: &str = "ovh";

/// Fewest and most name servers of a domain, as OVH's own Terraform provider has them; single registries may take fewer.
const NAMESERVERS: (usize, usize) = (2, 8);

/// What OVHcloud needs and can do.
pub static DESCRIPTOR: Descriptor = Descriptor {
    id: ID,
    display_name: "OVHcloud",
    fields: &[
        CredentialField {
            name: "region",
            label: "Region",
            secret: false,
            help: "where the account is: `eu` (also Africa and Asia), `ca` or `us`; keys of one region are unknown in the others",
            pattern: "eu|ca|us",
        },
        CredentialField {
            name: "application_key",
            label: "Application key",
            secret: true,
            help: "the first of the three values that the page /createToken/ of the region's API shows; 8 to 128 characters without spaces",
            pattern: "[!-~]{8,128}",
        },
        CredentialField {
            name: "application_secret",
            label: "Application secret",
            secret: true,
            help: "the second of the three values; 8 to 128 characters without spaces",
            pattern: "[!-~]{8,128}",
        },
        CredentialField {
            name: "consumer_key",
            label: "Consumer key",
            secret: true,
            help: "the third of the three values; made with an unlimited validity, or it ends in the middle of the work",
            pattern: "[!-~]{8,128}",
        },
    ],
    needs: &[&["region", "application_key", "application_secret", "consumer_key"]],
    least_scope: rules::LEAST_SCOPE,
    capabilities: Capabilities {
        read_nameservers: Support::Yes,
        change_nameservers: Support::Yes,
        read_ds: Support::Sometimes(
            "while OVHcloud itself signs the domain, its API may not list the keys it gave the registry",
        ),
        change_ds: Support::Sometimes(
            "OVHcloud takes keys and makes SHA-256 digests of them; not for a domain it signs itself, and not at every registry",
        ),
        restore_mode: Support::Sometimes("while the domain still has its zone at OVHcloud"),
        delegate_subdomain: Support::Yes,
        delegate_signed: Support::No(
            "OVHcloud's zones have no DS records: a name below them stays without DNSSEC; move the zone to a host that has them",
        ),
        txt: Support::Yes,
        export_zone: Support::Yes,
        read_write_rights: Support::Yes,
    },
    needs_allow_list: None,
    asynchronous: true,
    settle: Duration::from_secs(15 * 60),
    budget: Budget::new(50, 30, 4),
    hosts: Hosts {
        production: &[Region::EU.host(), Region::CA.host(), Region::US.host()],
        sandbox: &[],
    },
    nameservers: NAMESERVERS,
};

static BUDGETS: Budgets = Budgets::new();

/// The adapter.
pub struct Ovh;

impl Adapter for Ovh {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(&self, at: &Endpoint, with: &Credentials) -> Result<Box<dyn pdm_registrar::Account>, Error> {
        let keys = Keys::new(with)?;
        let http = pdm_registrar::http::Http::new(
            &DESCRIPTOR,
            &BUDGETS,
            at,
            (keys.region.host(), None),
            &keys.consumer_key,
            with.redactor(),
        )?;
        Ok(Box::new(OvhAccount::new(Client::new(http, keys))))
    }
}
