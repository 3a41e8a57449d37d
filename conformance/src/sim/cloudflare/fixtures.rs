//! What is in a fresh world: tokens, zones, registrations.

use std::collections::BTreeMap;

use serde_json::json;

use super::settings::{Owner, Permission, Scope, Settings, State, Token, ZoneFacts};
use super::{NAMESERVERS, VENDOR};
use crate::sim::controls::Controls;
use crate::sim::fixtures::{Case, Fixtures, Plain, put_domain};
use crate::sim::journal::Journal;
use crate::sim::world::{Domain, Ds, World};

/// A user's token for all zones of [`ACCOUNT`], with Zone Read and DNS Edit.
pub const ORDINARY: &str = "test-cloudflare-token-ordinary-000000000";
/// The same, without DNS Edit: it reads records.
pub const READ_ONLY: &str = "test-cloudflare-token-read-only-00000000";
/// The same, without any right on records.
pub const NO_SCOPE: &str = "test-cloudflare-token-no-scope-000000000";
/// A token that the account itself owns, with the rights of [`ORDINARY`].
pub const ACCOUNT_OWNED: &str = "cfat_test-cloudflare-token-account-owned-000000000";
/// A token for the first domain only.
pub const ONE_ZONE: &str = "test-cloudflare-token-one-zone-000000000";
/// A token that somebody switched off.
pub const DISABLED: &str = "test-cloudflare-token-disabled-000000000";
/// A token whose time is over.
pub const EXPIRED: &str = "test-cloudflare-token-expired-0000000000";
/// A token for other addresses than ours.
pub const FILTERED: &str = "test-cloudflare-token-filtered-000000000";
/// A token at whose use Cloudflare is away.
pub const DOWN: &str = "test-cloudflare-token-down-0000000000000";
/// A token that does not exist.
pub const UNKNOWN: &str = "test-cloudflare-token-unknown-0000000000";

/// The account that the tokens are for.
pub const ACCOUNT: &str = "cloudflare-main";
/// Another account.
pub const OTHER_ACCOUNT: &str = "cloudflare-other";

const DOMAINS: [&str; 4] = [
    "cloudflare-ordinary.com",
    "cloudflare-second.com",
    "xn--cloudflare-bcher-uzb.com",
    "cloudflare-ordinary.co.uk",
];
const HOSTED: &str = "cloudflare-hosted.com";
const SIGNED: &str = "cloudflare-signed.com";
const ELSEWHERE: &str = "cloudflare-elsewhere.com";

/// The records of an ordinary zone.
const WEB: [Plain; 2] = [
    ("", "A", "192.0.2.10", 3600, None),
    ("www", "A", "192.0.2.10", 3600, None),
];
/// The records of a customer with mail.
const CUSTOMER: [Plain; 10] = [
    ("", "A", "192.0.2.10", 3600, None),
    ("", "AAAA", "2001:db8::10", 3600, None),
    ("", "MX", "mail.example.net", 3600, Some(10)),
    ("", "MX", "mail2.example.net", 3600, Some(20)),
    ("", "TXT", "\"v=spf1 include:example.net -all\"", 1, None),
    (
        "s1._domainkey",
        "TXT",
        "\"v=DKIM1; k=rsa; p=dGVzdC1rZXk\"",
        1,
        None,
    ),
    ("_dmarc", "TXT", "\"v=DMARC1; p=reject\"", 3600, None),
    ("", "CAA", "0 issue \"letsencrypt.org\"", 3600, None),
    ("*", "A", "192.0.2.11", 3600, None),
    ("www", "CNAME", HOSTED, 1, None),
];

/// Puts what is not there yet.
pub(super) fn put(world: &World, controls: &Controls<Settings>, journal: &Journal) -> Fixtures {
    for name in DOMAINS {
        domain(world, name, ACCOUNT, &WEB);
    }
    domain(world, HOSTED, ACCOUNT, &CUSTOMER);
    domain(world, SIGNED, ACCOUNT, &WEB);
    domain(world, ELSEWHERE, OTHER_ACCOUNT, &WEB);
    world.change_domain(SIGNED, |domain| {
        if domain.ds.is_empty() {
            domain.ds.push(Ds {
                key_tag: 2371,
                algorithm: 13,
                digest_type: 2,
                digest: [
                    super::hex_id(&["digest", SIGNED]),
                    super::hex_id(&["more of it", SIGNED]),
                ]
                .concat(),
            });
        }
    });
    controls.with(|settings| {
        settings
            .zones
            .entry(SIGNED.to_owned())
            .or_insert_with(|| ZoneFacts {
                dnssec: "active".to_owned(),
                ..ZoneFacts::default()
            });
        settings.tokens.extend(tokens());
        for token in &settings.tokens {
            journal.mask(&token.secret);
        }
    });
    journal.mask(UNKNOWN);

    let case = |domain: &str, token: &str| Case {
        domain: domain.to_owned(),
        credentials: json!({"api_token": token}),
    };
    let ordinary = DOMAINS[0];
    Fixtures {
        ordinary: case(ordinary, ORDINARY),
        domains: DOMAINS[1..].iter().map(|&name| name.to_owned()).collect(),
        hosted: Some(case(HOSTED, ORDINARY)),
        signed: Some(case(SIGNED, ORDINARY)),
        cases: BTreeMap::from([
            ("wrong_key".to_owned(), case(ordinary, UNKNOWN)),
            ("no_scope".to_owned(), case(ordinary, NO_SCOPE)),
            ("not_in_account".to_owned(), case(ELSEWHERE, ORDINARY)),
            ("allow_list".to_owned(), case(ordinary, FILTERED)),
            ("down".to_owned(), case(ordinary, DOWN)),
        ]),
    }
}

fn tokens() -> Vec<Token> {
    use Permission::{DnsEdit, DnsRead, ZoneRead};
    let usual = |secret| Token::user(secret, ACCOUNT, &[ZoneRead, DnsEdit]);
    vec![
        usual(ORDINARY),
        Token::user(READ_ONLY, ACCOUNT, &[ZoneRead, DnsRead]),
        Token::user(NO_SCOPE, ACCOUNT, &[ZoneRead]),
        Token {
            owner: Owner::Account(ACCOUNT.to_owned()),
            ..usual(ACCOUNT_OWNED)
        },
        Token {
            scope: Scope::Zones(vec![DOMAINS[0].to_owned()]),
            ..usual(ONE_ZONE)
        },
        Token {
            state: State::Disabled,
            ..usual(DISABLED)
        },
        Token {
            expires_on: Some(1_700_000_000),
            ..usual(EXPIRED)
        },
        Token {
            filtered: true,
            ..usual(FILTERED)
        },
        Token {
            down: true,
            ..usual(DOWN)
        },
    ]
}

fn domain(world: &World, name: &str, account: &str, records: &[Plain]) {
    let registered = Domain {
        hosted: true,
        transfer_locked: true,
        ..Domain::ordinary(VENDOR, account, &NAMESERVERS)
    };
    put_domain(world, name, registered, records);
}
