//! The API over HTTP.
//!
//! Start with [`router`]: every route in one list. Each has a file below [`v1`] that says what it takes and answers;
//! what it means is decided in [`crate::service`]. [`edge`] surrounds every request, [`auth`] lets callers in,
//! [`idempotency`] is the road of every call that changes something.

mod answer;
mod auth;
mod compat;
mod edge;
mod events;
mod extract;
mod health;
mod idempotency;
mod limits;
mod list;
mod openapi;
mod problem;
mod state;
mod v1;

pub use compat::compat_router;
pub use openapi::{openapi, openapi_json};
pub use state::{AppState, Inner, Parts};

use axum::Router;
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use problem::Problem;
use v1::{admin, claims, operations, pools, registrars};

use crate::service::Code;

/// Every route that needs a key.
fn with_key() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(pools::list::list, pools::admin::add))
        .routes(routes!(pools::admin::change))
        .routes(routes!(pools::check::check))
        .routes(routes!(claims::reserve::reserve))
        .routes(routes!(claims::commit::commit))
        .routes(routes!(claims::release::release))
        .routes(routes!(claims::list::list))
        .routes(routes!(claims::get::get))
        .routes(routes!(claims::renew::renew))
        .routes(routes!(claims::propagation::get))
        .routes(routes!(claims::propagation::verify))
        .routes(routes!(claims::targets::put))
        .routes(routes!(claims::records::list))
        .routes(routes!(
            claims::records::get,
            claims::records::put,
            claims::records::delete
        ))
        .routes(routes!(registrars::list::list))
        .routes(routes!(registrars::validate::validate))
        .routes(routes!(operations::list::list))
        .routes(routes!(operations::get::get))
        .routes(routes!(operations::cancel::cancel))
        .routes(routes!(operations::retry::retry))
        .routes(routes!(operations::events::events))
        .routes(routes!(events::all))
        .routes(routes!(admin::tenants::list, admin::tenants::add))
        .routes(routes!(admin::keys::list, admin::keys::create))
        .routes(routes!(admin::keys::revoke))
        .routes(routes!(admin::audit::list))
        .routes(routes!(admin::orphans::list))
        .routes(routes!(health::metrics))
}

/// Routes for everybody.
fn without_key() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(openapi::document))
}

/// The whole API.
pub fn router(app: AppState) -> Router {
    let with_key = Router::from(with_key())
        .method_not_allowed_fallback(wrong_method)
        .route_layer(from_fn(edge::negotiate))
        .route_layer(from_fn_with_state(app.clone(), auth::authenticate));
    let without_key = Router::from(without_key()).method_not_allowed_fallback(wrong_method);
    with_key
        .merge(without_key)
        .fallback(no_route)
        .layer(from_fn_with_state(
            (app.clone(), Problem::response as edge::Form),
            edge::edge,
        ))
        .with_state(app)
}

async fn no_route(uri: Uri) -> Problem {
    let hint = if uri.path().len() > 1 && uri.path().ends_with('/') {
        ": paths end without a slash"
    } else {
        ""
    };
    Problem::new(Code::RouteNotFound, format!("there is no such path{hint}"))
}

async fn wrong_method(method: Method) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("this path has no {method}: see the header Allow"),
    )
}
