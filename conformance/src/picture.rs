//! What a world looks like, for "everything else is as it was".

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use pdm_registrar::{DomainName, DsRecord};

use crate::sim::world::{Domain, Record, World};

/// All domains and all records of a world, without what no customer sees: numbers of records, and their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    domains: BTreeMap<String, Domain>,
    /// By vendor, zone, owner below the zone, and type.
    sets: BTreeMap<(String, String, String, String), Vec<String>>,
}

impl Picture {
    /// What a world looks like now.
    pub fn of(world: &World) -> Self {
        let state = world.state();
        let mut sets: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for ((vendor, zone), held) in &state.zones {
            for record in &held.records {
                let key = (
                    vendor.clone(),
                    zone.clone(),
                    record.name.clone(),
                    record.rtype.clone(),
                );
                let priority = record.priority.filter(|_| record.rtype == "MX");
                let value = format!("{} {} {priority:?}", value(record), record.ttl);
                sets.entry(key).or_default().push(value);
            }
        }
        for values in sets.values_mut() {
            values.sort();
        }
        let mut domains = state.domains.clone();
        for domain in domains.values_mut() {
            domain.nameservers.sort();
        }
        Self { domains, sets }
    }

    /// The same without what a write to the registry side of `domain` is about: name servers, DS, who hosts it.
    #[must_use]
    pub fn without_delegation_of(mut self, domain: &DomainName) -> Self {
        if let Some(domain) = self.domains.get_mut(domain.as_str()) {
            domain.nameservers.clear();
            domain.ds.clear();
            domain.hosted = false;
        }
        self
    }

    /// The same without the records of these types at one name of a zone.
    #[must_use]
    pub fn without_records(mut self, zone: &DomainName, owner: &str, types: &[&str]) -> Self {
        self.sets.retain(|(_, held, name, rtype), _| {
            !(held == zone.as_str() && name == owner && types.contains(&rtype.as_str()))
        });
        self
    }

    /// The same without a zone.
    #[must_use]
    pub fn without_zone(mut self, zone: &DomainName) -> Self {
        self.sets.retain(|(_, held, _, _), _| held != zone.as_str());
        self
    }

    /// The same with what is missing of `before` put back, as far as `told` names its type.
    #[must_use]
    pub fn with_told_losses(mut self, before: &Self, told: &str) -> Self {
        for (key, values) in &before.sets {
            if !self.sets.contains_key(key) && told.contains(&key.3) {
                self.sets.insert(key.clone(), values.clone());
            }
        }
        self
    }

    /// An error that names the first thing that differs.
    pub fn same_as(&self, before: &Self, when: &str) -> Result<()> {
        for (name, domain) in &before.domains {
            let now = self.domains.get(name);
            ensure!(
                now == Some(domain),
                "{when}, the domain {name} was {domain:?} and is {now:?}"
            );
        }
        ensure!(
            self.domains.len() == before.domains.len(),
            "{when}, there are more domains than before"
        );
        let keys: BTreeSet<_> = before.sets.keys().chain(self.sets.keys()).collect();
        for key in keys {
            let (was, is) = (before.sets.get(key), self.sets.get(key));
            ensure!(
                was == is,
                "{when}, the records {key:?} were {was:?} and are {is:?}"
            );
        }
        Ok(())
    }
}

/// The hosts to which the registry delegates a domain.
pub fn nameservers(world: &World, domain: &DomainName) -> BTreeSet<DomainName> {
    hosts(
        world
            .domain(domain.as_str())
            .map(|domain| domain.nameservers)
            .unwrap_or_default(),
    )
}

/// The DS at the registry of a domain.
pub fn ds(world: &World, domain: &DomainName) -> BTreeSet<DsRecord> {
    let held = world
        .domain(domain.as_str())
        .map(|domain| domain.ds)
        .unwrap_or_default();
    held.iter()
        .filter_map(|ds| {
            DsRecord::parse(&format!(
                "{} {} {} {}",
                ds.key_tag, ds.algorithm, ds.digest_type, ds.digest
            ))
            .ok()
        })
        .collect()
}

/// Records of a type at a name of a zone that `vendor` hosts.
pub fn records(world: &World, vendor: &str, zone: &DomainName, owner: &str, rtype: &str) -> Vec<Record> {
    let mut state = world.state();
    let Some(zone) = state.zone(vendor, zone.as_str()) else {
        return Vec::new();
    };
    let here = |record: &&Record| record.name == owner && record.rtype == rtype;
    zone.records.iter().filter(here).cloned().collect()
}

/// The data of a record: of a text without the vendor's quotes, of a name without a final dot.
pub fn value(record: &Record) -> String {
    match record.rtype.as_str() {
        "TXT" => unquoted(&record.value),
        "NS" | "CNAME" | "MX" => record.value.trim_end_matches('.').to_ascii_lowercase(),
        _ => record.value.clone(),
    }
}

/// One text of the strings of a TXT in presentation form; a text without quotes as it is.
pub fn unquoted(text: &str) -> String {
    if !text.starts_with('"') {
        return text.to_owned();
    }
    let mut plain = String::new();
    let (mut inside, mut characters) = (false, text.chars());
    while let Some(character) = characters.next() {
        match character {
            '"' => inside = !inside,
            '\\' => plain.extend(characters.next()),
            _ if inside => plain.push(character),
            _ => {}
        }
    }
    plain
}

/// Names of hosts, in any spelling.
pub fn hosts(names: impl IntoIterator<Item = String>) -> BTreeSet<DomainName> {
    names
        .into_iter()
        .filter_map(|name| DomainName::parse(&name).ok())
        .collect()
}
