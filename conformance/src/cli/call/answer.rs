//! How the answer of a call is printed.

use std::fmt::Write;

use pdm_registrar::Error;
use serde_json::{Value, json};

/// `{"ok": …}` or `{"error": …}`, on one line.
pub(super) fn json(answer: &Result<Value, Error>) -> String {
    match answer {
        Ok(ok) => json!({ "ok": ok }),
        Err(error) => json!({ "error": error }),
    }
    .to_string()
}

/// One line for each value, with the way to it.
pub(super) fn table(answer: &Result<Value, Error>) -> String {
    let mut lines = String::new();
    match answer {
        Ok(ok) => rows(ok, "", &mut lines),
        Err(error) => rows(&json!({ "error": error }), "", &mut lines),
    }
    lines
}

fn rows(value: &Value, at: &str, lines: &mut String) {
    let below = |key: &str| {
        if at.is_empty() {
            key.to_owned()
        } else {
            format!("{at}.{key}")
        }
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| rows(value, &below(key), lines)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                rows(item, &below(&index.to_string()), lines);
            }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            row(at, &items.join(", "), lines);
        }
        value => row(at, &plain(value), lines),
    }
}

fn row(at: &str, value: &str, lines: &mut String) {
    // A text takes whatever is written to it.
    let _written = writeln!(lines, "{at:<24} {value}");
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use pdm_registrar::ErrorKind;

    use super::*;

    #[test]
    fn an_error_has_the_words_of_the_api() {
        let error = Error::new(ErrorKind::RateLimited, "too many calls");
        assert_eq!(
            serde_json::from_str::<Value>(&json(&Err(error))).unwrap(),
            json!({"error": {"kind": "rate_limited", "retry": "after", "retry_after_seconds": 60, "applied": "no", "detail": "too many calls"}})
        );
    }

    #[test]
    fn a_table_names_each_value() {
        let ok = json!({"a": {"b": 1}, "list": ["x", "y"], "things": [{"c": null}]});
        let text = table(&Ok(ok));
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            words,
            [vec!["a.b", "1"], vec!["list", "x,", "y"], vec!["things.0.c", "-"]]
        );
    }
}
