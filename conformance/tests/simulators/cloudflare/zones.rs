//! Zones, and what cannot be set.

use anyhow::Result;
use conformance::sim::cloudflare::fixtures::{ACCOUNT, ORDINARY};
use conformance::sim::cloudflare::settings::{Duplicate, Permission, Token, ZoneFacts};
use conformance::sim::cloudflare::{NAMESERVERS, account_id};
use conformance::sim::world::Zone;
use serde_json::json;

use super::{Cloudflare, ZONE};

#[tokio::test]
async fn zones_come_in_pages_of_fifty_and_differ_in_what_they_are() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    for number in 0..120 {
        let key = ("cloudflare".to_owned(), format!("many-{number}.com"));
        let zone = Zone {
            account: ACCOUNT.to_owned(),
            records: Vec::new(),
        };
        cloudflare.world.state().zones.insert(key, zone);
    }
    let (_, body) = cloudflare
        .call(ORDINARY, "GET", "/zones?per_page=500&page=2", None)
        .await?;
    assert_eq!(body["result"].as_array().map(Vec::len), Some(50));
    assert_eq!(
        body["result_info"],
        json!({"page": 2, "per_page": 50, "count": 50, "total_count": 126, "total_pages": 3})
    );
    let (_, body) = cloudflare.call(ORDINARY, "GET", "/zones", None).await?;
    assert_eq!(body["result"].as_array().map(Vec::len), Some(20));
    assert_eq!(
        cloudflare
            .refusal(ORDINARY, "GET", "/zones?page=0", None)
            .await?
            .0,
        400
    );

    cloudflare.controls.with(|settings| {
        let moved = ZoneFacts {
            status: "moved".to_owned(),
            name_servers: None,
            ..ZoneFacts::default()
        };
        settings.duplicates.push(Duplicate {
            name: ZONE.to_owned(),
            account: ACCOUNT.to_owned(),
            facts: moved.clone(),
        });
        settings.zones.insert(
            "many-1.com".to_owned(),
            ZoneFacts {
                kind: "internal".to_owned(),
                ..moved
            },
        );
    });
    let (_, body) = cloudflare
        .call(ORDINARY, "GET", &format!("/zones?name={ZONE}"), None)
        .await?;
    assert_eq!(body["result"][0]["status"], "active");
    assert_eq!(body["result"][1]["status"], "moved");
    assert!(body["result"][1].get("name_servers").is_none());
    assert_eq!(cloudflare.zone_id(ORDINARY, "many-1.com").await?, "");
    let (_, body) = cloudflare
        .call(ORDINARY, "GET", "/zones?name=many-1.com&type=internal", None)
        .await?;
    assert_eq!(body["result_info"]["count"], 1);
    let (_, body) = cloudflare
        .call(ORDINARY, "GET", "/zones?name=starts_with:cloudflare-ord", None)
        .await?;
    assert_eq!(body["result_info"]["count"], 3);
    Ok(())
}

#[tokio::test]
async fn name_servers_are_not_to_be_set() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let token = "test-cloudflare-token-everything-0000000";
    cloudflare.controls.with(|settings| {
        use Permission::{DnsEdit, RegistrarEdit, ZoneEdit, ZoneRead};
        let all = [ZoneRead, ZoneEdit, DnsEdit, RegistrarEdit];
        settings.tokens.push(Token::user(token, ACCOUNT, &all));
    });
    let registrar = format!("/accounts/{}/registrar", account_id(ACCOUNT));
    let registration = format!("{registrar}/registrations/{ZONE}");
    let (_, body) = cloudflare.call(token, "GET", &registration, None).await?;
    assert_eq!(body["result"]["domain_name"], ZONE);
    assert!(!body.to_string().contains("name_server"));
    let wanted = || Some(json!({"name_servers": ["ns1.example.net", "ns2.example.net"]}));
    assert_eq!(
        cloudflare
            .refusal(token, "PATCH", &registration, wanted())
            .await?
            .0,
        400
    );
    let old = format!("{registrar}/domains/{ZONE}");
    assert_eq!(cloudflare.refusal(token, "PUT", &old, wanted()).await?.0, 410);
    let zone = format!("/zones/{}", cloudflare.zone);
    assert_eq!(cloudflare.refusal(token, "PATCH", &zone, wanted()).await?.0, 400);
    assert_eq!(
        cloudflare.refusal(ORDINARY, "GET", &registration, None).await?,
        (403, 10000)
    );
    let domain = cloudflare.world.domain(ZONE).expect("it is a fixture");
    assert_eq!(domain.nameservers, NAMESERVERS);
    Ok(())
}
