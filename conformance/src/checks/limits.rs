//! How much and what kind of names a vendor takes, and what it never can.

use anyhow::{Context, Result, ensure};
use pdm_registrar::{Applied, DomainName, ErrorKind, NameserverSet, OwnerName, WantedDs};

use crate::act::{Act, child, numbered_nameservers, wanted_nameservers};
use crate::check::{Applies, Check, Facts, Outcome, always, check, refused_as};
use crate::picture::{self, Picture};
use crate::subject::{Subject, dns_host, name, registrar};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("limits", most_name_servers_are_taken, Mutating, changes),
        check!(
            "limits",
            one_name_server_too_many_is_refused_before_a_write,
            Mutating,
            changes
        ),
        check!(
            "limits",
            names_outside_ascii_are_changed,
            Simulator,
            has_international
        ),
        check!("limits", names_below_two_labels_are_changed, Simulator, has_co_uk),
        check!(
            "limits",
            longest_host_name_is_taken_or_refused,
            Simulator,
            changes
        ),
        check!(
            "limits",
            names_outside_the_zone_are_refused,
            Mutating,
            hosts_anything
        ),
        check!("limits", claimed_capabilities_work, Simulator, always),
        check!(
            "limits",
            unclaimed_capabilities_are_refused_before_a_write,
            Mutating,
            always
        ),
    ]
}

fn changes(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.change_nameservers)
}

fn has_international(facts: &Facts<'_>) -> Applies {
    has(facts, is_international)
}

fn has_co_uk(facts: &Facts<'_>) -> Applies {
    has(facts, is_co_uk)
}

fn has(facts: &Facts<'_>, kind: fn(&str) -> bool) -> Applies {
    changes(facts)?;
    let there = facts.fixtures.domains.iter().any(|domain| kind(domain));
    if there {
        Ok(())
    } else {
        Err("no such domain in the account".to_owned())
    }
}

fn is_international(domain: &str) -> bool {
    domain.split('.').any(|label| label.starts_with("xn--"))
}

fn is_co_uk(domain: &str) -> bool {
    domain.ends_with(".co.uk")
}

fn hosts_anything(facts: &Facts<'_>) -> Applies {
    facts
        .can(|can| can.txt)
        .or_else(|_| facts.can(|can| can.delegate_subdomain))?;
    facts.hosted()
}

/// Sets, waits, and looks at the registry.
async fn set(subject: &Subject, domain: &DomainName, wanted: &NameserverSet) -> Result<()> {
    let account = subject.account()?;
    let change = registrar(&*account)?.set_nameservers(domain, wanted).await?;
    subject.finish(&*account, domain, &change).await?;
    let read: Vec<_> = registrar(&*account)?
        .registration(domain)
        .await?
        .nameservers
        .into_iter()
        .collect();
    ensure!(
        read == Vec::from(wanted.clone()),
        "{domain}: wanted {wanted}, read back {read:?}"
    );
    if let Some(world) = subject.world() {
        let truth: Vec<_> = picture::nameservers(world, domain).into_iter().collect();
        ensure!(truth == read, "{domain} has {truth:?} at the registry");
    }
    Ok(())
}

async fn most_name_servers_are_taken(subject: &Subject) -> Outcome {
    let most = subject.descriptor().nameservers.1.min(NameserverSet::MAX);
    set(subject, &subject.domain()?, &numbered_nameservers(most)).await
}

/// Where the vendor takes fewer than thirteen; fourteen, like one alone, no [`NameserverSet`] can hold.
async fn one_name_server_too_many_is_refused_before_a_write(subject: &Subject) -> Outcome {
    let (fewest, most) = subject.descriptor().nameservers;
    ensure!(
        fewest <= NameserverSet::MIN,
        "two name servers are what everybody has, and the vendor wants {fewest}"
    );
    let hosts = |count: usize| {
        numbered_nameservers(13)
            .iter()
            .take(count)
            .cloned()
            .collect::<Vec<_>>()
    };
    ensure!(
        NameserverSet::new(hosts(1)).is_err(),
        "one name server alone passed for a set"
    );
    let fourteenth = DomainName::parse("ns14.pdm-check.example.net")?;
    ensure!(
        NameserverSet::new(hosts(13).into_iter().chain([fourteenth])).is_err(),
        "fourteen passed for a set"
    );
    if most < NameserverSet::MAX {
        let (account, domain) = (subject.account()?, subject.domain()?);
        let (before, writes) = (subject.world().map(Picture::of), subject.writes());
        let answer = registrar(&*account)?
            .set_nameservers(&domain, &numbered_nameservers(most + 1))
            .await;
        let error = refused_as(
            &format!("{} name servers", most + 1),
            answer,
            &[ErrorKind::InvalidRequest],
        )?;
        ensure!(
            error.applied == Applied::No && subject.writes() == writes,
            "refused after a write: {error}"
        );
        if let (Some(before), Some(world)) = (before, subject.world()) {
            Picture::of(world).same_as(&before, "after too many name servers were refused")?;
        }
    }
    Ok(())
}

async fn names_outside_ascii_are_changed(subject: &Subject) -> Outcome {
    changed(subject, is_international).await
}

/// Some vendors split a name at its public suffix, which is not always one label.
async fn names_below_two_labels_are_changed(subject: &Subject) -> Outcome {
    changed(subject, is_co_uk).await
}

