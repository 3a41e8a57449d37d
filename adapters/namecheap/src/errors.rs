//! What a refusal means.
//!
//! Refusals come with HTTP 200 and have numbers. The first digit tells who refused: 1 the gateway and 2 the checks before the work, 3 to
//! 5 the work itself, of which then nobody knows whether it was done. Too many calls are HTTP 405, which is no XML.

use std::time::Duration;

use pdm_registrar::ErrorKind::{
    self, AllowList, Conflict, CredentialsRejected, DomainExpired, DomainNotInAccount, InvalidRequest,
    RateLimited, ScopeMissing, Unavailable, Unexpected, Unsupported,
};
use pdm_registrar::http::{Effect, Http};
use pdm_registrar::{Applied, Error};

use crate::xml::Element;

/// What a caller may do about a refusal, beside what its kind says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// The domain is not on the vendor's name servers, or was not a moment ago.
    NotOurDns,
    /// The call is not allowed for this domain; another one may be.
    NoAccess,
    /// Nothing special.
    Plain,
}

/// A refusal by the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its kind.
    pub kind: ErrorKind,
    /// What to do about it.
    pub meaning: Meaning,
    /// What it means, for people.
    pub ours: &'static str,
    /// The vendor's number and text.
    pub theirs: String,
    /// Whether a write that was refused so is known not to be done.
    pub certain: bool,
    /// Seconds to wait, where the vendor wants a time of its own.
    pub wait: Option<u64>,
}

/// A row applies when the number is among `numbers` and the text holds `says`, whatever its case.
struct Row {
    numbers: &'static [u32],
    says: &'static str,
    kind: ErrorKind,
    meaning: Meaning,
    ours: &'static str,
    wait: Option<u64>,
}

const fn row(numbers: &'static [u32], says: &'static str, kind: ErrorKind, ours: &'static str) -> Row {
    Row {
        numbers,
        says,
        kind,
        meaning: Meaning::Plain,
        ours,
        wait: None,
    }
}

const FAILED: &str = "Namecheap failed at it";

/// The first row that applies counts.
#[rustfmt::skip]
static NUMBERS: &[Row] = &[
    row(&[1_010_101, 1_010_102, 1_010_104, 1_010_105, 1_011_105], "", InvalidRequest, "Namecheap misses a parameter of the call"),
    row(&[1_011_102], "", CredentialsRejected, "the API key is wrong or of the other environment, or API access is off: the account must have 20 domains, or 50 dollars as its balance or spent in two years, to switch it on under Profile > Tools"),
    row(&[1_011_150], "", AllowList, "Namecheap takes no calls from this address: add the IPv4 address it names under Profile > Tools > Namecheap API Access > Whitelisted IPs"),
    row(&[1_017_150, 1_017_105], "", AllowList, "Namecheap has disabled or locked our address"),
    row(&[1_017_101, 1_017_103], "", CredentialsRejected, "the API user or user name is disabled or locked"),
    Row { wait: Some(600), ..row(&[1_017_411], "", RateLimited, "too many attempts to sign in") },
    row(&[1_019_103, 1_016_103], "", ScopeMissing, "the API user may not act for this user name"),
    row(&[1_030_408], "", InvalidRequest, "Namecheap does not take this kind of authentication"),
    row(&[1_050_900], "", Unavailable, "Namecheap could not check the credentials"),
    row(&[2_019_166, 2_016_166, 3_016_166], "", DomainNotInAccount, "the domain is not in this account"),
    Row { meaning: Meaning::NoAccess, ..row(&[2_030_166], "edit permission", ScopeMissing, "this account may not change the domain") },
    row(&[2_030_166], "", DomainNotInAccount, "Namecheap does not know the domain"),
    Row { meaning: Meaning::NotOurDns, ..row(&[2_030_288], "", Unsupported, "the domain is not on Namecheap's own name servers, or only since a moment ago: its records are not here") },
    row(&[2_050_900], "", InvalidRequest, "Namecheap does not take a record"),
    row(&[3_019_510, 2_020_166], "expired", DomainExpired, "the domain's registration has ended: renew it"),
    row(&[3_019_510, 2_020_166], "", DomainNotInAccount, "the domain has expired, was transferred away, or is not in this account"),
    row(&[2_011_168, 3_011_288], "", InvalidRequest, "Namecheap does not take the name servers"),
    row(&[3_013_288, 4_013_288], "", InvalidRequest, "the zone would have too many records"),
    row(&[3_031_510], "", Unexpected, "the registrar behind Namecheap refused"),
    row(&[3_050_900, 5_050_900, 5_019_169, 5_050_169], "", Unavailable, FAILED),
    Row { meaning: Meaning::NoAccess, ..row(&[4_011_103], "", ScopeMissing, "this account may not do this with the domain") },
    row(&[4_022_288, 4_023_330], "", Unavailable, FAILED),
];

