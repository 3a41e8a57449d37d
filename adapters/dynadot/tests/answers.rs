//! Answers in the forms that Dynadot documents or that authors of clients captured: they are read, and refusals become the right kind
//! of error. The crate's README has the sources.

use std::net::TcpListener;

use pdm_adapter_dynadot::errors::{Meaning, Refused, read_api3, read_rest};
use pdm_adapter_dynadot::wire::{DnssecInfo, DomainInfo, GlueInfo, hosts, number};
use pdm_adapter_dynadot::zone::{Plan, Row, Seen, Zone};
use pdm_adapter_dynadot::{DESCRIPTOR, Dynadot};
use pdm_registrar::{Adapter, Applied, Credentials, DomainName, Endpoint, ErrorKind, Retry};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn part<T: DeserializeOwned>(answer: &str, field: &str) -> T {
    let mut answer = read_api3(200, answer.as_bytes()).expect("a success");
    serde_json::from_value(answer.remove(field).expect("the field")).expect("the documented form")
}

fn refused(answer: &str) -> Refused {
    read_api3(200, answer.as_bytes()).expect_err("a refusal")
}

#[test]
fn success_is_a_code_of_zero_whatever_its_type() {
    for answer in [
        r#"{"SetNsResponse":{"ResponseCode":0,"Status":"success"}}"#,
        r#"{"SetNsResponse":{"ResponseCode":"0","Status":"Success"}}"#,
        r#"{"DomainInfoResponse":{"ResponseCode":0,"DomainInfo":{}}}"#,
    ] {
        assert!(read_api3(200, answer.as_bytes()).is_ok(), "{answer}");
    }
}

/// A client that took an empty header for success has accepted every key.
#[test]
fn what_does_not_say_success_is_none() {
    for answer in [
        r#"{"SetNsResponse":{}}"#,
        r#"{"SetNsResponse":{"Status":"success"}}"#,
        r#"{"SetNsResponse":{"ResponseHeader":{"ResponseCode":0,"Status":"success"}}}"#,
        r#"{"SetNsResponse":{"ResponseCode":0,"Status":"order created"}}"#,
        r#"{"SetNsResponse":{"ResponseCode":0,"Status":"success","Error":"nothing was changed"}}"#,
        r#"{"ResponseCode":0,"Status":"success"}"#,
        r#"{"A":{"ResponseCode":0},"B":{"ResponseCode":0}}"#,
        r#"{"SetNsResponse":[]}"#,
        "{}",
        "[]",
        "",
    ] {
        assert!(!refused(answer).certain, "{answer}: nobody knows what was done");
    }
    assert!(read_api3(500, br#"{"SetNsResponse":{"ResponseCode":0}}"#).is_err());
}

#[test]
fn refusals_of_api3_become_their_kinds() {
    let of = |error: &str| {
        refused(&json!({"XResponse": {"ResponseCode": "-1", "Status": "error", "Error": error}}).to_string())
    };
    for (error, kind) in [
        (
            "could not find domain in your account",
            ErrorKind::DomainNotInAccount,
        ),
        (
            "currently processing another request from this account",
            ErrorKind::RateLimited,
        ),
        ("over quota", ErrorKind::RateLimited),
        ("domain must be in ascii", ErrorKind::InvalidRequest),
        ("incorrect command name", ErrorKind::Unexpected),
        ("Please unlock your domain firstly.", ErrorKind::DomainLocked),
        (
            "'ns1.example.net' needs to be registered with an ip address before it can be used.",
            ErrorKind::InvalidRequest,
        ),
        ("This domain doesn't support DNSSEC.", ErrorKind::Unsupported),
        (
            "Cannot set DNS for example.com since this domain has existing \"Email Settings\". Please disable Email Settings to set DNS.",
            ErrorKind::WouldLoseData,
        ),
        // Words that occur in the table's phrases are no phrases.
        ("the value of parameter key_tag is invalid", ErrorKind::Unexpected),
    ] {
        let refused = of(error);
        assert_eq!(refused.kind, kind, "{error}");
        assert_eq!(refused.theirs, error);
        assert!(refused.certain, "{error}: refused is not done");
    }
    assert_eq!(
        of("Server ns1.example.net already exists").meaning,
        Meaning::AlreadyThere
    );
    assert_eq!(
        of("This domain doesn't support DNSSEC.").meaning,
        Meaning::NoDnssec
    );
}

#[test]
fn a_wrong_key_is_told_under_another_name() {
    let refused = refused(r#"{"Response":{"ResponseCode":"-1","Error":"invalid key"}}"#);
    assert_eq!(
        (refused.kind, refused.certain),
        (ErrorKind::CredentialsRejected, true)
    );
}

#[test]
fn after_a_busy_server_nobody_knows() {
    for answer in [
        r#"{"SetNsResponse":{"ResponseCode":"5","Status":"system_busy"}}"#,
        r#"{"Response":{"ResponseCode":"-1","Error":"problem with connection to main server"}}"#,
        "<html><body>Bad gateway</body></html>",
        r#"<?xml version="1.0"?><Response><ResponseHeader><ResponseCode>-1</ResponseCode></ResponseHeader></Response>"#,
        r#"{"SetNsResponse":{"Resp"#,
    ] {
        let refused = refused(answer);
        assert_eq!(
            (refused.kind, refused.certain),
            (ErrorKind::Unavailable, false),
            "{answer}"
        );
    }
}

#[test]
fn a_domain_on_name_servers() {
    let info: DomainInfo = part(
        r#"{"DomainInfoResponse":{"ResponseCode":0,"DomainInfo":{"Name":"example.com","Expiration":"1893456000000","Registration":1,
        "NameServerSettings":{"Type":"Name Servers","NameServers":[{"ServerId":"5262350","ServerName":"NS1.example.net."},
        {"ServerId":"5262351","ServerName":"ns2.example.net"},{"ServerId":"","ServerName":""}]},
        "Locked":"yes","Disabled":"no","UdrpLocked":"no","Hold":"no","RenewOption":"no renew option","Status":"active"}}}"#,
        "DomainInfo",
    );
    assert_eq!(info.name.as_deref(), Some("example.com"));
    assert_eq!(info.locked.as_deref(), Some("yes"));
    let settings = info.name_server_settings.expect("settings");
    let names: Vec<_> = settings
        .name_servers
        .into_iter()
        .filter_map(|server| server.server_name)
        .collect();
    assert_eq!(names, ["NS1.example.net.", "ns2.example.net"]);
}

