//! Changes that a vendor accepts before they are done.

use anyhow::{Result, bail, ensure};
use pdm_registrar::{Applied, Change, ErrorKind, Retry, TaskId, TaskState};
use std::time::Duration;

use crate::act::{Act, numbered_nameservers, wanted_nameservers};
use crate::check::{Applies, Check, Facts, Outcome, check, refused, refused_as};
use crate::picture::{self, Picture};
use crate::sim::faults::Fault;
use crate::subject::{Subject, registrar};
use crate::vendors::Changes;

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("tasks", accepted_is_done_in_the_end, Simulator, asynchronous),
        check!(
            "tasks",
            are_known_to_an_account_opened_later,
            Simulator,
            asynchronous
        ),
        check!("tasks", stuck_one_is_pending, Simulator, asynchronous),
        check!("tasks", pending_one_is_shown, Simulator, shown),
        check!("tasks", failed_one_is_told, Simulator, asynchronous),
        check!(
            "tasks",
            other_write_waits_for_a_pending_one,
            Simulator,
            asynchronous
        ),
        check!("tasks", same_write_joins_a_pending_one, Simulator, asynchronous),
        check!("tasks", unknown_one_is_no_success, Simulator, changes),
    ]
}

fn changes(facts: &Facts<'_>) -> Applies {
    facts.can(|can| can.change_nameservers)
}

fn shown(facts: &Facts<'_>) -> Applies {
    asynchronous(facts)?;
    if facts.vendor.changes == Changes::Shown {
        Ok(())
    } else {
        Err("only who has the task knows of it".to_owned())
    }
}

fn asynchronous(facts: &Facts<'_>) -> Applies {
    changes(facts)?;
    if facts.descriptor.asynchronous && facts.vendor.changes != Changes::AtOnce {
        Ok(())
    } else {
        Err("what is accepted is done at once".to_owned())
    }
}

/// Begins a change of name servers whose task does not move.
async fn begun(subject: &Subject) -> Result<(crate::act::Ready, TaskId)> {
    let ready = Act::SetNameservers.ready(subject).await?;
    subject.stage()?.simulator.faults.always(Fault::TaskStuck, "");
    match ready.perform().await? {
        Change::Accepted(task) => Ok((ready, task)),
        other => bail!("a vendor that takes its time answered {other:?}"),
    }
}

async fn accepted_is_done_in_the_end(subject: &Subject) -> Outcome {
    let ready = Act::SetNameservers.ready(subject).await?;
    // Some are done while the call still follows them.
    let change = ready.perform().await?;
    subject.finish(&*ready.account, &ready.domain, &change).await?;
    ensure!(
        ready.done(&subject.stage()?.world, subject.vendor().id()),
        "the task is done, and the change is not"
    );
    let shown = registrar(&*ready.account)?.registration(&ready.domain).await?;
    ensure!(
        shown.pending.is_none(),
        "the task is done, and {:?} is shown as on its way",
        shown.pending
    );
    let shown: Vec<_> = shown.nameservers.into_iter().collect();
    ensure!(
        shown == Vec::from(wanted_nameservers()),
        "the task is done, and {shown:?} is shown"
    );
    Ok(())
}

async fn are_known_to_an_account_opened_later(subject: &Subject) -> Outcome {
    let (ready, task) = begun(subject).await?;
    drop(ready.account);
    let stored: TaskId = serde_json::from_str(&serde_json::to_string(&task)?)?;
    let later = subject.account()?;
    let state = registrar(&*later)?.task(&ready.domain, &stored).await?;
    ensure!(
        matches!(state, TaskState::Pending { .. }),
        "the task is on its way, and told as {state:?}"
    );
    Ok(())
}

async fn stuck_one_is_pending(subject: &Subject) -> Outcome {
    let (ready, task) = begun(subject).await?;
    for _ in 0..3 {
        subject.stage()?.world.move_clock(Duration::from_secs(3600));
        let state = registrar(&*ready.account)?.task(&ready.domain, &task).await?;
        ensure!(
            matches!(state, TaskState::Pending { .. }),
            "a task that does not move is {state:?}"
        );
    }
    Ok(())
}

