//! What the vendor documents is read, and what it refuses is understood. Nothing is sent.

use std::collections::BTreeMap;

use pdm_adapter_ovh::errors::{Meaning, read};
use pdm_adapter_ovh::rules::{self, Call};
use pdm_adapter_ovh::wire::{self, AccessRule};
use pdm_adapter_ovh::{DESCRIPTOR, Ovh, zone_file};
use pdm_registrar::http::reqwest;
use pdm_registrar::{Adapter, Credentials, DomainName, Endpoint, ErrorKind, ZoneRecord};

fn parse<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).expect("the documented form")
}

#[test]
fn a_documented_domain_is_read() {
    let domain: wire::Domain = parse(
        r#"{"domain":"example.com","nameServerType":"hosted","nameServers":[{"id":33578504,"nameServer":"ns16.ovh.net",
        "nameServerType":"hosted","ipv4":null,"ipv6":null}],"dnssecState":"disabled","dnssecSupported":true,"hostSupported":true,
        "glueRecordIpv6Supported":true,"glueRecordMultiIpSupported":true,"state":"ok","suspensionState":"not_suspended",
        "renewalState":"automatic_renew","transferLockStatus":"locked","expirationDate":"2027-01-01T00:00:00+00:00",
        "lastUpdate":"2021-11-02T12:01:13+01:00","offer":"gold","owoSupported":true,"whoisOwner":"123456","parentService":null,
        "serviceId":1,"contactOwner":{"id":"123456"},"iam":null}"#,
    );
    assert_eq!(domain.name_server_type, "hosted");
    assert_eq!(domain.dnssec_state.as_deref(), Some("disabled"));
    assert_eq!(domain.state.as_deref(), Some("ok"));
    assert_eq!(domain.transfer_lock_status.as_deref(), Some("locked"));
}

#[test]
fn the_shorter_form_of_the_guide_is_read_too() {
    let domain: wire::Domain = parse(
        r#"{"parentService":null,"domain":"example.com","offer":"gold","dnssecSupported":true,"owoSupported":true,
        "transferLockStatus":"locked","whoisOwner":"123456","hostSupported":true,"glueRecordIpv6Supported":true,
        "glueRecordMultiIpSupported":true,"lastUpdate":"2021-11-02T12:01:13+01:00","nameServerType":"hosted"}"#,
    );
    assert_eq!(domain.state, None);
}

