//! What the lab says when it is up.

use super::control_plane::ControlPlane;
use super::options::Options;
use super::registrars::Registrars;
use crate::world::{POOLS, World};

pub(super) fn print(
    options: &Options,
    world: &World,
    registrars: Option<&Registrars>,
    control_plane: Option<&ControlPlane>,
) {
    println!("\nThe lab is up.\n");
    if let Some(pdm) = control_plane {
        println!("  control plane   {}", pdm.url());
        println!("  for old clients {}", pdm.compat_url());
    }
    println!("  resolver        {}, validating", world.resolver.dns());
    for server in world.servers() {
        println!(
            "  {:<15} {}, API {}",
            server.name(),
            server.dns(),
            server.api_url()
        );
    }
    if let Some(postgres) = &world.postgres {
        println!("  PostgreSQL      127.0.0.1:{}", postgres.port());
    }
    for (id, about) in registrars.iter().flat_map(|registrars| &registrars.told) {
        println!("  {id:<15} {}", about["base_url"].as_str().unwrap_or_default());
    }
    println!("  pools           {}", POOLS.join(", "));
    let file = options.state_file();
    println!("\nAll of this, with keys, is in {}.\n\nTry:\n", file.display());
    let (pool, resolver) = (POOLS[0], world.resolver.dns());
    if let Some(pdm) = control_plane {
        println!("  export PATH=\"{}:$PATH\"", pdm.program_folder().display());
        println!(
            "  export PDM_URL={} PDM_API_KEY=$(jq -r .api_keys.tenant_a {})",
            pdm.url(),
            file.display()
        );
        println!("  pdm reserve acme.{pool}");
        println!("  pdm commit acme.{pool} --ipv4 203.0.113.10");
        if let Some((id, about)) = registrars.and_then(|registrars| registrars.told.iter().next()) {
            let domain = about["domains"][0].as_str().unwrap_or_default();
            println!("  jq .registrars.{id}.credentials {} |", file.display());
            println!("    pdm validate --registrar {id} --domain {domain} --credentials -");
        }
        println!(
            "  dig @{} -p {} +dnssec acme.{pool}",
            resolver.ip(),
            resolver.port()
        );
    } else {
        println!(
            "  dig @{} -p {} +dnssec {pool} SOA",
            resolver.ip(),
            resolver.port()
        );
    }
    println!("\nCtrl-C ends everything; the state stays for the next run.");
}
