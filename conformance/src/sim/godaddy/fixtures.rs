//! What the vendor's customers have at the start.

use serde_json::json;

use super::account::{Account, NAMESERVERS, READ, RECORDS, Token};
use super::{OWN_HOSTS, VENDOR};
use crate::sim::fixtures::{Case, Fixtures, Plain, put_domain};
use crate::sim::world::{Domain, Ds, World};

/// The customer's account.
const CUSTOMER: &str = "godaddy-customer";
const STRANGER: &str = "godaddy-stranger";
/// An account below the tier that may use the API.
const SMALL: &str = "godaddy-small";
/// An account for which the vendor is away.
const AWAY: &str = "godaddy-away";

const KEY: &str = "TestKeyCustomer_TestKeyTestKeyTestKey";
const SECRET: &str = "TestSecretTestSecret22";
const SMALL_KEY: &str = "TestKeySmall_TestKeyTestKeyTestKeyTes";
const AWAY_KEY: &str = "TestKeyAway_TestKeyTestKeyTestKeyTest";
const WRONG_SECRET: &str = "NobodysNobodysNobodys2";

/// A token of the customer with the scopes to read, to change name servers, and to change records.
pub const ACCESS_TOKEN: &str = "gd_pat_TestTokenTestTokenTestTokenFull";
/// A token of the customer with the scope to read alone.
pub const ACCESS_TOKEN_READ_ONLY: &str = "gd_pat_TestTokenTestTokenTestTokenRead";
/// A token of the customer that has ended.
const EXPIRED_TOKEN: &str = "gd_pat_TestTokenTestTokenTestTokenPast";
/// The number by which the customer knows the account.
pub const SHOPPER_ID: &str = "123456789";
const CUSTOMER_ID: &str = "00000000-0000-4000-8000-000000000001";

/// Where the domains are served at the start.
const ELSEWHERE: [&str; 2] = ["ns1.old-host.example", "ns2.old-host.example"];

/// A customer's zone.
const ZONE: &[Plain] = &[
    ("", "A", "192.0.2.10", 600, None),
    ("", "NS", OWN_HOSTS[0], 3600, None),
    ("", "NS", OWN_HOSTS[1], 3600, None),
    ("", "MX", "mail1.mail-host.example", 3600, Some(10)),
    ("", "MX", "mail2.mail-host.example", 3600, Some(20)),
    ("", "TXT", "v=spf1 include:mail-host.example -all", 3600, None),
    ("", "CAA", "0 issue \"ca.example\"", 3600, None),
    ("www", "CNAME", "@", 3600, None),
    ("*", "A", "192.0.2.11", 600, None),
    (
        "sel1._domainkey",
        "TXT",
        "v=DKIM1; k=rsa; p=VGVzdEtleQ==",
        3600,
        None,
    ),
    (
        "_dmarc",
        "TXT",
        "v=DMARC1; p=reject; rua=mailto:reports@mail-host.example",
        3600,
        None,
    ),
    (
        "_sip._tcp",
        "SRV",
        "5 5060 sip.voice-host.example",
        3600,
        Some(10),
    ),
    ("shop", "AAAA", "2001:db8::10", 600, None),
];

pub(super) fn accounts() -> Vec<Account> {
    let account = Account {
        name: CUSTOMER,
        key: KEY,
        secret: SECRET,
        shopper: SHOPPER_ID,
        customer: CUSTOMER_ID,
        eligible: true,
        away: false,
    };
    vec![
        account,
        Account {
            name: SMALL,
            key: SMALL_KEY,
            shopper: "123456780",
            customer: "00000000-0000-4000-8000-000000000002",
            eligible: false,
            ..account
        },
        Account {
            name: AWAY,
            key: AWAY_KEY,
            shopper: "123456781",
            customer: "00000000-0000-4000-8000-000000000003",
            away: true,
            ..account
        },
    ]
}

pub(super) fn tokens() -> Vec<Token> {
    let token = Token {
        text: ACCESS_TOKEN,
        account: CUSTOMER,
        scopes: &[READ, NAMESERVERS, RECORDS],
        expired: false,
    };
    vec![
        token,
        Token {
            text: ACCESS_TOKEN_READ_ONLY,
            scopes: &[READ],
            ..token
        },
        Token {
            text: EXPIRED_TOKEN,
            expired: true,
            ..token
        },
    ]
}

pub(super) fn put(world: &World) -> Fixtures {
    let ordinary = || Domain::ordinary(VENDOR, CUSTOMER, &ELSEWHERE);
    let more = [
        "godaddy-second.com",
        // bücher
        "xn--godaddy-bcher-4ob.com",
        "godaddy-customer.co.uk",
    ];
    for name in ["godaddy-ordinary.com"].iter().chain(&more) {
        put_domain(world, name, ordinary(), &[]);
    }
    let hosted = Domain {
        hosted: true,
        ..Domain::ordinary(VENDOR, CUSTOMER, &OWN_HOSTS)
    };
    put_domain(world, "godaddy-hosted.com", hosted.clone(), ZONE);
    // Protected: name servers cannot be changed, and records that are written lose their data.
    let protected = Domain {
        locked: true,
        transfer_locked: true,
        ..hosted
    };
    put_domain(world, "godaddy-locked.com", protected, ZONE);
    let signed = Domain {
        ds: vec![Ds {
            key_tag: 12345,
            algorithm: 13,
            digest_type: 2,
            digest: "ab".repeat(32),
        }],
        ..ordinary()
    };
    put_domain(world, "godaddy-signed.com", signed, &[]);
    let expired = Domain {
        expired: true,
        ..ordinary()
    };
    put_domain(world, "godaddy-expired.com", expired, &[]);
    for (name, account) in [
        ("godaddy-elsewhere.com", STRANGER),
        ("godaddy-small.com", SMALL),
        ("godaddy-away.com", AWAY),
    ] {
        put_domain(world, name, Domain::ordinary(VENDOR, account, &ELSEWHERE), &[]);
    }

    let by_key = |domain: &str, key: &str, secret: &str| Case {
        domain: domain.to_owned(),
        credentials: json!({"api_key": key, "api_secret": secret}),
    };
    let whole = |domain: &str| {
        let mut case = by_key(domain, KEY, SECRET);
        case.credentials["customer_id"] = json!(CUSTOMER_ID);
        case
    };
    let read_only = Case {
        domain: "godaddy-ordinary.com".to_owned(),
        credentials: json!({"access_token": ACCESS_TOKEN_READ_ONLY}),
    };
    let cases = [
        ("wrong_key", by_key("godaddy-ordinary.com", KEY, WRONG_SECRET)),
        ("no_scope", read_only),
        ("not_in_account", whole("godaddy-elsewhere.com")),
        ("locked", whole("godaddy-locked.com")),
        ("expired", whole("godaddy-expired.com")),
        ("tier", by_key("godaddy-small.com", SMALL_KEY, SECRET)),
        ("down", by_key("godaddy-away.com", AWAY_KEY, SECRET)),
    ];
    Fixtures {
        ordinary: whole("godaddy-ordinary.com"),
        domains: more.map(str::to_owned).to_vec(),
        hosted: Some(whole("godaddy-hosted.com")),
        signed: Some(whole("godaddy-signed.com")),
        cases: cases
            .map(|(name, case)| (name.to_owned(), case))
            .into_iter()
            .collect(),
    }
}
