//! A small Internet on loopback: root, one top-level domain, pools of every kind of denial, and children, on real PowerDNS.
//!
//! All servers have port 53 where the tests may use it, and one high port where not; a validating resolver that is not ours
//! sees the same world.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use conformance_servers::{Network, PowerDns, Resolver, TrustAnchor, free_network, free_port};
use pdm::propagation::{AddressFilter, Anchors, AskSettings, Asker, Walk, WalkSettings, Walker};
use tokio::process::Command;

/// Hosts of name servers, and the last octet of their addresses. At the last two nothing listens.
const HOSTS: [(&str, u8); 9] = [
    ("ns-root.", 1),
    ("ns-tld.test.", 2),
    ("ns-pool.test.", 3),
    ("ns-kids.test.", 4),
    ("ns-both.test.", 5),
    ("ns-forger.test.", 6),
    ("ns-hosts.test.", 4),
    ("ns-silent.test.", 8),
    ("ns-gone.test.", 9),
];

/// How a pool denies names. `raw` is `narrow` as the API leaves it without rectifying, `plain` is not signed at all.
pub const POOLS: [&str; 7] = ["nsec", "nsec3", "narrow", "raw", "optout", "costly", "plain"];

/// Children of every pool, each with the host that serves it.
pub const CHILDREN: [(&str, &str); 7] = [
    ("good", "ns-kids.test."),
    ("forged", "ns-forger.test."),
    ("unsigned", "ns-kids.test."),
    ("wrong", "ns-kids.test."),
    ("missing", "ns-kids.test."),
    ("lost", "ns-gone.test."),
    ("deep.down", "ns-kids.test."),
];

/// What every pool holds besides its children.
const POOL_DATA: &str = "\
@ A 192.0.2.1
www A 192.0.2.2
*.wild A 192.0.2.3
x.wild TXT \"beside the wildcard\"
a.b.ent A 192.0.2.4
alias CNAME www.good
far CNAME www.good.nsec.test.
farther CNAME far
dangling CNAME nothing
unsafe CNAME www.unsigned
*.stars CNAME www.good
around CNAME around.good
gone DNAME good
";

/// What every child holds.
const CHILD_DATA: &str = "\
@ A 192.0.2.10
@ TXT \"text at the apex\"
www A 192.0.2.11
www A 192.0.2.12
*.apps A 192.0.2.13
fixed.apps A 192.0.2.14
fixed.apps TXT \"beside the wildcard\"
a.ent A 192.0.2.15
";

/// The running servers.
pub struct World {
    pub root: PowerDns,
    pub tld: PowerDns,
    pub pool: PowerDns,
    pub kids: PowerDns,
    pub both: PowerDns,
    pub anchor: String,
    network: Network,
    pub port: u16,
}

impl World {
    /// Starts all servers and fills them.
    pub async fn start() -> Result<Self> {
        let network = free_network()?;
        let port = if Resolver::port_53_works() {
            53
        } else {
            free_port()?
        };
        let server = |name: &str, host| {
            let builder = PowerDns::builder(name).address(network.host(host)).port(port);
            builder
                .setting("max-nsec3-iterations", "200")
                .setting("dname-processing", "yes")
                .start()
        };
        let (root, tld, pool, kids, both) = tokio::try_join!(
            server("root", 1),
            server("tld", 2),
            server("pool", 3),
            server("kids", 4),
            server("both", 5)
        )?;
        let mut world = Self {
            root,
            tld,
            pool,
            kids,
            both,
            anchor: String::new(),
            network,
            port,
        };
        world.fill().await?;
        Ok(world)
    }

    /// The address of a name server.
    pub fn address(&self, host: u8) -> IpAddr {
        IpAddr::V4(self.ipv4(host))
    }

    pub fn socket(&self, host: u8) -> SocketAddr {
        SocketAddr::new(self.address(host), self.port)
    }

    fn ipv4(&self, host: u8) -> Ipv4Addr {
        self.network.host(host)
    }

