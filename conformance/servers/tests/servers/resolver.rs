//! The validating resolvers, each at the end of a chain of real servers: root, `test`, and three children, of which one is
//! delegated with its DS record, one without, and one with a wrong one.

use std::net::Ipv4Addr;

use anyhow::Result;
use conformance_servers::{PowerDns, Resolver, TrustAnchor, Verdict, free_network, free_port};

use crate::common::Api;

struct Chain {
    /// Serve until the chain is dropped.
    _servers: [PowerDns; 3],
    root: Ipv4Addr,
    anchor: TrustAnchor,
}

async fn chain(port: u16) -> Result<Chain> {
    let network = free_network()?;
    let start = |name: &str, host: u8| {
        PowerDns::builder(name)
            .address(network.host(host))
            .port(port)
            .start()
    };
    let (root, test, child) = tokio::try_join!(start("root", 1), start("test", 2), start("child", 3))?;
    let address = |host: u8| network.host(host).to_string();
    let (root_address, test_address, child_address) = (address(1), address(2), address(3));

    let children = Api::of(&child);
    for zone in ["good.test.", "unsigned.test.", "bad.test."] {
        children
            .make_zone(zone, &[(zone, "NS", "ns.child.test."), (zone, "A", "192.0.2.1")])
            .await?;
    }
    let good = children.ds("good.test.").await?;
    let wrong = children.ds("unsigned.test.").await?;
    let tlds = Api::of(&test);
    tlds.make_zone(
        "test.",
        &[
            ("test.", "NS", "ns.test."),
            ("ns.test.", "A", &test_address),
            ("ns.child.test.", "A", &child_address),
            ("good.test.", "NS", "ns.child.test."),
            ("good.test.", "DS", &good),
            ("unsigned.test.", "NS", "ns.child.test."),
            ("bad.test.", "NS", "ns.child.test."),
            ("bad.test.", "DS", &wrong),
        ],
    )
    .await?;
    let ds = tlds.ds("test.").await?;
    let records = [
        (".", "NS", "ns.root.test."),
        ("ns.root.test.", "A", &root_address),
        ("test.", "NS", "ns.test."),
        ("test.", "DS", &ds),
        ("ns.test.", "A", &test_address),
    ];
    let anchor = TrustAnchor::dnskey(&Api::of(&root).make_zone(".", &records).await?)?;
    Ok(Chain {
        _servers: [root, test, child],
        root: network.host(1),
        anchor,
    })
}

async fn judges_the_chain(resolver: &Resolver) -> Result<()> {
    let good = resolver.ask("good.test", "A").await?;
    assert_eq!(
        (good.verdict(), good.data("A")),
        (Verdict::Secure, vec!["192.0.2.1"])
    );
    assert_eq!(
        resolver.ask("nothing.good.test", "A").await?.verdict(),
        Verdict::Secure
    );
    let unsigned = resolver.ask("unsigned.test", "A").await?;
    assert_eq!(
        (unsigned.verdict(), unsigned.data("A")),
        (Verdict::Insecure, vec!["192.0.2.1"])
    );
    assert_eq!(resolver.ask("bad.test", "A").await?.verdict(), Verdict::Failed);
    Ok(())
}

#[tokio::test]
async fn bind_judges_a_chain_on_a_high_port() -> Result<()> {
    let port = free_port()?;
    let chain = chain(port).await?;
    let resolver = Resolver::bind(port, chain.anchor.clone())
        .root("ns.root.test.", chain.root)
        .start()
        .await?;
    judges_the_chain(&resolver).await?;
    resolver.stop().await;
    resolver
        .ask("good.test", "A")
        .await
        .expect_err("a stopped resolver does not answer");
    resolver.restart().await?;
    judges_the_chain(&resolver).await
}

#[tokio::test]
async fn unbound_judges_a_chain_on_port_53() -> Result<()> {
    if !Resolver::port_53_works() {
        eprintln!("skipped: this user may not open port 53");
        return Ok(());
    }
    let chain = chain(53).await?;
    let resolver = Resolver::unbound(chain.anchor.clone())
        .root("ns.root.test.", chain.root)
        .start()
        .await?;
    judges_the_chain(&resolver).await
}

#[tokio::test]
async fn a_wrong_trust_anchor_makes_everything_fail() -> Result<()> {
    let port = free_port()?;
    let chain = chain(port).await?;
    let other = PowerDns::builder("other").start().await?;
    let wrong = TrustAnchor::dnskey(&Api::of(&other).make_zone(".", &[]).await?)?;
    let resolver = Resolver::bind(port, wrong)
        .root("ns.root.test.", chain.root)
        .start()
        .await?;
    assert_eq!(resolver.ask("good.test", "A").await?.verdict(), Verdict::Failed);
    Ok(())
}

#[test]
fn a_trust_anchor_is_read_as_servers_print_it() -> Result<()> {
    let anchor = TrustAnchor::dnskey("257 3 13 AbCd EfGh==")?;
    assert_eq!(anchor.line(), ". 3600 IN DNSKEY 257 3 13 AbCdEfGh==");
    assert!(TrustAnchor::dnskey("257 3 AbCd").is_err());
    assert!(TrustAnchor::dnskey("").is_err());
    Ok(())
}
