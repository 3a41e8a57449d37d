//! What is in a fresh world: applications, consumer keys, domains, zones.

use std::collections::BTreeMap;

use serde_json::json;

use super::keys::Key;
use super::settings::{Application, Credential, Settings};
use super::{NAMESERVERS, VENDOR};
use crate::sim::controls::Controls;
use crate::sim::fixtures::{Case, Fixtures, OLD_HOSTS, put_domain};
use crate::sim::journal::Journal;
use crate::sim::world::{Domain, Record, World, Zone};

/// The application.
pub const APPLICATION_KEY: &str = "testovhapp000001";
/// Its secret.
pub const APPLICATION_SECRET: &str = "testovhappsecret0000000000000001";
/// A secret that is not its.
pub const WRONG_SECRET: &str = "testovhappsecret0000000000000002";
/// An application that this region does not know.
pub const FOREIGN_KEY: &str = "testovhapp000009";
/// Grants what the documents name as the least for each domain and zone of [`ACCOUNT`], with the export of zones and their DNSSEC.
pub const ORDINARY: &str = "testovhconsumerordinary000000001";
/// Grants every GET and nothing else.
pub const READ_ONLY: &str = "testovhconsumerreadonly000000001";
/// Waits for its user.
pub const PENDING: &str = "testovhconsumerpending0000000001";
/// Its time is over.
pub const EXPIRED: &str = "testovhconsumerexpired0000000001";
/// OVH is away when it is used.
pub const DOWN: &str = "testovhconsumerdown0000000000001";
/// A consumer key that does not exist.
pub const UNKNOWN: &str = "testovhconsumerunknown0000000001";

/// The account that the keys are for.
pub const ACCOUNT: &str = "ovh-main";
/// Another account.
pub const OTHER_ACCOUNT: &str = "ovh-other";
/// A zone of [`ACCOUNT`] for a domain that is registered elsewhere.
pub const ZONE_ONLY: &str = "ovh-zone-only.com";

const DOMAINS: [&str; 4] = [
    "ovh-ordinary.com",
    "ovh-second.com",
    "xn--ovh-bcher-u9a.com",
    "ovh-ordinary.co.uk",
];
const HOSTED: &str = "ovh-hosted.com";
const SIGNED: &str = "ovh-signed.com";
const LOCKED: &str = "ovh-locked.com";
const EXPIRED_DOMAIN: &str = "ovh-expired.com";
const ELSEWHERE: &str = "ovh-elsewhere.com";

/// A customer's zone: owner, type, data as OVH keeps it.
const CUSTOMER: [(&str, &str, &str); 12] = [
    ("", "NS", "dns16.ovh.net."),
    ("", "NS", "ns16.ovh.net."),
    ("", "A", "192.0.2.10"),
    ("", "AAAA", "2001:db8::10"),
    ("", "MX", "10 mail.example.net."),
    ("", "MX", "20 mail2.example.net."),
    ("", "SPF", "\"v=spf1 include:example.net -all\""),
    ("s1._domainkey", "DKIM", "v=DKIM1;k=rsa;p=dGVzdC1rZXk;"),
    ("_dmarc", "DMARC", "v=DMARC1;p=reject"),
    ("", "CAA", "0 issue \"letsencrypt.org\""),
    ("*", "A", "192.0.2.11"),
    ("www", "CNAME", "@"),
];

/// What the documents name as the least, for a domain that is also a zone. `D` stands for its name.
const RULES: [&str; 18] = [
    "GET PUT /domain/D",
    "GET /domain/D/serviceInfos",
    "GET /domain/D/nameServer",
    "GET /domain/D/nameServer/*",
    "POST /domain/D/nameServers/update",
    "GET POST /domain/D/dsRecord",
    "GET /domain/D/dsRecord/*",
    "GET /domain/D/task",
    "GET /domain/D/task/*",
    "GET POST /domain/D/glueRecord",
    "GET POST /domain/D/glueRecord/*",
    "GET /domain/zone/D",
    "GET /domain/zone/D/status",
    "GET POST DELETE /domain/zone/D/dnssec",
    "GET POST /domain/zone/D/record",
    "GET PUT DELETE /domain/zone/D/record/*",
    "POST /domain/zone/D/refresh",
    "GET /domain/zone/D/export",
];

