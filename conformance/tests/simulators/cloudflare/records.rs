//! Records and batches of them.

use anyhow::Result;
use conformance::sim::cloudflare::NAMESERVERS;
use conformance::sim::cloudflare::fixtures::ORDINARY;
use conformance::sim::faults::Fault;
use serde_json::{Value, json};

use super::{Cloudflare, ZONE, digest, record, text};

#[tokio::test]
async fn a_record_is_kept_in_the_form_of_the_vendor() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let ns = cloudflare.create("NS", "Sub", "NS1.Example.NET.").await?;
    assert_eq!(
        (&ns["name"], &ns["content"]),
        (&json!(format!("sub.{ZONE}")), &json!("ns1.example.net"))
    );
    assert_eq!(ns["proxiable"], false);
    let aaaa = cloudflare.create("AAAA", "six", "2001:0DB8:0:0::1").await?;
    assert_eq!(aaaa["content"], "2001:db8::1");
    let txt = cloudflare.create("TXT", "_x", "a value").await?;
    assert_eq!(txt["content"], "\"a value\"");
    let long = cloudflare.create("TXT", "_long", &"x".repeat(300)).await?;
    assert_eq!(
        long["content"],
        json!(format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45)))
    );
    let ds = cloudflare.create("DS", "sub", &digest()).await?;
    assert_eq!(
        ds["content"],
        json!(format!("2371 13 2 {}", digest().to_uppercase()))
    );
    assert_eq!(ds["data"]["key_tag"], 2371);

    // A name that does not end in the zone's is relative to it.
    let body = json!({"type": "A", "name": "www.example.net", "content": "192.0.2.1"});
    let (_, body) = cloudflare
        .call(ORDINARY, "POST", &cloudflare.records(), Some(body))
        .await?;
    assert_eq!(body["result"]["name"], json!(format!("www.example.net.{ZONE}")));
    assert_eq!(body["result"]["ttl"], 1);

    // A part of a record changes a part of it; `PUT` replaces all.
    let path = format!("{}/{}", cloudflare.records(), text(&ns["id"]));
    let (_, body) = cloudflare
        .call(ORDINARY, "PATCH", &path, Some(json!({"comment": "ours"})))
        .await?;
    assert_eq!(
        (&body["result"]["comment"], &body["result"]["content"]),
        (&json!("ours"), &json!("ns1.example.net"))
    );
    let (_, body) = cloudflare
        .call(
            ORDINARY,
            "PUT",
            &path,
            Some(record("NS", "sub", "ns9.example.net")),
        )
        .await?;
    assert_eq!(
        (&body["result"]["comment"], &body["result"]["id"]),
        (&Value::Null, &ns["id"])
    );
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_in_a_record_stands_in_the_chain() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let records = cloudflare.records();
    for (body, code) in [
        (json!({"type": "A", "name": "", "content": "192.0.2.1"}), 9000),
        (json!({"type": "A", "name": "a..b", "content": "192.0.2.1"}), 9000),
        (json!({"type": "A", "name": "a", "content": "example.net"}), 9005),
        (json!({"type": "AAAA", "name": "a", "content": "192.0.2.1"}), 9006),
        (json!({"type": "NS", "name": "a", "content": "192.0.2.1 x"}), 9009),
        (
            json!({"type": "A", "name": "a", "content": "192.0.2.1", "ttl": 30}),
            9021,
        ),
        (
            json!({"type": "A", "name": "a", "content": "192.0.2.1", "ttl": 86_401}),
            9021,
        ),
        (
            json!({"type": "DS", "name": "a", "content": "2371 13 2 AB"}),
            9101,
        ),
        (
            json!({"type": "DS", "name": "a", "data": {"key_tag": 1, "algorithm": 13, "digest_type": 2, "digest": "ab"}}),
            9101,
        ),
        (
            json!({"type": "TXT", "name": "a", "content": "x", "proxied": true}),
            9004,
        ),
        (
            json!({"type": "A", "name": "a", "content": "192.0.2.1", "tags": ["x:y"]}),
            9300,
        ),
    ] {
        let (status, answer) = cloudflare
            .call(ORDINARY, "POST", &records, Some(body.clone()))
            .await?;
        assert_eq!(
            (status, &answer["errors"][0]["code"]),
            (400, &json!(1004)),
            "{body}"
        );
        assert_eq!(answer["errors"][0]["error_chain"][0]["code"], code, "{answer}");
    }
    cloudflare
        .controls
        .with(|settings| settings.bare_validation_errors = true);
    let (_, body) = cloudflare
        .call(ORDINARY, "POST", &records, Some(json!({"type": "A", "name": ""})))
        .await?;
    assert_eq!(body["errors"][0]["code"], 9000);
    cloudflare.controls.with(|settings| settings.errors_as_200 = true);
    let (status, body) = cloudflare
        .call(ORDINARY, "POST", &records, Some(json!({"type": "A", "name": ""})))
        .await?;
    assert_eq!((status, &body["success"]), (200, &json!(false)));
    Ok(())
}

