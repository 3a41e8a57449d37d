//! The signature of a call of the REST API (Dynadot, "API document" 2.0.0):
//! `base64(HMAC-SHA256(secret, key + "\n" + path and query + "\n" + request id + "\n" + body))`.
//!
//! The request id is optional and always left out here: the vendor's gateway looks for its header by exact spelling, and HTTP/2 has
//! lower-case names only.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use data_encoding::BASE64;
use pdm_registrar::Secret;

/// The value of the header `X-Signature`; `path` is from the first slash on, `body` exactly what is sent.
pub(crate) fn signature(key: &Secret, secret: &Secret, path: &str, body: &str) -> String {
    let text = key.expose(|key| format!("{key}\n{path}\n\n{body}"));
    let tag = secret.expose(|secret| sign(&Key::new(HMAC_SHA256, secret.as_bytes()), text.as_bytes()));
    BASE64.encode(tag.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_examples_come_out() {
        let (key, secret) = (Secret::new("key"), Secret::new("secret"));
        let path = "/restful/v2/domains/example.com/records";
        assert_eq!(
            signature(&key, &secret, path, ""),
            "bmpyYo9wpBlZBrcjmZOGrHdp1nQcsesmr8fxibvpefA="
        );
        assert_eq!(
            signature(&key, &secret, path, r#"{"ttl":300}"#),
            "qdU04OKIzWbc0LwtjkF4siTHKN8nTVOhyTRy0FtKkZY="
        );
    }
}
