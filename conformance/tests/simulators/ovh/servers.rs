//! Name servers, tasks, and the state of a domain.

use anyhow::Result;
use conformance::sim::faults::Fault;
use conformance::sim::fixtures::OLD_HOSTS;
use conformance::sim::ovh::NAMESERVERS;
use conformance::sim::ovh::settings::{DomainFacts, Script};
use serde_json::{Value, json};
use std::time::Duration;

use super::{Call, DOMAIN, NEW_HOSTS, Ovh, used};

#[tokio::test]
async fn new_servers_are_announced_and_in_use_when_the_task_is_done() -> Result<()> {
    let ovh = Ovh::start_with_slow_tasks().await?;
    assert_eq!(ovh.servers().await?, used(&OLD_HOSTS));
    let (status, task) = ovh.set_servers(&NEW_HOSTS).await?;
    assert_eq!(
        (status, &task["function"], &task["status"]),
        (200, &json!("DomainDnsUpdate"), &json!("todo"))
    );
    let announced: Vec<_> = OLD_HOSTS
        .map(|host| (host.to_owned(), true, true))
        .into_iter()
        .chain(NEW_HOSTS.map(|host| (host.to_owned(), false, false)))
        .collect();
    assert_eq!(ovh.servers().await?, announced);
    assert_eq!(ovh.set_servers(&NEW_HOSTS).await?.0, 409);
    let listed = ovh
        .get(&format!("{DOMAIN}/task?function=DomainDnsUpdate&status=todo"))
        .await?;
    assert_eq!(listed, json!([task["id"]]));

    ovh.wait_seconds(1800);
    assert_eq!(ovh.status(&task).await?, "doing");
    assert_eq!(ovh.servers().await?, announced);
    assert_eq!(ovh.nameservers(), OLD_HOSTS);
    ovh.wait_seconds(1800);
    assert_eq!(ovh.status(&task).await?, "done");
    assert_eq!(ovh.servers().await?, used(&NEW_HOSTS));
    assert_eq!(ovh.nameservers(), NEW_HOSTS);
    Ok(())
}

#[tokio::test]
async fn the_registry_changes_although_nobody_asks_for_the_task() -> Result<()> {
    let ovh = Ovh::start().await?;
    let mut changes = ovh.world.changes();
    ovh.set_servers(&NEW_HOSTS).await?;
    tokio::time::timeout(Duration::from_secs(30), changes.changed()).await??;
    assert_eq!(ovh.nameservers(), NEW_HOSTS);
    Ok(())
}

#[tokio::test]
async fn a_task_may_end_in_every_other_way() -> Result<()> {
    for (script, first, later, changed) in [
        (Script::Stuck, "todo", "todo", false),
        (Script::Failed, "error", "error", false),
        (Script::ErrorThenDone, "error", "done", true),
        (Script::Cancelled, "cancelled", "cancelled", false),
        (Script::Problem, "problem", "problem", false),
    ] {
        let ovh = Ovh::start_with_slow_tasks().await?;
        ovh.controls.with(|settings| settings.scripts.push(script));
        let (_, task) = ovh.set_servers(&NEW_HOSTS).await?;
        // Something has to see that it begins.
        assert_eq!(ovh.status(&task).await?, "todo");
        for expected in [first, later] {
            ovh.wait_seconds(3600);
            assert_eq!(ovh.status(&task).await?, expected, "{script:?}");
        }
        let hosts = if changed { NEW_HOSTS } else { OLD_HOSTS };
        assert_eq!(ovh.nameservers(), hosts, "{script:?}");
        if script != Script::Stuck {
            assert_eq!(ovh.servers().await?, used(&hosts), "{script:?}");
        }
    }

    let ovh = Ovh::start_with_slow_tasks().await?;
    ovh.controls
        .with(|settings| settings.scripts.push(Script::Vanishes));
    let (_, task) = ovh.set_servers(&NEW_HOSTS).await?;
    assert_eq!(ovh.status(&task).await?, "todo");
    ovh.wait_seconds(3600);
    let path = format!("{DOMAIN}/task/{}", task["id"]);
    assert_eq!(ovh.answer(&Call::new("GET", &path)).await?.0, 404);
    assert_eq!(ovh.nameservers(), NEW_HOSTS);
    Ok(())
}

#[tokio::test]
async fn a_yes_is_not_always_a_change_that_is_seen() -> Result<()> {
    let ovh = Ovh::start_with_slow_tasks().await?;
    let run = async |fault: Fault| {
        ovh.simulator.faults.arm(fault, "nameServers/update", 1);
        let (_, task) = ovh.set_servers(&NEW_HOSTS).await?;
        ovh.status(&task).await?;
        ovh.wait_seconds(3600);
        ovh.status(&task).await
    };
    assert_eq!(run(Fault::TaskFailed).await?, "error");
    assert_eq!(run(Fault::NotApplied).await?, "done");
    assert_eq!(ovh.servers().await?, used(&OLD_HOSTS));
    assert_eq!(run(Fault::AppliedLate { reads: 2 }).await?, "done");
    for expected in [OLD_HOSTS, OLD_HOSTS, NEW_HOSTS] {
        let shown = ovh.get(DOMAIN).await?;
        assert_eq!(shown["nameServers"][0]["nameServer"], expected[0]);
    }
    Ok(())
}

