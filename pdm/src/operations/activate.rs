//! Make a reserved name real: zone, delegation, proof. The order is that of the safety contract: nothing is
//! delegated before every server answers for it, and nothing is called active before a walk from the root is secure.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use hickory_proto::rr::{RData, RecordType};
use pdm_registrar::{DsRecord, OwnerName};

use super::context::{Context, Reply};
use super::step::{Look, StepError};
use crate::delegation::Delegation;
use crate::delegation::parent_zone::{Edit, EditError};
use crate::dns::zones::{OwnZone, ZoneSeen};
use crate::domain::operation::{Facts, StepName, StepRecord};
use crate::propagation::{
    DsAtParent, ServerView, Standing, Verdict, ZoneAsServed, look_at_ds, look_at_server,
};
use crate::store::{ParentSerial, StoreError};

/// Nothing of others stands at the label, in the parent or as a zone.
pub(super) async fn look_read_parent(cx: &Context<'_>) -> Result<Look, StepError> {
    if cx.facts.lock().await.repair {
        return Ok(Look::Done("an active name is put right".to_owned()));
    }
    let (name, pool) = (cx.name().clone(), cx.claim.pool.clone());
    let (is_foreign, known) = cx
        .world
        .store
        .read(|tx| {
            Box::pin(async move {
                // In this order: a pass that ends in between makes the zone quiet, and tells what it has found.
                let known = tx.parent_serial(&pool).await?;
                Ok::<_, StoreError>((tx.is_foreign(&name).await?, known))
            })
        })
        .await?;
    if is_foreign {
        return Err(foreign(
            cx,
            "the pool's zone or the servers hold something at or below this name",
        ));
    }
    if parent_knows_nothing(cx, known).await? {
        return Ok(Look::Done(format!(
            "{} does not know {}",
            cx.claim.pool,
            cx.name()
        )));
    }
    let at = cx.world.parents.look(&cx.claim.pool, cx.name()).await?;
    if !at.is_empty() {
        return Err(foreign(
            cx,
            "the parent zone holds records at this name that no claim made",
        ));
    }
    nothing_below(cx).await?;
    Ok(Look::Done(format!(
        "nothing stands at or below {} in {}",
        cx.name(),
        cx.claim.pool
    )))
}

/// No record stands below the name in the parent: a delegation would hide it.
async fn nothing_below(cx: &Context<'_>) -> Result<(), StepError> {
    let servers = cx.world.parents.servers();
    let Some(record) = servers.find_below(cx.name(), Some(&cx.claim.pool)).await? else {
        return Ok(());
    };
    let what = format!(
        "the parent zone holds {} {} below this name",
        record.name.as_str().trim_end_matches('.'),
        record.rtype
    );
    Err(foreign(cx, &what))
}

/// Whether every server of the parent says that the name does not exist, and that nobody but us has written into the
/// zone since its last full look, so that nothing can stand below the name either. Cheaper than the API, and enough
/// here: the delegation looks at the database of the parent once more, just before it writes.
async fn parent_knows_nothing(cx: &Context<'_>, known: Option<ParentSerial>) -> Result<bool, StepError> {
    let Some(known) = known else { return Ok(false) };
    let servers = cx.parent_servers().await?;
    let looks = servers
        .iter()
        .map(|server| look_at_ds(&cx.world.asker, *server, cx.name()));
    let views = futures_util::future::join_all(looks).await;
    Ok(views.iter().all(
        |ds| matches!(ds, DsAtParent::NoSuchName { serial: Some(serial), .. } if known.explains(*serial)),
    ))
}

