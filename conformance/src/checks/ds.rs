//! The DS that the registry is told of.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use pdm_registrar::{Applied, Change, DomainName, DsRecord, ErrorKind, Support, WantedDs};

use crate::act::{Act, ds_of, key, wanted_ds};
use crate::check::{Applies, Check, Facts, Outcome, check};
use crate::picture::{self, Picture};
use crate::subject::{Subject, registrar};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("ds", reads_current_ones, ReadOnly, reads),
        check!("ds", write_is_done, Mutating, changes),
        check!("ds", second_write_is_unchanged, Mutating, changes),
        check!("ds", write_replaces_all, Mutating, changes),
        check!("ds", two_stand_side_by_side, Mutating, changes),
        check!("ds", none_wanted_removes_all, Simulator, clears),
        check!("ds", without_its_key_is_done_or_refused, Mutating, changes),
    ]
}

fn reads(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.read_ds)?;
    // Who may not change them with these credentials does not see them either.
    facts
        .does(Act::SetDs)
        .or_else(|_| facts.cannot(|can| can.change_ds))
}

fn changes(facts: &Facts<'_>) -> Applies {
    facts.does(Act::SetDs)
}

fn clears(facts: &Facts<'_>) -> Applies {
    changes(facts).and_then(|()| facts.signed())
}

async fn reads_current_ones(subject: &Subject) -> Outcome {
    let fixtures = &subject.fixtures;
    for case in [Some(&fixtures.ordinary), fixtures.signed.as_ref()]
        .into_iter()
        .flatten()
    {
        let domain = crate::subject::name(&case.domain)?;
        let account = subject.open(case)?;
        let read = registrar(&*account)?.registration(&domain).await?.ds;
        let sometimes = subject.descriptor().capabilities.read_ds != Support::Yes;
        if read.is_none() && sometimes && case == &fixtures.ordinary {
            // Some vendors show the DS of what they sign themselves.
            continue;
        }
        let read = read
            .with_context(|| format!("the DS of {domain} are claimed to be readable, and are not shown"))?;
        if let Some(world) = subject.world() {
            let truth = picture::ds(world, &domain);
            ensure!(read == truth, "{domain} has {truth:?}, read was {read:?}");
        }
    }
    Ok(())
}

/// Makes it exactly `wanted`, waits until it is done, and reads.
async fn set(subject: &Subject, domain: &DomainName, wanted: &WantedDs) -> anyhow::Result<Change> {
    let account = subject.account()?;
    let registrar = registrar(&*account)?;
    let change = registrar.set_ds(domain, wanted).await?;
    subject.finish(&*account, domain, &change).await?;
    let read = registrar
        .registration(domain)
        .await?
        .ds
        .context("the DS are not shown")?;
    ensure!(
        read == *wanted.ds(),
        "wanted {:?}, answered {change:?}, read back {read:?}",
        wanted.ds()
    );
    if let Some(world) = subject.world() {
        let truth = picture::ds(world, domain);
        ensure!(
            truth == read,
            "{domain} has {truth:?} at the registry, read was {read:?}"
        );
    }
    Ok(change)
}

async fn write_is_done(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    let change = set(subject, &domain, &wanted_ds(&domain, 1)).await?;
    ensure!(
        change != Change::Unchanged,
        "a DS was wanted, and nothing was changed"
    );
    Ok(())
}

async fn second_write_is_unchanged(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    set(subject, &domain, &wanted_ds(&domain, 1)).await?;
    let writes = subject.writes();
    let again = set(subject, &domain, &wanted_ds(&domain, 1)).await?;
    ensure!(again == Change::Unchanged, "the second write answered {again:?}");
    ensure!(subject.writes() == writes, "the second write sent a write");
    Ok(())
}

async fn write_replaces_all(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    set(subject, &domain, &wanted_ds(&domain, 1)).await?;
    set(subject, &domain, &wanted_ds(&domain, 2)).await?;
    Ok(())
}

/// As in a change of keys: the new one beside the old one, then the new one alone.
async fn two_stand_side_by_side(subject: &Subject) -> Outcome {
    let domain = subject.domain()?;
    let both: BTreeSet<DsRecord> = [1, 2].map(|number| ds_of(&domain, number)).into();
    set(subject, &domain, &wanted_ds(&domain, 1)).await?;
    set(subject, &domain, &WantedDs::new(both, [key(1), key(2)])).await?;
    set(subject, &domain, &wanted_ds(&domain, 2)).await?;
    Ok(())
}

async fn none_wanted_removes_all(subject: &Subject) -> Outcome {
    let domain = subject.signed()?;
    let change = set(subject, &domain, &WantedDs::none()).await?;
    ensure!(
        change != Change::Unchanged,
        "the DS had to go, and nothing was changed"
    );
    let again = set(subject, &domain, &WantedDs::none()).await?;
    ensure!(
        again == Change::Unchanged,
        "no DS wanted where there is none answered {again:?}"
    );
    Ok(())
}

/// A registry that takes keys cannot make one from a digest: then it says so before anything is sent.
async fn without_its_key_is_done_or_refused(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let (before, writes) = (subject.world().map(Picture::of), subject.writes());
    let wanted = WantedDs::new([ds_of(&domain, 1)], []);
    match registrar(&*account)?.set_ds(&domain, &wanted).await {
        Ok(change) => {
            subject.finish(&*account, &domain, &change).await?;
            let read = registrar(&*account)?.registration(&domain).await?.ds;
            ensure!(
                read.as_ref() == Some(wanted.ds()),
                "answered {change:?}, read back {read:?}"
            );
        }
        Err(error) => {
            ensure!(
                matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::Unsupported),
                "a DS without its key ended as {}: {error}",
                error.kind.as_str()
            );
            ensure!(
                error.applied == Applied::No && subject.writes() == writes,
                "refused, and maybe done: {error}"
            );
            if let (Some(before), Some(world)) = (before, subject.world()) {
                Picture::of(world).same_as(&before, "after a DS without its key was refused")?;
            }
        }
    }
    Ok(())
}
