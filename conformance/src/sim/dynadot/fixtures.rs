//! What the vendor's customers have at the start.

use std::collections::BTreeMap;

use serde_json::json;

use super::account::Account;
use super::{OWN_HOSTS, VENDOR};
use crate::sim::fixtures::{Case, Fixtures, Plain, put_domain};
use crate::sim::world::{Domain, Ds, World};

/// The customer's account.
const CUSTOMER: &str = "dynadot-customer";
/// Somebody else's.
const STRANGER: &str = "dynadot-stranger";
/// Where the domains are served at the start.
const ELSEWHERE: [&str; 2] = ["ns1.old-host.example", "ns2.old-host.example"];

const KEY: &str = "TestKeyTestKeyTestKeyTestKeyCustomer";
const SECRET: &str = "TestSecretTestSecretTestSecretCustomer";
const WRONG_KEY: &str = "TestKeyTestKeyTestKeyTestKeyNobodys";
const AWAY_KEY: &str = "TestKeyTestKeyTestKeyTestKeyServerAway";
/// Opens the customer's account too, but not from a loopback address. What the vendor says then is not known, so that no fixture
/// promises it.
const NOT_LISTED_KEY: &str = "TestKeyTestKeyTestKeyTestKeyNotListed";

/// A customer's zone: one TTL for all of it.
const ZONE: &[Plain] = &[
    ("", "A", "192.0.2.10", 300, None),
    ("", "MX", "mail1.mail-host.example", 300, Some(10)),
    ("", "MX", "mail2.mail-host.example", 300, Some(20)),
    ("", "TXT", "v=spf1 include:mail-host.example -all", 300, None),
    ("www", "CNAME", "web.web-host.example", 300, None),
    ("*", "A", "192.0.2.11", 300, None),
    (
        "sel1._domainkey",
        "TXT",
        "v=DKIM1; k=rsa; p=VGVzdEtleQ==",
        300,
        None,
    ),
    (
        "_dmarc",
        "TXT",
        "v=DMARC1; p=reject; rua=mailto:reports@mail-host.example",
        300,
        None,
    ),
    ("shop", "AAAA", "2001:db8::10", 300, None),
    ("shop", "CAA", "0 issue \"ca.example\"", 300, None),
];

pub(super) fn accounts() -> Vec<Account> {
    let account = |name, key: &str, secret: &str| Account {
        name,
        key: key.to_owned(),
        secret: secret.to_owned(),
        listed: true,
        away: false,
    };
    vec![
        account(CUSTOMER, KEY, SECRET),
        Account {
            away: true,
            ..account(CUSTOMER, AWAY_KEY, SECRET)
        },
        Account {
            listed: false,
            ..account(CUSTOMER, NOT_LISTED_KEY, SECRET)
        },
    ]
}

pub(super) fn put(world: &World) -> Fixtures {
    let ordinary = || Domain::ordinary(VENDOR, CUSTOMER, &ELSEWHERE);
    let more = [
        "dynadot-second.com",
        // bücher
        "xn--dynadot-bcher-4ob.com",
        "dynadot-customer.co.uk",
    ];
    for name in ["dynadot-ordinary.com"].iter().chain(&more) {
        put_domain(world, name, ordinary(), &[]);
    }
    let hosted = Domain {
        hosted: true,
        ..Domain::ordinary(VENDOR, CUSTOMER, &OWN_HOSTS)
    };
    put_domain(world, "dynadot-hosted.com", hosted.clone(), ZONE);
    put_domain(world, "dynadot-parked.com", hosted, &[]);
    let signed = Domain {
        ds: vec![Ds {
            key_tag: 12345,
            algorithm: 13,
            digest_type: 2,
            digest: "ab".repeat(32),
        }],
        ..ordinary()
    };
    put_domain(world, "dynadot-signed.com", signed, &[]);
    let locked = Domain {
        locked: true,
        transfer_locked: true,
        ..ordinary()
    };
    put_domain(world, "dynadot-locked.com", locked, &[]);
    let expired = Domain {
        expired: true,
        ..ordinary()
    };
    put_domain(world, "dynadot-expired.com", expired, &[]);
    let elsewhere = Domain::ordinary(VENDOR, STRANGER, &ELSEWHERE);
    put_domain(world, "dynadot-elsewhere.com", elsewhere, &[]);

    let case = |domain: &str, key: &str| Case {
        domain: domain.to_owned(),
        credentials: json!({"api_key": key, "api_secret": SECRET}),
    };
    let cases = [
        ("wrong_key", case("dynadot-ordinary.com", WRONG_KEY)),
        ("not_in_account", case("dynadot-elsewhere.com", KEY)),
        ("locked", case("dynadot-locked.com", KEY)),
        ("expired", case("dynadot-expired.com", KEY)),
        ("down", case("dynadot-ordinary.com", AWAY_KEY)),
    ];
    Fixtures {
        ordinary: case("dynadot-ordinary.com", KEY),
        domains: more.map(str::to_owned).to_vec(),
        hosted: Some(case("dynadot-hosted.com", KEY)),
        signed: Some(case("dynadot-signed.com", KEY)),
        cases: cases
            .map(|(name, case)| (name.to_owned(), case))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
    }
}
