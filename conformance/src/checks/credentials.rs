//! What the credentials are, what they can do, and how it is told when they cannot.

use anyhow::{Context, ensure};
use pdm_registrar::{Ability, Applied, Credentials, Error, ErrorKind, Probe, Retry, Support};
use serde_json::Value;

use crate::act::Act;
use crate::check::{Applies, Check, Facts, Outcome, always, check, refused, refused_as};
use crate::picture::Picture;
use crate::sim::fixtures::Case;
use crate::subject::{Subject, name};

pub(super) fn checks() -> Vec<Check> {
    vec![
        check!("credentials", descriptor_is_usable, ReadOnly, always),
        check!("credentials", incomplete_ones_are_refused, ReadOnly, always),
        check!("credentials", opening_sends_nothing, Simulator, always),
        check!("credentials", good_ones_see_the_domain, ReadOnly, always),
        check!("credentials", probe_agrees_with_the_descriptor, ReadOnly, always),
        check!("credentials", probe_changes_nothing, Simulator, always),
        check!("credentials", wrong_key_is_told, Simulator, |facts| facts
            .case("wrong_key")),
        check!("credentials", missing_scope_is_told, Simulator, |facts| facts
            .case("no_scope")),
        check!("credentials", account_tier_is_told, Simulator, |facts| facts
            .case("tier")),
        check!("credentials", allow_list_is_told, Simulator, |facts| facts
            .case("allow_list")),
        check!("credentials", foreign_domain_is_told, Simulator, |facts| facts
            .case("not_in_account")),
        check!("credentials", vendor_that_is_away_is_told, Simulator, |facts| {
            facts.case("down")
        }),
        check!("credentials", lock_is_told, Simulator, locked_registration),
        check!(
            "credentials",
            end_of_registration_is_told,
            Simulator,
            expired_registration
        ),
        check!("credentials", refused_ones_change_nothing, Simulator, always),
    ]
}

fn locked_registration(facts: &Facts<'_>) -> Applies {
    facts.case("locked").and_then(|()| facts.registrar())
}

fn expired_registration(facts: &Facts<'_>) -> Applies {
    facts.case("expired").and_then(|()| facts.registrar())
}

/// Forms can be built from the descriptor, and what it asks for is what opens an account.
async fn descriptor_is_usable(subject: &Subject) -> Outcome {
    let is = subject.descriptor();
    ensure!(
        is.id.bytes().all(|byte| byte.is_ascii_lowercase()),
        "the id `{}` is not lower-case ASCII",
        is.id
    );
    ensure!(!is.least_scope.is_empty(), "the smallest rights are not named");
    ensure!(
        !is.hosts.production.is_empty(),
        "the hosts that are asked are not named"
    );
    let (fewest, most) = is.nameservers;
    ensure!(
        (1..=2).contains(&fewest) && most >= 2,
        "{fewest} to {most} name servers are no limits"
    );
    ensure!(!is.needs.is_empty(), "no set of fields opens an account");
    for needed in is.needs.iter().flat_map(|needed| needed.iter()) {
        ensure!(
            is.fields.iter().any(|field| field.name == *needed),
            "`{needed}` is needed and is no field"
        );
    }
    ensure!(is.fields.iter().any(|field| field.secret), "no field is secret");
    for field in is.fields {
        ensure!(
            !field.help.is_empty() && !field.label.is_empty(),
            "`{}` does not say where to find it",
            field.name
        );
        ensure!(
            !field.accepts("a\u{7f}b c\nd"),
            "`{}` takes control characters",
            field.name
        );
    }
    let can = is.capabilities;
    for (read, change) in [
        (can.read_nameservers, can.change_nameservers),
        (can.read_ds, can.change_ds),
    ] {
        ensure!(
            !read.is_no() || change.is_no(),
            "what can be changed cannot be read back"
        );
    }
    ensure!(
        !can.delegate_subdomain.is_no() || can.delegate_signed.is_no(),
        "signed delegations are claimed where there are none"
    );
    subject
        .credentials(&subject.fixtures.ordinary)
        .context("the ordinary credentials are refused")?;
    Ok(())
}

/// Each set of fields is needed as a whole; a field that nobody knows is refused, and no message repeats a value.
async fn incomplete_ones_are_refused(subject: &Subject) -> Outcome {
    let given = subject
        .fixtures
        .ordinary
        .credentials
        .as_object()
        .context("credentials are an object")?;
    let is = subject.descriptor();
    let read = |fields: &serde_json::Map<String, Value>| {
        let text = Value::Object(fields.clone()).to_string();
        Credentials::from_json(is, text.as_bytes()).map(|_| "credentials")
    };
    let silent = |error: &Error| {
        let told = given.iter().filter(|(field, _)| {
            is.fields
                .iter()
                .any(|known| known.secret && known.name == **field)
        });
        told.filter_map(|(_, value)| value.as_str())
            .all(|value| value.len() < 6 || !error.detail.contains(value))
    };
    refused("no credentials at all", read(&serde_json::Map::new()))?;
    for needed in is
        .needs
        .iter()
        .filter(|needed| needed.iter().all(|field| given.contains_key(*field)))
    {
        for missing in *needed {
            let others_do = is.needs.iter().any(|other| {
                !other.contains(missing) && other.iter().all(|field| given.contains_key(*field))
            });
            let mut fields = given.clone();
            fields.remove(*missing);
            if !others_do {
                let error = refused(&format!("credentials without `{missing}`"), read(&fields))?;
                ensure!(
                    error.kind == ErrorKind::InvalidRequest,
                    "a missing field is {}",
                    error.kind.as_str()
                );
                ensure!(silent(&error), "the message about `{missing}` repeats a secret");
            }
        }
    }
    let mut fields = given.clone();
    fields.insert("pdm_check_unknown".to_owned(), "value".into());
    let error = refused("an unknown field", read(&fields))?;
    ensure!(
        silent(&error),
        "the message about an unknown field repeats a secret"
    );
    Ok(())
}