#[tokio::test]
async fn only_a_ds_stands_beside_an_ns() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    cloudflare.create("NS", "sub", "ns1.example.net").await?;
    for rtype in ["A", "AAAA", "CNAME", "TXT", "MX"] {
        let content = match rtype {
            "A" => "192.0.2.1",
            "AAAA" => "2001:db8::1",
            _ => "mail.example.net",
        };
        assert_eq!(
            cloudflare.refused(rtype, "sub", content).await?,
            (400, 81056),
            "{rtype}"
        );
        assert_eq!(
            cloudflare
                .create(rtype, &format!("{rtype}.below.sub"), content)
                .await?["type"],
            rtype
        );
        cloudflare
            .create(rtype, &format!("alone-{rtype}"), content)
            .await?;
        assert_eq!(
            cloudflare
                .refused("NS", &format!("alone-{rtype}"), "ns1.example.net")
                .await?,
            (400, 81055),
            "{rtype}"
        );
    }
    assert_eq!(
        cloudflare.refused("NS", "sub", "ns1.example.NET.").await?,
        (400, 81058)
    );
    assert_eq!(cloudflare.refused("NS", "sub", NAMESERVERS[0]).await?.0, 400);
    assert_eq!(
        cloudflare.refused("A", "alone-A", "192.0.2.1").await?,
        (400, 81057)
    );
    assert_eq!(
        cloudflare.refused("CNAME", "alone-A", "www.example.net").await?,
        (400, 81053)
    );
    assert_eq!(
        cloudflare.refused("A", "alone-CNAME", "192.0.2.1").await?,
        (400, 81054)
    );
    // At the apex NS are taken, and served by nobody.
    cloudflare.create("NS", "", "ns1.example.net").await?;
    for number in 2..=10 {
        cloudflare
            .create("NS", "sub", &format!("ns{number}.example.net"))
            .await?;
    }
    assert_eq!(cloudflare.refused("NS", "sub", "ns11.example.net").await?.0, 400);
    Ok(())
}

#[tokio::test]
async fn a_ds_comes_after_the_ns_and_goes_before_it() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    assert_eq!(cloudflare.refused("DS", "sub", &digest()).await?.0, 400);
    let ns = cloudflare.create("NS", "sub", "ns1.example.net").await?;
    let ds = cloudflare.create("DS", "sub", &digest()).await?;
    let path = |record: &Value| format!("{}/{}", cloudflare.records(), text(&record["id"]));
    assert_eq!(
        cloudflare.refusal(ORDINARY, "DELETE", &path(&ns), None).await?.0,
        400
    );
    for record in [&ds, &ns] {
        let (_, body) = cloudflare.call(ORDINARY, "DELETE", &path(record), None).await?;
        assert_eq!(body["result"], json!({"id": record["id"]}));
    }
    cloudflare.create("NS", "sub", "ns1.example.net").await?;
    cloudflare.create("DS", "sub", &digest()).await?;
    cloudflare
        .controls
        .with(|settings| settings.ds_may_outlive_ns = true);
    let ns = cloudflare.list("type=NS&name.startswith=sub").await?;
    assert_eq!(
        cloudflare.call(ORDINARY, "DELETE", &path(&ns[0]), None).await?.0,
        200
    );
    Ok(())
}

