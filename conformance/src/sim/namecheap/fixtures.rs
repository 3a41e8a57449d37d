//! What the vendor's customers have at the start.

use serde_json::json;

use super::account::Account;
use super::{OWN_HOSTS, VENDOR};
use crate::sim::fixtures::{Case, Fixtures, Plain, put_domain};
use crate::sim::world::{Domain, Ds, World};

/// The customer's account.
const CUSTOMER: &str = "testcustomer";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const WRONG_KEY: &str = "00000000000000000000000000000000";
/// An account whose allow-list has other addresses only.
const NOT_LISTED: &str = "testnotlisted";
/// An account for which the vendor is away.
const AWAY: &str = "testaway";
const STRANGER: &str = "teststranger";
/// Where the domains are served at the start.
const ELSEWHERE: [&str; 2] = ["ns1.old-host.example", "ns2.old-host.example"];

/// A customer's zone.
const ZONE: &[Plain] = &[
    ("", "A", "192.0.2.10", 1800, None),
    ("", "MX", "mail1.mail-host.example.", 1800, Some(10)),
    ("", "MX", "mail2.mail-host.example.", 1800, Some(20)),
    ("", "TXT", "v=spf1 include:mail-host.example -all", 1799, None),
    ("", "CAA", "0 issue \"ca.example\"", 1799, None),
    ("www", "CNAME", "web.web-host.example.", 300, None),
    ("*", "A", "192.0.2.11", 1800, None),
    (
        "sel1._domainkey",
        "TXT",
        "v=DKIM1; k=rsa; p=VGVzdEtleQ+/==",
        1799,
        None,
    ),
    (
        "_dmarc",
        "TXT",
        "v=DMARC1; p=reject; rua=mailto:reports@mail-host.example",
        1799,
        None,
    ),
    ("shop", "AAAA", "2001:db8::10", 1800, None),
    (
        "old",
        "URL301",
        "https://www.web-host.example/a?b=1&c=2",
        1800,
        None,
    ),
];

pub(super) fn accounts() -> Vec<Account> {
    let account = |user| Account {
        user,
        key: KEY,
        listed: user != NOT_LISTED,
        away: user == AWAY,
        shared: if user == CUSTOMER {
            &["namecheap-shared.com"]
        } else {
            &[]
        },
    };
    vec![account(CUSTOMER), account(NOT_LISTED), account(AWAY)]
}

pub(super) fn put(world: &World) -> Fixtures {
    let ordinary = || Domain::ordinary(VENDOR, CUSTOMER, &ELSEWHERE);
    let more = [
        "namecheap-second.com",
        // bücher
        "xn--namecheap-bcher-9vb.com",
        "namecheap-customer.co.uk",
    ];
    for name in ["namecheap-ordinary.com"].iter().chain(&more) {
        put_domain(world, name, ordinary(), &[]);
    }
    let hosted = Domain {
        hosted: true,
        ..Domain::ordinary(VENDOR, CUSTOMER, &OWN_HOSTS)
    };
    put_domain(world, "namecheap-hosted.com", hosted, ZONE);
    let signed = Domain {
        ds: vec![Ds {
            key_tag: 12345,
            algorithm: 13,
            digest_type: 2,
            digest: "ab".repeat(32),
        }],
        ..ordinary()
    };
    put_domain(world, "namecheap-signed.com", signed, &[]);
    let locked = Domain {
        locked: true,
        ..ordinary()
    };
    put_domain(world, "namecheap-locked.com", locked, &[]);
    let expired = Domain {
        expired: true,
        ..ordinary()
    };
    put_domain(world, "namecheap-expired.com", expired, &[]);
    for name in ["namecheap-elsewhere.com", "namecheap-shared.com"] {
        put_domain(world, name, Domain::ordinary(VENDOR, STRANGER, &ELSEWHERE), &[]);
    }
    put_domain(
        world,
        "namecheap-not-listed.com",
        Domain::ordinary(VENDOR, NOT_LISTED, &ELSEWHERE),
        &[],
    );
    put_domain(
        world,
        "namecheap-away.com",
        Domain::ordinary(VENDOR, AWAY, &ELSEWHERE),
        &[],
    );

    let case = |domain: &str, user: &str, key: &str| Case {
        domain: domain.to_owned(),
        credentials: json!({"api_user": user, "api_key": key, "user_name": user, "client_ip": "127.0.0.1"}),
    };
    let cases = [
        ("wrong_key", case("namecheap-ordinary.com", CUSTOMER, WRONG_KEY)),
        // Another's domain, of which the account may see the details and change nothing.
        ("no_scope", case("namecheap-shared.com", CUSTOMER, KEY)),
        ("not_in_account", case("namecheap-elsewhere.com", CUSTOMER, KEY)),
        ("locked", case("namecheap-locked.com", CUSTOMER, KEY)),
        ("expired", case("namecheap-expired.com", CUSTOMER, KEY)),
        ("allow_list", case("namecheap-not-listed.com", NOT_LISTED, KEY)),
        ("down", case("namecheap-away.com", AWAY, KEY)),
    ];
    Fixtures {
        ordinary: case("namecheap-ordinary.com", CUSTOMER, KEY),
        domains: more.map(str::to_owned).to_vec(),
        hosted: Some(case("namecheap-hosted.com", CUSTOMER, KEY)),
        signed: Some(case("namecheap-signed.com", CUSTOMER, KEY)),
        cases: cases
            .map(|(name, case)| (name.to_owned(), case))
            .into_iter()
            .collect(),
    }
}
