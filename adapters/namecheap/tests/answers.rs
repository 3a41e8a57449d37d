//! Answers in the forms that Namecheap documents or that authors of clients captured: they are read, and refusals become the right kind
//! of error. The crate's README has the sources.

use std::net::TcpListener;

use pdm_adapter_namecheap::errors::{Meaning, Refused, read};
use pdm_adapter_namecheap::wire::{self, Rights};
use pdm_adapter_namecheap::xml::Element;
use pdm_adapter_namecheap::zone::{Plan, Row, Seen, Zone};
use pdm_adapter_namecheap::{DESCRIPTOR, Namecheap};
use pdm_registrar::{Adapter, Applied, Credentials, DomainName, Endpoint, ErrorKind, Retry};
use serde_json::json;

fn envelope(inner: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<ApiResponse Status="OK" xmlns="http://api.namecheap.com/xml.response">
  <Errors />
  <Warnings />
  <RequestedCommand>namecheap.domains.dns.gethosts</RequestedCommand>
  <CommandResponse Type="namecheap.domains.dns.getHosts">{inner}</CommandResponse>
  <Server>PHX01APIEXT12</Server>
  <GMTTimeDifference>--5:00</GMTTimeDifference>
  <ExecutionTime>0.417</ExecutionTime>
</ApiResponse>"#
    )
}

fn response(inner: &str) -> Element {
    read(200, envelope(inner).as_bytes()).expect("a success")
}

fn error(number: u32, text: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><ApiResponse Status="ERROR" xmlns="http://api.namecheap.com/xml.response">
        <Errors><Error Number="{number}">{text}</Error></Errors><Warnings /><RequestedCommand /><Server>X</Server></ApiResponse>"#
    )
}

fn refused(status: u16, body: &str) -> Refused {
    read(status, body.as_bytes()).expect_err("a refusal")
}

#[test]
fn a_domain_of_the_account() {
    let info = wire::domain_info(&response(
        r#"<DomainGetInfoResult Status="Ok" ID="313319" DomainName="example.com" OwnerName="owner" IsOwner="true" IsPremium="false">
            <DomainDetails><CreatedDate>04/23/2016</CreatedDate><ExpiredDate>04/23/2027</ExpiredDate><NumYears>1</NumYears></DomainDetails>
            <LockDetails /><Whoisguard Enabled="True"><ID>53536</ID></Whoisguard>
            <DnsDetails ProviderType="CUSTOM" IsUsingOurDNS="false" HostCount="2" EmailType="FWD" DynamicDNSStatus="false">
             <Nameserver>ns1.dns.example.net</Nameserver></DnsDetails>
            <Modificationrights All="true" /></DomainGetInfoResult>"#,
    ))
    .expect("the documented form");
    assert_eq!(
        (info.name.as_str(), info.status.as_str(), info.is_owner),
        ("example.com", "Ok", true)
    );
    assert_eq!(info.owner.as_deref(), Some("owner"));
    assert_eq!(info.rights, Rights::All);
}

#[test]
fn a_shared_domain_has_the_rights_that_were_granted() {
    let info = wire::domain_info(&response(
        r#"<DomainGetInfoResult Status="Ok" DomainName="example.com" OwnerName="other" IsOwner="False">
            <Modificationrights All="false"><Rights Type="hosts">OK</Rights><Rights Type="Nameserver">ok</Rights><Rights Type="contact" />
            </Modificationrights></DomainGetInfoResult>"#,
    ))
    .expect("the documented form");
    assert!(
        !info.is_owner
            && info.rights.has("hosts")
            && info.rights.has("nameserver")
            && !info.rights.has("contact")
    );
    let seen = wire::domain_info(&response(
        r#"<DomainGetInfoResult Status="Ok" DomainName="example.com" IsOwner="false"/>"#,
    ));
    assert!(seen.expect("the documented form").rights.is_empty());
}

#[test]
fn name_servers_and_whose_they_are() {
    let servers = wire::servers(&response(
        r#"<DomainDNSGetListResult Domain="example.com" IsUsingOurDNS="true" IsPremiumDNS="True" IsUsingFreeDNS="false">
            <Nameserver>dns1.registrar-servers.com</Nameserver><Nameserver> dns2.registrar-servers.com </Nameserver></DomainDNSGetListResult>"#,
    ))
    .expect("the documented form");
    assert!(servers.is_using_our_dns && servers.is_premium_dns && !servers.is_using_free_dns);
    assert_eq!(
        servers.hosts,
        ["dns1.registrar-servers.com", "dns2.registrar-servers.com"]
    );
}

