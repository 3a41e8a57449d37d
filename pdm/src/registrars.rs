//! The registrars that this process may talk to, each at the endpoint of its settings.

use std::collections::BTreeMap;

use pdm_registrar::{Account, Adapter, Credentials, Descriptor, Endpoint, Error};
use secrecy::SecretString;

use crate::adapters::ADAPTERS;
use crate::config::RegistrarsConfig;

/// Every registrar by its id.
pub struct Registrars(BTreeMap<&'static str, (&'static dyn Adapter, Endpoint)>);

impl Registrars {
    /// The compiled-in adapters at the endpoints of the settings, which were checked when they were read.
    pub fn new(config: &RegistrarsConfig) -> Self {
        let registrars = ADAPTERS.iter().map(|adapter| {
            let id = adapter.descriptor().id;
            (id, (*adapter, config.endpoint(id)))
        });
        Self(registrars.collect())
    }

    /// What each needs and can do, by id.
    pub fn descriptors(&self) -> impl Iterator<Item = &'static Descriptor> {
        self.0.values().map(|(adapter, _)| adapter.descriptor())
    }

    /// One of them; nothing when it is not known here.
    pub fn descriptor(&self, id: &str) -> Option<&'static Descriptor> {
        self.0.get(id).map(|(adapter, _)| adapter.descriptor())
    }

    /// Opens an account. Nothing is sent yet. `None` when the registrar is not known here.
    pub fn open(
        &self,
        id: &str,
        credentials: BTreeMap<String, SecretString>,
    ) -> Option<Result<Box<dyn Account>, Error>> {
        let (adapter, endpoint) = self.0.get(id)?;
        let opened = Credentials::new(adapter.descriptor(), credentials)
            .and_then(|with| adapter.open(endpoint, &with));
        Some(opened)
    }
}
