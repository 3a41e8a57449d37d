//! Names nobody may take below a pool, and why.
//!
//! The words are data, in `reserved.txt`. Also reserved is what a person would read as one of them: digits in
//! place of letters (`c0nsole`), characters that UTS 39 calls confusable (`adrnin`), hyphens put in or left out
//! (`a-p-i`). Only whole labels count: `apiary` and `acme-api` are free.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_security::confusable_detection::skeleton;

/// One reserved word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// The word itself: lower-case letters, digits and hyphens.
    pub word: &'static str,
    /// Whether the word followed by a number is reserved too.
    pub numbered: bool,
    /// Why; finishes the sentence "… is reserved: ".
    pub reason: &'static str,
}

impl Reserved {
    /// Whether `label` is this word, with its number where it may have one, and not just similar.
    pub fn is_spelled(&self, label: &str) -> bool {
        label.strip_prefix(self.word).is_some_and(|number| {
            number.is_empty() || (self.numbered && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }
}

/// All reserved words, in the order of the data.
pub fn all() -> &'static [Reserved] {
    static ALL: LazyLock<Vec<Reserved>> = LazyLock::new(|| read(include_str!("reserved.txt")));
    &ALL
}

/// The reserved word that `label` is or looks like. `label` has lower-case ASCII letters, digits and hyphens.
pub fn find(label: &str) -> Option<&'static Reserved> {
    static BY_LOOK: LazyLock<HashMap<String, &'static Reserved>> = LazyLock::new(|| index(all()));
    let found = |text: &str| BY_LOOK.get(text).copied();
    if let Some(entry) = found(label).or_else(|| found(&look(label))) {
        return Some(entry);
    }
    // Any part of the digits at the end may be the number: `n51` is ns with a 1.
    let before_number = label.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    (before_number..label.len()).find_map(|end| found(&look(&label[..end])).filter(|entry| entry.numbered))
}

/// Reads the format that `reserved.txt` describes at its start.
fn read(data: &'static str) -> Vec<Reserved> {
    let mut entries = Vec::new();
    let mut reason = "";
    for line in data.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with(' ') {
            entries.extend(line.split_whitespace().map(|word| match word.strip_suffix('#') {
                Some(word) => Reserved {
                    word,
                    numbered: true,
                    reason,
                },
                None => Reserved {
                    word,
                    numbered: false,
                    reason,
                },
            }));
        } else if !line.is_empty() {
            reason = line;
        }
    }
    entries
}

