//! The name servers that the registry is told of.

use anyhow::ensure;
use pdm_registrar::{Change, DomainName, Mode, NameserverSet};

use crate::act::{Act, numbered_nameservers, wanted_nameservers};
use crate::check::{Applies, Check, Facts, Outcome, check};
use crate::picture;
use crate::subject::{Subject, name, registrar};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("nameservers", reads_current_set, ReadOnly, |facts| facts
            .registrar()),
        check!(
            "nameservers",
            reads_every_domain_of_the_account,
            Simulator,
            |facts| facts.registrar()
        ),
        check!("nameservers", write_is_done, Mutating, changes),
        check!("nameservers", second_write_is_unchanged, Mutating, changes),
        check!(
            "nameservers",
            write_of_what_is_there_sends_nothing,
            Mutating,
            changes
        ),
        check!("nameservers", write_replaces_the_whole_set, Mutating, changes),
        check!(
            "nameservers",
            spelling_of_the_vendor_does_not_matter,
            Simulator,
            changes
        ),
        check!("nameservers", write_leaves_the_hosting, Mutating, leaves),
    ]
}

fn changes(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.change_nameservers)
}

fn leaves(facts: &Facts<'_>) -> Applies {
    changes(facts).and_then(|()| facts.hosted())
}

async fn reads_current_set(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let registration = registrar(&*account)?.registration(&domain).await?;
    ensure!(
        !registration.nameservers.is_empty(),
        "{domain} is delegated, and no name servers are shown"
    );
    if let Some(world) = subject.world() {
        let truth = picture::nameservers(world, &domain);
        ensure!(
            registration.nameservers == truth,
            "{domain} has {truth:?}, read was {:?}",
            registration.nameservers
        );
        let hosted = world.domain(domain.as_str()).is_some_and(|domain| domain.hosted);
        ensure!(
            (registration.mode == Mode::Hosted) == hosted,
            "hosted by the vendor: {hosted}, read was {:?}",
            registration.mode
        );
        ensure!(
            registration.pending.is_none(),
            "nothing is on its way, and {:?} is shown",
            registration.pending
        );
        ensure!(
            registration.locked != Some(true) && !registration.expired,
            "neither locked nor expired"
        );
    }
    Ok(())
}

async fn reads_every_domain_of_the_account(subject: &Subject) -> Outcome {
    let world = &subject.stage()?.world;
    let account = subject.account()?;
    let fixtures = &subject.fixtures;
    let more = [&fixtures.hosted, &fixtures.signed]
        .into_iter()
        .flatten()
        .map(|case| &case.domain);
    for domain in fixtures.domains.iter().chain(more) {
        let domain = name(domain)?;
        let registration = registrar(&*account)?.registration(&domain).await?;
        let hosted = world.domain(domain.as_str()).is_some_and(|domain| domain.hosted);
        ensure!(
            (registration.mode == Mode::Hosted) == hosted,
            "{domain} is {}hosted by the vendor, read was {:?}",
            if hosted { "" } else { "not " },
            registration.mode
        );
        if !hosted {
            let truth = picture::nameservers(world, &domain);
            ensure!(
                registration.nameservers == truth,
                "{domain} has {truth:?}, read was {:?}",
                registration.nameservers
            );
        }
    }
    Ok(())
}

/// Makes it exactly `wanted`, waits until it is done, and reads.
async fn set(subject: &Subject, domain: &DomainName, wanted: &NameserverSet) -> anyhow::Result<Change> {
    let account = subject.account()?;
    let registrar = registrar(&*account)?;
    let change = registrar.set_nameservers(domain, wanted).await?;
    subject.finish(&*account, domain, &change).await?;
    let read: Vec<_> = registrar
        .registration(domain)
        .await?
        .nameservers
        .into_iter()
        .collect();
    ensure!(
        read == Vec::from(wanted.clone()),
        "wanted {wanted}, answered {change:?}, read back {read:?}"
    );
    if let Some(world) = subject.world() {
        let truth: Vec<_> = picture::nameservers(world, domain).into_iter().collect();
        ensure!(
            truth == read,
            "{domain} has {truth:?} at the registry, read was {read:?}"
        );
    }
    Ok(change)
}

async fn write_is_done(subject: &Subject) -> Outcome {
    let change = set(subject, &subject.domain()?, &wanted_nameservers()).await?;
    ensure!(
        change != Change::Unchanged,
        "other name servers were wanted, and nothing was changed"
    );
    Ok(())
}

async fn second_write_is_unchanged(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    set(subject, &domain, &wanted_nameservers()).await?;
    let writes = subject.writes();
    let again = set(subject, &domain, &wanted_nameservers()).await?;
    ensure!(again == Change::Unchanged, "the second write answered {again:?}");
    ensure!(subject.writes() == writes, "the second write sent a write");
    Ok(())
}

async fn write_of_what_is_there_sends_nothing(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let registrar = registrar(&*account)?;
    let there = NameserverSet::new(registrar.registration(&domain).await?.nameservers)?;
    let writes = subject.writes();
    let change = registrar.set_nameservers(&domain, &there).await?;
    ensure!(
        change == Change::Unchanged,
        "what was there already answered {change:?}"
    );
    ensure!(subject.writes() == writes, "what was there already was sent");
    Ok(())
}

async fn write_replaces_the_whole_set(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    let four = numbered_nameservers(4);
    set(
        subject,
        &domain,
        &NameserverSet::new(four.iter().take(3).cloned())?,
    )
    .await?;
    // One stays, two go, one comes.
    let second = NameserverSet::new(four.iter().skip(2).cloned())?;
    set(subject, &domain, &second).await?;
    Ok(())
}

/// Capitals, final dots and another order at the vendor are the same name servers.
async fn spelling_of_the_vendor_does_not_matter(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    let wanted = wanted_nameservers();
    let hosts = Vec::from(wanted.clone());
    subject.stage()?.world.change_domain(domain.as_str(), |held| {
        held.nameservers = hosts
            .iter()
            .rev()
            .map(|host| format!("{}.", host.as_str().to_uppercase()))
            .collect();
    });
    let writes = subject.writes();
    let change = set(subject, &domain, &wanted).await?;
    ensure!(
        change == Change::Unchanged,
        "the same name servers in capitals were taken for others: {change:?}"
    );
    ensure!(
        subject.writes() == writes,
        "the same name servers in capitals were written anew"
    );
    Ok(())
}

/// A domain that the vendor hosts goes to the customer's name servers in one write.
async fn write_leaves_the_hosting(subject: &Subject) -> Outcome {
    let mut ready = Act::SetNameservers.opened(subject)?;
    ready.domain = subject.zone()?;
    let change = ready.perform().await?;
    subject.finish(&*ready.account, &ready.domain, &change).await?;
    let registration = registrar(&*ready.account)?.registration(&ready.domain).await?;
    ensure!(
        registration.mode == Mode::External,
        "the domain left the hosting and is {:?}",
        registration.mode
    );
    let read: Vec<_> = registration.nameservers.into_iter().collect();
    ensure!(read == Vec::from(wanted_nameservers()), "read back {read:?}");
    Ok(())
}
