//! Snapshots, and the way back to them.

use anyhow::{Result, ensure};
use pdm_registrar::{Account, Applied, Change, DomainName, ErrorKind, Mode, Snapshot, Support, WantedDs};

use crate::act::{Act, wanted_nameservers};
use crate::check::{Applies, Check, Facts, Outcome, check, refused_as};
use crate::picture::Picture;
use crate::subject::{Subject, name, registrar};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("snapshots", say_what_is_there, ReadOnly, |facts| facts
            .registrar()),
        check!("snapshots", restore_puts_nameservers_back, Mutating, changes),
        check!(
            "snapshots",
            restore_of_what_is_there_sends_nothing,
            Mutating,
            changes
        ),
        check!("snapshots", restore_puts_ds_back, Simulator, changes_ds),
        check!(
            "snapshots",
            restore_puts_hosting_and_its_zone_back,
            Simulator,
            restores_mode
        ),
        check!(
            "snapshots",
            what_cannot_be_restored_is_told_before_a_write,
            Simulator,
            cannot_restore_mode
        ),
        check!("snapshots", another_domain_is_refused, Mutating, changes),
    ]
}

fn changes(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.change_nameservers)
}

fn changes_ds(facts: &Facts<'_>) -> Applies {
    facts.does(Act::SetDs).and_then(|()| facts.signed())
}

fn restores_mode(facts: &Facts<'_>) -> Applies {
    changes(facts)?;
    facts.can(|can| can.restore_mode)?;
    facts.hosted()
}

fn cannot_restore_mode(facts: &Facts<'_>) -> Applies {
    changes(facts)?;
    facts.cannot(|can| can.restore_mode)?;
    facts.hosted()
}

async fn say_what_is_there(subject: &Subject) -> Outcome {
    let account = subject.account()?;
    let fixtures = &subject.fixtures;
    let more = [&fixtures.hosted, &fixtures.signed].into_iter().flatten();
    for domain in more.map(|case| &case.domain).chain([&fixtures.ordinary.domain]) {
        let domain = name(domain)?;
        let registration = registrar(&*account)?.registration(&domain).await?;
        let snapshot = registrar(&*account)?.snapshot(&domain).await?;
        ensure!(
            snapshot.domain == domain,
            "the snapshot of {domain} is of {}",
            snapshot.domain
        );
        ensure!(
            snapshot.registrar == subject.descriptor().id,
            "the snapshot was taken by `{}`",
            snapshot.registrar
        );
        ensure!(
            (&snapshot.nameservers, &snapshot.mode, &snapshot.ds)
                == (&registration.nameservers, &registration.mode, &registration.ds),
            "{domain} is {registration:?}, and its snapshot {snapshot:?}"
        );
    }
    Ok(())
}

/// Restores through an account that was opened anew, from a snapshot that was stored, and waits until it is done.
async fn restore(subject: &Subject, domain: &DomainName, snapshot: &Snapshot) -> Result<Change> {
    let account = subject.account()?;
    let stored: Snapshot = serde_json::from_str(&serde_json::to_string(snapshot)?)?;
    let change = registrar(&*account)?.restore(domain, &stored).await?;
    subject.finish(&*account, domain, &change).await?;
    Ok(change)
}

async fn move_away(subject: &Subject, account: &dyn Account, domain: &DomainName) -> Outcome {
    let change = registrar(account)?
        .set_nameservers(domain, &wanted_nameservers())
        .await?;
    ensure!(
        change != Change::Unchanged,
        "other name servers were wanted, and nothing was changed"
    );
    subject.finish(account, domain, &change).await
}

async fn restore_puts_nameservers_back(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let before = subject.world().map(Picture::of);
    let snapshot = registrar(&*account)?.snapshot(&domain).await?;
    move_away(subject, &*account, &domain).await?;
    let change = restore(subject, &domain, &snapshot).await?;
    ensure!(
        change != Change::Unchanged,
        "the name servers had to come back, and nothing was changed"
    );
    let read = registrar(&*account)?.registration(&domain).await?;
    ensure!(
        read.nameservers == snapshot.nameservers && read.mode == snapshot.mode,
        "restored to {snapshot:?}, read back {read:?}"
    );
    if let (Some(before), Some(world)) = (before, subject.world()) {
        Picture::of(world).same_as(&before, "after a restore")?;
    }
    Ok(())
}

