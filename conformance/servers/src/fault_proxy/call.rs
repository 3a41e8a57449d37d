//! What a rule can know of a call.

use serde_json::Value;

use crate::http::Request;

/// A call as it arrived.
#[derive(Debug)]
pub struct Call<'request> {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: &'request str,
    /// Path and query as sent, percent-encoding included: `/api/v1/servers/localhost/zones/=2E?rrsets=false`.
    pub path: &'request str,
    /// The body; empty for most methods.
    pub body: &'request [u8],
}

impl<'request> Call<'request> {
    pub(super) fn of(request: &'request Request) -> Self {
        Self {
            method: &request.method,
            path: &request.target,
            body: &request.body,
        }
    }

    /// What the call is about.
    pub fn kind(&self) -> Kind {
        Kind::of(self.path)
    }

    /// The body as JSON; `null` when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    /// Whether path or body contain `text`: a domain name, for example.
    pub fn mentions(&self, text: &str) -> bool {
        self.path.contains(text) || String::from_utf8_lossy(self.body).contains(text)
    }
}

/// What a call of the PowerDNS API is about, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `…/zones`: the list, and making a zone.
    Zones,
    /// `…/zones/{zone}`.
    Zone,
    /// `…/zones/{zone}/cryptokeys…`.
    Keys,
    /// `…/zones/{zone}/metadata…`.
    Metadata,
    /// `…/zones/{zone}/rectify`.
    Rectify,
    /// `…/cache/flush`.
    Flush,
    /// Anything else.
    Other,
}

impl Kind {
    pub(super) fn of(target: &str) -> Self {
        let path = target.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            ["api", "v1", "servers", _, "zones"] => Self::Zones,
            ["api", "v1", "servers", _, "zones", _] => Self::Zone,
            ["api", "v1", "servers", _, "zones", _, "cryptokeys", ..] => Self::Keys,
            ["api", "v1", "servers", _, "zones", _, "metadata", ..] => Self::Metadata,
            ["api", "v1", "servers", _, "zones", _, "rectify"] => Self::Rectify,
            ["api", "v1", "servers", _, "cache", "flush"] => Self::Flush,
            _ => Self::Other,
        }
    }
}
