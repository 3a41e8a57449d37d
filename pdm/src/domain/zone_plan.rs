//! What the zone of a name must hold, as a pure function of the claim, its pool and the tenant's own records.

use std::collections::{BTreeMap, BTreeSet};

use pdm_registrar::{DomainName, OwnerName};
use serde::{Deserialize, Serialize};

use super::pool::Template;
use super::records::{RecordError, RecordSet, RecordType};
use super::targets::Targets;

/// TTLs of what we create, seconds. Defaults are those of the safety contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoneTtls {
    /// NS in the zone itself.
    pub ns: u32,
    /// SOA record.
    pub soa: u32,
    /// SOA MINIMUM: negative answers (RFC 2308), and with PowerDNS the TTL of DNSKEY.
    pub soa_minimum: u32,
    /// A and AAAA of the canonical set.
    pub hosts: u32,
    /// NS of the delegation in the parent.
    pub delegation_ns: u32,
    /// DS in the parent.
    pub delegation_ds: u32,
    /// NS at the apex of a pool's zone.
    pub pool_ns: u32,
    /// SOA and SOA MINIMUM of a pool's zone. Validators make NXDOMAIN from cached NSEC3 for labels nobody asked for
    /// (RFC 8198), so a long negative TTL would hide new names.
    pub pool_soa: u32,
}

impl Default for ZoneTtls {
    fn default() -> Self {
        Self {
            ns: 3600,
            soa: 3600,
            soa_minimum: 300,
            hosts: 300,
            delegation_ns: 3600,
            delegation_ds: 300,
            pool_ns: 3600,
            pool_soa: 60,
        }
    }
}

/// Owner and type, the key of a record set.
pub type SetKey = (OwnerName, RecordType);

/// A record set of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSet {
    /// Seconds.
    pub ttl: u32,
    /// Values in presentation format.
    pub values: BTreeSet<String>,
    /// Whether the service keeps it (canonical set, apex NS, template) rather than the tenant.
    pub managed: bool,
}

/// Every record set of a zone but SOA and what signing adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZonePlan {
    /// The zone's apex.
    pub apex: DomainName,
    /// Record sets by owner and type.
    pub sets: BTreeMap<SetKey, PlannedSet>,
}

/// What a plan is made of.
pub struct PlanInputs<'a> {
    /// The name.
    pub apex: &'a DomainName,
    /// Hosts that serve it.
    pub nameservers: &'a [DomainName],
    /// What the pool gives.
    pub template: &'a Template,
    /// Where it leads; `None` empties the zone (a release) down to its apex NS.
    pub targets: Option<&'a Targets>,
    /// The tenant's own record sets.
    pub records: &'a [RecordSet],
    /// TTLs of what we create.
    pub ttls: ZoneTtls,
}

