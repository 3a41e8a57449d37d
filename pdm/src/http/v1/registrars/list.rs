//! `GET /v1/registrars`

use axum::Json;
use axum::extract::State;
use pdm_registrar::{Capabilities, CredentialField, Descriptor};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::Caller;
use crate::http::list::Items;
use crate::http::openapi::Refusals;
use crate::http::state::AppState;

/// What a registrar needs and can do.
#[derive(Serialize, ToSchema)]
#[schema(as = Registrar)]
pub struct RegistrarView {
    /// Its name in requests.
    #[schema(example = "ovh")]
    id: &'static str,
    /// Its name for people.
    display_name: &'static str,
    /// What a customer enters: `name`, `label`, `secret`, `help`, `pattern`.
    #[schema(value_type = Vec<Object>)]
    credential_fields: &'static [CredentialField],
    /// Which sets of fields open an account; any one is enough.
    needs: &'static [&'static [&'static str]],
    /// The smallest rights that are needed, and how to make such credentials.
    least_scope: &'static str,
    /// What it can do, by name: `support` is `yes`, `sometimes` or `no`, with `because`.
    #[schema(value_type = Object)]
    capabilities: Capabilities,
    /// Whether it takes calls only from addresses that the customer has listed there.
    needs_allow_list: bool,
    /// How to list them.
    allow_list_help: Option<&'static str>,
    /// Whether a change may be accepted long before it is done.
    asynchronous: bool,
    /// How long a write with an unknown end may still land, seconds.
    settle_seconds: u64,
    /// Fewest and most name servers of a domain.
    nameservers: (usize, usize),
    /// Whether the vendor has a test environment.
    sandbox: bool,
}

impl From<&'static Descriptor> for RegistrarView {
    fn from(descriptor: &'static Descriptor) -> Self {
        Self {
            id: descriptor.id,
            display_name: descriptor.display_name,
            credential_fields: descriptor.fields,
            needs: descriptor.needs,
            least_scope: descriptor.least_scope,
            capabilities: descriptor.capabilities,
            needs_allow_list: descriptor.needs_allow_list.is_some(),
            allow_list_help: descriptor.needs_allow_list,
            asynchronous: descriptor.asynchronous,
            settle_seconds: descriptor.settle.as_secs(),
            nameservers: descriptor.nameservers,
            sandbox: !descriptor.hosts.sandbox.is_empty(),
        }
    }
}

/// Registrars that this server can talk to
#[utoipa::path(get, path = "/v1/registrars", tag = "registrars", operation_id = "list_registrars",
    responses((status = 200, description = "Every registrar", body = Items<RegistrarView>), Refusals))]
pub async fn list(State(app): State<AppState>, _: Caller) -> Json<Items<RegistrarView>> {
    let items = app.registrars.descriptors().map(RegistrarView::from).collect();
    Json(Items { items, next: None })
}