/// Numbers of 3 to 5 million with which the work is known not to have begun.
const BEFORE_THE_WORK: [u32; 6] = [3_016_166, 3_019_510, 3_011_288, 3_013_288, 4_013_288, 4_011_103];

/// Seconds after which an account that called too often is listened to again, at the earliest.
const TOO_MANY: u64 = 60;

/// Takes the `CommandResponse` out of an answer, or says what it refuses.
pub fn read(status: u16, body: &[u8]) -> Result<Element, Refused> {
    if status == 405 || status == 429 {
        return Err(Refused {
            wait: Some(TOO_MANY),
            ..from(
                RateLimited,
                "too many calls with this key: 20 a minute, 700 an hour and 8000 a day are allowed",
                true,
            )
        });
    }
    let root = Element::parse(body).filter(|root| root.name == "ApiResponse");
    let Some(root) = root else {
        return Err(from(
            Unavailable,
            "Namecheap answered with something that is not its XML",
            false,
        ));
    };
    let said = root.attribute("Status").unwrap_or_default();
    let errors: Vec<_> = root
        .child("Errors")
        .map(|errors| errors.all("Error").collect())
        .unwrap_or_default();
    let ok = said.eq_ignore_ascii_case("ok") && errors.is_empty() && (200..300).contains(&status);
    match root.child("CommandResponse") {
        Some(response) if ok => Ok(response.clone()),
        None if ok => Err(from(Unexpected, "Namecheap says OK and answers nothing", false)),
        _ => Err(refusal(&errors, status)),
    }
}

fn refusal(errors: &[&Element], status: u16) -> Refused {
    let said: Vec<_> = errors
        .iter()
        .map(|error| {
            let number = error
                .attribute("Number")
                .and_then(|number| number.trim().parse::<u32>().ok());
            (number.unwrap_or_default(), error.text.trim())
        })
        .collect();
    let theirs = said
        .iter()
        .map(|(number, text)| format!("{number} {text}"))
        .collect::<Vec<_>>()
        .join("; ");
    let certain =
        !said.is_empty() && status < 500 && said.iter().all(|(number, _)| refused_before_the_work(*number));
    let found = said.iter().find_map(|(number, text)| {
        let low = text.to_ascii_lowercase();
        NUMBERS
            .iter()
            .find(|row| row.numbers.contains(number) && low.contains(row.says))
    });
    match found {
        Some(row) => Refused {
            meaning: row.meaning,
            wait: row.wait,
            theirs,
            ..from(row.kind, row.ours, certain)
        },
        None if status >= 500 => Refused {
            theirs,
            ..from(Unavailable, FAILED, false)
        },
        None => Refused {
            theirs,
            ..from(
                Unexpected,
                "Namecheap refuses for a reason this adapter does not know",
                certain,
            )
        },
    }
}

fn refused_before_the_work(number: u32) -> bool {
    matches!(number / 1_000_000, 1 | 2) || BEFORE_THE_WORK.contains(&number)
}

fn from(kind: ErrorKind, ours: &'static str, certain: bool) -> Refused {
    Refused {
        kind,
        meaning: Meaning::Plain,
        ours,
        theirs: String::new(),
        certain,
        wait: None,
    }
}

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) meaning: Meaning,
}

impl Failure {
    pub(crate) fn new(http: &Http, effect: Effect, refused: &Refused) -> Self {
        let mut error = http.error(refused.kind, refused.ours, &refused.theirs);
        if effect == Effect::Write && !refused.certain {
            error = error.maybe_applied();
        }
        if let Some(seconds) = refused.wait {
            error = error.retry_after(Duration::from_secs(seconds));
        }
        Self {
            error,
            meaning: refused.meaning,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            meaning: Meaning::Plain,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The failure of a write that is one of several, of which some were done before.
pub(crate) fn in_the_middle(error: Error, done_before: bool) -> Error {
    if done_before && error.applied == Applied::No {
        error.maybe_applied()
    } else {
        error
    }
}

/// Ends with a refusal of which it is certain that nothing was done.
pub(crate) fn certain(sent: Result<(), Failure>) -> Result<Result<(), Error>, Error> {
    match sent {
        Err(failure) if failure.error.applied == Applied::No => Err(failure.error),
        sent => Ok(sent.map_err(Error::from)),
    }
}

/// A domain that changed under the hands of this adapter.
pub(crate) fn conflict(detail: &str) -> Error {
    Error::new(Conflict, detail)
}
