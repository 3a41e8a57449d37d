//! Targets: a vendor's simulator, sandbox or production, and where the credentials of real accounts come from.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use figment::Figment;
use figment::providers::{Format, Toml};
use pdm_registrar::Endpoint;
use serde::Deserialize;

use crate::sim::fixtures::{Case, Fixtures};
use crate::vendors::{VENDORS, Vendor, each, vendor};

/// Which variables each real target reads. It holds no values.
const TARGETS: &str = include_str!("../targets.toml");

/// One vendor, opened somewhere.
#[derive(Clone)]
pub struct Target {
    /// The vendor.
    pub vendor: &'static Vendor,
    /// Where.
    pub opened: Opened,
}

/// Where a target is.
#[derive(Clone)]
pub enum Opened {
    /// In this process, each trial in a fresh world.
    Simulator,
    /// At the vendor.
    Real {
        /// Sandbox or production.
        kind: Kind,
        /// The same, for the adapter.
        endpoint: Endpoint,
        /// Account and domains, from the environment.
        fixtures: Box<Fixtures>,
    },
}

/// The kinds of target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// In this process; may be written to and broken.
    Simulator,
    /// The vendor's test environment; may be written to, on a domain set aside for it.
    Sandbox,
    /// Real accounts; never written to.
    Production,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "simulator" => Some(Self::Simulator),
            "sandbox" => Some(Self::Sandbox),
            "production" => Some(Self::Production),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Sandbox => "sandbox",
            Self::Production => "production",
        }
    }
}

/// Variables of one real target.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variables {
    /// Of a domain of the account, set aside where it is a sandbox.
    domain: Option<String>,
    /// Of a domain whose zone the vendor hosts.
    zone: Option<String>,
    /// By credential field.
    credentials: BTreeMap<String, String>,
}

impl Target {
    /// Reads `VENDOR@KIND`; the vendor may be `all`. `environment` tells the value of a variable.
    ///
    /// A real target that is named without its credentials is an error, also within `all`.
    pub fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Vec<Self>> {
        let (id, kind) = text
            .split_once('@')
            .with_context(|| format!("`{text}` is not VENDOR@KIND"))?;
        let kind = Kind::parse(kind)
            .with_context(|| format!("`{kind}` is no kind of target: simulator, sandbox or production"))?;
        let vendors: Vec<&'static Vendor> = match id {
            "all" => match kind {
                Kind::Simulator => VENDORS.iter().collect(),
                Kind::Production => each().collect(),
                Kind::Sandbox => each().filter(|vendor| has_sandbox(vendor)).collect(),
            },
            id if kind == Kind::Simulator => VENDORS
                .iter()
                .filter(|vendor| [vendor.id(), &vendor.label()].contains(&id))
                .collect(),
            id => vendor(id).into_iter().collect(),
        };
        if vendors.is_empty() {
            let known: Vec<_> = each().map(Vendor::id).collect();
            bail!("`{id}` is no vendor: all, {}", known.join(", "));
        }
        vendors
            .into_iter()
            .map(|vendor| {
                let opened = match kind {
                    Kind::Simulator => Opened::Simulator,
                    kind => real(vendor, kind, &environment)?,
                };
                Ok(Self { vendor, opened })
            })
            .collect()
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        match self.opened {
            Opened::Simulator => Kind::Simulator,
            Opened::Real { kind, .. } => kind,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.vendor.label(), self.kind().word())
    }
}

fn has_sandbox(vendor: &Vendor) -> bool {
    !(vendor.adapter)().descriptor().hosts.sandbox.is_empty()
}

fn real(vendor: &Vendor, kind: Kind, environment: impl Fn(&str) -> Option<String>) -> Result<Opened> {
    let (id, word) = (vendor.id(), kind.word());
    ensure!(
        kind == Kind::Production || has_sandbox(vendor),
        "{id} has no sandbox"
    );
    let mut targets: BTreeMap<String, BTreeMap<String, Variables>> = Figment::from(Toml::string(TARGETS))
        .extract()
        .context("targets.toml")?;
    let variables = targets.get_mut(id).and_then(|kinds| kinds.remove(word));
    let variables = variables.with_context(|| format!("targets.toml does not say what {id}@{word} reads"))?;
    let value = |name: &String| environment(name).filter(|value| !value.is_empty());
    let mut credentials = serde_json::Map::new();
    for (field, name) in &variables.credentials {
        if let Some(value) = value(name) {
            credentials.insert(field.clone(), value.into());
        }
    }
    let needs = (vendor.adapter)().descriptor().needs;
    if !needs
        .iter()
        .any(|needed| needed.iter().all(|field| credentials.contains_key(*field)))
    {
        let names: Vec<_> = variables.credentials.values().map(String::as_str).collect();
        bail!(
            "{id}@{word} was named and has no credentials: set {}",
            names.join(", ")
        );
    }
    let case = |name: &Option<String>| {
        name.as_ref().and_then(&value).map(|domain| Case {
            domain,
            credentials: credentials.clone().into(),
        })
    };
    let (domain, hosted) = (case(&variables.domain), case(&variables.zone));
    let names = || {
        [&variables.domain, &variables.zone]
            .map(|name| name.clone().unwrap_or_default())
            .join(" or ")
    };
    let ordinary = domain.or_else(|| hosted.clone());
    Ok(Opened::Real {
        kind,
        endpoint: if kind == Kind::Sandbox {
            Endpoint::Sandbox
        } else {
            Endpoint::Production
        },
        fixtures: Box::new(Fixtures {
            ordinary: ordinary
                .with_context(|| format!("{id}@{word} was named and has no domain: set {}", names()))?,
            domains: Vec::new(),
            hosted,
            signed: None,
            cases: BTreeMap::new(),
        }),
    })
}
