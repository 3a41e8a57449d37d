//! No credential comes out anywhere: not in errors, tasks and snapshots, not in the journal, not in a log line at any level.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use data_encoding::{BASE64, HEXLOWER};
use pdm_registrar::{Change, Credentials};

use super::canaries::Canaries;
use super::heard::Heard;
use crate::act::Act;
use crate::check::{Applies, Check, Facts, Outcome, always, check};
use crate::sim::faults::Fault;
use crate::subject::{SHORT_DEADLINE, Subject, name, registrar};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!(
            "secrets",
            malformed_credentials_are_not_repeated,
            ReadOnly,
            always
        ),
        check!("secrets", errors_hold_none, Simulator, always),
        check!(
            "secrets",
            vendor_that_repeats_them_is_not_quoted,
            Simulator,
            always
        ),
        check!("secrets", snapshots_and_tasks_hold_none, Simulator, |facts| facts
            .registrar()),
        check!("secrets", only_the_vendor_gets_them, Simulator, always),
        check!("secrets", logs_hold_none_at_any_level, Simulator, works),
    ]
}

fn works(facts: &Facts<'_>) -> Applies {
    if Act::offered(facts).is_empty() {
        Err("the vendor takes no write".to_owned())
    } else {
        Ok(())
    }
}

/// What a person enters wrongly is still a secret.
async fn malformed_credentials_are_not_repeated(subject: &Subject) -> Outcome {
    let canaries = Canaries::of(subject, &subject.fixtures.ordinary)?;
    let given = subject
        .fixtures
        .ordinary
        .credentials
        .as_object()
        .context("credentials are an object")?;
    let is = subject.descriptor();
    let mut wrong: Vec<Vec<u8>> = vec![
        // Cut off, an array, a number, and a field too many.
        subject
            .fixtures
            .ordinary
            .credentials
            .to_string()
            .trim_end_matches('}')
            .as_bytes()
            .to_vec(),
        serde_json::to_vec(&[&given])?,
    ];
    for (field, value) in given {
        let text = value.as_str().unwrap_or_default();
        for bad in [
            serde_json::json!([text]),
            format!("{text}\n{text}").into(),
            format!("é {text} é").into(),
        ] {
            let mut fields = given.clone();
            fields.insert(field.clone(), bad);
            wrong.push(serde_json::to_vec(&fields)?);
        }
    }
    for text in wrong {
        if let Err(error) = Credentials::from_json(is, &text) {
            canaries.absent_from_error("the message about malformed credentials", &error)?;
        }
    }
    Ok(())
}

/// Whatever goes wrong at the vendor, on every call of the contract.
async fn errors_hold_none(subject: &Subject) -> Outcome {
    let faults = [
        Fault::TooMany { retry_after: Some(5) },
        Fault::ServerError,
        Fault::Maintenance,
        Fault::Html(200),
        Fault::CutBefore,
        Fault::Silent(std::time::Duration::from_secs(600)),
        Fault::Huge,
        Fault::Redirect,
    ];
    let mut errors = Vec::new();
    for fault in faults {
        let subject = subject.fresh().await?;
        let case = &subject.fixtures.ordinary;
        let canaries = Canaries::of(&subject, case)?;
        subject.stage()?.simulator.faults.always(fault.clone(), "");
        let account = subject.open_within(case, SHORT_DEADLINE)?;
        let domain = subject.domain()?;
        errors.extend(account.probe(&domain).await.err());
        if let Some(registrar) = account.registrar() {
            errors.extend(
                registrar
                    .set_nameservers(&domain, &crate::act::wanted_nameservers())
                    .await
                    .err(),
            );
        }
        if let Some(host) = account.dns_host() {
            errors.extend(
                host.put_txt(&domain, &crate::act::txt_name(&domain)?, "pdm-check")
                    .await
                    .err(),
            );
        }
        ensure!(!errors.is_empty(), "{fault:?} is no failure");
        for error in errors.drain(..) {
            canaries.absent_from_error(&format!("an error of {fault:?}"), &error)?;
        }
    }
    for (situation, case) in &subject.fixtures.cases {
        let canaries = Canaries::of(subject, case)?;
        if let Err(error) = subject.open(case)?.probe(&name(&case.domain)?).await {
            canaries.absent_from_error(&format!("the error of `{situation}`"), &error)?;
        }
    }
    // A port where nobody listens: the error of the way holds the URL.
    let nobody = super::stand_in(Router::new()).await?;
    let account = super::open_at(subject, &nobody)?;
    nobody.server.abort();
    let canaries = Canaries::of(subject, &subject.fixtures.ordinary)?;
    if let Err(error) = account.probe(&subject.domain()?).await {
        canaries.absent_from_error("the error of a vendor that cannot be reached", &error)?;
    }
    Ok(())
}