async fn pending_one_is_shown(subject: &Subject) -> Outcome {
    let (ready, _task) = begun(subject).await?;
    let shown = registrar(&*ready.account)?.registration(&ready.domain).await?;
    ensure!(
        shown.pending.is_some(),
        "a change is on its way, and the registration shows none"
    );
    Ok(())
}

/// Where it is shown nothing is sent; elsewhere the vendor itself refuses, and nothing comes of it.
fn nothing_sent(subject: &Subject, writes: usize, before: &Picture) -> Outcome {
    let shown = subject.vendor().changes == Changes::Shown;
    ensure!(
        !shown || subject.writes() == writes,
        "a change is on its way and shown, and another write was sent"
    );
    Picture::of(&subject.stage()?.world).same_as(before, "after a write during a pending one")
}

async fn failed_one_is_told(subject: &Subject) -> Outcome {
    let ready = Act::SetNameservers.ready(subject).await?;
    let before = picture::nameservers(&subject.stage()?.world, &ready.domain);
    subject.stage()?.simulator.faults.always(Fault::TaskFailed, "");
    let task = match ready.perform().await {
        Ok(Change::Accepted(task)) => task,
        // Followed for so long that its end was seen.
        answer => return refused("a task that fails", answer).map(|_| ()),
    };
    for _ in 0..100 {
        match registrar(&*ready.account)?.task(&ready.domain, &task).await? {
            TaskState::Pending { .. } => subject.stage()?.world.move_clock(Duration::from_secs(60)),
            TaskState::Failed { detail } | TaskState::NeedsPerson { detail } => {
                ensure!(!detail.is_empty(), "the task failed without a word");
                let now = picture::nameservers(&subject.stage()?.world, &ready.domain);
                ensure!(now == before, "the simulator did what it says has failed");
                return Ok(());
            }
            TaskState::Done => bail!("a task that failed is told as done"),
        }
    }
    bail!("a task that failed is pending for ever")
}

async fn other_write_waits_for_a_pending_one(subject: &Subject) -> Outcome {
    let (ready, _task) = begun(subject).await?;
    let (writes, before) = (subject.writes(), Picture::of(&subject.stage()?.world));
    let answer = registrar(&*ready.account)?
        .set_nameservers(&ready.domain, &numbered_nameservers(3))
        .await;
    let error = refused_as(
        "another write during a pending one",
        answer,
        &[ErrorKind::Conflict],
    )?;
    ensure!(
        matches!(error.retry, Retry::After(_)),
        "to be tried again later, and the answer says {:?}",
        error.retry
    );
    ensure!(error.applied == Applied::No, "refused, and maybe done: {error}");
    nothing_sent(subject, writes, &before)
}

async fn same_write_joins_a_pending_one(subject: &Subject) -> Outcome {
    let (ready, task) = begun(subject).await?;
    let (writes, before) = (subject.writes(), Picture::of(&subject.stage()?.world));
    match ready.perform().await {
        Ok(Change::Accepted(again)) => {
            ensure!(again == task, "the same write is {again:?}, and {task:?} before");
        }
        Err(error) if error.kind == ErrorKind::Conflict => {}
        other => bail!("the same write during the pending one answered {other:?}"),
    }
    nothing_sent(subject, writes, &before)
}

/// A task of nobody is an error, or not done: never a success.
async fn unknown_one_is_no_success(subject: &Subject) -> Outcome {
    let (account, domain) = (subject.account()?, subject.domain()?);
    let answer = registrar(&*account)?
        .task(&domain, &TaskId("pdm-check-unknown".to_owned()))
        .await;
    ensure!(
        !matches!(answer, Ok(TaskState::Done)),
        "a task that nobody began is told as done"
    );
    Ok(())
}
