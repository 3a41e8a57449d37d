//! Metadata: lists of text that a zone has under a name.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::{CanonicalName, Client, Error};

/// The name of a piece of metadata, such as `ALSO-NOTIFY` or, for anything of one's own, `X-…`.
///
/// PowerDNS answers 422 to some that have a place elsewhere: `SOA-EDIT-API`, `API-RECTIFY`, `NSEC3PARAM` and
/// `TSIG-ALLOW-AXFR` are settings ([`ZoneChange`](crate::ZoneChange)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetadataKind(Box<str>);

/// Why a text is not the name of a piece of metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a kind of metadata is letters, digits and hyphens")]
pub struct MetadataKindError;

impl MetadataKind {
    /// Checks a name.
    pub fn new(kind: &str) -> Result<Self, MetadataKindError> {
        let fits = !kind.is_empty()
            && kind
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits {
            Ok(Self(kind.into()))
        } else {
            Err(MetadataKindError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    metadata: Vec<String>,
}

impl Client {
    /// A zone's metadata of one kind; empty if there is none.
    ///
    /// A missing zone is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
    pub async fn metadata(&self, zone: &CanonicalName, kind: &MetadataKind) -> Result<Vec<String>, Error> {
        let answer: Metadata = self.read(self.metadata_url(zone, kind)).await?;
        Ok(answer.metadata)
    }

    /// Makes a zone's metadata of one kind exactly this.
    pub async fn set_metadata(
        &self,
        zone: &CanonicalName,
        kind: &MetadataKind,
        values: Vec<String>,
    ) -> Result<(), Error> {
        self.write(
            Method::PUT,
            self.metadata_url(zone, kind),
            Some(&Metadata { metadata: values }),
        )
        .await
    }

    /// Removes a zone's metadata of one kind, if there is any.
    pub async fn delete_metadata(&self, zone: &CanonicalName, kind: &MetadataKind) -> Result<(), Error> {
        self.write(Method::DELETE, self.metadata_url(zone, kind), None::<&()>)
            .await
    }

    fn metadata_url(&self, zone: &CanonicalName, kind: &MetadataKind) -> String {
        self.zone_url(zone, &format!("/metadata/{}", kind.as_str()))
    }
}
