//! Delegations below a zone that the vendor hosts.

use anyhow::{Context, Result, ensure};
use pdm_registrar::{Applied, Change, DomainName, ErrorKind, HostedDelegation, NameserverSet, WantedDs};

use crate::act::{Act, DEEP, child, numbered_nameservers, wanted_ds, wanted_nameservers};
use crate::check::{Applies, Check, Facts, Outcome, check, refused, refused_as};
use crate::picture::{self, Picture};
use crate::subject::{Subject, dns_host};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("hosted_zone", nothing_stands_at_a_free_name, ReadOnly, delegates),
        check!("hosted_zone", delegation_is_done, Mutating, delegates),
        check!("hosted_zone", second_delegation_is_unchanged, Mutating, delegates),
        check!(
            "hosted_zone",
            delegation_replaces_its_own_name_servers,
            Mutating,
            delegates
        ),
        check!(
            "hosted_zone",
            delegation_of_a_deep_name_is_done,
            Mutating,
            delegates
        ),
        check!(
            "hosted_zone",
            delegation_over_records_of_the_customer_is_refused,
            Simulator,
            delegates
        ),
        check!(
            "hosted_zone",
            end_of_a_delegation_is_done_and_repeatable,
            Mutating,
            delegates
        ),
        check!(
            "hosted_zone",
            end_of_a_foreign_delegation_is_a_conflict,
            Mutating,
            delegates
        ),
        check!(
            "hosted_zone",
            signed_delegation_is_done_and_undone,
            Mutating,
            signs
        ),
        check!(
            "hosted_zone",
            ds_that_cannot_be_held_is_refused_before_a_write,
            Mutating,
            cannot_sign
        ),
        check!(
            "hosted_zone",
            zone_that_is_elsewhere_is_refused,
            Simulator,
            hosts_anything
        ),
    ]
}

fn delegates(facts: &Facts<'_>) -> Applies {
    facts
        .can(|can| can.delegate_subdomain)
        .and_then(|()| facts.hosted())
}

fn signs(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.delegate_signed).and_then(|()| facts.hosted())
}

fn cannot_sign(facts: &Facts<'_>) -> Applies {
    facts.cannot(|can| can.delegate_signed)?;
    delegates(facts)
}

fn hosts_anything(facts: &Facts<'_>) -> Applies {
    facts
        .can(|can| can.txt)
        .or_else(|_| facts.can(|can| can.delegate_subdomain))?;
    // Elsewhere a domain's zone can only be when its name servers can be changed.
    facts.can(|can| can.change_nameservers)
}

async fn nothing_stands_at_a_free_name(subject: &Subject) -> Outcome {
    let ready = Act::Delegate.opened(subject)?;
    let seen = look(&*ready.account, &ready.domain, &child(&ready.domain)?).await?;
    ensure!(
        seen.nameservers.is_empty() && seen.other_types.is_empty(),
        "at a free name stands {seen:?}"
    );
    ensure!(
        seen.ds.is_none_or(|ds| ds.is_empty()),
        "a DS stands at a free name"
    );
    Ok(())
}

async fn look(
    account: &dyn pdm_registrar::Account,
    zone: &DomainName,
    name: &DomainName,
) -> Result<HostedDelegation> {
    Ok(dns_host(account)?.delegation(zone, name).await?)
}

/// Delegates, and reads it back.
async fn delegate(
    subject: &Subject,
    name: &DomainName,
    wanted: &NameserverSet,
    ds: &WantedDs,
) -> Result<Change> {
    let ready = Act::Delegate.opened(subject)?;
    let zone = &ready.domain;
    let change = dns_host(&*ready.account)?
        .delegate(zone, name, wanted, ds)
        .await?;
    subject.finish(&*ready.account, zone, &change).await?;
    let seen = look(&*ready.account, zone, name).await?;
    let read: Vec<_> = seen.nameservers.iter().cloned().collect();
    ensure!(
        read == Vec::from(wanted.clone()),
        "wanted {wanted}, answered {change:?}, read back {read:?}"
    );
    let read = seen.ds.unwrap_or_default();
    ensure!(
        read == *ds.ds(),
        "wanted the DS {:?}, answered {change:?}, read back {read:?}",
        ds.ds()
    );
    if let Some(world) = subject.world() {
        let owner = name
            .as_str()
            .strip_suffix(zone.as_str())
            .unwrap_or_default()
            .trim_end_matches('.');
        let held = picture::records(world, subject.vendor().id(), zone, owner, "NS");
        let held: Vec<_> = picture::hosts(held.into_iter().map(|record| record.value))
            .into_iter()
            .collect();
        ensure!(
            held == Vec::from(wanted.clone()),
            "wanted {wanted}, the zone holds {held:?}"
        );
    }
    Ok(change)
}