#[test]
fn a_list_of_one_may_be_its_element_and_an_empty_one_nothing() {
    let settings = |servers: Value| {
        let answer = json!({"R": {"ResponseCode": 0, "DomainInfo": {"NameServerSettings": {"Type": "Name Servers", "NameServers": servers}}}});
        let info: DomainInfo = part(&answer.to_string(), "DomainInfo");
        info.name_server_settings.expect("settings").name_servers.len()
    };
    assert_eq!(settings(json!({"ServerName": "ns1.example.net"})), 1);
    assert_eq!(settings(json!([])), 0);
    assert_eq!(settings(json!("")), 0);
    assert_eq!(settings(Value::Null), 0);
}

#[test]
fn hosts_of_get_ns_in_both_spellings() {
    let answer =
        json!({"Host0": "ns1.example.net", "Host1": "ns2.example.net", "Host2": "", "NsName": "mine"});
    assert_eq!(
        hosts(answer.as_object().expect("an object")),
        ["ns1.example.net", "ns2.example.net"]
    );
    let answer = json!({"Host": ["ns1.example.net", "ns2.example.net"]});
    assert_eq!(hosts(answer.as_object().expect("an object")).len(), 2);
}

#[test]
fn a_ds_names_its_numbers_in_parentheses() {
    let entries: Vec<DnssecInfo> = part(
        r#"{"GetDnssecResponse":{"ResponseCode":0,"Status":"success","DnssecInfo":[{"KeyTag":12345,
        "Algorithm":"ECDSA Curve P-256 with SHA-256(13)","DigestType":"SHA-256(2)","Digest":"AB"}]}}"#,
        "DnssecInfo",
    );
    let numbers = [
        &entries[0].key_tag,
        &entries[0].algorithm,
        &entries[0].digest_type,
    ];
    assert_eq!(
        numbers.map(|text| text.as_deref().and_then(number)),
        [Some(12345), Some(13), Some(2)]
    );
    assert_eq!(number("RSA/MD5 (1)"), Some(1));
    assert_eq!(number("ECDSA (P-256) (13)"), Some(13));
    assert_eq!(number("13"), Some(13));
    assert_eq!(number("SHA-256"), None);
    assert_eq!(number(")"), None);
}

