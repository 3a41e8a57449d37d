//! Record data that a tenant writes, checked and brought into one spelling.
//!
//! The spelling is presentation format (RFC 1035 section 5.1) as name servers give it back: names absolute and lower
//! case, numbers plain, hexadecimal digits lower case and in one piece, text in quoted strings of at most 255 octets.

use std::net::{Ipv4Addr, Ipv6Addr};

use pdm_registrar::{DomainName, DsRecord, OwnerName};

use super::records::{RecordError, RecordType};

/// Longest value that is read, characters; far below what a DNS message holds.
const MAX_VALUE: usize = 4096;
/// Most octets of one string of a TXT record (RFC 1035 section 3.3).
const MAX_STRING: usize = 255;

/// What is wrong with a value: a sentence's end for people.
type Wrong = &'static str;

/// The canonical spelling of `value` as data of this type.
pub fn canonical(r#type: RecordType, value: &str) -> Result<String, RecordError> {
    let text = value.trim();
    let read = if text.len() > MAX_VALUE {
        Err("it is too long")
    } else if r#type == RecordType::Txt {
        txt(text)
    } else if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        Err("only printable ASCII characters are used here")
    } else {
        read(r#type, text)
    };
    read.map_err(|wrong| RecordError::Value(shortened(value), wrong.to_owned()))
}

fn shortened(value: &str) -> String {
    value.chars().take(80).collect()
}

