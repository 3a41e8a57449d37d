//! Record data is kept as name servers give it back: otherwise a set would differ from itself for ever and be written
//! again and again.

use conformance_servers::PowerDns;
use pdm::dns::content::comparable;
use pdm::domain::record_values::canonical;
use pdm::domain::records::RecordType;
use powerdns_client::{CanonicalName, Client, Config, NewZone, RecordType as WireType, Rrset};

/// Values as people write them, for each type that a tenant may write.
fn samples() -> Vec<(RecordType, Vec<String>)> {
    use RecordType as T;
    let hash = "AB".repeat(32);
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    vec![
        (T::A, texts(&["203.0.113.10"])),
        (
            T::Aaaa,
            texts(&["2001:DB8:0:0::10", "2001:db8:1:0:1:0:0:1", "::ffff:203.0.113.1"]),
        ),
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
    for (owner, r#type, values) in kept {
        let served = client.rrset(&apex, &owner, &wire(r#type)).await.unwrap().unwrap();
        let mut served: Vec<String> = served
            .contents()
            .map(|content| comparable(r#type.as_str(), content))
            .collect();
        served.sort();
        assert_eq!(served, values, "{type}");
    }
    server.stop().await;
}

fn wire(r#type: RecordType) -> WireType {
    r#type.as_str().parse().unwrap()
}
