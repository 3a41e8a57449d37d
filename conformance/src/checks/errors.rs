//! What is told of a vendor that fails, and whether it is true.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use pdm_registrar::{Applied, Change, Error, ErrorKind, Retry};

use crate::act::{Act, Ready};
use crate::check::{Applies, Check, Facts, Outcome, always, check, refused, refused_as};
use crate::picture::Picture;
use crate::sim::faults::Fault;
use crate::subject::{SHORT_DEADLINE, Subject, dns_host, name};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("errors", too_many_calls_with_a_time_to_wait, Simulator, always),
        check!("errors", too_many_calls_without_a_time_to_wait, Simulator, always),
        check!("errors", too_many_calls_leave_a_write_undone, Simulator, writes),
        check!("errors", one_failed_read_is_survived, Simulator, always),
        check!("errors", vendor_that_stays_broken_is_away, Simulator, always),
        check!("errors", maintenance_is_away, Simulator, always),
        check!("errors", page_in_place_of_an_answer_is_away, Simulator, always),
        check!("errors", connection_cut_while_reading_is_away, Simulator, always),
        check!("errors", silence_ends_at_the_deadline, Simulator, always),
        check!("errors", huge_answer_is_not_swallowed, Simulator, always),
        check!("errors", redirect_is_not_followed, Simulator, always),
        check!("errors", write_that_failed_is_told_truly, Simulator, writes),
        check!(
            "errors",
            write_that_was_done_and_failed_is_told_truly,
            Simulator,
            writes
        ),
        check!(
            "errors",
            write_cut_before_it_was_done_is_told_truly,
            Simulator,
            writes
        ),
        check!(
            "errors",
            write_cut_after_it_was_done_is_told_truly,
            Simulator,
            writes
        ),
        check!("errors", write_into_silence_is_told_truly, Simulator, writes),
        check!(
            "errors",
            write_answered_by_a_page_is_told_truly,
            Simulator,
            writes
        ),
        check!(
            "errors",
            write_answered_by_something_huge_is_told_truly,
            Simulator,
            writes
        ),
        check!(
            "errors",
            write_during_maintenance_is_told_truly,
            Simulator,
            writes
        ),
        check!("errors", yes_without_a_deed_is_no_success, Simulator, writes),
        check!("errors", late_deed_is_told_truly, Simulator, writes),
    ]
}

fn writes(facts: &Facts<'_>) -> Applies {
    if Act::offered(facts).is_empty() {
        Err("the vendor takes no write".to_owned())
    } else {
        Ok(())
    }
}

/// Reads with every call of the vendor failing so, and the error.
async fn read(subject: &Subject, fault: Fault, deadline: Duration) -> Result<Vec<Error>> {
    let what = format!("a read during {fault:?}");
    subject.stage()?.simulator.faults.always(fault, "");
    let mut errors = Vec::new();
    let account = subject.open_within(&subject.fixtures.ordinary, deadline)?;
    let domain = subject.domain()?;
    errors.push(refused(&what, account.probe(&domain).await)?);
    if let Some(registrar) = account.registrar() {
        errors.push(refused(&what, registrar.registration(&domain).await)?);
        errors.push(refused(&what, registrar.snapshot(&domain).await)?);
    }
    if let Some(hosted) = subject
        .fixtures
        .hosted
        .as_ref()
        .filter(|_| subject.facts().can(|can| can.export_zone).is_ok())
    {
        let account = subject.open_within(hosted, deadline)?;
        errors.push(refused(
            &what,
            dns_host(&*account)?.export(&name(&hosted.domain)?).await,
        )?);
    }
    let unanswered = errors.iter().find(|error| error.applied != Applied::No);
    ensure!(
        unanswered.is_none(),
        "a read has nothing to apply: {unanswered:?}"
    );
    Ok(errors)
}

fn all_are(errors: &[Error], kinds: &[ErrorKind], retry: impl Fn(Retry) -> bool) -> Outcome {
    for error in errors {
        ensure!(
            kinds.contains(&error.kind),
            "it must be one of {kinds:?}, and is {}: {error}",
            error.kind.as_str()
        );
        ensure!(
            retry(error.retry),
            "to be tried again {:?} is wrong: {error}",
            error.retry
        );
    }
    Ok(())
}

