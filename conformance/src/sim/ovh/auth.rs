//! Who asks, whether the request is signed by them, and whether a rule grants it.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::answer::{Answer, Done, Refusal};
use super::request::Request;
use super::settings::Credential;
use super::{Shared, time};

impl Shared {
    /// The credential of a request, if it is valid, signed it, and a rule grants it.
    pub(super) fn credential(&self, request: &Request) -> Result<Credential, Refusal> {
        let application = self.application(request)?;
        let consumer_key = request.header("x-ovh-consumer");
        if consumer_key.is_empty() {
            return Err(Refusal::gateway(403, "NOT_CREDENTIAL", "You must login first"));
        }
        let found = self.controls.with(|settings| {
            settings
                .credentials
                .iter()
                .find(|one| one.consumer_key == consumer_key && one.application == application.0)
                .cloned()
        });
        let Some(credential) = found else {
            return Err(Refusal::gateway(
                403,
                "NOT_CREDENTIAL",
                "This credential does not exist",
            ));
        };
        if self.status_of(&credential) != "validated" {
            return Err(Refusal::gateway(
                403,
                "INVALID_CREDENTIAL",
                "This credential is not valid",
            ));
        }
        self.signed(request, &application.1, consumer_key)?;
        if credential.down {
            return Err(Refusal::Away);
        }
        let granted = credential
            .rules
            .iter()
            .any(|(method, path)| *method == request.method && covers(path, &request.path));
        if !granted {
            let backend = self.controls.with(|settings| settings.not_granted_by_backend);
            let message = "This call has not been granted";
            return Err(if backend {
                Refusal::backend(403, "Client::Forbidden", message)
            } else {
                Refusal::gateway(403, "NOT_GRANTED_CALL", message)
            });
        }
        Ok(credential)
    }

    /// Key and secret of the application that asks.
    fn application(&self, request: &Request) -> Result<(String, String), Refusal> {
        let key = request.header("x-ovh-application");
        let found = self.controls.with(|settings| {
            let mut all = settings.applications.iter();
            all.find(|one| one.key == key)
                .map(|one| (one.key.clone(), one.secret.clone()))
        });
        found.ok_or_else(|| Refusal::gateway(403, "INVALID_KEY", "This application key is invalid"))
    }

    /// Whether the timestamp is of now and the signature is over the URL and the body as they were sent.
    fn signed(&self, request: &Request, secret: &str, consumer_key: &str) -> Result<(), Refusal> {
        let stamp = request.header("x-ovh-timestamp");
        let window = self.controls.with(|settings| settings.window);
        let off = stamp.parse::<i64>().map(|stamp| stamp.abs_diff(self.clock()));
        if !off.is_ok_and(|off| off <= window) {
            return Err(Refusal::gateway(400, "QUERY_TIME_OUT", "Query out of time"));
        }
        let mut hashed = format!(
            "{secret}+{consumer_key}+{}+http://{}{}+",
            request.method,
            request.header("host"),
            request.target
        )
        .into_bytes();
        hashed.extend_from_slice(&request.body);
        hashed.push(b'+');
        hashed.extend_from_slice(stamp.as_bytes());
        let right = HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &hashed).as_ref());
        if request.header("x-ovh-signature") == format!("$1${right}") {
            Ok(())
        } else {
            Err(Refusal::gateway(400, "INVALID_SIGNATURE", "Invalid signature"))
        }
    }

    fn status_of(&self, credential: &Credential) -> String {
        if credential.expiration.is_some_and(|end| end <= self.world.now()) {
            return "expired".to_owned();
        }
        credential.status.clone()
    }

    /// Seconds since 1970 on OVH's clock.
    pub(super) fn clock(&self) -> i64 {
        let skew = self.controls.with(|settings| settings.skew);
        i64::try_from(self.world.now())
            .unwrap_or(i64::MAX)
            .saturating_add(skew)
    }

    /// `GET /auth/currentCredential`.
    pub(super) fn current_credential(&self, credential: &Credential) -> Done {
        let rules: Vec<_> = credential
            .rules
            .iter()
            .map(|(method, path)| json!({"method": method, "path": path}))
            .collect();
        json!({
            "credentialId": 1001,
            "applicationId": 2001,
            "status": self.status_of(credential),
            "creation": "2026-01-02T03:04:05+00:00",
            "expiration": credential.expiration.map(time),
            "lastUse": time(self.world.now()),
            "ovhSupport": false,
            "allowedIPs": credential.allowed_ips,
            "rules": rules,
        })
        .into()
    }

    /// `POST /auth/credential`: asks a user for a grant. It is good when its status is set to `validated`.
    pub(super) fn ask_for_credential(&self, request: &Request) -> Answer {
        let (application, _) = self.application(request)?;
        let body = request.object(&["accessRules", "redirection", "allowedIPs"], &["accessRules"])?;
        let rule = |rule: &Value| {
            let text = |key: &str| rule.get(key).and_then(Value::as_str).map(str::to_owned);
            Some((text("method")?, text("path")?))
        };
        let rules = body["accessRules"].as_array().map(|rules| rules.iter().map(rule));
        let Some(rules) = rules.and_then(Iterator::collect::<Option<Vec<_>>>) else {
            return Err(Refusal::bad("[accessRules] Invalid rules"));
        };
        let number = self.world.state().next_id();
        let consumer_key = format!("testconsumerkey{number:017}");
        self.journal.mask(&consumer_key);
        let credential = Credential {
            consumer_key: consumer_key.clone(),
            application,
            account: super::fixtures::ACCOUNT.to_owned(),
            status: "pendingValidation".to_owned(),
            expiration: None,
            rules,
            allowed_ips: None,
            down: false,
        };
        self.controls
            .with(|settings| settings.credentials.push(credential));
        Ok(json!({
            "consumerKey": consumer_key,
            "validationUrl": format!("https://www.ovh.com/auth/?credentialToken=test{number}"),
            "state": "pendingValidation",
        })
        .into())
    }
}

/// Whether a rule's path covers a path: to the letter, but for `*`, which is anything.
fn covers(rule: &str, path: &str) -> bool {
    match rule.split_once('*') {
        None => rule == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| {
            after.is_empty()
                || (0..=rest.len()).any(|at| rest.get(at..).is_some_and(|rest| covers(after, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_rule_is_literal_but_for_its_stars() {
        assert!(covers("/domain/zone/z.test", "/domain/zone/z.test"));
        assert!(!covers("/domain/zone/z.test", "/domain/zone/z.test/record"));
        assert!(!covers(
            "/domain/zone/z.test/record/*",
            "/domain/zone/z.test/record"
        ));
        assert!(covers(
            "/domain/zone/z.test/record/*",
            "/domain/zone/z.test/record/1"
        ));
        assert!(covers("/domain/*/task", "/domain/z.test/task"));
        assert!(!covers("/domain/*/task", "/domain/z.test/task/1"));
        assert!(covers("/*", "/"));
    }
}
