//! Take a name back, in the order that never leaves a lame delegation in a cache: records out, delegation out, the
//! caches run out while the empty signed zone is still served, then the zone.

use std::time::Duration;

use super::activate::{edit_parent, foreign};
use super::context::Context;
use super::step::{Look, StepError};
use crate::delegation::parent_zone::Edit;
use crate::dns::zones::ZoneSeen;
use crate::domain::operation::StepName;
use crate::propagation::{DsAtParent, Standing, look_at_ds, look_at_server};

/// A write of interrupted work can no longer arrive.
pub(super) async fn look_settle(cx: &Context<'_>) -> Result<Look, StepError> {
    let until = cx.facts.lock().await.settle_until.max(cx.claim.settle_until);
    Ok(match until {
        Some(until) if until > cx.now => Look::Wait(
            until,
            "a late write of interrupted work may still arrive".to_owned(),
        ),
        _ => Look::Done("no earlier write is under way".to_owned()),
    })
}

/// The zone holds only what it needs to answer.
pub(super) async fn look_empty_zone(cx: &Context<'_>) -> Result<Look, StepError> {
    Ok(match cx.world.zones.look(cx.name(), &cx.marker()).await? {
        ZoneSeen::Absent => Look::Done("there is no zone".to_owned()),
        ZoneSeen::Foreign { .. } => {
            Look::Done("the zone on the servers is not this claim's; left alone".to_owned())
        }
        ZoneSeen::Ours(zone) => {
            // The TTLs that caches may have are measured here and are in the database before anything is withdrawn.
            let at = cx.world.parents.look(&cx.claim.pool, cx.name()).await?;
            let at_parent = at.ns.map(|(_, ttl)| ttl).max(at.ds.map(|(_, ttl)| ttl));
            let mut facts = cx.facts.lock().await;
            facts.longest_ttl = facts.longest_ttl.max(at_parent).max(zone.ns_ttl());
            drop(facts);
            let difference = zone.difference(&cx.empty_plan());
            if difference.is_none() || !zone.has_soa() {
                Look::Done("the zone is empty".to_owned())
            } else {
                Look::NotYet(format!("{difference}"))
            }
        }
    })
}

/// Takes the records out.
pub(super) async fn act_empty_zone(cx: &Context<'_>) -> Result<(), StepError> {
    if let ZoneSeen::Ours(zone) = cx.world.zones.look(cx.name(), &cx.marker()).await? {
        let applied = cx.world.zones.apply(&cx.empty_plan(), &zone).await;
        applied.map_err(StepError::of_write)?;
    }
    Ok(())
}

/// Neither NS nor DS in the parent. Remembers the TTLs with which they were served.
pub(super) async fn look_undelegate(cx: &Context<'_>) -> Result<Look, StepError> {
    let at = cx.world.parents.look(&cx.claim.pool, cx.name()).await?;
    let mut facts = cx.facts.lock().await;
    if at.is_undelegated() {
        return Ok(Look::Done(format!(
            "{} does not delegate the name",
            cx.claim.pool
        )));
    }
    if !facts.parent_touched {
        return Ok(Look::Done(
            "the delegation in the parent is not this claim's; left alone".to_owned(),
        ));
    }
    if !at.may_be_ours(&cx.claim.nameservers, &facts.known_ds()) {
        return Err(foreign(cx, "the parent zone delegates this name elsewhere"));
    }
    let seen = at
        .ns
        .map_or(0, |(_, ttl)| ttl)
        .max(at.ds.map_or(0, |(_, ttl)| ttl));
    facts.longest_ttl = facts.longest_ttl.max(Some(seen));
    Ok(Look::NotYet("the parent still delegates the name".to_owned()))
}

/// Takes NS and DS out, in one PATCH.
pub(super) async fn act_undelegate(cx: &Context<'_>) -> Result<(), StepError> {
    edit_parent(cx, Edit::Remove).await
}