async fn too_many_calls_with_a_time_to_wait(subject: &Subject) -> Outcome {
    let errors = read(
        subject,
        Fault::TooMany {
            retry_after: Some(77),
        },
        Duration::from_secs(10),
    )
    .await?;
    // Not all vendors say it; then a guess may be longer, or a minute.
    all_are(
        &errors,
        &[ErrorKind::RateLimited],
        |retry| matches!(retry, Retry::After(wait) if wait >= Duration::from_secs(60)),
    )?;
    let told = |error: &Error| error.retry == Retry::After(Duration::from_secs(77));
    ensure!(
        errors.iter().all(told) || !errors.iter().any(told),
        "one read told the vendor's time to wait, and another did not"
    );
    Ok(())
}

async fn too_many_calls_without_a_time_to_wait(subject: &Subject) -> Outcome {
    let errors = read(
        subject,
        Fault::TooMany { retry_after: None },
        Duration::from_secs(10),
    )
    .await?;
    all_are(
        &errors,
        &[ErrorKind::RateLimited],
        |retry| matches!(retry, Retry::After(wait) if wait >= Duration::from_secs(1)),
    )
}

/// Nothing was done, and that is known.
async fn too_many_calls_leave_a_write_undone(subject: &Subject) -> Outcome {
    for act in Act::offered(&subject.facts()) {
        let subject = subject.fresh().await?;
        let ready = act.ready(&subject).await?;
        let stage = subject.stage()?;
        let before = Picture::of(&stage.world);
        stage
            .simulator
            .faults
            .always(Fault::TooMany { retry_after: Some(9) }, "");
        let error = refused_as(
            &format!("{act:?}"),
            ready.perform().await,
            &[ErrorKind::RateLimited],
        )?;
        ensure!(
            error.applied == Applied::No,
            "{act:?} met a full budget, and may have been done: {error}"
        );
        Picture::of(&stage.world).same_as(&before, &format!("after {act:?} met a full budget"))?;
    }
    Ok(())
}

async fn one_failed_read_is_survived(subject: &Subject) -> Outcome {
    // A vendor's own word that it is busy may as well be handed on.
    for fault in [Fault::CutBefore, Fault::Html(502)] {
        let account = subject.account()?;
        subject.stage()?.simulator.faults.arm(fault.clone(), "", 1);
        account
            .probe(&subject.domain()?)
            .await
            .with_context(|| format!("one {fault:?} ended a read"))?;
    }
    Ok(())
}

async fn vendor_that_stays_broken_is_away(subject: &Subject) -> Outcome {
    let errors = read(subject, Fault::ServerError, Duration::from_secs(10)).await?;
    all_are(&errors, &[ErrorKind::Unavailable], |retry| retry != Retry::Never)
}

async fn maintenance_is_away(subject: &Subject) -> Outcome {
    let errors = read(subject, Fault::Maintenance, Duration::from_secs(10)).await?;
    all_are(&errors, &[ErrorKind::Unavailable], |retry| retry != Retry::Never)
}

/// Whatever status the page has: it is not the vendor's program that speaks.
async fn page_in_place_of_an_answer_is_away(subject: &Subject) -> Outcome {
    for status in [200, 502, 503] {
        let subject = subject.fresh().await?;
        let errors = read(&subject, Fault::Html(status), Duration::from_secs(10)).await?;
        all_are(&errors, &[ErrorKind::Unavailable], |retry| retry != Retry::Never)
            .with_context(|| format!("a page with status {status}"))?;
        let quoted = errors.iter().find(|error| error.detail.contains("<html"));
        ensure!(
            quoted.is_none(),
            "the page's markup is in the message: {quoted:?}"
        );
    }
    Ok(())
}

async fn connection_cut_while_reading_is_away(subject: &Subject) -> Outcome {
    let errors = read(subject, Fault::CutBefore, Duration::from_secs(10)).await?;
    all_are(&errors, &[ErrorKind::Unavailable], |retry| retry != Retry::Never)
}