#[tokio::test]
async fn name_servers_are_changed_only_in_external_mode() -> Result<()> {
    let ovh = Ovh::start_with_slow_tasks().await?;
    let domain = "/domain/ovh-hosted.com";
    let update = format!("{domain}/nameServers/update");
    let wanted = || json!({"nameServers": NEW_HOSTS.map(|host| json!({"host": host}))});
    assert_eq!(ovh.get(domain).await?["nameServerType"], "hosted");
    assert_eq!(ovh.write("POST", &update, wanted()).await?.0, 403);
    // A hosted domain's keys are OVH's.
    let keys = ovh
        .write("POST", &format!("{domain}/dsRecord"), json!({"keys": []}))
        .await?;
    assert_eq!(
        (keys.0, &keys.1["class"]),
        (403, &json!("Client::Forbidden::DomDoaForbidden"))
    );

    assert_eq!(
        ovh.write(
            "PUT",
            domain,
            json!({"nameServerType": "external", "state": "ok"})
        )
        .await?
        .0,
        400
    );
    ovh.done("PUT", domain, json!({"nameServerType": "external"}))
        .await?;
    let shown = ovh.get(domain).await?;
    assert_eq!(
        (&shown["nameServerType"], &shown["nameServers"][0]["nameServer"]),
        (&json!("external"), &json!(NAMESERVERS[0]))
    );
    ovh.done("POST", &update, wanted()).await?;
    ovh.get(domain).await?;
    ovh.wait_seconds(3600);
    ovh.get(domain).await?;

    // And back, with no task in the answer.
    assert_eq!(
        ovh.done("PUT", domain, json!({"nameServerType": "hosted"}))
            .await?,
        Value::Null
    );
    assert_eq!(ovh.get(domain).await?["nameServerType"], "external");
    ovh.wait_seconds(3600);
    let shown = ovh.get(domain).await?;
    assert_eq!(
        (&shown["nameServerType"], &shown["nameServers"][0]["nameServer"]),
        (&json!("hosted"), &json!(NAMESERVERS[0]))
    );
    assert_eq!(
        ovh.write("PUT", DOMAIN, json!({"nameServerType": "hosted"}))
            .await?
            .0,
        400
    );
    Ok(())
}

#[tokio::test]
async fn a_set_of_servers_that_cannot_be_is_refused() -> Result<()> {
    let ovh = Ovh::start().await?;
    let many: Vec<_> = (0..9).map(|n| format!("ns{n}.example.net")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for hosts in [
        &["ns1.example.net"][..],
        &["ns1.example.net", "NS1.example.net"],
        &["ns1.example.net.", "ns2.example.net."],
        &["ns1.ovh-ordinary.com", "ns2.example.net"],
        &["localhost", "ns2.example.net"],
        &many,
    ] {
        assert_eq!(ovh.set_servers(hosts).await?.0, 400, "{hosts:?}");
    }
    // The guide's misprint.
    let update = format!("{DOMAIN}/nameServers/update");
    assert_eq!(
        ovh.write(
            "POST",
            &update,
            json!({"nameServer": [{"host": "ns1.example.net"}]})
        )
        .await?
        .0,
        400
    );
    assert_eq!(ovh.nameservers(), OLD_HOSTS);

    // A host below the domain needs its addresses first.
    let glue = json!({"host": "ns1.ovh-ordinary.com", "ips": ["192.0.2.53"]});
    let task = ovh
        .done("POST", &format!("{DOMAIN}/glueRecord"), glue.clone())
        .await?;
    assert_eq!(task["function"], "DomainHostCreate");
    while ovh.status(&task).await? != "done" {}
    assert_eq!(
        ovh.get(&format!("{DOMAIN}/glueRecord/ns1.ovh-ordinary.com"))
            .await?,
        glue
    );
    assert_eq!(
        ovh.set_servers(&["ns1.ovh-ordinary.com", "ns2.example.net"])
            .await?
            .0,
        200
    );
    Ok(())
}

#[tokio::test]
async fn the_state_of_a_domain_may_forbid_every_change() -> Result<()> {
    let ovh = Ovh::start().await?;
    for (name, state, status) in [
        ("ovh-locked.com", "dispute", 403),
        ("ovh-expired.com", "expired", 460),
    ] {
        let path = format!("/domain/{name}");
        assert_eq!(ovh.get(&path).await?["state"], state);
        let wanted = json!({"nameServers": NEW_HOSTS.map(|host| json!({"host": host}))});
        assert_eq!(
            ovh.write("POST", &format!("{path}/nameServers/update"), wanted)
                .await?
                .0,
            status
        );
        assert_eq!(
            ovh.write("PUT", &path, json!({"nameServerType": "hosted"}))
                .await?
                .0,
            status
        );
        assert_eq!(
            ovh.write("POST", &format!("{path}/dsRecord"), json!({"keys": []}))
                .await?
                .0,
            status
        );
    }
    ovh.controls.with(|settings| {
        let facts = DomainFacts {
            keys_refused: true,
            ..DomainFacts::default()
        };
        settings.domains.insert("ovh-ordinary.com".to_owned(), facts);
    });
    let path = format!("{DOMAIN}/dsRecord");
    assert_eq!(ovh.write("POST", &path, json!({"keys": []})).await?.0, 403);
    Ok(())
}