async fn restore_of_what_is_there_sends_nothing(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let snapshot = registrar(&*account)?.snapshot(&domain).await?;
    let writes = subject.writes();
    let change = restore(subject, &domain, &snapshot).await?;
    ensure!(
        change == Change::Unchanged,
        "nothing had to be restored, and the answer is {change:?}"
    );
    ensure!(
        subject.writes() == writes,
        "nothing had to be restored, and something was sent"
    );
    Ok(())
}

/// Name servers and DS went; both come back.
async fn restore_puts_ds_back(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.signed()?);
    let before = Picture::of(&subject.stage()?.world);
    let snapshot = registrar(&*account)?.snapshot(&domain).await?;
    let change = registrar(&*account)?.set_ds(&domain, &WantedDs::none()).await?;
    subject.finish(&*account, &domain, &change).await?;
    move_away(subject, &*account, &domain).await?;
    restore_all(subject, &domain, &snapshot).await?;
    Picture::of(&subject.stage()?.world).same_as(&before, "after a restore")?;
    Ok(())
}

async fn restore_puts_hosting_and_its_zone_back(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.zone()?);
    let before = Picture::of(&subject.stage()?.world);
    let snapshot = registrar(&*account)?.snapshot(&domain).await?;
    ensure!(
        snapshot.mode == Mode::Hosted,
        "the hosted domain's snapshot has the mode {:?}",
        snapshot.mode
    );
    move_away(subject, &*account, &domain).await?;
    let restored = restore_all(subject, &domain, &snapshot).await;
    let read = registrar(&*account)?.registration(&domain).await?;
    ensure!(
        read.mode == Mode::Hosted,
        "the domain was put back to the vendor's hosting and is {:?}",
        read.mode
    );
    let mut now = Picture::of(&subject.stage()?.world);
    if let Err(error) = restored {
        // Only where that is said beforehand, and then all the rest is back.
        let told = format!("{error:#}");
        let sometimes = subject.descriptor().capabilities.restore_mode != Support::Yes;
        ensure!(
            sometimes,
            "a restore is claimed for every domain, and ended so: {told}"
        );
        now = now.with_told_losses(&before, &told);
    }
    now.same_as(&before, "after a restore")?;
    Ok(())
}

/// A restore of several parts may take several accepted changes: it is asked until nothing is left to do.
async fn restore_all(subject: &Subject, domain: &DomainName, snapshot: &Snapshot) -> Outcome {
    for _ in 0..4 {
        if restore(subject, domain, snapshot).await? == Change::Unchanged {
            return Ok(());
        }
    }
    anyhow::bail!("a restore finds something to do for ever")
}

async fn what_cannot_be_restored_is_told_before_a_write(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.zone()?);
    let snapshot = registrar(&*account)?.snapshot(&domain).await?;
    move_away(subject, &*account, &domain).await?;
    let before = Picture::of(&subject.stage()?.world);
    let writes = subject.writes();
    let answer = registrar(&*account)?.restore(&domain, &snapshot).await;
    let error = refused_as(
        "a restore of the vendor's hosting",
        answer,
        &[ErrorKind::Unsupported],
    )?;
    ensure!(
        error.applied == Applied::No && subject.writes() == writes,
        "refused after a write: {error}"
    );
    Picture::of(&subject.stage()?.world).same_as(&before, "after a refused restore")
}

/// A snapshot is good for its domain and its registrar.
async fn another_domain_is_refused(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let writes = subject.writes();
    let snapshot = registrar(&*account)?.snapshot(&domain).await?;
    let changed = |change: fn(&mut Snapshot)| {
        let mut other = snapshot.clone();
        other.nameservers = wanted_nameservers().iter().cloned().collect();
        change(&mut other);
        other
    };
    let others = [
        (
            "of another domain",
            changed(|other| other.domain = DomainName::parse("example.org").expect("a name")),
        ),
        (
            "of another registrar",
            changed(|other| "another".clone_into(&mut other.registrar)),
        ),
    ];
    for (what, other) in others {
        let answer = registrar(&*account)?.restore(&domain, &other).await;
        refused_as(
            &format!("a snapshot {what}"),
            answer,
            &[ErrorKind::InvalidRequest],
        )?;
        ensure!(subject.writes() == writes, "a snapshot {what} was sent");
    }
    Ok(())
}
