//! Records by API3.

use serde_json::json;

use super::{Dynadot, HOSTED, ORDINARY};

#[tokio::test]
async fn setting_records_replaces_all_of_them_unless_it_says_exactly_otherwise() {
    let dynadot = Dynadot::start().await;
    let before = dynadot.records();
    let put = |flag: &'static str| {
        [
            ("command", "set_dns2"),
            ("domain", HOSTED),
            ("subdomain0", "_acme-challenge"),
            ("sub_record_type0", "txt"),
            ("sub_record0", "value"),
            ("ttl", "300"),
            ("add_dns_to_current_setting", flag),
        ]
    };
    dynadot.success("SetDnsResponse", &put("1")).await;
    assert_eq!(dynadot.records().len(), before.len() + 1);
    dynadot.success("SetDnsResponse", &put("yes")).await;
    assert_eq!(dynadot.records().len(), 1, "only 1 is understood");
    let error = dynadot.error(&put("1")).await;
    assert_eq!(error, "The domain doesn't have main dns.");
    let answer = dynadot
        .success("GetDnsResponse", &[("command", "get_dns"), ("domain", HOSTED)])
        .await;
    let settings = &answer["GetDns"]["NameServerSettings"];
    assert_eq!(
        (&settings["Type"], &settings["TTL"]),
        (&json!("Dynadot DNS"), &json!("300"))
    );
    assert!(
        settings.get("MainDomains").is_none(),
        "lists of nothing are not there"
    );
}

#[tokio::test]
async fn records_and_name_servers_are_one_setting() {
    let dynadot = Dynadot::start().await;
    let records = [
        ("command", "set_dns2"),
        ("domain", ORDINARY),
        ("main_record_type0", "a"),
        ("main_record0", "192.0.2.1"),
    ];
    dynadot.success("SetDnsResponse", &records).await;
    let domain = dynadot.world.domain(ORDINARY).unwrap();
    assert!(domain.hosted, "the delegation is undone");
    assert!(
        domain
            .nameservers
            .iter()
            .all(|host| host.ends_with(".dyna-ns.net"))
    );
    let back = [
        ("command", "set_ns"),
        ("domain", ORDINARY),
        ("ns0", "ns1.old-host.example"),
        ("ns1", "ns2.old-host.example"),
    ];
    dynadot.success("SetNsResponse", &back).await;
    assert!(dynadot.world.state().zone("dynadot", ORDINARY).is_none());
}

#[tokio::test]
async fn types_and_numbers_of_records_have_limits() {
    let dynadot = Dynadot::start().await;
    for (rtype, refused) in [("ns", true), ("ds", true), ("caa", true), ("srv", false)] {
        let put = [
            ("command", "set_dns2"),
            ("domain", HOSTED),
            ("subdomain0", "sub"),
            ("sub_record_type0", rtype),
            ("sub_record0", "ns1.pool.example"),
            ("add_dns_to_current_setting", "1"),
        ];
        let answer = dynadot.call(&put).await;
        let error = answer["SetDnsResponse"].get("Error");
        assert_eq!(error.is_some(), refused, "{rtype}: {answer}");
    }
    let main = [
        ("command", "set_dns2"),
        ("domain", HOSTED),
        ("main_record_type20", "a"),
        ("main_record20", "192.0.2.1"),
    ];
    assert!(dynadot.error(&main).await.starts_with("too many"));
    dynadot
        .settings
        .with(|settings| settings.mail_settings.push(HOSTED.to_owned()));
    let main = [
        ("command", "set_dns2"),
        ("domain", HOSTED),
        ("main_record_type0", "a"),
        ("main_record0", "192.0.2.1"),
    ];
    assert!(dynadot.error(&main).await.contains("\"Email Settings\""));
}
