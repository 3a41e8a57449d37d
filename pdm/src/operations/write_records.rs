//! Change what an active zone holds: new targets, or the tenant's own records.

use std::collections::BTreeSet;

use super::activate::{foreign_zone, is_at_least};
use super::context::Context;
use super::step::{Look, StepError};
use crate::dns::zones::ZoneSeen;
use crate::domain::operation::StepName;
use crate::propagation::{Standing, look_at_server};

/// The zone holds exactly its plan.
pub(super) async fn look_write_records(cx: &Context<'_>) -> Result<Look, StepError> {
    match cx.world.zones.look(cx.name(), &cx.marker()).await? {
        ZoneSeen::Ours(zone) => {
            let difference = zone.difference(&cx.plan());
            if !difference.is_none() {
                return Ok(Look::NotYet(format!("{difference}")));
            }
            let mut facts = cx.facts.lock().await;
            facts.records_version = cx.claim.records_version;
            facts.serial = Some(zone.serial);
            Ok(Look::Done(format!(
                "the zone is as planned at serial {}",
                zone.serial
            )))
        }
        ZoneSeen::Absent => Ok(rebuild()),
        ZoneSeen::Foreign { account } => Err(foreign_zone(cx, &account)),
    }
}

/// Writes what differs, in one PATCH.
pub(super) async fn act_write_records(cx: &Context<'_>) -> Result<(), StepError> {
    if let ZoneSeen::Ours(zone) = cx.world.zones.look(cx.name(), &cx.marker()).await? {
        let applied = cx.world.zones.apply(&cx.plan(), &zone).await;
        applied.map_err(StepError::of_write)?;
    }
    Ok(())
}

fn rebuild() -> Look {
    Look::Rebuild("the zone was removed from the servers".to_owned())
}

/// Every server serves that serial or a later one.
pub(super) async fn look_check_records(cx: &Context<'_>) -> Result<Look, StepError> {
    let servers = cx.child_servers().await?;
    let wanted = cx.facts.lock().await.serial.unwrap_or(0);
    for again in [false, true] {
        let looks = servers
            .iter()
            .map(|server| look_at_server(&cx.world.asker, *server, cx.name()));
        let views = futures_util::future::join_all(looks).await;
        let behind: BTreeSet<String> = views
            .iter()
            .filter(|view| {
                ![&view.udp, &view.tcp]
                    .into_iter()
                    .all(|s| matches!(s, Standing::Serving(zone) if is_at_least(zone.serial, wanted)))
            })
            .map(|view| view.server.to_string())
            .collect();
        if behind.is_empty() {
            return Ok(Look::Done(format!(
                "{} servers serve serial {wanted} or later",
                servers.len()
            )));
        }
        if again {
            match cx.world.zones.look(cx.name(), &cx.marker()).await? {
                ZoneSeen::Absent => return Ok(rebuild()),
                ZoneSeen::Foreign { account } => return Err(foreign_zone(cx, &account)),
                ZoneSeen::Ours(zone) => {
                    let difference = zone.difference(&cx.plan());
                    if !difference.is_none() || !is_at_least(zone.serial, wanted) {
                        let what = format!("the zone was changed since: {difference}");
                        return Ok(Look::Again(StepName::WriteRecords, what));
                    }
                }
            }
            let list = behind.into_iter().collect::<Vec<_>>().join(", ");
            return Ok(Look::NotYet(format!("not yet at serial {wanted}: {list}")));
        }
        cx.world
            .zones
            .servers()
            .flush(&crate::dns::canonical(cx.name().as_str()))
            .await;
    }
    Ok(Look::NotYet("not yet served everywhere".to_owned()))
}