/// The zone is there with our marker, signed, and holds exactly its plan.
pub(super) async fn look_create_zone(cx: &Context<'_>) -> Result<Look, StepError> {
    let seen = match cx.reply.lock().await.take() {
        Some(Reply::Created(zone)) => ZoneSeen::Ours(zone),
        _ => cx.world.zones.look(cx.name(), &cx.marker()).await?,
    };
    match seen {
        ZoneSeen::Absent => {
            cx.untouched.store(true, Ordering::Relaxed);
            Ok(Look::NotYet("the zone does not exist yet".to_owned()))
        }
        ZoneSeen::Foreign { account } => Err(foreign_zone(cx, &account)),
        ZoneSeen::Ours(zone) => {
            let difference = zone.difference(&cx.plan());
            if !zone.dnssec || !zone.has_soa() || !difference.is_none() {
                return Ok(Look::NotYet(format!("the zone is incomplete: {difference}")));
            }
            let keys = cx.world.zones.ds(cx.name()).await?;
            let mut facts = cx.facts.lock().await;
            let Some(ds) = ds_to_publish(keys, &cx.claim.ds, facts.parent_touched) else {
                return Ok(Look::NotYet(
                    "the zone does not have the one signing key that it should have".to_owned(),
                ));
            };
            let detail = format!("zone with key {} at serial {}", key_tags(&ds), zone.serial);
            facts.replace_ds(ds);
            facts.serial = Some(zone.serial);
            facts.records_version = cx.claim.records_version;
            Ok(Look::Done(detail))
        }
    }
}

/// The DS for the parent. A new zone has one key, ours. A zone that is or was delegated keeps the keys that its parent
/// has: another key beside them is somebody's rollover, and no reason to change the chain of trust. Only when those
/// keys are gone does the parent follow the zone.
fn ds_to_publish(keys: Vec<DsRecord>, at_parent: &[DsRecord], delegated: bool) -> Option<Vec<DsRecord>> {
    if !delegated {
        return (keys.len() == 1).then_some(keys);
    }
    if !at_parent.is_empty() && at_parent.iter().all(|ds| keys.contains(ds)) {
        return Some(at_parent.to_vec());
    }
    (!keys.is_empty()).then_some(keys)
}

/// Creates the zone in one request. A partial zone of ours is removed first: nothing points at it before the
/// delegation, and what a killed server left of it cannot be trusted. Once the name is delegated, a zone that still
/// answers is only ever repaired.
pub(super) async fn act_create_zone(cx: &Context<'_>) -> Result<(), StepError> {
    let mut announcement = cx.announcement.lock().await;
    if announcement.is_none() {
        *announcement = Some(cx.world.parents.announce(&cx.claim.pool));
    }
    drop(announcement);
    if !cx.untouched.load(Ordering::Relaxed) {
        match cx.world.zones.look(cx.name(), &cx.marker()).await? {
            ZoneSeen::Foreign { account } => return Err(foreign_zone(cx, &account)),
            ZoneSeen::Ours(zone) if cx.facts.lock().await.parent_touched && zone.has_soa() => {
                return mend_zone(cx, &zone).await.map_err(StepError::of_write);
            }
            ZoneSeen::Ours(_) => {
                // Two looks lie between the check of the lease and here.
                cx.still_holds().await?;
                cx.world
                    .zones
                    .delete(cx.name())
                    .await
                    .map_err(StepError::of_write)?;
            }
            ZoneSeen::Absent => {}
        }
    }
    let zone = cx
        .world
        .zones
        .create(&cx.plan(), &cx.marker())
        .await
        .map_err(StepError::of_write)?;
    *cx.reply.lock().await = Some(Reply::Created(Box::new(zone)));
    Ok(())
}

/// Puts a delegated zone right where it stands.
async fn mend_zone(cx: &Context<'_>, zone: &OwnZone) -> Result<(), powerdns_client::Error> {
    cx.world.zones.apply(&cx.plan(), zone).await?;
    if cx.world.zones.ds(cx.name()).await?.is_empty() {
        cx.world.zones.add_key(cx.name()).await?;
    }
    Ok(())
}

/// Every address of every server answers with authority, over UDP and TCP, with the key that the API showed.
pub(super) async fn look_check_servers(cx: &Context<'_>) -> Result<Look, StepError> {
    let servers = cx.child_servers().await?;
    let wanted = cx.facts.lock().await.clone();
    let done = || {
        let servers = servers.len();
        Look::Done(format!(
            "{servers} servers answer with authority and the same key"
        ))
    };
    if missing_at_servers(cx, &servers, &wanted).await.is_none() {
        return Ok(done());
    }
    // A server may have cached that there is no such zone; it forgets on demand.
    cx.world
        .zones
        .servers()
        .flush(&crate::dns::canonical(cx.name().as_str()))
        .await;
    Ok(match missing_at_servers(cx, &servers, &wanted).await {
        None => done(),
        Some(missing) => zone_made_again(cx).await?.unwrap_or(Look::NotYet(missing)),
    })
}