const ZONE: &str = r#"<DomainDNSGetHostsResult Domain="example.com" EmailType="MX" IsUsingOurDNS="true">
 <host HostId="877748" Name="@" Type="MX" Address="mail.example.com." MXPref="20" TTL="1800" AssociatedAppTitle="" FriendlyName="" IsActive="true" IsDDNSEnabled="false" />
 <Host IsActive="true" TTL="1799" Address="v=spf1 include:a.example &amp; &quot;b&quot; ~all" Type="TXT" Name="@" HostId="877750" MXPref="10" Unknown="x" />
 <host HostId="877749" Name="Sub" Type="NS" Address="ns1.dns.example.net." MXPref="10" TTL="1799" IsActive="true" IsDDNSEnabled="True" />
</DomainDNSGetHostsResult>"#;

#[test]
fn records_in_any_spelling_of_the_document() {
    let hosts = wire::hosts(&response(ZONE)).expect("the documented form");
    assert_eq!(hosts.email_type.as_deref(), Some("MX"));
    let rows = &hosts.rows;
    assert_eq!(
        (rows[0].preference, rows[0].ttl, rows[0].address.as_str()),
        (Some(20), 1800, "mail.example.com.")
    );
    assert_eq!(
        (rows[1].preference, rows[1].address.as_str()),
        (None, "v=spf1 include:a.example & \"b\" ~all")
    );
    assert_eq!((rows[2].name.as_str(), rows[2].dynamic), ("sub", true));
    assert_eq!(
        rows[2].nameserver(),
        DomainName::parse("ns1.dns.example.net").ok()
    );
}

