//! What operators do: `pdm key`, `pdm tenant`, `pdm orphans`, `pdm audit`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::list;
use crate::cli::args::{AuditCommand, KeyCommand, KeyCreateArgs, PageArgs, TenantCommand};
use crate::cli::client::Session;
use crate::cli::client::api::Request;
use crate::cli::client::failure::{Failure, Status};
use crate::cli::client::model::Page;
use crate::cli::client::table::Facts;

/// `pdm key …`
pub async fn key(session: &mut Session, command: KeyCommand) -> Result<Status, Failure> {
    match command {
        KeyCommand::Create(args) => create_key(session, args).await,
        KeyCommand::List(page) => {
            let columns = [
                ("id", "/id"),
                ("name", "/name"),
                ("scope", "/scope"),
                ("tenant", "/tenant"),
                ("created", "/created_at"),
                ("expires", "/expires_at"),
                ("last used", "/last_used_at"),
                ("revoked", "/revoked_at"),
            ];
            list(session, Request::get(["keys"]), &page, &columns).await
        }
        KeyCommand::Revoke { key } => {
            let answer = session.api.send(&Request::delete(["keys", &key])).await?;
            session.print(&answer, || Ok(format!("{key} is revoked")))?;
            Ok(Status::Done)
        }
    }
}

/// The answer of `POST /v1/keys`: the only time that a key is shown, which is why it is printed here.
#[derive(Deserialize)]
struct NewKey {
    id: String,
    key: String,
}

async fn create_key(session: &mut Session, args: KeyCreateArgs) -> Result<Status, Failure> {
    if args.bootstrap {
        return Err(Failure::Usage(
            "--bootstrap works on the store itself; a server is not asked for it".into(),
        ));
    }
    let mut body = json!({"scope": args.scope.as_str(), "name": args.name});
    if let Some(tenant) = args.tenant {
        body["tenant"] = tenant.into();
    }
    if let Some(at) = args.expires_at {
        body["expires_at"] = at.to_string().into();
    }
    let answer = session.api.send(&Request::post(["keys"]).body(body)).await?;
    session.print(&answer, || {
        let NewKey { id, key } = answer.read()?;
        let mut facts = Facts::default();
        facts
            .add("id", id)
            .add("key", key)
            .add("", "keep it now: it is not shown again");
        Ok(facts.to_string())
    })?;
    Ok(Status::Done)
}

/// `pdm tenant …`
pub async fn tenant(session: &mut Session, command: TenantCommand) -> Result<Status, Failure> {
    match command {
        TenantCommand::Create { name } => {
            let answer = session
                .api
                .send(&Request::post(["tenants"]).body(json!({"name": name})))
                .await?;
            let tenant: Value = answer.read()?;
            session.print(&answer, || {
                let mut facts = Facts::default();
                facts
                    .add("id", super::cell(&tenant["id"]))
                    .add("name", super::cell(&tenant["name"]));
                Ok(facts.to_string())
            })?;
            Ok(Status::Done)
        }
        TenantCommand::List(page) => {
            let columns = [("id", "/id"), ("name", "/name"), ("created", "/created_at")];
            list(session, Request::get(["tenants"]), &page, &columns).await
        }
    }
}

/// `pdm orphans`
pub async fn orphans(session: &mut Session, page: &PageArgs) -> Result<Status, Failure> {
    let columns = [
        ("kind", "/kind"),
        ("name", "/name"),
        ("server", "/server"),
        ("marker", "/marker"),
        ("since", "/since"),
    ];
    list(session, Request::get(["orphans"]), page, &columns).await
}

/// `pdm audit …`
pub async fn audit(session: &mut Session, command: AuditCommand) -> Result<Status, Failure> {
    let AuditCommand::Export { mut after } = command;
    loop {
        let request = Request::get(["audit"])
            .query("limit", Some(500))
            .query("after", after.as_deref());
        let Page { items, next } = session.api.send(&request).await?.read::<Page>()?;
        for item in items {
            writeln!(session.out, "{item}")?;
        }
        session.out.flush()?;
        // A page that does not move on would be asked for for ever.
        if next.is_none() || next == after {
            return Ok(Status::Done);
        }
        after = next;
    }
}