    async fn fill(&mut self) -> Result<()> {
        let mut tld = String::from("@ NS ns-tld.test.\n");
        for (host, number) in HOSTS.iter().filter(|(host, _)| host.ends_with("test.")) {
            writeln!(tld, "{host} A {}", self.ipv4(*number))?;
        }
        for pool in POOLS {
            let ds = self.pool(pool).await?;
            writeln!(tld, "{pool} NS ns-pool.test.\n{ds}")?;
        }
        let ds = self.shared().await?;
        writeln!(tld, "shared NS ns-both.test.\n{ds}")?;
        // The host of this zone's server is in another zone, on another server, below the same parent.
        let hosts = format!("@ NS ns-hosts.test.\nns A {}\n", self.ipv4(4));
        let ds = load(&self.kids, "elsewhere.test", &hosts, Some(&[])).await?;
        writeln!(tld, "elsewhere NS ns-hosts.test.\n{ds}")?;
        let ds = load(
            &self.kids,
            "glueless.test",
            &format!("@ NS ns.elsewhere.test.\n{CHILD_DATA}"),
            Some(&[]),
        )
        .await?;
        writeln!(tld, "glueless NS ns.elsewhere.test.\n{ds}")?;
        // Delegated by nobody but forgers.
        load(
            &self.kids,
            "nothing.optout.test",
            &format!("@ NS ns-kids.test.\n{CHILD_DATA}"),
            None,
        )
        .await?;
        writeln!(tld, "ring-a NS ns.ring-b.test.\nring-b NS ns.ring-a.test.")?;
        writeln!(tld, "lame NS ns-tld.test.\nsilent NS ns-silent.test.")?;
        for (zone, hosts) in [
            ("half-lame", "@ NS ns-pool.test.\n@ NS ns-kids.test.\n"),
            (
                "half-silent",
                "@ NS ns-silent.test.\n@ NS ns-gone.test.\n@ NS ns-kids.test.\n",
            ),
        ] {
            let ds = load(
                &self.kids,
                &format!("{zone}.test"),
                &format!("{hosts}{CHILD_DATA}"),
                Some(&[]),
            )
            .await?;
            writeln!(tld, "{}{ds}", hosts.replace('@', zone))?;
        }
        let big: Vec<String> = (0..40).map(|n| format!("many TXT \"{n:060}\"\n")).collect();
        let ds = load(
            &self.kids,
            "big.test",
            &format!("@ NS ns-kids.test.\n{}", big.concat()),
            Some(&[]),
        )
        .await?;
        writeln!(tld, "big NS ns-kids.test.\n{ds}")?;
        let ds = load(&self.tld, "test", &tld, Some(&[])).await?;
        let root = format!(
            "@ NS ns-root.\nns-root A {}\ntest NS ns-tld.test.\nns-tld.test A {}\n{ds}",
            self.ipv4(1),
            self.ipv4(2)
        );
        load(&self.root, ".", &root, Some(&[])).await?;
        let key = pdnsutil(&self.root, &["export-zone-dnskey", ".", "1"]).await?;
        let key = key.split_once("DNSKEY").context("no key of the root")?.1.trim();
        self.anchor = TrustAnchor::dnskey(key)?.line();
        Ok(())
    }

    /// One pool with all its children; gives back the DS records for its parent.
    async fn pool(&self, pool: &str) -> Result<String> {
        let mut data = format!("@ NS ns-pool.test.\n{POOL_DATA}");
        for (child, host) in CHILDREN {
            let name = format!("{child}.{pool}.test");
            writeln!(data, "{child} NS {host}")?;
            let zone = format!("@ NS {host}\naround CNAME around.{pool}.test.\n{CHILD_DATA}");
            match child {
                "unsigned" => {
                    load(&self.kids, &name, &zone, None).await?;
                }
                // Signed, and the parent names another key.
                "wrong" => {
                    load(&self.kids, &name, &zone, Some(&[])).await?;
                    writeln!(data, "{child} DS 1 13 2 {:064}", 1)?;
                }
                // The parent has no DS although the child is signed.
                "missing" => {
                    load(&self.kids, &name, &zone, Some(&[])).await?;
                }
                "lost" => writeln!(data, "{child} DS 1 13 2 {:064}", 1)?,
                _ => data += &load(&self.kids, &name, &zone, Some(&[])).await?,
            }
        }
        let nsec3: &[&str] = match pool {
            "nsec3" => &["1 0 2 ab"],
            "narrow" | "raw" => &["1 0 0 -", "narrow"],
            "optout" => &["1 1 0 -"],
            "costly" => &["1 0 101 ab"],
            _ => &[],
        };
        let sign = (pool != "plain").then_some(nsec3);
        let ds = load(&self.pool, &format!("{pool}.test"), &data, sign).await?;
        if pool == "raw" {
            load(&self.pool, "raw.test", &data, None).await?;
        }
        Ok(ds)
    }

    /// A pool and its children on one server.
    async fn shared(&self) -> Result<String> {
        let mut data = format!("@ NS ns-both.test.\n{POOL_DATA}");
        for child in ["good", "unsigned", "wrong"] {
            let zone = format!("@ NS ns-both.test.\n{CHILD_DATA}");
            let sign: Option<&[&str]> = (child != "unsigned").then_some(&[]);
            let ds = load(&self.both, &format!("{child}.shared.test"), &zone, sign).await?;
            writeln!(data, "{child} NS ns-both.test.")?;
            match child {
                "good" => data += &ds,
                "wrong" => writeln!(data, "{child} DS 1 13 2 {:064}", 1)?,
                _ => {}
            }
        }
        load(&self.both, "shared.test", &data, Some(&["1 0 0 -", "narrow"])).await
    }

