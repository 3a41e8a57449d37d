//! Signatures of the REST API.

use aws_lc_rs::hmac;
use data_encoding::BASE64;

/// What `X-Signature` has to be: HMAC-SHA256 of key, path with query, request id and body, a line each, in base64.
pub fn signature(secret: &str, key: &str, path_and_query: &str, request_id: &str, body: &str) -> String {
    let text = [key, path_and_query, request_id, body].join("\n");
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    BASE64.encode(hmac::sign(&secret, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::signature;

    /// Two vectors of a client that works with the vendor (go-acme/lego, providers/dns/dynadot).
    #[test]
    fn signatures_are_those_of_known_vectors() {
        let path = "/restful/v2/domains/example.com/records";
        assert_eq!(
            signature("secret", "key", path, "", ""),
            "bmpyYo9wpBlZBrcjmZOGrHdp1nQcsesmr8fxibvpefA="
        );
        assert_eq!(
            signature("secret", "key", path, "", r#"{"ttl":300}"#),
            "qdU04OKIzWbc0LwtjkF4siTHKN8nTVOhyTRy0FtKkZY="
        );
    }
}
