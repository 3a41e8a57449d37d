//! Which of a vendor's services an account is opened at.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// The vendor's service, its test service, or a simulator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// Real accounts and domains.
    Production,
    /// The vendor's own test environment.
    Sandbox,
    /// A stand-in for the vendor: tests and the lab.
    Custom(Custom),
}

/// Where a stand-in is. It takes the place of the vendor's scheme and host; the vendor's paths are appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Custom {
    base: String,
    /// For a whole call.
    pub deadline: Duration,
}

impl Custom {
    /// Takes `http(s)://host[:port]`, without a path, user or query.
    pub fn new(url: &str) -> Result<Self, Error> {
        let base = url.trim_end_matches('/');
        let host = base
            .strip_prefix("http://")
            .or_else(|| base.strip_prefix("https://"))
            .filter(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']));
        if host.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidRequest,
                "an endpoint is `production`, `sandbox`, or http(s)://host:port without a path",
            ));
        }
        Ok(Self {
            base: base.to_owned(),
            deadline: crate::CALL_DEADLINE,
        })
    }

    /// Scheme, host and port, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }
}

impl Endpoint {
    /// Reads `production`, `sandbox` or a URL.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "production" => Ok(Self::Production),
            "sandbox" => Ok(Self::Sandbox),
            url => Custom::new(url).map(Self::Custom),
        }
    }

    /// Scheme and host to ask: `https://` and one of the two hosts, or the base of the stand-in.
    ///
    /// An error of kind [`ErrorKind::Unsupported`] when the vendor has no sandbox.
    pub fn base(&self, production: &str, sandbox: Option<&str>) -> Result<String, Error> {
        match (self, sandbox) {
            (Self::Production, _) => Ok(format!("https://{production}")),
            (Self::Sandbox, Some(host)) => Ok(format!("https://{host}")),
            (Self::Sandbox, None) => Err(Error::new(
                ErrorKind::Unsupported,
                "this vendor has no test environment",
            )),
            (Self::Custom(custom), _) => Ok(custom.base.clone()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Production => f.write_str("production"),
            Self::Sandbox => f.write_str("sandbox"),
            Self::Custom(custom) => f.write_str(&custom.base),
        }
    }
}
