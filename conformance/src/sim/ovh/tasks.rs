//! Changes that OVH accepts and makes later.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Answer, Done, Refusal};
use super::keys::Key;
use super::request::Request;
use super::settings::Script;
use super::{Private, Shared, like, time};
use crate::sim::faults::Fault;

/// A name server as it was asked for: its host, and its address where it has one.
pub(super) type Host = (String, Option<String>);

/// A change that waits.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) id: u64,
    /// The domain or zone it is of.
    pub(super) of: String,
    pub(super) function: &'static str,
    pub(super) work: Work,
    script: Script,
    /// The vendor only says that it does it.
    dropped: bool,
    /// Reads that still show the old state when it is done.
    late: u32,
    created: Duration,
    /// When it began to wait; `None` while something holds it.
    begun: Option<Duration>,
    /// Whether the work has been done.
    worked: bool,
    cancelled: bool,
}

/// What a task does.
#[derive(Clone)]
pub(super) enum Work {
    Nameservers(Vec<Host>),
    /// Back to OVH's own servers.
    Hosted(Vec<String>),
    Keys(Vec<Key>),
    /// `None` removes it.
    Glue(String, Option<Vec<String>>),
    /// Signs the zone, or stops it. Of the zone, and not listed among the domain's.
    Dnssec(bool),
}

impl Task {
    fn status(&self, now: Duration, takes: Duration) -> &'static str {
        let Some(begun) = self.begun.filter(|_| self.script != Script::Stuck) else {
            return if self.cancelled { "cancelled" } else { "todo" };
        };
        let age = now.saturating_sub(begun);
        match self.script {
            _ if self.cancelled => "cancelled",
            _ if age < takes / 2 => "todo",
            _ if age < takes => "doing",
            Script::Failed => "error",
            Script::ErrorThenDone if age < takes * 2 => "error",
            Script::Cancelled => "cancelled",
            Script::Problem => "problem",
            _ => "done",
        }
    }

    /// Whether it may still do its work.
    pub(super) fn pending(&self, now: Duration, takes: Duration) -> bool {
        match self.status(now, takes) {
            "todo" | "doing" => true,
            "error" => self.script == Script::ErrorThenDone,
            _ => false,
        }
    }

    fn json(&self, now: Duration, takes: Duration) -> Value {
        let status = self.status(now, takes);
        let comment = match status {
            "error" | "problem" => Some("One of the name servers does not answer for the domain"),
            _ => None,
        };
        let last = match status {
            "todo" => self.created,
            _ => self.begun.map_or(self.created, |begun| begun + takes),
        };
        json!({
            "id": self.id,
            "domain": self.of,
            "function": self.function,
            "type": "domain",
            "status": status,
            "comment": comment,
            "creationDate": time(self.created.as_secs()),
            "todoDate": time(self.created.as_secs()),
            "lastUpdate": time(last.min(now).as_secs()),
            "doneDate": (status == "done").then(|| time(last.as_secs())),
            "canRelaunch": status == "error" && self.script == Script::Failed,
            "canAccelerate": false,
            "canCancel": status == "todo",
        })
    }
}

impl Shared {
    /// Accepts a change, as the faults and the scripts want it.
    pub(super) fn accept(&self, request: &Request, of: &str, function: &'static str, work: Work) -> Value {
        let fault = self.faults.take(&request.kind, |fault| {
            matches!(
                fault,
                Fault::NotApplied | Fault::AppliedLate { .. } | Fault::TaskStuck | Fault::TaskFailed
            )
        });
        let (takes, script) = self.controls.with(|settings| {
            let next = (!settings.scripts.is_empty()).then(|| settings.scripts.remove(0));
            (settings.task, next.unwrap_or(Script::Normal))
        });
        let now = self.world.time();
        let task = Task {
            id: self.world.state().next_id(),
            of: of.to_owned(),
            function,
            work,
            script: match fault {
                Some(Fault::TaskStuck) => Script::Stuck,
                Some(Fault::TaskFailed) => Script::Failed,
                _ => script,
            },
            dropped: fault == Some(Fault::NotApplied),
            late: match fault {
                Some(Fault::AppliedLate { reads }) => reads,
                _ => 0,
            },
            created: now,
            begun: None,
            worked: false,
            cancelled: false,
        };
        let shown = task.json(now, takes);
        self.private().tasks.push(task);
        shown
    }

    /// Lets time pass: begins tasks that nothing holds, and does the work of those that are due.
    pub(super) fn settle(&self) {
        let now = self.world.time();
        let (takes, signed) = self
            .controls
            .with(|settings| (settings.task, settings.signed_zones.clone()));
        let mut due = Vec::new();
        for task in &mut self.private().tasks {
            // Changes of name servers wait until OVH does not sign the zone any more.
            let held = matches!(task.work, Work::Nameservers(_)) && signed.contains_key(&task.of);
            if task.begun.is_none() && !held {
                task.begun = Some(now);
            }
            if !task.worked && task.status(now, takes) == "done" {
                task.worked = true;
                if !task.dropped {
                    due.push(task.clone());
                }
            }
        }
        for task in due {
            self.work(task);
        }
        self.serve_refreshed(now);
    }

