//! `CanonicalName`: one name, one spelling.

use std::fmt::Write as _;

use powerdns_client::{CanonicalName, NameError};
use proptest::prelude::*;

fn name(text: &str) -> CanonicalName {
    CanonicalName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Labels of any octets, and what PowerDNS writes for each.
fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8)
}

/// Every octet as `\DDD`.
fn in_digits(labels: &[Vec<u8>]) -> String {
    if labels.is_empty() {
        return ".".to_owned();
    }
    let mut text = String::new();
    for label in labels {
        for octet in label {
            write!(text, "\\{octet:03}").expect("a String takes everything");
        }
        text.push('.');
    }
    text
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_and_parsing_again_changes_nothing(text in "\\PC{0,40}|[a-zA-Z0-9._*\\\\-]{0,40}") {
        if let Ok(name) = CanonicalName::parse(&text) {
            prop_assert_eq!(&name, &CanonicalName::parse(name.as_str()).expect("its own text"));
            prop_assert!(name.as_str().ends_with('.'));
            prop_assert!(name.as_str().bytes().all(|byte| (b'!'..=b'~').contains(&byte) && !byte.is_ascii_uppercase()));
        }
    }

    #[test]
    fn any_octets_make_a_name_and_come_back(labels in labels()) {
        let name = name(&in_digits(&labels));
        prop_assert_eq!(name.labels().count(), labels.len());
        let lower: Vec<Vec<u8>> = labels.iter().map(|label| label.to_ascii_lowercase()).collect();
        prop_assert_eq!(&name, &CanonicalName::parse(&in_digits(&lower)).expect("the same in lower case"));
        let other: Vec<Vec<u8>> = labels.iter().map(|label| label.to_ascii_uppercase()).collect();
        prop_assert_eq!(&name, &CanonicalName::parse(&in_digits(&other)).expect("the same in upper case"));
    }

    #[test]
    fn different_octets_are_different_names(one in labels(), two in labels()) {
        let fold = |labels: &[Vec<u8>]| labels.iter().map(|label| label.to_ascii_lowercase()).collect::<Vec<_>>();
        prop_assert_eq!(name(&in_digits(&one)) == name(&in_digits(&two)), fold(&one) == fold(&two));
    }

    #[test]
    fn a_name_is_within_its_ancestors_and_nothing_else(upper in labels(), lower in labels(), other in labels()) {
        let ancestor = name(&in_digits(&upper));
        let joined: Vec<Vec<u8>> = lower.iter().chain(&upper).cloned().collect();
        if let Ok(below) = CanonicalName::parse(&in_digits(&joined)) {
            prop_assert!(below.is_within(&ancestor));
            let mut up = below;
            for _ in &lower {
                up = up.parent().expect("labels are left");
            }
            prop_assert_eq!(&up, &ancestor);
        }
        let other = name(&in_digits(&other));
        let by_labels = {
            let (mine, theirs): (Vec<_>, Vec<_>) = (other.labels().collect(), ancestor.labels().collect());
            mine.ends_with(&theirs)
        };
        prop_assert_eq!(other.is_within(&ancestor), by_labels);
    }

    #[test]
    fn a_zone_id_is_one_segment_of_a_path_and_different_for_different_zones(one in labels(), two in labels()) {
        let (one, two) = (name(&in_digits(&one)), name(&in_digits(&two)));
        let (id, other) = (one.to_zone_id(), two.to_zone_id());
        prop_assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-=".contains(&byte)));
        prop_assert_ne!(&id, ".");
        prop_assert_eq!(id == other, one == two);
    }
}

#[test]
fn case_final_dot_and_needless_escapes_make_no_difference() {
    for text in ["bank.test.", "BANK.test", r"b\097nk.test.", r"b\a\nk.tes\084"] {
        assert_eq!(name(text).as_str(), "bank.test.", "{text}");
    }
}

#[test]
fn what_must_be_escaped_stays_escaped() {
    assert_eq!(name(r"a\.b.test").as_str(), r"a\.b.test.");
    assert_eq!(name(r"a\046b.test").as_str(), r"a\.b.test.");
    assert_eq!(name(r"a\032b\\c.test").as_str(), r"a\032b\\c.test.");
    assert_eq!(name(r"a\.b.test").labels().collect::<Vec<_>>(), [r"a\.b", "test"]);
}

#[test]
fn an_escaped_dot_is_no_border_between_labels() {
    assert!(!name(r"evil\.example.net").is_within(&name("example.net")));
    assert!(name(r"evil\\.example.net").is_within(&name("example.net")));
    assert!(!name("evilexample.net").is_within(&name("example.net")));
    assert!(!name("net").is_within(&name("example.net")));
}

#[test]
fn refused_texts() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61)); // 255 octets on the wire
    assert_eq!(
        CanonicalName::parse(&longest).map(|name| name.as_str().len()),
        Ok(254)
    );
    for (text, error) in [
        ("", NameError::Empty),
        (".test", NameError::EmptyLabel),
        ("a..test", NameError::EmptyLabel),
        ("..", NameError::EmptyLabel),
        ("a b.test", NameError::Unescaped(b' ')),
        ("a\n.test", NameError::Unescaped(b'\n')),
        ("ä.test", NameError::Unescaped(0xc3)),
        ("a\\", NameError::BadEscape),
        ("a\\25", NameError::BadEscape),
        ("a\\256", NameError::BadEscape),
        ("a\\ b", NameError::BadEscape),
        (&format!("{label}a.test"), NameError::LabelTooLong),
        (&format!("{longest}a"), NameError::TooLong),
    ] {
        assert_eq!(CanonicalName::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn the_root() {
    let root = CanonicalName::root();
    assert_eq!(name("."), root);
    assert_eq!(root.parent(), None);
    assert_eq!(root.labels().count(), 0);
    assert_eq!(root.child("test"), Ok(name("test.")));
    assert_eq!(name("test.").parent(), Some(root.clone()));
    assert!(name("test.").is_within(&root) && root.is_within(&root) && !root.is_within(&name("test.")));
}

#[test]
fn a_child_has_labels() {
    assert_eq!(
        name("test").child("_acme-challenge.www"),
        Ok(name("_acme-challenge.www.test"))
    );
    for labels in ["", ".", "a.", ".a", "a..b"] {
        assert_eq!(
            name("test").child(labels),
            Err(NameError::EmptyLabel),
            "{labels:?}"
        );
    }
}