/// Back to the creation of the zone when it is not as it was made: gone, changed, older, or with other keys.
async fn zone_made_again(cx: &Context<'_>) -> Result<Option<Look>, StepError> {
    let again = |what: &str| Ok(Some(Look::Again(StepName::CreateZone, what.to_owned())));
    let ZoneSeen::Ours(zone) = cx.world.zones.look(cx.name(), &cx.marker()).await? else {
        return again("the zone was removed from the servers");
    };
    let difference = zone.difference(&cx.plan());
    if !zone.dnssec || !zone.has_soa() || !difference.is_none() {
        return again(&format!("the zone was changed: {difference}"));
    }
    let made = cx.facts.lock().await.clone();
    if made
        .serial
        .is_some_and(|serial| !is_at_least(zone.serial, serial))
    {
        return again("the zone has an older serial than it was made with");
    }
    let keys = cx.world.zones.ds(cx.name()).await?;
    if ds_to_publish(keys, &made.ds, made.parent_touched).as_ref() != Some(&made.ds) {
        return again("the zone has other keys than it was made with");
    }
    Ok(None)
}

/// Back to what was done before when a hand took it away since; otherwise it is only not seen yet.
async fn not_seen_yet(cx: &Context<'_>, missing: String) -> Result<Look, StepError> {
    if let Some(back) = zone_made_again(cx).await? {
        return Ok(back);
    }
    let at = cx.world.parents.look(&cx.claim.pool, cx.name()).await?;
    if at.is(&cx.delegation().await) {
        return Ok(Look::NotYet(missing));
    }
    Ok(Look::Again(
        StepName::Delegate,
        "the delegation was changed in the parent zone".to_owned(),
    ))
}

async fn missing_at_servers(
    cx: &Context<'_>,
    servers: &[std::net::SocketAddr],
    wanted: &Facts,
) -> Option<String> {
    let looks = servers
        .iter()
        .map(|server| look_at_server(&cx.world.asker, *server, cx.name()));
    let views = futures_util::future::join_all(looks).await;
    views.iter().find_map(|view| missing_at_server(view, cx, wanted))
}

fn missing_at_server(view: &ServerView, cx: &Context<'_>, wanted: &Facts) -> Option<String> {
    let server = view.server;
    [("UDP", &view.udp), ("TCP", &view.tcp)]
        .into_iter()
        .find_map(|(transport, standing)| match standing {
            Standing::Serving(zone) => {
                missing_in_zone(zone, cx, wanted).map(|what| format!("{server}: {what}"))
            }
            Standing::Lame { rcode, .. } => Some(format!(
                "{server} does not answer for the zone over {transport} yet ({rcode})"
            )),
            Standing::Unreachable(error) => Some(format!("{server} over {transport}: {error}")),
        })
}

fn missing_in_zone(zone: &ZoneAsServed, cx: &Context<'_>, wanted: &Facts) -> Option<String> {
    if wanted
        .serial
        .is_some_and(|serial| !is_at_least(zone.serial, serial))
    {
        return Some(format!("serves the older serial {}", zone.serial));
    }
    let keys: BTreeSet<DsRecord> = wanted.ds.iter().cloned().collect();
    let as_wanted = if wanted.parent_touched {
        zone.keys.values.is_superset(&keys)
    } else {
        zone.keys.is(&keys)
    };
    if !as_wanted {
        return Some("serves other keys than the API shows".to_owned());
    }
    if !zone.ns.is(&cx.claim.nameservers.iter().cloned().collect()) {
        return Some("serves another NS record set".to_owned());
    }
    None
}

