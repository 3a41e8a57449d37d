//! `pdm doctor`: every setting held against the world, and what to do about what does not fit.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use hickory_proto::rr::RecordType;
use pdm_registrar::{DomainName, OwnerName};

use crate::config::Config;
use crate::dns::pool_zone;
use crate::dns::servers::Servers;
use crate::domain::pool::Pool;
use crate::operations::World;
use crate::propagation::Verdict;
use crate::store::{Orphan, Store, StoreError};
use crate::world;

/// Prints findings as they are made.
#[derive(Default)]
struct Findings {
    good: usize,
    bad: usize,
}

impl Findings {
    fn good(&mut self, what: &str) {
        self.good += 1;
        println!("ok    {what}");
    }

    fn bad(&mut self, what: &str, todo: &str) {
        self.bad += 1;
        println!("WRONG {what}\n      → {todo}");
    }
}

pub(super) async fn doctor(path: Option<&Path>) -> ExitCode {
    let mut findings = Findings::default();
    match Config::load(path) {
        Err(error) => findings.bad(&format!("settings: {error}"), "correct the settings file"),
        Ok(config) => {
            findings.good("the settings can be read and are not weaker than the safety contract");
            check(Arc::new(config), &mut findings).await;
        }
    }
    match findings.bad {
        0 => {
            println!("Everything fits: {} things were looked at.", findings.good);
            ExitCode::SUCCESS
        }
        1 => {
            println!("One thing does not fit.");
            ExitCode::FAILURE
        }
        many => {
            println!("{many} things do not fit.");
            ExitCode::FAILURE
        }
    }
}

async fn check(config: Arc<Config>, findings: &mut Findings) {
    check_servers(&config, findings).await;
    if !config.server_key_file.exists() && !config.store.url.starts_with("sqlite:") {
        let path = config.server_key_file.display();
        findings.bad(
            &format!("server_key_file: {path} is missing"),
            "make it once: head -c 32 /dev/urandom, mode 0600",
        );
    }
    // A running server holds the lock of a SQLite store; looking needs none.
    let store = match Store::open_for_reading(&config.store.url).await {
        Ok(store) => store,
        Err(error) => {
            return findings.bad(
                &format!("store: {error}"),
                "start the database, or run pdm migrate",
            );
        }
    };
    findings.good(&format!("the store ({}) can be read", store.kind()));
    let world = match world::world(Arc::clone(&config), store.clone(), "doctor") {
        Ok(world) => world,
        Err(error) => return findings.bad(&format!("{error:#}"), "correct the setting"),
    };
    let now = match store.now().await {
        Ok(now) => now.unix_seconds(),
        Err(error) => return findings.bad(&format!("store: {error}"), "run pdm migrate"),
    };
    check_hosts(&world, &config.nameservers, now, findings).await;
    let pools: Vec<Pool> = match store.read(|tx| Box::pin(tx.pools())).await {
        Ok(pools) => pools,
        Err(error) => {
            let error: StoreError = error;
            return findings.bad(&format!("store: {error}"), "run pdm migrate");
        }
    };
    if pools.is_empty() {
        findings.bad("there is no pool", "add one: pdm pool add DOMAIN --create");
    }
    for pool in &pools {
        check_pool(&world, pool, now, findings).await;
    }
    check_orphans(store.read(|tx| Box::pin(tx.orphans())).await, findings);
}

fn check_orphans(orphans: Result<Vec<Orphan>, StoreError>, findings: &mut Findings) {
    match orphans.map(|orphans| orphans.len()) {
        Ok(0) => findings.good("nothing without an owner was found by the last pass"),
        Ok(count) => findings.bad(
            &format!("{count} zones or delegations have no owner"),
            "list them: pdm orphans; remove by hand what nobody needs",
        ),
        Err(error) => findings.bad(
            &format!("store: what has no owner cannot be read: {error}"),
            "run pdm migrate, or try again when the database is back",
        ),
    }
}