/// Ends a delegation; `None` when the vendor's program cannot, which it says without a write.
async fn undelegate(
    subject: &Subject,
    name: &DomainName,
    ours: Option<&NameserverSet>,
) -> Result<Option<Change>> {
    let ready = Act::Undelegate.opened(subject)?;
    let writes = subject.writes();
    match dns_host(&*ready.account)?
        .undelegate(&ready.domain, name, ours)
        .await
    {
        Err(error) if error.kind == ErrorKind::Unsupported => {
            ensure!(
                subject.writes() == writes && error.applied == Applied::No,
                "refused after a write: {error}"
            );
            ensure!(
                subject.descriptor().capabilities.delegate_subdomain != pdm_registrar::Support::Yes,
                "a delegation that cannot be taken away again is claimed for every account without a word"
            );
            Ok(None)
        }
        answer => {
            let change = answer?;
            subject.finish(&*ready.account, &ready.domain, &change).await?;
            Ok(Some(change))
        }
    }
}

async fn delegation_is_done(subject: &Subject) -> Outcome {
    let name = child(&subject.zone()?)?;
    let change = delegate(subject, &name, &wanted_nameservers(), &WantedDs::none()).await?;
    ensure!(
        change != Change::Unchanged,
        "a delegation was wanted, and nothing was changed"
    );
    Ok(())
}

async fn second_delegation_is_unchanged(subject: &Subject) -> Outcome {
    let name = child(&subject.zone()?)?;
    delegate(subject, &name, &wanted_nameservers(), &WantedDs::none()).await?;
    let writes = subject.writes();
    let again = delegate(subject, &name, &wanted_nameservers(), &WantedDs::none()).await?;
    ensure!(
        again == Change::Unchanged,
        "the second delegation answered {again:?}"
    );
    ensure!(subject.writes() == writes, "the second delegation sent a write");
    Ok(())
}

async fn delegation_replaces_its_own_name_servers(subject: &Subject) -> Outcome {
    let name = child(&subject.zone()?)?;
    let four = numbered_nameservers(4);
    delegate(
        subject,
        &name,
        &NameserverSet::new(four.iter().take(3).cloned())?,
        &WantedDs::none(),
    )
    .await?;
    delegate(
        subject,
        &name,
        &NameserverSet::new(four.iter().skip(2).cloned())?,
        &WantedDs::none(),
    )
    .await?;
    Ok(())
}

async fn delegation_of_a_deep_name_is_done(subject: &Subject) -> Outcome {
    let name = DomainName::parse(&format!("{DEEP}.{}", child(&subject.zone()?)?))?;
    delegate(subject, &name, &wanted_nameservers(), &WantedDs::none()).await?;
    Ok(())
}

async fn delegation_over_records_of_the_customer_is_refused(subject: &Subject) -> Outcome {
    let ready = Act::Delegate.opened(subject)?;
    let stage = subject.stage()?;
    let taken = {
        let mut state = stage.world.state();
        let zone = state
            .zone(subject.vendor().id(), ready.domain.as_str())
            .context("no such zone")?;
        let usable = |label: &str| !label.is_empty() && !label.contains(['*', '_']);
        let found = zone
            .records
            .iter()
            .find(|record| usable(&record.name) && record.rtype != "NS");
        found
            .context("the hosted zone has no host below it")?
            .name
            .clone()
    };
    let name = DomainName::parse(&format!("{taken}.{}", ready.domain))?;
    let seen = look(&*ready.account, &ready.domain, &name).await?;
    ensure!(
        !seen.other_types.is_empty(),
        "records stand at {name}, and none is shown"
    );
    let (before, writes) = (Picture::of(&stage.world), subject.writes());
    let host = dns_host(&*ready.account)?;
    let answer = host
        .delegate(&ready.domain, &name, &wanted_nameservers(), &WantedDs::none())
        .await;
    let error = refused_as(
        &format!("a delegation over {seen:?}"),
        answer,
        &[ErrorKind::WouldLoseData],
    )?;
    ensure!(
        seen.other_types
            .iter()
            .any(|rtype| error.detail.contains(rtype.as_str())),
        "the refusal does not name what stands there: {error}"
    );
    ensure!(subject.writes() == writes, "refused, and sent");
    Picture::of(&stage.world).same_as(&before, "after a refused delegation")
}

