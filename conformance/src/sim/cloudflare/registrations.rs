//! Registrations at Cloudflare Registrar, whose name servers are always Cloudflare's.

use serde_json::{Value, json};

use super::answer::{Answer, Done, Refusal};
use super::request::Request;
use super::settings::{Owner, Permission, Scope, Token};
use super::{Shared, VENDOR, account_id};
use crate::sim::world::Domain;

impl Shared {
    /// `/accounts/{id}/registrar/registrations[/{domain}]`.
    pub(super) fn registrations(
        &self,
        token: &Token,
        account: &str,
        domain: Option<&str>,
        request: &Request,
    ) -> Answer {
        let write = request.method == "PATCH";
        let needed: &[Permission] = if write {
            &[Permission::RegistrarEdit]
        } else {
            &[Permission::RegistrarRead, Permission::RegistrarEdit]
        };
        if !token.may(needed) || !self.sees_account(token, account) {
            return Err(Refusal::authentication());
        }
        let own: Vec<_> = self
            .world
            .state()
            .domains
            .iter()
            .filter(|(_, registered)| {
                registered.vendor == VENDOR && account_id(&registered.account) == account
            })
            .map(|(name, registered)| (name.clone(), json_of(name, registered)))
            .collect();
        let Some(domain) = domain else {
            let shown: Vec<_> = own.into_iter().map(|(_, shown)| shown).collect();
            let info = json!({"count": shown.len(), "cursor": "", "per_page": 20});
            return Ok(Done {
                info: Some(info),
                ..Done::new(Value::Array(shown))
            });
        };
        let Some((_, mut shown)) = own.into_iter().find(|(name, _)| name == domain) else {
            return Err(Refusal::new(404, 10006, "Registration not found"));
        };
        if write {
            let body = request.object()?;
            match (body.len(), body.get("auto_renew")) {
                (1, Some(Value::Bool(auto_renew))) => shown["auto_renew"] = json!(auto_renew),
                _ => return Err(Refusal::new(400, 10001, "Only auto_renew can be changed")),
            }
        }
        Ok(Done::new(shown))
    }

    /// `GET /accounts`: for a token of a user those it has rights on as a whole, which a token for single zones has on none.
    pub(super) fn list_accounts(token: &Token) -> Answer {
        if matches!(token.owner, Owner::Account(_)) {
            return Err(Refusal::new(
                400,
                1001,
                "List accounts endpoint does not support account owned tokens.",
            ));
        }
        let accounts = match &token.scope {
            Scope::Account(account) => vec![account.clone()],
            Scope::Accounts(accounts) => accounts.clone(),
            Scope::Zones(_) => Vec::new(),
        };
        let shown = accounts
            .iter()
            .map(|name| json!({"id": account_id(name), "name": name, "type": "standard"}))
            .collect();
        Ok(super::answer::page(shown, 1, 20))
    }

    fn sees_account(&self, token: &Token, account: &str) -> bool {
        let accounts = match &token.scope {
            Scope::Account(own) => vec![own.clone()],
            Scope::Accounts(own) => own.clone(),
            Scope::Zones(names) => self
                .zones()
                .into_iter()
                .filter(|zone| names.contains(&zone.name))
                .map(|zone| zone.account)
                .collect(),
        };
        accounts.iter().any(|own| account_id(own) == account)
    }
}

fn json_of(name: &str, registered: &Domain) -> Value {
    json!({
        "domain_name": name,
        "status": if registered.expired { "expired" } else { "active" },
        "created_at": "2025-01-02T03:04:05Z",
        "expires_at": "2027-01-02T03:04:05Z",
        "auto_renew": true,
        "locked": registered.locked || registered.transfer_locked,
        "privacy_mode": "redaction",
    })
}
