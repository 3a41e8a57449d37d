//! The three keys, and where they are good.

use pdm_registrar::{Credentials, Error, ErrorKind, Secret};

/// One of OVH's separate services; keys, domains and zones of one do not exist in the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Region(&'static str);

impl Region {
    pub(crate) const EU: Self = Self("eu.api.ovh.com");
    pub(crate) const CA: Self = Self("ca.api.ovh.com");
    pub(crate) const US: Self = Self("api.us.ovhcloud.com");

    /// Its host.
    pub(crate) const fn host(self) -> &'static str {
        self.0
    }
}

/// What signs a call.
pub(crate) struct Keys {
    pub(crate) region: Region,
    pub(crate) application_key: Secret,
    pub(crate) application_secret: Secret,
    pub(crate) consumer_key: Secret,
}

impl Keys {
    pub(crate) fn new(with: &Credentials) -> Result<Self, Error> {
        let region = with.required("region")?.expose(|word| match word {
            "eu" => Ok(Region::EU),
            "ca" => Ok(Region::CA),
            "us" => Ok(Region::US),
            _ => Err(Error::new(
                ErrorKind::InvalidRequest,
                "`region` is `eu`, `ca` or `us`",
            )),
        })?;
        let copy = |field| Ok::<_, Error>(with.required(field)?.expose(Secret::new));
        Ok(Self {
            region,
            application_key: copy("application_key")?,
            application_secret: copy("application_secret")?,
            consumer_key: copy("consumer_key")?,
        })
    }
}