/// Puts what is not there yet. The keys that come back are those whose DS the world has.
pub(super) fn put(
    world: &World,
    controls: &Controls<Settings>,
    journal: &Journal,
) -> (Fixtures, BTreeMap<String, Vec<Key>>) {
    let all = [HOSTED, SIGNED, LOCKED, EXPIRED_DOMAIN, ELSEWHERE];
    for name in DOMAINS.iter().chain(&all) {
        let account = if *name == ELSEWHERE {
            OTHER_ACCOUNT
        } else {
            ACCOUNT
        };
        let hosts = if *name == HOSTED { NAMESERVERS } else { OLD_HOSTS };
        let mut domain = Domain::ordinary(VENDOR, account, &hosts);
        domain.hosted = *name == HOSTED;
        domain.locked = *name == LOCKED;
        domain.expired = *name == EXPIRED_DOMAIN;
        if *name == SIGNED {
            domain.ds.push(Key::of_zone(SIGNED).ds(SIGNED));
        }
        put_domain(world, name, domain, &[]);
    }
    zone(world, HOSTED);
    zone(world, ZONE_ONLY);
    let key = Key {
        id: world.state().next_id(),
        ..Key::of_zone(SIGNED)
    };

    let secrets = [ORDINARY, READ_ONLY, PENDING, EXPIRED, DOWN, UNKNOWN];
    for secret in secrets.into_iter().chain([APPLICATION_SECRET, WRONG_SECRET]) {
        journal.mask(secret);
    }
    controls.with(|settings| {
        settings.applications.push(Application {
            key: APPLICATION_KEY.to_owned(),
            secret: APPLICATION_SECRET.to_owned(),
        });
        settings
            .credentials
            .extend(credentials(&[&DOMAINS[..], &all, &[ZONE_ONLY]].concat()));
    });

    let case = |domain: &str, secret: &str, consumer_key: &str| Case {
        domain: domain.to_owned(),
        credentials: json!({
            "region": "eu",
            "application_key": APPLICATION_KEY,
            "application_secret": secret,
            "consumer_key": consumer_key,
        }),
    };
    let usual = |domain| case(domain, APPLICATION_SECRET, ORDINARY);
    let ordinary = DOMAINS[0];
    let fixtures = Fixtures {
        ordinary: usual(ordinary),
        domains: DOMAINS[1..].iter().map(|&name| name.to_owned()).collect(),
        hosted: Some(usual(HOSTED)),
        signed: Some(usual(SIGNED)),
        cases: BTreeMap::from([
            ("wrong_key".to_owned(), case(ordinary, WRONG_SECRET, ORDINARY)),
            (
                "no_scope".to_owned(),
                case(ordinary, APPLICATION_SECRET, READ_ONLY),
            ),
            ("not_in_account".to_owned(), usual(ELSEWHERE)),
            ("locked".to_owned(), usual(LOCKED)),
            ("expired".to_owned(), usual(EXPIRED_DOMAIN)),
            ("down".to_owned(), case(ordinary, APPLICATION_SECRET, DOWN)),
        ]),
    };
    (fixtures, BTreeMap::from([(SIGNED.to_owned(), vec![key])]))
}

fn credentials(names: &[&str]) -> Vec<Credential> {
    let mut rules = vec![("GET".to_owned(), "/auth/currentCredential".to_owned())];
    for name in names {
        for rule in RULES {
            let (methods, path) = rule.rsplit_once(' ').unwrap_or_default();
            let path = path.replacen("/D", &format!("/{name}"), 1);
            rules.extend(methods.split(' ').map(|method| (method.to_owned(), path.clone())));
        }
    }
    let usual = |consumer_key: &str| Credential {
        consumer_key: consumer_key.to_owned(),
        application: APPLICATION_KEY.to_owned(),
        account: ACCOUNT.to_owned(),
        status: "validated".to_owned(),
        expiration: None,
        rules: rules.clone(),
        allowed_ips: None,
        down: false,
    };
    vec![
        usual(ORDINARY),
        Credential {
            rules: vec![("GET".to_owned(), "/*".to_owned())],
            ..usual(READ_ONLY)
        },
        Credential {
            status: "pendingValidation".to_owned(),
            ..usual(PENDING)
        },
        Credential {
            expiration: Some(1_700_000_000),
            ..usual(EXPIRED)
        },
        Credential {
            down: true,
            ..usual(DOWN)
        },
    ]
}

fn zone(world: &World, name: &str) {
    let mut state = world.state();
    let key = (VENDOR.to_owned(), name.to_owned());
    if state.zones.contains_key(&key) {
        return;
    }
    let records = CUSTOMER
        .iter()
        .map(|&(owner, rtype, value)| Record {
            id: state.next_id(),
            name: owner.to_owned(),
            rtype: rtype.to_owned(),
            value: if value == "@" {
                format!("{name}.")
            } else {
                value.to_owned()
            },
            ttl: 3600,
            priority: None,
        })
        .collect();
    let account = ACCOUNT.to_owned();
    state.zones.insert(key, Zone { account, records });
}
