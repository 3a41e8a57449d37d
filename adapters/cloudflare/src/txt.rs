//! The data of TXT records: octets, and their form in zone files (RFC 1035 section 5.1).

/// Longest of the strings that one TXT record is made of, in octets (RFC 1035 section 3.3).
const LONGEST: usize = 255;

/// `value` as quoted strings.
pub(crate) fn quote(value: &[u8]) -> String {
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    let strings: Vec<String> = value.chunks(LONGEST).map(quote_one).collect();
    strings.join(" ")
}

fn quote_one(octets: &[u8]) -> String {
    let mut text = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => text.extend(['\\', char::from(octet)]),
            0x20..=0x7e => text.push(char::from(octet)),
            _ => text.extend(format!("\\{octet:03}").chars()),
        }
    }
    text.push('"');
    text
}

/// The octets of a content as Cloudflare gives it: quoted strings, or as older records have it, the bare value.
pub(crate) fn unquote(content: &str) -> Vec<u8> {
    let text = content.trim();
    if !text.starts_with('"') {
        return text.as_bytes().to_vec();
    }
    let mut octets = Vec::new();
    let mut inside = false;
    let mut rest = text.as_bytes().iter();
    while let Some(&octet) = rest.next() {
        match octet {
            b'"' => inside = !inside,
            b'\\' if inside => {
                let digits = rest.as_slice().get(..3).and_then(number);
                if let Some(number) = digits {
                    octets.push(number);
                    rest.nth(2);
                } else {
                    octets.extend(rest.next());
                }
            }
            _ if inside => octets.push(octet),
            // What separates two strings.
            _ => {}
        }
    }
    octets
}

fn number(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_was() {
        let long = "x".repeat(700);
        for value in [
            "v=spf1 -all",
            "",
            "a \"quoted\" back\\slash; semicolon",
            "Größe",
            "\u{1}\u{7f}",
            "\\065",
            &long,
        ] {
            assert_eq!(unquote(&quote(value.as_bytes())), value.as_bytes(), "{value}");
        }
    }

    #[test]
    fn long_values_are_several_strings() {
        let quoted = quote(&[b'x'; 256]);
        assert_eq!(quoted, format!("\"{}\" \"x\"", "x".repeat(255)));
    }

    #[test]
    fn what_others_wrote_is_read() {
        assert_eq!(unquote("bare value"), b"bare value");
        assert_eq!(unquote("\"one\" \"two\""), b"onetwo");
        assert_eq!(unquote("\"\\195\\188\""), "ü".as_bytes());
        assert_eq!(unquote("\"\\999\""), b"999");
        assert_eq!(unquote("\"open \\"), b"open ");
    }
}
