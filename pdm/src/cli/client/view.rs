//! What people see of an operation: as a block that is drawn again, or as lines of what changed.

use jiff::Timestamp;

use super::model::{Operation, OperationState, Step};
use super::table::Table;
use super::text::{between, plain, span, time, upcoming};

/// The operation as a block of lines, at `now`.
pub fn block(name: &str, operation: &Operation, now: Timestamp) -> Vec<String> {
    let began = operation.steps.iter().filter_map(|s| s.started_at).min();
    let ended = operation
        .steps
        .iter()
        .filter_map(|s| s.ended_at)
        .max()
        .filter(|_| has_ended(operation));
    let elapsed = began
        .map(|began| format!("  {}", span(between(began, ended.unwrap_or(now)))))
        .unwrap_or_default();
    let (kind, state) = (&operation.kind, operation.state.as_str());
    let mut lines = vec![plain(&format!(
        "{name}  {kind} {state}{elapsed}  {}",
        operation.id
    ))];
    let mut table = Table::new(&["step", "state", "time", "attempts", "detail"]);
    for step in &operation.steps {
        let attempts = if step.attempts == 0 {
            String::new()
        } else {
            step.attempts.to_string()
        };
        let detail = step.detail.clone().unwrap_or_default();
        table.row([
            step.name.clone(),
            step.state.clone(),
            took(step, now),
            attempts,
            detail,
        ]);
    }
    if !table.is_empty() {
        lines.extend(table.to_string().lines().map(|line| format!("  {line}")));
    }
    lines.extend(
        outlook(operation, now)
            .iter()
            .map(|line| format!("  {}", plain(line))),
    );
    lines
}

/// What changed from `before` (nothing was seen yet: `None`) to `operation`, a line each, with the time it happened.
pub fn changes(name: &str, before: Option<&Operation>, operation: &Operation, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &operation.steps {
        let known = before.and_then(|b| b.steps.iter().find(|s| s.name == step.name));
        let same = known
            .is_some_and(|k| (&k.state, k.attempts, &k.detail) == (&step.state, step.attempts, &step.detail));
        // A step that has not begun is no news.
        if same || step.started_at.is_none() {
            continue;
        }
        let mut parts = vec![format!(
            "{} {name} {}: {}",
            time(step.ended_at.unwrap_or(now)),
            step.name,
            step.state
        )];
        if step.attempts > 1 {
            parts.push(format!("attempt {}", step.attempts));
        }
        if step.ended_at.is_some() {
            parts.push(took(step, now));
        }
        parts.extend(step.detail.clone().filter(|detail| !detail.is_empty()));
        lines.push(plain(&parts.join(", ")));
    }
    let outlook_of = |o: &Operation| (o.state, o.next_attempt_at, o.waiting_until, o.error.clone());
    if before.is_none_or(|before| outlook_of(before) != outlook_of(operation)) {
        let mut parts = vec![format!(
            "{} {name} {} {}",
            time(now),
            operation.kind,
            operation.state.as_str()
        )];
        parts.extend(outlook(operation, now));
        lines.push(plain(&parts.join(", ")));
    }
    lines
}

fn has_ended(operation: &Operation) -> bool {
    matches!(
        operation.state,
        OperationState::Succeeded | OperationState::Failed | OperationState::Cancelled
    )
}

fn took(step: &Step, now: Timestamp) -> String {
    step.started_at
        .map(|began| span(between(began, step.ended_at.unwrap_or(now))))
        .unwrap_or_default()
}

/// What is expected next, and what stood in the way last.
fn outlook(operation: &Operation, now: Timestamp) -> Vec<String> {
    let mut parts = Vec::new();
    if !has_ended(operation) {
        if let Some(next) = operation.next_attempt_at {
            let left = between(now, next);
            let when = if left.is_zero() {
                "now".into()
            } else {
                format!("in {}", span(left))
            };
            parts.push(format!("next attempt {when}"));
        }
        if let Some(until) = operation.waiting_until {
            parts.push(format!("waits until {}", upcoming(until, now)));
        }
    }
    if let Some(error) = &operation.error {
        let detail = error
            .detail
            .as_deref()
            .map(|d| format!(": {d}"))
            .unwrap_or_default();
        parts.push(format!("last problem {}{detail}", error.code));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::model::samples::{operation, read};
    use super::*;
    use serde_json::json;

    fn now() -> Timestamp {
        "2026-01-02T03:00:10Z".parse().unwrap()
    }

    fn retrying() -> Operation {
        let mut value = operation(
            "running",
            &json!([
                {"name": "create_zone", "state": "done", "attempts": 1, "detail": null,
                 "started_at": "2026-01-02T03:00:00Z", "ended_at": "2026-01-02T03:00:02Z"},
                {"name": "delegate", "state": "running", "attempts": 3, "detail": "waits for pools",
                 "started_at": "2026-01-02T03:00:02Z", "ended_at": null},
                {"name": "verify", "state": "pending", "attempts": 0}
            ]),
        );
        value["next_attempt_at"] = json!("2026-01-02T03:00:14Z");
        value["error"] =
            json!({"code": "overloaded", "detail": "pools is busy", "at": "2026-01-02T03:00:09Z"});
        read(&value)
    }

    #[test]
    fn the_block_lists_the_steps_with_elapsed_time_and_the_next_attempt() {
        assert_eq!(
            block("acme.omani.works", &retrying(), now()),
            [
                "acme.omani.works  activate running  10s  op_1",
                "  STEP         STATE    TIME  ATTEMPTS  DETAIL",
                "  create_zone  done     2s    1         -",
                "  delegate     running  8s    3         waits for pools",
                "  verify       pending  -     -         -",
                "  next attempt in 4s",
                "  last problem overloaded: pools is busy",
            ]
        );
    }

    #[test]
    fn the_clock_of_an_ended_operation_stands_still() {
        let mut done = retrying();
        done.state = OperationState::Succeeded;
        done.steps.truncate(1);
        let lines = block("acme.omani.works", &done, now());
        assert_eq!(lines[0], "acme.omani.works  activate succeeded  2s  op_1");
        assert!(
            !lines.iter().any(|line| line.contains("next attempt")),
            "{lines:?}"
        );
    }

    #[test]
    fn lines_tell_only_what_changed() {
        let first = retrying();
        assert_eq!(
            changes("acme", None, &first, now()),
            [
                "2026-01-02 03:00:02Z acme create_zone: done, 2s",
                "2026-01-02 03:00:10Z acme delegate: running, attempt 3, waits for pools",
                "2026-01-02 03:00:10Z acme activate running, next attempt in 4s, last problem overloaded: pools is busy",
            ]
        );
        assert_eq!(changes("acme", Some(&first), &first, now()), [""; 0]);

        let mut second = first.clone();
        second.steps[1].state = "done".into();
        second.steps[1].detail = None;
        second.steps[1].ended_at = Some(now());
        assert_eq!(
            changes("acme", Some(&first), &second, now()),
            ["2026-01-02 03:00:10Z acme delegate: done, attempt 3, 8s"]
        );
    }

    #[test]
    fn a_detail_cannot_steer_the_terminal() {
        let mut operation = retrying();
        operation.steps[1].detail = Some("\u{1b}[2Jgone\nnext".into());
        operation.error = None;
        let all = [
            block("acme", &operation, now()),
            changes("acme", None, &operation, now()),
        ]
        .concat();
        assert!(all.iter().all(|line| !line.contains(['\u{1b}', '\n'])), "{all:?}");
    }
}
