//! Settings of registrars.

use std::collections::BTreeMap;

use pdm_registrar::Endpoint;
use serde::Deserialize;

use super::ConfigError;
use crate::adapters::ADAPTERS;

/// `[registrars]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RegistrarsConfig {
    /// Whether an endpoint may be a URL. For tests and the lab: credentials are sent to it.
    pub allow_custom_endpoints: bool,
    /// `[registrars.<id>]`
    #[serde(flatten)]
    pub by_id: BTreeMap<String, RegistrarConfig>,
}

/// `[registrars.<id>]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrarConfig {
    /// `production`, `sandbox`, or a URL in place of the vendor's scheme and host.
    pub endpoint: String,
}

impl RegistrarsConfig {
    /// Where the accounts of a registrar are.
    pub fn endpoint(&self, id: &str) -> Endpoint {
        let text = self.by_id.get(id).map_or("production", |one| &one.endpoint);
        // `check` has refused what cannot be read.
        Endpoint::parse(text).unwrap_or(Endpoint::Production)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (id, one) in &self.by_id {
            let contradiction =
                |text: String| Err(ConfigError::Contradiction(format!("registrars.{id}: {text}")));
            if !ADAPTERS.iter().any(|adapter| adapter.descriptor().id == id) {
                let known: Vec<_> = ADAPTERS.iter().map(|adapter| adapter.descriptor().id).collect();
                return contradiction(format!(
                    "there is no such registrar; there are {}",
                    known.join(", ")
                ));
            }
            match Endpoint::parse(&one.endpoint) {
                Err(error) => return contradiction(error.detail),
                Ok(Endpoint::Custom(_)) if !self.allow_custom_endpoints => {
                    return contradiction(
                        "the endpoint is a URL, to which customers' credentials would be sent: that needs \
                         registrars.allow_custom_endpoints = true, which only tests and labs set"
                            .to_owned(),
                    );
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }
}
