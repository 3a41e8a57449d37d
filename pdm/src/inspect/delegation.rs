//! How a domain is delegated, asked at every server of its parent.

use std::collections::BTreeSet;

use hickory_proto::rr::{RData, RecordType};
use pdm_registrar::{DomainName, DsRecord, OwnerName};
use serde::Serialize;
use utoipa::ToSchema;

use super::Finding;
use crate::clock::DbTime;
use crate::operations::World;
use crate::propagation::{DsAtParent, NsAtParent, ParentView, Verdict, Walk, look_at_parent};

/// A delegation as the parent's servers have it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DelegationSeen {
    /// Hosts that any of them names.
    nameservers: BTreeSet<String>,
    /// Whether all of them say the same.
    consistent: bool,
    /// DS that any of them gives, in presentation form.
    ds: BTreeSet<String>,
    /// What a validating walk from the root finds.
    security: Security,
}

/// What a validating resolver makes of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Security {
    /// The chain of trust is closed.
    Secure,
    /// Somewhere above the name the chain ends, with proof.
    Insecure,
    /// The chain is broken: validating resolvers refuse the name.
    Bogus,
    /// It could not be found out.
    Unknown,
}

impl DelegationSeen {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !self.consistent {
            findings.push(Finding::new(
                "delegation.inconsistent",
                "The servers of the parent do not say the same: a change is on its way, or one of them is behind. \
                 Wait until they agree.",
            ));
        }
        if self.security == Security::Bogus {
            findings.push(Finding::new(
                "delegation.bogus",
                "Validating resolvers refuse this domain: its DS at the parent does not fit the keys of its zone. \
                 Correct or remove the DS first.",
            ));
        }
        findings
    }
}

/// Whether the domain is known to its parent, and how it is delegated if it is. An error says what could not be seen.
pub(super) async fn look(
    world: &World,
    domain: &DomainName,
    now: DbTime,
) -> Result<(bool, Option<DelegationSeen>), String> {
    let now = now.unix_seconds();
    let (servers, walk) = tokio::join!(servers_of_parent(world, domain, now), async {
        world
            .walker
            .walk(&OwnerName::from(domain.clone()), RecordType::SOA, now)
            .await
    });
    let servers = servers?;
    let looks = servers
        .iter()
        .map(|server| look_at_parent(&world.asker, *server, domain));
    let views = futures_util::future::join_all(looks).await;
    if let Some(view) = views
        .iter()
        .find(|view| matches!(view.ns, NsAtParent::Unreachable(_) | NsAtParent::Lame { .. }))
    {
        return Err(format!(
            "the parent's server {} does not answer for the parent",
            view.server
        ));
    }
    let known = |view: &ParentView| {
        !matches!(view.ds, DsAtParent::NoSuchName { .. }) || !matches!(view.ns, NsAtParent::NotDelegated)
    };
    let delegated = |view: &ParentView| !matches!(view.ns, NsAtParent::NotDelegated);
    let seen = views.iter().any(delegated).then(|| seen(&views, &walk));
    Ok((views.iter().any(known), seen))
}

fn seen(views: &[ParentView], walk: &Walk) -> DelegationSeen {
    let of_each: Vec<(BTreeSet<String>, BTreeSet<String>)> =
        views.iter().map(|view| (hosts(&view.ns), ds(&view.ds))).collect();
    // A server that hosts the child, too, hides what the parent's zone has.
    let shown: Vec<_> = views
        .iter()
        .zip(&of_each)
        .filter(|(view, _)| view.ns != NsAtParent::Hidden)
        .map(|(_, said)| said)
        .collect();
    DelegationSeen {
        nameservers: of_each.iter().flat_map(|(hosts, _)| hosts.clone()).collect(),
        ds: of_each.iter().flat_map(|(_, ds)| ds.clone()).collect(),
        consistent: shown.windows(2).all(|two| two[0] == two[1]),
        security: match walk.verdict {
            Verdict::Secure => Security::Secure,
            Verdict::Insecure { .. } => Security::Insecure,
            Verdict::Bogus { .. } => Security::Bogus,
            Verdict::Indeterminate { .. } => Security::Unknown,
        },
    }
}

fn hosts(ns: &NsAtParent) -> BTreeSet<String> {
    match ns {
        NsAtParent::Delegated(seen) => {
            let readable = seen.values.iter().map(ToString::to_string);
            readable.chain(seen.unreadable.iter().cloned()).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn ds(ds: &DsAtParent) -> BTreeSet<String> {
    match ds {
        DsAtParent::Present(seen) => {
            let readable = seen.values.iter().map(|ds: &DsRecord| ds.to_string());
            readable.chain(seen.unreadable.iter().cloned()).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Every address of every server of the zone above a domain.
async fn servers_of_parent(
    world: &World,
    domain: &DomainName,
    now: u32,
) -> Result<Vec<std::net::SocketAddr>, String> {
    let mut above = domain.parent();
    while let Some(candidate) = above {
        let owner = OwnerName::from(candidate.clone());
        let walk = world.walker.walk(&owner, RecordType::NS, now).await;
        if let Verdict::Indeterminate { reason } | Verdict::Bogus { reason, .. } = &walk.verdict {
            return Err(format!("the servers of {candidate} are not known: {reason}"));
        }
        let hosts: Vec<DomainName> = walk
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::NS(host) => DomainName::parse(&host.0.to_ascii()).ok(),
                _ => None,
            })
            .collect();
        if !hosts.is_empty() {
            return world.addresses.of(&hosts, now).await;
        }
        above = candidate.parent();
    }
    Err(format!(
        "{domain} has no parent that could be asked: it is a top-level domain"
    ))
}