    /// A resolver that starts from the same root and trusts the same key.
    pub async fn resolver(&self) -> Result<Resolver> {
        let key = self
            .anchor
            .split_once("DNSKEY")
            .context("no key in the anchor")?
            .1;
        let anchor = TrustAnchor::dnskey(key)?;
        let builder = if self.port == 53 {
            Resolver::unbound(anchor)
        } else {
            Resolver::bind(self.port, anchor)
        };
        builder
            .root("ns-root.", self.ipv4(1))
            .cache_seconds(600)
            .start()
            .await
    }

    pub fn asker(&self) -> Arc<Asker> {
        Arc::new(Asker::new(AskSettings {
            filter: AddressFilter {
                allow_non_global: true,
                own_networks: Vec::new(),
                port: self.port,
            },
            ..AskSettings::default()
        }))
    }

    /// Settings for walks that may take as long as a slow machine needs.
    pub fn settings(&self) -> WalkSettings {
        let anchors: Anchors = self.anchor.parse().expect("the anchor is a DNSKEY record");
        let mut settings = WalkSettings::new(vec![self.address(1)], anchors);
        settings.port = self.port;
        settings.time = Duration::from_mins(1);
        settings
    }

    pub fn walker(&self) -> Walker {
        Walker::new(self.asker(), self.settings())
    }
}

/// UNIX seconds.
pub fn now() -> u32 {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    u32::try_from(now.as_secs()).expect("before 2106")
}

/// One walk in a line, for messages.
pub fn tell(walk: &Walk) -> String {
    let mut told = format!("{:?} {:?}", walk.verdict, walk.rcode);
    for question in &walk.log {
        write!(
            told,
            "\n  {} {} {} {:?}",
            question.server, question.name, question.rtype, question.outcome
        )
        .expect("writing to a String cannot fail");
    }
    told
}

/// Loads a zone of relative names with a TTL of a minute, and signs it unless `sign` is `None`: NSEC, or NSEC3 with the given
/// parameters. The result is its DS records as lines for the parent's zone.
async fn load(server: &PowerDns, zone: &str, data: &str, sign: Option<&[&str]>) -> Result<String> {
    let origin = if zone == "." {
        ".".to_owned()
    } else {
        format!("{zone}.")
    };
    let soa = "@ SOA ns-tld.test. hostmaster.test. 1 10800 3600 604800 60";
    let path = server.directory().join("zone");
    std::fs::write(&path, format!("$ORIGIN {origin}\n$TTL 60\n{soa}\n{data}"))?;
    pdnsutil(server, &["load-zone", zone, &path.display().to_string()]).await?;
    match sign {
        Some(nsec3) => self::sign(server, zone, nsec3).await,
        None => Ok(String::new()),
    }
}

async fn sign(server: &PowerDns, zone: &str, nsec3: &[&str]) -> Result<String> {
    let origin = if zone == "." {
        ".".to_owned()
    } else {
        format!("{zone}.")
    };
    pdnsutil(server, &["secure-zone", zone]).await?;
    if !nsec3.is_empty() {
        pdnsutil(server, &[&["set-nsec3", zone], nsec3].concat()).await?;
    }
    pdnsutil(server, &["rectify-zone", zone]).await?;
    let ds = pdnsutil(server, &["export-zone-ds", zone]).await?;
    let sha256 = ds.lines().filter_map(|line| {
        line.split_once(';')
            .map_or(line, |(record, _)| record)
            .split_once("IN DS ")
    });
    let sha256 = sha256.filter(|(_, data)| data.split(' ').nth(2) == Some("2"));
    Ok(sha256
        .map(|(_, data)| format!("{origin} DS {data}\n"))
        .collect::<Vec<_>>()
        .concat())
}

/// Takes the keys of a zone away and gives it new ones: the data of its new DS records.
pub async fn new_keys(server: &PowerDns, zone: &str, nsec3: &[&str]) -> Result<Vec<String>> {
    pdnsutil(server, &["disable-dnssec", zone]).await?;
    let ds = sign(server, zone, nsec3).await?;
    Ok(ds
        .lines()
        .filter_map(|line| Some(line.split_once(" DS ")?.1.to_owned()))
        .collect())
}

/// Runs `pdnsutil` on the database of a server.
pub async fn pdnsutil(server: &PowerDns, arguments: &[&str]) -> Result<String> {
    let folder: &Path = server.directory();
    let output = Command::new("pdnsutil")
        .arg(format!("--config-dir={}", folder.display()))
        .args(arguments)
        .output()
        .await?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    ensure!(output.status.success(), "pdnsutil {arguments:?}: {out}{err}");
    Ok(out.into_owned())
}
