//! What the parser of names promises: one canonical form, and nothing else gets through.

use pdm_registrar::{DomainName, NameError, OwnerName};
use proptest::prelude::*;

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

#[test]
fn every_accepted_spelling_has_one_canonical_form() {
    for (text, canonical) in [
        ("example.com", "example.com"),
        ("EXAMPLE.Com.", "example.com"),
        ("com", "com"),
        ("1.0.10.in-addr.arpa", "1.0.10.in-addr.arpa"),
        ("4chan.org", "4chan.org"),
        ("müller.example", "xn--mller-kva.example"),
        ("MÜLLER.example", "xn--mller-kva.example"),
        ("mu\u{308}ller.example", "xn--mller-kva.example"),
        ("XN--MLLER-KVA.example", "xn--mller-kva.example"),
        // Non-transitional: sharp s and final sigma stay what they are.
        ("straße.example", "xn--strae-oqa.example"),
        // Full-width letters, digits and dots are the ASCII ones.
        ("ｅｘａｍｐｌｅ１．ｃｏｍ", "example1.com"),
        ("例え。テスト。", "xn--r8jz45g.xn--zckzah"),
        // Characters without a width vanish: they cannot make a second name.
        ("exa\u{200b}mple.com", "example.com"),
        ("exa\u{ad}mple.com", "example.com"),
        ("\u{feff}example.com", "example.com"),
        ("موقع.example", "xn--4gbrim.example"),
    ] {
        assert_eq!(name(text).as_str(), canonical, "{text:?}");
        assert_eq!(name(text), name(canonical));
        assert_eq!(OwnerName::parse(text).unwrap(), OwnerName::from(name(text)));
    }
}