/// A record that was skipped would be deleted by the next write.
#[test]
fn one_record_that_cannot_be_read_spoils_the_zone() {
    for broken in [
        r#"<host Name="@" Type="A" Address="192.0.2.1" TTL="soon" />"#,
        r#"<host Type="A" Address="192.0.2.1" TTL="60" />"#,
        r#"<host Name="@" Type="MX" Address="mail." TTL="60" />"#,
    ] {
        let zone = format!(
            r#"<DomainDNSGetHostsResult Domain="example.com" IsUsingOurDNS="true">{broken}</DomainDNSGetHostsResult>"#
        );
        assert!(wire::hosts(&response(&zone)).is_none(), "{broken}");
    }
    let empty =
        response(r#"<DomainDNSGetHostsResult Domain="example.com" EmailType="NONE" IsUsingOurDNS="true" />"#);
    assert!(
        wire::hosts(&empty)
            .expect("a zone without records")
            .rows
            .is_empty()
    );
}

#[test]
fn a_write_says_twice_that_it_was_done() {
    let done = |inner: &str| wire::set_hosts(&response(inner)).map(|done| done.done);
    assert_eq!(
        done(
            r#"<DomainDNSSetHostsResult Domain="example.com" IsSuccess="true"><Warnings /></DomainDNSSetHostsResult>"#
        ),
        Some(true)
    );
    assert_eq!(
        done(r#"<DomainDNSSetHostsResult Domain="example.com" IsSuccess="false" />"#),
        Some(false)
    );
    assert_eq!(done(r#"<DomainDNSSetHostsResult Domain="example.com" />"#), None);
    let custom = |flag: &str| {
        wire::set_custom(&response(&format!(
            r#"<DomainDNSSetCustomResult Domain="example.com" {flag}="True" />"#
        )))
    };
    assert!(custom("Updated").is_some_and(|done| done.done));
    assert!(custom("Update").is_some_and(|done| done.done));
}

#[test]
fn refusals_become_their_kinds() {
    for (number, text, kind) in [
        (
            1_011_102,
            "API Key is invalid or API access has not been enabled",
            ErrorKind::CredentialsRejected,
        ),
        (1_011_150, "Invalid request IP: 192.0.2.7", ErrorKind::AllowList),
        (
            1_010_105,
            "Parameter ClientIP is Missing",
            ErrorKind::InvalidRequest,
        ),
        (1_019_103, "UserName is not available", ErrorKind::ScopeMissing),
        (2_019_166, "Domain not found", ErrorKind::DomainNotInAccount),
        (
            2_016_166,
            "Domain is not associated with your account",
            ErrorKind::DomainNotInAccount,
        ),
        (2_030_166, "Domain is invalid", ErrorKind::DomainNotInAccount),
        (
            2_030_166,
            "Edit permission for domain is not supported",
            ErrorKind::ScopeMissing,
        ),
        (
            2_030_288,
            "Cannot complete this command as this domain is not using proper DNS servers",
            ErrorKind::Unsupported,
        ),
        (
            2_050_900,
            "INVALID_ADDR : '10 mx.example.com' should not be an IP/ URL for MX record.(host name: mx)",
            ErrorKind::InvalidRequest,
        ),
        (
            3_011_288,
            "Invalid nameserver specified",
            ErrorKind::InvalidRequest,
        ),
        (4_011_103, "Access denied", ErrorKind::ScopeMissing),
        (2_999_999, "something new", ErrorKind::Unexpected),
    ] {
        let refused = refused(200, &error(number, text));
        assert_eq!(refused.kind, kind, "{number} {text}");
        assert_eq!(refused.theirs, format!("{number} {text}"));
        assert!(refused.certain, "{number} {text}: refused is not done");
    }
    assert_eq!(refused(200, &error(2_030_288, "x")).meaning, Meaning::NotOurDns);
    assert_eq!(refused(200, &error(4_011_103, "x")).meaning, Meaning::NoAccess);
}

#[test]
fn after_a_failure_within_the_work_nobody_knows() {
    for (number, kind) in [
        (3_031_510, ErrorKind::Unexpected),
        (3_050_900, ErrorKind::Unavailable),
        (5_050_900, ErrorKind::Unavailable),
        (4_023_330, ErrorKind::Unavailable),
        (5_999_999, ErrorKind::Unexpected),
    ] {
        let refused = refused(200, &error(number, "Unknown error"));
        assert_eq!((refused.kind, refused.certain), (kind, false), "{number}");
    }
    let two = r#"<ApiResponse Status="ERROR"><Errors><Error Number="9">odd</Error><Error Number="2019166">Domain not found</Error></Errors></ApiResponse>"#;
    let refused = refused(200, two);
    assert_eq!(
        (refused.kind, refused.certain),
        (ErrorKind::DomainNotInAccount, false)
    );
    assert_eq!(refused.theirs, "9 odd; 2019166 Domain not found");
}

#[test]
fn too_many_calls_are_told_by_the_status_alone() {
    for body in ["", "<html><head><title>405</title></head></html>"] {
        let refused = refused(405, body);
        assert_eq!(
            (refused.kind, refused.certain, refused.wait),
            (ErrorKind::RateLimited, true, Some(60))
        );
    }
}

#[test]
fn what_is_not_the_vendors_xml_is_no_answer() {
    for (status, body) in [
        (200, "<html><body>busy</body></html>"),
        (200, ""),
        (200, "{}"),
        (200, r#"<ApiResponse Status="OK"><Errors /><CommandResponse>"#),
        (502, "<html>"),
        (200, "<ApiResponse Status=\"OK\">\u{0}"),
    ] {
        let refused = refused(status, body);
        assert_eq!(
            (refused.kind, refused.certain),
            (ErrorKind::Unavailable, false),
            "{body}"
        );
    }
    let deep = format!("<ApiResponse>{}", "<a>".repeat(100_000));
    assert_eq!(refused(200, &deep).kind, ErrorKind::Unavailable);
}

#[test]
fn ok_with_an_error_or_without_an_answer_is_no_success() {
    for body in [
        r#"<ApiResponse Status="OK"><Errors><Error Number="2019166">Domain not found</Error></Errors><CommandResponse/></ApiResponse>"#,
        r#"<ApiResponse Status="ERROR"><Errors/><CommandResponse/></ApiResponse>"#,
        r#"<ApiResponse Status="OK"><Errors/></ApiResponse>"#,
        "<ApiResponse><Errors/><CommandResponse/></ApiResponse>",
    ] {
        assert!(read(200, body.as_bytes()).is_err(), "{body}");
    }
    let prefixed = "\u{feff}\r\n <nc:ApiResponse xmlns:nc=\"http://api.namecheap.com/xml.response\" Status=\"OK\"><nc:CommandResponse/></nc:ApiResponse>";
    assert!(read(200, prefixed.as_bytes()).is_ok());
}

fn zone() -> Zone {
    let mut zone = Zone::of(wire::hosts(&response(ZONE)).expect("a zone"));
    zone.rows[1] = Row::new("@", "TXT", "v=spf1 -all");
    zone.rows[2].dynamic = false;
    zone
}

#[test]
fn what_a_write_would_harm_is_named() {
    let good = zone();
    assert!(good.spoiled_by_writing().is_empty());
    let harmed = |change: fn(&mut Zone)| {
        let mut zone = zone();
        change(&mut zone);
        zone.spoiled_by_writing().len()
    };
    assert_eq!(harmed(|zone| zone.rows[2].dynamic = true), 1);
    assert_eq!(harmed(|zone| zone.rows[2].active = false), 1);
    assert_eq!(harmed(|zone| zone.rows[2].rtype = "SRV".to_owned()), 1);
    assert_eq!(harmed(|zone| zone.rows[2].app = "Shop".to_owned()), 1);
    assert_eq!(
        harmed(|zone| zone.rows[1].address = "say \"hello\"".to_owned()),
        1
    );
    assert_eq!(harmed(|zone| zone.rows[1].ttl = 10), 1);
    assert_eq!(
        harmed(|zone| zone.email_type = None),
        2,
        "the mail settings and the MX that belong to them"
    );
    assert_eq!(harmed(|zone| zone.email_type = Some("NEW".to_owned())), 2);
    assert_eq!(
        harmed(|zone| zone.email_type = Some("FWD".to_owned())),
        1,
        "MX beside a mail service of the vendor's"
    );
}

#[test]
fn numbers_of_hosts_and_spelling_do_not_count_and_losses_do() {
    let before = zone();
    let plan = Plan {
        add: vec![Row::new("edge", "NS", "ns1.example.net.")],
        remove: vec![before.rows[2].clone()],
    };
    assert_eq!(before.compare(&before, &plan), Seen::NotYet);
    let mut after = before.after(&plan);
    for (at, row) in after.rows.iter_mut().enumerate() {
        row.id = at.to_string();
        row.ttl = 1799;
    }
    after.rows[0].address = "MAIL.example.com".to_owned();
    assert_eq!(after.compare(&before, &plan), Seen::Done);
    assert!(after.same_as(&before.after(&plan)) && !after.is_still(&before.after(&plan)));
    let mut changed = after.clone();
    changed.email_type = Some("NONE".to_owned());
    assert_eq!(
        changed.compare(&before, &plan),
        Seen::Lost(["the mail settings".to_owned()].into())
    );
    after.rows.remove(0);
    assert_eq!(
        after.compare(&before, &plan),
        Seen::Lost(["@ MX".to_owned()].into())
    );
}

#[test]
fn a_zone_of_a_new_domain_is_untouched() {
    let parking = Zone {
        email_type: Some("NONE".to_owned()),
        rows: vec![
            Row::new("www", "CNAME", "parkingpage.namecheap.com."),
            Row::new("@", "URL", "http://www.example.com/"),
        ],
    };
    assert!(parking.is_untouched());
    assert!(!zone().is_untouched());
}

/// The names and the key go with every call, and none of them into an error.
#[tokio::test]
async fn a_failed_connection_does_not_tell_the_key() {
    let values = json!({"api_user": "test-api-user", "api_key": "test-key-value", "user_name": "test-user-name", "client_ip": "192.0.2.7"});
    let with = Credentials::from_json(&DESCRIPTOR, values.to_string().as_bytes()).expect("credentials");
    let nobody = TcpListener::bind("127.0.0.1:0")
        .expect("a free port")
        .local_addr()
        .expect("an address");
    let at = Endpoint::parse(&format!("http://{nobody}")).expect("an endpoint");
    let account = Namecheap.open(&at, &with).expect("an account");
    let domain = DomainName::parse("example.co.uk").expect("a name");
    let error = account.probe(&domain).await.expect_err("nobody is there");
    assert_eq!(
        (error.kind, error.retry, error.applied),
        (ErrorKind::Unavailable, Retry::Now, Applied::No)
    );
    for secret in ["test-api-user", "test-key-value", "test-user-name"] {
        assert!(!format!("{error:?}").contains(secret));
    }
}

#[test]
fn an_address_that_is_none_or_ipv6_is_refused() {
    for address in ["192.0.2.256", "2001:db8::1", "192.0.2", "example.com"] {
        let values = json!({"api_user": "test-user", "api_key": "test-key", "user_name": "test-user", "client_ip": address});
        assert!(
            Credentials::from_json(&DESCRIPTOR, values.to_string().as_bytes()).is_err(),
            "{address}"
        );
    }
}
