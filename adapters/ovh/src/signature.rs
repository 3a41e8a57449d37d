//! The signature of a call (OVH API guide "First steps", and the vendor's own clients):
//! `"$1$" + hex(SHA1(secret + "+" + consumer key + "+" + method + "+" + URL + "+" + body + "+" + timestamp))`.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use data_encoding::HEXLOWER;
use pdm_registrar::Secret;

/// What is signed, exactly as it is sent.
pub(crate) struct Signed<'a> {
    /// Upper case.
    pub(crate) method: &'a str,
    /// With scheme, host, path and query, encoded as sent.
    pub(crate) url: &'a str,
    /// Empty when there is none.
    pub(crate) body: &'a str,
    /// Seconds since 1970 on the vendor's clock.
    pub(crate) timestamp: i64,
}

impl Signed<'_> {
    /// The value of the header `X-Ovh-Signature`.
    pub(crate) fn with(&self, application_secret: &Secret, consumer_key: &Secret) -> String {
        let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        application_secret.expose(|secret| hash.update(secret.as_bytes()));
        hash.update(b"+");
        consumer_key.expose(|key| hash.update(key.as_bytes()));
        for part in [self.method, self.url, self.body, &self.timestamp.to_string()] {
            hash.update(b"+");
            hash.update(part.as_bytes());
        }
        format!("$1${}", HEXLOWER.encode(hash.finish().as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(method: &str, url: &str, body: &str) -> String {
        let signed = Signed {
            method,
            url,
            body,
            timestamp: 1_700_000_000,
        };
        signed.with(
            &Secret::new("EXAMPLEappSecret0123456789abcdef"),
            &Secret::new("EXAMPLEconsumerKey0123456789abcd"),
        )
    }

    #[test]
    fn the_worked_examples_come_out() {
        assert_eq!(
            signature("GET", "https://eu.api.ovh.com/1.0/domain/example.com", ""),
            "$1$daf9f682b7e9b4f689aaec749bba4724fe7ee7ed"
        );
        assert_eq!(
            signature(
                "GET",
                "https://eu.api.ovh.com/1.0/domain/zone/example.com/record?fieldType=NS&subDomain=sub",
                ""
            ),
            "$1$ee96133043df3aa545147bcfa54615569afe67a7"
        );
        assert_eq!(
            signature(
                "POST",
                "https://eu.api.ovh.com/1.0/domain/example.com/nameServers/update",
                r#"{"nameServers":[{"host":"ns1.dns.example.net"},{"host":"ns2.dns.example.net"}]}"#
            ),
            "$1$12399f96a3e5008fc62cf9d55128b4d5ea378f6b"
        );
    }
}