#[test]
fn what_is_not_a_name_is_refused_with_its_reason() {
    use NameError::{Address, Character, Empty, EmptyLabel, Hyphen, International, LabelTooLong, TooLong};
    let long_label = format!("{}.com", "a".repeat(64));
    let long_name = format!("{}com", "a.".repeat(126));
    let long_unicode = format!("{}.com", "ü".repeat(63));
    for (text, error) in [
        ("", Empty),
        (".", Empty),
        ("\u{200b}", Empty),
        (".com", EmptyLabel),
        ("..", EmptyLabel),
        ("a..com", EmptyLabel),
        ("a.com..", EmptyLabel),
        ("a.\u{200b}.com", EmptyLabel),
        (&long_label, LabelTooLong),
        (&long_unicode, LabelTooLong),
        (&long_name, TooLong),
        (r"b\097nk.test", Character('\\')),
        (r"a\.b.com", Character('\\')),
        ("a\0.com", Character('\0')),
        ("a\u{7f}.com", Character('\u{7f}')),
        ("a\n.com", Character('\n')),
        (" a.com", Character(' ')),
        ("a.com ", Character(' ')),
        ("a b.com", Character(' ')),
        ("_acme-challenge.a.com", Character('_')),
        ("a_b.com", Character('_')),
        ("*.a.com", Character('*')),
        ("a.com/", Character('/')),
        ("https://a.com", Character(':')),
        ("a.com:53", Character(':')),
        ("a@b.com", Character('@')),
        ("a%2ecom", Character('%')),
        ("-a.com", Hyphen),
        ("a-.com", Hyphen),
        ("ab--c.com", Hyphen),
        ("192.0.2.1", Address),
        ("192.0.2.1.", Address),
        ("2001:db8::1", Address),
        ("a.123", Address),
        ("１９２．０．２．１", Address),
        // Full-width forms of characters that are refused, and a no-break space.
        ("a＿b.com", International),
        ("a＼b.com", International),
        ("a\u{a0}b.com", International),
        // Joiner out of place, direction marks and overrides, mixed directions.
        ("a\u{200d}b.com", International),
        ("a\u{200e}b.com", International),
        ("a\u{202e}b.com", International),
        ("aא.com", International),
        // A-labels that stand for nothing, for ASCII, or for something not in its own canonical form.
        ("xn--.com", Hyphen),
        ("xn--a.com", International),
        ("xn--abc-.com", Hyphen),
        ("xn--Mller-kva\u{fc}.com", International),
        ("xn--abc-a.com", International),
        ("\u{fffd}.com", International),
        ("\u{301}a.com", International),
    ] {
        assert_eq!(DomainName::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn the_longest_name_and_label_are_accepted() {
    let label = "a".repeat(63);
    assert_eq!(name(&label).as_str(), label);
    let longest = format!("{}.{}.{}.{}", label, label, label, "a".repeat(61));
    assert_eq!(name(&format!("{longest}.")).as_str().len(), 253);
    assert_eq!(name(&longest).child("a"), Err(NameError::TooLong));
    assert_eq!(OwnerName::below("*", &name(&longest)), Err(NameError::TooLong));
}

#[test]
fn the_tree_is_walked_label_by_label() {
    let leaf = name("a.b.example");
    assert_eq!(leaf.labels().collect::<Vec<_>>(), ["a", "b", "example"]);
    let ancestors: Vec<_> = std::iter::successors(Some(leaf.clone()), DomainName::parent).collect();
    assert_eq!(ancestors, [leaf.clone(), name("b.example"), name("example")]);
    assert_eq!(name("b.example").child("A"), Ok(leaf));
    assert_eq!(name("example").child("müller"), Ok(name("xn--mller-kva.example")));
    for (label, error) in [
        ("", NameError::EmptyLabel),
        (".", NameError::EmptyLabel),
        ("a.b", NameError::NotOneLabel),
        ("a。b", NameError::NotOneLabel),
        ("a.", NameError::EmptyLabel),
        ("*", NameError::Character('*')),
        ("_dmarc", NameError::Character('_')),
    ] {
        assert_eq!(name("example").child(label), Err(error), "{label:?}");
    }
}

#[test]
fn below_is_decided_by_labels_not_by_letters() {
    let bank = name("bank.test");
    assert!(name("api.bank.test").is_below(&bank));
    assert!(name("a.api.bank.test").is_below(&bank));
    for other in [
        "bank.test",
        "riverbank.test",
        "test",
        "bank.test.example",
        "ank.test",
    ] {
        assert!(!name(other).is_below(&bank), "{other}");
    }
    assert!(bank.is_at_or_below(&bank));
    assert!(!name("riverbank.test").is_at_or_below(&bank));
    assert!(OwnerName::parse("*.bank.test").unwrap().is_at_or_below(&bank));
    assert!(OwnerName::from(bank.clone()).is_at_or_below(&bank));
    assert!(
        !OwnerName::parse("_x.riverbank.test")
            .unwrap()
            .is_at_or_below(&bank)
    );
}

#[test]
fn both_forms_of_an_international_name_are_at_hand() {
    assert_eq!(name("xn--mller-kva.example").to_unicode(), "müller.example");
    assert_eq!(name("example.com").to_unicode(), "example.com");
}

#[test]
fn owners_of_records_may_have_underscores_and_a_leading_asterisk() {
    for (text, canonical) in [
        ("_acme-challenge.example.com", "_acme-challenge.example.com"),
        ("_443._TCP.Example.com.", "_443._tcp.example.com"),
        ("s1_a._domainkey.example.com", "s1_a._domainkey.example.com"),
        ("*.example.com", "*.example.com"),
        ("*._tcp.example.com", "*._tcp.example.com"),
        ("_dmarc.müller.example", "_dmarc.xn--mller-kva.example"),
        ("r3---a.example.com", "r3---a.example.com"),
    ] {
        let owner = OwnerName::parse(text).unwrap();
        assert_eq!(owner.as_str(), canonical);
        assert_eq!(owner.is_wildcard(), canonical.starts_with('*'));
        assert!(DomainName::parse(text).is_err(), "{text}");
    }
    for text in [
        "*",
        "*.",
        "a.*.com",
        "*a.com",
        "a*.com",
        "*.*.com",
        "**.com",
        "＊.com",
        "@",
        "@.com",
        "a b.com",
        r"\052.com",
        "a/b.com",
        "_a..com",
        "-a.com",
        "a\0.com",
        "_\u{202e}.com",
        "192.0.2.1",
        "",
    ] {
        assert!(OwnerName::parse(text).is_err(), "{text:?}");
    }
    let base = name("example.com");
    assert_eq!(
        OwnerName::below("_443._tcp", &base),
        OwnerName::parse("_443._tcp.example.com")
    );
    assert_eq!(OwnerName::below("*", &base), OwnerName::parse("*.example.com"));
    assert_eq!(OwnerName::below("", &base), Err(NameError::EmptyLabel));
}

#[test]
fn json_holds_the_canonical_text_and_is_parsed() {
    let read: DomainName = serde_json::from_str(r#""M\u00fcller.EXAMPLE.""#).unwrap();
    assert_eq!(
        serde_json::to_string(&read).unwrap(),
        r#""xn--mller-kva.example""#
    );
    assert!(serde_json::from_str::<DomainName>(r#""_a.example""#).is_err());
    let owner: OwnerName = serde_json::from_str(r#""_A.example""#).unwrap();
    assert_eq!(serde_json::to_string(&owner).unwrap(), r#""_a.example""#);
    assert!(serde_json::from_str::<OwnerName>(r#""a b.example""#).is_err());
}

/// Texts close enough to names that many are accepted, with what could go wrong mixed in.
fn near_name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z0-9]{1,20}",
        2 => "[äöüßéñøłşğ]{1,3}",
        1 => "[א-ת]{1,4}",
        1 => "[ぁ-ん一-十]{1,3}",
        1 => "[\u{200b}-\u{200f}\u{ad}\u{202a}-\u{202e}\u{2060}\u{feff}\u{301}]",
        1 => "[．。｡ａ-ｚ０-９]{1,3}",
        3 => prop::sample::select(vec![".", "-", "--", "_", "*.", "xn--", "XN--", "\\", "\0", " ", "İ"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn labels_hold(name: &str, allowed: impl Fn(char) -> bool) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || allowed(c))
        })
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let parsed = DomainName::parse(text);
    if let Ok(name) = &parsed {
        prop_assert!(labels_hold(name.as_str(), |c| c == '-'), "{}", name);
        prop_assert_eq!(&DomainName::parse(name.as_str()), &parsed);
        prop_assert_eq!(&DomainName::parse(&name.as_str().to_uppercase()), &parsed);
        prop_assert_eq!(&DomainName::parse(&format!("{name}.")), &parsed);
        prop_assert_eq!(&DomainName::parse(&name.to_unicode()), &parsed);
        if let Some(parent) = name.parent() {
            prop_assert_eq!(&DomainName::parse(parent.as_str()), &Ok(parent.clone()));
            prop_assert_eq!(&parent.child(name.labels().next().unwrap()), &parsed);
            prop_assert!(name.is_below(&parent) && !parent.is_at_or_below(name));
        }
    }
    let owner = OwnerName::parse(text);
    if let Ok(owner) = &owner {
        let rest = owner.as_str().strip_prefix("*.").unwrap_or(owner.as_str());
        prop_assert!(labels_hold(rest, |c| c == '-' || c == '_'), "{}", owner);
        prop_assert_eq!(OwnerName::parse(owner.as_str()), Ok(owner.clone()));
    }
    if let Ok(name) = parsed {
        prop_assert_eq!(owner, Ok(OwnerName::from(name)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_canonical_form_is_a_fixed_point(text in near_name()) {
        check(&text)?;
    }

    #[test]
    fn any_text_at_all_is_refused_or_canonical(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn generated_host_names_are_accepted(text in r"[a-z0-9]([a-z][a-z0-9]{0,20}){0,1}(\.[a-z][a-z0-9]{0,20}){1,5}") {
        let parsed = name(&text);
        prop_assert_eq!(parsed.as_str(), text);
    }
}
