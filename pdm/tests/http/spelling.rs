//! Record data is kept as name servers give it back: otherwise a set would differ from itself for ever and be written
//! again and again.

use conformance_servers::PowerDns;
use pdm::dns::content::comparable;
use pdm::domain::record_values::canonical;
use pdm::domain::records::{RecordType, check_shape};
use pdm::registrar::{DomainName, OwnerName};
use powerdns_client::{CanonicalName, Client, Config, NewZone, RecordType as WireType, Rrset, RrsetChange};

/// Values as people write them, for each type that a tenant may write.
fn samples() -> Vec<(RecordType, Vec<String>)> {
    use RecordType as T;
    let hash = "AB".repeat(32);
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    vec![
        (T::A, texts(&["203.0.113.10"])),
        (T::Aaaa, texts(&["2001:DB8:0:0::10", "2001:db8:1:0:1:0:0:1"])),
        (
            T::Caa,
            texts(&[
                "0 Issue letsencrypt.org",
                "128 issuewild \";\"",
                "0 iodef \"mailto:a@example.com\"",
            ]),
        ),
        (T::Cname, texts(&["_X.Target.Example.COM"])),
        (T::Ds, vec![format!("12345 13 2 {hash}")]),
        (
            T::Https,
            texts(&[
                "1 . port=8443 alpn=\"h3,h2\" no-default-alpn",
                "2 svc.example.com ipv6hint=2001:DB8::1,2001:db8:0:0::2 ipv4hint=203.0.113.1,203.0.113.2",
                "3 . mandatory=alpn,port alpn=h2 port=1 ech=\"AEn+DQ==\"",
            ]),
        ),
        (T::Mx, texts(&["10 Mail.example.com", "20 mx2.example.com."])),
        (T::Ns, texts(&["NS1.example.net", "ns2.example.net."])),
        (T::Srv, texts(&["1 2 443 host.example.com", "0 0 0 ."])),
        (
            T::Sshfp,
            vec![format!("4 2 {hash}"), format!("1 1 {}", &hash[..40])],
        ),
        (T::Svcb, texts(&["0 svc.example.com", "1 . port=53"])),
        (
            T::Tlsa,
            vec![format!("3 1 1 {hash}"), format!("2 0 0 {}", "aB".repeat(400))],
        ),
        (
            T::Txt,
            vec![
                "v=spf1 -all".to_owned(),
                "say \"hi\" \\ twice".to_owned(),
                "\"two\"  \"strings\"".to_owned(),
                "é and ;".to_owned(),
                "\"\\195\\169\\009\"".to_owned(),
                "\"\"".to_owned(),
                "x".repeat(700),
            ],
        ),
    ]
}

