//! DS data and record types: what is read, what is refused, how it is written.

use powerdns_client::{Ds, DsError, RecordType};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_ds_is_read_as_it_was_written(
        key_tag: u16,
        algorithm: u8,
        (digest_type, digest) in prop_oneof![
            (Just(Ds::SHA1), prop::collection::vec(any::<u8>(), 20)),
            (Just(Ds::SHA256), prop::collection::vec(any::<u8>(), 32)),
            (Just(Ds::SHA384), prop::collection::vec(any::<u8>(), 48)),
        ],
        cut in 0_usize..100,
    ) {
        let ds = Ds::new(key_tag, algorithm, digest_type, digest.clone()).expect("the right length");
        prop_assert_eq!((ds.key_tag(), ds.algorithm(), ds.digest_type(), ds.digest()), (key_tag, algorithm, digest_type, &*digest));
        let text = ds.to_string();
        prop_assert_eq!(text.parse::<Ds>(), Ok(ds.clone()));
        prop_assert_eq!(text.to_ascii_uppercase().parse::<Ds>(), Ok(ds));
        prop_assert!(text.get(..cut).is_none_or(|start| start == text || start.parse::<Ds>().is_err()));
    }
}

#[test]
fn texts_that_are_no_ds() {
    let digest = "ab".repeat(32);
    for text in [
        "",
        "1 13 2",
        "1 13",
        "x 13 2 ab",
        "65536 13 2 ab",
        "1 256 2 ab",
        "1 13 2 abc",
        "1 13 2 xy",
        "-1 13 2 ab",
    ] {
        assert!(text.parse::<Ds>().is_err(), "{text}");
    }
    assert_eq!(
        format!("1 13 2 {digest}ab").parse::<Ds>(),
        Err(DsError::DigestLength {
            expected: 32,
            found: 33
        })
    );
    assert_eq!(
        format!("1 13 4 {digest}").parse::<Ds>(),
        Err(DsError::DigestLength {
            expected: 48,
            found: 32
        })
    );
    assert_eq!(
        format!("1 13 3 {digest}").parse::<Ds>(),
        Err(DsError::UnknownDigestType(3))
    );
    let (first, second) = digest.split_at(24);
    assert!(
        format!("1 13 2 {first} {second}").parse::<Ds>().is_ok(),
        "in groups, as dig writes it"
    );
}

#[test]
fn a_record_type_has_one_spelling() {
    assert_eq!("aaaa".parse(), Ok(RecordType::AAAA));
    assert_eq!("Nsec3Param".parse(), Ok(RecordType::NSEC3PARAM));
    assert_eq!(
        "type65280"
            .parse::<RecordType>()
            .expect("a type by number")
            .as_str(),
        "TYPE65280"
    );
    for text in ["", "A B", "A\n", "Ä", "A,B", &"A".repeat(17)] {
        assert!(text.parse::<RecordType>().is_err(), "{text:?}");
    }
}
