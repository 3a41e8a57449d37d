//! Alive, able to serve, and in numbers.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::Operator;
use super::openapi::Refusals;
use super::problem::Problem;
use super::state::AppState;

/// How long the name servers may take to be reported on.
const PATIENCE: Duration = Duration::from_secs(2);

/// What `/healthz` says.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `ok`
    status: &'static str,
}

/// Whether the process is alive
#[utoipa::path(get, path = "/healthz", tag = "service", operation_id = "alive",
    responses((status = 200, description = "It is", body = Alive), Refusals))]
pub async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// What `/readyz` says.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    /// `ready`
    status: &'static str,
    /// Which database, and that it answers.
    store: StoreReady,
    /// The name servers. One that is away is named and fails nothing: reserve and commit go on.
    powerdns: Vec<ServerReady>,
}

/// The database.
#[derive(Serialize, ToSchema)]
struct StoreReady {
    /// `sqlite` or `postgres`
    kind: &'static str,
    /// `ok`
    status: &'static str,
}

/// A name server.
#[derive(Serialize, ToSchema)]
struct ServerReady {
    /// Its address.
    server: String,
    /// `ok` or `away`
    status: &'static str,
    /// Why it is away.
    #[schema(required)]
    detail: Option<String>,
}

/// Whether requests can be served
#[utoipa::path(get, path = "/readyz", tag = "service", operation_id = "ready",
    responses((status = 200, description = "They can", body = Ready), Refusals))]
pub async fn ready(State(app): State<AppState>) -> Result<Json<Ready>, Problem> {
    if app.is_stopping() {
        return Err(Problem::new(
            crate::service::Code::ShuttingDown,
            "this replica is being stopped",
        ));
    }
    // Opening the store has migrated it, so one that answers has its tables.
    app.store.now().await?;
    let seen = tokio::time::timeout(PATIENCE, app.pool_zones.reachability())
        .await
        .unwrap_or_else(|_| {
            vec![(
                "powerdns".to_owned(),
                Err("no answer within two seconds".to_owned()),
            )]
        });
    let powerdns = seen
        .into_iter()
        .map(|(server, state)| match state {
            Ok(()) => ServerReady {
                server,
                status: "ok",
                detail: None,
            },
            Err(why) => ServerReady {
                server,
                status: "away",
                detail: Some(why),
            },
        })
        .collect();
    let store = StoreReady {
        kind: app.store.kind(),
        status: "ok",
    };
    Ok(Json(Ready {
        status: "ready",
        store,
        powerdns,
    }))
}

/// Numbers, as Prometheus reads them
#[utoipa::path(get, path = "/metrics", tag = "service", operation_id = "metrics",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain", body = String), Refusals))]
pub async fn metrics(State(app): State<AppState>, _: Operator) -> Response {
    let text = app
        .metrics
        .as_ref()
        .map(metrics_exporter_prometheus::PrometheusHandle::render);
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text.unwrap_or_default(),
    )
        .into_response()
}
