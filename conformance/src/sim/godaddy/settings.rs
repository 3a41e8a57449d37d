//! What a caller may set.

use std::collections::{BTreeMap, BTreeSet};

/// What is not known for sure of the vendor, or is not always so. The default is what a careful client has to reckon with.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Settings {
    /// An account below the tier is refused the details of domains.
    pub tier_refuses_details: bool,
    /// An account below the tier is refused the records of zones.
    pub tier_refuses_records: bool,
    /// Status for the details of a domain that is not in the account: 404, 403 or 401.
    pub foreign_status: u16,
    /// Details come with status 203.
    pub partial: bool,
    /// Words for the status of domains that differ from what follows from their state.
    pub statuses: BTreeMap<String, String>,
    /// A change of name servers by version 1 is answered 204 instead of 200.
    pub no_content: bool,
    /// Records stay when a domain leaves the vendor's name servers, and are there again when it returns.
    pub zones_survive: bool,
    /// A page of records past the end is empty instead of an error.
    pub empty_past_the_end: bool,
    /// Zones that are busy with another change.
    pub busy_zones: BTreeSet<String>,
    /// Version 1 takes records of type CAA.
    pub caa_by_v1: bool,
    /// Version 3 creates and deletes NS of names below the domain.
    pub ns_by_v3: bool,
    /// A token that may change name servers may change DS too.
    pub tokens_change_ds: bool,
    /// Looks at a domain or a task after which an accepted task is done.
    pub task_reads: u32,
    /// How the errors of version 3 look.
    pub v3_errors: ErrorForm,
    /// How "too many calls" looks.
    pub too_many: TooMany,
    /// Calls per minute, account and endpoint.
    pub per_minute: usize,
}

/// How the errors of version 3 look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorForm {
    /// As its specification has it: `name`, `message`, `details`.
    Specified,
    /// As it was announced: `code`, `message`, `fields`.
    Announced,
}

/// How "too many calls" looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TooMany {
    /// The time to wait is in the header and in the body.
    Both,
    /// Only in the header.
    Header,
    /// Only in the body.
    Body,
    /// A quota is used up, and no time is told.
    Quota,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tier_refuses_details: true,
            tier_refuses_records: true,
            foreign_status: 404,
            partial: false,
            statuses: BTreeMap::new(),
            no_content: false,
            zones_survive: false,
            empty_past_the_end: false,
            busy_zones: BTreeSet::new(),
            caa_by_v1: false,
            ns_by_v3: false,
            tokens_change_ds: false,
            task_reads: 2,
            v3_errors: ErrorForm::Specified,
            too_many: TooMany::Both,
            per_minute: 6000,
        }
    }
}