/// Some services put the request into their error message, and into pages about errors.
async fn vendor_that_repeats_them_is_not_quoted(subject: &Subject) -> Outcome {
    let case = &subject.fixtures.ordinary;
    let canaries = Canaries::of(subject, case)?;
    let domain = subject.domain()?;
    for (status, xml) in [
        (200, false),
        (400, false),
        (403, false),
        (500, false),
        (200, true),
        (500, true),
    ] {
        let values: BTreeMap<String, String> = serde_json::from_value(case.credentials.clone())?;
        let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let said = repeated(&uri, &headers, &body, &values);
            let answer = if xml { xml_error(&said) } else { json_error(&said) };
            let kind = if xml { "text/xml" } else { "application/json" };
            async move {
                (
                    StatusCode::from_u16(status).unwrap_or_default(),
                    [(header::CONTENT_TYPE, kind)],
                    answer,
                )
            }
        };
        let vendor = super::stand_in(Router::new().fallback(answer)).await?;
        let account = super::open_at(subject, &vendor)?;
        let mut errors = vec![account.probe(&domain).await.err()];
        if let Some(registrar) = account.registrar() {
            errors.push(registrar.registration(&domain).await.err());
            errors.push(
                registrar
                    .set_nameservers(&domain, &crate::act::wanted_nameservers())
                    .await
                    .err(),
            );
        }
        if let Some(host) = account.dns_host() {
            errors.push(host.export(&domain).await.err());
            errors.push(
                host.put_txt(&domain, &crate::act::txt_name(&domain)?, "pdm-check")
                    .await
                    .err(),
            );
        }
        ensure!(
            errors.iter().any(Option::is_some),
            "an answer of nothing but an error is a success"
        );
        for error in errors.into_iter().flatten() {
            canaries.absent_from_error(
                &format!("an error that quotes the vendor (status {status})"),
                &error,
            )?;
        }
    }
    Ok(())
}

/// What an indiscreet service would say of a request.
fn repeated(uri: &Uri, headers: &HeaderMap, body: &Bytes, values: &BTreeMap<String, String>) -> String {
    let mut said = format!("invalid request {uri} {}", String::from_utf8_lossy(body));
    for (name, value) in headers {
        said.extend([
            " ",
            name.as_str(),
            ": ",
            &String::from_utf8_lossy(value.as_bytes()),
        ]);
    }
    for value in values.values() {
        // The beginning, so that it is not cut off.
        said = format!(
            "{value} {} {} {said}",
            BASE64.encode(value.as_bytes()),
            HEXLOWER.encode(value.as_bytes())
        );
    }
    said
}

/// An error in the forms of all vendors at once.
fn json_error(said: &str) -> String {
    let one =
        serde_json::json!({"code": 1004, "message": said, "error_chain": [{"code": 1, "message": said}]});
    serde_json::json!({
        "success": false, "errors": [one], "messages": [], "result": null,
        "Response": {"ResponseCode": "-1", "Status": "error", "Error": said},
        "code": "INVALID_BODY", "message": said, "fields": [{"code": "X", "message": said, "path": said}],
        "class": "Client::BadRequest", "errorCode": "INVALID", "httpCode": "400 Bad Request",
        "error": {"description": said},
    })
    .to_string()
}

fn xml_error(said: &str) -> String {
    let said = said
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><ApiResponse Status=\"ERROR\" \
         xmlns=\"http://api.namecheap.com/xml.response\"><Errors><Error Number=\"2050900\">{said}</Error></Errors>\
         <RequestedCommand /></ApiResponse>"
    )
}

