//! A check: one promise of the contract, held against one opened account.

use futures_util::future::BoxFuture;
use pdm_registrar::{Capabilities, Descriptor, ErrorKind, Support};

use crate::act::Act;
use crate::sim::fixtures::Fixtures;
use crate::subject::Subject;
use crate::vendors::Vendor;

/// What a check answers: nothing when the promise was kept, else what was seen instead.
pub type Outcome = anyhow::Result<()>;

/// Where a check may run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Needs {
    /// It only reads: everywhere.
    ReadOnly,
    /// It writes to the subject's own domain and puts it back: simulators and sandboxes.
    Mutating,
    /// It looks into the vendor or breaks it: simulators.
    Simulator,
}

/// One promise.
pub struct Check {
    /// Its subject and what is promised: `nameservers::second_write_is_unchanged`.
    pub name: &'static str,
    /// Where it may run.
    pub needs: Needs,
    /// Why it says nothing about this vendor, if it does not.
    pub applies: fn(&Facts<'_>) -> Applies,
    /// Holds the promise against a subject.
    pub run: for<'a> fn(&'a Subject) -> BoxFuture<'a, Outcome>,
}

/// `Err` with the reason when a check says nothing about a vendor or its fixtures.
pub type Applies = Result<(), String>;

/// What is known before a check runs.
pub struct Facts<'a> {
    /// What the vendor says of itself.
    pub descriptor: &'a Descriptor,
    /// The situations that the target offers.
    pub fixtures: &'a Fixtures,
    /// The vendor, with the credentials of the target.
    pub vendor: &'a Vendor,
}

impl Facts<'_> {
    /// Whether the vendor claims something, for all or some domains.
    pub fn can(&self, what: fn(&Capabilities) -> Support) -> Applies {
        match what(&self.descriptor.capabilities) {
            Support::No(because) => Err(format!("the vendor cannot: {because}")),
            Support::Yes | Support::Sometimes(_) => Ok(()),
        }
    }

    /// Whether a write is claimed, and possible with these credentials.
    pub fn does(&self, act: Act) -> Applies {
        self.can(act.capability())?;
        present(!self.vendor.lacks.contains(&act), "not with these credentials")
    }

    /// Whether the vendor can never do something.
    pub fn cannot(&self, what: fn(&Capabilities) -> Support) -> Applies {
        match what(&self.descriptor.capabilities) {
            Support::No(_) => Ok(()),
            Support::Yes | Support::Sometimes(_) => Err("the vendor can".to_owned()),
        }
    }

    /// Whether there is a domain whose zone the vendor hosts.
    pub fn hosted(&self) -> Applies {
        present(self.fixtures.hosted.is_some(), "no hosted zone")
    }

    /// Whether there is a domain with a DS.
    pub fn signed(&self) -> Applies {
        present(self.fixtures.signed.is_some(), "no signed domain")
    }

    /// Whether there is a domain in such a situation.
    pub fn case(&self, name: &str) -> Applies {
        present(
            self.fixtures.cases.contains_key(name),
            "the vendor does not know this situation",
        )
    }

    /// Whether the vendor is a registrar.
    pub fn registrar(&self) -> Applies {
        self.can(|capabilities| capabilities.read_nameservers)
    }
}

fn present(there: bool, otherwise: &str) -> Applies {
    if there { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// Checks that apply to everybody.
pub fn always(_: &Facts<'_>) -> Applies {
    Ok(())
}

/// The error of a call that must not succeed.
pub fn refused<T: std::fmt::Debug>(
    what: &str,
    result: Result<T, pdm_registrar::Error>,
) -> anyhow::Result<pdm_registrar::Error> {
    match result {
        Ok(answer) => anyhow::bail!("{what} must be refused, and answered {answer:?}"),
        Err(error) => {
            anyhow::ensure!(
                !error.detail.trim().is_empty(),
                "{what} was refused without a reason"
            );
            Ok(error)
        }
    }
}

/// The error of a call that must end with one of `kinds`.
pub fn refused_as<T: std::fmt::Debug>(
    what: &str,
    result: Result<T, pdm_registrar::Error>,
    kinds: &[ErrorKind],
) -> anyhow::Result<pdm_registrar::Error> {
    let error = refused(what, result)?;
    anyhow::ensure!(
        kinds.contains(&error.kind),
        "{what} must end as {}, and ended as {}: {error}",
        kinds
            .iter()
            .map(|kind| kind.as_str())
            .collect::<Vec<_>>()
            .join(" or "),
        error.kind.as_str(),
    );
    Ok(error)
}

/// A line of the list of checks: the function's name is the promise.
macro_rules! check {
    ($module:literal, $name:ident, $needs:ident, $applies:expr) => {
        $crate::check::Check {
            name: concat!($module, "::", stringify!($name)),
            needs: $crate::check::Needs::$needs,
            applies: $applies,
            run: |subject| Box::pin($name(subject)),
        }
    };
}
pub(crate) use check;