fn read(r#type: RecordType, text: &str) -> Result<String, Wrong> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match (r#type, words.as_slice()) {
        (RecordType::A, [address]) => address
            .parse::<Ipv4Addr>()
            .map(|a| a.to_string())
            .map_err(|_| "it is not an IPv4 address"),
        (RecordType::Aaaa, [address]) => address
            .parse::<Ipv6Addr>()
            .ok()
            // A mapped IPv4 address is no address of a host (RFC 4291 section 2.5.5.2), and name servers refuse it.
            .filter(|a| a.to_ipv4_mapped().is_none())
            .map(|a| a.to_string())
            .ok_or("it is not an IPv6 address"),
        (RecordType::Ns, [host]) => self::host(host),
        (RecordType::Cname, [target]) => self::target(target),
        (RecordType::Mx, [preference, "."]) => {
            let preference: u16 = number(preference)?;
            if preference == 0 {
                Ok("0 .".to_owned())
            } else {
                Err("a null MX is written as: 0 .")
            }
        }
        (RecordType::Mx, [preference, host]) => {
            Ok(format!("{} {}", number::<u16>(preference)?, self::host(host)?))
        }
        (RecordType::Srv, [priority, weight, port, target]) => Ok(format!(
            "{} {} {} {}",
            number::<u16>(priority)?,
            number::<u16>(weight)?,
            number::<u16>(port)?,
            if *target == "." {
                ".".to_owned()
            } else {
                self::host(target)?
            },
        )),
        (RecordType::Ds, _) => DsRecord::parse(text)
            .map(|ds| ds.to_string())
            .map_err(|_| "a DS is: TAG ALGORITHM TYPE DIGEST, the digest whole"),
        (RecordType::Sshfp, [algorithm, r#type, digest @ ..]) => sshfp(algorithm, r#type, &digest.concat()),
        (RecordType::Tlsa, [usage, selector, matching, data @ ..]) => {
            tlsa(usage, selector, matching, &data.concat())
        }
        (RecordType::Caa, _) => caa(text),
        (RecordType::Https | RecordType::Svcb, [priority, target, parameters @ ..]) => {
            svcb(priority, target, parameters)
        }
        (RecordType::Mx, _) => Err("it is: PREFERENCE HOST"),
        (RecordType::Srv, _) => Err("it is: PRIORITY WEIGHT PORT TARGET"),
        (RecordType::Sshfp, _) => Err("it is: ALGORITHM TYPE FINGERPRINT"),
        (RecordType::Tlsa, _) => Err("it is: USAGE SELECTOR MATCHING DATA"),
        (RecordType::Https | RecordType::Svcb, _) => Err("it is: PRIORITY TARGET PARAMETERS"),
        _ => Err("it is one word"),
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, Wrong> {
    // `from_str` would also take a plus sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or("a number is missing or out of range")
}

fn host(text: &str) -> Result<String, Wrong> {
    DomainName::parse(text)
        .map(|name| format!("{name}."))
        .map_err(|_| "a host name is needed")
}

fn target(text: &str) -> Result<String, Wrong> {
    match OwnerName::parse(text) {
        Ok(name) if !name.is_wildcard() => Ok(format!("{name}.")),
        _ => Err("a domain name is needed"),
    }
}

fn target_or_root(text: &str) -> Result<String, Wrong> {
    if text == "." {
        Ok(".".to_owned())
    } else {
        target(text)
    }
}

fn hex(text: &str) -> Result<String, Wrong> {
    let even = !text.is_empty() && text.len().is_multiple_of(2);
    if even && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("pairs of hexadecimal digits are needed")
    }
}

/// RFC 4255 section 3.1, RFC 6594, RFC 7479.
fn sshfp(algorithm: &str, r#type: &str, digest: &str) -> Result<String, Wrong> {
    let (algorithm, r#type, digest) = (number::<u8>(algorithm)?, number::<u8>(r#type)?, hex(digest)?);
    if !matches!(algorithm, 1..=4 | 6) {
        return Err("the algorithm is 1 (RSA), 2 (DSA), 3 (ECDSA), 4 (Ed25519) or 6 (Ed448)");
    }
    match (r#type, digest.len()) {
        (1, 40) | (2, 64) => Ok(format!("{algorithm} {type} {digest}")),
        _ => Err("the fingerprint is of type 1 with 40 digits (SHA-1) or of type 2 with 64 (SHA-256)"),
    }
}

/// RFC 6698 section 2.1.
fn tlsa(usage: &str, selector: &str, matching: &str, data: &str) -> Result<String, Wrong> {
    let (usage, selector, matching) = (
        number::<u8>(usage)?,
        number::<u8>(selector)?,
        number::<u8>(matching)?,
    );
    let data = hex(data)?;
    if usage > 3 || selector > 1 {
        return Err("the usage is 0 to 3 and the selector 0 or 1");
    }
    match (matching, data.len()) {
        (0, _) | (1, 64) | (2, 128) => Ok(format!("{usage} {selector} {matching} {data}")),
        _ => Err("the data is whole (0), a SHA-256 with 64 digits (1) or a SHA-512 with 128 (2)"),
    }
}

/// RFC 8659 section 4.1.1.
fn caa(text: &str) -> Result<String, Wrong> {
    let shape = "it is: FLAGS TAG \"VALUE\"";
    let (flags, rest) = text.split_once(' ').ok_or(shape)?;
    let (tag, value) = rest.trim_start().split_once(' ').ok_or(shape)?;
    let flags: u8 = number(flags)?;
    if tag.is_empty() || tag.len() > 15 || !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("the tag is a word of letters and digits, issue for example");
    }
    let value = value.trim();
    let inner = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or(shape)?,
        None if value.contains(' ') => return Err(shape),
        None => value,
    };
    if inner.contains(['"', '\\']) {
        return Err("the value has no quotation marks and no backslashes inside");
    }
    Ok(format!("{flags} {} \"{inner}\"", tag.to_ascii_lowercase()))
}

/// Keys of service parameters in the order of their numbers (RFC 9460 section 14.3.2).
const PARAMETERS: [&str; 7] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
];

/// RFC 9460 section 2.1, with the parameters of its section 7.
fn svcb(priority: &str, target: &str, parameters: &[&str]) -> Result<String, Wrong> {
    let priority: u16 = number(priority)?;
    if priority == 0 && !parameters.is_empty() {
        return Err("with priority 0 it is an alias and has no parameters");
    }
    let mut sorted: Vec<(usize, String)> = Vec::new();
    for parameter in parameters {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let place = PARAMETERS
            .iter()
            .position(|known| *known == key)
            .ok_or("a parameter is not known")?;
        if sorted.iter().any(|(other, _)| *other == place) {
            return Err("a parameter is there twice");
        }
        let value = value
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .unwrap_or(value);
        sorted.push((place, service_parameter(key, value)?));
    }
    sorted.sort();
    let mut content = format!("{priority} {}", target_or_root(target)?);
    for (_, parameter) in sorted {
        content.push(' ');
        content.push_str(&parameter);
    }
    Ok(content)
}