async fn silence_ends_at_the_deadline(subject: &Subject) -> Outcome {
    let long = Duration::from_secs(600);
    let reads = read(subject, Fault::Silent(long), SHORT_DEADLINE);
    let errors = tokio::time::timeout(long / 10, reads)
        .await
        .context("no end to the waiting")??;
    all_are(&errors, &[ErrorKind::Unavailable], |retry| retry != Retry::Never)
}

async fn huge_answer_is_not_swallowed(subject: &Subject) -> Outcome {
    let errors = read(subject, Fault::Huge, Duration::from_secs(10)).await?;
    all_are(&errors, &[ErrorKind::Unavailable], |retry| retry != Retry::Never)
}

/// Neither by a read nor by a write: whoever answers elsewhere would get the credentials.
async fn redirect_is_not_followed(subject: &Subject) -> Outcome {
    use axum::Router;
    use axum::http::{StatusCode, header};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let reached = Arc::new(AtomicUsize::new(0));
    let elsewhere = {
        let reached = Arc::clone(&reached);
        let seen = move || {
            reached.fetch_add(1, Ordering::SeqCst);
            async { "" }
        };
        super::stand_in(Router::new().fallback(seen)).await?
    };
    for status in [
        StatusCode::FOUND,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ] {
        let to = format!("{}/sign-in", elsewhere.base);
        let answer = move || async move { (status, [(header::LOCATION, to)]) };
        let vendor = super::stand_in(Router::new().fallback(answer)).await?;
        let account = super::open_at(subject, &vendor)?;
        let domain = subject.domain()?;
        refused("a redirected probe", account.probe(&domain).await)?;
        if let Some(registrar) = account.registrar() {
            refused("a redirected read", registrar.registration(&domain).await)?;
            let wanted = crate::act::wanted_nameservers();
            refused(
                "a redirected write",
                registrar.set_nameservers(&domain, &wanted).await,
            )?;
        }
        let reached = reached.load(Ordering::SeqCst);
        ensure!(
            reached == 0,
            "a redirect with {status} was followed {reached} times"
        );
    }
    Ok(())
}

/// Every write that the act sends, in its order, as the journal names them.
async fn calls_of(subject: &Subject, act: Act) -> Result<Vec<String>> {
    let subject = subject.fresh().await?;
    let ready = act.ready(&subject).await?;
    let stage = subject.stage()?;
    stage.simulator.journal.clear();
    let change = ready
        .perform()
        .await
        .with_context(|| format!("{act:?}, with nothing wrong"))?;
    ensure!(change != Change::Unchanged, "{act:?} has nothing to do");
    let mut calls = Vec::new();
    for entry in stage.simulator.journal.entries() {
        if entry.write && !calls.contains(&entry.call) {
            calls.push(entry.call);
        }
    }
    ensure!(
        !calls.is_empty(),
        "{act:?} answered {change:?}, and nothing was written"
    );
    Ok(calls)
}

/// Plays a fault once at each write that each act sends, holds the answer against the world, and asks again: what was begun must
/// come to its end. `judge` holds the answer against what else is promised.
async fn at_every_write(
    subject: &Subject,
    fault: &Fault,
    deadline: Duration,
    judge: fn(&Ready, &Result<Change, Error>) -> Outcome,
) -> Outcome {
    let acts = Act::offered(&subject.facts());
    let calls = join_all(acts.iter().map(|act| calls_of(subject, *act))).await;
    let mut places = Vec::new();
    for (act, calls) in acts.into_iter().zip(calls) {
        places.extend(calls?.into_iter().map(|call| (act, call)));
    }
    // Side by side, each in a world of its own: adapters wait for what vendors are slow with.
    let played = join_all(
        places
            .iter()
            .map(|(act, call)| at_one_write(subject, *act, call, fault, deadline, judge)),
    );
    let mut hits = 0;
    for played in played.await {
        hits += usize::from(played?);
    }
    ensure!(hits > 0, "the simulator plays {fault:?} at no write");
    Ok(())
}

