//! Zone files (RFC 1035 section 5.1) as OVH exports them:
//!
//! ```text
//! $TTL 3600
//! @   IN SOA dns16.ovh.net. tech.ovh.net. (2024051800 86400 3600 3600000 60)
//!          IN NS     ns16.ovh.net.
//!          IN MX     1 mx1.mail.ovh.net.
//! www      60 IN A  192.0.2.1
//! ```

use pdm_registrar::{DomainName, OwnerName, ZoneRecord};

use crate::records::{absolute, quote, real_type};

/// TTL of records where the file names none.
pub(crate) const DEFAULT_TTL: u32 = 3600;

/// What is in a zone file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Contents {
    /// Its records without SOA, in order.
    pub records: Vec<ZoneRecord>,
    /// Lines that are none, for people.
    pub unreadable: Vec<String>,
}

/// Reads the zone file of `zone`.
pub fn parse(zone: &DomainName, text: &str) -> Contents {
    let mut contents = Contents::default();
    let mut origin = zone.as_str().to_owned();
    let mut ttl = DEFAULT_TTL;
    let mut owner = format!("{zone}.");
    for line in lines(text) {
        let mut words = line.words.iter().map(String::as_str);
        if !line.inherits {
            match words.next() {
                Some("$TTL") => {
                    ttl = words.next().and_then(seconds).unwrap_or(ttl);
                    continue;
                }
                Some("$ORIGIN") => {
                    let name = absolute(words.next().unwrap_or_default(), &origin);
                    name.trim_end_matches('.').clone_into(&mut origin);
                    continue;
                }
                Some(directive) if directive.starts_with('$') => {
                    contents.unreadable.push(format!("the directive {directive}"));
                    continue;
                }
                Some(name) => owner = absolute(name, &origin),
                None => continue,
            }
        }
        let words: Vec<&str> = words.collect();
        match entry(&owner, &origin, ttl, &words) {
            Entry::Record(record) => contents.records.push(record),
            Entry::Authority => {}
            Entry::None => contents.unreadable.push(format!("{owner} {}", words.join(" "))),
        }
    }
    contents
}

/// One record from OVH's own form of it; `None` when it cannot be written as a record.
pub(crate) fn record(
    zone: &DomainName,
    owner: &str,
    rtype: &str,
    ttl: u32,
    data: &str,
) -> Option<ZoneRecord> {
    let origin = zone.as_str();
    let rtype = real_type(rtype);
    let value = if rtype == "TXT" && !data.trim_start().starts_with('"') {
        quote(data)
    } else {
        value(&rtype, &words(data), origin)?
    };
    Some(ZoneRecord {
        owner: OwnerName::parse(&absolute(owner, origin)).ok()?,
        rtype,
        ttl: if ttl == 0 { DEFAULT_TTL } else { ttl },
        value,
    })
}

enum Entry {
    Record(ZoneRecord),
    /// The SOA, which is the vendor's.
    Authority,
    None,
}

/// `[TTL] [class] type data`, TTL and class in either order.
fn entry(owner: &str, origin: &str, mut ttl: u32, mut words: &[&str]) -> Entry {
    while let [first, rest @ ..] = words {
        if let Some(seconds) = seconds(first) {
            ttl = seconds;
        } else if !["IN", "CH", "HS"].contains(&first.to_ascii_uppercase().as_str()) {
            break;
        }
        words = rest;
    }
    let [rtype, data @ ..] = words else {
        return Entry::None;
    };
    let rtype = real_type(rtype);
    if rtype == "SOA" {
        return Entry::Authority;
    }
    let data: Vec<String> = data.iter().map(|&word| word.to_owned()).collect();
    match (OwnerName::parse(owner), value(&rtype, &data, origin)) {
        (Ok(owner), Some(value)) => Entry::Record(ZoneRecord {
            owner,
            rtype,
            ttl,
            value,
        }),
        _ => Entry::None,
    }
}