#[test]
fn rest_says_its_code_in_the_body() {
    let ok = r#"{"code":"200","message":"Success","data":{"glue_info":{"glue_type":"DNS","ttl":"300",
        "dns_main_list":[{"record_type":"MX","record_value1":"mail.example.com","record_value2":10}],
        "dns_sub_list":[{"sub_host":"WWW","record_type":"cname","value1":"example.com"}]}}}"#;
    let data = read_rest(200, ok.as_bytes()).expect("a success");
    let glue: GlueInfo = serde_json::from_value(data["glue_info"].clone()).expect("the documented form");
    let zone = Zone::of_rest(glue);
    let mail = Row {
        value2: Some("10".to_owned()),
        ..Row::new("", "mx", "mail.example.com")
    };
    assert_eq!(
        zone,
        Zone {
            ttl: Some(300),
            rows: vec![mail, Row::new("www", "cname", "example.com")]
        }
    );
}

#[test]
fn refusals_of_rest_become_their_kinds() {
    for (status, answer, kind) in [
        (
            200,
            r#"{"code":400,"message":"Bad Request","error":{"description":"The Authorization header not entered"}}"#,
            ErrorKind::CredentialsRejected,
        ),
        (
            401,
            r#"{"code":401,"message":"Unauthorized","error":{"description":"The provided API key is invalid, expired, or missing."}}"#,
            ErrorKind::CredentialsRejected,
        ),
        (
            200,
            r#"{"code":400,"message":"Bad Request","error":{"description":"This command requires X-Signature"}}"#,
            ErrorKind::CredentialsRejected,
        ),
        (
            404,
            r#"{"code":404,"message":"Not Found","error":{"description":"Can not find the domain in the account."}}"#,
            ErrorKind::DomainNotInAccount,
        ),
        (
            400,
            r#"{"code":"400","message":"Bad Request","error":{"description":"The domain was expired"}}"#,
            ErrorKind::DomainExpired,
        ),
        (
            409,
            r#"{"code":409,"message":"Conflict","error":{"description":"The domain is udrp locked"}}"#,
            ErrorKind::DomainLocked,
        ),
        (
            403,
            r#"{"code":403,"message":"Forbidden","error":{"description":"The domain doesn't have main dns."}}"#,
            ErrorKind::InvalidRequest,
        ),
        (
            429,
            r#"{"code":429,"message":"Too many requests"}"#,
            ErrorKind::RateLimited,
        ),
        (
            429,
            r#"{"code":429,"message":"Too many","error":{"description":"The Dns Settings reached the upper limit."}}"#,
            ErrorKind::InvalidRequest,
        ),
        (
            249,
            r#"{"code":249,"message":"Please try again after 60 seconds."}"#,
            ErrorKind::RateLimited,
        ),
        (249, r#"{"code":200,"message":"Success"}"#, ErrorKind::RateLimited),
        (
            200,
            r#"{"status":{"code":429,"message":"Rate limit exceeded"},"error":{"description":"slow down"}}"#,
            ErrorKind::RateLimited,
        ),
        (200, r#"{"message":"Success","data":{}}"#, ErrorKind::Unexpected),
        (
            500,
            r#"{"code":500,"message":"Internal Server Error"}"#,
            ErrorKind::Unavailable,
        ),
        (200, "<html></html>", ErrorKind::Unavailable),
    ] {
        let refused = read_rest(status, answer.as_bytes()).expect_err(answer);
        assert_eq!(refused.kind, kind, "{status} {answer}");
    }
}

fn customers_zone() -> Zone {
    let mail = Row {
        value2: Some("10".to_owned()),
        ..Row::new("", "mx", "mail.example.com")
    };
    Zone {
        ttl: Some(3600),
        rows: vec![
            Row::new("", "a", "192.0.2.1"),
            mail,
            Row::new("", "txt", "v=spf1 -all"),
            Row::new("www", "cname", "example.com."),
        ],
    }
}

#[test]
fn a_record_that_went_with_a_change_is_missed() {
    let before = customers_zone();
    let plan = Plan {
        add: vec![Row::new("_acme", "txt", "value")],
        remove: Vec::new(),
    };
    assert_eq!(before.compare(&before, &plan), Seen::NotYet);
    let mut after = before.after(&plan);
    assert_eq!(after.compare(&before, &plan), Seen::Done);
    // The vendor may write the same record in another way, and others may add some.
    after.rows[3].value = "EXAMPLE.com".to_owned();
    after.rows.push(Row::new("new", "a", "192.0.2.2"));
    assert_eq!(after.compare(&before, &plan), Seen::Done);
    after.rows.remove(1);
    assert_eq!(
        after.compare(&before, &plan),
        Seen::Lost(["@ MX".to_owned()].into())
    );
}

#[test]
fn what_a_write_of_the_whole_zone_would_destroy_is_named() {
    let mut zone = customers_zone();
    assert!(zone.not_writable(false).is_empty());
    zone.rows.push(Row::new("", "caa", "0 issue \"ca.example\""));
    assert_eq!(zone.not_writable(false), ["@ CAA".to_owned()].into());
    assert!(zone.not_writable(true).is_empty());
    zone.rows.push(Row::new("old", "forward", "https://example.net/"));
    zone.rows.push(Row::new("x", "tlsa", "3 1 1 00"));
    assert_eq!(
        zone.not_writable(true),
        ["old FORWARD".to_owned(), "x TLSA".to_owned()].into()
    );
}

#[test]
fn a_zone_that_is_too_large_is_refused() {
    let rows = |count: usize| {
        (0..count)
            .map(|at| Row::new(&format!("h{at}"), "a", "192.0.2.1"))
            .collect()
    };
    assert!(
        Zone {
            ttl: None,
            rows: rows(100)
        }
        .fits()
        .is_ok()
    );
    assert!(
        Zone {
            ttl: None,
            rows: rows(101)
        }
        .fits()
        .is_err()
    );
    let apex = |count: usize| vec![Row::new("", "txt", "x"); count];
    assert!(
        Zone {
            ttl: None,
            rows: apex(20)
        }
        .fits()
        .is_ok()
    );
    assert!(
        Zone {
            ttl: None,
            rows: apex(21)
        }
        .fits()
        .is_err()
    );
}

#[test]
fn a_text_keeps_its_spaces_and_loses_its_quotes_when_it_is_compared() {
    let zone: Zone = Zone::of_rest(
        serde_json::from_value(
            json!({"dns_main_list": {"record_type": "TXT", "record_value1": "\" a b \""}}),
        )
        .expect("a zone"),
    );
    assert_eq!(zone.rows[0].value, "\" a b \"");
    assert!(zone.rows[0].is_txt(" a b "));
    assert!(!zone.rows[0].is_txt("a b"));
}

fn credentials(json: &Value) -> Credentials {
    Credentials::from_json(&DESCRIPTOR, json.to_string().as_bytes()).expect("credentials")
}

#[test]
fn the_key_is_not_its_own_secret() {
    let with = credentials(&json!({"api_key": "test-key-value", "api_secret": "test-key-value"}));
    let error = Dynadot.open(&Endpoint::Sandbox, &with).err().expect("a refusal");
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert!(!error.detail.contains("test-key-value"));
}

/// The key is in the URL of every call, and a failed connection is told by its URL almost everywhere.
#[tokio::test]
async fn a_failed_connection_does_not_tell_the_key() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .expect("a free port")
        .local_addr()
        .expect("an address");
    let at = Endpoint::parse(&format!("http://{nobody}")).expect("an endpoint");
    let account = Dynadot
        .open(&at, &credentials(&json!({"api_key": "test-key-value"})))
        .expect("an account");
    let domain = DomainName::parse("example.com").expect("a name");
    let error = account.probe(&domain).await.expect_err("nobody is there");
    assert_eq!(
        (error.kind, error.retry, error.applied),
        (ErrorKind::Unavailable, Retry::Now, Applied::No)
    );
    for text in [error.detail.clone(), format!("{error:?}")] {
        assert!(
            !text.contains("test-key-value") && !text.contains("127.0.0.1"),
            "{text}"
        );
    }
}
