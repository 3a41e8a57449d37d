//! Namecheap.

use conformance::sim::Simulator;
use conformance::sim::controls::Controls;
use conformance::sim::faults::Fault;
use conformance::sim::fixtures::{Case, Fixtures};
use conformance::sim::namecheap::{MissingEmailType, Settings, start_with};
use conformance::sim::world::World;
use reqwest::{Client, Url};

struct Namecheap {
    world: World,
    simulator: Simulator,
    fixtures: Fixtures,
    settings: Controls<Settings>,
    client: Client,
}

impl Namecheap {
    async fn start() -> Self {
        let (world, settings) = (World::new(), Controls::default());
        let (simulator, fixtures) = start_with(&world, 0, &settings).await.unwrap();
        Self {
            world,
            simulator,
            fixtures,
            settings,
            client: Client::new(),
        }
    }

    /// Sends exactly these parameters as a form.
    async fn send(&self, parameters: &[(&str, &str)]) -> (u16, String) {
        let form = Url::parse_with_params("http://localhost/", parameters).unwrap();
        let request = self
            .client
            .post(format!("{}/xml.response", self.simulator.base_url()));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request
            .body(form.query().unwrap_or_default().to_owned())
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn of(&self, case: &Case, command: &str, parameters: &[(&str, &str)]) -> String {
        let field = |name: &str| case.credentials[name].as_str().unwrap();
        let mut all = vec![
            ("ApiUser", field("api_user")),
            ("ApiKey", field("api_key")),
            ("UserName", field("user_name")),
            ("ClientIp", field("client_ip")),
            ("Command", command),
        ];
        all.extend(parameters);
        let (status, text) = self.send(&all).await;
        assert_eq!(status, 200, "everything comes with 200: {text}");
        text
    }

    async fn call(&self, command: &str, parameters: &[(&str, &str)]) -> String {
        self.of(&self.fixtures.ordinary, command, parameters).await
    }

    async fn success(&self, command: &str, parameters: &[(&str, &str)]) -> String {
        let text = self.call(command, parameters).await;
        assert!(text.contains("<ApiResponse Status=\"OK\""), "{text}");
        text
    }

    /// The number of the error of a command that has to fail.
    async fn error(&self, command: &str, parameters: &[(&str, &str)]) -> String {
        number(&self.call(command, parameters).await)
    }

    /// Owner, type and value of the records of the hosted zone.
    fn records(&self) -> Vec<(String, String, String)> {
        let mut state = self.world.state();
        let zone = state.zone("namecheap", "namecheap-hosted.com").unwrap();
        let records = zone.records.iter();
        records
            .map(|record| (record.name.clone(), record.rtype.clone(), record.value.clone()))
            .collect()
    }
}

fn number(text: &str) -> String {
    assert!(text.contains("<ApiResponse Status=\"ERROR\""), "{text}");
    let (_, rest) = text.split_once("<Error Number=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

const INFO: &str = "namecheap.domains.getInfo";
const GET_HOSTS: &str = "namecheap.domains.dns.getHosts";
const SET_HOSTS: &str = "namecheap.domains.dns.setHosts";
const SET_CUSTOM: &str = "namecheap.domains.dns.setCustom";
const SET_DEFAULT: &str = "namecheap.domains.dns.setDefault";
const ORDINARY: [(&str, &str); 2] = [("SLD", "namecheap-ordinary"), ("TLD", "com")];
const HOSTED: [(&str, &str); 2] = [("SLD", "namecheap-hosted"), ("TLD", "com")];

fn with<'a>(domain: [(&'a str, &'a str); 2], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    domain.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn the_caller_is_looked_at_before_the_command() {
    let namecheap = Namecheap::start().await;
    let (_, text) = namecheap.send(&[("Command", "nonsense")]).await;
    assert_eq!(
        text.matches("<Error ").count(),
        4,
        "each missing parameter is an error: {text}"
    );
    for (case, wanted) in [("wrong_key", "1011102"), ("allow_list", "1011150")] {
        let text = namecheap
            .of(&namecheap.fixtures.cases[case], "nonsense", &[])
            .await;
        assert_eq!(number(&text), wanted);
    }
    let text = namecheap
        .of(&namecheap.fixtures.cases["allow_list"], INFO, &[])
        .await;
    assert!(text.contains("Invalid request IP: 127.0.0.1"), "{text}");
    assert!(text.contains("<RequestedCommand></RequestedCommand>"), "{text}");
}

#[tokio::test]
async fn the_case_of_parameters_does_not_matter() {
    let namecheap = Namecheap::start().await;
    let credentials = &namecheap.fixtures.ordinary.credentials;
    let (_, text) = namecheap
        .send(&[
            ("apiuser", credentials["api_user"].as_str().unwrap()),
            ("APIKEY", credentials["api_key"].as_str().unwrap()),
            ("Username", credentials["user_name"].as_str().unwrap()),
            ("clientip", "127.0.0.1"),
            ("command", "namecheap.domains.getinfo"),
            ("domainname", "namecheap-ordinary.com"),
        ])
        .await;
    assert!(text.contains("DomainName=\"namecheap-ordinary.com\""), "{text}");
    assert!(text.contains("<RequestedCommand>namecheap.domains.getinfo</RequestedCommand>"));
}

#[tokio::test]
async fn details_tell_whose_a_domain_is_and_how_it_is() {
    let namecheap = Namecheap::start().await;
    for (domain, wanted) in [
        ("namecheap-ordinary.com", "Status=\"Ok\""),
        ("namecheap-locked.com", "Status=\"Locked\""),
        ("namecheap-expired.com", "Status=\"Expired\""),
        ("namecheap-shared.com", "IsOwner=\"false\""),
    ] {
        let text = namecheap.success(INFO, &[("DomainName", domain)]).await;
        assert!(text.contains(wanted), "{domain}: {text}");
    }
    let foreign = [("DomainName", "namecheap-elsewhere.com")];
    assert_eq!(namecheap.error(INFO, &foreign).await, "2019166");
    let shared = [
        ("SLD", "namecheap-shared"),
        ("TLD", "com"),
        ("Nameservers", "ns1.pool.example,ns2.pool.example"),
    ];
    assert_eq!(namecheap.error(SET_CUSTOM, &shared).await, "2030166");
}

#[tokio::test]
async fn a_name_is_one_label_and_all_that_follows() {
    let namecheap = Namecheap::start().await;
    let command = "namecheap.domains.dns.getList";
    let right = [("SLD", "namecheap-customer"), ("TLD", "co.uk")];
    namecheap.success(command, &right).await;
    for wrong in [
        [("SLD", "namecheap-customer.co"), ("TLD", "uk")],
        [("SLD", "sub.namecheap-ordinary"), ("TLD", "com")],
    ] {
        assert_eq!(namecheap.error(command, &wrong).await, "2019166");
    }
    namecheap
        .settings
        .with(|settings| settings.names_below_mean_the_domain = true);
    let below = [("SLD", "sub.namecheap-ordinary"), ("TLD", "com")];
    let text = namecheap.success(command, &below).await;
    assert!(
        text.contains("Domain=\"namecheap-ordinary.com\""),
        "only the answer tells: {text}"
    );
}

#[tokio::test]
async fn name_servers_are_two_or_more_names_without_dots_at_the_end() {
    let namecheap = Namecheap::start().await;
    for (list, wanted) in [
        ("ns1.pool.example", "2011168"),
        ("ns1.pool.example.,ns2.pool.example.", "3011288"),
        ("ns1.pool.example, ns2.pool.example", "3011288"),
        ("192.0.2.1,192.0.2.2", "3011288"),
        ("ns1.pool.example,ns1.pool.example", "3011288"),
        ("ns1.namecheap-ordinary.com,ns2.namecheap-ordinary.com", "3011288"),
    ] {
        let error = namecheap
            .error(SET_CUSTOM, &with(ORDINARY, &[("Nameservers", list)]))
            .await;
        assert_eq!(error, wanted, "{list}");
    }
    let create = with(
        ORDINARY,
        &[("Nameserver", "ns1.namecheap-ordinary.com"), ("IP", "192.0.2.1")],
    );
    namecheap.success("namecheap.domains.ns.create", &create).await;
    let list = "ns1.namecheap-ordinary.com,ns2.pool.example";
    let text = namecheap
        .success(SET_CUSTOM, &with(ORDINARY, &[("Nameservers", list)]))
        .await;
    assert!(text.contains("<DomainDNSSetCustomResult Domain=\"namecheap-ordinary.com\" Updated=\"true\" />"));
    let now = namecheap
        .world
        .domain("namecheap-ordinary.com")
        .unwrap()
        .nameservers;
    assert_eq!(now.join(","), list);
}

#[tokio::test]
async fn a_zone_is_there_only_on_the_vendors_name_servers() {
    let namecheap = Namecheap::start().await;
    assert_eq!(namecheap.error(GET_HOSTS, &ORDINARY).await, "2030288");
    assert_eq!(
        namecheap
            .error(SET_HOSTS, &with(ORDINARY, &[("EmailType", "NONE")]))
            .await,
        "2030288"
    );
    namecheap.success(SET_DEFAULT, &ORDINARY).await;
    assert_eq!(
        namecheap.error(GET_HOSTS, &ORDINARY).await,
        "2030288",
        "not ready yet"
    );
    let text = namecheap.success(GET_HOSTS, &ORDINARY).await;
    assert!(text.contains("parkingpage.namecheap.com."), "{text}");
}

#[tokio::test]
async fn setting_records_replaces_all_of_them_with_new_numbers() {
    let namecheap = Namecheap::start().await;
    let put = [
        ("EmailType", "NONE"),
        ("HostName1", "@"),
        ("RecordType1", "A"),
        ("Address1", "192.0.2.1"),
        ("HostName2", "sub"),
        ("RecordType2", "NS"),
        ("Address2", "ns1.pool.example"),
        // After a gap nothing is read.
        ("HostName4", "lost"),
        ("RecordType4", "A"),
        ("Address4", "192.0.2.2"),
    ];
    namecheap.success(SET_HOSTS, &with(HOSTED, &put)).await;
    let first = namecheap.success(GET_HOSTS, &HOSTED).await;
    assert_eq!(first.matches("<host ").count(), 2, "{first}");
    assert!(
        first.contains("Address=\"ns1.pool.example.\""),
        "names get a final dot: {first}"
    );
    assert!(
        first.contains("TTL=\"1799\"") && first.contains("MXPref=\"10\""),
        "{first}"
    );
    namecheap.success(SET_HOSTS, &with(HOSTED, &put)).await;
    let second = namecheap.success(GET_HOSTS, &HOSTED).await;
    assert_ne!(first, second, "numbers are new at every write");
}

#[tokio::test]
async fn mail_depends_on_the_email_type() {
    let namecheap = Namecheap::start().await;
    let text = namecheap.success(GET_HOSTS, &HOSTED).await;
    assert!(text.contains("EmailType=\"MX\""), "{text}");
    let mx = [
        ("HostName1", "@"),
        ("RecordType1", "MX"),
        ("Address1", "mail.mail-host.example."),
        ("MXPref1", "20"),
    ];
    let none = with(HOSTED, &[&mx[..], &[("EmailType", "NONE")]].concat());
    assert_eq!(namecheap.error(SET_HOSTS, &none).await, "2050900");
    namecheap
        .settings
        .with(|settings| settings.missing_email_type = MissingEmailType::Keeps);
    namecheap.success(SET_HOSTS, &with(HOSTED, &mx)).await;
    assert_eq!(namecheap.records().len(), 1);
    namecheap
        .settings
        .with(|settings| settings.missing_email_type = MissingEmailType::Resets);
    namecheap.success(SET_HOSTS, &with(HOSTED, &mx)).await;
    assert!(namecheap.records().is_empty(), "without a type mail is lost");
}

#[tokio::test]
async fn records_that_cannot_be_are_refused() {
    let namecheap = Namecheap::start().await;
    for (name, rtype, address, ttl) in [
        ("sub", "DS", "12345 13 2 abcd", "1800"),
        ("sub", "SRV", "1 2 3 host.example", "1800"),
        ("@", "NS", "ns1.pool.example", "1800"),
        ("@", "A", "host.example", "1800"),
        ("@", "A", "192.0.2.1", "59"),
        ("@", "MX", "10 mail.example.com", "1800"),
    ] {
        let put = [
            ("EmailType", "MX"),
            ("HostName1", name),
            ("RecordType1", rtype),
            ("Address1", address),
            ("TTL1", ttl),
        ];
        assert_eq!(
            namecheap.error(SET_HOSTS, &with(HOSTED, &put)).await,
            "2050900",
            "{rtype} {address}"
        );
    }
    let many: Vec<_> = (1..=151)
        .map(|number| {
            [
                format!("HostName{number}"),
                format!("RecordType{number}"),
                format!("Address{number}"),
            ]
        })
        .collect();
    let mut put = vec![("EmailType", "NONE")];
    for [name, rtype, address] in &many {
        put.extend([
            (name.as_str(), "a"),
            (rtype.as_str(), "TXT"),
            (address.as_str(), "value"),
        ]);
    }
    assert_eq!(namecheap.error(SET_HOSTS, &with(HOSTED, &put)).await, "3013288");
}

#[tokio::test]
async fn lists_have_pages() {
    let namecheap = Namecheap::start().await;
    let list = |page: &'static str| [("Page", page), ("PageSize", "1"), ("SearchTerm", "namecheap-")];
    let text = namecheap.success("namecheap.domains.getList", &list("1")).await;
    assert_eq!(
        text.matches("<Domain ").count(),
        8,
        "ten is the smallest page: {text}"
    );
    assert!(
        text.contains("<PageSize>10</PageSize>") && !text.contains("namecheap-shared.com"),
        "{text}"
    );
    let text = namecheap.success("namecheap.domains.getList", &list("2")).await;
    assert_eq!(text.matches("<Domain ").count(), 0);
    assert!(text.contains("<TotalItems>8</TotalItems>"), "{text}");
}

#[tokio::test]
async fn ok_may_come_with_false() {
    let namecheap = Namecheap::start().await;
    namecheap.settings.with(|settings| {
        settings.unsuccessful.insert(SET_CUSTOM.to_owned());
        settings.capital_truth = true;
    });
    let list = [("Nameservers", "ns1.pool.example,ns2.pool.example")];
    let text = namecheap.success(SET_CUSTOM, &with(ORDINARY, &list)).await;
    assert!(text.contains("Updated=\"False\""), "{text}");
    let now = namecheap
        .world
        .domain("namecheap-ordinary.com")
        .unwrap()
        .nameservers;
    assert_eq!(now[0], "ns1.old-host.example");
}

#[tokio::test]
async fn too_many_calls_are_a_405_without_xml() {
    let namecheap = Namecheap::start().await;
    namecheap.simulator.faults.arm(
        Fault::TooMany {
            retry_after: Some(60),
        },
        "getInfo",
        1,
    );
    let (status, text) = namecheap.send(&[("Command", INFO)]).await;
    assert_eq!(status, 405);
    assert!(text.starts_with("<html>"), "{text}");
    namecheap.settings.with(|settings| settings.windows[1].1 = 1);
    namecheap
        .success(INFO, &[("DomainName", "namecheap-ordinary.com")])
        .await;
    let credentials = &namecheap.fixtures.ordinary.credentials;
    let again = [
        ("ApiUser", credentials["api_user"].as_str().unwrap()),
        ("ApiKey", credentials["api_key"].as_str().unwrap()),
        ("UserName", credentials["user_name"].as_str().unwrap()),
        ("ClientIp", "127.0.0.1"),
        ("Command", INFO),
    ];
    assert_eq!(
        namecheap.send(&again).await.0,
        405,
        "the window of an hour is full"
    );
    namecheap.world.move_clock(std::time::Duration::from_secs(3600));
    assert_eq!(namecheap.send(&again).await.0, 200);
}

#[tokio::test]
async fn the_journal_has_commands_and_no_key() {
    let namecheap = Namecheap::start().await;
    namecheap
        .call(
            "NAMECHEAP.domains.getinfo",
            &[("DomainName", "namecheap-ordinary.com")],
        )
        .await;
    namecheap.call(SET_DEFAULT, &ORDINARY).await;
    let entries = namecheap.simulator.journal.entries();
    let kinds: Vec<_> = entries
        .iter()
        .map(|entry| (entry.call.as_str(), entry.write))
        .collect();
    assert_eq!(kinds, [(INFO, false), (SET_DEFAULT, true)]);
    let key = namecheap.fixtures.ordinary.credentials["api_key"]
        .as_str()
        .unwrap();
    assert!(entries.iter().all(|entry| !entry.sent.contains(key)));
}