/// Plays a fault at one write of an act. `false` when the simulator does not play it there.
async fn at_one_write(
    subject: &Subject,
    act: Act,
    call: &str,
    fault: &Fault,
    deadline: Duration,
    judge: fn(&Ready, &Result<Change, Error>) -> Outcome,
) -> Result<bool> {
    let subject = subject.fresh().await?;
    let stage = subject.stage()?;
    let mut ready = act.ready(&subject).await?;
    ready.reopen(&subject, deadline)?;
    let before = Picture::of(&stage.world);
    stage.simulator.faults.arm(fault.clone(), call, 1);
    let answer = ready.perform().await;
    let unused = stage
        .simulator
        .faults
        .take(call, |armed| armed == fault)
        .is_some();
    stage.simulator.faults.clear();
    if unused {
        return Ok(false);
    }
    let when = || format!("{act:?} with {fault:?} at `{call}` answered {answer:?}");
    ready.truthful(&subject, &before, &answer).with_context(when)?;
    judge(&ready, &answer).with_context(when)?;
    converges(&subject, &mut ready, &answer)
        .await
        .with_context(when)?;
    Ok(true)
}

/// Asked again with nothing wrong, the act is done, whatever the first try left behind.
async fn converges(subject: &Subject, ready: &mut Ready, first: &Result<Change, Error>) -> Outcome {
    let world = &subject.stage()?.world;
    ready.reopen(subject, Duration::from_secs(10))?;
    if let Ok(change) = first {
        // It may well never end: that is what asking again is for.
        let _ended = subject.finish(&*ready.account, &ready.domain, change).await;
    }
    let mut answer = ready.perform().await;
    for _ in 0..20 {
        match &answer {
            Ok(change) => {
                subject
                    .finish(&*ready.account, &ready.domain, change)
                    .await
                    .context("asked again")?;
                break;
            }
            // What the first try began is still on its way.
            Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Unavailable) => {
                world.move_clock(Duration::from_secs(60));
                answer = ready.perform().await;
            }
            Err(error) => anyhow::bail!("asked again it ends as {}: {error}", error.kind.as_str()),
        }
    }
    ensure!(
        ready.done(world, subject.vendor().id()),
        "asked again it answered {answer:?}, and is not done"
    );
    Ok(())
}

/// A failure of the way or of the vendor is told as such.
fn is_away(_: &Ready, answer: &Result<Change, Error>) -> Outcome {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => all_are(std::slice::from_ref(error), &[ErrorKind::Unavailable], |retry| {
            retry != Retry::Never
        }),
    }
}

async fn write_that_failed_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(subject, &Fault::ServerError, Duration::from_secs(10), is_away).await
}

async fn write_that_was_done_and_failed_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(
        subject,
        &Fault::ServerErrorAfter,
        Duration::from_secs(10),
        is_away,
    )
    .await
}

async fn write_cut_before_it_was_done_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(subject, &Fault::CutBefore, Duration::from_secs(10), is_away).await
}

async fn write_cut_after_it_was_done_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(subject, &Fault::CutAfter, Duration::from_secs(10), is_away).await
}

async fn write_into_silence_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(
        subject,
        &Fault::Silent(Duration::from_secs(600)),
        SHORT_DEADLINE,
        is_away,
    )
    .await
}

async fn write_answered_by_a_page_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(subject, &Fault::Html(200), Duration::from_secs(10), is_away).await?;
    at_every_write(subject, &Fault::Html(502), Duration::from_secs(10), is_away).await
}

async fn write_answered_by_something_huge_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(subject, &Fault::Huge, Duration::from_secs(10), is_away).await
}

async fn write_during_maintenance_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(subject, &Fault::Maintenance, Duration::from_secs(10), is_away).await
}

/// What is read back decides.
async fn yes_without_a_deed_is_no_success(subject: &Subject) -> Outcome {
    at_every_write(
        subject,
        &Fault::NotApplied,
        Duration::from_secs(10),
        comes_perhaps,
    )
    .await
}

async fn late_deed_is_told_truly(subject: &Subject) -> Outcome {
    at_every_write(
        subject,
        &Fault::AppliedLate { reads: 2 },
        Duration::from_secs(10),
        comes_perhaps,
    )
    .await
}

/// What the vendor said yes to may come yet.
fn comes_perhaps(_: &Ready, answer: &Result<Change, Error>) -> Outcome {
    let never = matches!(answer, Err(error) if error.applied == Applied::No);
    ensure!(
        !never,
        "the vendor said yes, and the answer says that it will never be done"
    );
    Ok(())
}