/// The words under every [`look`] that a label looking like them can have.
fn index(entries: &'static [Reserved]) -> HashMap<String, &'static Reserved> {
    let mut index = HashMap::new();
    for entry in entries {
        if entry.word.bytes().any(|byte| byte.is_ascii_digit()) {
            // Reading its digits as letters would make another word of it.
            index.insert(entry.word.to_owned(), entry);
            continue;
        }
        let mut looks = vec![String::new()];
        for c in look(entry.word).chars() {
            let with_one = if matches!(c, 'i' | 'l') {
                looks.clone()
            } else {
                Vec::new()
            };
            for look in &mut looks {
                look.push(c);
            }
            looks.extend(with_one.into_iter().map(|look| look + "1"));
        }
        index.extend(looks.into_iter().map(|look| (look, entry)));
    }
    index
}

/// What a label looks like at a glance. Labels with one look are taken for each other.
///
/// A 1 stays, because it is read as i or as l while these two are told apart: `ma1l` looks like `mail`, `mall`
/// does not. The index therefore has every word with 1 in these places too.
fn look(label: &str) -> String {
    let mut look = String::with_capacity(label.len() + 8);
    for c in label.chars() {
        let letter = match c {
            '-' => continue,
            '1' => {
                look.push('1');
                continue;
            }
            '0' => 'o',
            '3' => 'e',
            '4' => 'a',
            '5' => 's',
            '7' => 't',
            '8' => 'b',
            other => other,
        };
        look.extend(skeleton(letter.encode_utf8(&mut [0; 4])));
    }
    // Not in UTS 39, but hard to tell in most typefaces.
    look.replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn word(label: &str) -> Option<&'static str> {
        find(label).map(|entry| entry.word)
    }

    #[test]
    fn the_data_is_well_formed() {
        let mut seen = HashSet::new();
        for entry in all() {
            assert!(seen.insert(entry.word), "{} stands twice", entry.word);
            assert!(
                !entry.word.is_empty()
                    && entry
                        .word
                        .bytes()
                        .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                "{:?}",
                entry.word
            );
            // A label has at least three characters: a shorter word reserves something only with a number.
            assert!(
                entry.word.len() >= 3 || entry.numbered,
                "{} does nothing",
                entry.word
            );
            assert!(
                entry.reason.len() > 10 && !entry.reason.ends_with('.'),
                "{:?}",
                entry.reason
            );
        }
    }

    #[test]
    fn every_word_is_found_as_itself() {
        for entry in all() {
            assert_eq!(find(entry.word), Some(entry));
            assert!(entry.is_spelled(entry.word));
            for number in ["1", "02", "350"] {
                let label = format!("{}{number}", entry.word);
                assert_eq!(entry.is_spelled(&label), entry.numbered, "{label}");
                if entry.numbered {
                    assert_eq!(find(&label), Some(entry), "{label}");
                }
            }
        }
    }

    #[test]
    fn the_words_the_platform_depends_on_are_there() {
        for label in [
            "ns",
            "ns1",
            "ns42",
            "www",
            "mail",
            "mx",
            "mx1",
            "smtp",
            "imap",
            "pop",
            "pop3",
            "autoconfig",
            "autodiscover",
            "mta-sts",
            "wpad",
            "isatap",
            "localhost",
            "abuse",
            "postmaster",
            "hostmaster",
            "webmaster",
            "security",
            "noc",
            "info",
            "support",
            "sales",
            "marketing",
            "news",
            "usenet",
            "uucp",
            "ftp",
            "api",
            "console",
            "admin",
            "login",
            "status",
            "gitea",
            "harbor",
        ] {
            let entry = find(label).unwrap_or_else(|| panic!("{label} is free"));
            assert!(
                entry.is_spelled(label),
                "{label} is only similar to {}",
                entry.word
            );
        }
    }

    #[test]
    fn look_alikes_are_found_and_known_to_be_only_similar() {
        for (label, looks_like) in [
            ("a-p-i", "api"),
            ("4p1", "api"),
            ("adm1n", "admin"),
            ("adrnin", "admin"),
            ("4drn1n", "admin"),
            ("ad-min", "admin"),
            ("c0nsole", "console"),
            ("con5o1e", "console"),
            ("1og1n", "login"),
            ("log-in", "login"),
            ("5747u5", "status"),
            ("ma1l", "mail"),
            ("rnai1", "mail"),
            ("ha-r80r", "harbor"),
            ("g17ea", "gitea"),
            ("vvww", "www"),
            ("vvvvvv", "www"),
            ("vvvvvv2", "www"),
            ("mtasts", "mta-sts"),
            ("noreply", "no-reply"),
            ("mai-ler-d4emon", "mailer-daemon"),
            ("1oca1h0st", "localhost"),
            ("ns-1", "ns"),
            ("n-s-01", "ns"),
            ("n51", "ns"),
            ("n5-12", "ns"),
            ("rnx", "mx"),
            ("rnx2", "mx"),
            ("mail-3", "mail"),
        ] {
            assert_eq!(word(label), Some(looks_like), "{label}");
            assert!(!find(label).unwrap().is_spelled(label), "{label}");
        }
    }

    #[test]
    fn names_people_want_are_free() {
        for label in [
            "acme",
            "test",
            "test-123",
            "nsure",
            "apiary",
            "acme-api",
            "api-acme",
            "apis",
            "mall",
            "mali",
            "nation",
            "ns1a",
            "nsx",
            "mxm",
            "mailchimp",
            "admins",
            "adnan",
            "console-one",
            "logging",
            "loglm",
            "statue",
            "popcorn",
            "popup",
            "stat",
            "login-less",
            "harbour",
            "gitlab",
            "alpha",
            "apple",
            "infos",
            "newsroom",
            "comet",
            "network",
            "organic",
            "b2b",
            "3m-de",
            "a1-telekom",
            "7eleven",
            "x1",
            "lol",
            "kbs",
            "vevo",
            "timer",
            "paypal",
            "roots",
            "fast",
            "bank-1",
            "openstack",
            "100-days",
        ] {
            assert_eq!(word(label), None, "{label}");
        }
    }
}