fn service_parameter(key: &str, value: &str) -> Result<String, Wrong> {
    if key == "no-default-alpn" {
        return if value.is_empty() {
            Ok(key.to_owned())
        } else {
            Err("no-default-alpn has no value")
        };
    }
    if value.is_empty() {
        return Err("a parameter needs a value");
    }
    let list = || value.split(',');
    let wrong = match key {
        "port" => return Ok(format!("port={}", number::<u16>(value)?)),
        "ipv4hint" => {
            let parsed: Option<Vec<Ipv4Addr>> = list().map(|item| item.parse().ok()).collect();
            return parsed
                .map(|items| joined(key, &items))
                .ok_or("ipv4hint has IPv4 addresses");
        }
        "ipv6hint" => {
            let parsed: Option<Vec<Ipv6Addr>> = list().map(|item| item.parse().ok()).collect();
            return parsed
                .map(|items| joined(key, &items))
                .ok_or("ipv6hint has IPv6 addresses");
        }
        "mandatory" => list().any(|item| item == "mandatory" || !PARAMETERS.contains(&item)),
        "ech" => {
            if data_encoding::BASE64.decode(value.as_bytes()).is_err() {
                return Err("ech is base64");
            }
            return Ok(format!("ech=\"{value}\""));
        }
        _ => {
            let token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'/' | b'_');
            list().any(|item| item.is_empty() || !item.bytes().all(token))
        }
    };
    if wrong {
        Err("a parameter's value is not well-formed")
    } else {
        Ok(format!("{key}={value}"))
    }
}

fn joined<T: ToString>(key: &str, items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    format!("{key}={}", items.join(","))
}

/// Text: one or more quoted strings as they are in a zone file, or anything else as it is meant to be read.
fn txt(text: &str) -> Result<String, Wrong> {
    if text.chars().any(char::is_control) {
        return Err("control characters are not used here");
    }
    let strings = if text.starts_with('"') {
        quoted(text)?
    } else {
        vec![text.as_bytes().to_vec()]
    };
    let mut out = Vec::new();
    for string in &strings {
        if string.is_empty() {
            out.push("\"\"".to_owned());
        }
        out.extend(string.chunks(MAX_STRING).map(quote));
    }
    Ok(out.join(" "))
}

/// Reads quoted strings with the escapes of RFC 1035 section 5.1.
fn quoted(text: &str) -> Result<Vec<Vec<u8>>, Wrong> {
    let unclosed = "a quotation mark is not closed";
    let mut strings = Vec::new();
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b' ' => continue,
            b'"' => {}
            _ => return Err("put each string in quotation marks, or none"),
        }
        let mut string = Vec::new();
        loop {
            match rest.next().ok_or(unclosed)? {
                b'"' => break,
                b'\\' => {
                    let next = rest.next().ok_or(unclosed)?;
                    if next.is_ascii_digit() {
                        let digits = [Some(next), rest.next(), rest.next()];
                        let code = digits.into_iter().try_fold(0_u16, |code, digit| {
                            digit
                                .filter(u8::is_ascii_digit)
                                .map(|digit| code * 10 + u16::from(digit - b'0'))
                        });
                        let code = code.and_then(|code| u8::try_from(code).ok());
                        string.push(code.ok_or("an escape is three digits up to 255")?);
                    } else {
                        string.push(next);
                    }
                }
                other => string.push(other),
            }
        }
        if rest.peek().is_some_and(|next| *next != b' ') {
            return Err("strings are separated by spaces");
        }
        strings.push(string);
    }
    Ok(strings)
}