#[tokio::test]
async fn values_come_back_from_the_server_as_they_are_kept() {
    let server = PowerDns::builder("spelling").start().await.unwrap();
    let client = Client::new(Config::new(server.api_url(), server.api_key().into())).unwrap();
    let apex = CanonicalName::parse("acme.omani.works.").unwrap();
    let mut zone = NewZone::new(apex.clone());
    let soa = "ns1.example.net. hostmaster.example.net. 1 10800 3600 604800 300";
    zone.rrsets = vec![
        Rrset::new(apex.clone(), WireType::SOA, 3600, [soa]),
        Rrset::new(apex.clone(), WireType::NS, 3600, ["ns1.example.net."]),
    ];
    let mut kept = Vec::new();
    for (r#type, values) in samples() {
        let owner =
            CanonicalName::parse(&format!("{}.acme.omani.works.", r#type.as_str().to_lowercase())).unwrap();
        let mut values: Vec<String> = values
            .iter()
            .map(|value| canonical(r#type, value).unwrap())
            .collect();
        values.sort();
        zone.rrsets
            .push(Rrset::new(owner.clone(), wire(r#type), 300, values.clone()));
        kept.push((owner, r#type, values));
    }
    client.create_zone(&zone).await.unwrap();
    let mut differences = Vec::new();
    for (owner, r#type, values) in kept {
        let served = client.rrset(&apex, &owner, &wire(r#type)).await.unwrap().unwrap();
        let mut served: Vec<String> = served
            .contents()
            .map(|content| comparable(r#type.as_str(), content))
            .collect();
        served.sort();
        if served != values {
            differences.push(format!("{type}: kept {values:#?}, served {served:#?}"));
        }
    }
    server.stop().await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Odd values and places that are let through: the server must take each of them, or the operation that writes it
/// would never end.
const EDGES: &[(&str, RecordType, &str)] = &[
    ("_tcp", RecordType::A, "203.0.113.1"),
    ("a--b", RecordType::A, "0.0.0.0"),
    ("*.sub", RecordType::Aaaa, "::1"),
    ("*.sub", RecordType::Ns, "ns1.example.net"),
    (
        "*.sub",
        RecordType::Ds,
        "1 13 2 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
    ),
    ("a", RecordType::Aaaa, "::1.2.3.4"),
    ("a", RecordType::Aaaa, "64:ff9b::1.2.3.4"),
    ("a", RecordType::Caa, "0 issue \"\""),
    ("a", RecordType::Caa, "255 a1 \"two words\""),
    ("c", RecordType::Cname, "localhost"),
    ("c", RecordType::Cname, "1.2.in-addr.arpa"),
    (
        "a",
        RecordType::Ds,
        "1 5 1 ABABABABABABABABABABABABABABABABABABABAB",
    ),
    (
        "a",
        RecordType::Ds,
        "0 255 2 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
    ),
    ("a", RecordType::Https, "1 . ech=A"),
    ("a", RecordType::Https, "1 . mandatory=port"),
    ("a", RecordType::Mx, "0 ."),
    ("a", RecordType::Mx, "65535 a--b.example"),
    ("a", RecordType::Ns, "localhost"),
    ("a", RecordType::Srv, "1 2 3 _odd.example.com"),
    ("_a", RecordType::Srv, "65535 65535 65535 ."),
    ("a", RecordType::Svcb, "0 ."),
    ("a", RecordType::Https, "65535 _odd.example.com"),
    ("a", RecordType::Https, "1 . mandatory=port port=1"),
    ("a", RecordType::Https, "1 . alpn=http/1.1"),
    ("a", RecordType::Https, "1 . alpn=h3-29,h2 ech=AAAA"),
    ("a", RecordType::Https, "1 . no-default-alpn alpn=h2"),
    ("a", RecordType::Https, "1 . port=0"),
    (
        "a",
        RecordType::Sshfp,
        "6 2 ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
    ),
    ("a", RecordType::Tlsa, "0 0 0 AB"),
    ("a", RecordType::Txt, ""),
    ("a", RecordType::Txt, "\"\\000\\255\\\"\\\\;\""),
    ("a", RecordType::Txt, "\u{1F600} (brackets) ; $ @"),
];

#[tokio::test]
async fn what_is_let_through_is_taken_by_the_server() {
    let server = PowerDns::builder("edges").start().await.unwrap();
    let client = Client::new(Config::new(server.api_url(), server.api_key().into())).unwrap();
    let name = DomainName::parse("acme.omani.works").unwrap();
    let apex = CanonicalName::parse("acme.omani.works.").unwrap();
    let mut zone = NewZone::new(apex.clone());
    let soa = "ns1.example.net. hostmaster.example.net. 1 10800 3600 604800 300";
    zone.rrsets = vec![
        Rrset::new(apex.clone(), WireType::SOA, 3600, [soa]),
        Rrset::new(apex.clone(), WireType::NS, 3600, ["ns1.example.net."]),
    ];
    client.create_zone(&zone).await.unwrap();
    let mut wrong = Vec::new();
    for (prefix, r#type, value) in EDGES {
        let owner = OwnerName::below(prefix, &name).unwrap();
        let Ok(kept) = canonical(*r#type, value) else {
            continue;
        };
        if check_shape(&name, &owner, *r#type, 300, 1).is_err() {
            continue;
        }
        let wire_owner = CanonicalName::parse(&format!("{owner}.")).unwrap();
        let set = Rrset::new(wire_owner.clone(), wire(*r#type), 300, [kept.clone()]);
        if let Err(error) = client.patch_rrsets(&apex, &[RrsetChange::Replace(set)]).await {
            wrong.push(format!("{owner} {type} {kept}: {error}"));
            continue;
        }
        let served = client
            .rrset(&apex, &wire_owner, &wire(*r#type))
            .await
            .unwrap()
            .unwrap();
        let served: Vec<String> = served
            .contents()
            .map(|content| comparable(r#type.as_str(), content))
            .collect();
        if served != [kept.clone()] {
            wrong.push(format!("{owner} {type} {kept}: served as {served:?}"));
        }
        client
            .patch_rrsets(
                &apex,
                &[RrsetChange::Delete {
                    name: wire_owner,
                    rtype: wire(*r#type),
                }],
            )
            .await
            .unwrap();
    }
    server.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn wire(r#type: RecordType) -> WireType {
    r#type.as_str().parse().unwrap()
}
