//! Records of a hosted zone as OVH writes them, and as everybody else does.

use std::fmt::Write as _;

use pdm_registrar::{DomainName, Error, ErrorKind};

use crate::wire;

/// Longest character string in a TXT record (RFC 1035 section 3.3).
const STRING: usize = 255;

/// The owner below `zone` as OVH wants it: empty at the apex.
pub(crate) fn sub_domain(zone: &DomainName, owner: &str) -> Result<String, Error> {
    if owner == zone.as_str() {
        return Ok(String::new());
    }
    owner
        .strip_suffix(zone.as_str())
        .and_then(|rest| rest.strip_suffix('.'))
        .map(str::to_owned)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidRequest,
                format!("{owner} is not in the zone {zone}"),
            )
        })
}

/// Whether the record's owner is exactly `sub`: the vendor's filters find more.
pub(crate) fn is_at(record: &wire::Record, sub: &str) -> bool {
    record
        .sub_domain
        .as_deref()
        .unwrap_or_default()
        .eq_ignore_ascii_case(sub)
}

/// The DNS type behind OVH's: three of its own are kinds of TXT.
pub(crate) fn real_type(field_type: &str) -> String {
    match field_type.to_ascii_uppercase().as_str() {
        "SPF" | "DKIM" | "DMARC" => "TXT".to_owned(),
        other => other.to_owned(),
    }
}

/// A name in a record's data, in full and with a final dot. `origin` has none.
pub(crate) fn absolute(name: &str, origin: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "@" | "" => format!("{origin}."),
        name if name.ends_with('.') => name.to_owned(),
        name => format!("{name}.{origin}."),
    }
}

/// A text as the data of a TXT record: quoted strings of at most 255 octets.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut length = 0;
    for byte in text.bytes() {
        if length == STRING {
            quoted.push_str("\" \"");
            length = 0;
        }
        length += 1;
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b' '..=b'~' => quoted.push(char::from(byte)),
            // Writing to a String does not fail.
            _ => _ = write!(quoted, "\\{byte:03}"),
        }
    }
    quoted.push('"');
    quoted
}

/// The text in the data of a TXT record: its strings in one piece. Data that does not begin with a quote is the text itself.
pub(crate) fn unquote(data: &str) -> Vec<u8> {
    let data = data.trim();
    if !data.starts_with('"') {
        return data.as_bytes().to_vec();
    }
    let mut text = Vec::new();
    let mut inside = false;
    let mut bytes = data.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => inside = !inside,
            _ if !inside => {}
            b'\\' => {
                let mut digits = bytes.clone().take(3);
                let code = [digits.next(), digits.next(), digits.next()];
                match decimal(code) {
                    Some(octet) => {
                        text.push(octet);
                        bytes.nth(2);
                    }
                    None => text.extend(bytes.next()),
                }
            }
            other => text.push(other),
        }
    }
    text
}

fn decimal(digits: [Option<u8>; 3]) -> Option<u8> {
    let mut number: u16 = 0;
    for digit in digits {
        let digit = digit.filter(u8::is_ascii_digit)?;
        number = number * 10 + u16::from(digit - b'0');
    }
    u8::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_comes_back() {
        for text in [
            "v=spf1 -all",
            "a \"quoted\" \\ word",
            "",
            "k=\u{fc}",
            &"x".repeat(600),
        ] {
            assert_eq!(unquote(&quote(text)), text.as_bytes(), "{text}");
        }
        assert_eq!(quote("a\"b"), r#""a\"b""#);
        assert_eq!(quote(&"x".repeat(256)), format!("\"{}\" \"x\"", "x".repeat(255)));
    }

    #[test]
    fn text_without_quotes_is_itself() {
        assert_eq!(unquote("v=DMARC1; p=none"), b"v=DMARC1; p=none");
        assert_eq!(unquote(r#""one ""two""#), b"one two");
    }

    #[test]
    fn names_are_made_absolute() {
        assert_eq!(absolute("Mail", "example.com"), "mail.example.com.");
        assert_eq!(absolute("mx1.Example.net.", "example.com"), "mx1.example.net.");
        assert_eq!(absolute("@", "example.com"), "example.com.");
        assert_eq!(absolute(".", "example.com"), ".");
    }

    #[test]
    fn an_owner_is_told_by_what_is_before_the_zone() {
        let zone = DomainName::parse("example.com").unwrap();
        assert_eq!(sub_domain(&zone, "example.com").unwrap(), "");
        assert_eq!(
            sub_domain(&zone, "_acme-challenge.www.example.com").unwrap(),
            "_acme-challenge.www"
        );
        assert_eq!(
            sub_domain(&zone, "notexample.com").unwrap_err().kind,
            ErrorKind::InvalidRequest
        );
    }
}