fn quote(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("\"");
    for &octet in octets {
        match octet {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(octet));
            }
            b' '..=b'~' => out.push(char::from(octet)),
            _ => {
                let _ = write!(out, "\\{octet:03}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(r#type: RecordType, value: &str) -> Option<String> {
        canonical(r#type, value).ok()
    }

    #[test]
    fn each_type_has_one_spelling() {
        use RecordType as T;
        let hash = "AB".repeat(32);
        let same = [
            (T::A, " 203.0.113.10 ", "203.0.113.10"),
            (T::Aaaa, "2001:DB8:0:0::10", "2001:db8::10"),
            (T::Cname, "Target.Example.COM", "target.example.com."),
            (
                T::Cname,
                "_x.acm-validations.example.",
                "_x.acm-validations.example.",
            ),
            (T::Ns, "ns1.Example.net.", "ns1.example.net."),
            (T::Mx, "10   Mail.example.com", "10 mail.example.com."),
            (T::Mx, "0 .", "0 ."),
            (T::Srv, "1 2 443 host.example.com", "1 2 443 host.example.com."),
            (T::Caa, "0 Issue letsencrypt.org", "0 issue \"letsencrypt.org\""),
            (T::Caa, "128 issuewild \";\"", "128 issuewild \";\""),
            (T::Https, "1 . alpn=h2,h3 port=8443", "1 . alpn=h2,h3 port=8443"),
            (T::Https, "1 . port=8443 alpn=\"h3\"", "1 . alpn=h3 port=8443"),
            (T::Svcb, "0 svc.example.com", "0 svc.example.com."),
        ];
        for (r#type, given, wanted) in same {
            assert_eq!(of(r#type, given).as_deref(), Some(wanted), "{type} {given}");
            assert_eq!(of(r#type, wanted).as_deref(), Some(wanted), "{type} {wanted}");
        }
        assert_eq!(
            of(T::Tlsa, &format!("3 1 1 {hash}")).unwrap(),
            format!("3 1 1 {}", hash.to_lowercase())
        );
        assert_eq!(
            of(T::Sshfp, &format!("4 2 {hash}")).unwrap(),
            format!("4 2 {}", hash.to_lowercase())
        );
        assert_eq!(
            of(T::Ds, &format!("1 13 2 {hash}")).unwrap(),
            format!("1 13 2 {}", hash.to_lowercase())
        );
    }

    #[test]
    fn what_is_not_of_the_type_is_refused() {
        use RecordType as T;
        let bad = [
            (T::A, "2001:db8::1"),
            (T::A, "203.0.113.10 203.0.113.11"),
            (T::Aaaa, "203.0.113.10"),
            (T::Aaaa, "::ffff:203.0.113.10"),
            (T::Cname, "*.example.com"),
            (T::Cname, "a b"),
            (T::Cname, ""),
            (T::Ns, "_dns.example.net"),
            (T::Mx, "mail.example.com"),
            (T::Mx, "65536 mail.example.com"),
            (T::Mx, "+1 mail.example.com"),
            (T::Mx, "10 ."),
            (T::Srv, "1 2 host.example.com"),
            (T::Caa, "0 issue"),
            (T::Caa, "256 issue \"x\""),
            (T::Caa, "0 is_sue \"x\""),
            (T::Caa, "0 issue \"a\" \"b\""),
            (T::Tlsa, "3 1 1 abcd"),
            (T::Sshfp, "4 2 abcd"),
            (T::Ds, "1 13 2 abcd"),
            (T::Https, "0 . alpn=h2"),
            (T::Https, "1 . alpn=h2 alpn=h3"),
            (T::Https, "1 . unknown=1"),
            (T::Https, "1 . port=99999"),
            (T::Https, "1 . ech=A"),
            (T::Srv, "1 2 3 _odd.example.com"),
            (T::A, "203.0.113.10\n"),
            (T::Txt, "a\nb"),
            (T::Txt, "\"a"),
            (T::Txt, "\"a\"b"),
            (T::Txt, "\"\\999\""),
        ];
        for (r#type, value) in bad {
            // A line end at the border is white space that people paste along.
            let refused = of(r#type, value).is_none() || value.ends_with('\n');
            assert!(refused, "{type} {value:?}");
        }
    }

    #[test]
    fn text_is_quoted_and_cut_where_it_must_be() {
        let txt = |value: &str| of(RecordType::Txt, value).unwrap();
        assert_eq!(txt("v=spf1 -all"), "\"v=spf1 -all\"");
        assert_eq!(txt("\"v=spf1\"  \"-all\""), "\"v=spf1\" \"-all\"");
        assert_eq!(txt("say \"hi\""), "\"say \\\"hi\\\"\"");
        assert_eq!(txt("é"), "\"\\195\\169\"");
        assert_eq!(txt("\"\\195\\169\""), "\"\\195\\169\"");
        let long = "x".repeat(300);
        assert_eq!(
            txt(&long),
            format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45))
        );
        assert_eq!(txt(&txt(&long)), txt(&long));
    }
}
