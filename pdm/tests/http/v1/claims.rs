//! Claims: the verbs in each state, and races between them.

use std::time::Duration;

use pdm::domain::claim::ClaimState;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{As, Database, Held, POOL, Reply, TestApp, on_each_database, send};

/// Status, and the code of a refusal.
fn outcome(reply: &Reply) -> (u16, String) {
    if reply.status.is_success() {
        (reply.status.as_u16(), String::new())
    } else {
        reply.problem()
    }
}

async fn a_reserve_says_what_is_held_and_until_when(database: Database) {
    let app = TestApp::start(database).await;
    let body = json!({"mode": "pool", "pool": "OMANI.works.", "label": "ACME", "hold_seconds": 600});
    let reply = app.post(As::A, "/v1/reserve", &body).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let claim = &reply.json()["claim"];
    assert_eq!(
        reply.header("location"),
        Some(format!("/v1/claims/{}", claim["id"].as_str().unwrap()).as_str())
    );
    for (field, value) in [
        ("mode", json!("pool")),
        ("state", json!("reserved")),
        ("name", json!("acme.omani.works")),
        ("pool", json!("omani.works")),
        ("label", json!("acme")),
        ("tenant", json!(app.tenant_a.to_string())),
        ("epoch", json!(1)),
        ("targets", Value::Null),
        ("nameservers", json!(["ns1.example.net", "ns2.example.org"])),
        ("ds", json!([])),
        ("operation_id", Value::Null),
        ("blocked", Value::Null),
        ("conditions", json!([])),
    ] {
        assert_eq!(claim[field], value, "{field}");
    }
    let time = |field: &str| claim[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(
        time("expires_at").as_second() - time("created_at").as_second(),
        600
    );
    let read = app.get(As::A, reply.header("location").unwrap()).await;
    assert_eq!((&read.json(), read.header("etag")), (claim, Some("\"1\"")));
}

async fn what_cannot_be_reserved_is_refused_with_its_own_code(database: Database) {
    let app = TestApp::start(database).await;
    crate::support::add_pool(&app.store, "eu.omani.works").await;
    crate::support::add_pool(&app.store, "example.net").await;
    let held = app.reserve("held").await;
    app.claim_in(ClaimState::Active, "active").await;
    let buried = app.claim_in(ClaimState::Releasing, "buried").await;
    app.work().await;
    assert_eq!(app.claim(&buried).await["state"], "released");
    let foreign: Result<_, pdm::store::StoreError> = app
        .store
        .write(|tx| {
            Box::pin(async move {
                let name = |text: &str| pdm::registrar::DomainName::parse(text).unwrap();
                tx.replace_foreign_names(&name(POOL), &[name("legacy.omani.works")])
                    .await
            })
        })
        .await;
    foreign.unwrap();
    let body = |pool: &str, label: &str| json!({"mode": "pool", "pool": pool, "label": label});
    for (who, body, wanted) in [
        (As::B, body(POOL, "held"), (409, "name.held")),
        (As::A, body(POOL, "held"), (409, "name.held")),
        (As::B, body(POOL, "active"), (409, "name.taken")),
        (As::B, body(POOL, "buried"), (409, "name.taken")),
        (As::A, body(POOL, "buried"), (201, "")),
        (As::A, body(POOL, "legacy"), (409, "name.taken")),
        // `eu` is too short for a label anyway; the collision is with a longer one below.
        (As::A, body(POOL, "eu"), (422, "label.invalid")),
        (As::A, body("example.net", "ns1"), (422, "label.reserved")),
        (As::A, body(POOL, "admin"), (422, "label.reserved")),
        (As::A, body(POOL, "a_b"), (422, "label.invalid")),
        (As::A, body(POOL, "xn--abc"), (422, "label.invalid")),
        (As::A, body("nowhere.example", "acme"), (404, "pool.not_found")),
        (As::A, body("not a name", "acme"), (404, "pool.not_found")),
        (
            As::A,
            json!({"mode": "pool", "pool": POOL}),
            (422, "request.invalid"),
        ),
        (
            As::A,
            json!({"mode": "byo_manual", "domain": "acme.com"}),
            (422, "request.invalid"),
        ),
        (
            As::A,
            json!({"mode": "pool", "pool": POOL, "label": "acme", "hold_seconds": 0}),
            (422, "request.invalid"),
        ),
        (
            As::A,
            json!({"mode": "pool", "pool": POOL, "label": "acme", "hold_seconds": 86_401}),
            (422, "request.invalid"),
        ),
    ] {
        let reply = app.post(who, "/v1/reserve", &body).await;
        assert_eq!(outcome(&reply), (wanted.0, wanted.1.to_owned()), "{body}");
        if wanted.1 == "name.held" {
            let problem = reply.json();
            let seconds = problem["retry_after_seconds"].as_u64().unwrap();
            assert!((3590..=3600).contains(&seconds));
            assert_eq!(reply.header("retry-after"), Some(seconds.to_string().as_str()));
            let own = if who == As::A { json!(held.id) } else { Value::Null };
            assert_eq!(problem["claim_id"], own, "{who:?}");
        }
        if wanted.1 == "name.taken" && who == As::B {
            assert_eq!(reply.json()["claim_id"], Value::Null);
        }
    }
}

async fn name_servers_and_pools_are_not_given_away(database: Database) {
    let app = TestApp::start(database).await;
    crate::support::add_pool(&app.store, "west.omani.works").await;
    let reply = app
        .post(
            As::A,
            "/v1/reserve",
            &json!({"mode": "pool", "pool": POOL, "label": "west"}),
        )
        .await;
    assert_eq!(reply.problem(), (409, "name.conflict".to_owned()));
    crate::support::add_pool(&app.store, "org").await;
    let reply = app
        .post(
            As::A,
            "/v1/reserve",
            &json!({"mode": "pool", "pool": "org", "label": "example"}),
        )
        .await;
    assert_eq!(reply.problem(), (422, "name.protected".to_owned()));
}

async fn of_fifty_reserves_of_one_name_one_wins(database: Database) {
    let app = TestApp::start(database).await;
    let body = json!({"mode": "pool", "pool": POOL, "label": "acme"});
    let calls = (0..50).map(|n| app.post(if n % 2 == 0 { As::A } else { As::B }, "/v1/reserve", &body));
    let replies = futures_util::future::join_all(calls).await;
    let won = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::CREATED)
        .count();
    assert_eq!(won, 1);
    for reply in replies.iter().filter(|reply| reply.status != StatusCode::CREATED) {
        assert_eq!(reply.problem(), (409, "name.held".to_owned()));
    }
    let all = app.get(As::Operator, "/v1/claims").await.ok();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

async fn the_daily_quota_is_counted_in_the_database(database: Database) {
    let app = TestApp::with(
        database,
        "[limits]\nreserve_per_day = 2\nreserve_per_minute = 1000\n",
    )
    .await;
    let held = app.reserve("one").await;
    app.release(&held).await.ok();
    app.reserve("two").await;
    let third = json!({"mode": "pool", "pool": POOL, "label": "three"});
    let reply = app.post(As::A, "/v1/reserve", &third).await;
    assert_eq!(reply.problem(), (429, "quota.exhausted".to_owned()));
    assert!(reply.json()["retry_after_seconds"].as_u64().unwrap() > 86_000);
    assert_eq!(
        app.post(As::B, "/v1/reserve", &third).await.status,
        StatusCode::CREATED
    );
    app.store.move_time(Duration::from_secs(86_400)).await.unwrap();
    assert_eq!(
        app.post(As::A, "/v1/reserve", &third).await.status,
        StatusCode::CREATED
    );
}

/// What each verb answers in each state; right token, right owner.
async fn verbs_by_state(database: Database) {
    use ClaimState::{Activating, Active, Expired, Released, Releasing, Reserved};
    let verbs = [
        "renew",
        "commit",
        "commit other",
        "targets",
        "targets same",
        "records",
        "release",
    ];
    let table: [(ClaimState, [(u16, &str); 7]); 6] = [
        (
            Reserved,
            [
                (200, ""),
                (202, ""),
                (202, ""),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (200, ""),
            ],
        ),
        (
            Activating,
            [
                (409, "claim.state"),
                (202, ""),
                (409, "operation.in_progress"),
                (409, "operation.in_progress"),
                (409, "operation.in_progress"),
                (409, "operation.in_progress"),
                (202, ""),
            ],
        ),
        (
            Active,
            [
                (409, "claim.state"),
                (200, ""),
                (409, "claim.state"),
                (202, ""),
                (200, ""),
                (202, ""),
                (202, ""),
            ],
        ),
        (
            Releasing,
            [
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (202, ""),
            ],
        ),
        (Expired, [(410, "claim.expired"); 7]),
        (
            Released,
            [
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (409, "claim.state"),
                (200, ""),
            ],
        ),
    ];
    let app = TestApp::start(database).await;
    let mut label = 0;
    for (state, row) in table {
        for (verb, (status, code)) in verbs.into_iter().zip(row) {
            label += 1;
            let held = app.claim_in(state, &format!("case-{label}")).await;
            let reply = call(&app, verb, &held).await;
            assert_eq!(
                outcome(&reply),
                (status, code.to_owned()),
                "{verb} when {state:?}: {reply:?}"
            );
            if code == "operation.in_progress" {
                assert_eq!(
                    reply.json()["operation_id"],
                    app.claim(&held).await["operation_id"]
                );
            }
            if verb != "renew" && reply.status.is_success() {
                let body = reply.json();
                assert_eq!(body["claim"]["id"], held.id.as_str());
                let location = format!("/v1/operations/{}", body["operation"]["id"].as_str().unwrap());
                assert_eq!(reply.header("location"), Some(location.as_str()));
            }
            // What is left over would be ended by the worker of the next case.
            app.work().await;
        }
    }
}

async fn call(app: &TestApp, verb: &str, held: &Held) -> Reply {
    let id = &held.id;
    let targets = |last: u8| json!({"ipv4": [format!("203.0.113.{last}")], "ipv6": []});
    match verb {
        "renew" => {
            app.post(
                As::A,
                &format!("/v1/claims/{id}/renew"),
                &json!({"reservation_token": held.token}),
            )
            .await
        }
        "commit" => app.commit(held).await,
        "commit other" => app.post(As::A, "/v1/commit", &held.commit_body(11)).await,
        "targets" => {
            app.put(As::A, &format!("/v1/claims/{id}/targets"), &targets(11))
                .await
        }
        "targets same" => {
            app.put(As::A, &format!("/v1/claims/{id}/targets"), &targets(10))
                .await
        }
        "records" => {
            let path = format!("/v1/claims/{id}/records/www.{}/TXT", held.name);
            let request = app.request(As::A, Method::PUT, &path).header("Prefer", "wait=0");
            send(request.json(&json!({"ttl": 300, "values": ["hello"]}))).await
        }
        "release" => app.release(held).await,
        _ => unreachable!(),
    }
}

async fn the_token_and_both_names_of_a_release_must_be_right(database: Database) {
    let app = TestApp::start(database).await;
    let (held, other) = (app.reserve("acme").await, app.reserve("other").await);
    let mut wrong = held.commit_body(10);
    wrong["reservation_token"] = json!(other.token);
    assert_eq!(
        app.post(As::A, "/v1/commit", &wrong).await.problem(),
        (403, "token.mismatch".to_owned())
    );
    let renew = json!({"reservation_token": other.token});
    let renew = app
        .post(As::A, &format!("/v1/claims/{}/renew", held.id), &renew)
        .await;
    assert_eq!(renew.problem(), (403, "token.mismatch".to_owned()));
    let crossed = json!({"claim_id": held.id, "name": other.name});
    let reply = app.post(As::A, "/v1/release", &crossed).await;
    assert_eq!(reply.problem(), (422, "request.invalid".to_owned()));
    assert_eq!(reply.json()["errors"][0]["pointer"], "/name");
    assert_eq!(app.claim(&held).await["state"], "reserved");
}

async fn targets_are_checked(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    for (ipv4, ipv6) in [
        (json!([]), json!([])),
        (json!(["203.0.113.1", "203.0.113.1"]), json!([])),
        (json!(["203.0.113"]), json!([])),
        (json!(["::1"]), json!([])),
        (json!(["224.0.0.1"]), json!([])),
        (json!([]), json!(["ff02::1"])),
        (
            json!((1..=9).map(|n| format!("203.0.113.{n}")).collect::<Vec<_>>()),
            json!([]),
        ),
    ] {
        let mut body = held.commit_body(10);
        body["targets"] = json!({"ipv4": ipv4, "ipv6": ipv6});
        let reply = app.post(As::A, "/v1/commit", &body).await;
        assert_eq!(reply.problem(), (422, "targets.invalid".to_owned()), "{body}");
    }
    assert_eq!(app.claim(&held).await["state"], "reserved");
}

async fn a_hold_grows_never_shrinks_and_has_an_end(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.reserve("acme").await;
    let path = format!("/v1/claims/{}/renew", held.id);
    let renew = |seconds: u64| json!({"reservation_token": held.token, "hold_seconds": seconds});
    let before = app.claim(&held).await["expires_at"].clone();
    assert_eq!(
        app.post(As::A, &path, &renew(60)).await.ok()["expires_at"],
        before,
        "never shorter"
    );
    let longer = app.post(As::A, &path, &renew(7200)).await.ok()["expires_at"].clone();
    assert!(longer.as_str() > before.as_str());
    assert_eq!(
        app.post(As::A, &path, &renew(86_401)).await.problem(),
        (422, "request.invalid".to_owned())
    );
    for _ in 0..7 {
        app.post(As::A, &path, &renew(86_400)).await.ok();
        app.store.move_time(Duration::from_secs(86_390)).await.unwrap();
    }
    assert_eq!(
        app.post(As::A, &path, &renew(86_400)).await.problem(),
        (429, "quota.exhausted".to_owned())
    );
}

async fn of_renew_and_expiry_one_wins(database: Database) {
    let app = TestApp::start(database).await;
    for round in 0..10 {
        let held = app.reserve(&format!("race-{round}")).await;
        let path = format!("/v1/claims/{}/renew", held.id);
        let body = json!({"reservation_token": held.token, "hold_seconds": 7200});
        app.store
            .move_time(Duration::from_millis(3_599_990))
            .await
            .unwrap();
        let (renewed, ()) = tokio::join!(app.post(As::A, &path, &body), async {
            app.store.move_time(Duration::from_secs(1)).await.unwrap();
            app.expire().await;
        });
        let state = app.claim(&held).await["state"].clone();
        match renewed.status {
            StatusCode::OK => assert_eq!(state, "reserved"),
            _ => assert_eq!(
                (renewed.problem().1.as_str(), state),
                ("claim.expired", json!("expired"))
            ),
        }
    }
}

async fn a_name_whose_hold_ended_is_free_at_once_and_belongs_to_the_next(database: Database) {
    let app = TestApp::start(database).await;
    let first = app.reserve("acme").await;
    app.store.move_time(Duration::from_secs(3600)).await.unwrap();
    let body = json!({"mode": "pool", "pool": POOL, "label": "acme"});
    let next = app.post(As::B, "/v1/reserve", &body).await.ok();
    assert_eq!(next["claim"]["epoch"], 2);
    assert_eq!(app.claim(&first).await["state"], "expired");
    assert_eq!(
        app.commit(&first).await.problem(),
        (410, "claim.expired".to_owned())
    );
    assert_eq!(
        app.release(&first).await.problem(),
        (410, "claim.expired".to_owned())
    );
    let theirs = app
        .get(
            As::B,
            &format!("/v1/claims/{}", next["claim"]["id"].as_str().unwrap()),
        )
        .await
        .ok();
    assert_eq!(theirs["state"], "reserved");
}

async fn a_release_stops_an_activation_and_takes_over_from_it(database: Database) {
    let app = TestApp::start(database).await;
    let held = app.claim_in(ClaimState::Activating, "acme").await;
    let activation = app.claim(&held).await["operation_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = app.release(&held).await.ok();
    assert_eq!(
        (&body["operation"]["kind"], &body["claim"]["state"]),
        (&json!("release"), &json!("releasing"))
    );
    let old = app.get(As::A, &format!("/v1/operations/{activation}")).await.ok();
    assert_eq!(old["state"], "cancelled");
    let again = app.release(&held).await.ok();
    assert_eq!(again["operation"]["id"], body["operation"]["id"]);
    app.work().await;
    // Nothing of it was ever in the parent: the name is free for everybody.
    let next = json!({"mode": "pool", "pool": POOL, "label": "acme"});
    assert_eq!(
        app.post(As::B, "/v1/reserve", &next).await.status,
        StatusCode::CREATED
    );
}

on_each_database!(
    a_reserve_says_what_is_held_and_until_when,
    what_cannot_be_reserved_is_refused_with_its_own_code,
    name_servers_and_pools_are_not_given_away,
    of_fifty_reserves_of_one_name_one_wins,
    the_daily_quota_is_counted_in_the_database,
    verbs_by_state,
    the_token_and_both_names_of_a_release_must_be_right,
    targets_are_checked,
    a_hold_grows_never_shrinks_and_has_an_end,
    of_renew_and_expiry_one_wins,
    a_name_whose_hold_ended_is_free_at_once_and_belongs_to_the_next,
    a_release_stops_an_activation_and_takes_over_from_it,
);
