//! What a caller may set.

use std::collections::BTreeSet;
use std::time::Duration;

/// What is not known for sure of the vendor, or is not always so. The default is what a careful client has to reckon with.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Settings {
    /// A call without `ClientIp` is refused, as the documents say.
    pub client_ip_required: bool,
    /// What becomes of mail when records are set without an `EmailType`.
    pub missing_email_type: MissingEmailType,
    /// A name below a domain, given in place of the domain, silently means the domain.
    pub names_below_mean_the_domain: bool,
    /// Setting other name servers clears the DS of the domain.
    pub custom_clears_ds: bool,
    /// Records come back when a domain returns to the vendor's name servers. Otherwise it gets those of a new domain.
    pub records_survive: bool,
    /// Reads after the return to the vendor's name servers that still find the zone not ready.
    pub not_ready_reads: u32,
    /// Hosts, by domain and name, whose address is kept up to date by dynamic DNS. Every writing of records ends that.
    pub dynamic_dns: BTreeSet<(String, String)>,
    /// Commands that are answered "OK" with the result "false", and are not done.
    pub unsuccessful: BTreeSet<String>,
    /// Truth values of attributes are written `True` and `False`.
    pub capital_truth: bool,
    /// How long a call takes.
    pub takes: Duration,
    /// Calls per minute, hour and day and account.
    pub windows: [(u64, usize); 3],
}

/// What becomes of mail when records are set without an `EmailType`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MissingEmailType {
    /// It is set to none, and records of type MX are dropped.
    Resets,
    /// It stays.
    Keeps,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_ip_required: true,
            missing_email_type: MissingEmailType::Resets,
            names_below_mean_the_domain: false,
            custom_clears_ds: false,
            records_survive: false,
            not_ready_reads: 1,
            dynamic_dns: BTreeSet::new(),
            unsuccessful: BTreeSet::new(),
            capital_truth: false,
            takes: Duration::ZERO,
            windows: [(60, 6_000), (3_600, 100_000), (86_400, 1_000_000)],
        }
    }
}