async fn snapshots_and_tasks_hold_none(subject: &Subject) -> Outcome {
    let canaries = Canaries::of(subject, &subject.fixtures.ordinary)?;
    let fixtures = &subject.fixtures;
    for case in [
        Some(&fixtures.ordinary),
        fixtures.hosted.as_ref(),
        fixtures.signed.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        let (account, domain) = (subject.open(case)?, name(&case.domain)?);
        let registrar = registrar(&*account)?;
        let snapshot = registrar.snapshot(&domain).await?;
        canaries.absent_from(
            "a snapshot",
            &format!("{snapshot:?}{}", serde_json::to_string(&snapshot)?),
        )?;
        let registration = registrar.registration(&domain).await?;
        canaries.absent_from("a registration", &format!("{registration:?}"))?;
        let probe = account.probe(&domain).await?;
        canaries.absent_from("a probe", &format!("{probe:?}"))?;
    }
    for act in Act::offered(&subject.facts()) {
        let subject = subject.fresh().await?;
        let ready = act.ready(&subject).await?;
        if let Change::Accepted(task) = ready.perform().await? {
            canaries.absent_from("a task", &task.0)?;
            let state = registrar(&*ready.account)?.task(&ready.domain, &task).await?;
            canaries.absent_from("the state of a task", &format!("{state:?}"))?;
        }
    }
    Ok(())
}

/// The journal masks what is where the vendor wants it. In another place, or in another form, it would stand there.
async fn only_the_vendor_gets_them(subject: &Subject) -> Outcome {
    let canaries = Canaries::of(subject, &subject.fixtures.ordinary)?;
    let (account, domain) = (subject.account()?, subject.domain()?);
    account.probe(&domain).await?;
    for act in Act::offered(&subject.facts()) {
        let ready = act.opened(subject)?;
        if act != Act::Restore {
            // What comes of it is the business of other checks.
            let _answer = ready.perform().await;
        }
    }
    let journal = subject.stage()?.simulator.journal.entries();
    ensure!(!journal.is_empty(), "nothing was asked");
    for entry in journal {
        canaries.absent_from(
            "a request, where it does not belong",
            &format!("{} {}", entry.call, entry.sent),
        )?;
    }
    Ok(())
}

/// Everything that this thread's work logs, at TRACE, the HTTP client and its connections included.
async fn logs_hold_none_at_any_level(subject: &Subject) -> Outcome {
    let canaries = Canaries::of(subject, &subject.fixtures.ordinary)?;
    // Each piece of work in a world of its own, made ready outside, so that the simulator's own log lines are not heard.
    let mut works = Vec::new();
    for act in Act::offered(&subject.facts()) {
        let subject = subject.fresh().await?;
        let ready = act.ready(&subject).await?;
        works.push((subject, ready));
    }
    let wrong = subject.fresh().await?;
    let heard = Heard::default();
    let listener = heard.clone();
    // Tasks of the client must stay on the thread that listens: it gets a runtime of its own.
    let (works, wrong) = tokio::task::spawn_blocking(move || {
        listener.listen(async {
            for (subject, ready) in &mut works {
                ready.reopen(subject, std::time::Duration::from_secs(10))?;
                // What comes of it is the business of other checks.
                let _probe = ready.account.probe(&ready.domain).await;
                let _change = ready.perform().await;
                if let Some(host) = ready.account.dns_host() {
                    let _export = host.export(&ready.domain).await;
                }
            }
            for case in wrong.fixtures.cases.values() {
                let account = wrong.open(case)?;
                let _probe = account.probe(&name(&case.domain)?).await;
            }
            wrong.stage()?.simulator.faults.always(Fault::ServerError, "");
            let _probe = wrong.account()?.probe(&wrong.domain()?).await;
            anyhow::Ok(())
        })?;
        anyhow::Ok((works, wrong))
    })
    .await??;
    let text = heard.text();
    ensure!(
        text.lines().count() > 20,
        "the HTTP client was not heard: {} lines",
        text.lines().count()
    );
    canaries.absent_from("a log line", &text)?;
    for case in wrong.fixtures.cases.values() {
        Canaries::of(&wrong, case)?.absent_from("a log line", &text)?;
    }
    drop(works);
    Ok(())
}