/// Every server of the parent says that there is no DS, and from this moment caches run out.
pub(super) async fn look_check_withdrawn(cx: &Context<'_>) -> Result<Look, StepError> {
    let mut facts = cx.facts.lock().await;
    if !facts.parent_touched {
        return Ok(Look::Done("the name was never delegated".to_owned()));
    }
    let servers = cx.parent_servers().await?;
    for server in &servers {
        match look_at_ds(&cx.world.asker, *server, cx.name()).await {
            DsAtParent::Absent { .. } | DsAtParent::NoSuchName { .. } => {}
            DsAtParent::Unreachable(error) => return Err(StepError::retry(format!("{server}: {error}"))),
            seen => {
                cx.world
                    .parents
                    .servers()
                    .flush(&crate::dns::canonical(cx.name().as_str()))
                    .await;
                if matches!(seen, DsAtParent::Present(_)) {
                    drop(facts);
                    let back = again_delegated(cx).await?;
                    return Ok(back.unwrap_or_else(|| Look::NotYet(format!("{server} still gives the DS"))));
                }
                return Ok(Look::NotYet(format!(
                    "{server} does not answer for the pool's zone, so nothing is known of the delegation"
                )));
            }
        }
    }
    let ttls = cx.world.config.zones;
    // Resolvers keep the parent's or the child's NS. An unknown TTL of the parent counts as what we publish.
    let at_parent = facts
        .longest_ttl
        .unwrap_or(ttls.delegation_ns.max(ttls.delegation_ds));
    let wait = Duration::from_secs(u64::from(at_parent.max(ttls.ns)));
    let margin = (wait / 10).max(cx.world.config.timing.drain_margin);
    // Counted from after the last answer: until then a cache may have got the delegation.
    facts.drain_until = Some(cx.world.store.now().await?.plus(wait + margin));
    Ok(Look::Done(format!(
        "{} servers of {} say that there is no delegation",
        servers.len(),
        cx.claim.pool
    )))
}

/// Caches have run out, and the parent still does not delegate the name.
pub(super) async fn look_drain(cx: &Context<'_>) -> Result<Look, StepError> {
    let facts = cx.facts.lock().await;
    let Some(until) = facts.drain_until else {
        return Ok(Look::Done("nothing was public".to_owned()));
    };
    if until > cx.now {
        return Ok(Look::Wait(
            until,
            "resolvers may still have the delegation in their caches".to_owned(),
        ));
    }
    drop(facts);
    let back = again_delegated(cx).await?;
    Ok(back.unwrap_or_else(|| Look::Done("caches have run out".to_owned())))
}

/// Back to the withdrawal when the parent has the delegation again: a late write of ours, or a backup that was put back,
/// is taken out once more, since caches have it again. What is somebody else's stays, and is an incident.
async fn again_delegated(cx: &Context<'_>) -> Result<Option<Look>, StepError> {
    let at = cx.world.parents.look(&cx.claim.pool, cx.name()).await?;
    if at.is_undelegated() {
        return Ok(None);
    }
    let known = cx.facts.lock().await.known_ds();
    if !at.may_be_ours(&cx.claim.nameservers, &known) {
        return Err(foreign(cx, "the parent zone delegates this name again"));
    }
    Ok(Some(Look::Again(
        StepName::Undelegate,
        "the parent zone delegates the name again as this claim did".to_owned(),
    )))
}

/// No zone of this claim. As long as it is there, the parent must not lead to it.
pub(super) async fn look_delete_zone(cx: &Context<'_>) -> Result<Look, StepError> {
    Ok(match cx.world.zones.marker_of(cx.name()).await? {
        None => Look::Done("there is no zone".to_owned()),
        Some(marker) if marker != cx.marker() => {
            Look::Done("the zone on the servers is not this claim's; left alone".to_owned())
        }
        Some(_) => {
            if cx.facts.lock().await.parent_touched
                && let Some(back) = again_delegated(cx).await?
            {
                return Ok(back);
            }
            Look::NotYet("the zone is still there".to_owned())
        }
    })
}

/// Deletes the zone with its keys, after one more look at the marker.
pub(super) async fn act_delete_zone(cx: &Context<'_>) -> Result<(), StepError> {
    if cx
        .world
        .zones
        .marker_of(cx.name())
        .await?
        .is_some_and(|marker| marker == cx.marker())
    {
        let deleted = cx.world.zones.delete(cx.name()).await;
        deleted.map_err(StepError::of_write)?;
    }
    Ok(())
}

/// No server answers for the zone.
pub(super) async fn look_check_gone(cx: &Context<'_>) -> Result<Look, StepError> {
    match cx.world.zones.marker_of(cx.name()).await? {
        None => {}
        Some(marker) if marker == cx.marker() => {
            return Ok(Look::Again(
                StepName::DeleteZone,
                "the zone is on the servers again".to_owned(),
            ));
        }
        Some(_) => {
            return Ok(Look::Done(
                "what is served under the name is not this claim's".to_owned(),
            ));
        }
    }
    let servers = cx.child_servers().await?;
    let serving = async || {
        let looks = servers
            .iter()
            .map(|server| look_at_server(&cx.world.asker, *server, cx.name()));
        let views = futures_util::future::join_all(looks).await;
        views
            .iter()
            .find(|v| matches!(v.udp, Standing::Serving(_)))
            .map(|v| v.server)
    };
    if serving().await.is_none() {
        return Ok(Look::Done("no server answers for the zone".to_owned()));
    }
    cx.world
        .zones
        .servers()
        .flush(&crate::dns::canonical(cx.name().as_str()))
        .await;
    Ok(match serving().await {
        None => Look::Done("no server answers for the zone".to_owned()),
        Some(server) => Look::NotYet(format!("{server} still answers for the zone")),
    })
}
