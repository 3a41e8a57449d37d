//! The record sets of a name: `pdm records`.

use serde_json::json;

use super::{claim, claim_id, list as print_list, work};
use crate::cli::args::{PageArgs, RecordDeleteArgs, RecordKeyArgs, RecordSetArgs};
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::model::Claim;
use crate::cli::client::values::ClaimRef;

/// `pdm records list`
pub async fn list(session: &mut Session, reference: &ClaimRef) -> Result<Status, Failure> {
    let id = claim_id(session, reference).await?;
    let columns = [
        ("name", "/name"),
        ("type", "/type"),
        ("ttl", "/ttl"),
        ("managed", "/managed"),
        ("values", "/values"),
    ];
    print_list(
        session,
        Request::get(["claims", &id, "records"]),
        &PageArgs::default(),
        &columns,
    )
    .await
}

/// The path of a record set.
fn path(claim: &Claim, key: &RecordKeyArgs) -> [String; 5] {
    [
        "claims".into(),
        claim.id.clone(),
        "records".into(),
        key.owner.below(&claim.name),
        key.rtype.clone(),
    ]
}

/// `pdm records set`
pub async fn set(session: &mut Session, args: RecordSetArgs) -> Result<Status, Failure> {
    let claim = claim::find(session, &args.claim.claim).await?;
    let body = json!({"ttl": args.ttl, "values": args.values});
    let request = Request::put(path(&claim, &args.key)).body(body);
    work::start(session, request, &claim.name, &args.wait).await
}

/// `pdm records delete`
pub async fn delete(session: &mut Session, args: RecordDeleteArgs) -> Result<Status, Failure> {
    let claim = claim::find(session, &args.claim.claim).await?;
    work::start(
        session,
        Request::delete(path(&claim, &args.key)),
        &claim.name,
        &args.wait,
    )
    .await
}