/// Whether credentials are good is not asked before somebody wants to know.
async fn opening_sends_nothing(subject: &Subject) -> Outcome {
    let _account = subject.account()?;
    let sent = subject.stage()?.simulator.journal.entries();
    ensure!(sent.is_empty(), "opening an account sent {sent:?}");
    Ok(())
}

/// A probe with good credentials names the domain as theirs.
async fn good_ones_see_the_domain(subject: &Subject) -> Outcome {
    for case in [Some(&subject.fixtures.ordinary), subject.fixtures.hosted.as_ref()]
        .into_iter()
        .flatten()
    {
        let domain = name(&case.domain)?;
        let probe = subject
            .open(case)?
            .probe(&domain)
            .await
            .with_context(|| format!("probe of {domain}"))?;
        ensure!(
            probe.domain_in_account,
            "{domain} is in the account, and the probe says it is not"
        );
    }
    Ok(())
}

/// What the descriptor rules out no probe promises; what it claims for every account a probe does not rule out.
async fn probe_agrees_with_the_descriptor(subject: &Subject) -> Outcome {
    let can = subject.descriptor().capabilities;
    for case in [Some(&subject.fixtures.ordinary), subject.fixtures.hosted.as_ref()]
        .into_iter()
        .flatten()
    {
        let domain = name(&case.domain)?;
        let hosted_here = subject
            .fixtures
            .hosted
            .as_ref()
            .is_some_and(|hosted| hosted.domain == case.domain);
        let probe = subject.open(case)?.probe(&domain).await?;
        let Probe {
            read_ns,
            change_ns,
            change_ds,
            delegate_subdomain,
            export_zone,
            ..
        } = &probe;
        let registry = [
            ("read_ns", can.read_nameservers, read_ns),
            ("change_ns", can.change_nameservers, change_ns),
            ("change_ds", can.change_ds, change_ds),
        ];
        let hosting = [
            ("delegate_subdomain", can.delegate_subdomain, delegate_subdomain),
            ("export_zone", can.export_zone, export_zone),
        ];
        for (what, support, ability) in registry.iter().chain(&hosting) {
            ensure!(
                !(support.is_no() && matches!(ability, Ability::Yes)),
                "{domain}: the probe promises {what}, which the descriptor rules out"
            );
        }
        // A zone that is hosted elsewhere cannot be changed here, whatever the vendor can.
        for (what, support, ability) in registry.iter().chain(hosting.iter().filter(|_| hosted_here)) {
            if hosted_here && *what == "change_ds" {
                // The vendor signs what it hosts, or does not; a foreign DS may well be refused.
                continue;
            }
            ensure!(
                !(*support == Support::Yes && matches!(ability, Ability::No { .. })),
                "{domain}: the descriptor claims {what} for everybody, and the probe says {ability:?}"
            );
        }
    }
    Ok(())
}

/// A probe may ask for something that cannot be, but changes nothing.
async fn probe_changes_nothing(subject: &Subject) -> Outcome {
    let stage = subject.stage()?;
    let before = Picture::of(&stage.world);
    let fixtures = &subject.fixtures;
    let cases = [
        Some(&fixtures.ordinary),
        fixtures.hosted.as_ref(),
        fixtures.signed.as_ref(),
    ];
    for case in cases.into_iter().flatten().chain(fixtures.cases.values()) {
        // What a probe answers is the business of other checks.
        let _answer = subject.open(case)?.probe(&name(&case.domain)?).await;
        Picture::of(&stage.world).same_as(&before, &format!("after a probe of {}", case.domain))?;
    }
    Ok(())
}

async fn wrong_key_is_told(subject: &Subject) -> Outcome {
    told(subject, "wrong_key", ErrorKind::CredentialsRejected, Retry::Never).await
}

async fn missing_scope_is_told(subject: &Subject) -> Outcome {
    told(subject, "no_scope", ErrorKind::ScopeMissing, Retry::Never).await
}

async fn account_tier_is_told(subject: &Subject) -> Outcome {
    told(subject, "tier", ErrorKind::AccountTier, Retry::Never).await
}

async fn allow_list_is_told(subject: &Subject) -> Outcome {
    told(subject, "allow_list", ErrorKind::AllowList, Retry::Never).await
}

