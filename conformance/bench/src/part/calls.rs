//! What one name costs in calls of the PowerDNS API and in DNS questions. Counts, so no rounds are needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use conformance::world::{Layout, World};
use conformance_servers::{FaultProxy, Kind};

use crate::contender::Contender;
use crate::control_plane::Variant;
use crate::figures::{digits, number};
use crate::labels;
use crate::load::{Load, closed_loop};
use crate::options::Options;
use crate::report::{Section, Table};
use crate::stage::BareStage;
use crate::zones;

/// Names at a time.
const IN_FLIGHT: [usize; 3] = [1, 8, 32];
/// Names for each line.
const NAMES: usize = 320;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const KINDS: [Kind; 7] = [
    Kind::Zones,
    Kind::Zone,
    Kind::Keys,
    Kind::Metadata,
    Kind::Rectify,
    Kind::Flush,
    Kind::Other,
];

/// Calls and questions by what they are.
type Counts = BTreeMap<String, f64>;

pub(super) async fn run(options: &Options, section: &mut Section) -> Result<()> {
    let servers = BareStage::start(options, options.store(), Layout::Separate).await?;
    let mut proxies = Vec::new();
    for server in servers.world.servers().skip(2) {
        let proxy = FaultProxy::start(server.api_address()).await?;
        proxies.push((server.name().to_owned(), proxy));
    }
    let api_urls = proxies
        .iter()
        .map(|(name, proxy)| (name.clone(), proxy.url()))
        .collect();
    let stage = servers
        .with_pdm(
            options,
            &Variant {
                api_urls,
                ..Variant::default()
            },
        )
        .await?;
    let (tenants, _) = stage.pool("calls.test", 0).await?;
    let tenants: Arc<dyn Contender> = Arc::new(tenants);
    let mut columns = Vec::new();
    for in_flight in IN_FLIGHT {
        eprintln!("   {in_flight} in flight");
        let before = counts(&stage.world, &proxies).await?;
        let contender = Arc::clone(&tenants);
        let load = Load {
            in_flight,
            requests: NAMES,
            at_most: Duration::MAX,
        };
        let outcome = closed_loop(load, move || {
            let contender = Arc::clone(&contender);
            async move { contender.make_live(&labels::fresh()).await }
        })
        .await?;
        anyhow::ensure!(
            outcome.failures.is_empty(),
            "names failed: {:?}",
            outcome.failures.first()
        );
        let mut each = counts(&stage.world, &proxies).await?;
        for (what, count) in &mut each {
            *count = (*count - before.get(what).copied().unwrap_or(0.0)) / number(NAMES);
        }
        columns.push(each);
    }
    section.text(format!(
        "Per name, {NAMES} names for each column, parent and names on servers of their own. The background work of \
         pdm is in the numbers.",
    ));
    let mut table = Table::new(["", "1 in flight", "8 in flight", "32 in flight"]);
    let mut named: Vec<&String> = columns.iter().flat_map(BTreeMap::keys).collect();
    named.sort();
    named.dedup();
    for what in named {
        let [one, eight, many] =
            [0, 1, 2].map(|index| digits(columns[index].get(what).copied().unwrap_or(0.0)));
        table.line(&[what.clone(), one, eight, many]);
    }
    section.table(&table);
    Ok(())
}

async fn counts(world: &World, proxies: &[(String, FaultProxy)]) -> Result<Counts> {
    let mut counts = Counts::new();
    for (name, proxy) in proxies {
        for (method, kind) in METHODS
            .into_iter()
            .flat_map(|method| KINDS.map(|kind| (method, kind)))
        {
            let count = proxy.count(method, kind);
            if count > 0 {
                let what = format!("API of {name}: {method} {}", format!("{kind:?}").to_lowercase());
                counts.insert(what, number(usize::try_from(count)?));
            }
        }
    }
    for server in world.servers() {
        let statistics = zones::client(server, 1)?.statistics().await?;
        for (field, transport) in [("udp-queries", "UDP"), ("tcp-queries", "TCP")] {
            let count = statistics.get(field).copied().unwrap_or(0);
            let what = format!("DNS of {}: {transport} questions", server.name());
            counts.insert(what, number(usize::try_from(count)?));
        }
    }
    Ok(counts)
}