#[test]
fn documented_name_servers_tasks_keys_and_records_are_read() {
    let server: wire::NameServer =
        parse(r#"{"id":33578504,"host":"ns16.ovh.net","ip":null,"isUsed":true,"toDelete":false}"#);
    assert!(server.is_used && !server.to_delete);
    let task: wire::Task = parse(
        r#"{"id":414283126,"function":"DomainDnsUpdate","status":"todo","type":"domain","domain":"example.com","comment":null,
        "creationDate":"2022-04-07T15:56:01.593746+02:00","todoDate":"2022-04-07T15:56:01+02:00",
        "lastUpdate":"2022-04-07T15:56:01+02:00","doneDate":null,"canRelaunch":false,"canAccelerate":false,"canCancel":true}"#,
    );
    assert_eq!(
        (task.id, task.status.as_str(), task.can_relaunch),
        (414_283_126, "todo", false)
    );
    let key: wire::Key =
        parse(r#"{"id":11,"algorithm":13,"flags":257,"publicKey":"AwEAAQ==","tag":20326,"status":"active"}"#);
    assert_eq!((key.algorithm, key.flags), (13, 257));
    let record: wire::Record = parse(
        r#"{"id":5012345678,"zone":"example.com","subDomain":"sub","fieldType":"NS","target":"ns1.dns.example.net.","ttl":3600}"#,
    );
    assert_eq!(record.id, 5_012_345_678);
    let apex: wire::Record =
        parse(r#"{"id":1,"subDomain":null,"fieldType":"TXT","target":"\"x\"","ttl":null}"#);
    assert_eq!((apex.sub_domain, apex.ttl), (None, None));
    let status: wire::ZoneStatus = parse(r#"{"isDeployed":true,"errors":null,"warnings":null}"#);
    assert!(status.is_deployed && status.errors.is_none());
    let zone: wire::Zone = parse(
        r#"{"name":"example.com","nameServers":["dns16.ovh.net","ns16.ovh.net"],"dnssecSupported":true,"hasDnsAnycast":false,
        "lastUpdate":"2021-11-02T12:01:13+01:00"}"#,
    );
    assert_eq!(zone.name_servers.len(), 2);
    let credential: wire::Credential = parse(
        r#"{"credentialId":1,"applicationId":2,"status":"validated","creation":"2024-01-01T00:00:00+01:00","expiration":null,
        "lastUse":"2024-01-01T00:00:00+01:00","ovhSupport":false,"allowedIPs":null,
        "rules":[{"method":"GET","path":"/domain/example.com"}]}"#,
    );
    assert_eq!(credential.rules.unwrap_or_default().len(), 1);
}

#[test]
fn every_documented_refusal_has_its_kind() {
    use ErrorKind::{
        Conflict, CredentialsRejected, DomainExpired, DomainLocked, DomainNotInAccount, InvalidRequest,
        RateLimited, ScopeMissing, Unavailable, Unexpected, Unsupported,
    };
    let gateway = |code: &str, message: &str| {
        format!(r#"{{"errorCode":"{code}","httpCode":"400 Bad Request","message":"{message}"}}"#)
    };
    let backend = |class: &str, message: &str| format!(r#"{{"class":"{class}","message":"{message}"}}"#);
    let html = "<html><head><title>Error</title></head></html>".to_owned();
    let table = [
        (
            400,
            gateway("INVALID_SIGNATURE", "Invalid signature"),
            CredentialsRejected,
            true,
        ),
        (
            400,
            gateway("QUERY_TIME_OUT", "Query out of time"),
            Unavailable,
            true,
        ),
        (
            400,
            backend("Client::BadRequest", "Invalid parameter"),
            InvalidRequest,
            true,
        ),
        (
            400,
            backend("Client::ValidationError::Host", "no such host"),
            InvalidRequest,
            true,
        ),
        (
            403,
            gateway("INVALID_KEY", "Invalid key"),
            CredentialsRejected,
            true,
        ),
        (
            403,
            gateway("NOT_CREDENTIAL", "This credential does not exist"),
            CredentialsRejected,
            true,
        ),
        (
            403,
            gateway("INVALID_CREDENTIAL", "This credential is not valid"),
            CredentialsRejected,
            true,
        ),
        (
            403,
            gateway("NOT_GRANTED_CALL", "This call has not been granted"),
            ScopeMissing,
            true,
        ),
        (
            403,
            backend("Client::Forbidden", "This call has not been granted"),
            ScopeMissing,
            true,
        ),
        (
            403,
            backend("Client::Forbidden", "User not granted for this request"),
            ScopeMissing,
            true,
        ),
        (403, gateway("FORBIDDEN", "Forbidden"), DomainLocked, true),
        (
            403,
            backend("Client::Forbidden::DomDoaForbidden", "not possible"),
            Unsupported,
            true,
        ),
        (
            403,
            backend("Client::Forbidden::Other", "not in this state"),
            DomainLocked,
            true,
        ),
        (
            404,
            backend("Client::NotFound", "This service does not exist"),
            DomainNotInAccount,
            true,
        ),
        (
            404,
            backend("Client::NotFound", "The requested object (id = 7) does not exist"),
            Conflict,
            true,
        ),
        (
            404,
            backend("Client::NotFound", "Dnssec seems not activated"),
            Conflict,
            true,
        ),
        (409, backend("Client::Conflict", "pending"), Conflict, true),
        (429, html.clone(), RateLimited, true),
        (460, String::new(), DomainExpired, true),
        (418, backend("Client::Teapot", "no coffee"), Unexpected, true),
        (408, html.clone(), Unavailable, false),
        (
            500,
            backend("Server::InternalServerError", "Internal server error"),
            Unavailable,
            false,
        ),
        (502, html.clone(), Unavailable, false),
        (503, String::new(), Unavailable, false),
        (302, String::new(), Unavailable, false),
        (403, html, Unavailable, false),
    ];
    for (status, body, kind, certain) in table {
        let refused = read(status, body.as_bytes()).expect("a refusal");
        assert_eq!(
            (refused.kind, refused.certain),
            (kind, certain),
            "{status} {body}"
        );
    }
    assert_eq!(read(200, b"null"), None);
    assert_eq!(read(204, b""), None);
}

#[test]
fn what_is_gone_is_told_from_what_is_not_in_the_account() {
    let meaning = |message: &str| {
        let body = format!(r#"{{"class":"Client::NotFound","message":"{message}"}}"#);
        read(404, body.as_bytes()).expect("a refusal").meaning
    };
    assert_eq!(meaning("This service does not exist"), Meaning::NoService);
    assert_eq!(
        meaning("The requested object (id = 7) does not exist"),
        Meaning::NoObject
    );
    let skew = read(
        400,
        br#"{"errorCode":"QUERY_TIME_OUT","message":"Query out of time"}"#,
    );
    assert_eq!(skew.expect("a refusal").meaning, Meaning::OutOfTime);
}

#[test]
fn a_rule_covers_what_it_says_and_no_more() {
    for (pattern, path) in [
        ("/domain/zone/example.com", "/domain/zone/example.com"),
        ("/domain/zone/example.com/*", "/domain/zone/example.com/record/7"),
        ("/domain/*/nameServer", "/domain/example.com/nameServer"),
        ("/*", "/domain/example.com"),
        ("*", "/domain/example.com"),
        ("/domain*", "/domain"),
        ("/domain/*.com/task/*", "/domain/a.com/task/1"),
    ] {
        assert!(rules::covers(pattern, path), "{pattern} {path}");
    }
    for (pattern, path) in [
        ("/domain/zone/example.com", "/domain/zone/example.com/record"),
        ("/domain/zone/example.com/*", "/domain/zone/example.com"),
        (
            "/domain/zone/example.com/record",
            "/domain/zone/example.com/record/7",
        ),
        ("/domain/*/nameServer", "/domain/example.com/nameServers/update"),
        ("", "/domain"),
    ] {
        assert!(!rules::covers(pattern, path), "{pattern} {path}");
    }
}

/// The rights that customers are told to give, as rules for one domain.
fn advised(domain: &str) -> Vec<AccessRule> {
    let lines = DESCRIPTOR.least_scope.lines().filter(|line| line.contains(" /"));
    let lines = lines
        .filter_map(|line| line.split_once(" /"))
        .filter(|(methods, _)| {
            methods
                .split(',')
                .all(|method| ["GET", "PUT", "POST", "DELETE"].contains(&method))
        });
    let rule = |(methods, rest): (&str, &str)| {
        let path = format!("/{}", rest.split(' ').next().unwrap_or_default());
        let path = path.replace("DOMAIN", domain).replace("ZONE", domain);
        let rules = methods.split(',').map(|method| AccessRule {
            method: method.to_owned(),
            path: path.clone(),
        });
        rules.collect::<Vec<_>>()
    };
    lines.flat_map(rule).collect()
}

#[test]
fn the_advised_rights_are_enough_for_all_work_and_cannot_end_the_zone() {
    let domain = DomainName::parse("example.com").unwrap();
    let advised = advised("example.com");
    let work = [
        rules::read_registration(&domain),
        rules::change_nameservers(&domain, true),
        rules::return_to_hosting(&domain),
        rules::change_ds(&domain),
        rules::sign_zone(&domain, true),
        rules::sign_zone(&domain, false),
        rules::change_records(&domain),
        rules::export(&domain),
        rules::export_by_record(&domain),
    ];
    assert_eq!(rules::missing(&advised, &work.concat()), Vec::<String>::new());
    let others = ["terminate", "reset", "import"]
        .map(|end| Call::new("POST", format!("/domain/zone/example.com/{end}")));
    assert_eq!(rules::missing(&advised, &others).len(), others.len());
    let other = DomainName::parse("example.net").unwrap();
    assert_eq!(
        rules::missing(&advised, &rules::change_ds(&other)),
        ["POST /domain/example.net/dsRecord"]
    );
}

fn record(owner: &str, rtype: &str, ttl: u32, value: &str) -> ZoneRecord {
    ZoneRecord {
        owner: owner.parse().expect("an owner name"),
        rtype: rtype.to_owned(),
        ttl,
        value: value.to_owned(),
    }
}

#[test]
fn an_exported_zone_is_read() {
    let zone = DomainName::parse("example.com").unwrap();
    let text = "$TTL 3600\n\
        @\tIN SOA dns16.ovh.net. tech.ovh.net. (2024051800 86400 3600 3600000 60)\n\
        \x20                 IN NS     ns16.ovh.net.\n\
        \x20                 IN MX     1 mx1.mail.ovh.net.\n\
        \x20            600 IN TXT    \"v=spf1 include:mx.ovh.com ~all\" ; mail\n\
        \x20                 IN CAA    0 issue \"letsencrypt.org\"\n\
        _dmarc            IN TXT    \"v=DMARC1; p=none\"\n\
        key._domainkey    IN DKIM   ( \"v=DKIM1; k=rsa; \"\n\
        \x20                             \"p=AAAA\" )\n\
        *              60 IN A      192.0.2.1\n\
        _sip._tcp         IN SRV    10 20 5060 sip\n\
        www               IN CNAME  @\n";
    let contents = zone_file::parse(&zone, text);
    assert_eq!(contents.unreadable, Vec::<String>::new());
    let expected = [
        record("example.com", "NS", 3600, "ns16.ovh.net."),
        record("example.com", "MX", 3600, "1 mx1.mail.ovh.net."),
        record("example.com", "TXT", 600, r#""v=spf1 include:mx.ovh.com ~all""#),
        record("example.com", "CAA", 3600, r#"0 issue "letsencrypt.org""#),
        record("_dmarc.example.com", "TXT", 3600, r#""v=DMARC1; p=none""#),
        record(
            "key._domainkey.example.com",
            "TXT",
            3600,
            r#""v=DKIM1; k=rsa; " "p=AAAA""#,
        ),
        record("*.example.com", "A", 60, "192.0.2.1"),
        record(
            "_sip._tcp.example.com",
            "SRV",
            3600,
            "10 20 5060 sip.example.com.",
        ),
        record("www.example.com", "CNAME", 3600, "example.com."),
    ];
    assert_eq!(contents.records, expected);
}

#[test]
fn what_a_zone_file_cannot_say_as_a_record_is_not_passed_over_in_silence() {
    let zone = DomainName::parse("example.com").unwrap();
    let text = "$INCLUDE other.zone\n$ORIGIN sub.example.com.\nwww 1h IN A 192.0.2.1\nodd\\032name IN A 192.0.2.2\nmx IN MX\n\"open";
    let contents = zone_file::parse(&zone, text);
    assert_eq!(
        contents.records,
        [record("www.sub.example.com", "A", 3600, "192.0.2.1")]
    );
    assert_eq!(contents.unreadable.len(), 4, "{:?}", contents.unreadable);
}

fn credentials(values: &[(&str, &str)]) -> Result<Credentials, ErrorKind> {
    let values: BTreeMap<&str, &str> = values.iter().copied().collect();
    let json = serde_json::to_vec(&values).expect("texts");
    Credentials::from_json(&DESCRIPTOR, &json).map_err(|error| error.kind)
}

#[test]
fn an_account_opens_with_all_four_values_and_where_there_is_no_sandbox_not_there() {
    let all = [
        ("region", "us"),
        ("application_key", "test-application-key"),
        ("application_secret", "test-application-secret\r\n"),
        ("consumer_key", "test-consumer-key"),
    ];
    let good = credentials(&all).expect("good values");
    assert!(Ovh.open(&Endpoint::Production, &good).is_ok());
    let refused = Ovh
        .open(&Endpoint::Sandbox, &good)
        .map(drop)
        .map_err(|error| error.kind);
    assert_eq!(refused, Err(ErrorKind::Unsupported));
    assert_eq!(credentials(&all[..3]).map(drop), Err(ErrorKind::InvalidRequest));
    let mut elsewhere = all;
    elsewhere[0].1 = "mars";
    assert_eq!(credentials(&elsewhere).map(drop), Err(ErrorKind::InvalidRequest));
}

/// The signature covers the URL as it is sent. What the client would rewrite would be refused as a wrong signature.
#[test]
fn urls_with_stars_and_underscores_are_sent_as_they_are_written() {
    for url in [
        "http://127.0.0.1:8080/1.0/domain/zone/example.com/record?fieldType=TXT&subDomain=_acme-challenge.www",
        "https://eu.api.ovh.com/1.0/domain/zone/example.com/record?subDomain=*.www",
        "https://eu.api.ovh.com/1.0/domain/zone/example.com/record?fieldType=SPF&subDomain=",
    ] {
        assert_eq!(reqwest::Url::parse(url).unwrap().as_str(), url);
    }
}
