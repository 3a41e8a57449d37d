//! The only list of compiled-in registrars: one line for each, and a feature of its own.

use pdm_registrar::Adapter;

/// Every adapter, in the order in which people see them.
pub const ADAPTERS: &[&dyn Adapter] = &[
    #[cfg(feature = "cloudflare")]
    &pdm_adapter_cloudflare::Cloudflare,
    #[cfg(feature = "dynadot")]
    &pdm_adapter_dynadot::Dynadot,
    #[cfg(feature = "godaddy")]
    &pdm_adapter_godaddy::Godaddy,
    #[cfg(feature = "namecheap")]
    &pdm_adapter_namecheap::Namecheap,
    #[cfg(feature = "ovh")]
    &pdm_adapter_ovh::Ovh,
];
