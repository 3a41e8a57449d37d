//! `/v1/claims/{id}/records`

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::records::RecordType;
use crate::http::answer::{Answer, WorkBody};
use crate::http::extract::{Call, Caller, Params, PutHeaders, Segment};
use crate::http::limits::Bucket;
use crate::http::list::{self, Items};
use crate::http::openapi::Refusals;
use crate::http::problem::Problem;
use crate::http::state::AppState;
use crate::service::{self, RecordWrite, Refusal, ServiceError};
use crate::view::RecordSetView;

/// How long a write waits for all servers to serve it, when the caller does not say.
const WRITE_WAIT: Duration = Duration::from_secs(5);

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// Most entries; 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Record sets of a name
#[utoipa::path(get, path = "/v1/claims/{id}/records", tag = "claims", operation_id = "list_records",
    params(("id" = String, Path, description = "The claim"), RecordQuery),
    responses((status = 200, description = "A page of record sets", body = Items<RecordSetView>), Refusals))]
pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    Segment(id): Segment<String>,
    Params(query): Params<RecordQuery>,
) -> Result<Json<Items<RecordSetView>>, Problem> {
    let page = list::page(query.limit, query.after)?;
    let (_, sets) = read(&app, &caller, &id).await?;
    Ok(Json(Items::of_all(&page, sets, |set| {
        format!("{} {}", set.name, set.r#type)
    })))
}

/// One record set
#[utoipa::path(get, path = "/v1/claims/{id}/records/{name}/{type}", tag = "claims", operation_id = "get_records",
    params(("id" = String, Path, description = "The claim"),
        ("name" = String, Path, description = "Owner name in full, or @"),
        ("type" = String, Path, description = "Record type")),
    responses((status = 200, description = "The record set", body = RecordSetView), Refusals))]
pub async fn get(
    State(app): State<AppState>,
    caller: Caller,
    Segment((id, name, r#type)): Segment<(String, String, String)>,
) -> Result<Response, Problem> {
    let (claim, sets) = read(&app, &caller, &id).await?;
    let owner = service::owner_name(&claim, &name)?;
    let wanted: Option<RecordType> = r#type.parse().ok();
    let set = sets
        .into_iter()
        .find(|set| set.name == owner.as_str() && Some(set.r#type) == wanted);
    let set = set.ok_or_else(service::no_record)?;
    let tag = service::record_tag(&set);
    Ok(Answer::new(StatusCode::OK, &set)
        .tagged(tag)
        .response(&app.server_key))
}

async fn read(
    app: &AppState,
    caller: &Caller,
    id: &str,
) -> Result<(crate::domain::claim::Claim, Vec<RecordSetView>), Problem> {
    let id = service::claim_id(id)?;
    let (app, caller) = (app.clone(), caller.clone());
    let store = app.store.clone();
    let read: Result<_, ServiceError> = store
        .read(|tx| Box::pin(async move { service::record_sets(tx, caller.asked(&app), id).await }))
        .await;
    Ok(read?)
}

/// A record set as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordBody {
    /// Seconds.
    #[schema(minimum = 60, maximum = 86400)]
    ttl: u32,
    /// Values in presentation format; text may be given without quotation marks.
    #[schema(min_items = 1, max_items = 32, example = json!(["v=spf1 -all"]))]
    values: Vec<String>,
    /// As in the path, if given.
    name: Option<String>,
    /// As in the path, if given.
    r#type: Option<String>,
    /// False, if given: what the service keeps is not written here.
    managed: Option<bool>,
}

/// Makes a record set what is given
#[utoipa::path(put, path = "/v1/claims/{id}/records/{name}/{type}", tag = "claims", operation_id = "put_records",
    params(("id" = String, Path, description = "The claim"),
        ("name" = String, Path, description = "Owner name in full, or @"),
        ("type" = String, Path, description = "Record type"), PutHeaders),
    request_body = RecordBody,
    responses((status = 200, description = "All servers serve it", body = WorkBody),
        (status = 202, description = "The operation that writes it", body = WorkBody), Refusals))]
pub async fn put(
    Segment((id, name, r#type)): Segment<(String, String, String)>,
    call: Call,
) -> Result<Response, Problem> {
    let target = write(&call, &id, &name, &r#type);
    let input = target.and_then(|target| {
        call.decode(|body: RecordBody| {
            let differs = |given: Option<&String>, path: &str| {
                given.is_some_and(|given| {
                    !given
                        .trim_end_matches('.')
                        .eq_ignore_ascii_case(path.trim_end_matches('.'))
                })
            };
            if body.managed == Some(true) {
                return Err(Refusal::invalid(
                    "/managed",
                    "what the service keeps is not written here",
                ));
            }
            for (pointer, given, path) in [("/name", &body.name, &name), ("/type", &body.r#type, &r#type)] {
                if differs(given.as_ref(), path) {
                    return Err(Refusal::invalid(pointer, "the path says something else"));
                }
            }
            Ok((target, body.ttl, body.values))
        })
    });
    call.without_key()
        .decide("PUT records", Some(Bucket::Change), WRITE_WAIT, move |tx, cx| {
            let input = input.clone();
            Box::pin(async move {
                let (target, ttl, values) = input?;
                Ok(Answer::work(
                    &service::put_record(tx, cx.asked(), &target, ttl, &values).await?,
                ))
            })
        })
        .await
}

/// Removes a record set
#[utoipa::path(delete, path = "/v1/claims/{id}/records/{name}/{type}", tag = "claims",
    operation_id = "delete_records",
    params(("id" = String, Path, description = "The claim"),
        ("name" = String, Path, description = "Owner name in full, or @"),
        ("type" = String, Path, description = "Record type"), PutHeaders),
    responses((status = 200, description = "No server serves it any more", body = WorkBody),
        (status = 202, description = "The operation that removes it", body = WorkBody), Refusals))]
pub async fn delete(
    Segment((id, name, r#type)): Segment<(String, String, String)>,
    call: Call,
) -> Result<Response, Problem> {
    let input = call.no_body().and_then(|()| write(&call, &id, &name, &r#type));
    call.without_key()
        .decide(
            "DELETE records",
            Some(Bucket::Change),
            WRITE_WAIT,
            move |tx, cx| {
                let input = input.clone();
                Box::pin(async move {
                    Ok(Answer::work(
                        &service::delete_record(tx, cx.asked(), &input?).await?,
                    ))
                })
            },
        )
        .await
}

fn write(call: &Call, id: &str, name: &str, r#type: &str) -> Result<RecordWrite, Refusal> {
    Ok(RecordWrite {
        claim: service::claim_id(id)?,
        owner: name.to_owned(),
        r#type: r#type.to_owned(),
        expected: call.wishes.expected.clone(),
    })
}