/// Whether a serial is the wanted one or later (RFC 1982: later when the difference is less than half of the space).
pub(super) const fn is_at_least(serial: u32, wanted: u32) -> bool {
    serial.wrapping_sub(wanted) < 1 << 31
}

/// NS and DS in the parent are exactly ours.
pub(super) async fn look_delegate(cx: &Context<'_>) -> Result<Look, StepError> {
    let wanted = cx.delegation().await;
    if matches!(cx.reply.lock().await.take(), Some(Reply::Delegated)) && gives_ds(cx, &wanted).await? {
        return Ok(Look::Done(format!(
            "NS and DS {} were written to {}, which gives the DS",
            key_tags(&wanted.ds),
            cx.claim.pool
        )));
    }
    let at = cx.world.parents.look(&cx.claim.pool, cx.name()).await?;
    if at.is(&wanted) {
        cx.announcement.lock().await.take();
        return Ok(Look::Done(format!(
            "NS and DS {} are in {}",
            key_tags(&wanted.ds),
            cx.claim.pool
        )));
    }
    if at.is_empty() {
        if cx.operation.fence > 1 {
            // Not the first turn: time has passed since the first look, in which somebody may have written below the name.
            nothing_below(cx).await?;
        }
        cx.untouched.store(true, Ordering::Relaxed);
        return Ok(Look::NotYet(
            "the parent does not delegate the name yet".to_owned(),
        ));
    }
    // A zone that had to be made again has a new key, and the parent the DS of the old one.
    let mut known = cx.facts.lock().await.known_ds();
    known.extend(cx.claim.ds.iter().cloned());
    if at.others.is_empty() && at.may_be_ours(&wanted.nameservers, &known) && may_have_delegated(cx).await {
        return Ok(Look::NotYet("the parent has a part of the delegation".to_owned()));
    }
    Err(foreign(
        cx,
        "the parent zone delegates this name elsewhere, or holds other records at it",
    ))
}

/// Whether something of this claim can be in the parent. Before the first write of the delegation nothing can, even if it
/// leads to our servers.
async fn may_have_delegated(cx: &Context<'_>) -> bool {
    let facts = cx.facts.lock().await;
    let tried = |step: &StepRecord| step.name == StepName::Delegate && step.attempts > 1;
    facts.parent_touched
        || facts.repair
        || cx.untouched.load(Ordering::Relaxed)
        || cx.operation.steps.iter().any(tried)
}

/// Whether a server of the parent gives exactly the DS that was written. NS and DS are one change, which is there or not;
/// where nothing was before, the DS shows both, at a tenth of the cost of asking the API.
async fn gives_ds(cx: &Context<'_>, wanted: &Delegation) -> Result<bool, StepError> {
    let servers = cx.parent_servers().await?;
    let ds = wanted.ds.iter().cloned().collect();
    let Some(server) = servers.first() else {
        return Ok(false);
    };
    Ok(match look_at_ds(&cx.world.asker, *server, cx.name()).await {
        DsAtParent::Present(seen) => seen.is(&ds),
        _ => false,
    })
}

/// Writes NS and DS, in one PATCH with other names that wait.
pub(super) async fn act_delegate(cx: &Context<'_>) -> Result<(), StepError> {
    let delegation = cx.delegation().await;
    let untouched = cx.untouched.load(Ordering::Relaxed);
    let result = edit_parent(cx, Edit::Put(delegation)).await;
    cx.announcement.lock().await.take();
    if untouched && result.is_ok() {
        *cx.reply.lock().await = Some(Reply::Delegated);
    }
    result
}

/// Has the parent's writer make an edit, as long as this turn lasts.
pub(super) async fn edit_parent(cx: &Context<'_>, edit: Edit) -> Result<(), StepError> {
    let edited = cx
        .world
        .parents
        .edit(&cx.claim.pool, cx.name(), edit, cx.turn())
        .await;
    edited.map_err(|error| match error {
        EditError::Refused(_) => StepError::Impossible {
            code: "request.invalid",
            detail: error.to_string(),
        },
        EditError::NotMade(_) => StepError::retry(error.to_string()),
        EditError::Unknown(_) => StepError::Retry {
            detail: error.to_string(),
            after: None,
            unknown: true,
        },
    })
}