#[tokio::test]
async fn a_batch_is_made_in_its_order_or_not_at_all() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let a = cloudflare.create("A", "sub", "192.0.2.1").await?;
    let batch = format!("{}/batch", cloudflare.records());
    let posts = [
        record("NS", "sub", "ns1.example.net"),
        record("NS", "sub", "ns2.example.net"),
        record("DS", "sub", &digest()),
    ];
    let (status, body) = cloudflare
        .call(
            ORDINARY,
            "POST",
            &batch,
            Some(json!({"posts": posts, "deletes": [{"id": a["id"]}]})),
        )
        .await?;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["result"]["deletes"][0]["content"], "192.0.2.1");
    assert_eq!(body["result"]["patches"], json!([]));
    let before = cloudflare.list("").await?;

    let ns = &body["result"]["posts"][0];
    let failing = json!({
        "deletes": [{"id": body["result"]["posts"][2]["id"]}],
        "patches": [{"id": ns["id"], "ttl": 60}],
        "posts": [record("NS", "sub", "ns3.example.net"), record("TXT", "sub", "no"), record("A", "sub", "no")],
    });
    // The first failure is told, and not of which operation.
    assert_eq!(
        cloudflare
            .refusal(ORDINARY, "POST", &batch, Some(failing))
            .await?,
        (400, 81056)
    );
    assert_eq!(cloudflare.list("").await?, before);
    let gone = json!({"deletes": [{"id": a["id"]}]});
    assert_eq!(
        cloudflare.refusal(ORDINARY, "POST", &batch, Some(gone)).await?,
        (404, 81044)
    );

    let many = |count| {
        let posts: Vec<_> = (0..count)
            .map(|n| record("A", &format!("many-{n}"), "192.0.2.1"))
            .collect();
        Some(json!({"posts": posts}))
    };
    assert_eq!(
        cloudflare.refusal(ORDINARY, "POST", &batch, many(201)).await?.0,
        400
    );
    assert_eq!(cloudflare.call(ORDINARY, "POST", &batch, many(200)).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn records_are_found_by_filters_and_pages() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    for number in 0..3 {
        cloudflare.create("A", &format!("n{number}"), "192.0.2.1").await?;
    }
    assert_eq!(cloudflare.list(&format!("name.exact=N1.{ZONE}")).await?.len(), 1);
    assert_eq!(
        cloudflare.list(&format!("name=n1.{ZONE}&type=NS")).await?.len(),
        0
    );
    assert_eq!(
        cloudflare
            .list("name.startswith=n&content=192.0.2.1")
            .await?
            .len(),
        3
    );
    assert_eq!(
        cloudflare
            .list(&format!("name=n1.{ZONE}&content=192.0.2.10&match=any"))
            .await?
            .len(),
        3
    );
    let path = format!("{}?type=A&per_page=3&page=2", cloudflare.records());
    let (_, body) = cloudflare.call(ORDINARY, "GET", &path, None).await?;
    assert_eq!(
        body["result_info"],
        json!({"page": 2, "per_page": 3, "count": 2, "total_count": 5, "total_pages": 2})
    );
    Ok(())
}

#[tokio::test]
async fn what_a_delegation_hides_is_told_on_request() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    let ns = cloudflare.create("NS", "sub", &format!("ns1.sub.{ZONE}")).await?;
    cloudflare.create("DS", "sub", &digest()).await?;
    cloudflare.create("A", "ns1.sub", "192.0.2.1").await?;
    cloudflare.create("A", "www.sub", "192.0.2.2").await?;
    cloudflare.create("A", "notsub", "192.0.2.3").await?;
    for (name, meta) in [
        ("sub", json!({"shadowed_records_count": 2})),
        ("ns1.sub", json!({"shadowed_by": [ns["id"]], "is_glue": true})),
        ("www.sub", json!({"shadowed_by": [ns["id"]]})),
        ("notsub", json!({})),
    ] {
        let query = format!("name={name}.{ZONE}");
        assert_eq!(cloudflare.list(&query).await?[0]["meta"], json!({}));
        let query = format!("{query}&include_shadow_metadata=true");
        assert_eq!(cloudflare.list(&query).await?[0]["meta"], meta, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn a_yes_is_not_always_a_change_that_is_seen() -> Result<()> {
    let cloudflare = Cloudflare::start().await?;
    cloudflare.simulator.faults.arm(Fault::NotApplied, "POST", 1);
    cloudflare.create("NS", "sub", "ns1.example.net").await?;
    assert_eq!(cloudflare.list("type=NS").await?.len(), 0);
    cloudflare
        .simulator
        .faults
        .arm(Fault::AppliedLate { reads: 2 }, "POST", 1);
    cloudflare.create("NS", "sub", "ns1.example.net").await?;
    cloudflare.create("DS", "sub", &digest()).await?;
    for expected in [0, 0, 1] {
        assert_eq!(cloudflare.list("type=NS").await?.len(), expected);
    }
    Ok(())
}