/// Data with the names in it made absolute and texts quoted.
fn value(rtype: &str, words: &[String], origin: &str) -> Option<String> {
    let names: &[usize] = match rtype {
        "NS" | "CNAME" | "PTR" | "DNAME" => &[0],
        "MX" | "HTTPS" | "SVCB" => &[1],
        "RP" => &[0, 1],
        "SRV" => &[3],
        "NAPTR" => &[5],
        _ => &[],
    };
    if words.is_empty() || names.iter().any(|place| words.len() <= *place) {
        return None;
    }
    let written = words.iter().enumerate().map(|(place, word)| {
        if names.contains(&place) {
            absolute(word, origin)
        } else if rtype == "TXT" && !word.starts_with('"') {
            quote(word)
        } else {
            word.clone()
        }
    });
    Some(written.collect::<Vec<_>>().join(" "))
}

/// A number of seconds, or of the units of BIND: `3600`, `1h`, `1h30m`.
fn seconds(word: &str) -> Option<u32> {
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (mut sum, mut number) = (0_u32, None);
    for character in word.chars() {
        if let Some(digit) = character.to_digit(10) {
            number = Some(number.unwrap_or(0_u32).checked_mul(10)?.checked_add(digit)?);
            continue;
        }
        let unit = match character.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    sum.checked_add(number.unwrap_or(0))
}

/// An entry of a zone file: one line, or several within parentheses.
#[derive(Default)]
struct Line {
    /// It begins with white space: its owner is the one before.
    inherits: bool,
    words: Vec<String>,
}

/// Splits a zone file; comments are left out, quotes and escapes stay as they are.
fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    let mut scanner = Scanner::default();
    let mut depth = 0_u32;
    let mut at_start = true;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if at_start {
            line.inherits = character.is_whitespace();
            at_start = false;
        }
        if !scanner.quoted && !scanner.escaped {
            match character {
                ';' => {
                    let ended = characters.find(|character| *character == '\n');
                    scanner.end_word(&mut line.words);
                    if depth == 0 || ended.is_none() {
                        lines.push(std::mem::take(&mut line));
                        at_start = true;
                    }
                    continue;
                }
                '(' | ')' => {
                    scanner.end_word(&mut line.words);
                    depth = if character == '(' {
                        depth + 1
                    } else {
                        depth.saturating_sub(1)
                    };
                    continue;
                }
                '\n' if depth == 0 => {
                    scanner.end_word(&mut line.words);
                    lines.push(std::mem::take(&mut line));
                    at_start = true;
                    continue;
                }
                _ => {}
            }
        }
        scanner.take(character, &mut line.words);
    }
    scanner.end_word(&mut line.words);
    lines.push(line);
    lines.retain(|line| !line.words.is_empty());
    lines
}

/// Splits the data of one record.
fn words(data: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut scanner = Scanner::default();
    for character in data.chars() {
        scanner.take(character, &mut words);
    }
    scanner.end_word(&mut words);
    words
}

/// Puts characters together to words; quotes hold white space together.
#[derive(Default)]
struct Scanner {
    word: String,
    quoted: bool,
    escaped: bool,
}

impl Scanner {
    fn take(&mut self, character: char, words: &mut Vec<String>) {
        if self.escaped {
            self.escaped = false;
            self.word.push(character);
            return;
        }
        match character {
            '\\' => {
                self.escaped = true;
                self.word.push(character);
            }
            '"' => {
                // `"one""two"` are two strings.
                let opens = !self.quoted;
                if opens && self.word.starts_with('"') {
                    self.end_word(words);
                }
                self.word.push(character);
                self.quoted = opens;
            }
            space if space.is_whitespace() && !self.quoted => self.end_word(words),
            other => self.word.push(other),
        }
    }

    fn end_word(&mut self, words: &mut Vec<String>) {
        self.quoted = false;
        self.escaped = false;
        if !self.word.is_empty() {
            words.push(std::mem::take(&mut self.word));
        }
    }
}