/// Every server of the parent gives exactly our DS.
pub(super) async fn look_check_parent(cx: &Context<'_>) -> Result<Look, StepError> {
    let servers = cx.parent_servers().await?;
    let wanted = cx.facts.lock().await.ds.iter().cloned().collect();
    let looks = servers
        .iter()
        .map(|server| look_at_ds(&cx.world.asker, *server, cx.name()));
    let views = futures_util::future::join_all(looks).await;
    for (server, ds) in servers.iter().zip(&views) {
        match ds {
            DsAtParent::Present(seen) if seen.is(&wanted) => {}
            DsAtParent::Unreachable(error) => return Err(StepError::retry(format!("{server}: {error}"))),
            _ => {
                cx.world
                    .parents
                    .servers()
                    .flush(&crate::dns::canonical(cx.name().as_str()))
                    .await;
                return not_seen_yet(cx, format!("{server} does not give the DS yet")).await;
            }
        }
    }
    Ok(Look::Done(format!(
        "{} servers of {} give the DS",
        servers.len(),
        cx.claim.pool
    )))
}

/// A walk from the root to an address of the name is secure and ends at the targets.
pub(super) async fn look_validate(cx: &Context<'_>) -> Result<Look, StepError> {
    if cx.facts.lock().await.records_version != cx.claim.records_version {
        return Ok(Look::Again(
            StepName::CreateZone,
            "what the zone is to hold has changed".to_owned(),
        ));
    }
    let Some(targets) = &cx.claim.targets else {
        return Err(StepError::Impossible {
            code: "claim.state",
            detail: "the claim has no targets".to_owned(),
        });
    };
    let rtype = if targets.ipv4().is_empty() {
        RecordType::AAAA
    } else {
        RecordType::A
    };
    let walk = cx
        .world
        .walker
        .walk(&OwnerName::from(cx.name().clone()), rtype, cx.now.unix_seconds())
        .await;
    let missing = match walk.verdict {
        Verdict::Secure => None,
        Verdict::Bogus { reason, zone, .. } => {
            Some(format!("the chain of trust is broken at {zone}: {reason}"))
        }
        Verdict::Insecure { reason } => Some(format!("the chain of trust is not closed: {reason}")),
        Verdict::Indeterminate { reason } => Some(format!("could not be validated: {reason}")),
    };
    if let Some(missing) = missing {
        return not_seen_yet(cx, missing).await;
    }
    let leads_there = walk.answers.iter().any(|record| match &record.data {
        RData::A(a) => targets.ipv4().contains(&a.0),
        RData::AAAA(a) => targets.ipv6().contains(&a.0),
        _ => false,
    });
    if leads_there || !has_apex_host(cx) {
        let questions = walk.log.len();
        return Ok(Look::Done(format!("secure from the root, {questions} questions")));
    }
    not_seen_yet(cx, "the name does not lead to the targets yet".to_owned()).await
}

fn has_apex_host(cx: &Context<'_>) -> bool {
    cx.pool.template.hosts.iter().any(|host| host.0 == "@")
}

fn key_tags(ds: &[DsRecord]) -> String {
    ds.iter()
        .map(|ds| ds.key_tag().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn foreign(cx: &Context<'_>, what: &str) -> StepError {
    StepError::Foreign {
        detail: format!("{what} ({})", cx.name()),
        action: format!(
            "Look at {} in {}: remove what stands there, or release this claim. Nothing of it was changed.",
            cx.name(),
            cx.claim.pool
        ),
    }
}

pub(super) fn foreign_zone(cx: &Context<'_>, account: &str) -> StepError {
    let marker = if account.is_empty() {
        "without a marker".to_owned()
    } else {
        format!("marked {account:?}")
    };
    StepError::Foreign {
        detail: format!(
            "a zone {} that this claim did not make is on the servers, {marker}",
            cx.name()
        ),
        action: format!(
            "Find out whose zone {} is; remove it, or release this claim. Nothing of it was changed.",
            cx.name()
        ),
    }
}
