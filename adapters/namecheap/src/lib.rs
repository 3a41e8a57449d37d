//! Namecheap as registrar and DNS host.
//!
//! Begin here: [`DESCRIPTOR`] says what the vendor needs and can do, [`Namecheap`] opens an account. What is peculiar to the vendor,
//! where its facts come from and how a customer makes credentials is in the crate's README.
//!
//! From the outside to the wire: `account` (what the credentials can do), `registrar` with `nameservers` and `restore`, `dns_host` with
//! [`zone`] and `export`, `awaited` (changes that are shown late), `state` (a domain as it was read), `api` (one function per call of
//! the vendor), [`errors`] (what a refusal means), [`wire`] (the vendor's documents) over [`xml`].
//!
//! There is no DS in this API, neither at the registry nor in a zone. And a zone can be written only as a whole.

mod account;
mod api;
mod awaited;
mod credentials;
mod dns_host;
pub mod errors;
mod export;
mod nameservers;
mod registrar;
mod restore;
mod state;
pub mod wire;
pub mod xml;
pub mod zone;

use std::time::Duration;

use pdm_registrar::http::{Budgets, Http};
use pdm_registrar::{
    Account, Adapter, Budget, Capabilities, CredentialField, Credentials, Descriptor, Endpoint, Error, Hosts,
    Support,
};

use account::NamecheapAccount;
use api::Api;
use credentials::{API_KEY, API_USER, CLIENT_IP, Keys, USER_NAME};

/// The adapter's id.
const ID: &str = "namecheap";

const PRODUCTION: &str = "api.namecheap.com";
const SANDBOX: &str = "api.sandbox.namecheap.com";

/// Fewest and most name servers that the vendor takes.
const NAMESERVERS: (usize, usize) = (2, 12);

/// How long a write with an unknown end may still land. After a return to the vendor's own name servers its state lags that long.
const SETTLE: Duration = Duration::from_secs(30 * 60);

/// Why there is no DS at the registry, and what to do.
pub(crate) const NO_DS_AT_REGISTRY: &str = "Namecheap's API neither shows nor changes DS. Enter them in the panel: Domain List > Manage > \
                                            Advanced DNS > DNSSEC, while the domain is on custom DNS; then look at the servers of the \
                                            top-level domain";

const NO_DS_IN_ZONE: &str = "Namecheap's zones have no DS records: a name below them stays without DNSSEC; move the zone to a host that \
                             has them";

/// What Namecheap needs and can do.
pub static DESCRIPTOR: Descriptor = Descriptor {
    id: ID,
    display_name: "Namecheap",
    fields: &[
        CredentialField {
            name: API_USER,
            label: "API user",
            secret: false,
            help: "the user name of the account that the API key belongs to; at most 20 characters without spaces",
            pattern: "[!-~]{1,20}",
        },
        CredentialField {
            name: API_KEY,
            label: "API key",
            secret: true,
            help: "from Profile > Tools > Namecheap API Access, one word of at most 50 characters; the sandbox has keys of its own",
            pattern: "[!-~]{1,50}",
        },
        CredentialField {
            name: USER_NAME,
            label: "User name",
            secret: false,
            help: "the account that is acted on, usually the same as the API user; at most 20 characters without spaces",
            pattern: "[!-~]{1,20}",
        },
        CredentialField {
            name: CLIENT_IP,
            label: "Listed IPv4 address",
            secret: false,
            help: "the IPv4 address from which we call, as you entered it under Whitelisted IPs",
            pattern: "(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])",
        },
    ],
    needs: &[&[API_USER, API_KEY, USER_NAME, CLIENT_IP]],
    least_scope: "Namecheap has one key for an account, which may do everything in it, also buy domains. Keep the domain in an account of \
                  its own, list our address only, and reset the key when the work is done.",
    capabilities: Capabilities {
        read_nameservers: Support::Yes,
        change_nameservers: Support::Yes,
        read_ds: Support::No(NO_DS_AT_REGISTRY),
        change_ds: Support::No(NO_DS_AT_REGISTRY),
        restore_mode: Support::Sometimes(
            "Namecheap BasicDNS; PremiumDNS and FreeDNS only in the panel. The zone's records are written again if they are gone and \
             the API can write all of them",
        ),
        delegate_subdomain: Support::Sometimes(
            "while the domain is on Namecheap's own DNS and its zone holds nothing that writing it anew would change",
        ),
        delegate_signed: Support::No(NO_DS_IN_ZONE),
        txt: Support::Sometimes(
            "while the domain is on Namecheap's own DNS and its zone holds nothing that writing it anew would change",
        ),
        export_zone: Support::Yes,
        read_write_rights: Support::Yes,
    },
    needs_allow_list: Some(
        "In the panel under Profile > Tools > Namecheap API Access > Whitelisted IPs, add the IPv4 address from which we call. IPv6 and \
         ranges are not taken.",
    ),
    asynchronous: false,
    settle: SETTLE,
    // Namecheap counts 20 a minute, 700 an hour and 8000 a day.
    budget: Budget::new(11, 8, 1),
    hosts: Hosts {
        production: &[PRODUCTION],
        sandbox: &[SANDBOX],
    },
    nameservers: NAMESERVERS,
};

static BUDGETS: Budgets = Budgets::new();

/// The adapter.
pub struct Namecheap;

impl Adapter for Namecheap {
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
            &keys.api_key,
            keys.redactor(),
        )?
        .over_ipv4()?;
        Ok(Box::new(NamecheapAccount {
            api: Api::new(http, keys),
        }))
    }
}
