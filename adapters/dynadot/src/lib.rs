//! Dynadot as registrar and DNS host.
//!
//! Begin here: [`DESCRIPTOR`] says what the vendor needs and can do, [`Dynadot`] opens an account. What is peculiar to the vendor,
//! where its facts come from and how a customer makes credentials is in the crate's README.
//!
//! From the outside to the wire: `account` (what the credentials can do), `registrar` with `nameservers`, `ds` and `restore`,
//! `dns_host` with [`zone`] and `export`, `awaited` (changes that are shown late), `state` (a domain as it was read), `api` (one
//! function per call of the vendor), [`errors`] (what a refusal means), [`wire`] (the vendor's JSON).
//!
//! Two generations of the vendor's API are used: API3, whose only credential is the key, for the registry side and for zones as far as
//! it goes; and REST v2, which needs the secret too, for single records.

mod account;
mod api;
mod awaited;
mod credentials;
mod dns_host;
mod ds;
pub mod errors;
mod export;
mod nameservers;
mod registrar;
mod restore;
mod signature;
mod state;
pub mod wire;
pub mod zone;

use std::time::Duration;

use pdm_registrar::http::{Budgets, Http};
use pdm_registrar::{
    Account, Adapter, Budget, Capabilities, CredentialField, Credentials, Descriptor, Endpoint, Error, Hosts,
    Support,
};

use account::DynadotAccount;
use api::Api;
use credentials::{API_KEY, API_SECRET, Keys};

/// The adapter's id.
const ID: &str = "dynadot";

const PRODUCTION: &str = "api.dynadot.com";
const SANDBOX: &str = "api-sandbox.dynadot.com";

/// Fewest and most name servers: `set_ns` has the parameters `ns0` to `ns12`.
const NAMESERVERS: (usize, usize) = (2, 13);

/// How long a write with an unknown end may still land: Dynadot has been seen to apply writes to a zone out of order, and a client's
/// author found half an hour between two of them necessary.
const SETTLE: Duration = Duration::from_secs(30 * 60);

/// What Dynadot needs and can do.
pub static DESCRIPTOR: Descriptor = Descriptor {
    id: ID,
    display_name: "Dynadot",
    fields: &[
        CredentialField {
            name: API_KEY,
            label: "API production key",
            secret: true,
            help: "from Tools > API of the account, one word; a new key works after some ten minutes, and a sandbox key only at the sandbox",
            pattern: "[!-~]{1,255}",
        },
        CredentialField {
            name: API_SECRET,
            label: "API secret key",
            secret: true,
            help: "from the same page, one word; only for delegating and removing single names in zones on Dynadot DNS",
            pattern: "[!-~]{1,255}",
        },
    ],
    needs: &[&[API_KEY]],
    least_scope: "Dynadot has one key for an account, which may do everything in it, also spend money. Keep the domain in an account \
                  of its own, list our addresses under Tools > API, and make a new key when the work is done.",
    capabilities: Capabilities {
        read_nameservers: Support::Yes,
        change_nameservers: Support::Yes,
        read_ds: Support::Sometimes("for top-level domains whose DNSSEC Dynadot supports"),
        change_ds: Support::Sometimes(
            "for top-level domains whose DNSSEC Dynadot supports, while the domain is on name servers of yours; Dynadot removes all DS \
             together, so that a change which removes one leaves the domain without DS for a moment",
        ),
        restore_mode: Support::Sometimes(
            "Dynadot DNS with records that can be written (no forwarding, no e-mail records) and parking; other settings in the panel",
        ),
        delegate_subdomain: Support::Sometimes("while the domain is on Dynadot DNS, with the API secret"),
        delegate_signed: Support::No(
            "Dynadot's zones have no DS records: a name below them stays without DNSSEC; move the zone to a host that has them",
        ),
        txt: Support::Sometimes(
            "while the domain is on Dynadot DNS; without the API secret a value can be removed only from zones of plain records",
        ),
        export_zone: Support::Yes,
        read_write_rights: Support::Yes,
    },
    needs_allow_list: None,
    asynchronous: false,
    settle: SETTLE,
    // What an account of the price level "Regular" may: one at a time, 60 a minute, one a second.
    budget: Budget::new(60, 1, 1),
    hosts: Hosts {
        production: &[PRODUCTION],
        sandbox: &[SANDBOX],
    },
    nameservers: NAMESERVERS,
};

static BUDGETS: Budgets = Budgets::new();

/// The adapter.
pub struct Dynadot;

impl Adapter for Dynadot {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(&self, at: &Endpoint, with: &Credentials) -> Result<Box<dyn Account>, Error> {
        let keys = Keys::new(with)?;
        let http = Http::new(
            &DESCRIPTOR,
            &BUDGETS,
            at,
            (PRODUCTION, Some(SANDBOX)),
            &keys.key,
            with.redactor(),
        )?;
        Ok(Box::new(DynadotAccount {
            api: Api::new(http, keys),
        }))
    }
}