    fn work(&self, task: Task) {
        if task.late > 0
            && let Some(old) = self.world.domain(&task.of)
        {
            self.stale_domains.keep(&task.of, old, task.late);
        }
        match task.work {
            Work::Nameservers(hosts) => {
                self.world.change_domain(&task.of, |domain| {
                    for (host, ip) in &hosts {
                        if let Some(ip) = ip {
                            domain.glue.insert(host.clone(), vec![ip.clone()]);
                        }
                    }
                    domain.nameservers = hosts.into_iter().map(|(host, _)| host).collect();
                });
            }
            Work::Hosted(hosts) => {
                self.world.change_domain(&task.of, |domain| {
                    domain.nameservers = hosts;
                    domain.hosted = true;
                });
            }
            Work::Keys(keys) => {
                let ds = keys.iter().map(|key| key.ds(&task.of)).collect();
                self.private().keys.insert(task.of.clone(), keys);
                self.world.change_domain(&task.of, |domain| domain.ds = ds);
            }
            Work::Glue(host, ips) => {
                self.world.change_domain(&task.of, |domain| match ips {
                    Some(ips) => {
                        domain.glue.insert(host, ips);
                    }
                    None => {
                        domain.glue.remove(&host);
                    }
                });
            }
            Work::Dnssec(on) => {
                self.controls.with(|settings| {
                    if on {
                        settings
                            .signed_zones
                            .insert(task.of.clone(), "enabled".to_owned());
                    } else {
                        settings.signed_zones.remove(&task.of);
                    }
                });
                let ds = if on {
                    vec![Key::of_zone(&task.of).ds(&task.of)]
                } else {
                    Vec::new()
                };
                if self.world.domain(&task.of).is_some_and(|domain| domain.hosted) {
                    self.world.change_domain(&task.of, |domain| domain.ds = ds);
                }
            }
        }
    }

    /// `GET /domain/{domain}/task`.
    pub(super) fn list_tasks(&self, domain: &str, request: &Request) -> Done {
        let ids: Vec<_> = self
            .domain_tasks(domain)
            .into_iter()
            .filter(|(_, shown)| {
                let is = |key: &str| request.query(key).is_none_or(|asked| shown[key] == asked);
                let function = shown["function"].as_str().unwrap_or_default();
                is("status")
                    && is("type")
                    && request
                        .query("function")
                        .is_none_or(|pattern| like(pattern, function, false))
            })
            .map(|(id, _)| id)
            .collect();
        json!(ids).into()
    }

    /// `GET /domain/{domain}/task/{id}`.
    pub(super) fn get_task(&self, domain: &str, id: &str) -> Answer {
        self.domain_tasks(domain)
            .into_iter()
            .find(|(found, _)| found.to_string() == id)
            .map(|(_, shown)| shown.into())
            .ok_or_else(|| Refusal::no_object("id", id))
    }

    /// `POST /domain/{domain}/task/{id}/cancel` and `…/relaunch`.
    pub(super) fn change_task(&self, domain: &str, id: &str, verb: &str) -> Answer {
        let (_, shown) = self
            .domain_tasks(domain)
            .into_iter()
            .find(|(found, _)| found.to_string() == id)
            .ok_or_else(|| Refusal::no_object("id", id))?;
        let may = match verb {
            "cancel" => &shown["canCancel"],
            "relaunch" => &shown["canRelaunch"],
            _ => &shown["canAccelerate"],
        };
        if *may != true {
            return Err(Refusal::backend(
                403,
                "Client::Forbidden",
                format!("This task cannot {verb} in its current state"),
            ));
        }
        let now = self.world.time();
        for task in self
            .private()
            .tasks
            .iter_mut()
            .filter(|task| task.id.to_string() == id)
        {
            if verb == "cancel" {
                task.cancelled = true;
            } else {
                (task.script, task.begun) = (Script::Normal, Some(now));
            }
        }
        Ok(Value::Null.into())
    }

    fn domain_tasks(&self, domain: &str) -> Vec<(u64, Value)> {
        let now = self.world.time();
        let takes = self.controls.with(|settings| settings.task);
        self.private()
            .tasks
            .iter()
            .filter(|task| task.of == domain && !matches!(task.work, Work::Dnssec(_)))
            .filter(|task| task.script != Script::Vanishes || task.pending(now, takes))
            .map(|task| (task.id, task.json(now, takes)))
            .collect()
    }

    /// Refuses while a change of the same kind is on its way. Status and words of the refusal are not known.
    pub(super) fn nothing_pending(&self, of: &str, function: &str) -> Result<(), Refusal> {
        let now = self.world.time();
        let takes = self.controls.with(|settings| settings.task);
        let mut private = self.private();
        let task = private.pending(of, function, now, takes);
        match task {
            None => Ok(()),
            Some(task) => Err(Refusal::backend(
                409,
                "Client::Conflict",
                format!("A {function} task is already pending (id = {})", task.id),
            )),
        }
    }
}

impl Private {
    /// The task of a kind that is on its way.
    pub(super) fn pending(
        &mut self,
        of: &str,
        function: &str,
        now: Duration,
        takes: Duration,
    ) -> Option<&mut Task> {
        self.tasks
            .iter_mut()
            .find(|task| task.of == of && task.function == function && task.pending(now, takes))
    }
}