async fn end_of_a_delegation_is_done_and_repeatable(subject: &Subject) -> Outcome {
    let zone = subject.zone()?;
    let name = child(&zone)?;
    let before = subject.world().map(Picture::of);
    delegate(subject, &name, &wanted_nameservers(), &WantedDs::none()).await?;
    let Some(change) = undelegate(subject, &name, Some(&wanted_nameservers())).await? else {
        return Ok(());
    };
    ensure!(
        change != Change::Unchanged,
        "the delegation had to go, and nothing was changed"
    );
    let ready = Act::Undelegate.opened(subject)?;
    let seen = look(&*ready.account, &zone, &name).await?;
    ensure!(
        seen.nameservers.is_empty(),
        "the delegation is gone, and {seen:?} stands there"
    );
    if let (Some(before), Some(world)) = (before, subject.world()) {
        Picture::of(world).same_as(&before, "after a delegation came and went")?;
    }
    let writes = subject.writes();
    let again = undelegate(subject, &name, Some(&wanted_nameservers())).await?;
    ensure!(
        again == Some(Change::Unchanged),
        "no delegation to end answered {again:?}"
    );
    ensure!(
        subject.writes() == writes,
        "no delegation to end, and a write was sent"
    );
    Ok(())
}

async fn end_of_a_foreign_delegation_is_a_conflict(subject: &Subject) -> Outcome {
    let zone = subject.zone()?;
    let name = child(&zone)?;
    delegate(subject, &name, &wanted_nameservers(), &WantedDs::none()).await?;
    let ready = Act::Undelegate.opened(subject)?;
    let writes = subject.writes();
    // One of ours, and one that is not.
    let ours = NameserverSet::new(numbered_nameservers(3).iter().skip(1).cloned())?;
    let answer = dns_host(&*ready.account)?
        .undelegate(&zone, &name, Some(&ours))
        .await;
    let error = refused("the end of a delegation of others", answer)?;
    ensure!(
        matches!(error.kind, ErrorKind::Conflict | ErrorKind::Unsupported),
        "the end of a delegation of others is {}: {error}",
        error.kind.as_str()
    );
    ensure!(
        subject.writes() == writes && error.applied == Applied::No,
        "refused, and maybe done: {error}"
    );
    let seen = look(&*ready.account, &zone, &name).await?;
    ensure!(!seen.nameservers.is_empty(), "the delegation of others is gone");
    Ok(())
}

async fn signed_delegation_is_done_and_undone(subject: &Subject) -> Outcome {
    let name = child(&subject.zone()?)?;
    let before = subject.world().map(Picture::of);
    let hosts = wanted_nameservers();
    delegate(subject, &name, &hosts, &wanted_ds(&name, 1)).await?;
    let writes = subject.writes();
    let again = delegate(subject, &name, &hosts, &wanted_ds(&name, 1)).await?;
    ensure!(
        again == Change::Unchanged && subject.writes() == writes,
        "the second delegation answered {again:?}"
    );
    // Other keys, then none.
    delegate(subject, &name, &hosts, &wanted_ds(&name, 2)).await?;
    delegate(subject, &name, &hosts, &WantedDs::none()).await?;
    delegate(subject, &name, &hosts, &wanted_ds(&name, 1)).await?;
    undelegate(subject, &name, Some(&hosts)).await?;
    if let (Some(before), Some(world)) = (before, subject.world()) {
        Picture::of(world).same_as(&before, "after a signed delegation came and went")?;
    }
    Ok(())
}

async fn ds_that_cannot_be_held_is_refused_before_a_write(subject: &Subject) -> Outcome {
    let ready = Act::DelegateSigned.opened(subject)?;
    let (before, writes) = (subject.world().map(Picture::of), subject.writes());
    let error = refused_as(
        "a DS that the vendor cannot hold",
        ready.perform().await,
        &[ErrorKind::Unsupported],
    )?;
    ensure!(
        error.applied == Applied::No && subject.writes() == writes,
        "refused after a write: {error}"
    );
    if let (Some(before), Some(world)) = (before, subject.world()) {
        Picture::of(world).same_as(&before, "after a refused DS")?;
    }
    Ok(())
}

/// The ordinary domain is in the account, and its zone somewhere else.
async fn zone_that_is_elsewhere_is_refused(subject: &Subject) -> Outcome {
    let stage = subject.stage()?;
    for act in [Act::PutTxt, Act::Delegate] {
        if subject.facts().can(act.capability()).is_err() {
            continue;
        }
        let before = Picture::of(&stage.world);
        let mut ready = act.opened_for(subject, &subject.fixtures.ordinary)?;
        ready.domain = subject.domain()?;
        let error = refused(
            &format!("{act:?} in a zone that is elsewhere"),
            ready.perform().await,
        )?;
        ensure!(error.applied == Applied::No, "refused, and maybe done: {error}");
        ensure!(
            error.kind != ErrorKind::Unexpected,
            "a zone that is elsewhere is no surprise: {error}"
        );
        Picture::of(&stage.world).same_as(&before, &format!("after {act:?} was refused"))?;
    }
    Ok(())
}
