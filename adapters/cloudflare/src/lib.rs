//! Cloudflare: zones and their records by API v4, and what it shows of a registration.
//!
//! Cloudflare is a [`DnsHost`](pdm_registrar::DnsHost) in full: a name is delegated with NS and DS in one transaction. Of the
//! registry side it shows little and lets change nothing: a domain registered at Cloudflare stays on Cloudflare's name servers.
//! Facts, limits and their sources are in this folder's `README.md`.
//!
//! Where to look: [`Cloudflare`] and the descriptor are here; `api` has the vendor's calls; `errors` what its codes mean; `dns_host`
//! and `registrar` are the contract.

mod account;
mod api;
mod credentials;
mod dns_host;
mod errors;
mod export;
mod goal;
mod registrar;
mod standing;
mod txt;
mod wire;

use std::time::Duration;

use pdm_registrar::http::Budgets;
use pdm_registrar::{
    Account, Adapter, Budget, Capabilities, CredentialField, Credentials, Descriptor, Endpoint, Error, Hosts,
    Support,
};

use account::Opened;
use api::Api;

/// The adapter for Cloudflare.
pub struct Cloudflare;

/// What Cloudflare needs and can do.
pub static DESCRIPTOR: Descriptor = Descriptor {
    id: "cloudflare",
    display_name: "Cloudflare",
    fields: &[CredentialField {
        name: credentials::API_TOKEN,
        label: "API token",
        secret: true,
        help: "an API token from My Profile > API Tokens (or Manage Account > Account API Tokens), one word without spaces; not the \
               Global API Key",
        // RFC 6750 section 2.1: what can stand behind `Bearer`.
        pattern: r"[A-Za-z0-9._~+\/\-]+=*",
    }],
    needs: &[&[credentials::API_TOKEN]],
    least_scope: "A token with Zone / Zone / Read and Zone / DNS / Edit, whose zone resources are Include, Specific zone, your domain. \
                  Nothing else, and never the Global API Key.",
    capabilities: Capabilities {
        read_nameservers: Support::Sometimes(
            "Only while the zone is active: then Cloudflare has seen that the registry names the servers it assigned. It does not \
             show what the registry has otherwise; ask the servers of the top-level domain.",
        ),
        change_nameservers: Support::No(registrar::NAMESERVERS_ARE_FIXED),
        read_ds: Support::Sometimes(
            "Only of a zone that Cloudflare signs and whose DS it has seen at the registry (DNSSEC status `active`).",
        ),
        change_ds: Support::No(registrar::DS_ARE_FIXED),
        restore_mode: Support::No(
            "A domain never leaves Cloudflare's name servers through this API, so there is nothing to put back.",
        ),
        delegate_subdomain: Support::Yes,
        delegate_signed: Support::Yes,
        txt: Support::Yes,
        export_zone: Support::Yes,
        read_write_rights: Support::Sometimes(
            "Cloudflare shows no rights of a token. A change of a record that does not exist is sent, and what it is refused for \
             tells; an answer that fits neither leaves it open.",
        ),
    },
    needs_allow_list: None,
    asynchronous: false,
    settle: Duration::from_secs(120),
    // Cloudflare counts 1200 in 5 minutes for all tokens of a user and his use of the dashboard together.
    budget: Budget::new(90, 20, 4),
    hosts: Hosts {
        production: &[PRODUCTION],
        sandbox: &[],
    },
    // Ten is the most that may stand at one name.
    nameservers: (2, 10),
};

const PRODUCTION: &str = "api.cloudflare.com";

static BUDGETS: Budgets = Budgets::new();

impl Adapter for Cloudflare {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(&self, at: &Endpoint, with: &Credentials) -> Result<Box<dyn Account>, Error> {
        let token = credentials::token(with)?;
        let http = pdm_registrar::http::Http::new(
            &DESCRIPTOR,
            &BUDGETS,
            at,
            (PRODUCTION, None),
            &token,
            with.redactor(),
        )?;
        Ok(Box::new(Opened {
            api: Api::new(http, token),
        }))
    }
}