async fn foreign_domain_is_told(subject: &Subject) -> Outcome {
    told(
        subject,
        "not_in_account",
        ErrorKind::DomainNotInAccount,
        Retry::Never,
    )
    .await
}

async fn vendor_that_is_away_is_told(subject: &Subject) -> Outcome {
    told(subject, "down", ErrorKind::Unavailable, Retry::Now).await
}

/// A lock is seen without a write, and a write that it forbids says so.
async fn lock_is_told(subject: &Subject) -> Outcome {
    ends_with(subject, "locked", ErrorKind::DomainLocked).await
}

async fn end_of_registration_is_told(subject: &Subject) -> Outcome {
    ends_with(subject, "expired", ErrorKind::DomainExpired).await
}

/// No write gets through with credentials, or on a domain, that refuse.
async fn refused_ones_change_nothing(subject: &Subject) -> Outcome {
    let stage = subject.stage()?;
    let here = subject.facts();
    for (situation, case) in &subject.fixtures.cases {
        for act in [Act::SetNameservers, Act::SetDs, Act::Delegate, Act::PutTxt] {
            if here.does(act).is_err() {
                continue;
            }
            let before = Picture::of(&stage.world);
            let ready = act.opened_for(subject, case)?;
            let answer = ready.perform().await;
            let error = refused(&format!("{act:?} in the situation `{situation}`"), answer)?;
            if situation == "locked" && error.applied != Applied::No {
                // A lock that nobody can see before may let half of a write through; then that is said.
                continue;
            }
            Picture::of(&stage.world).same_as(
                &before,
                &format!("after {act:?} was refused ({situation}: {error})"),
            )?;
        }
    }
    Ok(())
}

/// A case ends a probe with an error of this kind, or the probe names it as what forbids the work.
async fn told(subject: &Subject, situation: &str, kind: ErrorKind, retry: Retry) -> Outcome {
    let case = case(subject, situation)?;
    let domain = name(&case.domain)?;
    let kinds = subject.vendor().kinds(kind);
    match subject.open(case)?.probe(&domain).await {
        // Not to be seen without a write: then a write ends so.
        Ok(probe)
            if cannot_see(subject, situation)
                && probe
                    .refused_because()
                    .is_none_or(|because| because == ErrorKind::Unsupported) =>
        {
            let ready = Act::SetNameservers.opened_for(subject, case)?;
            let error = refused_as(
                &format!("a write in the situation `{situation}`"),
                ready.perform().await,
                &kinds,
            )?;
            ensure!(
                error.applied == Applied::No,
                "{situation}: refused, and maybe done: {error}"
            );
        }
        Ok(probe) => {
            let because = probe.refused_because();
            ensure!(
                because.is_some_and(|because| kinds.contains(&because)),
                "{situation}: the probe must tell {}, and tells {because:?}: {probe:?}",
                kind.as_str()
            );
        }
        Err(error) => {
            ensure!(
                kinds.contains(&error.kind),
                "{situation} must be told as {}, and is told as {}: {error}",
                kind.as_str(),
                error.kind.as_str()
            );
            ensure!(
                error.retry == retry,
                "{situation}: to be tried again {retry:?}, and the answer says {:?}",
                error.retry
            );
        }
    }
    Ok(())
}

/// Whether the vendor lets nobody see from the credentials what they may write.
fn cannot_see(subject: &Subject, situation: &str) -> bool {
    situation == "no_scope"
        && subject.descriptor().capabilities.read_write_rights != Support::Yes
        && subject.facts().can(|can| can.change_nameservers).is_ok()
}

/// A domain in this situation is shown as such, and a change of its name servers ends with this kind, undone.
async fn ends_with(subject: &Subject, situation: &str, kind: ErrorKind) -> Outcome {
    let case = case(subject, situation)?;
    let domain = name(&case.domain)?;
    let account = subject.open(case)?;
    let seen = match account.probe(&domain).await {
        Ok(probe) if kind == ErrorKind::DomainLocked => {
            let unseen = probe.locked.is_none() && matches!(probe.change_ns, Ability::Unknown { .. });
            probe.refused_because() == Some(kind) || probe.locked == Some(true) || unseen
        }
        Ok(probe) => probe.refused_because() == Some(kind),
        Err(error) => error.kind == kind,
    };
    ensure!(seen, "{situation}: the probe does not tell");
    if subject.facts().can(|can| can.change_nameservers).is_ok() {
        let ready = Act::SetNameservers.opened_for(subject, case)?;
        let error = refused(
            &format!("a change of a domain that is {situation}"),
            ready.perform().await,
        )?;
        ensure!(
            error.kind == kind,
            "{situation} must end as {}, not {}: {error}",
            kind.as_str(),
            error.kind.as_str()
        );
        ensure!(
            error.applied == Applied::No,
            "{situation}: refused, and maybe done"
        );
    }
    Ok(())
}

fn case<'a>(subject: &'a Subject, situation: &str) -> anyhow::Result<&'a Case> {
    subject.fixtures.cases.get(situation).context("no such situation")
}