impl ZonePlan {
    /// The plan of a zone. Tenant sets that would stand in the way of the service's own are left out; they
    /// were refused when they were written ([`check_tenant_set`]), so this only matters after a template changed.
    pub fn new(inputs: &PlanInputs<'_>) -> Self {
        let mut sets = BTreeMap::new();
        let apex = OwnerName::from(inputs.apex.clone());
        sets.insert(
            (apex, RecordType::Ns),
            PlannedSet {
                ttl: inputs.ttls.ns,
                values: inputs.nameservers.iter().map(|host| format!("{host}.")).collect(),
                managed: true,
            },
        );
        let Some(targets) = inputs.targets else {
            return Self {
                apex: inputs.apex.clone(),
                sets,
            };
        };
        let v4: BTreeSet<String> = targets.ipv4().iter().map(ToString::to_string).collect();
        let v6: BTreeSet<String> = targets.ipv6().iter().map(ToString::to_string).collect();
        for owner in inputs
            .template
            .hosts
            .iter()
            .filter_map(|host| host.below(inputs.apex))
        {
            for (r#type, values) in [(RecordType::A, &v4), (RecordType::Aaaa, &v6)] {
                if !values.is_empty() {
                    let set = PlannedSet {
                        ttl: inputs.ttls.hosts,
                        values: values.clone(),
                        managed: true,
                    };
                    sets.insert((owner.clone(), r#type), set);
                }
            }
        }
        for record in &inputs.template.records {
            if let Some(owner) = record.owner.below(inputs.apex) {
                let values = record.values.iter().cloned().collect();
                sets.entry((owner, record.r#type)).or_insert(PlannedSet {
                    ttl: record.ttl,
                    values,
                    managed: true,
                });
            }
        }
        for record in inputs.records {
            if record.r#type == RecordType::Cname && sets.keys().any(|(owner, _)| *owner == record.owner) {
                continue;
            }
            sets.entry((record.owner.clone(), record.r#type))
                .or_insert_with(|| PlannedSet {
                    ttl: record.ttl,
                    values: record.values.iter().cloned().collect(),
                    managed: false,
                });
        }
        Self {
            apex: inputs.apex.clone(),
            sets,
        }
    }
}

/// Whether a tenant may write a set, seen against what the service keeps and what the tenant already has.
pub fn check_tenant_set(
    apex: &DomainName,
    template: &Template,
    existing: &[RecordSet],
    owner: &OwnerName,
    r#type: RecordType,
) -> Result<(), RecordError> {
    let canonical = template
        .hosts
        .iter()
        .any(|host| host.below(apex).as_ref() == Some(owner));
    if canonical && matches!(r#type, RecordType::A | RecordType::Aaaa) {
        return Err(RecordError::Managed);
    }
    let given = |t: &RecordType| {
        template
            .records
            .iter()
            .any(|r| r.r#type == *t && r.owner.below(apex).as_ref() == Some(owner))
    };
    if given(&r#type) {
        return Err(RecordError::GivenByPool);
    }
    if matches!(r#type, RecordType::Ns | RecordType::Ds) {
        let kept = template
            .hosts
            .iter()
            .chain(template.records.iter().map(|r| &r.owner));
        let hides = |kept: OwnerName| {
            let above = kept.as_str().strip_suffix(owner.as_str());
            above.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if kept.filter_map(|host| host.below(apex)).any(hides) {
            return Err(RecordError::HidesManaged);
        }
    }
    let beside = canonical
        || template
            .records
            .iter()
            .any(|r| r.owner.below(apex).as_ref() == Some(owner))
        || existing
            .iter()
            .any(|set| set.owner == *owner && set.r#type != r#type);
    let cname_there = existing
        .iter()
        .any(|set| set.owner == *owner && set.r#type == RecordType::Cname && set.r#type != r#type);
    if (r#type == RecordType::Cname && beside) || cname_there {
        return Err(RecordError::CnameBesideOther);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::parse(text).unwrap()
    }

    fn targets(v6: bool) -> Targets {
        let v6 = if v6 {
            vec!["2001:db8::10".parse().unwrap()]
        } else {
            vec![]
        };
        Targets::new(vec!["203.0.113.10".parse().unwrap()], v6, true, |_| true).unwrap()
    }

    fn plan(targets: Option<&Targets>, records: &[RecordSet]) -> ZonePlan {
        ZonePlan::new(&PlanInputs {
            apex: &name("acme.omani.works"),
            nameservers: &[name("ns1.example.net"), name("ns2.example.org")],
            template: &Template::default(),
            targets,
            records,
            ttls: ZoneTtls::default(),
        })
    }

    #[test]
    fn six_hosts_with_each_family_given() {
        let both = plan(Some(&targets(true)), &[]);
        assert_eq!(both.sets.len(), 1 + 6 * 2);
        let v4_only = plan(Some(&targets(false)), &[]);
        assert_eq!(v4_only.sets.len(), 1 + 6);
        let console = (
            OwnerName::parse("console.acme.omani.works").unwrap(),
            RecordType::A,
        );
        assert!(both.sets[&console].values.contains("203.0.113.10"));
    }

    #[test]
    fn a_release_leaves_the_apex_ns_only() {
        let empty = plan(None, &[]);
        assert_eq!(empty.sets.len(), 1);
        assert!(
            empty
                .sets
                .keys()
                .all(|(owner, t)| owner.as_str() == "acme.omani.works" && *t == RecordType::Ns)
        );
    }

    #[test]
    fn the_canonical_set_cannot_be_taken_over_by_records() {
        let owner = OwnerName::parse("console.acme.omani.works").unwrap();
        let apex = name("acme.omani.works");
        let template = Template::default();
        let check = |t| check_tenant_set(&apex, &template, &[], &owner, t);
        assert_eq!(check(RecordType::A), Err(RecordError::Managed));
        assert_eq!(check(RecordType::Cname), Err(RecordError::CnameBesideOther));
        assert_eq!(check(RecordType::Txt), Ok(()));
        assert_eq!(check(RecordType::Ns), Err(RecordError::HidesManaged));
        let elsewhere = OwnerName::parse("le.acme.omani.works").unwrap();
        assert_eq!(
            check_tenant_set(&apex, &template, &[], &elsewhere, RecordType::Ns),
            Ok(())
        );
    }
}
