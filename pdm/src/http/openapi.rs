//! The OpenAPI document, made from the routes.

use std::collections::BTreeMap;

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema as _, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;

use super::problem::{self, ProblemBody};

/// What every call may answer instead of what it says.
pub struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let answer = |description: &str| {
            let schema = utoipa::openapi::Ref::from_schema_name(ProblemBody::name());
            let content = ContentBuilder::new().schema(Some(schema)).build();
            RefOr::T(
                ResponseBuilder::new()
                    .description(description)
                    .content(problem::MEDIA_TYPE, content)
                    .build(),
            )
        };
        BTreeMap::from([
            (
                "4XX".to_owned(),
                answer("The request is not granted; `code` says why"),
            ),
            (
                "5XX".to_owned(),
                answer("The service cannot answer now; the same request may be made again"),
            ),
        ])
    }
}

/// What all routes share.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "pool-domain-manager",
        description = "Gives names below pool domains: reserve, commit, watch, release.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "pools", description = "Domains that names are given out of"),
        (name = "claims", description = "Rights to names, and what the names hold"),
        (name = "registrars", description = "Registrars of customers' own domains"),
        (name = "operations", description = "Work on names"),
        (name = "events", description = "What happens, as it happens"),
        (name = "administration", description = "For operators"),
        (name = "service", description = "The service itself")
    ),
    modifiers(&Key)
)]
struct Shared;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key: `pdm_<id>_<secret>`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
        let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
        ProblemBody::schemas(&mut schemas);
        components.schemas.extend(schemas);
    }
}

/// The document of this version.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut with_key) = OpenApiRouter::with_openapi(utoipa::openapi::OpenApi::default())
        .merge(super::with_key())
        .split_for_parts();
    for item in with_key.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in operations.into_iter().flatten() {
            operation.security = Some(vec![utoipa::openapi::security::SecurityRequirement::new::<
                _,
                [&str; 0],
                &str,
            >("key", [])]);
        }
    }
    let (_, document) = OpenApiRouter::with_openapi(Shared::openapi())
        .merge(super::without_key())
        .split_for_parts();
    document.merge_from(with_key)
}

/// The same as text, for people and files.
pub fn openapi_json() -> String {
    openapi().to_pretty_json().unwrap_or_default()
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "service", operation_id = "openapi",
    responses((status = 200, description = "The OpenAPI document", body = Object), Refusals))]
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(openapi())
}
