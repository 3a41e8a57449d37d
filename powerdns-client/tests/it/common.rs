//! What several tests need.

use std::time::Duration;

use powerdns_client::{
    CanonicalName, Client, Config, Effect, Error, ErrorKind, NewZone, RecordType, Rrset, RrsetChange,
};

use conformance_servers::PowerDns;

pub fn name(text: &str) -> CanonicalName {
    CanonicalName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Address and key of a server, and a deadline that a busy machine keeps.
pub fn config(server: &PowerDns) -> Config {
    Config {
        deadline: Duration::from_mins(1),
        ..Config::new(server.api_url(), server.api_key().into())
    }
}

pub fn client(config: Config) -> Client {
    Client::new(config).expect("a good configuration")
}

/// A signed zone with SOA and NS.
pub fn new_zone(zone: &CanonicalName) -> NewZone {
    let soa = "ns1.example. hostmaster.example. 1 10800 3600 604800 60";
    NewZone {
        rrsets: vec![
            Rrset::new(zone.clone(), RecordType::SOA, 300, [soa]),
            Rrset::new(
                zone.clone(),
                RecordType::NS,
                3600,
                ["ns1.example.", "ns2.example."],
            ),
        ],
        ..NewZone::new(zone.clone())
    }
}

pub fn replace(owner: &CanonicalName, rtype: RecordType, contents: &[&str]) -> RrsetChange {
    RrsetChange::Replace(Rrset::new(owner.clone(), rtype, 60, contents.iter().copied()))
}

pub fn delete(owner: &CanonicalName, rtype: RecordType) -> RrsetChange {
    RrsetChange::Delete {
        name: owner.clone(),
        rtype,
    }
}

/// Whatever was asked for failed, and like this.
#[track_caller]
pub fn assert_fails<T>(result: Result<T, Error>, kind: ErrorKind, effect: Effect) -> Error {
    let Err(error) = result else {
        panic!("expected {kind:?}, and it succeeded")
    };
    assert_eq!((error.kind(), error.effect()), (kind, effect), "{error:?}");
    error
}
