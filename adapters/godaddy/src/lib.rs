//! GoDaddy: name servers and DS of domains, and NS and TXT in zones it hosts.
//!
//! Three generations of its API are used side by side, each for what only it can do: v1 with a key (name servers, records), v2 with a
//! customer number (DS), v3 with an access token (name servers, records by id). Facts, limits and their sources are in this folder's
//! `README.md`.
//!
//! Where to look: [`Godaddy`] and the descriptor are here; `api` has the vendor's calls; `errors` what its codes mean; `registrar`,
//! `ds`, `restore` and `dns_host` are the contract.

mod account;
mod api;
mod credentials;
mod dns_host;
mod ds;
mod errors;
mod export;
mod records;
mod registrar;
mod restore;
mod state;
mod task;
mod wire;

use std::time::Duration;

use pdm_registrar::http::{Budgets, Http};
use pdm_registrar::{
    Account, Adapter, Budget, Capabilities, CredentialField, Credentials, Descriptor, Endpoint, Error, Hosts,
    Support,
};

use account::Opened;
use api::Api;
use credentials::{ACCESS_TOKEN, API_KEY, API_SECRET, CUSTOMER_ID, Login};

/// The adapter for GoDaddy.
pub struct Godaddy;

/// What GoDaddy needs and can do.
pub static DESCRIPTOR: Descriptor = Descriptor {
    id: "godaddy",
    display_name: "GoDaddy",
    fields: &[
        CredentialField {
            name: API_KEY,
            label: "API key",
            secret: true,
            help: "the key from developer.godaddy.com > API Keys, for the environment Production; one word",
            pattern: WORD,
        },
        CredentialField {
            name: API_SECRET,
            label: "API secret",
            secret: true,
            help: "the secret that was shown once with the key; one word",
            pattern: WORD,
        },
        CredentialField {
            name: ACCESS_TOKEN,
            label: "Personal Access Token",
            secret: true,
            help: "a token from developer.godaddy.com > Personal Access Tokens; it begins with gd_pat_",
            pattern: WORD,
        },
        CredentialField {
            name: CUSTOMER_ID,
            label: "Customer number",
            secret: false,
            help: "for DS only: the customer number that the account settings show, or the customer id (a UUID)",
            pattern: r"[0-9A-Za-z\-]{1,64}",
        },
    ],
    needs: &[&[API_KEY, API_SECRET], &[ACCESS_TOKEN]],
    least_scope: "A Personal Access Token with domains.domain:read, and domains.nameserver:update for name servers or domains.dns:update \
                  for records. Never domains.domain:create, :update or :delete, nor domains.transfer. A key with its secret cannot be \
                  limited: it may do everything in the account.",
    capabilities: Capabilities {
        read_nameservers: Support::Yes,
        change_nameservers: Support::Sometimes(
            "Not of a domain with Domain Protection or of high value: GoDaddy asks for a second factor then, which its API does not \
             take. Change it in the web interface.",
        ),
        read_ds: Support::Sometimes(DS_NEEDS_CUSTOMER),
        change_ds: Support::Sometimes(DS_NEEDS_CUSTOMER),
        restore_mode: Support::Sometimes(
            "GoDaddy may drop the zone of a domain that leaves its name servers. Its records are written anew then; CAA may be \
             refused, which is told.",
        ),
        delegate_subdomain: Support::Sometimes(
            "Only below a zone that GoDaddy hosts, without Domain Protection. GoDaddy lets NS be removed again with an access token \
             only; with a key, the web interface is needed for that.",
        ),
        delegate_signed: Support::No(NO_DS_RECORDS),
        txt: Support::Sometimes("Only in a zone that GoDaddy hosts, without Domain Protection."),
        export_zone: Support::Sometimes("Only a zone that GoDaddy hosts."),
        read_write_rights: Support::Sometimes(
            "A key may do everything in its account. A token's scopes cannot be read; a removal of a record that does not exist tells \
             whether it may change records, nothing tells whether it may change name servers.",
        ),
    },
    needs_allow_list: None,
    asynchronous: true,
    settle: Duration::from_secs(900),
    // 60 a minute for each kind of call; some calls are several kinds, and other programs of the customer count too.
    budget: Budget::new(60, 10, 2),
    hosts: Hosts {
        production: &[PRODUCTION],
        sandbox: &[SANDBOX],
    },
    nameservers: (2, 13),
};

/// Why a delegation gets no DS.
const NO_DS_RECORDS: &str = "GoDaddy has no DS record type in the zones it hosts: a delegated name stays unsigned. Delegate it without DS, \
    or move the whole domain to other name servers.";

/// Why DS of a domain need one more thing.
const DS_NEEDS_CUSTOMER: &str =
    "GoDaddy takes and shows DS only together with the customer number: enter it as well.";

/// What can stand in the header that carries credentials.
const WORD: &str = "[!-9;-~]+";

const PRODUCTION: &str = "api.godaddy.com";
const SANDBOX: &str = "api.ote-godaddy.com";

static BUDGETS: Budgets = Budgets::new();

impl Adapter for Godaddy {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(&self, at: &Endpoint, with: &Credentials) -> Result<Box<dyn Account>, Error> {
        let login = Login::new(with)?;
        let hosts = (PRODUCTION, Some(SANDBOX));
        let http = Http::new(&DESCRIPTOR, &BUDGETS, at, hosts, login.account(), with.redactor())?;
        Ok(Box::new(Opened {
            api: Api::new(http, login),
        }))
    }
}
