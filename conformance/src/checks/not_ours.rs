//! What is not meant stays as it is.

use anyhow::{Context, ensure};
use pdm_registrar::{Account, ErrorKind, ReadOnly};

use crate::act::Act;
use crate::check::{Applies, Check, Facts, Outcome, always, check, refused, refused_as};
use crate::picture::Picture;
use crate::subject::{Subject, dns_host, name, registrar};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("not_ours", reads_change_nothing, Simulator, always),
        check!(
            "not_ours",
            writes_leave_everything_else,
            Simulator,
            writes_anything
        ),
        check!(
            "not_ours",
            leaving_the_hosting_leaves_everything_else,
            Simulator,
            leaves
        ),
        check!(
            "not_ours",
            domain_of_another_account_is_out_of_reach,
            Simulator,
            |facts| facts.case("not_in_account")
        ),
        check!(
            "not_ours",
            account_opened_for_reading_sends_no_write,
            Simulator,
            writes_anything
        ),
    ]
}

fn writes_anything(facts: &Facts<'_>) -> Applies {
    if Act::offered(facts).is_empty() {
        Err("the vendor takes no write".to_owned())
    } else {
        Ok(())
    }
}

fn leaves(facts: &Facts<'_>) -> Applies {
    facts
        .can(|can| can.change_nameservers)
        .and_then(|()| facts.hosted())
}

async fn reads_change_nothing(subject: &Subject) -> Outcome {
    let stage = subject.stage()?;
    let before = Picture::of(&stage.world);
    let fixtures = &subject.fixtures;
    let cases = [
        Some(&fixtures.ordinary),
        fixtures.hosted.as_ref(),
        fixtures.signed.as_ref(),
    ];
    for case in cases.into_iter().flatten() {
        let (account, domain) = (subject.open(case)?, name(&case.domain)?);
        if let Some(registrar) = account.registrar() {
            registrar.registration(&domain).await?;
            registrar.snapshot(&domain).await?;
        }
        if let Some(host) = account.dns_host() {
            // Of a zone that is elsewhere there is nothing to read, which other checks are about.
            let _export = host.export(&domain).await;
            let _delegation = host.delegation(&domain, &crate::act::child(&domain)?).await;
        }
    }
    let journal = stage.simulator.journal.entries();
    ensure!(!journal.is_empty(), "nothing was asked");
    let written = journal.iter().find(|entry| entry.write);
    ensure!(written.is_none(), "a read sent the write {written:?}");
    Picture::of(&stage.world).same_as(&before, "after reads")
}

async fn writes_leave_everything_else(subject: &Subject) -> Outcome {
    for act in Act::offered(&subject.facts()) {
        let subject = subject.fresh().await?;
        let world = &subject.stage()?.world;
        let ready = act.ready(&subject).await?;
        let before = ready.apart(world);
        let change = ready.perform().await.with_context(|| format!("{act:?}"))?;
        subject.finish(&*ready.account, &ready.domain, &change).await?;
        ensure!(
            ready.done(world, subject.vendor().id()),
            "{act:?} answered {change:?}, and is not done"
        );
        ready.apart(world).same_as(&before, &format!("after {act:?}"))?;
    }
    Ok(())
}

/// Other domains, and the zones of other domains. What becomes of the zone that is left is the vendor's.
async fn leaving_the_hosting_leaves_everything_else(subject: &Subject) -> Outcome {
    let world = &subject.stage()?.world;
    let mut ready = Act::SetNameservers.opened(subject)?;
    ready.domain = subject.zone()?;
    let apart = || ready.apart(world).without_zone(&ready.domain);
    let before = apart();
    let change = ready.perform().await?;
    subject.finish(&*ready.account, &ready.domain, &change).await?;
    apart().same_as(&before, "after a domain left the hosting")
}

async fn domain_of_another_account_is_out_of_reach(subject: &Subject) -> Outcome {
    let stage = subject.stage()?;
    let case = subject
        .fixtures
        .cases
        .get("not_in_account")
        .context("no such situation")?;
    let kinds = subject.vendor().kinds(ErrorKind::DomainNotInAccount);
    let (account, domain) = (subject.open(case)?, name(&case.domain)?);
    if let Some(registrar) = account.registrar() {
        refused_as(
            "a look at a domain of others",
            registrar.registration(&domain).await,
            &kinds,
        )?;
        refused_as(
            "a snapshot of a domain of others",
            registrar.snapshot(&domain).await,
            &kinds,
        )?;
    }
    let before = Picture::of(&stage.world);
    for act in Act::offered(&subject.facts()) {
        if matches!(act, Act::Restore | Act::ClearDs) {
            continue;
        }
        let answer = act.opened_for(subject, case)?.perform().await;
        let error = refused(&format!("{act:?} of a domain of others"), answer)?;
        ensure!(
            error.applied == pdm_registrar::Applied::No,
            "{act:?} of a domain of others was refused, and maybe done: {error}"
        );
    }
    Picture::of(&stage.world).same_as(&before, "after writes to a domain of others")
}

async fn account_opened_for_reading_sends_no_write(subject: &Subject) -> Outcome {
    let stage = subject.stage()?;
    for act in Act::offered(&subject.facts()) {
        if act == Act::Restore {
            continue;
        }
        stage.simulator.journal.clear();
        let mut ready = act.opened(subject)?;
        ready.account = Box::new(ReadOnly::new(ready.account));
        refused_as(
            &format!("{act:?} in an account for reading"),
            ready.perform().await,
            &[ErrorKind::Unsupported],
        )?;
        let sent = stage.simulator.journal.entries();
        ensure!(sent.is_empty(), "{act:?} in an account for reading sent {sent:?}");
        reads_as_before(subject, &*ready.account).await?;
    }
    Ok(())
}

/// What is refused is the write, not the look.
async fn reads_as_before(subject: &Subject, account: &dyn Account) -> Outcome {
    if subject.facts().registrar().is_ok() {
        registrar(account)?.registration(&subject.domain()?).await?;
    }
    if subject.facts().hosted().is_ok() && subject.facts().can(|can| can.export_zone).is_ok() {
        dns_host(account)?.export(&subject.zone()?).await?;
    }
    Ok(())
}