async fn check_servers(config: &Config, findings: &mut Findings) {
    let servers = match Servers::new(config) {
        Ok(servers) => servers,
        Err(error) => return findings.bad(&error.to_string(), "correct powerdns.servers"),
    };
    for server in servers.all() {
        match server.client.server().await {
            Ok(seen) => findings.good(&format!(
                "{} is {} {}",
                server.url, seen.daemon_type, seen.version
            )),
            Err(error) => findings.bad(
                &format!("{}: {error}", server.url),
                "start the server; check webserver-allow-from and the key in api_key_file",
            ),
        }
        if let Ok(settings) = server.client.config().await {
            check_settings(&server.url, &settings, findings);
        }
    }
}

/// With these settings the serial that is served is not the one that a change has raised, and nobody could tell from outside
/// whether a server has the change yet.
fn check_settings(url: &str, settings: &BTreeMap<String, String>, findings: &mut Findings) {
    for setting in ["default-soa-edit", "default-soa-edit-signed"] {
        let value = settings.get(setting).map_or("", String::as_str);
        if !value.is_empty() {
            findings.bad(
                &format!("{url} has {setting}={value}"),
                "remove the setting: pdm reads from the serial whether a change is served",
            );
        }
    }
}

async fn check_hosts(world: &World, hosts: &[DomainName], now: u32, findings: &mut Findings) {
    for host in hosts {
        match world.addresses.of(std::slice::from_ref(host), now).await {
            Ok(addresses) => {
                let list = addresses
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ");
                findings.good(&format!("name server {host} is {list}"));
            }
            Err(error) => findings.bad(
                &error,
                "give the host A or AAAA records, with glue where its parent needs it",
            ),
        }
    }
}

async fn check_pool(world: &World, pool: &Pool, now: u32, findings: &mut Findings) {
    let domain = &pool.domain;
    match pool_zone::prepare(
        world.parents.servers(),
        domain,
        &pool.nameservers,
        world.config.zones,
        false,
    )
    .await
    {
        Ok(_) => findings.good(&format!("the zone {domain} is made as a pool needs it")),
        Err(error) => findings.bad(
            &error.to_string(),
            "change the zone as said; existing names are not touched by that",
        ),
    }
    check_hosts(world, &pool.nameservers, now, findings).await;
    let walk = world
        .walker
        .walk(&OwnerName::from(domain.clone()), RecordType::SOA, now)
        .await;
    match walk.verdict {
        // A proof that there is no such zone is secure, too.
        Verdict::Secure if walk.answers.is_empty() => findings.bad(
            &format!("{domain} is not secure from the root: nobody delegates it"),
            "put NS and DS of the zone into its parent (pdnsutil show-zone prints the DS)",
        ),
        Verdict::Secure => findings.good(&format!("{domain} is secure from the root")),
        Verdict::Insecure { reason } | Verdict::Indeterminate { reason } => findings.bad(
            &format!("{domain} is not secure from the root: {reason}"),
            "put NS and DS of the zone into its parent (pdnsutil show-zone prints the DS)",
        ),
        Verdict::Bogus { reason, zone, .. } => findings.bad(
            &format!("{domain} is bogus at {zone}: {reason}"),
            "the DS in the parent does not fit the zone's key: correct the DS before anything else",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orphans_that_cannot_be_read_are_a_finding() {
        let found = |orphans| {
            let mut findings = Findings::default();
            check_orphans(orphans, &mut findings);
            (findings.good, findings.bad)
        };
        assert_eq!(found(Ok(vec![])), (1, 0));
        assert_eq!(found(Err(StoreError::Contention)), (0, 1));
    }

    #[test]
    fn a_server_that_rewrites_serials_is_a_finding() {
        let mut findings = Findings::default();
        let settings = |value: &str| BTreeMap::from([("default-soa-edit".to_owned(), value.to_owned())]);
        check_settings("http://127.0.0.1", &settings(""), &mut findings);
        assert_eq!(findings.bad, 0);
        check_settings("http://127.0.0.1", &settings("INCEPTION-EPOCH"), &mut findings);
        assert_eq!(findings.bad, 1);
    }
}
