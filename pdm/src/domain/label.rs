//! The label of a name below a pool: the `acme` of `acme.pool.example`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::reserved;

/// Fewest characters of a label.
const MIN: usize = 3;
/// Most characters of a label (RFC 1035 section 2.3.4).
const MAX: usize = 63;

/// What [`suggestions`] appends, in the order of preference.
const ENDINGS: [&str; 8] = ["cloud", "hq", "team", "group", "one", "online", "platform", "hub"];

/// A label that a name below a pool can have: 3 to 63 lower-case letters, digits and hyphens, a letter or
/// digit at both ends, no hyphens in both the third and fourth place (RFC 5890 section 2.3.1), not only digits.
///
/// Stricter than what DNS allows, because the label becomes a host name that people read, type and trust.
/// Deliberately not `Deserialize`: where one comes in, its sender is told what [`LabelError`] says.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

impl Label {
    /// Reads a label that somebody asks for. Capitals are accepted and made small; a reserved label is refused.
    pub fn parse(text: &str) -> Result<Self, LabelError> {
        let label = Self::parse_held(text)?;
        match reserved::find(&label.0) {
            None => Ok(label),
            Some(entry) => Err(LabelError::Reserved {
                reason: refusal(&label, entry),
            }),
        }
    }

    /// Reads a label that somebody has already, such as one from the store: it stays theirs when the list of
    /// reserved words grows, so this does not look there.
    pub fn parse_held(text: &str) -> Result<Self, LabelError> {
        let invalid = |detail: &str| {
            Err(LabelError::Invalid {
                detail: detail.to_owned(),
            })
        };
        if text.is_empty() {
            return invalid("Enter a name.");
        }
        if let Some(c) = text.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
            return Err(LabelError::Invalid { detail: character(c) });
        }
        if text.starts_with('-') || text.ends_with('-') {
            return invalid("A name starts and ends with a letter or a digit, not with a hyphen.");
        }
        if text.len() < MIN {
            return invalid("A name has at least 3 characters: add some.");
        }
        if text.len() > MAX {
            return invalid("A name has at most 63 characters: shorten it.");
        }
        if text.get(2..4) == Some("--") {
            return invalid(
                "A name cannot have hyphens as both its third and fourth character, which mark encoded names: \
                 use one hyphen.",
            );
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return invalid("A name of digits only could be taken for an address: add a letter.");
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a [`Label`]; what it says is meant for the person who entered it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// A rule is broken.
    #[error("{detail}")]
    Invalid {
        /// Which rule, and what to do: whole sentences.
        detail: String,
    },
    /// The label is a reserved word or looks like one.
    #[error("{reason}")]
    Reserved {
        /// Which word, why it is reserved, and what to do: whole sentences.
        reason: String,
    },
}

/// Other labels for somebody who cannot have `text`, the best first; whether they are free is not looked at.
///
/// `text` is anything a person entered: `Müller & Co` gives `muller-co` and more like it. Nothing is made from a
/// reserved word, because `admin-cloud` is as misleading as `admin`.
pub fn suggestions(text: &str) -> Vec<Label> {
    let Some(stem) = stem(text) else { return Vec::new() };
    let mut labels = Vec::with_capacity(ENDINGS.len() + 1);
    if stem != text.to_ascii_lowercase() {
        labels.extend(Label::parse(&stem));
    }
    for ending in ENDINGS {
        // Where both do not fit, the stem gives way.
        let room = stem.len().min(MAX - ending.len() - 1);
        let start = stem[..room].trim_end_matches('-');
        labels.extend(Label::parse(&format!("{start}-{ending}")));
    }
    labels
}

/// The letters and digits of `text`, its words joined by single hyphens. `None` when there are none, when
/// letters are not Latin, or when the result is reserved.
fn stem(text: &str) -> Option<String> {
    let mut stem = String::new();
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        if stem.len() >= MAX {
            break;
        }
        if c.is_ascii_alphanumeric() {
            stem.push(c.to_ascii_lowercase());
        } else if c.is_alphanumeric() {
            return None;
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    stem.truncate(stem.trim_end_matches('-').len());
    (!stem.is_empty() && reserved::find(&stem).is_none()).then_some(stem)
}

/// What to say about a character that labels do not have.
fn character(c: char) -> String {
    match c {
        '.' => "Enter only the first part of the name, without dots.".to_owned(),
        '_' => "A name has no underscores: use a hyphen.".to_owned(),
        c if c.is_whitespace() => "A name has no spaces: use a hyphen.".to_owned(),
        c if c.is_alphanumeric() => {
            "A name has only the letters a to z, without accents, and digits: spell it with these.".to_owned()
        }
        c if c.is_ascii_graphic() => {
            format!("A name has only letters, digits and hyphens: leave out “{c}”.")
        }
        _ => {
            "A name has only letters, digits and hyphens: there is an invisible or special character in it, \
              so type it instead of pasting it."
                .to_owned()
        }
    }
}

/// What to say about a label that is `entry` or looks like it.
fn refusal(label: &Label, entry: &reserved::Reserved) -> String {
    let reserved::Reserved { word, reason, .. } = entry;
    if entry.is_spelled(label.as_str()) {
        format!("“{label}” is reserved: {reason}. Choose a name that stands for you.")
    } else {
        format!(
            "“{label}” looks like “{word}”, which is reserved: {reason}. Choose a name that stands for you."
        )
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({})", self.0)
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        Self::parse(text)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detail(text: &str) -> String {
        match Label::parse(text) {
            Err(LabelError::Invalid { detail }) => detail,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn texts(labels: &[Label]) -> Vec<&str> {
        labels.iter().map(Label::as_str).collect()
    }

    #[test]
    fn labels_are_accepted_in_any_case_and_kept_in_lower_case() {
        let longest = "a".repeat(63);
        for text in [
            "acme", "abc", "3com", "test-123", "a-b", "a--b", "acme--x", "1-2-3", "a1b2", &longest,
        ] {
            assert_eq!(Label::parse(text).unwrap().as_str(), text);
            assert_eq!(Label::parse(&text.to_uppercase()), Label::parse(text));
        }
    }

    #[test]
    fn what_breaks_a_rule_is_refused_and_the_sentence_names_the_rule() {
        let too_long = "a".repeat(64);
        for (text, says) in [
            ("", "Enter a name"),
            ("a", "at least 3"),
            ("ab", "at least 3"),
            (&too_long, "at most 63"),
            ("-abc", "starts and ends"),
            ("abc-", "starts and ends"),
            ("---", "starts and ends"),
            ("ab--c", "third and fourth"),
            ("xn--mller-kva", "third and fourth"),
            ("XN--MLLER-KVA", "third and fourth"),
            ("123", "digits only"),
            ("a_b", "underscores"),
            ("_acme", "underscores"),
            ("acme corp", "spaces"),
            (" acme", "spaces"),
            ("acme\n", "spaces"),
            ("acme\u{a0}corp", "spaces"),
            ("acme.", "without dots"),
            ("acme.pool.example", "without dots"),
            ("müller", "without accents"),
            ("аpi", "without accents"),
            ("ａｃｍｅ", "without accents"),
            ("acme١", "without accents"),
            (r"acm\101", r"leave out “\”"),
            ("acme/x", "leave out “/”"),
            ("*", "leave out “*”"),
            ("acme\0", "invisible"),
            ("ac\u{200b}me", "invisible"),
            ("ac\u{200d}me", "invisible"),
            ("ac\u{ad}me", "invisible"),
            ("\u{202e}acme", "invisible"),
            ("\u{feff}acme", "invisible"),
            ("acme\u{301}", "invisible"),
            ("acme。x", "invisible or special"),
        ] {
            assert!(detail(text).contains(says), "{text:?}: {}", detail(text));
        }
    }

    #[test]
    fn a_reserved_label_is_refused_with_its_reason() {
        let sentence = |text| Label::parse(text).unwrap_err().to_string();
        assert_eq!(
            sentence("Postmaster"),
            "“postmaster” is reserved: RFC 2142 gives this name to a role of the domain's operator. \
             Choose a name that stands for you."
        );
        assert_eq!(
            sentence("1og1n"),
            "“1og1n” looks like “login”, which is reserved: people enter their passwords there. \
             Choose a name that stands for you."
        );
        assert!(sentence("ns7").starts_with("“ns7” is reserved: "));
        assert!(matches!(Label::parse("ns7"), Err(LabelError::Reserved { .. })));
    }

    #[test]
    fn a_label_stays_with_its_holder_when_it_becomes_reserved() {
        assert_eq!(Label::parse_held("Console").unwrap().as_str(), "console");
        assert!(Label::parse_held("con_sole").is_err());
    }

    #[test]
    fn suggestions_keep_what_the_person_meant() {
        assert_eq!(
            texts(&suggestions("acme"))[..3],
            ["acme-cloud", "acme-hq", "acme-team"]
        );
        assert_eq!(texts(&suggestions("ACME"))[0], "acme-cloud");
        assert_eq!(
            texts(&suggestions("Müller & Co."))[..2],
            ["muller-co", "muller-co-cloud"]
        );
        assert_eq!(texts(&suggestions("ab--cd"))[0], "ab-cd");
        assert_eq!(texts(&suggestions("ab"))[0], "ab-cloud");
        assert_eq!(texts(&suggestions("2024"))[0], "2024-cloud");
        assert_eq!(texts(&suggestions("acme.pool.example"))[0], "acme-pool-example");
        let longest = "a".repeat(63);
        assert_eq!(
            suggestions(&longest)[0].as_str(),
            format!("{}-cloud", "a".repeat(57))
        );
    }

    #[test]
    fn nothing_is_suggested_where_it_would_mislead_or_guess() {
        for text in ["", "---", "admin", "Adm1n!", "ns1", "пример", "例え"] {
            assert_eq!(suggestions(text), [], "{text}");
        }
    }

    /// Texts of which many are labels.
    fn near_label() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "[a-zA-Z0-9-]{1,70}",
            2 => "[a-z0-9]{1,6}-{1,2}[a-z0-9]{1,6}",
            2 => "[a-z0-9_. äßİ\u{200b}\u{202e}\0ａ-]{1,10}",
            1 => any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn every_label_obeys_the_rules_and_is_its_own_canonical_form(text in near_label()) {
            if let Ok(label) = Label::parse(&text) {
                let s = label.as_str();
                prop_assert!((3..=63).contains(&s.len()));
                prop_assert!(s.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')));
                prop_assert!(!s.starts_with('-') && !s.ends_with('-') && s.get(2..4) != Some("--"));
                prop_assert!(s.contains(|c: char| !c.is_ascii_digit()));
                prop_assert_eq!(s, text.to_ascii_lowercase());
                prop_assert_eq!(&Label::parse(s), &Ok(label.clone()));
                prop_assert_eq!(&Label::parse_held(s), &Ok(label));
            }
        }

        #[test]
        fn every_text_that_obeys_the_rules_is_a_label(text in "[a-z0-9][a-z0-9-]{1,61}[a-z0-9]") {
            let obeys = text.get(2..4) != Some("--") && text.contains(|c: char| !c.is_ascii_digit());
            prop_assert_eq!(Label::parse_held(&text).is_ok(), obeys);
        }

        #[test]
        fn suggestions_are_labels_and_never_what_was_asked_for(text in near_label()) {
            let labels = suggestions(&text);
            for (index, label) in labels.iter().enumerate() {
                prop_assert_eq!(Label::parse(label.as_str()), Ok(label.clone()));
                prop_assert!(!label.as_str().eq_ignore_ascii_case(&text));
                prop_assert!(!labels[..index].contains(label));
            }
        }

        #[test]
        fn hyphens_and_digits_do_not_hide_a_reserved_word(
            entry in prop::sample::select(reserved::all()),
            choices in prop::collection::vec(any::<(bool, bool)>(), 30),
        ) {
            prop_assume!(entry.word.len() >= MIN && entry.word.bytes().all(|b| !b.is_ascii_digit()));
            let mut disguised = String::new();
            for (c, (digit, hyphen)) in entry.word.chars().zip(choices) {
                // Not where the result would break a rule of its own.
                if hyphen && !disguised.is_empty() && !disguised.ends_with('-') {
                    disguised.push('-');
                }
                disguised.push(match c {
                    'o' if digit => '0',
                    'i' | 'l' if digit => '1',
                    'e' if digit => '3',
                    'a' if digit => '4',
                    's' if digit => '5',
                    't' if digit => '7',
                    'b' if digit => '8',
                    other => other,
                });
            }
            prop_assert!(reserved::find(&disguised).is_some(), "{} passes for {}", disguised, entry.word);
            prop_assert!(Label::parse(&disguised).is_err());
        }
    }
}
