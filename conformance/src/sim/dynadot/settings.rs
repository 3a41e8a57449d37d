//! What a caller may set.

use std::time::Duration;

/// What is not known for sure of the vendor, or is not always so. The default is what a careful client has to reckon with.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Settings {
    /// Codes of success are texts too: `"0"`, `"200"`.
    pub codes_as_text: bool,
    /// Hosts of a delegation are shown in capitals with a final dot.
    pub decorated_hosts: bool,
    /// A list of one is shown as an object.
    pub single_as_object: bool,
    /// Setting a DS replaces those that were there; otherwise it is added.
    pub ds_replaces: bool,
    /// Endings of domains that take no DS, such as `.example`.
    pub without_dnssec: Vec<String>,
    /// Appending records wants one for the domain itself in the same request; otherwise one that is there is enough.
    pub append_wants_main: bool,
    /// Domains with mail set up at the vendor, which refuse DNS settings.
    pub mail_settings: Vec<String>,
    /// TTL of a zone for which none was given.
    pub default_ttl: u32,
    /// What a call from an address that is not on the allow-list is told.
    pub not_listed: String,
    /// How long a call takes. While it does, others with the same key are refused.
    pub takes: Duration,
    /// Calls per minute and key.
    pub per_minute: usize,
    /// Media type of API3's answers, which is not reliable.
    pub media_type: &'static str,
    /// REST reports its errors with status 200 too.
    pub rest_errors_on_200: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codes_as_text: false,
            decorated_hosts: false,
            single_as_object: false,
            ds_replaces: false,
            without_dnssec: Vec::new(),
            append_wants_main: false,
            mail_settings: Vec::new(),
            default_ttl: 300,
            not_listed: "invalid key".to_owned(),
            takes: Duration::ZERO,
            per_minute: 6000,
            media_type: "text/html;charset=utf-8",
            rest_errors_on_200: false,
        }
    }
}