async fn changed(subject: &Subject, kind: fn(&str) -> bool) -> Outcome {
    let world = &subject.stage()?.world;
    let domain = subject
        .fixtures
        .domains
        .iter()
        .find(|domain| kind(domain))
        .context("no such domain")?;
    let domain = name(domain)?;
    let before = Picture::of(world).without_delegation_of(&domain);
    set(subject, &domain, &wanted_nameservers()).await?;
    Picture::of(world)
        .without_delegation_of(&domain)
        .same_as(&before, &format!("after a change of {domain}"))
}

/// 253 characters. A vendor may not take it; then nothing is half done.
async fn longest_host_name_is_taken_or_refused(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    let label = "a".repeat(63);
    let long = DomainName::parse(&format!("{label}.{label}.{label}.{}.net", "b".repeat(57)))?;
    ensure!(
        long.as_str().len() == 253,
        "a name of {} characters",
        long.as_str().len()
    );
    let wanted = NameserverSet::new(wanted_nameservers().iter().take(1).cloned().chain([long]))?;
    let before = Picture::of(&subject.stage()?.world);
    let account = subject.account()?;
    match registrar(&*account)?.set_nameservers(&domain, &wanted).await {
        Ok(change) => {
            subject.finish(&*account, &domain, &change).await?;
            set(subject, &domain, &wanted).await
        }
        Err(error) => {
            ensure!(error.applied == Applied::No, "refused, and maybe done: {error}");
            Picture::of(&subject.stage()?.world).same_as(&before, "after a long name was refused")
        }
    }
}

/// A name that is not below the zone is the caller's mistake, not the vendor's.
async fn names_outside_the_zone_are_refused(subject: &Subject) -> Outcome {
    let ready = Act::PutTxt.opened(subject)?;
    let host = dns_host(&*ready.account)?;
    let zone = &ready.domain;
    let writes = subject.writes();
    let outside = DomainName::parse("pdm-check.example.net")?;
    // Ends like the zone without being below it.
    let alike = DomainName::parse(&format!("pdm-check-{zone}"))?;
    for name in [&outside, &alike, zone] {
        if subject.facts().can(|can| can.delegate_subdomain).is_ok() {
            let answer = host
                .delegate(zone, name, &wanted_nameservers(), &WantedDs::none())
                .await;
            refused_as(
                &format!("a delegation of {name} in {zone}"),
                answer,
                &[ErrorKind::InvalidRequest],
            )?;
        }
    }
    if subject.facts().can(|can| can.txt).is_ok() {
        for name in [outside, alike] {
            let answer = host
                .put_txt(zone, &OwnerName::from(name.clone()), "pdm-check")
                .await;
            refused_as(
                &format!("a TXT at {name} in {zone}"),
                answer,
                &[ErrorKind::InvalidRequest],
            )?;
        }
    }
    ensure!(subject.writes() == writes, "a name outside the zone was sent");
    Ok(())
}

/// What the descriptor claims can be done with the fixtures, and what it does not claim the account does not offer.
async fn claimed_capabilities_work(subject: &Subject) -> Outcome {
    let can = subject.descriptor().capabilities;
    let account = subject.account()?;
    ensure!(
        account.registrar().is_some() || can.read_nameservers.is_no(),
        "name servers are claimed, and the account offers no registry side"
    );
    for act in Act::offered(&subject.facts()) {
        let subject = subject.fresh().await?;
        let ready = act.ready(&subject).await?;
        match ready.perform().await {
            Ok(change) => {
                subject.finish(&*ready.account, &ready.domain, &change).await?;
                let world = &subject.stage()?.world;
                ensure!(
                    ready.done(world, subject.vendor().id()),
                    "{act:?} answered {change:?}, and is not done"
                );
            }
            Err(error) => anyhow::bail!(
                "{act:?} is claimed, and ended as {}: {error}",
                error.kind.as_str()
            ),
        }
    }
    Ok(())
}

async fn unclaimed_capabilities_are_refused_before_a_write(subject: &Subject) -> Outcome {
    let can = subject.descriptor().capabilities;
    let account = subject.account()?;
    let writes = subject.writes();
    for act in Act::unclaimed(&subject.facts()) {
        let ready = act.opened(subject)?;
        let error = refused_as(
            &format!("{act:?}, which is not claimed,"),
            ready.perform().await,
            &[ErrorKind::Unsupported],
        )?;
        ensure!(
            error.applied == Applied::No,
            "{act:?} is not claimed, and maybe done: {error}"
        );
    }
    if let Some(registrar) = account.registrar() {
        let seen = registrar.registration(&subject.domain()?).await;
        if can.read_nameservers.is_no() {
            refused_as(
                "a registration, which is not claimed,",
                seen,
                &[ErrorKind::Unsupported],
            )?;
        } else if can.read_ds.is_no() {
            let shown = seen?.ds;
            ensure!(
                shown.is_none(),
                "DS cannot be read, and {shown:?} is shown: nothing known is not nothing there"
            );
        }
    }
    if let (Some(host), true) = (account.dns_host(), subject.facts().hosted().is_ok()) {
        let zone = subject.zone()?;
        if can.export_zone.is_no() {
            let answer = host.export(&zone).await;
            refused_as(
                "an export, which is not claimed,",
                answer,
                &[ErrorKind::Unsupported],
            )?;
        }
        if can.delegate_subdomain.is_no() {
            let answer = host.undelegate(&zone, &child(&zone)?, None).await;
            refused_as(
                "an undelegation, which is not claimed,",
                answer,
                &[ErrorKind::Unsupported],
            )?;
        }
    }
    ensure!(subject.writes() == writes, "what is not claimed was sent");
    Ok(())
}
